//! The whole project: each model's SQL is read in the order of the DAG, and what was read becomes edges.
//!
//! A model whose SQL is not understood, and whatever is not understood within one that is, hangs on a node "any column" of that model, which
//! depends, by assumed edges, on everything of every parent. Not for single expressions (see `reads`).

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::dialect::{Manners, manners};
use super::graph::{Certainty, Edge, EdgeKind, Node, NodeIndex, Part};
use super::influence::Influences;
use super::parse::{self, Read, Unclear};
use super::relation::{ANY_COLUMN, Relations};
use super::render;
use super::resolve::Reader;
use super::shape::{Field, Open, Shape};
use super::{Columns, Lineage, Problem};
use crate::dbt::{self, NodeKind, Project};
use crate::jinja::Renderer;

/// Columns that dbt adds to a snapshot.
const SNAPSHOT_COLUMNS: [&str; 5] = ["dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_is_deleted"];
/// Materializations that hold exactly what their query gives: only for these a key of the query is a key of the relation.
const EXACT: [&str; 5] = ["table", "view", "ephemeral", "materialized_view", "dynamic_table"];

/// Derives the lineage of every relation of the project. Never fails: what cannot be read becomes assumed edges and a [`Problem`].
pub fn trace(project: &Project) -> Lineage {
    let read = parse::on_large_stack(|| Tracer::new(project).run(true));
    read.unwrap_or_else(|| Tracer::new(project).run(false))
}

struct Tracer<'p> {
    project: &'p Project,
    renderer: Renderer,
    manners: Manners,
    relations: Relations,
    lineage: Lineage,
    /// Where the columns come from that a model passes on without naming them.
    open: BTreeMap<&'p str, Vec<Open>>,
    /// Models with something that was not understood, and all that their "any column" depends on.
    unclear: BTreeMap<&'p str, BTreeSet<String>>,
}

/// One model's SQL, read.
struct Understood {
    shape: Shape,
    doubts: Vec<Unclear>,
    read: BTreeSet<Rc<str>>,
}

impl<'p> Tracer<'p> {
    fn new(project: &'p Project) -> Self {
        Tracer {
            project,
            renderer: Renderer::new(project),
            manners: manners(&project.adapter),
            relations: Relations::of(project),
            lineage: Lineage::default(),
            open: BTreeMap::new(),
            unclear: BTreeMap::new(),
        }
    }

    fn run(mut self, reading: bool) -> Lineage {
        let order = in_order(self.project);
        for node in &order {
            match node.kind {
                NodeKind::Source | NodeKind::Seed => self.given(node),
                NodeKind::Model | NodeKind::Snapshot => {
                    let read = if reading { self.read(node) } else { Err(Unclear::new("its SQL broke the parser")) };
                    match read {
                        Ok(understood) => self.understood(node, understood),
                        Err(error) => self.assumed(node, &error),
                    }
                }
            }
        }
        for node in order.iter().rev() {
            self.pass_on(node);
        }
        self.hang();
        self.unite();
        self.lineage.problems.sort_by(|a, b| (&a.model, &a.message).cmp(&(&b.model, &b.message)));
        self.lineage
    }

    /// A relation that no SQL of the project makes.
    fn given(&mut self, node: &'p dbt::Node) {
        let (names, complete) = listed(node);
        self.add(&node.unique_id, names, complete, Vec::new());
    }

    fn add(&mut self, id: &str, names: Vec<String>, complete: bool, keys: Vec<BTreeSet<usize>>) {
        self.relations.add(&mut self.lineage.graph, id, &names, complete, keys);
        self.lineage.columns.insert(id.to_owned(), Columns { names, complete });
    }

