//! The two tables that are written, column by column. They are made when they are missing; one that is there and has other columns is left alone.

use super::Engine;
use crate::warehouse::writer::Step;

/// One column: name, type as PostgreSQL and DuckDB name it, what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    pub holds: &'static str,
}

/// The types in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A moment with zone.
    Moment,
    /// An exact number.
    Number,
}

/// A table and its columns, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Its columns.
    pub columns: &'static [Column],
}

const fn column(name: &'static str, kind: Kind, holds: &'static str) -> Column {
    Column { name, kind, holds }
}

/// Certified values: a row for each metric, interval and row of the model that the metric has for the interval.
pub const VALUES: Table = Table {
    columns: &[
        column("contract", Kind::Text, "the contract"),
        column("metric", Kind::Text, "the metric's key in the contract"),
        column("report", Kind::Text, "what readers call the report"),
        column("title", Kind::Text, "what readers call the metric"),
        column("interval_start", Kind::Moment, "the interval that the report is about: its first instant"),
        column("interval_end", Kind::Moment, "the first instant after it"),
        column("grain", Kind::Text, "which row of the model: `week_start=2026-11-16`; empty for a number that stands alone"),
        column("value", Kind::Number, "the number; NULL while it is blank"),
        column("shown", Kind::Text, "`certified`, `last_safe` (an earlier certified value) or `blank`"),
        column("verdict", Kind::Text, "`publish`, `warn` or `hold`"),
        column("caveat", Kind::Text, "what is shown beside it; NULL where there is none"),
        column("sentence", Kind::Text, "what a business reader is told"),
        column("as_of_start", Kind::Moment, "the interval that the value is of: its first instant"),
        column("as_of_end", Kind::Moment, "the first instant after it"),
        column("certified_at", Kind::Moment, "when the value was certified"),
        column("certified_by", Kind::Text, "the decision that certified it"),
        column("run", Kind::Text, "the decision that the row is of"),
        column("decided_at", Kind::Moment, "when that was decided"),
        column("published_at", Kind::Moment, "when the row was written, by the warehouse's clock"),
        column("key", Kind::Text, "the idempotency key"),
    ],
};

/// What a dashboard shows beside the numbers: a row for each metric and interval.
pub const STATUS: Table = Table {
    columns: &[
        column("contract", Kind::Text, "the contract"),
        column("metric", Kind::Text, "the metric's key in the contract"),
        column("report", Kind::Text, "what readers call the report"),
        column("title", Kind::Text, "what readers call the metric"),
        column("interval_start", Kind::Moment, "the interval: its first instant"),
        column("interval_end", Kind::Moment, "the first instant after it"),
        column("verdict", Kind::Text, "`publish`, `warn` or `hold`"),
        column("status", Kind::Text, "of the report: `complete`, `partial`, `stale`, `late`, `failed`"),
        column("caveat", Kind::Text, "what is shown beside the number; NULL where there is none"),
        column("sentence", Kind::Text, "what a business reader is told"),
        column(
            "shown",
            Kind::Text,
            "what the table of certified values shows: `certified`, `last_safe` or `blank`; NULL where there is no such table",
        ),
        column("as_of", Kind::Moment, "the end of the interval that the shown value is of; NULL for a blank"),
        column("published", Kind::Text, "`yes`; `no` while a hook has not done its part: then the report counts as not refreshed"),
        column("run", Kind::Text, "the decision"),
        column("decided_at", Kind::Moment, "when it was decided"),
        column("published_at", Kind::Moment, "when the row was written, by the warehouse's clock"),
        column("key", Kind::Text, "the idempotency key"),
    ],
};

impl Kind {
    /// The type as the engine's `information_schema` names it.
    pub fn named(self, engine: Engine) -> &'static str {
        match (self, engine) {
            (Kind::Text, Engine::Postgres) => "text",
            (Kind::Text, Engine::DuckDb) => "VARCHAR",
            (Kind::Moment, Engine::Postgres) => "timestamp with time zone",
            (Kind::Moment, Engine::DuckDb) => "TIMESTAMP WITH TIME ZONE",
            (Kind::Number, Engine::Postgres) => "numeric",
            (Kind::Number, Engine::DuckDb) => "DECIMAL(38,18)",
        }
    }
}

/// A relation that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// As the contract names it.
    pub written: String,
    /// As rendered for SQL.
    pub rendered: String,
    /// The schema, as the engine keeps it; the connection's own when absent.
    pub schema: Option<String>,
    /// The table, as the engine keeps it.
    pub name: String,
}

impl Table {
    /// Makes the table when it is missing, and compares the columns of one that is there. Nothing is made of what is there already, so that no right to make tables is needed
    /// then.
    pub(super) fn ready(&self, engine: Engine, relation: &Relation) -> Vec<Step> {
        let text = super::statement::text;
        let wanted = |column: &Column| format!("{} {}", column.name, column.kind.named(engine));
        let columns: Vec<String> = self.columns.iter().map(wanted).collect();
        let expected = self.columns.iter().enumerate();
        let expected: Vec<String> =
            expected.map(|(at, column)| format!("({}, '{}', '{}')", at + 1, column.name, column.kind.named(engine))).collect();
        let schema = relation.schema.as_deref().map_or_else(|| "current_schema()".to_owned(), text);
        let catalog = if engine == Engine::DuckDb { " and table_catalog = current_database()" } else { "" };
        let here = format!("table_schema = {schema} and table_name = {}{catalog}", text(&relation.name));
        let found = format!(
            "select row_number() over (order by ordinal_position) as place, column_name as name, data_type as kind from information_schema.columns where {here}"
        );
        let sql = format!(
            "select count(*) from (values {}) as wanted (place, name, kind) full join ({found}) as found \
             on found.place = wanted.place and found.name = wanted.name and found.kind = wanted.kind where found.place is null or wanted.place is null",
            expected.join(", ")
        );
        let mut steps = Vec::new();
        if let Some(schema) = &relation.schema {
            let known = match engine {
                Engine::Postgres => format!("select count(*) from pg_namespace where nspname = {}", text(schema)),
                Engine::DuckDb => format!(
                    "select count(*) from information_schema.schemata where schema_name = {} and catalog_name = current_database()",
                    text(schema)
                ),
            };
            let quoted = format!("\"{}\"", schema.replace('"', "\"\""));
            steps.push(Step::Unless { sql: known, then: format!("create schema {quoted}") });
        }
        steps.push(Step::Unless {
            sql: format!("select count(*) from information_schema.tables where {here}"),
            then: format!("create table {} ({})", relation.rendered, columns.join(", ")),
        });
        steps.push(Step::MustBeZero {
            sql,
            otherwise: format!(
                "{} has other columns than presscheck writes: rename it, or name another relation under `publish:`",
                relation.rendered
            ),
        });
        steps
    }

    /// The names of the columns, for an INSERT.
    pub(super) fn names(&self) -> String {
        self.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
    }
}
