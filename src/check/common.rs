//! The keys that all kinds of check share, and what a kind tells the planner.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::diagnostic::At;

use super::samples::Samples;
use super::threshold::Threshold;

/// What a failing check asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Publish with a caveat.
    Warn,
    /// Do not publish.
    Hold,
}

/// The shared keys of a check, borrowed out of its kind's struct by `check_args!`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Common {
    /// Identifier, unique in the contract; derived from kind and relation when absent.
    pub name: Option<At<String>>,
    /// What a reader sees.
    pub title: Option<At<String>>,
    /// SQL predicate that limits the rows looked at; may use `{{ interval.start }}` and `{{ interval.end }}`.
    pub filter: Option<At<String>>,
    /// What the one threshold asks for; `hold` when absent. Excludes `warn_if`/`hold_if`.
    pub severity: Option<At<Severity>>,
    /// dbt threshold string or percentage; crossing it warns.
    pub warn_if: Option<At<Threshold>>,
    /// dbt threshold string or percentage; crossing it holds.
    pub hold_if: Option<At<Threshold>>,
    /// What is counted, in the plural: `products`.
    pub unit: Option<At<String>>,
    /// How to recover, one sentence.
    pub recover: Option<At<String>>,
    /// Metrics to add to those that lineage finds.
    pub affects: Vec<At<String>>,
    /// The only metrics this check may hold; needs `because`.
    pub affects_only: Option<Vec<At<String>>>,
    /// Why `affects_only` is right.
    pub because: Option<At<String>>,
    /// Fewest rows that count as evidence; 1 when absent.
    pub min_rows: Option<At<u64>>,
    /// Why no rows at all are fine.
    pub allow_empty: Option<At<String>>,
    /// Connection of `presscheck.yml`; the project's own when absent.
    pub connection: Option<At<String>>,
    /// Columns of failing rows that may be shown; none when absent.
    pub samples: Option<At<Samples>>,
    /// What anything but a pass asks for, of single metrics.
    pub severity_for: IndexMap<At<String>, At<Severity>>,
}

/// Declares a kind's argument struct: its own fields plus the shared ones, strict, with [`Common`] kept ready.
#[macro_export]
macro_rules! check_args {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
            /// Identifier, unique in the contract; derived from kind and relation when absent.
            #[serde(default)] name: Option<$crate::diagnostic::At<String>>,
            /// What a reader sees in place of the name.
            #[serde(default)] title: Option<$crate::diagnostic::At<String>>,
            /// SQL predicate that limits the rows looked at; may use `{{ interval.start }}` and `{{ interval.end }}`.
            #[serde(default, rename = "where")] filter: Option<$crate::diagnostic::At<String>>,
            /// What a failure asks for: `hold` (default) or `warn`. Not together with `warn_if`/`hold_if`.
            #[serde(default)] severity: Option<$crate::diagnostic::At<$crate::check::common::Severity>>,
            /// Warn when the measured number crosses this threshold, such as `"> 0"` or `"> 1%"`.
            #[serde(default)] warn_if: Option<$crate::diagnostic::At<$crate::check::threshold::Threshold>>,
            /// Hold when the measured number crosses this threshold, such as `"> 10"` or `">= 5%"`.
            #[serde(default)] hold_if: Option<$crate::diagnostic::At<$crate::check::threshold::Threshold>>,
            /// What is counted, in the plural: `products`.
            #[serde(default)] unit: Option<$crate::diagnostic::At<String>>,
            /// How to recover, one sentence; said with the failure.
            #[serde(default)] recover: Option<$crate::diagnostic::At<String>>,
            /// Metrics to add to those that lineage finds.
            #[serde(default)] affects: Vec<$crate::diagnostic::At<String>>,
            /// The only metrics this check may hold; needs `because`.
            #[serde(default)] affects_only: Option<Vec<$crate::diagnostic::At<String>>>,
            /// Why `affects_only` is right; shown in every explanation.
            #[serde(default)] because: Option<$crate::diagnostic::At<String>>,
            /// Fewest rows that count as evidence (default 1); fewer is a failure that holds.
            #[serde(default)] min_rows: Option<$crate::diagnostic::At<u64>>,
            /// Why no rows at all are fine; without it an empty relation is a failure that holds.
            #[serde(default)] allow_empty: Option<$crate::diagnostic::At<String>>,
            /// A connection of `presscheck.yml`; the project's own when absent.
            #[serde(default)] connection: Option<$crate::diagnostic::At<String>>,
            /// Columns of failing rows that may be shown and stored: `{columns: [order_id], limit: 5}`; none when absent.
            #[serde(default)] samples: Option<$crate::diagnostic::At<$crate::check::samples::Samples>>,
            /// What anything but a pass asks for, of single metrics: `{ad_spend: warn}`. The others get what the check asks for.
            #[serde(default)] #[schemars(extend("minProperties" = 1))]
            severity_for: indexmap::IndexMap<$crate::diagnostic::At<String>, $crate::diagnostic::At<$crate::check::common::Severity>>,
        }
        impl $name {
            /// Builds one that no contract wrote (a dbt test, a source); contracts come through serde.
            #[allow(dead_code, clippy::too_many_arguments)]
            pub fn new(common: $crate::check::common::Common, $($field: $type),*) -> Self {
                let $crate::check::common::Common {
                    name, title, filter, severity, warn_if, hold_if, unit, recover, affects, affects_only, because, min_rows, allow_empty, connection,
                    samples, severity_for,
                } = common;
                $name {
                    $($field,)* name, title, filter, severity, warn_if, hold_if, unit, recover, affects, affects_only, because, min_rows,
                    allow_empty, connection, samples, severity_for,
                }
            }
            #[allow(dead_code)]
            fn shared(&self) -> $crate::check::common::Common {
                $crate::check::common::Common {
                    name: self.name.clone(), title: self.title.clone(), filter: self.filter.clone(), severity: self.severity.clone(),
                    warn_if: self.warn_if.clone(), hold_if: self.hold_if.clone(), unit: self.unit.clone(), recover: self.recover.clone(),
                    affects: self.affects.clone(), affects_only: self.affects_only.clone(), because: self.because.clone(),
                    min_rows: self.min_rows.clone(), allow_empty: self.allow_empty.clone(), connection: self.connection.clone(),
                    samples: self.samples.clone(), severity_for: self.severity_for.clone(),
                }
            }
        }
    };
}

