//! `manifest.json` of dbt 1.5 to 1.12 and 2.x -> [`Project`].
//!
//! What the file says in two places (tags, meta, freshness, owners) becomes one; what later rooms must not guess (the node that a test counts, the
//! version that a bare name means) is settled here. What is lost is said in [`Project::notes`].

mod config;
mod enforced;
mod semantic;
mod wire;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::artifact::{self, Artifact, ReadFault};
use super::json::{Strict, Text};
use super::{Column, Exposure, Freshness, Group, Node, NodeKind, Project, Test};

const AGAIN: &str = "`dbt compile` writes it again";

/// Reads a manifest. `file` is only for messages.
///
/// # Errors
/// Not a manifest, damaged, or of a schema version other than 9 to 12.
pub fn read(bytes: &[u8], file: &Path) -> Result<Project, ReadFault> {
    let (manifest, version) = artifact::read::<wire::Manifest>(bytes, file)?;
    let metadata = manifest.metadata().cloned().unwrap_or_default();
    let mut project = Project {
        name: metadata.project_name.clone().unwrap_or_default(),
        adapter: metadata.adapter_type.clone().unwrap_or_default(),
        dbt_version: metadata.dbt_version.clone().unwrap_or_default(),
        // Version 20 was the name of 12 in early previews of dbt 2.
        schema_version: version.min(12),
        generated_at: metadata.generated_at(),
        invocation_id: metadata.invocation_id,
        groups: manifest.groups.0.into_values().map(group).map(|group| (group.name.clone(), group)).collect(),
        ..Project::default()
    };
    if version == 20 {
        project.notes.push("manifest schema version 20 is read as 12".to_owned());
    }
    for (id, listed) in manifest.disabled.0 {
        project.disabled.extend(listed.into_iter().next().map(|node| (id, node.name)));
    }
    let nodes = manifest.nodes.0.into_iter().chain(manifest.sources.0);
    for (id, node) in nodes {
        if node.config.as_ref().and_then(|config| config.enabled) == Some(false) {
            project.disabled.insert(id, node.name);
            continue;
        }
        let fault =
            |message: String| ReadFault::unreadable(format!("this manifest.json cannot be read: in `{id}`: {message}"), AGAIN, file);
        match node.resource_type.as_str() {
            "model" => {
                project.time_spines.extend(semantic::time_spine(&node).map(|columns| (id.clone(), columns)));
                project.add(relation(id, NodeKind::Model, node));
            }
            "seed" => project.add(relation(id, NodeKind::Seed, node)),
            "snapshot" => project.add(relation(id, NodeKind::Snapshot, node)),
            "source" => {
                let freshness = source_freshness(&node).map_err(fault)?;
                project.add(Node { freshness, ..relation(id, NodeKind::Source, node) });
            }
            "test" => {
                let test = test(&id, node).map_err(fault)?;
                project.tests.insert(id, test);
            }
            "operation" if id.contains("-on-run-start-") => project.on_run_start.extend(node.raw_code),
            "analysis" | "operation" | "sql_operation" | "sql operation" | "rpc" | "rpc call" | "unit_test" | "function" => {}
            other => project.notes.push(format!("`{id}` is not read: nothing is known of a dbt {other}")),
        }
    }
    semantic::add(&mut project, manifest.semantic_models, manifest.metrics);
    for (id, exposure) in manifest.exposures.0 {
        let exposure = expose(&mut project, id.clone(), exposure);
        project.exposures.insert(id, exposure);
    }
    project.attach_tests();
    project.keep_macros(manifest.macros.0.into_values());
    project.note_what_is_lost();
    Ok(project)
}

impl Project {
    /// Whether a model is not compiled, so that its template must be rendered.
    pub fn has_templates(&self) -> bool {
        self.nodes.values().any(|node| !node.config.is_empty())
    }

    fn add(&mut self, node: Node) {
        self.nodes.insert(node.unique_id.clone(), node);
    }

