//! What every step of planning stands on: project, lineage, dialect, and the nodes of each relation.

use std::collections::BTreeMap;

use crate::check::common::Grammar;
use crate::check::outcome::{Fault, Reason};
use crate::dbt::{Node, NodeKind, Project};
use crate::diagnostic::{At, Finding, codes, nearest};
use crate::lineage::{self, Lineage, NodeIndex, Part};
use crate::macros::Variables;

use super::Options;

/// See the module.
pub(super) struct Ground<'a> {
    pub project: &'a Project,
    pub lineage: &'a Lineage,
    pub options: &'a Options<'a>,
    /// Every node of each relation, by unique id.
    nodes: BTreeMap<&'a str, Vec<NodeIndex>>,
}

impl<'a> Ground<'a> {
    pub fn new(project: &'a Project, lineage: &'a Lineage, options: &'a Options<'a>) -> Self {
        let mut nodes: BTreeMap<&str, Vec<NodeIndex>> = BTreeMap::new();
        for index in (0..lineage.graph.len()).filter_map(|index| NodeIndex::try_from(index).ok()) {
            nodes.entry(&*lineage.graph.at(index).relation).or_default().push(index);
        }
        Ground { project, lineage, options, nodes }
    }

    /// The relation that a contract names.
    pub fn relation(&self, name: &At<String>) -> Result<&'a Node, Finding> {
        self.project.find(name).ok_or_else(|| {
            let names: Vec<String> = self.project.nodes.values().map(written).collect();
            let near = nearest(name, names.iter().map(String::as_str));
            let finding =
                Finding::error(codes::UNKNOWN_RELATION, format!("`{name}` is neither a model nor a source of the project")).at(name.span);
            near.map_or(finding.clone(), |near| finding.help(format!("did you mean `{near}`?")))
        })
    }

    /// Every node of a relation: all columns that lineage knows, and its rows.
    pub fn nodes_of(&self, relation: &str) -> &[NodeIndex] {
        self.nodes.get(relation).map_or(&[], Vec::as_slice)
    }

    /// One node, if lineage has it; a column of an incomplete list is the relation's "any column".
    pub fn node(&self, relation: &str, part: Part) -> Option<NodeIndex> {
        self.lineage.node(relation, part)
    }

    /// Whether a check is about relations that hold their rows: what a view holds is computed by every statement anew.
    pub fn are_tables(&self, draft: &super::draft::Draft) -> bool {
        draft.relations.iter().map(|id| self.project.nodes.get(id)).all(|node| {
            node.is_some_and(|node| match node.kind {
                NodeKind::Source | NodeKind::Seed | NodeKind::Snapshot => true,
                NodeKind::Model => ["table", "incremental"].contains(&node.materialized.as_str()),
            })
        })
    }

    /// How people name a relation of the graph.
    pub fn name(&self, unique_id: &str) -> String {
        self.project.nodes.get(unique_id).map_or_else(|| unique_id.to_owned(), written)
    }

    /// How people name a node of the graph: `stg_orders.order_id`, `stg_orders rows lost`.
    pub fn node_name(&self, index: NodeIndex) -> String {
        let node = self.lineage.graph.at(index);
        let relation = self.name(&node.relation);
        match &node.part {
            Part::Column(column) => format!("{relation}.{column}"),
            Part::RowsLost => format!("{relation} rows lost"),
            Part::RowsAdded => format!("{relation} rows added"),
        }
    }

    /// SQL that somebody wrote, rendered and shown to be what it must be; the columns that an expression reads.
    pub fn sql(&self, sql: &At<String>, grammar: Grammar, variables: Variables<'_>) -> Result<String, Finding> {
        let rendered = self.options.macros.text(sql, variables)?;
        let parsed = match grammar {
            Grammar::Expression => lineage::expression(&rendered, self.options.macros.dialect()).map(|_| ()),
            Grammar::Query => lineage::query(&rendered, self.project, self.lineage).map(|_| ()),
        };
        let (code, what) = match grammar {
            Grammar::Expression => (codes::BAD_EXPRESSION, "one SQL expression"),
            Grammar::Query => (codes::BAD_QUERY, "one query"),
        };
        parsed.map_err(|error| Finding::error(code, format!("this is not {what}: {}", error.message)).at(sql.span))?;
        Ok(rendered)
    }

    /// The variables that SQL of a check may use.
    pub fn variables<'v>(&'v self, relations: &'v [String]) -> Variables<'v> {
        Variables {
            interval: self.options.interval.as_ref(),
            model: relations.first().map(String::as_str),
            sides: relations.first().zip(relations.get(1)).map(|(left, right)| (left.as_str(), right.as_str())),
        }
    }
}

/// `model`, `model.v2`, `source.table`.
pub(super) fn written(node: &Node) -> String {
    match (node.kind, &node.source_name, &node.version) {
        (NodeKind::Source, Some(source), _) => format!("{source}.{}", node.name),
        (NodeKind::Model | NodeKind::Seed | NodeKind::Snapshot, _, Some(version)) => format!("{}.v{version}", node.name),
        (NodeKind::Source, None, _) | (NodeKind::Model | NodeKind::Seed | NodeKind::Snapshot, _, None) => node.name.clone(),
    }
}

/// The relation's name in SQL, or why there is none.
pub(super) fn rendered(node: &Node) -> Result<String, Fault> {
    let missing = || Fault {
        reason: Reason::MissingRelation,
        detail: format!("`{}` is {} and has no relation in the warehouse", written(node), node.materialized),
    };
    node.relation_name.clone().filter(|name| !name.trim().is_empty()).ok_or_else(missing)
}
