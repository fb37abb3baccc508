//! `matches`: every text matches a pattern. Validated; not executed by this version.

use super::argument::{Nulls, column_of, column_problem, relation_of};
use super::common::{Common, Part, Request};
use super::judge::fault;
use super::measurement::Measurement;
use super::outcome::{Judgement, Reason};
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
    fn request(&self) -> Request {
        Request::default()
    }
    fn judge(&self, _: &Measurement) -> Judgement {
        Judgement::Error(fault(Reason::NotExecutedYet, "`matches` is not executed by this version"))
    }
    fn problems(&self) -> Vec<Finding> {
        let empty = self.pattern.value.is_empty().then(|| Finding::error(codes::BAD_CHECK, "the pattern is empty").at(self.pattern.span));
        column_problem(&self.column).into_iter().chain(empty).collect()
    }
    fn executed(&self) -> Result<(), String> {
        Err("`matches` is not executed by this version".to_owned())
    }
}
