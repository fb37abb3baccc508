//! A dbt project's names as its own files give them, where there is no manifest: models, seeds, snapshots, sources, exposures, metrics, and the
//! columns that YAML files document.
//!
//! Enough to know that a name is there, and no more: no SQL is read, no template is rendered, no configuration is applied, so that a disabled model has a
//! name like any other. What cannot be read is a doubt, and where there is one, a name that was not found may be there all the same. Text comes in;
//! `project` reads the files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Column, Exposure, Metric, Node, NodeKind, Project};
use crate::diagnostic::{Finding, codes};

/// Where a project or package keeps its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The project's name.
    pub name: String,
    /// `model-paths`.
    pub models: Vec<String>,
    /// `seed-paths`.
    pub seeds: Vec<String>,
    /// `snapshot-paths`.
    pub snapshots: Vec<String>,
    /// Other folders whose YAML files dbt reads.
    pub others: Vec<String>,
    /// `packages-install-path`.
    pub packages: String,
    /// Whether a path is a template, which nobody renders here.
    pub doubtful: bool,
}

/// What a folder is for; the first that has a file counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Folder {
    Models,
    Seeds,
    Snapshots,
    Others,
}

/// One file of a project or package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// What the folder is for that it was found in.
    pub folder: Folder,
    /// Its path, as people name it.
    pub path: PathBuf,
    /// Its text, where [`needs_text`] asks for it.
    pub text: String,
}

/// The names, in the form of a project, and why it may have others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Names {
    /// Nodes, exposures and metrics with their names and columns; nothing else of them is known.
    pub project: Project,
    /// What could not be read, in sentences without a full stop.
    pub doubts: Vec<String>,
}

impl Layout {
    /// Reads `dbt_project.yml`.
    ///
    /// # Errors
    /// YAML that cannot be read.
    #[allow(clippy::result_large_err, reason = "read once per run")]
    pub fn read(dbt_project_yml: &str, file: &Path) -> Result<Layout, Finding> {
        let read = crate::yaml::value(dbt_project_yml, file)?;
        let mut doubtful = false;
        // The older names of two keys are read by old projects' dbt, and harm nobody else.
        let mut paths = |keys: &[&str], otherwise: &str| -> Vec<String> {
            let written = keys.iter().find_map(|key| read.get(*key)).filter(|value| !value.is_null());
            let listed: Vec<String> = match written {
                None => vec![otherwise.to_owned()],
                Some(Value::String(one)) => vec![one.clone()],
                Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                Some(_) => Vec::new(),
            };
            doubtful |= listed.is_empty() && written.is_some_and(|value| value.as_array().is_none_or(|list| !list.is_empty()));
            doubtful |= listed.iter().any(|path| templated(path));
            listed
        };
        let (models, seeds) = (paths(&["model-paths", "source-paths"], "models"), paths(&["seed-paths", "data-paths"], "seeds"));
        let snapshots = paths(&["snapshot-paths"], "snapshots");
        let others = [("analysis-paths", "analyses"), ("macro-paths", "macros"), ("test-paths", "tests")];
        let others = others.iter().flat_map(|(key, otherwise)| paths(&[*key], otherwise)).collect();
        let packages = paths(&["packages-install-path"], "dbt_packages").into_iter().next().unwrap_or_default();
        let name = read.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Layout { name, models, seeds, snapshots, others, packages, doubtful })
    }

    /// Its folders with what they are for.
    pub fn folders(&self) -> Vec<(Folder, &str)> {
        let each = [
            (Folder::Models, &self.models),
            (Folder::Seeds, &self.seeds),
            (Folder::Snapshots, &self.snapshots),
            (Folder::Others, &self.others),
        ];
        each.into_iter().flat_map(|(folder, paths)| paths.iter().map(move |path| (folder, path.as_str()))).collect()
    }
}

/// Whether a file matters at all: by its ending.
pub fn is_wanted(folder: Folder, path: &Path) -> bool {
    let named = |endings: &[&str]| endings.contains(&ending(path));
    named(&["yml", "yaml"])
        || match folder {
            Folder::Models => named(&["sql", "py"]),
            Folder::Seeds => named(&["csv"]),
            Folder::Snapshots => named(&["sql"]),
            Folder::Others => false,
        }
}

