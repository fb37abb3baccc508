//! `reconcile_rows`: two relations agree row by row on a key. Validated; not executed by this version.

use super::common::{Common, Part, Request};
use super::judge::fault;
use super::measurement::Measurement;
use super::outcome::{Judgement, Reason};
use crate::diagnostic::{At, Finding, Span, codes};

crate::check_args! {
    /// Two relations agree row by row on a key.
    pub struct ReconcileRows {
        /// What is checked.
        pub left: Table,
        /// What it is compared with.
        pub right: Table,
        /// Columns that name a row on both sides.
        pub key: At<Vec<At<String>>>,
        /// Columns that must agree; all that both sides have when absent.
        #[serde(default)]
        pub columns: Option<At<Vec<At<String>>>>,
    }
}

/// One side of the comparison.
#[derive(Debug, Clone, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The model, or `source.table`.
    #[serde(default)]
    pub model: Option<At<String>>,
    /// A relation that dbt does not know: `schema.table`.
    #[serde(default)]
    pub relation: Option<At<String>>,
    /// SQL predicate that limits the rows of this side.
    #[serde(default, rename = "where")]
    pub filter: Option<At<String>>,
    /// A connection of `presscheck.yml`; the project's own when absent.
    #[serde(default)]
    pub connection: Option<At<String>>,
}

impl Table {
    fn relation(&self) -> At<String> {
        self.model.clone().or_else(|| self.relation.clone()).unwrap_or_else(|| At::nowhere(String::new()))
    }
    fn problem(&self, side: &str, place: Span) -> Option<Finding> {
        match (&self.model, &self.relation) {
            (Some(_), None) | (None, Some(_)) => None,
            (Some(model), Some(_)) => Some(Finding::error(codes::CONTRADICTION, "`model` excludes `relation`").at(model.span)),
            (None, None) => Some(
                Finding::error(codes::CONTRADICTION, format!("the {side} side names no relation"))
                    .at(place)
                    .help("write model: and its name"),
            ),
        }
    }
}

impl super::Kind for ReconcileRows {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        vec![self.left.relation(), self.right.relation()]
    }
    fn subject(&self) -> Vec<Part> {
        vec![Part::Everything { relation: 0 }, Part::Everything { relation: 1 }]
    }
    fn request(&self) -> Request<'_> {
        Request::default()
    }
    fn judge(&self, _: &Measurement) -> Judgement {
        Judgement::Error(fault(Reason::NotExecutedYet, "`reconcile_rows` is not executed by this version"))
    }
    fn problems(&self) -> Vec<Finding> {
        let empty = self.key.value.is_empty().then(|| Finding::error(codes::CONTRADICTION, "no column is named").at(self.key.span));
        let place = self.key.span;
        let sides = [(&self.left, "left"), (&self.right, "right")].into_iter().filter_map(|(table, side)| table.problem(side, place));
        sides.chain(empty).collect()
    }
    fn executed(&self) -> Result<(), String> {
        Err("`reconcile_rows` is not executed by this version".to_owned())
    }
}
