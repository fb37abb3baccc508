//! What dbt knows: manifest, catalog, run results, source freshness, profiles; only the fields that are read, as our own types.
//!
//! [`manifest`] fills a [`Project`], [`catalog`] adds what the warehouse really has, [`graph`] answers who depends on whom, [`select`] speaks dbt's
//! selector grammar. Not for SQL (see [`crate::lineage`]) and not for files: text comes in, `project` reads it.

pub mod artifact;
pub mod catalog;
pub mod files;
pub mod graph;
mod json;
pub mod kept;
pub mod late;
pub mod manifest;
pub mod profiles;
pub mod relation_name;
pub mod run_results;
pub mod select;
pub mod sources;
pub mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use late::Late;
pub use variables::Variables;

/// A dbt project as its artifacts describe it. Enabled nodes only.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Project {
    /// `metadata.project_name`.
    pub name: String,
    /// `metadata.adapter_type`: `duckdb`, `postgres`, ...
    pub adapter: String,
    /// `metadata.dbt_version`.
    pub dbt_version: String,
    /// Schema version of the manifest, 9 to 12.
    pub schema_version: u32,
    /// `metadata.generated_at`.
    pub generated_at: Option<jiff::Timestamp>,
    /// `metadata.invocation_id`.
    pub invocation_id: Option<String>,
    /// Models, seeds, snapshots and sources by unique id.
    #[serde(serialize_with = "kept::in_order", deserialize_with = "kept::ordered")]
    pub nodes: BTreeMap<String, Node>,
    /// Data tests by unique id.
    #[serde(serialize_with = "kept::in_order", deserialize_with = "kept::ordered")]
    pub tests: BTreeMap<String, Test>,
    /// Exposures by unique id.
    pub exposures: BTreeMap<String, Exposure>,
    /// Semantic-layer metrics by unique id.
    pub metrics: BTreeMap<String, Metric>,
    /// Semantic models by unique id.
    pub semantic_models: BTreeMap<String, SemanticModel>,
    /// Statements that dbt runs before all models (`on-run-start`), as written.
    pub on_run_start: Vec<String>,
    /// Models that the semantic layer takes its moments from: unique id, and the columns that it reads of them.
    pub time_spines: BTreeMap<String, Vec<String>>,
    /// Groups by name.
    pub groups: BTreeMap<String, Group>,
    /// Disabled nodes: unique id and name, so that a reference to one can say so.
    pub disabled: BTreeMap<String, String>,
    /// Macros by package and name, where a model must be rendered here because the manifest has no compiled text of it; empty otherwise.
    #[serde(skip)]
    pub macros: BTreeMap<String, BTreeMap<String, Arc<str>>>,
    /// What `dbt_project.yml` says that templates read; not in a manifest, so whoever reads the file puts it here.
    #[serde(skip)]
    pub variables: Variables,
    /// What reading lost or doubted: parse-only manifest, version read as another, absent catalog. For people.
    pub notes: Vec<String>,
}

/// What sort of relation a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum NodeKind {
    #[default]
    Model,
    Seed,
    Snapshot,
    Source,
}

