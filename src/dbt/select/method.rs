//! The methods that pick: `tag:`, `source:`, `path:`, ...

use std::collections::BTreeSet;
use std::path::Path;

use super::config::{Config, equals};
use super::glob;
use super::item::{Item, Items, RESOURCE_TYPES};
use crate::dbt::{Node, NodeKind, Project};
use crate::diagnostic::{Finding, codes, nearest};

/// How a selector picks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    Fqn,
    Tag,
    Group,
    Access,
    Source,
    /// `exposure`, `metric`, `semantic_model`: by name or `package.name`.
    Named(&'static str),
    Path,
    File,
    Package,
    /// `config.materialized`: the keys after `config`.
    Config(Vec<String>),
    ResourceType,
    TestName,
    TestType,
    Version,
}

const METHODS: [&str; 15] = [
    "fqn",
    "tag",
    "group",
    "access",
    "source",
    "exposure",
    "metric",
    "semantic_model",
    "path",
    "file",
    "package",
    "config",
    "resource_type",
    "test_name",
    "test_type",
];

impl Method {
    #[allow(clippy::result_large_err, reason = "read once per run")]
    pub fn read(written: &str, selector: &str) -> Result<Self, Finding> {
        let mut words = written.split('.');
        let name = words.next().unwrap_or_default();
        let arguments: Vec<String> = words.map(str::to_owned).collect();
        let method = match name {
            "fqn" => Method::Fqn,
            "tag" => Method::Tag,
            "group" => Method::Group,
            "access" => Method::Access,
            "source" => Method::Source,
            "exposure" => Method::Named("exposure"),
            "metric" => Method::Named("metric"),
            "semantic_model" => Method::Named("semantic_model"),
            "path" => Method::Path,
            "file" => Method::File,
            "package" => Method::Package,
            "config" if arguments.is_empty() => {
                let finding = Finding::error(codes::BAD_SELECTOR, format!("`{selector}` does not say which config"));
                return Err(finding.help("write `config.materialized:table`"));
            }
            "config" => return Ok(Method::Config(arguments)),
            "resource_type" => Method::ResourceType,
            "test_name" => Method::TestName,
            "test_type" => Method::TestType,
            "version" => Method::Version,
            "state" | "result" | "source_status" => {
                return Err(unsupported(selector, name)
                    .help("it compares with an earlier run, which presscheck does not have: select by name, tag or path"));
            }
            "selector" => return Err(unsupported(selector, name).help("write out what the YAML selector stands for")),
            "saved_query" | "unit_test" | "function" | "column" => {
                return Err(unsupported(selector, name)
                    .help("presscheck checks data: models, sources, tests, exposures and metrics can be selected"));
            }
            _ => {
                let finding = Finding::error(
                    codes::BAD_SELECTOR,
                    format!("`{selector}` begins with `{name}:`, which is no method of dbt's selectors"),
                );
                return Err(match nearest(name, METHODS.into_iter().chain(["version"])) {
                    Some(near) => finding.help(format!("did you mean `{near}:`?")),
                    None => finding.help(format!("the methods are {} and version", METHODS.join(", "))),
                });
            }
        };
        match arguments.as_slice() {
            [] => Ok(method),
            [_, ..] => Err(Finding::error(codes::BAD_SELECTOR, format!("`{name}` in `{selector}` takes nothing after a dot"))),
        }
    }

    /// What a bare word means: a path, a file, or a name.
    pub fn default_for(value: &str) -> Self {
        let lower = value.to_lowercase();
        if value.contains(['/', '\\']) {
            Method::Path
        } else if [".sql", ".py", ".csv"].iter().any(|end| lower.ends_with(end)) {
            Method::File
        } else {
            Method::Fqn
        }
    }

