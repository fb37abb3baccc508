//! The manifest as it stands in the file: only the fields that are read, in the shapes that schema versions 9 to 12 give them.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::dbt::artifact::{Artifact, Kind, Metadata};
use crate::dbt::json::{Keyed, Strict, Text, Texts};

/// The whole file. Docs and the maps of parents and children are skipped.
#[derive(Deserialize)]
pub struct Manifest {
    metadata: Option<Metadata>,
    pub nodes: Keyed<Node>,
    #[serde(default)]
    pub sources: Keyed<Node>,
    #[serde(default)]
    pub exposures: Keyed<Exposure>,
    #[serde(default)]
    pub metrics: Keyed<Metric>,
    #[serde(default)]
    pub semantic_models: Keyed<SemanticModel>,
    #[serde(default)]
    pub groups: Keyed<Group>,
    #[serde(default)]
    pub disabled: Keyed<Vec<Disabled>>,
    #[serde(default)]
    pub macros: Keyed<Macro>,
}

impl Artifact for Manifest {
    const KIND: Kind = Kind::Manifest;
    fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }
}

/// A model, seed, snapshot, source, test, or something that is not read (analysis, operation).
#[derive(Deserialize)]
pub struct Node {
    pub resource_type: String,
    pub name: String,
    pub package_name: String,
    #[serde(default)]
    pub original_file_path: String,
    #[serde(default)]
    pub fqn: Texts,
    #[serde(default)]
    pub tags: Texts,
    pub alias: Option<String>,
    pub identifier: Option<String>,
    pub source_name: Option<String>,
    pub database: Option<String>,
    pub schema: Option<String>,
    pub relation_name: Option<String>,
    pub raw_code: Option<String>,
    pub compiled_code: Option<String>,
    pub language: Option<String>,
    pub version: Option<Text>,
    pub latest_version: Option<Text>,
    pub checksum: Option<Checksum>,
    pub config: Option<Config>,
    #[serde(default)]
    pub columns: Keyed<Column>,
    pub depends_on: Option<DependsOn>,
    #[serde(default)]
    pub meta: Keyed<Strict>,
    pub group: Option<String>,
    pub access: Option<String>,
    pub column_name: Option<String>,
    pub attached_node: Option<String>,
    pub test_metadata: Option<TestMetadata>,
    pub freshness: Option<Freshness>,
    pub loaded_at_field: Option<String>,
    pub loaded_at_query: Option<String>,
    pub time_spine: Option<TimeSpine>,
    pub contract: Option<super::enforced::Contract>,
    #[serde(default)]
    pub constraints: Option<Vec<super::enforced::Constraint>>,
}

/// A model with one row for each moment, which the semantic layer joins to.
#[derive(Deserialize)]
pub struct TimeSpine {
    pub standard_granularity_column: String,
    #[serde(default)]
    pub custom_granularities: Option<Vec<CustomGranularity>>,
}

#[derive(Deserialize)]
pub struct CustomGranularity {
    pub name: String,
    pub column_name: Option<String>,
}

/// A macro of the project, of a package or of dbt itself.
#[derive(Deserialize)]
pub struct Macro {
    pub name: String,
    pub package_name: String,
    #[serde(default)]
    pub macro_sql: Option<String>,
}

#[derive(Deserialize)]
pub struct Checksum {
    pub checksum: Option<String>,
}

/// Read by hand (see [`super::config`]): serde keeps every value of a struct with a flattened part twice.
#[derive(Default)]
pub struct Config {
    pub enabled: Option<bool>,
    pub materialized: Option<String>,
    pub tags: Texts,
    pub meta: Keyed<Strict>,
    pub group: Option<String>,
    pub access: Option<String>,
    pub column_types: Keyed<Text>,
    pub pre_hook: Strict,
    pub post_hook: Strict,
    /// Of sources; models have another `freshness`.
    pub freshness: Strict,
    pub loaded_at_field: Option<String>,
    pub loaded_at_query: Option<String>,
    pub severity: Option<String>,
    pub warn_if: Option<Text>,
    pub error_if: Option<Text>,
    pub fail_calc: Option<Text>,
    pub filter: Option<Text>,
    pub limit: Option<Text>,
    /// All that the project may have said besides.
    pub rest: Keyed<Strict>,
}

#[derive(Deserialize)]
pub struct Column {
    pub name: Option<String>,
    pub data_type: Option<Text>,
    #[serde(default)]
    pub constraints: Option<Vec<super::enforced::Constraint>>,
}

#[derive(Deserialize)]
pub struct DependsOn {
    #[serde(default)]
    pub nodes: Option<Vec<String>>,
}

#[derive(Deserialize)]
pub struct TestMetadata {
    pub name: String,
    pub namespace: Option<String>,
    #[serde(default)]
    pub kwargs: Keyed<Strict>,
}

#[derive(Deserialize, Clone)]
pub struct Freshness {
    pub warn_after: Option<Period>,
    pub error_after: Option<Period>,
    pub filter: Option<String>,
}

/// Both `null` where dbt knows the key but the project gave nothing.
#[derive(Deserialize, Clone)]
pub struct Period {
    pub count: Option<u64>,
    pub period: Option<String>,
}

