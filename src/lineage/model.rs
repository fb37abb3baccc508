//! One model: its SQL is read, and what was read is written down apart from the project.
//!
//! Whatever is not understood hangs on the model's "any column", which the graph makes depend on everything of every parent. Not for the order
//! of models (see `trace`) and not for the graph (see `merge`).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::defined::Defined;
use super::dialect::Manners;
use super::graph::{EdgeKind, NodeIndex, PartName};
use super::influence::Influences;
use super::nodes::Nodes;
use super::parse::{self, Read, Unclear};
use super::relation::{ANY_COLUMN, Named, Position, Relations};
use super::render::Texts;
use super::resolve::{Reader, Who};
use super::shape::{Field, Open, Shape};
use super::traced::{Traced, TracedOpen};
use crate::dbt::{Node, NodeKind, Project};
use crate::jinja::Renderer;

/// Columns that dbt adds to a snapshot.
const SNAPSHOT_COLUMNS: [&str; 5] = ["dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_is_deleted"];
/// Materializations that hold exactly what their query gives: only for these a key of the query is a key of the relation.
pub(super) const EXACT: [&str; 5] = ["table", "view", "ephemeral", "materialized_view", "dynamic_table"];

/// What the models of one project have in common.
pub(super) struct Ground<'p> {
    pub(super) project: &'p Project,
    pub(super) relations: &'p Relations,
    pub(super) manners: Manners,
    /// Renders what dbt did not compile.
    pub(super) renderer: Renderer,
    /// Macros that the project defines in the warehouse.
    pub(super) macros: HashMap<String, Defined>,
}

/// Reads the SQL of one model; `variants` are the texts that it may have, `parents` those that come before it.
pub(super) fn read(ground: &Ground<'_>, at: Position, node: &Node, parents: BTreeSet<Position>, texts: &Texts<'_>) -> Read<Traced> {
    let variants = texts.variants.as_slice();
    let who = Who { model: Some(at), parents, sees_all: false };
    let mut reader = Reader::new(ground.relations, &ground.manners, &ground.macros, who);
    let mut shape: Option<Shape> = None;
    for sql in variants {
        let bytes = sql.as_bytes();
        let called = |(at, _): (usize, &str)| at >= 7 && bytes[at - 7..at].eq_ignore_ascii_case(b"columns");
        // `* LIKE` is read as a COLUMNS().
        reader.has_columns = sql.match_indices('(').any(called) || sql.match_indices('*').any(|(at, _)| conditioned(&sql[at + 1..]));
        let query = parse::query(sql, &ground.manners)?;
        let one = reader.query(&query, None)?;
        shape = Some(match shape {
            None => one,
            Some(before) => either(before, one).map_err(Unclear::new)?,
        });
    }
    let mut shape = shape.ok_or_else(|| Unclear::new("it has no SQL"))?;
    for (hook, statements) in &texts.hooks {
        shape = hooked(&mut reader, hook, statements, shape);
    }
    reader.doubts.extend(texts.doubt.clone());
    reader.doubts.extend(mistaken(&reader));
    let compiled_with = compiled_with(ground.project, &reader, node, variants);
    keep(node, &mut shape);
    list_from_artifacts(&mut reader.nodes, node, &mut shape);
    list_what_is_used(&mut reader.nodes, &mut shape);
    Ok(Traced { compiled_with, ..write(reader, node, shape) })
}

/// Whether a word of a condition on names may follow a star.
fn conditioned(rest: &str) -> bool {
    rest.trim_start().starts_with(['l', 'L', 'i', 'I', 'n', 'N', 's', 'S'])
}

/// What a model holds whose text depends on how it is run: columns and rows of either text.
fn either(mut one: Shape, other: Shape) -> Result<Shape, String> {
    if one.fields.len() != other.fields.len() || one.fields.iter().zip(&other.fields).any(|(a, b)| a.name != b.name) {
        return Err("its columns differ between a full and an incremental run".into());
    }
    for (field, other) in one.fields.iter_mut().zip(other.fields) {
        field.unite(&other);
    }
    one.rows.join(&other.rows);
    one.open.extend(other.open);
    one.keys.clear();
    Ok(one)
}

/// The parents that the SQL does not name: what they hold may have been used while it was compiled.
fn compiled_with(project: &Project, reader: &Reader<'_>, node: &Node, variants: &[Cow<'_, str>]) -> Vec<String> {
    let mut compiled_with = Vec::new();
    let mut text: Option<String> = None;
    for parent in node.depends_on.iter().filter_map(|id| project.nodes.get(id)) {
        let is_read = || reader.read.iter().any(|&relation| **reader.nodes.id(relation) == *parent.unique_id);
        if parent.materialized == "ephemeral" || is_read() {
            continue;
        }
        let text = text.get_or_insert_with(|| variants.concat().to_lowercase());
        if !text.contains(&parent.identifier.to_lowercase()) {
            compiled_with.push(parent.unique_id.clone());
        }
    }
    compiled_with
}

