//! `schema`: the columns of a relation, their types and whether they may be NULL are the promised ones.
//!
//! The planner makes one check of each promised column, so that a column that is gone or has another type guards the metrics that read it and no
//! others; the check itself is left with the relation as such and with columns that nobody promised. All are measured by one statement.

use indexmap::IndexMap;
use serde_json::json;

use super::common::{Common, Expect, Part, Request, Severity};
use super::judge::{fault, no_filter, no_thresholds, severity};
use super::measurement::{Cell, Measurement};
use super::outcome::{Fault, Judgement, Measured, Reason};
use super::sql_type::SqlType;
use crate::diagnostic::{At, Finding, codes};

crate::check_args! {
    /// Columns and types are the expected ones: a column that is gone or of another type holds the metrics that read it, one that was added warns.
    pub struct Schema {
        /// The relation.
        pub model: At<String>,
        /// Columns and their types, `decimal(18,2)` or `date not null`; those of the catalog and of the manifest when absent.
        #[serde(default)]
        pub columns: Option<IndexMap<At<String>, At<String>>>,
        /// Whether further columns are fine: `true`, or `false`: they ask for what the others ask for. They warn when absent.
        #[serde(default)]
        pub extra: Option<At<bool>>,
        /// What the project says of the relation, and which column this is about.
        #[serde(skip)]
        #[schemars(skip)]
        pub promise: Promise,
    }
}

/// What the project says of a relation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Promise {
    /// Where the relation is: database, schema, name.
    pub place: (Option<String>, String, String),
    /// The dialect, by which types are read.
    pub dialect: String,
    /// The promised columns.
    pub columns: Vec<Promised>,
    /// Whether these are all that there may be.
    pub complete: bool,
    /// The one column that this check is about; the relation as such when `None`.
    pub one: Option<Promised>,
}

/// A promised column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promised {
    /// Its name.
    pub name: String,
    /// Its type, where something says it.
    pub kind: Option<String>,
    /// Whether it may not be NULL.
    pub required: bool,
}

impl Promised {
    /// A column as a contract writes it: its type, and `not null` after it.
    pub fn written(name: &str, kind: &str) -> Promised {
        let kind = kind.trim();
        let split = kind.len().checked_sub("not null".len()).filter(|at| kind.is_char_boundary(*at)).map(|at| kind.split_at(at));
        let (kind, required) = match split {
            Some((kind, last)) if last.eq_ignore_ascii_case("not null") => (kind.trim(), true),
            _ => (kind, false),
        };
        Promised { name: name.to_owned(), kind: Some(kind.to_owned()).filter(|kind| !kind.is_empty()), required }
    }
}

/// A column that is there.
struct Found {
    name: String,
    kind: String,
    nullable: bool,
}

fn found(measurement: &Measurement) -> Result<Vec<Found>, Fault> {
    if measurement.rows_seen == 0 {
        return Err(fault(Reason::MissingRelation, "the warehouse has no such relation, or does not show it"));
    }
    if i128::try_from(measurement.items.len()) != Ok(measurement.rows_seen) {
        let (counted, listed) = (measurement.rows_seen, measurement.items.len());
        return Err(fault(Reason::OutOfRange, format!("{counted} columns were counted, and {listed} listed")));
    }
    let mut columns: Vec<Found> = Vec::new();
    for item in &measurement.items {
        let [Cell::Text(name), Cell::Text(kind), Cell::Text(nullable)] = item.as_slice() else {
            return Err(fault(Reason::WrongType, "a column was described by something else than texts"));
        };
        if columns.iter().any(|other| other.name.eq_ignore_ascii_case(name)) {
            return Err(fault(Reason::SeveralRows, format!("the warehouse describes the column `{name}` twice")));
        }
        columns.push(Found { name: name.clone(), kind: kind.clone(), nullable: !nullable.eq_ignore_ascii_case("no") });
    }
    Ok(columns)
}

impl Schema {
    fn compare(&self, measurement: &Measurement) -> Result<Judgement, Fault> {
        let columns = found(measurement)?;
        let common = self.shared();
        let there = |name: &str| columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        let measured = |value: usize, facts: Vec<(String, String)>| Measured {
            rows_seen: measurement.rows_seen,
            value: value.to_string(),
            unit: "columns".to_owned(),
            facts,
        };
        if let Some(promised) = &self.promise.one {
            return Ok(match self.differs(promised, there(&promised.name)) {
                None => Judgement::Pass(measured(0, Vec::new())),
                Some(why) => Judgement::Fail { asks: severity(&common), measured: measured(1, Vec::new()), why },
            });
        }
        let promised = |name: &str| self.promise.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        let added: Vec<String> = columns.iter().filter(|column| !promised(&column.name)).map(|column| column.name.clone()).collect();
        if added.is_empty() || !self.promise.complete {
            return Ok(Judgement::Pass(measured(0, Vec::new())));
        }
        let facts = vec![("added".to_owned(), added.join(", "))];
        let asks = match self.extra.as_ref().map(|extra| extra.value) {
            Some(true) => return Ok(Judgement::Pass(measured(0, facts))),
            Some(false) => severity(&common),
            None => Severity::Warn,
        };
        let names = added.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        let more = if added.len() > 5 { format!(" and {} more", added.len() - 5) } else { String::new() };
        let number = super::judge::counted(measurement.rows_seen.min(i128::try_from(added.len()).unwrap_or(i128::MAX)), "columns");
        let why = format!("{number} that nobody promised: {names}{more}");
        Ok(Judgement::Fail { asks, measured: measured(added.len(), facts), why })
    }

    /// How a promised column is not what was promised, if so.
    fn differs(&self, promised: &Promised, found: Option<&Found>) -> Option<String> {
        let name = &promised.name;
        let Some(found) = found else { return Some(format!("the column {name} is gone")) };
        let dialect = &self.promise.dialect;
        let retyped = promised.kind.as_ref().filter(|kind| !SqlType::of(&found.kind, dialect).keeps(&SqlType::of(kind, dialect)));
        match retyped {
            Some(kind) => Some(format!("the column {name} is {}, and {kind} was promised", found.kind.to_lowercase())),
            None if promised.required && found.nullable => Some(format!("the column {name} may be NULL, and was promised not to be")),
            None => None,
        }
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
        match &self.promise.one {
            Some(column) => vec![Part::Column { relation: 0, column: At::nowhere(column.name.clone()) }],
            None => vec![Part::Everything { relation: 0, but: Vec::new() }],
        }
    }
    fn request(&self) -> Request<'_> {
        let (database, schema, table) = &self.promise.place;
        Request {
            items: vec![("column_name", Expect::Text), ("data_type", Expect::Text), ("is_nullable", Expect::Text)],
            arguments: [("database", json!(database)), ("schema", json!(schema)), ("table", json!(table))].into(),
            ..Request::default()
        }
    }
    fn judge(&self, measurement: &Measurement) -> Judgement {
        self.compare(measurement).unwrap_or_else(Judgement::Error)
    }
    fn problems(&self) -> Vec<Finding> {
        let empty = self.columns.as_ref().is_some_and(IndexMap::is_empty);
        let empty = empty.then(|| Finding::error(codes::CONTRADICTION, "no column is named").at(self.model.span));
        let common = self.shared();
        let filter = no_filter(&common, "columns are columns of all rows");
        let thresholds = no_thresholds(&common, "a column is as promised or not; write severity: warn or hold");
        empty.into_iter().chain(filter).chain(thresholds).collect()
    }
}