    #[allow(clippy::result_large_err, reason = "read once per run")]
    pub fn search<'a>(&self, value: &str, items: &Items<'a>, selector: &str) -> Result<BTreeSet<&'a str>, Finding> {
        let wrong = |message: String| Finding::error(codes::BAD_SELECTOR, message);
        Ok(match self {
            Method::Fqn => {
                let name = Qualified::read(value)?;
                items.pick(|item| item.resource_type != "source" && name.matches_in_any_package(item))
            }
            Method::Tag => {
                let glob = glob::name(value)?;
                items.pick(|item| item.tags.iter().any(|tag| glob.is_match(tag)))
            }
            Method::Group => {
                let glob = glob::name(value)?;
                items.pick(|item| item.resource_type != "source" && item.group.is_some_and(|group| glob.is_match(group)))
            }
            Method::Access => {
                items.pick(|item| item.resource_type == "model" && item.node.and_then(|node| node.access.as_deref()) == Some(value))
            }
            Method::Source => {
                let parts: Vec<&str> = value.split('.').collect();
                let (package, source, table) = match parts.as_slice() {
                    [source] => ("*", *source, "*"),
                    [source, table] => ("*", *source, *table),
                    [package, source, table] => (*package, *source, *table),
                    [] | [_, _, _, _, ..] => {
                        return Err(wrong(format!("`{selector}` has too many dots: source, source.table or package.source.table")));
                    }
                };
                let (package, source, table) = (glob::name(package)?, glob::name(source)?, glob::name(table)?);
                items.pick(|item| {
                    item.node.and_then(|node| node.source_name.as_deref()).is_some_and(|name| source.is_match(name))
                        && package.is_match(item.package)
                        && table.is_match(item.name)
                })
            }
            Method::Named(sort) => {
                let (package, name) = value.split_once('.').unwrap_or(("*", value));
                if name.contains('.') {
                    return Err(wrong(format!("`{selector}` has too many dots: name or package.name")));
                }
                let (package, name) = (glob::name(package)?, glob::name(name)?);
                items.pick(|item| item.resource_type == *sort && package.is_match(item.package) && name.is_match(item.name))
            }
            Method::Path => {
                let written = value.replace('\\', "/");
                let glob = glob::path(written.trim_start_matches("./").trim_end_matches('/'))?;
                items.pick(|item| item.path.ancestors().any(|path| path != Path::new("") && glob.is_match(path)))
            }
            Method::File => {
                let glob = glob::name(value)?;
                items.pick(|item| [item.path.file_name(), item.path.file_stem()].into_iter().flatten().any(|name| glob.is_match(name)))
            }
            Method::Package => {
                let glob = glob::name(if value == "this" { &items.project.name } else { value })?;
                items.pick(|item| glob.is_match(item.package))
            }
            Method::Config(keys) => {
                let read = Config::read(keys, selector)?;
                items.pick(|item| read.of(item).is_some_and(|held| equals(&held, value, matches!(read, Config::Severity))))
            }
            Method::ResourceType => match RESOURCE_TYPES.into_iter().find(|known| *known == value) {
                Some(known) => items.pick(|item| item.resource_type == known),
                None => return Err(wrong(format!("`{selector}`: presscheck knows the resource types {}", RESOURCE_TYPES.join(", ")))),
            },
            Method::TestName => {
                let glob = glob::name(value)?;
                items.pick(|item| item.test.and_then(|test| test.test_name.as_deref()).is_some_and(|name| glob.is_match(name)))
            }
            Method::TestType => match value {
                "data" => items.pick(|item| item.test.is_some()),
                "generic" | "schema" => items.pick(|item| item.test.is_some_and(|test| test.test_name.is_some())),
                "singular" => items.pick(|item| item.test.is_some_and(|test| test.test_name.is_none())),
                "unit" => return Err(unsupported(selector, "test_type:unit").help("unit tests check SQL, not data")),
                _ => return Err(wrong(format!("`{selector}`: a test is of the type generic, singular or data"))),
            },
            Method::Version => {
                let wanted = match value {
                    "latest" | "old" | "prerelease" | "none" => value,
                    _ => return Err(wrong(format!("`{selector}`: a version is latest, old, prerelease or none"))),
                };
                items.pick(|item| item.node.is_some_and(|node| node.kind == NodeKind::Model && age(node, items.project) == wanted))
            }
        })
    }

    /// The nearest value that would match something.
    pub fn nearest<'a>(&self, value: &str, items: &Items<'a>) -> Option<&'a str> {
        let all = items.all.values();
        match self {
            Method::Fqn => nearest(value, all.filter(|i| i.resource_type != "source").map(|i| i.name)),
            Method::Tag => nearest(value, all.flat_map(|i| i.tags).map(String::as_str)),
            Method::Group => nearest(value, all.filter_map(|i| i.group)),
            Method::Source => nearest(value, all.filter_map(|i| i.node?.source_name.as_deref())),
            Method::Named(sort) => nearest(value, all.filter(|i| i.resource_type == *sort).map(|i| i.name)),
            Method::Path => nearest(value, all.filter_map(|i| i.path.to_str())),
            Method::File => nearest(value, all.filter_map(|i| i.path.file_name()?.to_str())),
            Method::Package => nearest(value, all.map(|i| i.package)),
            Method::TestName => nearest(value, all.filter_map(|i| i.test?.test_name.as_deref())),
            Method::Access => nearest(value, ["public", "protected", "private"]),
            Method::Config(_) | Method::ResourceType | Method::TestType | Method::Version => None,
        }
    }
}

