//! `groups_present`: every expected group arrived: platform, region, store. Validated; not executed by this version.

use super::argument::{Scalar, column_of, column_problem, relation_of};
use super::common::{Common, Part, Request, Tells};
use super::judge::fault;
use super::measurement::Measurement;
use super::outcome::{Judgement, Reason};
use crate::diagnostic::{At, Finding, codes};

crate::check_args! {
    /// Every expected group arrived: platform, region, store.
    pub struct GroupsPresent {
        /// `model.column`: the group.
        pub column: At<String>,
        /// The groups that must be there.
        pub expect: At<Vec<At<Scalar>>>,
    }
}

impl super::Kind for GroupsPresent {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        vec![relation_of(&self.column)]
    }
    fn subject(&self) -> Vec<Part> {
        vec![Part::Column { relation: 0, column: column_of(&self.column) }, Part::RowsLost { relation: 0 }]
    }
    fn request(&self) -> Request {
        Request::default()
    }
    fn judge(&self, _: &Measurement) -> Judgement {
        Judgement::Error(fault(Reason::NotExecutedYet, "`groups_present` is not executed by this version"))
    }
    fn problems(&self) -> Vec<Finding> {
        let empty = self.expect.value.is_empty().then(|| Finding::error(codes::BAD_CHECK, "no group is expected").at(self.expect.span));
        column_problem(&self.column).into_iter().chain(empty).collect()
    }
    fn executed(&self) -> Result<(), String> {
        Err("`groups_present` is not executed by this version".to_owned())
    }
    fn tells(&self) -> Tells {
        Tells::Partial
    }
}
