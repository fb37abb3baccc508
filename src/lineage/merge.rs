//! What was read of each model becomes nodes and edges of one graph.
//!
//! Whatever was not understood hangs on a node "any column" of its model, which depends, by assumed edges, on everything of every parent. Not for
//! reading (see `model`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::graph::{Certainty, Edge, EdgeKind, NodeIndex, Part, PartName};
use super::parse::Unclear;
use super::relation::{ANY_COLUMN, ColumnName, Position, Relations, Schema};
use super::traced::{Traced, TracedOpen, TracedPart};
use super::{Columns, Lineage, Problem};
use crate::dbt::Node;

/// Puts the lineage of a project together. Relations are added in the order of the DAG.
pub(super) struct Merger<'p> {
    lineage: Lineage,
    /// For each relation, in the order of the DAG: the nodes of its listed columns, of its rows lost and added.
    nodes: Vec<Vec<NodeIndex>>,
    /// For each model with open stars: the relation that is passed on, what else counts, and the names left out.
    open: BTreeMap<&'p str, Vec<Passed>>,
    /// Models with something that was not understood, and all that their "any column" depends on.
    unclear: BTreeMap<&'p str, BTreeSet<String>>,
}

/// An open star, in nodes of the graph.
#[derive(Clone)]
struct Passed {
    relation: Option<String>,
    with: Vec<(NodeIndex, EdgeKind)>,
    without: BTreeSet<String>,
    outside: bool,
}

impl<'p> Merger<'p> {
    pub(super) fn new() -> Self {
        Merger { lineage: Lineage::default(), nodes: Vec::new(), open: BTreeMap::new(), unclear: BTreeMap::new() }
    }

    /// A relation and its columns. Its parts become nodes even if nothing depends on them.
    pub(super) fn add(&mut self, node: &'p Node, schema: &Schema) {
        let id = node.unique_id.as_str();
        let relation: Arc<str> = id.into();
        let column = |name: &ColumnName| Part::Column(Arc::clone(&name.lower));
        let parts = schema.columns.iter().map(column).chain([Part::RowsLost, Part::RowsAdded]);
        let nodes = self.lineage.graph.nodes_of(&relation, parts);
        self.nodes.push(nodes);
        if !schema.complete {
            self.any(id);
        }
        let names = schema.columns.iter().map(|column| column.written.to_string()).collect();
        self.lineage.columns.insert(id.to_owned(), Columns { names, complete: schema.complete });
    }

    /// Draws what was read of a model that was added.
    pub(super) fn draw(&mut self, relations: &Relations, at: Position, node: &'p Node, traced: Traced) {
        let id = node.unique_id.as_str();
        let positions: Vec<Option<Position>> = traced.relations.iter().map(|id| relations.position(id)).collect();
        let part = |(relation, part): &(u32, TracedPart)| {
            let relation = *relation as usize;
            self.traced_node(positions[relation], &traced.relations[relation], part)
        };
        let nodes: Vec<NodeIndex> = traced.nodes.iter().map(part).collect();
        let own = std::mem::take(&mut self.nodes[at]);
        for (&to, from) in own.iter().zip(&traced.parts) {
            let edges = from.iter().map(|&(from, kind)| (nodes[from as usize], edge(kind)));
            self.lineage.graph.draw_new(to, edges.filter(|(from, _)| *from != to));
        }
        for &(from, to, kind) in &traced.within {
            self.lineage.graph.draw(own[from as usize], own[to as usize], edge(kind));
        }
        self.nodes[at] = own;
        if !traced.open.is_empty() {
            let passed = traced.open.iter().map(|open| passed(open, &traced, &nodes)).collect::<Vec<_>>();
            let any = self.any(id);
            passed.iter().for_each(|open| self.pass(any, open, ANY_COLUMN));
            self.open.insert(id, passed);
        }
        self.doubt(node, traced);
    }

