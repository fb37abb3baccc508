//! OpenLineage: one `JobEvent` for each model, with the column lineage of the relation that it makes.
//!
//! Spec 2-0-2, facets `columnLineage` 1-2-0 and `schema` 1-2-0. Ephemeral models are no dataset: lineage leads through them. OpenLineage has no word for
//! rows: what decides about them stands in `dataset` where it is a column, and every relation that is read stands in `inputs`. An edge that is
//! assumed is there, as direct and as indirect, because nobody knows which, and says so in its description.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::dbt::{Node, NodeKind, Project};
use crate::lineage::{Certainty, Edge, EdgeKind, Graph, Lineage, NodeIndex, Part};

/// Who says so; a name, not an address.
const PRODUCER: &str = "urn:presscheck";
const EVENT: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent";
const COLUMN_LINEAGE: &str = "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet";
const SCHEMA: &str = "https://openlineage.io/spec/facets/1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet";

/// One event a line for each model and snapshot among `relations` (unique ids) that is a relation of the warehouse, in order of unique id.
/// `namespace` is that of every dataset and job; a dataset's name is `database.schema.identifier`.
pub fn openlineage(lineage: &Lineage, project: &Project, relations: &BTreeSet<&str>, namespace: &str, time: Timestamp) -> String {
    let telling = Telling { graph: &lineage.graph, lineage, project, namespace };
    let models = project.nodes.values().filter(|node| {
        matches!(node.kind, NodeKind::Model | NodeKind::Snapshot) && !is_inlined(node) && relations.contains(node.unique_id.as_str())
    });
    models.map(|model| format!("{}\n", telling.event(model, time))).collect()
}

/// How one field is made of another: direct or not, and OpenLineage's subtype; assumed where there is none.
type Ways = BTreeSet<EdgeKind>;

struct Telling<'a> {
    graph: &'a Graph,
    lineage: &'a Lineage,
    project: &'a Project,
    namespace: &'a str,
}

impl<'a> Telling<'a> {
    fn event(&self, model: &Node, time: Timestamp) -> Value {
        let mut fields = serde_json::Map::new();
        let mut dataset: BTreeMap<NodeIndex, Ways> = BTreeMap::new();
        let mut read: BTreeSet<&str> = BTreeSet::new();
        for (index, part) in self.graph.parts_of(&model.unique_id) {
            let from = self.origins(index);
            read.extend(from.keys().map(|from| &*self.graph.at(*from).relation));
            match part {
                Part::Column(name) => drop(fields.insert(name.to_string(), json!({"inputFields": self.input_fields(&from)}))),
                Part::RowsLost | Part::RowsAdded => {
                    from.into_iter().for_each(|(from, ways)| dataset.entry(from).or_default().extend(ways));
                }
            }
        }
        let column_lineage = json!({
            "_producer": PRODUCER, "_schemaURL": COLUMN_LINEAGE, "fields": fields, "dataset": self.input_fields(&dataset),
        });
        let mut output = self.dataset(&model.unique_id);
        output["facets"]["columnLineage"] = column_lineage;
        json!({
            "eventTime": time.to_string(),
            "producer": PRODUCER,
            "schemaURL": EVENT,
            "job": {"namespace": self.namespace, "name": model.unique_id},
            "inputs": read.into_iter().map(|id| self.dataset(id)).collect::<Vec<_>>(),
            "outputs": [output],
        })
    }

    /// What a node is made of in other relations of the warehouse, and how; through ephemeral models and through parts of its own relation.
    fn origins(&self, target: NodeIndex) -> BTreeMap<NodeIndex, Ways> {
        let own = &self.graph.at(target).relation;
        let mut found: BTreeMap<NodeIndex, Ways> = BTreeMap::new();
        let mut met = BTreeSet::new();
        let mut open: Vec<(NodeIndex, EdgeKind)> = self.graph.influences(target).iter().map(|(from, edge)| (*from, kind(*edge))).collect();
        while let Some((from, way)) = open.pop() {
            let relation = &self.graph.at(from).relation;
            if !met.insert((from, way)) {
                continue;
            }
            // The model's own columns (its "any column" too) stand between in the graph, not in the warehouse.
            if relation == own || self.project.nodes.get(&**relation).is_some_and(is_inlined) {
                open.extend(self.graph.influences(from).iter().map(|(further, edge)| (*further, composed(way, kind(*edge)))));
            } else {
                found.entry(from).or_default().insert(way);
            }
        }
        found
    }