/// Whether its name alone is not enough.
pub fn needs_text(folder: Folder, path: &Path) -> bool {
    matches!((folder, ending(path)), (_, "yml" | "yaml") | (Folder::Snapshots, _))
}

fn ending(path: &Path) -> &str {
    path.extension().and_then(|ending| ending.to_str()).unwrap_or_default()
}

/// The names of a project (the first) and of its packages, each with its files.
pub fn names(packages: &[(Layout, Vec<File>)]) -> Names {
    let mut names = Names::default();
    if let Some((root, _)) = packages.first() {
        names.project.name.clone_from(&root.name);
    }
    for (layout, files) in packages {
        if layout.doubtful {
            names.doubts.push(format!("dbt_project.yml of `{}` writes paths that are not plain text", layout.name));
        }
        let (columns, versioned) = (BTreeMap::new(), BTreeSet::new());
        let mut reader = Reader { package: &layout.name, path: Path::new(""), names: &mut names, columns, versioned };
        for file in files {
            reader.path = &file.path;
            reader.file(file);
        }
        reader.document();
    }
    names
}

/// Reads the files of one package.
struct Reader<'a> {
    package: &'a str,
    path: &'a Path,
    names: &'a mut Names,
    /// Columns that YAML documents, by name of the model, seed or snapshot.
    columns: BTreeMap<String, Vec<Column>>,
    /// Names of models that have versions.
    versioned: BTreeSet<String>,
}

