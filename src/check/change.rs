//! `change`: a metric moved within bounds against earlier runs. Validated; not executed by this version.

use super::bound::Between;
use super::common::{Common, Part, Request};
use super::judge::fault;
use super::measurement::Measurement;
use super::outcome::{Judgement, Reason};
use crate::diagnostic::{At, Finding};

crate::check_args! {
    /// A metric moved within bounds against earlier runs.
    pub struct Change {
        /// A metric of this contract, by its key.
        pub metric: At<String>,
        /// Lowest and highest value: numbers, or shares of earlier runs such as `50% of previous`.
        pub between: Between,
    }
}

impl super::Kind for Change {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        Vec::new()
    }
    fn subject(&self) -> Vec<Part> {
        vec![Part::Metric { metric: self.metric.clone() }]
    }
    fn request(&self) -> Request {
        Request::default()
    }
    fn judge(&self, _: &Measurement) -> Judgement {
        Judgement::Error(fault(Reason::NotExecutedYet, "`change` is not executed by this version"))
    }
    fn problems(&self) -> Vec<Finding> {
        self.between.problems(false)
    }
    fn executed(&self) -> Result<(), String> {
        Err("`change` is not executed by this version".to_owned())
    }
}