/// A model, seed, snapshot or source. Fields that [`kept`] leaves out are skipped.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Node {
    pub unique_id: String,
    pub kind: NodeKind,
    /// Model name, or table name of a source.
    pub name: String,
    /// The source's name, for sources.
    pub source_name: Option<String>,
    /// Model version: `2`.
    pub version: Option<String>,
    /// Whether this is the version that the bare name means.
    pub latest_version: bool,
    pub package: String,
    /// `original_file_path`.
    pub path: PathBuf,
    pub fqn: Vec<String>,
    pub tags: Vec<String>,
    /// `sql` or `python`.
    pub language: String,
    /// `table`, `view`, `incremental`, `ephemeral`, `seed`, ...
    pub materialized: String,
    pub database: Option<String>,
    pub schema: String,
    /// Alias (models) or identifier (sources).
    pub identifier: String,
    /// Of incremental models: how they add to what is there.
    pub incremental: Option<Incremental>,
    /// Quoted as dbt renders it; `None` for ephemeral models.
    pub relation_name: Option<String>,
    #[serde(skip)]
    pub raw_code: String,
    /// Absent in a parse-only manifest, for seeds and for sources.
    #[serde(skip)]
    pub compiled_code: Option<String>,
    /// Columns that the manifest documents: name and type.
    pub columns: Late<Vec<Column>>,
    /// Columns that the catalog found in the warehouse, in order.
    pub catalog_columns: Option<Late<Vec<Column>>>,
    /// Unique ids of parents.
    pub depends_on: Vec<String>,
    pub meta: Late<Map<String, Value>>,
    pub group: Option<String>,
    pub access: Option<String>,
    /// Of a model whose dbt contract is enforced: the columns that must not be NULL, in lower case. `columns` is then complete. `None`: not enforced.
    pub enforced: Option<BTreeSet<String>>,
    /// `config.column_types` of seeds.
    pub column_types: BTreeMap<String, String>,
    /// `None`: not configured, or switched off with `freshness: null`.
    pub freshness: Option<Freshness>,
    pub loaded_at_field: Option<String>,
    pub loaded_at_query: Option<String>,
    /// Checksum of the file, as dbt computes it.
    pub checksum: Option<String>,
    /// `config`, hooks excepted, of what has no compiled text: its template may read it. Empty otherwise.
    #[serde(skip)]
    pub config: Map<String, Value>,
    /// SQL of post- and pre-hooks.
    #[serde(skip)]
    pub hooks: Vec<String>,
}

/// How an incremental model adds to what is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Incremental {
    /// Whether it has a `unique_key`: a row that comes again replaces the one that is there.
    pub has_key: bool,
    /// `incremental_strategy`, where it is said.
    pub strategy: Option<String>,
}

/// A documented or observed column.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Column {
    pub name: String,
    pub data_type: Option<String>,
}

/// dbt's source freshness, in whole seconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Freshness {
    pub warn_after: Option<u64>,
    pub error_after: Option<u64>,
    pub filter: Option<String>,
}

/// A data test. Unit tests are not data checks and are not here.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Test {
    pub unique_id: String,
    pub name: String,
    pub package: String,
    pub path: PathBuf,
    pub fqn: Vec<String>,
    pub tags: Vec<String>,
    /// `not_null`, `unique`, ...; `None` for singular tests.
    pub test_name: Option<String>,
    /// Package of the generic test: `dbt_utils`; `None` is dbt's own.
    pub namespace: Option<String>,
    pub kwargs: Late<Map<String, Value>>,
    pub column_name: Option<String>,
    /// The node whose rows a generic test counts; sources too. `None` where it cannot be told from what the test depends on.
    pub attached_node: Option<String>,
    /// Unique ids of all that its SQL reads.
    pub depends_on: Vec<String>,
    /// `ERROR` -> hold.
    pub warns_only: bool,
    /// dbt's threshold strings; both `!= 0` by default.
    pub warn_if: String,
    pub error_if: String,
    /// `count(*)` by default.
    pub fail_calc: String,
    pub filter: Option<String>,
    pub limit: Option<u64>,
    pub compiled_code: Option<String>,
    pub raw_code: String,
    pub meta: Late<Map<String, Value>>,
}

/// A dbt exposure.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Exposure {
    pub unique_id: String,
    pub name: String,
    pub label: Option<String>,
    pub kind: String,
    pub owner_name: Option<String>,
    pub owner_email: Option<String>,
    pub url: Option<String>,
    /// Unique ids of what it shows: models, sources and metrics.
    pub depends_on: Vec<String>,
    pub package: String,
    pub path: PathBuf,
    pub fqn: Vec<String>,
    pub tags: Vec<String>,
    pub meta: Late<Map<String, Value>>,
}

