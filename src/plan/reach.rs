//! Which metrics a check can affect: its subject's nodes, walked to the metric's targets along the edges of the lineage.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::Spec;
use crate::check::common::Part;
use crate::diagnostic::{Finding, codes};
use crate::lineage::{self, Certainty, Edge, NodeIndex};

use super::ground::Ground;
use super::{MetricId, Reach, Step, Upstream};

type Walk = BTreeMap<NodeIndex, Option<(NodeIndex, Edge)>>;

/// The nodes that a check vouches for.
#[derive(Debug, Clone, Default)]
pub(super) struct Subject {
    /// Read from SQL, or stated.
    pub known: BTreeSet<NodeIndex>,
    /// Taken because it is not known which ones they are.
    pub assumed: BTreeSet<NodeIndex>,
    /// Metrics that the check is about directly.
    pub metrics: BTreeSet<MetricId>,
}

impl Subject {
    /// Adds one node; when lineage does not have it, everything of its relation, assumed.
    pub fn add(&mut self, ground: &Ground<'_>, relation: &str, part: lineage::Part) {
        match ground.node(relation, part) {
            Some(index) => {
                self.known.insert(index);
            }
            None => self.assumed.extend(ground.nodes_of(relation)),
        }
    }
    /// Adds the rows of a relation.
    pub fn add_rows(&mut self, ground: &Ground<'_>, relation: &str) {
        self.add(ground, relation, lineage::Part::RowsLost);
        self.add(ground, relation, lineage::Part::RowsAdded);
    }
    /// Adds a column, whatever its case.
    pub fn add_column(&mut self, ground: &Ground<'_>, relation: &str, column: &str) {
        let bare = column.trim().trim_matches(['"', '`']);
        self.add(ground, relation, lineage::Part::Column(bare.to_lowercase().into()));
    }
    /// Adds what a whole query reads; what is not understood is assumed. `relations` are those that it is said to read.
    pub fn add_query(&mut self, ground: &Ground<'_>, sql: &str, relations: &BTreeSet<String>) {
        match lineage::query(sql, ground.project, ground.lineage) {
            Ok(reads) => {
                for (relation, columns) in &reads.columns {
                    columns.iter().for_each(|column| self.add_column(ground, relation, column));
                }
                for relation in reads.relations.iter().chain(relations) {
                    self.add_rows(ground, relation);
                    if !reads.known {
                        self.assumed.extend(ground.nodes_of(relation));
                    }
                }
            }
            Err(_) => relations.iter().for_each(|relation| self.assumed.extend(ground.nodes_of(relation))),
        }
    }

    /// The subject of a check of a contract; `relations` are the unique ids of [`crate::check::Kind::relations`].
    pub fn of(ground: &Ground<'_>, spec: &Spec, relations: &[String]) -> Result<Subject, Vec<Finding>> {
        let mut subject = Subject::default();
        let mut findings = Vec::new();
        let names: Vec<String> = relations.iter().map(|id| rendered_or_written(ground, id)).collect();
        let places = spec.kind().places();
        // Each side is written for the engine of its connection.
        let macros = |relation: usize| {
            let connection = places.get(relation).and_then(|place| place.connection.as_ref());
            ground.macros_to_read(connection.map(|name| name.as_str()))
        };
        for part in spec.kind().subject() {
            match part {
                Part::Column { relation, column } => with(relations, relation, |id| subject.add_column(ground, id, &column)),
                Part::RowsLost { relation } => with(relations, relation, |id| subject.add(ground, id, lineage::Part::RowsLost)),
                Part::RowsAdded { relation } => with(relations, relation, |id| subject.add(ground, id, lineage::Part::RowsAdded)),
                Part::Everything { relation, but } => with(relations, relation, |id| {
                    let compared = |index: &&NodeIndex| match &ground.lineage.graph.at(**index).part {
                        lineage::Part::Column(column) => !but.iter().any(|name| same_name(name, column)),
                        lineage::Part::RowsLost | lineage::Part::RowsAdded => true,
                    };
                    subject.known.extend(ground.nodes_of(id).iter().filter(compared));
                }),
                Part::Metric { metric } => {
                    subject.metrics.insert(metric.value);
                }
                Part::DbtTests => {}
                Part::Rendered => findings.extend(super::measure::add_rendered(ground, &mut subject, relations, spec).err()),
                Part::Expression { relation, sql } => {
                    let rendered = macros(relation).text(&sql, ground.variables(&names));
                    let read = rendered.and_then(|text| {
                        let wrong = |error: lineage::SqlError| {
                            Finding::error(codes::BAD_EXPRESSION, format!("this is not one SQL expression: {}", error.message)).at(sql.span)
                        };
                        lineage::expression(&text, macros(relation).dialect()).map_err(wrong)
                    });
                    match read {
                        Ok(columns) => with(relations, relation, |id| {
                            columns.iter().for_each(|column| subject.add_column(ground, id, &column.name));
                        }),
                        Err(finding) => findings.push(finding),
                    }
                }
                // What a query reads elsewhere is declared, not traced.
                Part::Query { .. } if spec.kind().common().connection.is_some() => {
                    relations.iter().for_each(|id| subject.assumed.extend(ground.nodes_of(id)));
                }
                Part::Query { sql } => match ground.options.macros.text(&sql, ground.variables(&names)) {
                    Ok(text) => subject.add_query(ground, &text, &relations.iter().cloned().collect()),
                    Err(finding) => findings.push(finding),
                },
            }
        }
        // The text of an argument stands in what is rendered, too, and is wrong once.
        findings.dedup();
        if findings.is_empty() { Ok(subject) } else { Err(findings) }
    }
}

