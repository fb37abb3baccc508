//! The relations of the project as SQL sees them: by which names they are found, which columns and keys they have.
//!
//! Names are known from the start; columns and keys once a relation's own SQL was read. Not for CTEs (see `query`).

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use super::graph::EdgeKind;
use super::influence::Influences;
use super::kind::{self, Kind};
use super::nodes::{Nodes, RelationIndex};
use super::shape::{Field, Open, Shape};
use crate::dbt;

/// Stands for every column of a relation that no list names: the column list is not complete, or its SQL was not understood.
pub(super) const ANY_COLUMN: &str = "*";

/// Position of a relation in the order of the DAG.
pub(super) type Position = usize;

/// A column as a list names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ColumnName {
    /// As written.
    pub(super) written: Arc<str>,
    /// Lower-cased; columns are found by it.
    pub(super) lower: Arc<str>,
}

impl ColumnName {
    pub(super) fn new(written: &str) -> Self {
        let is_lower = written.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        let lower = if is_lower { None } else { Some(written.to_lowercase().into()) };
        let written: Arc<str> = written.into();
        ColumnName { lower: lower.unwrap_or_else(|| Arc::clone(&written)), written }
    }
}

/// Columns and keys of a relation.
#[derive(Debug, Clone)]
pub(super) struct Schema {
    pub(super) columns: Vec<ColumnName>,
    /// Whether there are no other columns.
    pub(super) complete: bool,
    /// Sets of columns (by position) that differ in every two rows.
    pub(super) keys: Vec<BTreeSet<usize>>,
    /// The sort of each column's values.
    pub(super) kinds: Vec<Kind>,
    /// Of all that, to tell whether a model that was read before saw the same.
    pub(super) fingerprint: [u8; 16],
}

impl Schema {
    /// Columns of a relation (its unique id) as written, with the sort of their values where that is known; `complete`: there are no others.
    pub(super) fn new<'n>(
        id: &str,
        listed: impl Iterator<Item = (&'n str, Option<Kind>)>,
        complete: bool,
        keys: Vec<BTreeSet<usize>>,
    ) -> Self {
        let mut bytes: Vec<u8> = Vec::with_capacity(1024);
        let (columns, kinds): (Vec<ColumnName>, Vec<Option<Kind>>) = listed.map(|(name, kind)| (ColumnName::new(name), kind)).unzip();
        let relation = if kinds.contains(&None) { kind::number(&[b"relation", id.as_bytes()]) } else { 0 };
        let kind = |(at, kind): (usize, Option<Kind>)| kind.unwrap_or_else(|| Kind::of_column(relation, at));
        let kinds: Vec<Kind> = kinds.into_iter().enumerate().map(kind).collect();
        kinds.iter().for_each(|kind| bytes.extend_from_slice(&kind.bytes()));
        for column in &columns {
            bytes.extend_from_slice(column.written.as_bytes());
            bytes.push(0);
        }
        bytes.push(u8::from(complete));
        for key in &keys {
            for at in key {
                bytes.extend_from_slice(&at.to_le_bytes());
            }
            bytes.extend_from_slice(&[u8::MAX - 1; 8]);
        }
        let mut fingerprint = [0; 16];
        fingerprint.copy_from_slice(&blake3::hash(&bytes).as_bytes()[..16]);
        Schema { columns, complete, keys, kinds, fingerprint }
    }
}

/// Relations in the order of the DAG, by name and by unique id.
#[derive(Debug, Default)]
pub(super) struct Relations {
    ids: Vec<Arc<str>>,
    by_id: HashMap<Arc<str>, Position>,
    named: HashMap<String, Vec<Position>>,
    inlined: HashMap<String, Vec<Position>>,
    schemas: Vec<OnceLock<Schema>>,
    given: Vec<bool>,
    /// Nodes by their full name: a source that is declared over the table of a seed or model is the same relation.
    full: HashMap<String, Vec<Position>>,
}

/// What a name in a FROM means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// This relation of the project.
    One(Position),
    /// None of the project's.
    None,
    /// Several, and nothing says which.
    Several,
}

