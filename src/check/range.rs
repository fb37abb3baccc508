//! `range`: every number is within bounds.

use serde_json::json;

use super::argument::{Nulls, Number, column_of, column_problem, null_passes, number_json, relation_of};
use super::common::{Common, Expect, Part, Request};
use super::judge::{Bad, count};
use super::measurement::Measurement;
use super::outcome::Judgement;
use crate::diagnostic::{At, Finding, codes};

crate::check_args! {
    /// Every number is within bounds, both ends allowed. NaN and the infinities are out of every range; so is NULL, unless `null: pass`.
    pub struct Range {
        /// `model.column`.
        pub column: At<String>,
        /// The lowest number that is fine.
        #[serde(default)]
        pub min: Option<At<Number>>,
        /// The highest number that is fine.
        #[serde(default)]
        pub max: Option<At<Number>>,
        /// What NULL counts as: `fail` (default) or `pass`.
        #[serde(default)]
        pub null: Option<At<Nulls>>,
    }
}

impl super::Kind for Range {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        vec![relation_of(&self.column)]
    }
    fn subject(&self) -> Vec<Part> {
        vec![Part::Column { relation: 0, column: column_of(&self.column) }]
    }
    fn request(&self) -> Request<'_> {
        let bound = |bound: &Option<At<Number>>| bound.as_ref().map(|number| number_json(number.value.0));
        Request {
            columns: vec![("bad", Expect::Count)],
            arguments: [
                ("column", json!(column_of(&self.column).value)),
                ("min", json!(bound(&self.min))),
                ("max", json!(bound(&self.max))),
                ("null_passes", json!(null_passes(self.null.as_ref()))),
            ]
            .into(),
            ..Request::default()
        }
    }
    fn has_failing_rows(&self) -> bool {
        true
    }
    fn judge(&self, measurement: &Measurement) -> Judgement {
        let bad = match count(measurement, 0) {
            Ok(bad) => bad,
            Err(fault) => return Judgement::Error(fault),
        };
        let common = self.shared();
        let range = match (&self.min, &self.max) {
            (Some(min), Some(max)) => format!("is outside {min} to {max}"),
            (Some(min), None) => format!("is below {min} or not finite"),
            (None, Some(max)) => format!("is above {max} or not finite"),
            (None, None) => "is not a finite number".to_owned(),
        };
        let wrong = format!("whose {} {range}", column_of(&self.column));
        let rows_seen = measurement.rows_seen;
        Bad { common: &common, rows_seen, bad, among_rows: true, unit: "rows", wrong: &wrong, facts: Vec::new() }.judge()
    }
    fn problems(&self) -> Vec<Finding> {
        let bounds = match (&self.min, &self.max) {
            (None, None) => {
                Some(Finding::error(codes::BAD_CHECK, "the range has no bound").at(self.column.span).help("write min, max or both"))
            }
            (Some(min), Some(max)) if min.value > max.value => Some(
                Finding::error(codes::BAD_CHECK, format!("the minimum {min} is above the maximum {max}: nothing can pass")).at(min.span),
            ),
            (Some(_), Some(_)) | (Some(_), None) | (None, Some(_)) => None,
        };
        column_problem(&self.column).into_iter().chain(bounds).collect()
    }
}
