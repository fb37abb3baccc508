//! The kinds of check: what each asks of the warehouse and how its measurement is judged.
//!
//! One kind is one file here, one template in `macros/`, and one line in the list below; the contract language, its schema, the plan and the
//! docs derive from that list. SQL measures, this room judges: thresholds, tolerances and times are compared here and nowhere else.
//! Not for: which metric a check can hold (`plan`), nor what a verdict follows from outcomes (`decide`).

pub mod common;
pub mod measurement;
pub mod outcome;
pub mod threshold;

mod not_null;

use crate::diagnostic::At;
use common::{Common, Part, Request};
use measurement::Measurement;
use outcome::Judgement;

/// What every kind of check can say of itself.
pub trait Kind {
    /// The keys that all kinds share.
    fn common(&self) -> Common;
    /// The relations that the check names, as written; the first is the one whose rows are counted.
    fn relations(&self) -> Vec<At<String>>;
    /// What the check vouches for, by index into [`Kind::relations`]: the subject of the decision's lineage walk.
    fn subject(&self) -> Vec<Part>;
    /// What to ask: template arguments and the measurement columns that come after `rows_seen`.
    fn request(&self) -> Request;
    /// Compares one valid measurement with the thresholds. Never called without one; must say pass only when every threshold is satisfied.
    fn judge(&self, measurement: &Measurement) -> Judgement;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident => $type:ty),* $(,)?) => {
        /// A check as written in a contract, under its kind.
        #[derive(Debug, Clone, PartialEq, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "snake_case")]
        #[allow(non_camel_case_types)]
        pub enum Spec { $($(#[$doc])* $name(Box<$type>)),* }

        /// The names of all kinds, in the order of the reference.
        pub const KINDS: &[&str] = &[$(stringify!($name)),*];

        impl Spec {
            /// The kind's name, as written.
            pub fn kind_name(&self) -> &'static str {
                match self { $(Spec::$name(_) => stringify!($name)),* }
            }
            /// The kind's own behaviour.
            pub fn kind(&self) -> &dyn Kind {
                match self { $(Spec::$name(spec) => spec.as_ref()),* }
            }
        }
    };
}

kinds! {
    /// No NULL in a column (or several).
    not_null => not_null::NotNull,
}