    fn read(&mut self, node: &'p dbt::Node) -> Read<Understood> {
        let variants = render::sql_of(&self.renderer, self.project, node)?;
        let sql = variants.first().map(AsRef::as_ref).unwrap_or_default();
        let query = parse::query(sql, &self.manners)?;
        let mut reader = Reader::new(
            &mut self.lineage.graph,
            &self.relations,
            &self.manners,
            node.unique_id.as_str().into(),
            node.depends_on.iter().map(String::as_str).collect(),
        );
        let shape = reader.query(&query, None)?;
        let (mut doubts, read) = (reader.doubts, reader.read);
        let text = sql.to_lowercase();
        for parent in node.depends_on.iter().filter_map(|id| self.project.nodes.get(id)) {
            let mentioned = parent.materialized == "ephemeral"
                || read.contains(parent.unique_id.as_str())
                || text.contains(&parent.identifier.to_lowercase());
            if !mentioned {
                doubts.push(Unclear::new(format!("{} is a parent, but the SQL does not name it: used while compiling", parent.name)));
            }
        }
        if variants.len() > 1 {
            doubts.push(Unclear::new("a later run has another text than the first"));
        }
        for hook in node.hooks.iter().filter(|hook| !render::is_harmless(hook)) {
            let start: String = hook.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
            doubts.push(Unclear::new(format!("a hook may change it: {start} ...")));
        }
        Ok(Understood { shape, doubts, read })
    }

    /// Draws what was read.
    fn understood(&mut self, node: &'p dbt::Node, understood: Understood) {
        let Understood { mut shape, doubts, read } = understood;
        let id = node.unique_id.as_str();
        let all = {
            let with = shape.open.iter().fold(Influences::default(), |all, open| all.with(&open.with));
            shape.values().with(&with)
        };
        if node.kind == NodeKind::Snapshot {
            let by = all.clone().with(&shape.rows.any()).through(EdgeKind::Transformation);
            shape.fields.extend(SNAPSHOT_COLUMNS.iter().map(|name| Field::new(name, by.clone())));
        }
        if node.kind == NodeKind::Snapshot || !EXACT.contains(&node.materialized.as_str()) {
            // What is kept from run to run is chosen by values: keys, and the bounds of an incremental run.
            shape.rows.decided_by(&all.through(EdgeKind::Filter));
            shape.keys.clear();
        }
        self.list_what_is_used(&mut shape);
        let names = distinct_names(node, &shape);
        let columns = names.iter().zip(&shape.fields).map(|(name, field)| (Part::Column(name.to_lowercase()), &field.from));
        let rows = [(Part::RowsLost, &shape.rows.lost), (Part::RowsAdded, &shape.rows.added)];
        let parts: Vec<(NodeIndex, &Influences)> = columns.chain(rows).map(|(part, from)| (self.node(id, part), from)).collect();
        for (to, from) in &parts {
            self.draw(*to, from);
        }
        self.draw_within(&parts[..shape.fields.len()], &parts);
        let complete = shape.open.is_empty();
        if !complete {
            let any = self.node(id, Part::Column(ANY_COLUMN.into()));
            for open in &shape.open {
                let from = self.open_column(open, ANY_COLUMN);
                self.draw(any, &from);
            }
            self.open.insert(id, shape.open);
        }
        self.add(id, names, complete, shape.keys);
        self.doubt(node, doubts, read);
    }

    /// A star that stays open passes on columns that the model also computes with: these are listed, so that a check on one is known to matter.
    fn list_what_is_used(&mut self, shape: &mut Shape) {
        let rows = shape.rows.any();
        let used: BTreeSet<NodeIndex> =
            shape.fields.iter().map(|field| &field.from).chain([&rows]).flat_map(|from| from.iter().map(|(node, _)| node)).collect();
        for at in 0..shape.open.len() {
            for &node in &used {
                let Node { relation, part: Part::Column(name) } = self.lineage.graph.at(node).clone() else { continue };
                let open = &shape.open[at];
                if *relation == *open.relation
                    && name != ANY_COLUMN
                    && !open.without.contains(&name)
                    && !shape.fields.iter().any(|field| *field.name == *name)
                {
                    let from = self.open_column(&shape.open[at], &name);
                    shape.open[at].without.insert(name.clone());
                    shape.fields.push(Field::new(&name, from));
                }
            }
        }
    }