impl Reader<'_> {
    fn file(&mut self, file: &File) {
        let stem = file.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        match (file.folder, ending(&file.path)) {
            (_, "yml" | "yaml") => match crate::yaml::value(&file.text, &file.path) {
                Ok(document) => self.yaml(&document),
                // dbt passes over it.
                Err(finding) if finding.code == codes::EMPTY_FILE => {}
                Err(finding) => self.names.doubts.push(format!("{}: {}", file.path.display(), finding.message)),
            },
            (Folder::Models, _) => self.relation(NodeKind::Model, "model", stem, None),
            (Folder::Seeds, _) => self.relation(NodeKind::Seed, "seed", stem, None),
            (Folder::Snapshots, _) => {
                for name in snapshots(&file.text) {
                    self.relation(NodeKind::Snapshot, "snapshot", name, None);
                }
            }
            (Folder::Others, _) => {}
        }
    }

    fn yaml(&mut self, document: &Value) {
        for section in ["models", "seeds", "snapshots"] {
            for entry in list(document, section) {
                let Some(name) = self.name(entry) else { continue };
                if section == "snapshots" && entry.get("relation").is_some() {
                    self.relation(NodeKind::Snapshot, "snapshot", &name, None);
                }
                self.versions(&name, entry);
                self.columns.entry(name).or_default().extend(columns(entry));
            }
        }
        for source in list(document, "sources") {
            let Some(source_name) = self.name(source) else { continue };
            for table in list(source, "tables") {
                let Some(name) = self.name(table) else { continue };
                self.relation(NodeKind::Source, "source", &name, Some(&source_name));
                let id = format!("source.{}.{source_name}.{name}", self.package);
                if let Some(node) = self.names.project.nodes.get_mut(&id) {
                    node.columns.extend(columns(table));
                }
            }
        }
        for entry in list(document, "exposures") {
            let Some(name) = self.name(entry) else { continue };
            let unique_id = format!("exposure.{}.{name}", self.package);
            let exposure = Exposure { unique_id: unique_id.clone(), name, package: self.package.to_owned(), ..Exposure::default() };
            self.names.project.exposures.insert(unique_id, exposure);
        }
        self.metrics(document);
    }

    /// Metrics stand at the top or within a model, and a measure may be made one; a metric that is only mentioned was written somewhere, too.
    fn metrics(&mut self, at: &Value) {
        match at {
            Value::Array(items) => items.iter().for_each(|item| self.metrics(item)),
            Value::Object(map) => {
                for (key, value) in map {
                    let made =
                        |entry: &&Value| key == "metrics" || entry.get("create_metric").is_some_and(|made| *made != Value::Bool(false));
                    let here = ["metrics", "measures"].contains(&key.as_str());
                    // Inputs of a metric can be names alone, which are written elsewhere.
                    for entry in value.as_array().into_iter().flatten().filter(|entry| here && entry.get("name").is_some()).filter(made) {
                        let Some(name) = self.name(entry) else { continue };
                        let unique_id = format!("metric.{}.{name}", self.package);
                        let metric = Metric { unique_id: unique_id.clone(), name, package: self.package.to_owned(), ..Metric::default() };
                        self.names.project.metrics.insert(unique_id, metric);
                    }
                    self.metrics(value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// A model of several versions: each has a file of its own, of whatever name, and they share the model's.
    fn versions(&mut self, name: &str, entry: &Value) {
        let written: Vec<String> = list(entry, "versions").filter_map(|version| version.get("v").map(plain)).collect();
        let number = |v: &str| v.parse::<f64>().unwrap_or(f64::MAX);
        let newest = written.iter().cloned().max_by(|a, b| number(a).total_cmp(&number(b)).then_with(|| a.cmp(b)));
        let latest = entry.get("latest_version").map(plain).or(newest);
        for v in written {
            let unique_id = format!("model.{}.{name}.v{v}", self.package);
            let node = Node {
                latest_version: Some(&v) == latest.as_ref(),
                version: Some(v),
                ..self.node(NodeKind::Model, unique_id.clone(), name, None)
            };
            self.names.project.nodes.insert(unique_id, node);
            self.versioned.insert(name.to_owned());
        }
    }

    fn relation(&mut self, kind: NodeKind, word: &str, name: &str, source: Option<&str>) {
        let within = source.map(|source| format!("{source}.")).unwrap_or_default();
        let unique_id = format!("{word}.{}.{within}{name}", self.package);
        let node = self.node(kind, unique_id.clone(), name, source);
        self.names.project.nodes.entry(unique_id).or_insert(node);
    }

    fn node(&self, kind: NodeKind, unique_id: String, name: &str, source: Option<&str>) -> Node {
        Node {
            unique_id,
            kind,
            name: name.to_owned(),
            source_name: source.map(str::to_owned),
            package: self.package.to_owned(),
            path: self.path.to_path_buf(),
            identifier: name.to_owned(),
            // Whether it is ephemeral is not known here, so that nothing is said of it.
            relation_name: Some(name.to_owned()),
            ..Node::default()
        }
    }

    /// Gives models, seeds and snapshots the columns that YAML documents, in whatever file.
    fn document(&mut self) {
        // A file of the bare name is one of the versions.
        for name in &self.versioned {
            self.names.project.nodes.remove(&format!("model.{}.{name}", self.package));
        }
        for node in self.names.project.nodes.values_mut().filter(|node| node.package == self.package && node.kind != NodeKind::Source) {
            for column in self.columns.get(&node.name).into_iter().flatten() {
                if !node.columns.contains(column) {
                    node.columns.push(column.clone());
                }
            }
        }
    }

    /// The name of an entry; a name that is a template, or no text, is a doubt.
    fn name(&mut self, entry: &Value) -> Option<String> {
        let name = entry.get("name").filter(|name| name.is_string() || name.is_number()).map(plain);
        if name.as_ref().is_none_or(|name| templated(name)) {
            let what = name.map_or_else(|| "an entry has no name".to_owned(), |name| format!("the name `{name}` is a template"));
            self.names.doubts.push(format!("{}: {what}", self.path.display()));
            return None;
        }
        name
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn templated(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

fn list<'a>(of: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    of.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn columns(entry: &Value) -> Vec<Column> {
    let names = list(entry, "columns").filter_map(|column| column.get("name")).map(plain);
    names.filter(|name| !templated(name)).map(|name| Column { name, data_type: None }).collect()
}

/// Names of the snapshots of a file: `{% snapshot NAME %}`.
fn snapshots(sql: &str) -> impl Iterator<Item = &str> {
    sql.split("{%").skip(1).filter_map(|block| {
        let mut words = block.trim_start_matches(['-', '+']).split_whitespace();
        (words.next() == Some("snapshot")).then(|| words.next()).flatten().map(|name| name.trim_end_matches(['-', '%', '}']))
    })
}
