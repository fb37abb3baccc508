//! The kinds of check: what each asks of the warehouse and how its measurement is judged.
//!
//! One kind is one file here, one template in `macros/`, and one line in the list below; the contract language, its schema, the plan and the
//! docs derive from that list. SQL measures, this room judges: thresholds, tolerances and times are compared here and nowhere else.
//! Not for: which metric a check can hold (`plan`), nor what a verdict follows from outcomes (`decide`).

pub mod alike;
pub mod argument;
pub mod baseline;
pub mod bound;
pub mod common;
pub mod definition;
pub mod field;
pub mod judge;
pub mod keyed;
pub mod measurement;
pub mod missing;
pub mod outcome;
pub mod samples;
pub mod rows;
pub mod sql_type;
pub mod threshold;
pub mod unit;

pub mod accepted_values;
pub mod aggregate;
pub mod change;
pub mod date_coverage;
pub mod dbt_result;
pub mod dbt_test;
pub mod dbt_tests;
pub mod expression;
pub mod freshness;
pub mod groups_present;
pub mod matches;
pub mod not_null;
pub mod own;
pub mod range;
pub mod reconcile;
pub mod reconcile_rows;
pub mod relationships;
pub mod row_count;
pub mod schema;
pub mod sql;
pub mod unique;

use crate::diagnostic::{At, Finding};
use common::{Common, Part, Request, Severity, Tells};
use measurement::Measurement;
use outcome::Judgement;

/// Where a relation of a check is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Place {
    /// A connection of `presscheck.yml`; the project's own when absent.
    pub connection: Option<At<String>>,
    /// Whether it is named as the warehouse has it, whatever dbt knows.
    pub bare: bool,
}

/// What every kind of check can say of itself.
pub trait Kind {
    /// The keys that all kinds share.
    fn common(&self) -> Common;
    /// The relations that the check names, as written; the first is the one whose rows are counted.
    fn relations(&self) -> Vec<At<String>>;
    /// Where each of [`Kind::relations`] is.
    fn places(&self) -> Vec<Place> {
        let place = Place { connection: self.common().connection, bare: false };
        vec![place; self.relations().len()]
    }
    /// For each of [`Kind::relations`], the predicate that limits its rows; may be shorter. The shared `where` limits the first.
    fn filters(&self) -> Vec<Option<At<String>>> {
        vec![self.common().filter]
    }
    /// What the check vouches for, by index into [`Kind::relations`]: the subject of the decision's lineage walk.
    fn subject(&self) -> Vec<Part>;
    /// What to ask: template arguments and the measurement columns that come after `rows_seen`.
    fn request(&self) -> Request<'_>;
    /// Compares one valid measurement with the thresholds. Never called without one; must say pass only when every threshold is satisfied.
    fn judge(&self, measurement: &Measurement) -> Judgement;
    /// What contradicts itself in the check as written, without looking at the project; see also [`Spec::problems`].
    fn problems(&self) -> Vec<Finding> {
        Vec::new()
    }
    /// Whether this version can execute the check as written; if not, why. Such a check is `skipped (not executed yet)`, never a pass.
    fn executed(&self) -> Result<(), String> {
        Ok(())
    }
    /// Whether its failing rows can be listed, so that `samples` has a meaning.
    fn has_failing_rows(&self) -> bool {
        false
    }
    /// What a failure says of the whole report's status.
    fn tells(&self) -> Tells {
        Tells::Nothing
    }
    /// The worst that the check's thresholds ask for; what an error of the check asks for too.
    fn severity(&self) -> Severity {
        judge::severity(&self.common())
    }
    /// Of a check against earlier runs: what it asks for while there are too few of them. `None` for one that needs none.
    fn without_baseline(&self) -> Option<Severity> {
        None
    }
}

