//! The relations of the project as SQL sees them: by which names they are found, which columns and keys they have.
//!
//! A relation is added once its own SQL was read, in the order of the DAG. Not for CTEs (see `query`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::graph::{EdgeKind, Graph, Node, Part};
use super::influence::{Influences, Rows};
use super::shape::{Field, Open, Shape};
use crate::dbt;

/// Stands for every column of a relation that no list names: the column list is not complete, or its SQL was not understood.
pub(super) const ANY_COLUMN: &str = "*";

/// Relations by name and by unique id.
#[derive(Debug, Default)]
pub(super) struct Relations {
    named: HashMap<String, BTreeSet<Rc<str>>>,
    inlined: HashMap<String, BTreeSet<Rc<str>>>,
    shapes: BTreeMap<Rc<str>, Shape>,
    /// Nodes by their full name: a source that is declared over the table of a seed or model is the same relation.
    full: BTreeMap<String, Vec<String>>,
}

/// What a name in a FROM means.
pub(super) enum Named {
    /// This relation of the project.
    One(Rc<str>),
    /// None of the project's.
    None,
    /// Several, and nothing says which.
    Several,
}

impl Relations {
    /// Every name of every node; no columns yet.
    pub(super) fn of(project: &dbt::Project) -> Self {
        let mut relations = Relations::default();
        for node in project.nodes.values() {
            relations.name(node);
        }
        relations
    }
    fn name(&mut self, node: &dbt::Node) {
        let id: Rc<str> = node.unique_id.as_str().into();
        if node.materialized == "ephemeral" {
            for name in [&node.identifier, &node.name] {
                self.inlined.entry(name.to_lowercase()).or_default().insert(Rc::clone(&id));
            }
            return;
        }
        let mut full = vec![node.identifier.to_lowercase()];
        full.insert(0, node.schema.to_lowercase());
        full.splice(0..0, node.database.iter().map(|database| database.to_lowercase()));
        self.full.entry(full.join(".")).or_default().push(node.unique_id.clone());
        let written = node.relation_name.as_deref().map(name_parts).unwrap_or_default();
        for parts in [full, written] {
            for from in 0..parts.len() {
                self.named.entry(parts[from..].join(".")).or_default().insert(Rc::clone(&id));
            }
        }
    }
    /// Unique ids of nodes that are one and the same relation of the warehouse.
    pub(super) fn same(&self) -> impl Iterator<Item = &[String]> {
        self.full.values().map(Vec::as_slice).filter(|ids| ids.len() > 1)
    }
    /// Which relation a name in a FROM means; where the name alone does not say, the model's parents do.
    pub(super) fn find(&self, parts: &[String], parents: &BTreeSet<&str>) -> Named {
        let Some(candidates) = self.named.get(&parts.join(".")) else { return Named::None };
        choose(candidates, parents)
    }
    /// Which ephemeral model dbt put into a statement as the CTE of this name.
    pub(super) fn find_inlined(&self, cte: &str, parents: &BTreeSet<&str>) -> Option<Rc<str>> {
        match choose(self.inlined.get(cte.strip_prefix("__dbt__cte__")?)?, parents) {
            Named::One(id) => Some(id),
            Named::None | Named::Several => None,
        }
    }
    /// Makes the columns and keys of a relation known. `complete`: there are no other columns.
    pub(super) fn add(&mut self, graph: &mut Graph, id: &str, names: &[String], complete: bool, keys: Vec<BTreeSet<usize>>) {
        let fields = names.iter().map(|name| Field::new(name, column(graph, id, &name.to_lowercase(), EdgeKind::Identity))).collect();
        if !complete {
            column(graph, id, ANY_COLUMN, EdgeKind::Identity);
        }
        let open = if complete { Vec::new() } else { vec![open(id, false)] };
        self.shapes.insert(id.into(), Shape { fields, open, rows: rows(graph, id, EdgeKind::Rows), keys });
    }
    /// How a relation looks to who reads it. One that was not added yet (a model that reads itself) has columns by name only.
    pub(super) fn shape(&self, graph: &mut Graph, id: &Rc<str>) -> Shape {
        self.shapes.get(id).cloned().unwrap_or_else(|| Shape {
            fields: Vec::new(),
            open: vec![open(id, false)],
            rows: rows(graph, id, EdgeKind::Rows),
            keys: Vec::new(),
        })
    }
}

/// The shape of a relation that is not in the project: everything about it is assumed.
pub(super) fn outside(graph: &mut Graph, name: &str) -> (Rc<str>, Shape) {
    let id: Rc<str> = format!("relation:{name}").into();
    column(graph, &id, ANY_COLUMN, EdgeKind::Assumed);
    let shape = Shape { fields: Vec::new(), open: vec![open(&id, true)], rows: rows(graph, &id, EdgeKind::Assumed), keys: Vec::new() };
    (id, shape)
}

/// The influence of one column of a relation.
pub(super) fn column(graph: &mut Graph, relation: &str, lower: &str, kind: EdgeKind) -> Influences {
    Influences::of(graph.node(Node { relation: relation.to_owned(), part: Part::Column(lower.to_owned()) }), kind)
}

fn rows(graph: &mut Graph, relation: &str, kind: EdgeKind) -> Rows {
    let mut of = |part| Influences::of(graph.node(Node { relation: relation.to_owned(), part }), kind);
    Rows { lost: of(Part::RowsLost), added: of(Part::RowsAdded) }
}

fn open(id: &str, outside: bool) -> Open {
    Open { relation: id.into(), with: Influences::default(), without: BTreeSet::new(), outside }
}

fn choose(candidates: &BTreeSet<Rc<str>>, parents: &BTreeSet<&str>) -> Named {
    let mut near = candidates.iter().filter(|id| parents.contains(&***id));
    match (near.next(), near.next(), candidates.len()) {
        (Some(id), None, _) => Named::One(Rc::clone(id)),
        (Some(_), Some(_), _) => Named::Several,
        (None, _, 1) => candidates.first().map_or(Named::None, |id| Named::One(Rc::clone(id))),
        (None, _, _) => Named::Several,
    }
}

/// The parts of a relation's name as dbt renders it, without quotes, lower-cased: `"db"."main"."orders"`, `` `p.d.t` ``, `[dbo].[t]`.
pub(super) fn name_parts(rendered: &str) -> Vec<String> {
    let (mut parts, mut part, mut closing) = (Vec::new(), String::new(), None);
    for letter in rendered.chars() {
        match (letter, closing) {
            (letter, Some(quote)) if letter == quote => closing = None,
            ('"' | '`', None) => closing = Some(letter),
            ('[', None) => closing = Some(']'),
            ('.', None | Some('`')) => parts.push(std::mem::take(&mut part)),
            (letter, _) => part.extend(letter.to_lowercase()),
        }
    }
    parts.push(part);
    parts
}
