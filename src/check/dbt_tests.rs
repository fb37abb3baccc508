//! `dbt_tests`: dbt's own data tests count as checks. The planner puts one [`super::dbt_test`] (or a kind of ours that means the same) in its place
//! for each test that is selected.

use super::common::{Common, Part, Request};
use super::judge::{fault, no_filter, no_thresholds};
use super::measurement::Measurement;
use super::outcome::{Judgement, Reason};
use crate::diagnostic::{At, Finding, codes};

crate::check_args! {
    /// dbt's own data tests count as checks: severity error holds, severity warn warns.
    pub struct DbtTests {
        /// `upstream`: every test upstream of a metric; or a selector of dbt, such as `tag:finance`.
        pub select: At<String>,
        /// Where results come from: `queries` (default): presscheck runs the tests; `results`: a fresh `run_results.json`.
        #[serde(default, rename = "use")]
        pub from: Option<At<Results>>,
    }
}

/// Where the results of dbt's tests come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Results {
    /// presscheck runs the tests' SQL.
    Queries,
    /// dbt ran them; `run_results.json` is read.
    Results,
}

impl super::Kind for DbtTests {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        Vec::new()
    }
    fn subject(&self) -> Vec<Part> {
        vec![Part::DbtTests]
    }
    fn request(&self) -> Request<'_> {
        Request::default()
    }
    fn judge(&self, _: &Measurement) -> Judgement {
        Judgement::Error(fault(Reason::Internal, "dbt tests are judged one by one"))
    }
    fn problems(&self) -> Vec<Finding> {
        let common = self.shared();
        let own = "each test of dbt has its own";
        let empty = self
            .select
            .value
            .trim()
            .is_empty()
            .then(|| Finding::error(codes::BAD_CHECK, "nothing is selected").at(self.select.span).help("upstream"));
        empty.into_iter().chain(no_thresholds(&common, own)).chain(no_filter(&common, own)).collect()
    }
    fn executed(&self) -> Result<(), String> {
        match &self.connection {
            Some(connection) => Err(format!("dbt's tests run where dbt built the models, not on another connection (`{connection}`)")),
            None => Ok(()),
        }
    }
}
