//! One data test of dbt, as dbt compiled it: `fail_calc` over its query, and the rows of the relations that it is about.
//!
//! Made by the planner; a contract cannot write it.

use serde_json::json;

use super::common::{Common, Expect, Part, Request};
use super::judge::{Bad, count};
use super::measurement::Measurement;
use super::outcome::Judgement;
use crate::diagnostic::At;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct DbtTest {
    /// Thresholds, severity and title as dbt has them.
    pub common: Common,
    /// Relations that the test is about, as the planner names them; each must have rows.
    pub relations: Vec<At<String>>,
    /// dbt's compiled query, with its limit.
    pub query: String,
    /// dbt's `fail_calc`.
    pub fail_calc: String,
}

impl super::Kind for DbtTest {
    fn common(&self) -> Common {
        self.common.clone()
    }
    fn relations(&self) -> Vec<At<String>> {
        self.relations.clone()
    }
    fn filters(&self) -> Vec<Option<At<String>>> {
        Vec::new()
    }
    fn subject(&self) -> Vec<Part> {
        Vec::new() // the planner states it
    }
    fn request(&self) -> Request<'_> {
        Request {
            columns: vec![("bad", Expect::Count)],
            arguments: [("query", json!(self.query)), ("fail_calc", json!(self.fail_calc))].into(),
            ..Request::default()
        }
    }
    fn judge(&self, measurement: &Measurement) -> Judgement {
        let bad = match count(measurement, 0) {
            Ok(bad) => bad,
            Err(fault) => return Judgement::Error(fault),
        };
        let rows_seen = measurement.rows_seen;
        let wrong = "found by the dbt test";
        // What `fail_calc` counts need not be rows of the relation.
        Bad { common: &self.common, rows_seen, bad, among_rows: false, unit: "results", wrong, facts: Vec::new() }.judge()
    }
}