    /// dbt names no node for tests of sources, and for tests of a package's model that the project shadows one that the test does not read. The node that
    /// a test counts is the one that its `model` argument names among those that it depends on.
    fn attach_tests(&mut self) {
        let nodes = &self.nodes;
        for test in self.tests.values_mut().filter(|test| test.test_name.is_some()) {
            if !test.attached_node.as_ref().is_some_and(|attached| test.depends_on.contains(attached)) {
                let argument = test.kwargs.get("model").and_then(Value::as_str).unwrap_or_default();
                let mut named = test.depends_on.iter().filter(|id| nodes.get(*id).is_some_and(|node| calls(argument, node)));
                test.attached_node = match (named.next(), named.next()) {
                    (Some(only), None) => Some(only.clone()),
                    (None | Some(_), _) => None,
                };
            }
        }
    }

    /// Only who renders templates needs macros; dbt's own alone are a megabyte.
    fn keep_macros(&mut self, macros: impl Iterator<Item = wire::Macro>) {
        if !self.has_templates() {
            return;
        }
        for wire::Macro { name, package_name, macro_sql } in macros {
            // A materialization is no text of a model.
            if let Some(sql) = macro_sql.filter(|_| !name.starts_with("materialization_")) {
                self.macros.entry(package_name).or_default().insert(name, sql.into());
            }
        }
    }

    fn note_what_is_lost(&mut self) {
        let models = || self.nodes.values().filter(|node| node.kind == NodeKind::Model && node.language == "sql");
        let (all, bare) = (models().count(), models().filter(|node| node.compiled_code.is_none()).count());
        let tests = self.tests.values().filter(|test| test.compiled_code.is_none()).count();
        let note = match (bare, tests) {
            (0, 0) => return,
            (0, tests) => format!("{tests} of {} data tests are not compiled: those that are not standard cannot be run", self.tests.len()),
            (bare, 0) => {
                format!("{bare} of {all} models are not compiled: they are rendered here, and what cannot be rendered is assumed")
            }
            (bare, tests) => format!(
                "{bare} of {all} models and {tests} of {} data tests are not compiled: models are rendered here, and what cannot be rendered is assumed; tests that are not standard cannot be run",
                self.tests.len()
            ),
        };
        self.notes.push(format!("{note}; run `dbt compile` (this manifest was written by `dbt parse`, or for a selection of the project)"));
    }
}

fn relation(unique_id: String, kind: NodeKind, node: wire::Node) -> Node {
    let enforced = enforced::columns(&node, node.config.as_ref().and_then(|config| config.materialized.as_deref()));
    let mut config = node.config.unwrap_or_default();
    let compiled_code = not_blank(node.compiled_code);
    let loaded_at_query = node.loaded_at_query.or(config.loaded_at_query.take());
    let hooks: Vec<String> = [std::mem::take(&mut config.pre_hook), std::mem::take(&mut config.post_hook)]
        .into_iter()
        .flat_map(|Strict(hooks)| hook_texts(hooks))
        .collect();
    // Besides what was not compiled at all: the other side of is_incremental(), and hooks, which dbt does not compile.
    let asks = node.raw_code.as_deref().is_some_and(|raw| raw.contains("is_incremental"));
    let rendered = compiled_code.is_none() || asks || hooks.iter().any(|hook| hook.contains('{'));
    let template = matches!(kind, NodeKind::Model | NodeKind::Snapshot) && rendered;
    let incremental = config::incremental(&config);
    let rest = if template { config::readable(&mut config) } else { Map::new() };
    let version = node.version.map(|Text(version)| version);
    let latest = node.latest_version.map(|Text(latest)| latest);
    let default_materialized = match kind {
        NodeKind::Model => "view",
        NodeKind::Seed => "seed",
        NodeKind::Snapshot => "snapshot",
        NodeKind::Source => "source",
    };
    let column = |(key, column): (String, wire::Column)| Column {
        name: column.name.unwrap_or(key),
        data_type: column.data_type.map(|Text(text)| text),
    };
    Node {
        kind,
        identifier: node.alias.or(node.identifier).unwrap_or_else(|| node.name.clone()),
        name: node.name,
        source_name: node.source_name,
        latest_version: version.is_none() || version == latest,
        version,
        package: node.package_name,
        path: path(&node.original_file_path),
        fqn: node.fqn.0,
        tags: united(node.tags.0, config.tags.0),
        language: node.language.unwrap_or_else(|| "sql".to_owned()),
        materialized: config.materialized.unwrap_or_else(|| default_materialized.to_owned()),
        database: node.database,
        schema: node.schema.unwrap_or_default(),
        incremental,
        relation_name: node.relation_name,
        raw_code: node.raw_code.unwrap_or_default(),
        compiled_code,
        columns: node.columns.0.into_iter().map(column).collect(),
        catalog_columns: None,
        depends_on: node.depends_on.and_then(|on| on.nodes).unwrap_or_default(),
        meta: merged(wire::object(node.meta), wire::object(config.meta)).into(),
        group: node.group.or(config.group),
        access: node.access.or(config.access),
        enforced,
        column_types: config.column_types.0.into_iter().map(|(name, Text(text))| (name, text)).collect(),
        freshness: None,
        // A table's query goes before the field that it has from its source: that is how dbt measures it.
        loaded_at_field: node.loaded_at_field.or(config.loaded_at_field).filter(|_| loaded_at_query.is_none()),
        loaded_at_query,
        checksum: node.checksum.and_then(|checksum| checksum.checksum),
        hooks,
        config: rest,
        unique_id,
    }
}