macro_rules! kinds {
    (written: $($(#[$doc:meta])* $name:ident => $type:ty),*; derived: $($(#[$derived_doc:meta])* $derived:ident => $derived_type:ty),* $(;)?) => {
        /// A check as written in a contract, under its kind.
        #[derive(Debug, Clone, PartialEq, schemars::JsonSchema)]
        #[schemars(rename_all = "snake_case")]
        #[allow(non_camel_case_types)]
        pub enum Spec {
            $($(#[$doc])* $name(Box<$type>),)*
            $($(#[$derived_doc])* #[schemars(skip)] $derived(Box<$derived_type>),)*
            /// A kind that the project defines.
            #[schemars(skip)]
            own(Box<own::Own>),
        }

        impl<'de> serde::Deserialize<'de> for Spec {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Kinds;
                impl<'de> serde::de::Visitor<'de> for Kinds {
                    type Value = Spec;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a check under its kind")
                    }
                    fn visit_enum<A: serde::de::EnumAccess<'de>>(self, data: A) -> Result<Spec, A::Error> {
                        let (kind, content): (String, A::Variant) = data.variant()?;
                        match kind.as_str() {
                            $(stringify!($name) => serde::de::VariantAccess::newtype_variant(content).map(Spec::$name),)*
                            // What is not in the schema of the project was refused before.
                            _ => {
                                let written = serde::de::VariantAccess::newtype_variant(content)?;
                                own::Own::of(kind, written).map(|own| Spec::own(Box::new(own)))
                            }
                        }
                    }
                }
                deserializer.deserialize_enum("Spec", KINDS, Kinds)
            }
        }

        /// The names of all kinds that a contract can write, in the order of the reference.
        pub const KINDS: &[&str] = &[$(stringify!($name)),*];

        impl Spec {
            /// The kind's name, as written.
            pub fn kind_name(&self) -> &str {
                match self {
                    $(Spec::$name(_) => stringify!($name),)*
                    $(Spec::$derived(_) => stringify!($derived),)*
                    Spec::own(own) => &own.kind,
                }
            }
            /// The kind's own behaviour.
            pub fn kind(&self) -> &dyn Kind {
                match self { $(Spec::$name(spec) => spec.as_ref(),)* $(Spec::$derived(spec) => spec.as_ref(),)* Spec::own(spec) => spec.as_ref() }
            }
        }
    };
}

kinds! {
    written:
    /// The newest row of a relation is young enough.
    freshness => freshness::Freshness,
    /// The number of rows is within bounds.
    row_count => row_count::RowCount,
    /// No NULL in a column, or in any of several.
    not_null => not_null::NotNull,
    /// No key twice, over one or several columns.
    unique => unique::Unique,
    /// Every value is one of a list.
    accepted_values => accepted_values::AcceptedValues,
    /// Every number is within bounds.
    range => range::Range,
    /// Every text matches a pattern.
    matches => matches::Matches,
    /// Every key is found in another relation.
    relationships => relationships::Relationships,
    /// An SQL expression is true on every row.
    expression => expression::Expression,
    /// An aggregate is within bounds.
    aggregate => aggregate::Aggregate,
    /// A query that returns the failing rows returns none.
    sql => sql::Sql,
    /// Every expected date is present.
    date_coverage => date_coverage::DateCoverage,
    /// Every expected group arrived.
    groups_present => groups_present::GroupsPresent,
    /// Columns and types are the expected ones.
    schema => schema::Schema,
    /// Two aggregates agree within a tolerance, key by key.
    reconcile => reconcile::Reconcile,
    /// Two relations agree row by row.
    reconcile_rows => reconcile_rows::ReconcileRows,
    /// A metric moved within bounds against earlier runs.
    change => change::Change,
    /// dbt's own data tests count as checks.
    dbt_tests => dbt_tests::DbtTests;
    derived:
    /// One data test of dbt, made of its compiled SQL.
    dbt_test => dbt_test::DbtTest,
    /// One data test of dbt, whose result dbt wrote.
    dbt_result => dbt_result::DbtResult;
}

impl Spec {
    /// Everything in the check that contradicts itself: the shared keys, then the kind's own.
    pub fn problems(&self) -> Vec<Finding> {
        let mut problems = judge::shared_problems(self.kind());
        problems.extend(self.kind().problems());
        problems
    }
}
