//! `aggregate`: one number of a relation is within bounds, against numbers or against earlier runs.

use super::baseline::Earlier;
use super::bound::Between;
use super::change::{Moved, problems_of_bounds};
use super::common::{Common, Expect, Grammar, Part, Request, Severity, Sql};
use super::measurement::Measurement;
use super::outcome::Judgement;
use crate::diagnostic::{At, Finding, codes};

crate::check_args! {
    /// An aggregate of a relation is within bounds, both ends allowed.
    pub struct Aggregate {
        /// The relation whose rows are aggregated.
        pub model: At<String>,
        /// One aggregate expression: `avg(amount)`, `count(distinct customer_id)`, `sum(a) / sum(b)`.
        pub value: At<String>,
        /// Lowest and highest value: numbers, or shares of earlier runs such as `50% of previous`.
        pub between: Between,
        /// What counts while there are too few earlier runs: numbers. Without it the check then ends in an error.
        #[serde(default)]
        pub at_first: Option<Between>,
        /// What earlier runs measured.
        #[serde(skip)]
        #[schemars(skip)]
        pub earlier: Earlier,
    }
}

impl super::Kind for Aggregate {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        vec![self.model.clone()]
    }
    fn subject(&self) -> Vec<Part> {
        let read = [Some(self.value.clone()), self.shared().filter].into_iter().flatten();
        let read = read.map(|sql| Part::Expression { relation: 0, sql });
        read.chain([Part::RowsLost { relation: 0 }, Part::RowsAdded { relation: 0 }]).collect()
    }
    fn request(&self) -> Request<'_> {
        let value = Sql { text: self.value.clone(), grammar: Grammar::Expression };
        Request { columns: vec![("value", Expect::NumberOrNull)], sql: vec![("value", value)], ..Request::default() }
    }
    fn judge(&self, measurement: &Measurement) -> Judgement {
        let (between, at_first) = (&self.between, self.at_first.as_ref());
        Moved { what: "the aggregate", common: &self.shared(), between, at_first, earlier: &self.earlier }.judge(measurement)
    }
    fn without_baseline(&self) -> Option<Severity> {
        self.between.without_baseline(&self.shared())
    }
    fn problems(&self) -> Vec<Finding> {
        let mut problems = problems_of_bounds(&self.shared(), &self.between, self.at_first.as_ref());
        if self.value.value.trim().is_empty() {
            problems
                .push(Finding::error(codes::BAD_CHECK, "the value is empty").at(self.value.span).help("write an aggregate: avg(amount)"));
        }
        problems
    }
}