    /// Within one model: a column that is a copy or a computed value influences whatever else of the model is made of the same value, as if the
    /// SQL had used the model's own column. A check on the copy is then known to matter for the rest.
    fn draw_within(&mut self, columns: &[(NodeIndex, &Influences)], parts: &[(NodeIndex, &Influences)]) {
        let mut copies: BTreeMap<NodeIndex, Vec<NodeIndex>> = BTreeMap::new();
        for (column, from) in columns {
            for (of, _) in from.everything().filter(|(_, kind)| *kind == EdgeKind::Identity) {
                copies.entry(of).or_default().push(*column);
            }
        }
        for (to, from) in parts {
            for (of, kind) in from.everything() {
                for &copy in copies.get(&of).into_iter().flatten().filter(|copy| *copy != to) {
                    self.lineage.graph.draw(copy, *to, edge(kind));
                }
            }
        }
    }

    /// What was read, but not wholly understood.
    fn doubt(&mut self, node: &'p dbt::Node, doubts: Vec<Unclear>, read: BTreeSet<Rc<str>>) {
        let id = node.unique_id.as_str();
        let all_hangs = doubts.iter().any(|doubt| doubt.place.is_none());
        if !doubts.is_empty() {
            let mut on: BTreeSet<String> = node.depends_on.iter().cloned().collect();
            on.extend(read.iter().map(ToString::to_string));
            self.unclear.insert(id, on);
        }
        if all_hangs {
            self.hang_all(id);
        }
        let mut messages: Vec<Unclear> = Vec::new();
        for doubt in doubts {
            if !messages.iter().any(|message| message.message == doubt.message) {
                messages.push(doubt);
            }
        }
        self.lineage.problems.extend(messages.into_iter().map(|doubt| Problem {
            model: id.to_owned(),
            message: doubt.message,
            place: doubt.place,
        }));
    }

    /// A model whose SQL was not understood.
    fn assumed(&mut self, node: &'p dbt::Node, error: &Unclear) {
        let id = node.unique_id.as_str();
        let (names, complete) = listed(node);
        self.add(id, names, complete, Vec::new());
        self.unclear.insert(id, node.depends_on.iter().cloned().collect());
        self.hang_all(id);
        self.lineage.problems.push(Problem { model: id.to_owned(), message: error.message.clone(), place: error.place });
    }

    /// Every part of a relation depends on its "any column".
    fn hang_all(&mut self, id: &str) {
        let any = self.node(id, Part::Column(ANY_COLUMN.into()));
        for (to, _) in self.lineage.graph.parts_of(id) {
            if to != any {
                self.lineage.graph.draw(any, to, edge(EdgeKind::Assumed));
            }
        }
    }

    /// Columns that somebody asked for by name and this model passes on from below.
    fn pass_on(&mut self, node: &dbt::Node) {
        let id = node.unique_id.as_str();
        let listed: BTreeSet<String> =
            self.lineage.columns.get(id).map(|columns| columns.names.iter().map(|name| name.to_lowercase()).collect()).unwrap_or_default();
        let open = self.open.get(id).cloned().unwrap_or_default();
        let hangs = self.unclear.contains_key(id) && !self.open.contains_key(id);
        for (to, part) in self.lineage.graph.parts_of(id) {
            let Part::Column(name) = part else { continue };
            if name == ANY_COLUMN || listed.contains(&name) {
                continue;
            }
            for open in open.iter().filter(|open| !open.without.contains(&name)) {
                let from = self.open_column(open, &name);
                self.draw(to, &from);
            }
            if hangs {
                let any = self.node(id, Part::Column(ANY_COLUMN.into()));
                self.lineage.graph.draw(any, to, edge(EdgeKind::Assumed));
            }
        }
    }