fn test(unique_id: &str, node: wire::Node) -> Result<Test, String> {
    let config = node.config.unwrap_or_default();
    let severity = config.severity.unwrap_or_else(|| "error".to_owned());
    let warns_only = match severity.to_ascii_lowercase().as_str() {
        "warn" => true,
        "error" => false,
        _ => return Err(format!("severity is `{severity}`, not warn or error")),
    };
    let limit =
        config.limit.map(|Text(limit)| limit.parse().map_err(|_| format!("limit is `{limit}`, not a number of rows"))).transpose()?;
    let text = |value: Option<Text>, default: &str| value.map_or_else(|| default.to_owned(), |Text(text)| text);
    let (test_name, namespace, mut kwargs) = match node.test_metadata {
        Some(metadata) => (Some(metadata.name), metadata.namespace, wire::object(metadata.kwargs)),
        None => (None, None, Map::new()),
    };
    // dbt lays arguments flat since 1.10.6; before, a test could have one called `arguments`.
    if let Some(Value::Object(arguments)) = kwargs.get("arguments").cloned() {
        kwargs.remove("arguments");
        kwargs = merged(kwargs, arguments);
    }
    Ok(Test {
        unique_id: unique_id.to_owned(),
        name: node.name,
        package: node.package_name,
        path: path(&node.original_file_path),
        fqn: node.fqn.0,
        tags: united(node.tags.0, config.tags.0),
        test_name,
        namespace: namespace.filter(|namespace| namespace != "dbt"),
        column_name: node.column_name.or_else(|| kwargs.get("column_name").and_then(Value::as_str).map(str::to_owned)),
        kwargs: kwargs.into(),
        attached_node: node.attached_node,
        depends_on: node.depends_on.and_then(|on| on.nodes).unwrap_or_default(),
        warns_only,
        warn_if: text(config.warn_if, "!= 0"),
        error_if: text(config.error_if, "!= 0"),
        fail_calc: text(config.fail_calc, "count(*)"),
        filter: config.filter.map(|Text(text)| text),
        limit,
        compiled_code: not_blank(node.compiled_code),
        raw_code: node.raw_code.unwrap_or_default(),
        meta: merged(wire::object(node.meta), wire::object(config.meta)).into(),
    })
}

/// What the source itself says and, where that key is not there, what its config says; both `null`: switched off.
fn source_freshness(node: &wire::Node) -> Result<Option<Freshness>, String> {
    let config = node.config.as_ref().map(|config| &config.freshness.0).filter(|freshness| !freshness.is_null());
    let freshness = match (&node.freshness, config) {
        (Some(freshness), _) => freshness.clone(),
        (None, Some(config)) => serde_json::from_value(config.clone()).map_err(|error| format!("config.freshness: {error}"))?,
        (None, None) => return Ok(None),
    };
    let read = Freshness {
        warn_after: freshness.warn_after.map(seconds).transpose()?.flatten(),
        error_after: freshness.error_after.map(seconds).transpose()?.flatten(),
        filter: not_blank(freshness.filter),
    };
    Ok((read.warn_after.is_some() || read.error_after.is_some()).then_some(read))
}

