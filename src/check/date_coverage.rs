//! `date_coverage`: every expected date of the interval is present, in each group. Validated; not executed by this version.

use super::argument::{column_of, column_problem, relation_of};
use super::common::{Common, Part, Request, Tells};
use super::judge::fault;
use super::measurement::Measurement;
use super::outcome::{Judgement, Reason};
use crate::diagnostic::{At, Finding};

crate::check_args! {
    /// Every expected date of the interval is present, in each group.
    pub struct DateCoverage {
        /// `model.column`: the date.
        pub column: At<String>,
        /// Columns whose every combination must have every date.
        #[serde(default)]
        pub by: Vec<At<String>>,
    }
}

impl super::Kind for DateCoverage {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        vec![relation_of(&self.column)]
    }
    fn subject(&self) -> Vec<Part> {
        let keys = self.by.iter().cloned().chain([column_of(&self.column)]).map(|column| Part::Column { relation: 0, column });
        keys.chain([Part::RowsLost { relation: 0 }]).collect()
    }
    fn request(&self) -> Request {
        Request::default()
    }
    fn judge(&self, _: &Measurement) -> Judgement {
        Judgement::Error(fault(Reason::NotExecutedYet, "`date_coverage` is not executed by this version"))
    }
    fn problems(&self) -> Vec<Finding> {
        column_problem(&self.column).into_iter().collect()
    }
    fn executed(&self) -> Result<(), String> {
        Err("`date_coverage` is not executed by this version".to_owned())
    }
    fn tells(&self) -> Tells {
        Tells::Partial
    }
}