#[derive(Deserialize)]
pub struct Exposure {
    pub name: String,
    pub package_name: String,
    #[serde(default)]
    pub original_file_path: String,
    #[serde(default)]
    pub fqn: Texts,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub label: Option<String>,
    pub owner: Option<Owner>,
    pub url: Option<String>,
    pub depends_on: Option<DependsOn>,
    #[serde(default)]
    pub metrics: Option<Vec<Texts>>,
    #[serde(default)]
    pub tags: Texts,
    #[serde(default)]
    pub meta: Keyed<Strict>,
    pub config: Option<Config>,
}

#[derive(Deserialize)]
pub struct Owner {
    pub name: Option<Text>,
    #[serde(default)]
    pub email: Texts,
}

#[derive(Deserialize)]
pub struct Group {
    pub name: String,
    pub owner: Option<Owner>,
}

#[derive(Deserialize)]
pub struct Disabled {
    pub name: String,
}

#[derive(Deserialize)]
pub struct Metric {
    pub name: String,
    pub package_name: String,
    #[serde(default)]
    pub original_file_path: String,
    #[serde(default)]
    pub fqn: Texts,
    #[serde(default)]
    pub tags: Texts,
    pub label: Option<String>,
    pub description: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub type_params: Option<TypeParams>,
    pub filter: Option<Filter>,
    pub depends_on: Option<DependsOn>,
    pub group: Option<String>,
    #[serde(default)]
    pub meta: Keyed<Strict>,
    pub config: Option<Config>,
    /// Of dbt 1.5.
    pub calculation_method: Option<String>,
    /// Of dbt 1.5.
    pub expression: Option<Text>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct TypeParams {
    pub measure: Option<Input>,
    pub numerator: Option<Input>,
    pub denominator: Option<Input>,
    pub metrics: Option<Vec<Input>>,
    pub expr: Option<Text>,
    pub conversion_type_params: Option<Conversion>,
    pub cumulative_type_params: Option<Cumulative>,
    pub metric_aggregation_params: Option<Aggregation>,
    pub join_to_timespine: Option<bool>,
}

/// A measure or metric that a metric reads: its name, or an object with a filter of its own.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Input {
    Named(String),
    Detailed(Box<DetailedInput>),
}

/// See [`Input`].
#[derive(Deserialize)]
pub struct DetailedInput {
    pub name: String,
    pub filter: Option<Filter>,
    pub alias: Option<String>,
    pub join_to_timespine: Option<bool>,
    #[serde(default)]
    pub offset_window: Strict,
    #[serde(default)]
    pub offset_to_grain: Strict,
}

#[derive(Deserialize)]
pub struct Conversion {
    pub base_measure: Option<Input>,
    pub conversion_measure: Option<Input>,
    pub base_metric: Option<Input>,
    pub conversion_metric: Option<Input>,
    pub entity: Option<String>,
    #[serde(default)]
    pub constant_properties: Option<Vec<ConstantProperty>>,
}

/// What must be alike in a base event and its conversion.
#[derive(Deserialize)]
pub struct ConstantProperty {
    pub base_property: String,
    pub conversion_property: String,
}

#[derive(Deserialize)]
pub struct Cumulative {
    pub metric: Option<Input>,
}

#[derive(Deserialize)]
pub struct Aggregation {
    pub semantic_model: String,
    pub agg: String,
    /// dbt 2 writes it here as well.
    pub expr: Option<Text>,
    pub agg_time_dimension: Option<String>,
    pub non_additive_dimension: Option<NonAdditive>,
}

/// The dimension over which a measure cannot be added, and by what its first or last row is chosen.
#[derive(Deserialize)]
pub struct NonAdditive {
    pub name: String,
    #[serde(default)]
    pub window_groupings: Option<Vec<String>>,
}

/// dbt 1.6.0 wrote one filter, 1.6.1 and later write a list.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Filter {
    Text(String),
    List { where_filters: Vec<WhereFilter> },
    One(WhereFilter),
}

#[derive(Deserialize)]
pub struct WhereFilter {
    pub where_sql_template: String,
}

#[derive(Deserialize)]
pub struct SemanticModel {
    pub name: String,
    pub package_name: String,
    #[serde(default)]
    pub original_file_path: String,
    #[serde(default)]
    pub fqn: Texts,
    pub depends_on: Option<DependsOn>,
    pub defaults: Option<Defaults>,
    pub primary_entity: Option<String>,
    #[serde(default)]
    pub measures: Option<Vec<Measure>>,
    #[serde(default)]
    pub dimensions: Option<Vec<Part>>,
    #[serde(default)]
    pub entities: Option<Vec<Part>>,
}

#[derive(Deserialize)]
pub struct Defaults {
    pub agg_time_dimension: Option<String>,
}

#[derive(Deserialize)]
pub struct Measure {
    pub name: String,
    pub expr: Option<Text>,
    pub agg: String,
    pub agg_time_dimension: Option<String>,
    pub non_additive_dimension: Option<NonAdditive>,
}

/// A dimension or entity.
#[derive(Deserialize)]
pub struct Part {
    pub name: String,
    pub expr: Option<Text>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Of dimensions.
    pub is_partition: Option<bool>,
    /// Of dimensions.
    pub type_params: Option<DimensionParams>,
}

#[derive(Deserialize)]
pub struct DimensionParams {
    #[serde(default)]
    pub validity_params: Strict,
}

/// A strict object as serde_json's own.
pub fn object(keyed: Keyed<Strict>) -> Map<String, Value> {
    keyed.0.into_iter().map(|(key, Strict(value))| (key, value)).collect()
}