impl Relations {
    /// Every name of these nodes; no columns yet.
    pub(super) fn of<'p>(nodes: impl Iterator<Item = &'p dbt::Node>) -> Self {
        let mut relations = Relations::default();
        for (at, node) in nodes.enumerate() {
            let id: Arc<str> = node.unique_id.as_str().into();
            relations.ids.push(Arc::clone(&id));
            relations.by_id.insert(id, at);
            relations.schemas.push(OnceLock::new());
            relations.given.push(matches!(node.kind, dbt::NodeKind::Source | dbt::NodeKind::Seed));
            relations.name(at, node);
        }
        relations
    }
    fn name(&mut self, at: Position, node: &dbt::Node) {
        if node.materialized == "ephemeral" {
            for name in BTreeSet::from([node.identifier.to_lowercase(), node.name.to_lowercase()]) {
                self.inlined.entry(name).or_default().push(at);
            }
            return;
        }
        let Some(full) = full_name(node) else { return };
        self.full.entry(full.join(".")).or_default().push(at);
        let written = node.relation_name.as_deref().map(name_parts).filter(|written| *written != full).unwrap_or_default();
        for parts in [full, written] {
            for from in 0..parts.len() {
                let named = self.named.entry(parts[from..].join(".")).or_default();
                if named.last() != Some(&at) {
                    named.push(at);
                }
            }
        }
    }
    /// Positions of nodes that are one and the same relation of the warehouse, in order of their unique ids.
    pub(super) fn same(&self) -> Vec<Vec<Position>> {
        let mut same: Vec<Vec<Position>> = self.full.values().filter(|all| all.len() > 1).cloned().collect();
        same.iter_mut().for_each(|all| all.sort_by_key(|&at| &self.ids[at]));
        same.sort_by_key(|all| all.first().map(|&at| &self.ids[at]));
        same
    }
    /// Unique id of a relation.
    pub(super) fn id(&self, at: Position) -> &Arc<str> {
        &self.ids[at]
    }
    /// Whether no SQL of the project makes it: its columns are known from the start.
    pub(super) fn is_given(&self, at: Position) -> bool {
        self.given[at]
    }
    /// Where a unique id stands.
    pub(super) fn position(&self, id: &str) -> Option<Position> {
        self.by_id.get(id).copied()
    }
    /// Which relation a name in a FROM means; where the name alone does not say, the model's parents do.
    pub(super) fn find(&self, name: &str, parents: &BTreeSet<Position>) -> Named {
        if let Some(candidates) = self.named.get(name) {
            return choose(candidates, parents);
        }
        // Projects may render `ref` and `source` with another database: then the rest of the name is that of a parent.
        let mut rest = name;
        while let Some((_, after)) = rest.split_once('.') {
            rest = after;
            let candidates = self.named.get(rest).filter(|_| rest.contains('.'));
            let mut near = candidates.into_iter().flatten().filter(|at| parents.contains(at));
            if let (Some(&at), None) = (near.next(), near.next()) {
                return Named::One(at);
            }
        }
        Named::None
    }
    /// Whether a relation of the project has this very name, or a shorter form of it.
    pub(super) fn is_name(&self, name: &str) -> bool {
        self.named.contains_key(name)
    }
    /// Which ephemeral model dbt put into a statement as the CTE of this name.
    pub(super) fn find_inlined(&self, cte: &str, parents: &BTreeSet<Position>) -> Option<Position> {
        match choose(self.inlined.get(cte.strip_prefix("__dbt__cte__")?)?, parents) {
            Named::One(at) => Some(at),
            Named::None | Named::Several => None,
        }
    }
    /// Makes the columns and keys of a relation known; the first time counts.
    pub(super) fn add(&self, at: Position, schema: Schema) {
        let _ = self.schemas[at].set(schema);
    }
    /// The columns and keys of a relation, once known.
    pub(super) fn schema(&self, at: Position) -> Option<&Schema> {
        self.schemas[at].get()
    }
}

/// Database, schema and identifier of a node, lower-cased; an ephemeral model has no relation of its own.
pub(super) fn full_name(node: &dbt::Node) -> Option<Vec<String>> {
    if node.materialized == "ephemeral" {
        return None;
    }
    let parts = node.database.as_deref().into_iter().chain([node.schema.as_str(), node.identifier.as_str()]);
    Some(parts.map(str::to_lowercase).collect())
}

/// How a relation looks to who reads it. Without a schema (a model that reads itself, or one that is no parent) it has columns by name only.
pub(super) fn shape(nodes: &Nodes<'_>, relation: RelationIndex, schema: Option<&Schema>) -> Shape {
    let Some(schema) = schema else {
        return Shape { open: vec![open(relation, false)], rows: nodes.rows(relation, EdgeKind::Rows), ..Shape::default() };
    };
    let field =
        |(at, (name, kind)): (usize, (&ColumnName, &Kind))| Field::named(name, nodes.listed(relation, at, EdgeKind::Identity)).of(*kind);
    Shape {
        fields: schema.columns.iter().zip(&schema.kinds).enumerate().map(field).collect(),
        open: if schema.complete { Vec::new() } else { vec![open(relation, false)] },
        rows: nodes.rows(relation, EdgeKind::Rows),
        keys: schema.keys.clone(),
        ..Shape::default()
    }
}

/// The shape of a relation that is not in the project: everything about it is assumed.
pub(super) fn outside(nodes: &mut Nodes<'_>, name: &str) -> (RelationIndex, Shape) {
    let relation = nodes.enter(&format!("relation:{name}").into(), None);
    nodes.column(relation, ANY_COLUMN, EdgeKind::Assumed);
    let shape = Shape { open: vec![open(relation, true)], rows: nodes.rows(relation, EdgeKind::Assumed), ..Shape::default() };
    (relation, shape)
}

fn open(relation: RelationIndex, outside: bool) -> Open {
    Open { relation: Some(relation), with: Influences::default(), without: BTreeSet::new(), outside }
}

fn choose(candidates: &[Position], parents: &BTreeSet<Position>) -> Named {
    let mut near = candidates.iter().filter(|at| parents.contains(at));
    match (near.next(), near.next(), candidates) {
        (Some(&at), None, _) => Named::One(at),
        (None, _, &[only]) => Named::One(only),
        (Some(_), Some(_), _) | (None, ..) => Named::Several,
    }
}

/// The parts of a relation's name as dbt renders it, without quotes, lower-cased: `"db"."main"."orders"`, `` `p.d.t` ``, `[dbo].[t]`, and the
/// name of a file that stands for a source of dbt-duckdb: `'data/orders.parquet'`.
pub(super) fn name_parts(rendered: &str) -> Vec<String> {
    let (mut parts, mut part, mut closing) = (Vec::new(), String::new(), None);
    for letter in rendered.chars() {
        match (letter, closing) {
            (letter, Some(quote)) if letter == quote => closing = None,
            ('"' | '`' | '\'', None) => closing = Some(letter),
            ('[', None) => closing = Some(']'),
            ('.', None | Some('`')) => parts.push(std::mem::take(&mut part)),
            (letter, _) => part.extend(letter.to_lowercase()),
        }
    }
    parts.push(part);
    parts
}
