//! Which relations a plan's statements read, by name in SQL: what a role must be able to read, and no more.

use std::collections::BTreeMap;

use super::Plan;
use crate::dbt::{Node, NodeKind, Project};
use crate::lineage::{self, Lineage};

/// One relation that statements read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRelation {
    /// As it stands in SQL: `"shop"."public"."orders"`.
    pub rendered: String,
    /// As people name it; the rendered name where dbt does not know it.
    pub name: String,
    /// What dbt makes of it.
    pub sort: Sort,
    /// Unique id.
    pub id: Option<String>,
}

/// What sort of object a relation is in the warehouse, as far as dbt says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Sort {
    Table,
    View,
    MaterializedView,
    DynamicTable,
    /// A source: dbt does not say.
    Unknown,
}

/// What the statements read on a connection (`None` is the project's own), in order of name, and the checks whose queries were not wholly understood, which may read more.
pub fn reads(plans: &[&Plan], connection: Option<&str>, project: &Project, lineage: &Lineage) -> (Vec<ReadRelation>, Vec<String>) {
    let by_name: BTreeMap<&str, &Node> = project.nodes.values().filter_map(|node| Some((node.relation_name.as_deref()?, node))).collect();
    let mut found: BTreeMap<String, ReadRelation> = BTreeMap::new();
    let mut unsure = Vec::new();
    for statement in plans.iter().flat_map(|plan| &plan.statements) {
        if let Some(compare) = &statement.compare {
            for side in compare.sides().into_iter().filter(|side| side.connection.as_deref() == connection) {
                found.entry(side.relation.clone()).or_insert_with(|| of(&side.relation, by_name.get(side.relation.as_str()).copied()));
            }
            continue;
        }
        if statement.connection.as_deref() != connection {
            continue;
        }
        for rendered in &statement.relations {
            found.entry(rendered.clone()).or_insert_with(|| of(rendered, by_name.get(rendered.as_str()).copied()));
        }
        if connection.is_some() {
            // What its relations stand on there, the project does not know.
            continue;
        }
        match lineage::query(&statement.sql, project, lineage) {
            Ok(reads) => {
                for node in reads.relations.iter().filter_map(|id| project.nodes.get(id)) {
                    if let Some(rendered) = &node.relation_name {
                        found.entry(rendered.clone()).or_insert_with(|| of(rendered, Some(node)));
                    }
                }
            }
            Err(_) => unsure.extend(statement.checks.iter().cloned()),
        }
    }
    let values = plans.iter().flat_map(|plan| plan.publishing.values.values()).flatten().filter(|_| connection.is_none());
    for values in values {
        found.entry(values.relation.clone()).or_insert_with(|| of(&values.relation, by_name.get(values.relation.as_str()).copied()));
    }
    unsure.sort();
    unsure.dedup();
    (found.into_values().collect(), unsure)
}

/// The tables below views: what some engines want to be readable, too. By name in SQL.
pub fn below_views(relations: &[ReadRelation], project: &Project) -> Vec<ReadRelation> {
    let mut found: BTreeMap<String, ReadRelation> = BTreeMap::new();
    let mut left: Vec<&str> = relations.iter().filter(|one| one.sort == Sort::View).filter_map(|one| one.id.as_deref()).collect();
    let mut seen = std::collections::BTreeSet::new();
    while let Some(id) = left.pop() {
        let Some(node) = project.nodes.get(id).filter(|_| seen.insert(id)) else { continue };
        for parent in node.depends_on.iter().filter_map(|parent| project.nodes.get(parent)) {
            match &parent.relation_name {
                Some(rendered) => {
                    let relation = of(rendered, Some(parent));
                    if relation.sort == Sort::View {
                        left.push(&parent.unique_id);
                    }
                    found.insert(rendered.clone(), relation);
                }
                // An ephemeral model is written into the view.
                None => left.push(&parent.unique_id),
            }
        }
    }
    found.into_values().filter(|one| !relations.contains(one)).collect()
}

/// A relation of the project as something to read; `None` where it has no name in the warehouse.
pub fn of_node(node: &Node) -> Option<ReadRelation> {
    node.relation_name.as_deref().filter(|name| !name.trim().is_empty()).map(|rendered| of(rendered, Some(node)))
}

fn of(rendered: &str, node: Option<&Node>) -> ReadRelation {
    let sort = match node.map(|node| (node.kind, node.materialized.as_str())) {
        Some((NodeKind::Seed | NodeKind::Snapshot, _) | (NodeKind::Model, "table" | "incremental")) => Sort::Table,
        Some((NodeKind::Model, "view")) => Sort::View,
        Some((NodeKind::Model, "materialized_view")) => Sort::MaterializedView,
        Some((NodeKind::Model, "dynamic_table")) => Sort::DynamicTable,
        Some((NodeKind::Model | NodeKind::Source, _)) | None => Sort::Unknown,
    };
    ReadRelation {
        rendered: rendered.to_owned(),
        name: node.map_or_else(|| rendered.to_owned(), Node::spoken_name),
        sort,
        id: node.map(|node| node.unique_id.clone()),
    }
}