    /// What was read, but not wholly understood.
    fn doubt(&mut self, node: &'p Node, traced: Traced) {
        let id = node.unique_id.as_str();
        if !traced.compiled_with.is_empty() {
            self.hang_all(id);
            self.unclear.entry(id).or_default().extend(traced.compiled_with.iter().cloned());
            let name = |parent: &String| parent.rsplit('.').next().unwrap_or(parent).to_owned();
            let names: Vec<String> = traced.compiled_with.iter().map(name).collect();
            let message = format!("the SQL does not name its parent {}: used while compiling", names.join(", "));
            self.lineage.problems.push(Problem { model: id.to_owned(), message, place: None });
        }
        if !traced.doubts.is_empty() {
            let read = traced.read.iter().map(|&at| traced.relations[at as usize].clone());
            self.unclear.entry(id).or_default().extend(node.depends_on.iter().cloned().chain(read));
        }
        if traced.doubts.iter().any(|(_, place)| place.is_none()) {
            self.hang_all(id);
        }
        let problems = traced.doubts.into_iter().map(|(message, place)| Problem { model: id.to_owned(), message, place });
        self.lineage.problems.extend(problems);
    }

    /// A model whose SQL was not understood.
    pub(super) fn assume(&mut self, node: &'p Node, error: Unclear) {
        let id = node.unique_id.as_str();
        self.unclear.insert(id, node.depends_on.iter().cloned().collect());
        self.hang_all(id);
        self.lineage.problems.push(Problem { model: id.to_owned(), message: error.message, place: error.place });
    }

    /// Every part of a relation depends on its "any column".
    fn hang_all(&mut self, id: &str) {
        let any = self.any(id);
        for (to, _) in self.lineage.graph.parts_of(id) {
            if to != any {
                self.lineage.graph.draw(any, to, edge(EdgeKind::Assumed));
            }
        }
    }