    /// What was not understood depends on everything of every parent.
    fn hang(&mut self) {
        for (id, on) in std::mem::take(&mut self.unclear) {
            let any = self.node(id, Part::Column(ANY_COLUMN.into()));
            for relation in &on {
                for (from, _) in self.lineage.graph.parts_of(relation) {
                    if from != any {
                        self.lineage.graph.draw(from, any, edge(EdgeKind::Assumed));
                    }
                }
            }
        }
    }

    /// Nodes that are one relation of the warehouse (a source declared over a seed's table) influence each other, part by part.
    fn unite(&mut self) {
        for ids in self.relations.same() {
            for (a, b) in ids.iter().flat_map(|a| ids.iter().map(move |b| (a, b))).filter(|(a, b)| a != b) {
                for (from, part) in self.lineage.graph.parts_of(a) {
                    let kind = if matches!(part, Part::Column(_)) { EdgeKind::Identity } else { EdgeKind::Rows };
                    let to = self.lineage.graph.node(Node { relation: b.clone(), part });
                    self.lineage.graph.draw(from, to, edge(kind));
                }
            }
        }
    }

    fn open_column(&mut self, open: &Open, name: &str) -> Influences {
        let kind = if open.outside { EdgeKind::Assumed } else { EdgeKind::Identity };
        super::relation::column(&mut self.lineage.graph, &open.relation, name, kind).with(&open.with)
    }

    fn node(&mut self, relation: &str, part: Part) -> NodeIndex {
        self.lineage.graph.node(Node { relation: relation.to_owned(), part })
    }

    fn draw(&mut self, to: NodeIndex, from: &Influences) {
        for (from, kind) in from.iter().filter(|(from, _)| *from != to) {
            self.lineage.graph.draw(from, to, edge(kind));
        }
    }
}

fn edge(kind: EdgeKind) -> Edge {
    Edge { kind, certainty: if kind == EdgeKind::Assumed { Certainty::Assumed } else { Certainty::Known } }
}

/// The columns that the artifacts name, and whether these are all.
fn listed(node: &dbt::Node) -> (Vec<String>, bool) {
    let columns = node.catalog_columns.as_ref();
    let names = columns.unwrap_or(&node.columns).iter().map(|column| column.name.clone()).collect();
    (names, columns.is_some())
}

/// The columns' names: the catalog's where it has as many, because it knows what the warehouse calls an expression without a name; a name that
/// comes twice gets a number, as warehouses do that let it pass.
fn distinct_names(node: &dbt::Node, shape: &Shape) -> Vec<String> {
    let catalog = node.catalog_columns.as_ref().filter(|columns| columns.len() == shape.fields.len() && shape.open.is_empty());
    let mut names: Vec<String> = Vec::with_capacity(shape.fields.len());
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for (at, field) in shape.fields.iter().enumerate() {
        let count = taken.entry(field.name.to_string()).and_modify(|count| *count += 1).or_insert(0);
        let unnamed = !field.name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
        names.push(match catalog.and_then(|columns| columns.get(at)) {
            Some(column) if *count > 0 || unnamed => column.name.clone(),
            _ if *count > 0 => format!("{}_{count}", field.written),
            _ => field.written.to_string(),
        });
    }
    names
}

/// Parents before children; ties by unique id. A cycle is cut where it is found.
fn in_order(project: &Project) -> Vec<&dbt::Node> {
    let (mut order, mut seen) = (Vec::with_capacity(project.nodes.len()), BTreeSet::new());
    for root in project.nodes.values() {
        let mut stack = vec![(root, false)];
        while let Some((node, done)) = stack.pop() {
            if done {
                order.push(node);
            } else if seen.insert(node.unique_id.as_str()) {
                stack.push((node, true));
                stack.extend(node.depends_on.iter().rev().filter_map(|id| project.nodes.get(id)).map(|parent| (parent, false)));
            }
        }
    }
    order
}
