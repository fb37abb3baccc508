//! `sql`: a query that returns the failing rows, like a singular test of dbt.

use super::common::{Common, Expect, Grammar, Part, Request, Sql as Text};
use super::judge::{Bad, count, no_filter};
use super::measurement::Measurement;
use super::outcome::Judgement;
use crate::diagnostic::{At, Finding, codes};

crate::check_args! {
    /// A query that returns the failing rows. None is a pass, if the model that it is about has rows.
    pub struct Sql {
        /// The relation that the query is about: its rows are the evidence. `{{ model }}` in the query is its name.
        pub model: At<String>,
        /// One query; may use `{{ model }}`, `{{ interval.start }}` and `{{ interval.end }}`.
        pub query: At<String>,
    }
}

impl super::Kind for Sql {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        vec![self.model.clone()]
    }
    fn filters(&self) -> Vec<Option<At<String>>> {
        Vec::new()
    }
    fn subject(&self) -> Vec<Part> {
        vec![Part::Query { sql: self.query.clone() }, Part::RowsLost { relation: 0 }, Part::RowsAdded { relation: 0 }]
    }
    fn request(&self) -> Request<'_> {
        Request {
            columns: vec![("bad", Expect::Count)],
            sql: vec![("query", Text { text: self.query.clone(), grammar: Grammar::Query })],
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
        let rows_seen = measurement.rows_seen;
        // The rows that the query returns need not be rows of the model: there may be more of them.
        Bad { common: &common, rows_seen, bad, among_rows: false, unit: "rows", wrong: "returned by the query", facts: Vec::new() }.judge()
    }
    fn problems(&self) -> Vec<Finding> {
        let empty = self.query.value.trim().is_empty().then(|| Finding::error(codes::BAD_CHECK, "the query is empty").at(self.query.span));
        empty.into_iter().chain(no_filter(&self.shared(), "write the condition into the query")).collect()
    }
}