/// A name with another database was taken for a parent, but the SQL names that parent, too: they may be two relations.
fn mistaken(reader: &Reader<'_>) -> Vec<Unclear> {
    let (exact, other): (Vec<_>, Vec<_>) = reader.looked_up.iter().partition(|(name, _)| reader.relations.is_name(name));
    let twice = other.into_iter().filter(|(_, named)| *named != Named::None && exact.iter().any(|(_, by_name)| by_name == named));
    twice.map(|(name, _)| Unclear::new(format!("{name} may be a relation outside of the project"))).collect()
}

/// The model after a hook; one that is not understood may have changed all of it.
fn hooked(reader: &mut Reader<'_>, hook: &str, texts: &Read<Vec<Cow<'_, str>>>, shape: Shape) -> Shape {
    let mut run = || {
        let mut changed = shape.clone();
        for sql in texts.as_ref().map_err(Clone::clone)? {
            for statement in &parse::statements(sql, reader.manners)? {
                changed = reader.change(statement, changed)?;
            }
        }
        Ok::<_, Unclear>(changed)
    };
    let changed = run();
    changed.unwrap_or_else(|error| {
        let start: String = hook.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
        reader.doubts.push(Unclear::new(format!("a hook may change it ({start} ...): {}", error.message)));
        shape
    })
}

/// What dbt makes of the query's rows when it keeps them from run to run.
fn keep(node: &Node, shape: &mut Shape) {
    let all = shape.values();
    if node.kind == NodeKind::Snapshot {
        let by = all.clone().with(&shape.rows.any()).through(EdgeKind::Transformation);
        shape.fields.extend(SNAPSHOT_COLUMNS.iter().map(|name| Field::new(name, by.clone())));
    }
    if node.kind == NodeKind::Snapshot || !EXACT.contains(&node.materialized.as_str()) {
        // What is kept from run to run is chosen by values: keys, and the bounds of an incremental run.
        shape.rows.decided_by(&all.through(EdgeKind::Filter));
        shape.keys.clear();
    }
}

/// A star that stays open is closed by the catalog, which saw the columns; what the documentation names is listed besides.
fn list_from_artifacts(nodes: &mut Nodes<'_>, node: &Node, shape: &mut Shape) {
    if shape.open.is_empty() {
        return;
    }
    for column in node.catalog_columns.as_ref().unwrap_or(&node.columns) {
        let lower = column.name.to_lowercase();
        if !shape.fields.iter().any(|field| *field.name == *lower) {
            let mut from = Influences::default();
            for open in shape.open.iter().filter(|open| !open.without.contains(&lower)) {
                from.add(&open_column(nodes, open, &lower));
            }
            for open in &mut shape.open {
                open.without.insert(lower.clone());
            }
            shape.fields.push(Field::new(&column.name, from));
        }
    }
    if node.catalog_columns.is_some() {
        shape.open.clear();
    }
}

/// A star that stays open passes on columns that the model also computes with: these are listed, so that a check on one is known to matter.
fn list_what_is_used(nodes: &mut Nodes<'_>, shape: &mut Shape) {
    if shape.open.is_empty() {
        return;
    }
    let rows = shape.rows.any();
    let used: BTreeSet<NodeIndex> =
        shape.fields.iter().map(|field| &field.from).chain([&rows]).flat_map(|from| from.iter().map(|(node, _)| node)).collect();
    for at in 0..shape.open.len() {
        for &node in &used {
            let (relation, PartName::Column(name)) = nodes.at(node) else { continue };
            let (open, name) = (&shape.open[at], name.to_owned());
            if Some(relation) == open.relation
                && name != ANY_COLUMN
                && !open.without.contains(&name)
                && !shape.fields.iter().any(|field| *field.name == *name)
            {
                let from = open_column(nodes, &shape.open[at], &name);
                shape.open[at].without.insert(name.clone());
                shape.fields.push(Field::new(&name, from));
            }
        }
    }
}

fn open_column(nodes: &mut Nodes<'_>, open: &Open, name: &str) -> Influences {
    let kind = if open.outside { EdgeKind::Assumed } else { EdgeKind::Identity };
    open.relation.map_or_else(Influences::default, |relation| nodes.column(relation, name, kind)).with(&open.with)
}