/// One part of a check's subject. `relation` is an index into [`super::Kind::relations`].
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Part {
    /// The values of one column.
    Column { relation: usize, column: At<String> },
    /// Every column that an SQL expression over the relation reads.
    Expression { relation: usize, sql: At<String> },
    /// Rows that ought to be there.
    RowsLost { relation: usize },
    /// Rows that are there twice or ought not to be.
    RowsAdded { relation: usize },
    /// Every column and row that a whole query reads (`sql` checks); lineage finds the relations in it.
    Query { sql: At<String> },
    /// The subject is stated by dbt tests upstream of each metric; the planner expands it.
    DbtTests,
    /// Everything of a relation but some columns: what is compared is not known before it is asked.
    Everything { relation: usize, but: Vec<At<String>> },
    /// A metric of the contract, by key.
    Metric { metric: At<String> },
    /// What the SQL reads that the check's template renders.
    Rendered,
}

/// What type a measurement column must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// A whole number, not negative, not NULL.
    Count,
    /// An exact or floating number; NULL and not finite are faults of the measurement.
    Number,
    /// A number that may be NULL (a sum over no rows); the kind judges NULL itself, never as a pass.
    NumberOrNull,
    /// A point in time, with or without zone; may be NULL.
    Time,
    /// Text for people; may be NULL; never judged.
    Text,
}

/// What a check asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request<'a> {
    /// Measurement columns after `rows_seen`: name and type. The template has one macro for each name (fusable), or one `query`.
    pub columns: Vec<(&'a str, Expect)>,
    /// Arguments that the template sees as `check.<name>`, JSON-like. Relations are not among them: the template sees them as `relations[0]`,
    /// `relations[1]`, ..., rendered by the planner.
    pub arguments: BTreeMap<&'a str, serde_json::Value>,
    /// For a kind that lists things: what each of them is made of, after its rank. The template then has a macro `listing`, whose rows begin alike, with
    /// `rows_seen` and `columns`, and end in one thing each; one row that ends in NULLs lists nothing.
    pub items: Vec<(&'a str, Expect)>,
    /// Arguments that are SQL written in the contract. The planner renders `{{ interval.start }}` and the like in them, parses them, and gives them
    /// to the template beside `arguments`.
    pub sql: Vec<(&'a str, Sql)>,
}

/// A piece of SQL that a contract wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct Sql {
    /// As written, with its place.
    pub text: At<String>,
    /// What it must be.
    pub grammar: Grammar,
}

/// What a piece of SQL must be before it goes anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grammar {
    /// One expression over the rows of a relation.
    Expression,
    /// One read-only query.
    Query,
}

/// What a check's failure says of the report as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tells {
    /// Nothing more.
    Nothing,
    /// A source is late: the report is stale.
    Stale,
    /// A group or a date is missing: the report is partial.
    Partial,
}