pub(super) fn unsupported(selector: &str, what: &str) -> Finding {
    Finding::error(codes::UNSUPPORTED_SELECTOR, format!("`{selector}`: presscheck does not select by `{what}`"))
}

/// A name as `fqn:` takes it: `orders`, `marts.orders`, `shop.marts.*`.
struct Qualified {
    parts: Vec<String>,
    whole: String,
    /// The first part with a wildcard, and the pattern from there on.
    pattern: Option<(usize, globset::GlobMatcher)>,
}

impl Qualified {
    #[allow(clippy::result_large_err, reason = "read once per run")]
    fn read(value: &str) -> Result<Self, Finding> {
        let parts: Vec<String> = value.split('.').map(str::to_owned).collect();
        let first = parts.iter().position(|part| glob::is_pattern(part));
        let pattern = first.map(|at| glob::name(&parts[at..].join(".")).map(|glob| (at, glob))).transpose()?;
        Ok(Qualified { parts, whole: value.to_owned(), pattern })
    }

    fn matches_in_any_package(&self, item: &Item<'_>) -> bool {
        let versioned = item.node.is_some_and(|node| node.version.is_some());
        self.matches(item.fqn, versioned) || item.fqn.get(1..).is_some_and(|unscoped| self.matches(unscoped, versioned))
    }

    fn matches(&self, fqn: &[String], versioned: bool) -> bool {
        let leaf = match (fqn, versioned) {
            ([.., name, version], true) => {
                let last_two = self.parts.len().saturating_sub(2);
                if format!("{name}_{version}") == self.parts[last_two..].join("_") {
                    return true;
                }
                name
            }
            ([.., name], false) => name,
            ([] | [_], _) => return false,
        };
        if *leaf == self.whole {
            return true;
        }
        let flat: Vec<&str> = fqn.iter().flat_map(|part| part.split('.')).collect();
        if flat.len() < self.parts.len() {
            return false;
        }
        let plain = self.pattern.as_ref().map_or(self.parts.len(), |(at, _)| *at);
        if self.parts[..plain].iter().zip(&flat).any(|(wanted, part)| wanted != part) {
            return false;
        }
        self.pattern
            .as_ref()
            .is_none_or(|(at, glob)| glob.is_match(flat[*at..].join(".")) || (self.parts.len() == 1 && glob.is_match(leaf)))
    }
}

/// `latest`, `old`, `prerelease`, or `none` without versions.
fn age(node: &Node, project: &Project) -> &'static str {
    let Some(version) = &node.version else { return "none" };
    if node.latest_version {
        return "latest";
    }
    let same = |other: &&Node| other.name == node.name && other.package == node.package && other.kind == node.kind && other.latest_version;
    match project.nodes.values().find(same).and_then(|latest| latest.version.as_ref()) {
        Some(latest) if is_newer(version, latest) => "prerelease",
        Some(_) => "old",
        None => "unknown",
    }
}

/// Numbers compare as numbers, the rest as text.
fn is_newer(version: &str, than: &str) -> bool {
    match (version.parse::<f64>(), than.parse::<f64>()) {
        (Ok(version), Ok(than)) => version > than,
        (Ok(_) | Err(_), _) => version > than,
    }
}