fn seconds(period: wire::Period) -> Result<Option<u64>, String> {
    let (count, unit) = match (period.count, period.period) {
        (None, None) => return Ok(None),
        (Some(count), Some(unit)) => (count, unit),
        (Some(count), None) => return Err(format!("a freshness of {count} without a period")),
        (None, Some(unit)) => return Err(format!("a freshness in {unit}s without a count")),
    };
    let length: u64 = match unit.as_str() {
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        _ => return Err(format!("a freshness period of `{unit}`, not minute, hour or day")),
    };
    count.checked_mul(length).map(Some).ok_or_else(|| format!("a freshness of {count} {unit}s is too long"))
}

/// dbt 2 lists metrics by name only. One that the manifest does not hold stays among what the exposure depends on: whoever follows it finds nothing,
/// and must not think that there was nothing to follow.
fn expose(project: &mut Project, unique_id: String, exposure: wire::Exposure) -> Exposure {
    let config = exposure.config.unwrap_or_default();
    let owner = exposure.owner.map(owner).unwrap_or_default();
    let mut depends_on = exposure.depends_on.and_then(|on| on.nodes).unwrap_or_default();
    for listed in exposure.metrics.unwrap_or_default() {
        let (package, name) = match listed.0.as_slice() {
            [name] => (&exposure.package_name, name),
            [package, name] => (package, name),
            [] | [_, _, _, ..] => continue,
        };
        let id = match project.metric(name) {
            Some(metric) => metric.unique_id.clone(),
            None => {
                project.notes.push(format!("exposure `{}` shows the metric `{name}`, which this manifest does not hold", exposure.name));
                format!("metric.{package}.{name}")
            }
        };
        if !depends_on.contains(&id) {
            depends_on.push(id);
        }
    }
    Exposure {
        unique_id,
        name: exposure.name,
        label: exposure.label,
        kind: exposure.kind.unwrap_or_default(),
        owner_name: owner.0,
        owner_email: owner.1,
        url: exposure.url,
        depends_on,
        package: exposure.package_name,
        path: path(&exposure.original_file_path),
        fqn: exposure.fqn.0,
        tags: united(exposure.tags.0, config.tags.0),
        meta: merged(wire::object(exposure.meta), wire::object(config.meta)).into(),
    }
}

fn group(group: wire::Group) -> Group {
    let (owner_name, owner_email) = group.owner.map(owner).unwrap_or_default();
    Group { name: group.name, owner_name, owner_email }
}

/// Name and addresses, several joined by a comma.
fn owner(owner: wire::Owner) -> (Option<String>, Option<String>) {
    (owner.name.map(|Text(name)| name), Some(owner.email.0.join(", ")).filter(|email| !email.is_empty()))
}

/// Whether a test's `model` argument, `{{ get_where_subquery(ref('orders', version='2')) }}`, calls this node.
fn calls(argument: &str, node: &Node) -> bool {
    let quoted: Vec<&str> = argument.split(['\'', '"']).skip(1).step_by(2).collect();
    match &node.source_name {
        Some(source) => {
            argument.contains("source(") && matches!(quoted.as_slice(), [first, table] if first == source && *table == node.name)
        }
        None => argument.contains("ref(") && quoted.iter().any(|word| *word == node.name),
    }
}

/// Hooks stand there as text, as an object with `sql`, or as a list of these.
fn hook_texts(hooks: Value) -> Vec<String> {
    match hooks {
        Value::String(sql) => vec![sql],
        Value::Array(items) => items.into_iter().flat_map(hook_texts).collect(),
        Value::Object(mut hook) => hook.remove("sql").map(hook_texts).unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// With `/` between its parts, whatever system dbt ran on.
fn path(written: &str) -> PathBuf {
    PathBuf::from(written.replace('\\', "/"))
}

fn united(mut first: Vec<String>, second: Vec<String>) -> Vec<String> {
    for tag in second {
        if !first.contains(&tag) {
            first.push(tag);
        }
    }
    first
}

/// The second wins, as `config.meta` does in dbt.
fn merged(mut first: Map<String, Value>, second: Map<String, Value>) -> Map<String, Value> {
    first.extend(second);
    first
}

fn not_blank(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

fn by_name<'a, T>(all: &'a BTreeMap<String, T>, name: &str, name_of: impl Fn(&T) -> &str) -> Option<&'a String> {
    all.iter().find(|(_, one)| name_of(one) == name).map(|(id, _)| id)
}
