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

impl Change {
    fn compare(&self, measurement: &Measurement) -> Result<Judgement, Fault> {
        let common = self.shared();
        let rows_seen = measurement.rows_seen;
        if let Some(too_few) = enough(&common, rows_seen)? {
            return Ok(too_few);
        }
        let value = number(measurement.cells.first())?;
        let unit = common.unit.as_ref().map_or("", |unit| unit.value.as_str());
        let measured = Measured { rows_seen, value: value.to_string(), unit: unit.to_owned(), facts: Vec::new() };
        let beyond = at_first(self.between.beyond(value, &self.earlier), self.at_first.as_ref(), value)?;
        Ok(match beyond {
            None => Judgement::Pass(measured),
            Some(beyond) => {
                let (how, bound) = match beyond {
                    Beyond::Below(bound) => ("less", bound),
                    Beyond::Above(bound) => ("more", bound),
                };
                let value = if unit.is_empty() { value.to_string() } else { format!("{value} {unit}") };
                Judgement::Fail { asks: severity(&common), measured, why: format!("{value}, {how} than {bound}") }
            }
        })
    }
}

fn number(cell: Option<&Cell>) -> Result<Decimal, Fault> {
    match cell {
        Some(Cell::Decimal(number)) => Ok(*number),
        Some(Cell::Int(number)) => Decimal::try_from_i128_with_scale(*number, 0)
            .map_err(|_| fault(Reason::OutOfRange, format!("{number} cannot be compared exactly"))),
        Some(Cell::Null) => Err(fault(Reason::Null, "the metric has no value")),
        Some(Cell::NotFinite) => Err(fault(Reason::NotFinite, "the metric is not a finite number")),
        Some(Cell::OutOfRange(text)) => Err(fault(Reason::OutOfRange, format!("the metric does not fit an exact number: {text}"))),
        Some(Cell::Instant(_) | Cell::Local(_) | Cell::InfiniteTime | Cell::Bool(_) | Cell::Text(_) | Cell::Unsupported(_)) => {
            Err(fault(Reason::WrongType, "the metric is no number"))
        }
        None => Err(fault(Reason::Internal, "the answer has no value")),
    }
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
        self.compare(measurement).unwrap_or_else(Judgement::Error)
    }
    fn without_baseline(&self) -> Option<Severity> {
        self.between.without_baseline(&self.shared())
    }
    fn problems(&self) -> Vec<Finding> {
        let first = self.at_first.iter().flat_map(|first| first.problems_at_first(false));
        let mut problems: Vec<Finding> = self.between.problems(false).into_iter().chain(first).collect();
        problems.extend(no_thresholds(&self.shared(), "write between: {min: ..., max: ...} and severity:"));
        if let (Some(model), None) = (&self.model, &self.value) {
            let finding = Finding::error(codes::CONTRADICTION, "`model` is what `value` is computed from, which is not there");
            problems.push(finding.at(model.span).help("add value:, an aggregate such as sum(gross_revenue)"));
        }
        problems
    }
}
