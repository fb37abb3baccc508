//! What every step of planning stands on: project, lineage, dialect, and the nodes of each relation.

use std::collections::BTreeMap;

use crate::check::common::Grammar;
use crate::check::outcome::{Fault, Reason};
use crate::check::{Place, Spec};
use crate::dbt::relation_name::RelationName;
use crate::dbt::{Node, NodeKind, Project};
use crate::diagnostic::{At, Finding, codes, nearest};
use crate::lineage::{self, Lineage, NodeIndex, Part};
use crate::macros::{Macros, Variables, exact_identifier};

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

    /// The templates of a connection; `None` is the project's own.
    ///
    /// # Errors
    /// Why the connection cannot be used.
    pub fn macros(&self, connection: Option<&str>) -> Result<&Macros, Fault> {
        let Some(name) = connection else { return Ok(self.options.macros) };
        match self.options.given.connections.get(name) {
            Some(Ok(connection)) => Ok(&connection.macros),
            Some(Err(fault)) => Err(fault.clone()),
            None => Err(Fault { reason: Reason::Unreachable, detail: format!("the connection `{name}` is not known here") }),
        }
    }

    /// The templates of a connection, or of the project's own where that one is not known: for what is only read, not sent.
    pub fn macros_to_read(&self, connection: Option<&str>) -> &Macros {
        self.macros(connection).unwrap_or(self.options.macros)
    }

    /// Where a relation of a check is: dbt's node of it, and what goes by the name that people gave it.
    pub fn placed(&self, name: &At<String>, place: &Place) -> Result<Placed<'a>, Finding> {
        let connection = place.connection.as_ref().map(|connection| connection.value.clone());
        let node = match (&connection, place.bare) {
            (None, false) => Some(self.relation(name)?),
            (Some(_), false) => self.project.find(name),
            (_, true) => None,
        };
        if node.is_none() && RelationName::read(name, self.macros_to_read(connection.as_deref()).dialect()).is_none() {
            let finding = Finding::error(codes::UNKNOWN_RELATION, format!("`{name}` is no name of a relation")).at(name.span);
            return Err(finding.help("write it as the warehouse has it: schema.table"));
        }
        Ok(Placed { node, name: name.value.clone(), connection })
    }

    /// Where the relations of a check are; `ids` are what stands for them.
    pub fn placed_all(&self, ids: &[String], spec: &Spec) -> Result<Vec<Placed<'a>>, Finding> {
        let kind = spec.kind();
        let (names, places) = (kind.relations(), kind.places());
        let one = |(at, id): (usize, &String)| match (self.project.nodes.get(id), names.get(at), places.get(at)) {
            (_, Some(name), Some(place)) if place.bare || place.connection.is_some() => self.placed(name, place),
            (Some(node), _, _) => Ok(Placed { node: Some(node), name: written(node), connection: None }),
            (None, Some(name), _) => self.relation(name).map(|node| Placed { node: Some(node), name: written(node), connection: None }),
            (None, None, _) => Err(Finding::error(codes::UNKNOWN_RELATION, format!("`{id}` is not in the dbt project"))),
        };
        ids.iter().enumerate().map(one).collect()
    }

    /// Every node of a relation: all columns that lineage knows, and its rows.
    pub fn nodes_of(&self, relation: &str) -> &[NodeIndex] {
        self.lineage.ask(relation);
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

    /// SQL that somebody wrote for an engine, rendered and shown to be what it must be.
    pub fn sql(&self, macros: &Macros, sql: &At<String>, grammar: Grammar, variables: Variables<'_>) -> Result<String, Finding> {
        let rendered = macros.text(sql, variables)?;
        let parsed = match grammar {
            Grammar::Expression => lineage::expression(&rendered, macros.dialect()).map(|_| ()),
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

/// A relation of a check, found.
#[derive(Debug, Clone)]
pub(super) struct Placed<'a> {
    /// As dbt has it; `None` for a relation that only the contract declares.
    node: Option<&'a Node>,
    /// As the contract names it.
    name: String,
    /// `None` is the project's own.
    pub connection: Option<String>,
}

impl Placed<'_> {
    /// What stands for it among unique ids.
    pub fn id(&self) -> String {
        match (self.node, &self.connection) {
            (Some(node), _) => node.unique_id.clone(),
            (None, Some(connection)) => format!("{} on {connection}", self.name),
            (None, None) => self.name.clone(),
        }
    }
    /// As people name it.
    pub fn spoken(&self) -> String {
        let name = self.node.map_or_else(|| self.name.clone(), written);
        self.connection.as_ref().map_or(name.clone(), |connection| format!("{name} on {connection}"))
    }
    /// Its name in the connection's SQL.
    ///
    /// # Errors
    /// Why it has none.
    pub fn rendered(&self, dialect: &str) -> Result<String, Fault> {
        let parts: Vec<String> = match (self.node, &self.connection) {
            (Some(node), None) => return rendered(node),
            // Another target of the same project: what its database is called there is not in the manifest.
            (Some(node), Some(_)) => {
                rendered(node)?;
                vec![node.schema.clone(), node.identifier.clone()]
            }
            (None, _) => match RelationName::read(&self.name, dialect) {
                Some(name) => [name.database(), name.schema(), Some(name.name())].into_iter().flatten().map(str::to_owned).collect(),
                None => Vec::new(),
            },
        };
        let quoted = parts.iter().filter(|part| !part.is_empty()).map(|part| exact_identifier(part, dialect)).collect::<Option<Vec<_>>>();
        let missing = || Fault { reason: Reason::MissingRelation, detail: format!("`{}` is no name of a relation", self.name) };
        quoted.filter(|parts| !parts.is_empty()).map(|parts| parts.join(".")).ok_or_else(missing)
    }
    /// Whether it is a table of the project's own warehouse, as dbt built it.
    pub fn is_dbts(&self) -> bool {
        self.node.is_some() && self.connection.is_none()
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
