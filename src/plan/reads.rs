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

/// What the statements read, in order of name, and the checks whose queries were not wholly understood, which may read more.
pub fn reads(plans: &[&Plan], project: &Project, lineage: &Lineage) -> (Vec<ReadRelation>, Vec<String>) {
    let by_name: BTreeMap<&str, &Node> = project.nodes.values().filter_map(|node| Some((node.relation_name.as_deref()?, node))).collect();
    let mut found: BTreeMap<String, ReadRelation> = BTreeMap::new();
    let mut unsure = Vec::new();
    for statement in plans.iter().flat_map(|plan| &plan.statements).filter(|statement| statement.connection.is_none()) {
        for rendered in &statement.relations {
            found.entry(rendered.clone()).or_insert_with(|| of(rendered, by_name.get(rendered.as_str()).copied()));
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
