//! `schema`: columns and types are the expected ones. Validated; not executed by this version.

use indexmap::IndexMap;

use super::common::{Common, Part, Request};
use super::judge::fault;
use super::measurement::Measurement;
use super::outcome::{Judgement, Reason};
use crate::diagnostic::{At, Finding, codes};

crate::check_args! {
    /// Columns and types are the expected ones.
    pub struct Schema {
        /// The relation.
        pub model: At<String>,
        /// Columns and their types; those of the manifest when absent.
        #[serde(default)]
        pub columns: Option<IndexMap<At<String>, At<String>>>,
        /// Whether further columns are fine: `true` (default) or `false`.
        #[serde(default)]
        pub extra: Option<At<bool>>,
    }
}

impl super::Kind for Schema {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        vec![self.model.clone()]
    }
    fn subject(&self) -> Vec<Part> {
        // Which columns differ is known only when they are read.
        vec![Part::Everything { relation: 0 }]
    }
    fn request(&self) -> Request {
        Request::default()
    }
    fn judge(&self, _: &Measurement) -> Judgement {
        Judgement::Error(fault(Reason::NotExecutedYet, "`schema` is not executed by this version"))
    }
    fn problems(&self) -> Vec<Finding> {
        let empty = self.columns.as_ref().is_some_and(IndexMap::is_empty);
        empty.then(|| Finding::error(codes::CONTRADICTION, "no column is named").at(self.model.span)).into_iter().collect()
    }
    fn executed(&self) -> Result<(), String> {
        Err("`schema` is not executed by this version".to_owned())
    }
}
