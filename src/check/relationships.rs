//! `relationships`: every key is found in another relation.

use serde_json::json;

use super::argument::{Nulls, column_of, column_problem, null_passes, relation_of};
use super::common::{Common, Expect, Part, Request};
use super::judge::{Bad, count};
use super::measurement::Measurement;
use super::outcome::Judgement;
use crate::diagnostic::{At, Finding};

crate::check_args! {
    /// Every key is found in another relation. A NULL key is not found, unless `null: pass`.
    pub struct Relationships {
        /// `model.column`: the key that points elsewhere.
        pub column: At<String>,
        /// `model.column`: where it must be found.
        pub to: At<String>,
        /// What a NULL key counts as: `fail` (default) or `pass`.
        #[serde(default)]
        pub null: Option<At<Nulls>>,
    }
}

impl super::Kind for Relationships {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        vec![relation_of(&self.column), relation_of(&self.to)]
    }
    fn subject(&self) -> Vec<Part> {
        vec![Part::Column { relation: 0, column: column_of(&self.column) }, Part::RowsLost { relation: 1 }]
    }
    fn request(&self) -> Request<'_> {
        Request {
            columns: vec![("bad", Expect::Count)],
            arguments: [
                ("column", json!(column_of(&self.column).value)),
                ("to", json!(column_of(&self.to).value)),
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
        let wrong = format!("whose {} is not found in {}", column_of(&self.column), self.to);
        let rows_seen = measurement.rows_seen;
        Bad { common: &common, rows_seen, bad, among_rows: true, unit: "rows", wrong: &wrong, facts: Vec::new() }.judge()
    }
    fn problems(&self) -> Vec<Finding> {
        column_problem(&self.column).into_iter().chain(column_problem(&self.to)).collect()
    }
}
