//! `change`: a metric's own value moved within bounds, against numbers or against earlier runs.

use rust_decimal::Decimal;

use super::baseline::Earlier;
use super::bound::{Between, Beyond};
use super::common::{Common, Expect, Grammar, Part, Request, Severity, Sql};
use super::judge::{enough, fault, no_thresholds, severity};
use super::measurement::{Cell, Measurement};
use super::outcome::{Fault, Judgement, Measured, Reason};
use super::row_count::at_first;
use crate::diagnostic::{At, Finding, codes};

crate::check_args! {
    /// A metric moved within bounds against earlier runs.
    pub struct Change {
        /// A metric of this contract, by its key.
        pub metric: At<String>,
        /// Lowest and highest value: numbers, or shares of earlier runs such as `50% of previous`.
        pub between: Between,
        /// The relation of `value`; the metric's own when absent.
        #[serde(default)]
        pub model: Option<At<String>>,
        /// An aggregate over `model`: `sum(gross_revenue)`; the sum of the metric's column, or its expression, when absent.
        #[serde(default)]
        pub value: Option<At<String>>,
        /// What counts while there are too few earlier runs: numbers. Without it the check then ends in an error.
        #[serde(default)]
        pub at_first: Option<Between>,
        /// What earlier runs measured.
        #[serde(skip)]
        #[schemars(skip)]
        pub earlier: Earlier,
    }
}

/// Decimal places of a number that people are told; of one below 1, digits.
const PLACES: u32 = 4;

/// One number against its bounds.
pub(super) struct Moved<'c> {
    /// What has the number, for people: `the metric`.
    pub what: &'static str,
    pub common: &'c Common,
    pub between: &'c Between,
    pub at_first: Option<&'c Between>,
    pub earlier: &'c Earlier,
}

impl Moved<'_> {
    pub fn judge(&self, measurement: &Measurement) -> Judgement {
        self.compare(measurement).unwrap_or_else(Judgement::Error)
    }
    fn compare(&self, measurement: &Measurement) -> Result<Judgement, Fault> {
        let common = self.common;
        let rows_seen = measurement.rows_seen;
        if let Some(too_few) = enough(common, rows_seen)? {
            return Ok(too_few);
        }
        let value = number(self.what, measurement.cells.first())?;
        let unit = common.unit.as_ref().map_or("", |unit| unit.value.as_str());
        let measured = Measured { rows_seen, value: value.to_string(), unit: unit.to_owned(), facts: Vec::new() };
        let beyond = at_first(self.between.beyond(value, self.earlier), self.at_first, value)?;
        Ok(match beyond {
            None => Judgement::Pass(measured),
            Some(beyond) => {
                let (how, bound) = match beyond {
                    Beyond::Below(bound) => ("less", bound),
                    Beyond::Above(bound) => ("more", bound),
                };
                let said = self.spoken(value)?;
                let value = if unit.is_empty() { said } else { format!("{said} {unit}") };
                Judgement::Fail { asks: severity(common), measured, why: format!("{value}, {how} than {bound}") }
            }
        })
    }
    /// The number as people read it: some decimal places say enough, unless they would say that it is within its bounds.
    fn spoken(&self, value: Decimal) -> Result<String, Fault> {
        let short = if value.abs() < Decimal::ONE { value.round_sf(PLACES) } else { Some(value.round_dp(PLACES)) };
        let Some(short) = short.filter(|short| *short != value) else { return Ok(value.to_string()) };
        let beyond = at_first(self.between.beyond(short, self.earlier), self.at_first, short)?;
        Ok(if beyond.is_some() { short.normalize() } else { value }.to_string())
    }
}

fn number(what: &str, cell: Option<&Cell>) -> Result<Decimal, Fault> {
    match cell {
        Some(Cell::Decimal(number)) => Ok(*number),
        Some(Cell::Int(number)) => Decimal::try_from_i128_with_scale(*number, 0)
            .map_err(|_| fault(Reason::OutOfRange, format!("{number} cannot be compared exactly"))),
        Some(Cell::Null) => Err(fault(Reason::Null, format!("{what} has no value"))),
        Some(Cell::NotFinite) => Err(fault(Reason::NotFinite, format!("{what} is not a finite number"))),
        Some(Cell::OutOfRange(text)) => Err(fault(Reason::OutOfRange, format!("{what} does not fit an exact number: {text}"))),
        Some(Cell::Instant(_) | Cell::Local(_) | Cell::InfiniteTime | Cell::Bool(_) | Cell::Text(_) | Cell::Unsupported(_)) => {
            Err(fault(Reason::WrongType, format!("{what} is no number")))
        }
        None => Err(fault(Reason::Internal, "the answer has no value")),
    }
}

/// What contradicts itself in the bounds of one number.
pub(super) fn problems_of_bounds(common: &Common, between: &Between, at_first: Option<&Between>) -> Vec<Finding> {
    let first = at_first.into_iter().flat_map(|first| first.problems_at_first(false));
    let thresholds = no_thresholds(common, "write between: {min: ..., max: ...} and severity:");
    between.problems(false).into_iter().chain(first).chain(thresholds).collect()
}

impl super::Kind for Change {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        self.model.iter().cloned().collect()
    }
    fn subject(&self) -> Vec<Part> {
        vec![Part::Metric { metric: self.metric.clone() }]
    }
    fn request(&self) -> Request<'_> {
        let value = self.value.iter().map(|value| ("value", Sql { text: value.clone(), grammar: Grammar::Expression }));
        Request { columns: vec![("value", Expect::NumberOrNull)], sql: value.collect(), ..Request::default() }
    }
    fn judge(&self, measurement: &Measurement) -> Judgement {
        let (between, at_first) = (&self.between, self.at_first.as_ref());
        Moved { what: "the metric", common: &self.shared(), between, at_first, earlier: &self.earlier }.judge(measurement)
    }
    fn without_baseline(&self) -> Option<Severity> {
        self.between.without_baseline(&self.shared())
    }
    fn problems(&self) -> Vec<Finding> {
        let mut problems = problems_of_bounds(&self.shared(), &self.between, self.at_first.as_ref());
        if let (Some(model), None) = (&self.model, &self.value) {
            let finding = Finding::error(codes::CONTRADICTION, "`model` is what `value` is computed from, which is not there");
            problems.push(finding.at(model.span).help("add value:, an aggregate such as sum(gross_revenue)"));
        }
        problems
    }
}
