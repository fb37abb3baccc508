//! `matches`: every text matches a pattern as a whole.

use serde_json::json;

use super::argument::{Nulls, column_of, column_problem, null_passes, relation_of};
use super::common::{Common, Expect, Part, Request};
use super::judge::{Bad, count};
use super::measurement::Measurement;
use super::outcome::Judgement;
use crate::diagnostic::{At, Finding, codes};

crate::check_args! {
    /// Every text matches a pattern.
    pub struct Matches {
        /// `model.column`.
        pub column: At<String>,
        /// A regular expression that the whole text must match.
        pub pattern: At<String>,
        /// What NULL counts as: `fail` (default) or `pass`.
        #[serde(default)]
        pub null: Option<At<Nulls>>,
    }
}

impl super::Kind for Matches {
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
        Request {
            columns: vec![("bad", Expect::Count)],
            arguments: [
                ("column", json!(column_of(&self.column).value)),
                ("pattern", json!(self.pattern.value)),
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
        let wrong = format!("whose {} does not have the form {}", column_of(&self.column), self.pattern);
        let rows_seen = measurement.rows_seen;
        Bad { common: &common, rows_seen, bad, among_rows: true, unit: "rows", wrong: &wrong, facts: Vec::new() }.judge()
    }
    fn problems(&self) -> Vec<Finding> {
        let empty = self.pattern.value.is_empty().then(|| Finding::error(codes::BAD_CHECK, "the pattern is empty").at(self.pattern.span));
        // What this reads, the engines read alike: no look-around, no back-references.
        let unread = regex::Regex::new(&self.pattern).err().map(|error| {
            let said = error.to_string();
            let said = said.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
            Finding::error(codes::BAD_CHECK, format!("the pattern is no regular expression: {said}")).at(self.pattern.span)
        });
        column_problem(&self.column).into_iter().chain(empty).chain(unread).collect()
    }
}
