//! `expression`: an SQL expression is true on every row.

use serde_json::json;

use super::argument::{Nulls, null_passes};
use super::common::{Common, Expect, Grammar, Part, Request, Sql};
use super::judge::{Bad, count};
use super::measurement::Measurement;
use super::outcome::Judgement;
use crate::diagnostic::{At, Finding, codes};

crate::check_args! {
    /// An SQL expression is true on every row. A row on which it is NULL is bad, unless `null: pass`.
    pub struct Expression {
        /// The relation whose rows are looked at.
        pub model: At<String>,
        /// The expression; may use `{{ interval.start }}` and `{{ interval.end }}`.
        pub expression: At<String>,
        /// What NULL counts as: `fail` (default) or `pass`.
        #[serde(default)]
        pub null: Option<At<Nulls>>,
    }
}

impl super::Kind for Expression {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        vec![self.model.clone()]
    }
    fn subject(&self) -> Vec<Part> {
        let read = [Some(self.expression.clone()), self.shared().filter].into_iter().flatten();
        let read = read.map(|sql| Part::Expression { relation: 0, sql });
        read.chain([Part::RowsLost { relation: 0 }, Part::RowsAdded { relation: 0 }]).collect()
    }
    fn request(&self) -> Request<'_> {
        Request {
            columns: vec![("bad", Expect::Count)],
            items: Vec::new(),
            arguments: [("null_passes", json!(null_passes(self.null.as_ref())))].into(),
            sql: vec![("expression", Sql { text: self.expression.clone(), grammar: Grammar::Expression })],
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
        let wrong = format!("on which `{}` is not true", self.expression.value.split_whitespace().collect::<Vec<_>>().join(" "));
        Bad { common: &common, rows_seen, bad, among_rows: true, unit: "rows", wrong: &wrong, facts: Vec::new() }.judge()
    }
    fn problems(&self) -> Vec<Finding> {
        let empty = self.expression.value.trim().is_empty();
        empty.then(|| Finding::error(codes::BAD_CHECK, "the expression is empty").at(self.expression.span)).into_iter().collect()
    }
}