/// Writes down what was read.
fn write(reader: Reader<'_>, node: &Node, shape: Shape) -> Traced {
    let columns = distinct_names(node, &shape);
    let parts: Vec<&Influences> = shape.fields.iter().map(|field| &field.from).chain([&shape.rows.lost, &shape.rows.added]).collect();
    let mut writer = Writer { nodes: &reader.nodes, numbers: vec![u32::MAX; reader.nodes.len()], traced: Traced::default() };
    writer.traced.parts = parts.iter().map(|from| writer.from(from)).collect();
    writer.traced.open = shape.open.iter().map(|open| writer.open(open)).collect();
    let mut traced = writer.traced;
    traced.relations = (0..number(reader.nodes.relations())).map(|at| reader.nodes.id(at).to_string()).collect();
    traced.within = within(&parts, columns.len());
    traced.complete = shape.open.is_empty();
    traced.columns = columns;
    traced.kinds = shape.fields.iter().map(|field| field.kind).collect();
    traced.keys = shape.keys.iter().map(|key| key.iter().map(|&at| number(at)).collect()).collect();
    traced.read = reader.read.iter().copied().collect();
    traced.seen = (0..number(reader.nodes.relations())).filter_map(|at| Some((at, reader.nodes.schema(at)?.fingerprint))).collect();
    let meant = |named| match named {
        super::relation::Named::One(at) => Some(reader.relations.id(at).to_string()),
        super::relation::Named::None | super::relation::Named::Several => None,
    };
    traced.looked_up = reader.looked_up.into_iter().map(|(name, named)| (name, meant(named))).collect();
    for doubt in reader.doubts {
        if !traced.doubts.iter().any(|(message, _)| *message == doubt.message) {
            traced.doubts.push((doubt.message, doubt.place));
        }
    }
    traced
}

/// Gives numbers to the nodes that are used.
struct Writer<'r, 'p> {
    nodes: &'r Nodes<'p>,
    numbers: Vec<u32>,
    traced: Traced,
}

impl Writer<'_, '_> {
    fn from(&mut self, from: &Influences) -> Vec<(u32, EdgeKind)> {
        from.iter().map(|(node, kind)| (self.number(node), kind)).collect()
    }
    fn number(&mut self, node: NodeIndex) -> u32 {
        let known = self.numbers[node as usize];
        if known != u32::MAX {
            return known;
        }
        let new = number(self.traced.nodes.len());
        self.traced.nodes.push(self.nodes.traced(node));
        self.numbers[node as usize] = new;
        new
    }
    fn open(&mut self, open: &Open) -> TracedOpen {
        TracedOpen {
            relation: open.relation,
            with: self.from(&open.with),
            without: open.without.iter().cloned().collect(),
            outside: open.outside,
        }
    }
}

/// Positions; a key that is declared has the largest number in it.
fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Within one model: a column that is a copy or a computed value influences whatever else of the model is made of the same value, as if the
/// SQL had used the model's own column. A check on the copy is then known to matter for the rest.
fn within(parts: &[&Influences], columns: usize) -> Vec<(u32, u32, EdgeKind)> {
    let mut copies: BTreeMap<NodeIndex, Vec<u32>> = BTreeMap::new();
    for (column, from) in parts[..columns].iter().enumerate() {
        for (of, _) in from.everything().filter(|(_, kind)| *kind == EdgeKind::Identity) {
            copies.entry(of).or_default().push(number(column));
        }
    }
    let mut drawn = BTreeSet::new();
    for (to, from) in parts.iter().enumerate() {
        for (of, kind) in from.everything() {
            let others = copies.get(&of).into_iter().flatten().filter(|copy| **copy as usize != to);
            drawn.extend(others.map(|&copy| (copy, number(to), kind)));
        }
    }
    drawn.into_iter().collect()
}

/// The columns' names: the catalog's where it has as many, because it knows what the warehouse calls an expression without a name; a name that
/// comes twice gets a number, as warehouses do that let it pass.
fn distinct_names(node: &Node, shape: &Shape) -> Vec<String> {
    let catalog = node.catalog_columns.as_ref().filter(|columns| columns.len() == shape.fields.len() && shape.open.is_empty());
    let mut names: Vec<String> = Vec::with_capacity(shape.fields.len());
    let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, field) in shape.fields.iter().enumerate() {
        let count = taken.entry(&field.name).and_modify(|count| *count += 1).or_insert(0);
        let unnamed = !field.name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
        names.push(match catalog.and_then(|columns| columns.get(at)) {
            Some(column) if *count > 0 || unnamed => column.name.clone(),
            _ if *count > 0 => format!("{}_{count}", field.written),
            _ => field.written.to_string(),
        });
    }
    names
}