    /// What needs all models: columns that are passed on unnamed, what was not understood, relations that are one and the same.
    pub(super) fn finish(mut self, order: &[&'p Node], relations: &Relations) -> Lineage {
        for node in order.iter().rev() {
            self.pass_on(node);
        }
        self.whole_rows();
        self.hang();
        self.unite(relations);
        self.lineage.problems.iter_mut().for_each(|problem| problem.message = short(&problem.message));
        self.lineage.problems.sort_by(|a, b| (&a.model, &a.message).cmp(&(&b.model, &b.message)));
        self.lineage
    }

    /// Columns that somebody asked for by name and this model passes on from below.
    fn pass_on(&mut self, node: &Node) {
        let id = node.unique_id.as_str();
        let open = self.open.get(id).cloned().unwrap_or_default();
        let hangs = self.unclear.contains_key(id) && open.is_empty();
        if open.is_empty() && !hangs {
            return;
        }
        let listed: BTreeSet<String> =
            self.lineage.columns.get(id).map(|columns| columns.names.iter().map(|name| name.to_lowercase()).collect()).unwrap_or_default();
        for (to, part) in self.lineage.graph.parts_of(id) {
            let Part::Column(name) = part else { continue };
            if *name == *ANY_COLUMN || listed.contains(&*name) {
                continue;
            }
            for open in open.iter().filter(|open| !open.without.contains(&*name)) {
                self.pass(to, open, &name);
            }
            if hangs {
                let any = self.any(id);
                self.lineage.graph.draw(any, to, edge(EdgeKind::Assumed));
            }
        }
    }

    /// Who reads "any column" of a relation whose columns nobody listed (a whole row, say) reads those, too, that others name.
    fn whole_rows(&mut self) {
        let mut named: HashMap<NodeIndex, Vec<NodeIndex>> = HashMap::new();
        for (id, columns) in self.lineage.columns.iter().filter(|(_, columns)| !columns.complete) {
            let listed: BTreeSet<String> = columns.names.iter().map(|name| name.to_lowercase()).collect();
            let (mut any, mut others) = (None, Vec::new());
            for (node, part) in self.lineage.graph.parts_of(id) {
                match part {
                    Part::Column(name) if *name == *ANY_COLUMN => any = Some(node),
                    Part::Column(name) if !listed.contains(&*name) => others.push(node),
                    Part::Column(_) | Part::RowsLost | Part::RowsAdded => {}
                }
            }
            if let Some(any) = any.filter(|_| !others.is_empty()) {
                named.insert(any, others);
            }
        }
        for to in (0..self.lineage.graph.len()).filter_map(|at| NodeIndex::try_from(at).ok()).filter(|_| !named.is_empty()) {
            let relation = Arc::clone(&self.lineage.graph.at(to).relation);
            let edges = self.lineage.graph.influences(to).iter();
            let whole = edges.filter(|(from, _)| named.contains_key(from) && self.lineage.graph.at(*from).relation != relation);
            for (any, edge) in whole.copied().collect::<Vec<_>>() {
                named[&any].iter().for_each(|&from| self.lineage.graph.draw(from, to, edge));
            }
        }
    }

    /// `to` is the column of this name that an open star passes on.
    fn pass(&mut self, to: NodeIndex, open: &Passed, name: &str) {
        let from = open.relation.as_ref().map(|relation| self.part(relation, PartName::Column(name)));
        let kind = if open.outside { EdgeKind::Assumed } else { EdgeKind::Identity };
        for (from, kind) in from.map(|from| (from, kind)).into_iter().chain(open.with.iter().copied()).filter(|(from, _)| *from != to) {
            self.lineage.graph.draw(from, to, edge(kind));
        }
    }

    /// What was not understood depends on everything of every parent.
    fn hang(&mut self) {
        for (id, on) in std::mem::take(&mut self.unclear) {
            let any = self.any(id);
            let drawn: BTreeSet<NodeIndex> = self.lineage.graph.influences(any).iter().map(|(from, _)| *from).collect();
            let parts: BTreeSet<NodeIndex> =
                on.iter().flat_map(|relation| self.lineage.graph.parts_of(relation)).map(|(from, _)| from).collect();
            let new: Vec<NodeIndex> = parts.into_iter().filter(|from| *from != any).collect();
            for from in new {
                if drawn.contains(&from) {
                    self.lineage.graph.draw(from, any, edge(EdgeKind::Assumed));
                } else {
                    self.lineage.graph.draw_new(any, std::iter::once((from, edge(EdgeKind::Assumed))));
                }
            }
        }
    }

    /// Nodes that are one relation of the warehouse (a source declared over a seed's table) influence each other, part by part.
    fn unite(&mut self, relations: &Relations) {
        for same in relations.same() {
            let ids: Vec<_> = same.iter().map(|&at| relations.id(at)).collect();
            for (a, b) in ids.iter().flat_map(|a| ids.iter().map(move |b| (a, b))).filter(|(a, b)| a != b) {
                for (from, part) in self.lineage.graph.parts_of(a) {
                    let kind = if matches!(part, Part::Column(_)) { EdgeKind::Identity } else { EdgeKind::Rows };
                    let to = self.lineage.graph.node(super::Node { relation: (*b).clone(), part });
                    self.lineage.graph.draw(from, to, edge(kind));
                }
            }
        }
    }

    /// The node that a part of a relation stands for. Positions hold, because the list is the one that was seen.
    fn traced_node(&mut self, relation: Option<Position>, id: &str, part: &TracedPart) -> NodeIndex {
        let nodes = relation.map_or(&[][..], |at| &self.nodes[at]);
        let known = match part {
            TracedPart::Listed(position) => nodes.get(*position as usize).copied(),
            TracedPart::Named(_) => None,
            TracedPart::RowsLost => nodes.len().checked_sub(2).map(|at| nodes[at]),
            TracedPart::RowsAdded => nodes.last().copied(),
        };
        known.unwrap_or_else(|| match part {
            TracedPart::Named(name) => self.part(id, PartName::Column(name)),
            TracedPart::RowsLost => self.part(id, PartName::RowsLost),
            TracedPart::RowsAdded => self.part(id, PartName::RowsAdded),
            // Not to be: then it is any column.
            TracedPart::Listed(_) => self.any(id),
        })
    }
    fn part(&mut self, relation: &str, part: PartName<'_>) -> NodeIndex {
        self.lineage.graph.part(relation, part)
    }
    fn any(&mut self, relation: &str) -> NodeIndex {
        self.part(relation, PartName::Column(ANY_COLUMN))
    }
}

/// One line of bounded length: a message may quote the SQL.
fn short(message: &str) -> String {
    const LONGEST: usize = 200;
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

fn passed(open: &TracedOpen, traced: &Traced, nodes: &[NodeIndex]) -> Passed {
    Passed {
        relation: open.relation.map(|at| traced.relations[at as usize].clone()),
        with: open.with.iter().map(|&(node, kind)| (nodes[node as usize], kind)).collect(),
        without: open.without.iter().cloned().collect(),
        outside: open.outside,
    }
}

fn edge(kind: EdgeKind) -> Edge {
    Edge { kind, certainty: if kind == EdgeKind::Assumed { Certainty::Assumed } else { Certainty::Known } }
}
