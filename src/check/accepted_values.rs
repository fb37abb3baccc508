//! `accepted_values`: every value is one of a list.

use serde_json::json;

use super::argument::{Nulls, Scalar, column_of, column_problem, null_passes, relation_of};
use super::common::{Common, Expect, Part, Request};
use super::judge::{Bad, count};
use super::measurement::Measurement;
use super::outcome::Judgement;
use crate::diagnostic::{At, Finding, codes};

crate::check_args! {
    /// Every value is one of a list. NULL is a bad value, unless `null: pass`.
    pub struct AcceptedValues {
        /// `model.column`.
        pub column: At<String>,
        /// The values that are fine: texts, numbers or truth values.
        pub values: At<Vec<At<Scalar>>>,
        /// What NULL counts as: `fail` (default) or `pass`.
        #[serde(default)]
        pub null: Option<At<Nulls>>,
    }
}

impl super::Kind for AcceptedValues {
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
        let values: Vec<serde_json::Value> = self.values.value.iter().map(|value| value.value.json()).collect();
        Request {
            columns: vec![("bad", Expect::Count)],
            arguments: [
                ("column", json!(column_of(&self.column).value)),
                ("values", json!(values)),
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
        let wrong = format!("whose {} is not on the list", column_of(&self.column));
        let rows_seen = measurement.rows_seen;
        Bad { common: &common, rows_seen, bad, among_rows: true, unit: "rows", wrong: &wrong, facts: Vec::new() }.judge()
    }
    fn problems(&self) -> Vec<Finding> {
        let empty = self
            .values
            .value
            .is_empty()
            .then(|| Finding::error(codes::BAD_CHECK, "no value is accepted: every row would be bad").at(self.values.span));
        column_problem(&self.column).into_iter().chain(empty).collect()
    }
}
