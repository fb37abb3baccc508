//! `not_null`: no NULL in a column, or in any of several.

use std::collections::BTreeMap;

use super::common::{Common, Part, Request};
use super::measurement::Measurement;
use super::outcome::Judgement;
use crate::diagnostic::At;

crate::check_args! {
    /// No NULL in a column, or in any of several.
    pub struct NotNull {
        /// `model.column`.
        pub column: At<String>,
    }
}

impl super::Kind for NotNull {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        Vec::new()
    }
    fn subject(&self) -> Vec<Part> {
        Vec::new()
    }
    fn request(&self) -> Request {
        Request { columns: Vec::new(), arguments: BTreeMap::new() }
    }
    fn judge(&self, _measurement: &Measurement) -> Judgement {
        Judgement::Error(super::outcome::Fault { reason: super::outcome::Reason::NotExecutedYet, detail: String::new() })
    }
}