/// A metric of the semantic layer, reduced to what says where its number comes from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Metric {
    pub unique_id: String,
    pub name: String,
    pub label: Option<String>,
    pub description: Option<String>,
    /// `simple`, `ratio`, `derived`, `cumulative`, `conversion`; of dbt 1.5, which had another semantic layer, its calculation method.
    pub kind: String,
    /// Measures it reads, by name (with their own filters' SQL).
    pub measures: Vec<String>,
    /// Metrics it reads, by name.
    pub metrics: Vec<String>,
    /// Jinja-SQL filters, its own and its inputs'.
    pub filters: Vec<String>,
    /// Where the metric has its own: an SQL expression over the semantic model's relation (`simple` of the 2026 spec; the metric's name when none
    /// was written), or one over the names and aliases of its input metrics (`derived`).
    pub expr: Option<String>,
    /// Aggregation of `expr` (2026 spec): `sum`, `count_distinct`, ...
    pub agg: Option<String>,
    /// Unique id of the semantic model that `expr` stands on (2026 spec).
    pub semantic_model: Option<String>,
    /// Dimension that its time goes by, where it is not the semantic model's own (2026 spec).
    pub time_dimension: Option<String>,
    /// The dimension over which `expr` cannot be added, and what its first or last row is chosen by (2026 spec).
    pub non_additive: Vec<String>,
    /// Names by which `expr` of a derived metric knows its inputs.
    pub aliases: Vec<String>,
    /// Entity that a conversion is counted by.
    pub entity: Option<String>,
    /// Dimensions that must be alike in a base event and its conversion.
    pub constant_properties: Vec<String>,
    /// Whether it is joined to the project's time spine: cumulative, offset, or told to be.
    pub joins_time_spine: bool,
    /// Why it cannot be followed, though the manifest could be read: a part is not there, or its type is not known.
    pub unclear: Option<String>,
    /// Unique ids of semantic models, metrics and models.
    pub depends_on: Vec<String>,
    pub package: String,
    pub path: PathBuf,
    pub fqn: Vec<String>,
    pub tags: Vec<String>,
    pub group: Option<String>,
    pub meta: Late<Map<String, Value>>,
}

/// A semantic model over one relation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct SemanticModel {
    pub unique_id: String,
    pub name: String,
    pub package: String,
    pub path: PathBuf,
    pub fqn: Vec<String>,
    /// Unique id of the model it stands on.
    pub model: Option<String>,
    /// Measures: name, SQL expression (the name when absent), aggregation.
    pub measures: Vec<Measure>,
    /// What rows can be told apart by.
    pub dimensions: Vec<Element>,
    /// What rows can be joined by.
    pub entities: Vec<Element>,
    /// An entity that is no column, under whose name the dimensions are found.
    pub primary_entity: Option<String>,
    /// Names of dimensions that a join to this relation compares besides the entity: its rows' validity, partitions.
    pub join_dimensions: Vec<String>,
    /// The aggregation time dimension, if declared.
    pub time_dimension: Option<String>,
}

/// A dimension or entity of a semantic model.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Element {
    pub name: String,
    /// SQL expression; the name when none is written.
    pub expr: String,
    /// Of a dimension `time` or `categorical`; of an entity `primary`, `unique`, `natural` or `foreign`.
    pub kind: String,
}

/// One measure of a semantic model.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Measure {
    pub name: String,
    pub expr: String,
    pub agg: String,
    /// Dimension that its time goes by, where it is not the semantic model's own.
    pub time_dimension: Option<String>,
    /// The dimension over which it cannot be added, and what its first or last row is chosen by.
    pub non_additive: Vec<String>,
}

/// A group and its owner.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Group {
    pub name: String,
    pub owner_name: Option<String>,
    pub owner_email: Option<String>,
}