/// Whether a contract's name of a column, quoted or not, is lineage's.
fn same_name(name: &str, column: &str) -> bool {
    name.trim().trim_matches(['"', '`']).eq_ignore_ascii_case(column)
}

fn with(relations: &[String], index: usize, then: impl FnOnce(&str)) {
    if let Some(id) = relations.get(index) {
        then(id);
    }
}

fn rendered_or_written(ground: &Ground<'_>, id: &str) -> String {
    ground.project.nodes.get(id).and_then(|node| node.relation_name.clone()).unwrap_or_else(|| ground.name(id))
}

/// Everything upstream of one metric.
#[derive(Debug)]
pub(super) struct Upwards {
    all: Walk,
    known: Walk,
}

impl Upwards {
    /// Walks up from the metric's targets.
    pub fn from(ground: &Ground<'_>, targets: &[NodeIndex]) -> Self {
        let graph = &ground.lineage.graph;
        Upwards { all: graph.upstream_of(targets, false), known: graph.upstream_of(targets, true) }
    }
    /// Whether every edge on the way up was read from SQL, or at which relations edges are assumed.
    pub fn upstream(&self, ground: &Ground<'_>) -> Upstream {
        let graph = &ground.lineage.graph;
        let assumed = self.all.keys().filter(|index| {
            graph.influences(**index).iter().any(|(_, edge)| match edge.certainty {
                Certainty::Assumed => true,
                Certainty::Known => false,
            })
        });
        let relations: BTreeSet<String> = assumed.map(|index| graph.at(*index).relation.to_string()).collect();
        if relations.is_empty() { Upstream::Known } else { Upstream::Assumed(relations.into_iter().collect()) }
    }
    /// The unique ids of all relations on the way up.
    pub fn relations(&self, ground: &Ground<'_>) -> BTreeSet<String> {
        self.all.keys().map(|index| ground.lineage.graph.at(*index).relation.to_string()).collect()
    }
    /// How a check with this subject reaches the metric, by the shortest known path, else by the shortest of any kind.
    pub fn reach(&self, ground: &Ground<'_>, subject: &Subject) -> Option<Reach> {
        let shortest = |walk: &Walk, starts: &mut dyn Iterator<Item = &NodeIndex>| {
            let reached = starts.filter(|start| walk.contains_key(start));
            reached.map(|start| (length(walk, *start), *start)).min().map(|(_, start)| start)
        };
        if let Some(start) = shortest(&self.known, &mut subject.known.iter()) {
            return Some(Reach { certainty: Certainty::Known, path: path(ground, &self.known, start) });
        }
        let start = shortest(&self.all, &mut subject.known.iter().chain(&subject.assumed))?;
        Some(Reach { certainty: Certainty::Assumed, path: path(ground, &self.all, start) })
    }
}

fn length(walk: &Walk, start: NodeIndex) -> usize {
    std::iter::successors(Some(start), |at| walk.get(at).copied().flatten().map(|(next, _)| next)).count()
}

fn path(ground: &Ground<'_>, walk: &Walk, start: NodeIndex) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut at = Some(start);
    while let Some(index) = at {
        let onward = walk.get(&index).copied().flatten();
        steps.push(Step { node: ground.node_name(index), edge: onward.map(|(_, edge)| (edge.kind, edge.certainty)) });
        at = onward.map(|(next, _)| next);
    }
    steps
}