    fn input_fields(&self, from: &BTreeMap<NodeIndex, Ways>) -> Vec<Value> {
        let field = |(from, ways): (&NodeIndex, &Ways)| {
            let node = self.graph.at(*from);
            let Part::Column(column) = &node.part else { return None };
            let mut field = self.identity(&node.relation);
            field["field"] = json!(&**column);
            field["transformations"] = ways.iter().flat_map(|way| transformations(*way)).collect();
            Some(field)
        };
        let mut fields: Vec<Value> = from.iter().filter_map(field).collect();
        fields.sort_by_cached_key(|field| (field["name"].to_string(), field["field"].to_string()));
        fields
    }

    fn identity(&self, id: &str) -> Value {
        let name = match self.project.nodes.get(id) {
            Some(node) => [node.database.as_deref(), Some(&node.schema), Some(&node.identifier)]
                .into_iter()
                .flatten()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join("."),
            // Not of this project: as the SQL calls it.
            None => id.strip_prefix("relation:").unwrap_or(id).to_owned(),
        };
        json!({"namespace": self.namespace, "name": name})
    }

    fn dataset(&self, id: &str) -> Value {
        let mut dataset = self.identity(id);
        dataset["facets"] = json!({});
        let typed: BTreeMap<String, &str> = self
            .project
            .nodes
            .get(id)
            .into_iter()
            .flat_map(|node| node.catalog_columns.as_ref().unwrap_or(&node.columns))
            .filter_map(|column| Some((column.name.to_lowercase(), column.data_type.as_deref()?)))
            .collect();
        if let Some(columns) = self.lineage.columns.get(id).filter(|columns| !columns.names.is_empty()) {
            let field = |name: &String| {
                let name = name.to_lowercase();
                match typed.get(&name) {
                    Some(data_type) => json!({"name": name, "type": data_type}),
                    None => json!({"name": name}),
                }
            };
            let fields: Vec<Value> = columns.names.iter().map(field).collect();
            dataset["facets"]["schema"] = json!({"_producer": PRODUCER, "_schemaURL": SCHEMA, "fields": fields});
        }
        dataset
    }
}

fn is_inlined(node: &Node) -> bool {
    node.materialized == "ephemeral"
}

fn kind(edge: Edge) -> EdgeKind {
    match edge.certainty {
        Certainty::Assumed => EdgeKind::Assumed,
        Certainty::Known => edge.kind,
    }
}

/// Two steps as one: an assumed one makes all assumed, an indirect one all indirect, else the stronger change. What decides about rows on which
/// something depends is named by how it decides.
fn composed(outer: EdgeKind, inner: EdgeKind) -> EdgeKind {
    match (outer, inner) {
        (EdgeKind::Assumed, _) | (_, EdgeKind::Assumed) => EdgeKind::Assumed,
        (EdgeKind::Rows, _) if inner > EdgeKind::Aggregation => inner,
        (EdgeKind::Identity | EdgeKind::Transformation | EdgeKind::Aggregation, _) => outer.max(inner),
        (_, _) => outer,
    }
}

fn transformations(way: EdgeKind) -> Vec<Value> {
    let one = |sort: &str, subtype: &str| vec![json!({"type": sort, "subtype": subtype, "description": "", "masking": false})];
    match way {
        EdgeKind::Identity => one("DIRECT", "IDENTITY"),
        EdgeKind::Transformation => one("DIRECT", "TRANSFORMATION"),
        EdgeKind::Aggregation => one("DIRECT", "AGGREGATION"),
        EdgeKind::Filter => one("INDIRECT", "FILTER"),
        EdgeKind::Join => one("INDIRECT", "JOIN"),
        EdgeKind::GroupBy => one("INDIRECT", "GROUP_BY"),
        EdgeKind::Sort => one("INDIRECT", "SORT"),
        EdgeKind::Window => one("INDIRECT", "WINDOW"),
        EdgeKind::Conditional => one("INDIRECT", "CONDITIONAL"),
        EdgeKind::Rows => vec![json!({"type": "INDIRECT", "description": "by the rows", "masking": false})],
        EdgeKind::Assumed => ["DIRECT", "INDIRECT"]
            .map(|sort| json!({"type": sort, "description": "assumed: the SQL was not understood", "masking": false}))
            .to_vec(),
    }
}
