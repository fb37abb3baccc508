//! `row_count`: the number of rows is within bounds.

use super::baseline::Earlier;
use super::bound::{Between, Beyond};
use super::common::{Common, Part, Request, Severity};
use super::judge::{counted, crossed, enough, fault, severity, word};
use super::measurement::Measurement;
use super::outcome::{Fault, Judgement, Measured, Reason};
use super::threshold::{Comparison, Threshold};
use crate::diagnostic::{At, Finding, codes};

crate::check_args! {
    /// The number of rows is within bounds, both ends allowed: `between`, or `warn_if`/`hold_if`.
    pub struct RowCount {
        /// The relation whose rows are counted.
        pub model: At<String>,
        /// Lowest and highest number of rows: whole numbers, or shares of earlier runs.
        #[serde(default)]
        pub between: Option<Between>,
        /// What counts while there are too few earlier runs: numbers. Without it the check then ends in an error.
        #[serde(default)]
        pub at_first: Option<Between>,
        /// What earlier runs measured.
        #[serde(skip)]
        #[schemars(skip)]
        pub earlier: Earlier,
    }
}

/// How a value compares where there are too few earlier runs: with the numbers that the contract has for that, if it has any.
pub(super) fn at_first(
    compared: Result<Option<Beyond>, Fault>,
    at_first: Option<&Between>,
    value: rust_decimal::Decimal,
) -> Result<Option<Beyond>, Fault> {
    match (compared, at_first) {
        (Err(fault), Some(at_first)) if fault.reason == Reason::NoBaseline => at_first.beyond(value, &Earlier::default()),
        (compared, _) => compared,
    }
}

impl RowCount {
    /// The bound that the count is beyond, in words.
    fn beyond(&self, rows: i128) -> Result<Option<String>, Fault> {
        let rows = rust_decimal::Decimal::try_from_i128_with_scale(rows, 0)
            .map_err(|_| fault(Reason::OutOfRange, format!("{rows} rows cannot be compared exactly")))?;
        let Some(between) = &self.between else { return Ok(None) };
        let beyond = at_first(between.beyond(rows, &self.earlier), self.at_first.as_ref(), rows)?;
        Ok(beyond.map(|beyond| match beyond {
            Beyond::Below(bound) => format!("fewer than {bound}"),
            Beyond::Above(bound) => format!("more than {bound}"),
        }))
    }
    fn compare(&self, rows: i128) -> Result<Judgement, Fault> {
        let common = self.shared();
        if let Some(too_few) = enough(&common, rows)? {
            return Ok(too_few);
        }
        let unit = common.unit.as_ref().map_or("rows", |unit| unit.value.as_str());
        let measured = Measured { rows_seen: rows, value: rows.to_string(), unit: unit.to_owned(), facts: Vec::new() };
        if let Some(beyond) = self.beyond(rows)? {
            return Ok(Judgement::Fail { asks: severity(&common), measured, why: format!("{}, {beyond}", counted(rows, unit)) });
        }
        // Without bounds, being there is what is asked, and `enough` has seen to that.
        if common.warn_if.is_none() && common.hold_if.is_none() {
            return Ok(Judgement::Pass(measured));
        }
        Ok(match crossed(&common, rows, rows)? {
            None => Judgement::Pass(measured),
            Some((asks, limit)) => {
                let limit = limit.map_or_else(String::new, |limit| format!(" ({} if {limit})", word(asks)));
                Judgement::Fail { asks, measured, why: format!("{}{limit}", counted(rows, unit)) }
            }
        })
    }
}

impl super::Kind for RowCount {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        vec![self.model.clone()]
    }
    fn subject(&self) -> Vec<Part> {
        let common = self.shared();
        let caps = |limit: &At<Threshold>| match limit.comparison {
            Comparison::Above | Comparison::AtLeast | Comparison::Equal | Comparison::NotEqual => true,
            Comparison::Below | Comparison::AtMost => false,
        };
        let capped =
            self.between.as_ref().is_some_and(|between| between.max.is_some()) || common.warn_if.iter().chain(&common.hold_if).any(caps);
        let added = capped.then_some(Part::RowsAdded { relation: 0 });
        [Part::RowsLost { relation: 0 }].into_iter().chain(added).collect()
    }
    fn request(&self) -> Request<'_> {
        Request::default()
    }
    fn judge(&self, measurement: &Measurement) -> Judgement {
        self.compare(measurement.rows_seen).unwrap_or_else(Judgement::Error)
    }
    fn without_baseline(&self) -> Option<Severity> {
        self.between.as_ref().and_then(|between| between.without_baseline(&self.shared()))
    }
    fn problems(&self) -> Vec<Finding> {
        let common = self.shared();
        let limits: Vec<&At<Threshold>> = common.warn_if.iter().chain(&common.hold_if).collect();
        let mut problems = match (&self.between, limits.first()) {
            (None, None) => {
                vec![
                    Finding::error(codes::BAD_CHECK, "no number of rows is asked for")
                        .at(self.model.span)
                        .help("write between: {min: 1}, or hold_if: \"< 1\""),
                ]
            }
            (Some(_), Some(limit)) => vec![Finding::error(codes::BAD_CHECK, "`between` excludes `warn_if` and `hold_if`").at(limit.span)],
            (Some(between), None) => {
                between.problems(true).into_iter().chain(self.at_first.iter().flat_map(|first| first.problems_at_first(true))).collect()
            }
            (None, Some(_)) => Vec::new(),
        };
        for limit in limits.iter().filter(|limit| limit.percent) {
            problems.push(Finding::error(codes::BAD_CHECK, "the rows are always 100% of the rows").at(limit.span).help("write a number"));
        }
        problems
    }
}
