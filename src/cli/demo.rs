//! `presscheck demo`: the sample project from inside the program, built and decided on the embedded DuckDB; no dbt, no network.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;
use include_dir::{Dir, include_dir};

use super::{Ended, Stopped, arguments, check, draw};
use crate::dbt::{self, NodeKind, Project};
use crate::diagnostic::{At, Finding, codes, nearest};
use crate::warehouse::seed::{self, Step};

/// The sample project as it stands in the repository.
static SAMPLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sample_project");

/// Top-level entries of the sample that a user gets; the rest serves its making.
const WRITTEN: &[&str] =
    &["README.md", "dbt_project.yml", "profiles.yml", "contracts", "macros", "models", "seeds", "snapshots", "tests", "mondays.yml"];

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// The folder to write the sample project into
    #[arg(long, value_name = "DIR", default_value = "brightside_bikes")]
    into: PathBuf,
    /// Which Monday to live through; see --list
    #[arg(long, value_name = "NAME", default_value = "unmapped_skus")]
    monday: String,
    /// List the Mondays
    #[arg(long)]
    list: bool,
    /// Overwrite a sample that was edited
    #[arg(long)]
    force: bool,
    #[arg(long, value_enum, default_value_t = arguments::Format::Terminal)]
    format: arguments::Format,
}

/// `mondays.yml`: what may happen before the report is decided. `expect` is for the tests.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Mondays {
    mondays: Vec<Monday>,
}

#[derive(Debug, Clone, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Monday {
    name: String,
    title: String,
    what: String,
    as_of: At<String>,
    #[serde(default)]
    missing_warehouse: bool,
    #[serde(default)]
    sql: Vec<String>,
    #[allow(dead_code, reason = "read by the tests, which hold the program to it")]
    expect: Expected,
}

#[derive(Debug, Clone, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read by the tests, which hold the program to it")]
struct Expected {
    status: String,
    exit_code: u64,
    verdicts: BTreeMap<String, String>,
    because: BTreeMap<String, Vec<String>>,
}

impl Demo {
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        let mondays = mondays()?;
        if self.list {
            let width = mondays.iter().map(|monday| monday.name.len()).max().unwrap_or_default();
            let lines = mondays.iter().map(|monday| format!("{:width$}  {}: {}\n", monday.name, monday.title, monday.what.trim()));
            draw::print(&lines.collect::<String>());
            return Ok(0);
        }
        let monday = mondays.iter().find(|monday| monday.name == self.monday).ok_or_else(|| {
            let help = nearest(&self.monday, mondays.iter().map(|monday| monday.name.as_str())).map_or_else(
                || "presscheck demo --list names them".to_owned(),
                |name| format!("did you mean `{name}`? presscheck demo --list names them all"),
            );
            Stopped::usage(Finding::error(codes::UNKNOWN_MONDAY, format!("there is no Monday named `{}`", self.monday)).help(help))
        })?;
        let as_of = monday.as_of.parse().map_err(|_| wrong("mondays.yml: as_of is not a time"))?;
        write_sample(&self.into, self.force)?;
        build(&self.into, monday)?;
        let show = self.format == arguments::Format::Terminal;
        if show && !look.quiet {
            draw::say(&format!("{}: {}\n", monday.title, monday.what.trim()));
        }
        let would = check::Check::of_project(&self.into, as_of, self.format).run(look)?;
        if show && !look.quiet {
            draw::say(&next_steps(&self.into, &monday.as_of, would));
        }
        // The demonstration went well when it showed what it was to show, a held metric included.
        Ok(if u64::from(would) == monday.expect.exit_code { 0 } else { 3 })
    }
}

fn next_steps(into: &Path, as_of: &str, exit_code: u8) -> String {
    let into = into.display();
    format!(
        "\nThis was `presscheck check`, which would end with exit code {exit_code}: a pipeline stops here.\n\
         Try next:\n\
         \x20 cd {into}\n\
         \x20 presscheck explain contribution_margin\n\
         \x20 presscheck plan --sql\n\
         \x20 presscheck lineage contribution_margin\n\
         \x20 presscheck check --as-of {as_of}\n\
         \x20 presscheck demo --list          other Mondays: presscheck demo --monday all_landed\n\
         The promise is contracts/weekly_operating_report.yml; edit it and run `presscheck lint`."
    )
}

fn wrong(what: &str) -> Stopped {
    Stopped::unreadable(Finding::error(codes::BROKEN_SAMPLE, what.to_owned()).help("the sample inside this program is broken: report it"))
}

fn mondays() -> Result<Vec<Monday>, Stopped> {
    let text = SAMPLE.get_file("mondays.yml").and_then(|file| file.contents_utf8()).ok_or_else(|| wrong("mondays.yml is missing"))?;
    let read = crate::yaml::read::<Mondays>(text, Path::new("mondays.yml"));
    match read.value {
        Some(mondays) if read.findings.is_empty() => Ok(mondays.mondays),
        _ => Err(Stopped { findings: read.findings, exit_code: 3 }),
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Stopped {
    Stopped::usage(
        Finding::error(codes::SAMPLE_NOT_WRITTEN, format!("cannot write the sample: {error}"))
            .in_file(path)
            .help("give another folder with --into"),
    )
}

/// Writes the sample's files. A folder that holds something else is left alone.
fn write_sample(into: &Path, force: bool) -> Result<(), Stopped> {
    let occupied = into.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    let ours = std::fs::read_to_string(into.join("dbt_project.yml")).is_ok_and(|text| text.contains("name: brightside"));
    if occupied && !ours {
        return Err(Stopped::usage(
            Finding::error(codes::SAMPLE_NOT_WRITTEN, "the folder for the sample is not empty")
                .in_file(into)
                .help("give a new folder with --into"),
        ));
    }
    let mut files = Vec::new();
    for name in WRITTEN {
        match SAMPLE.get_entry(name).ok_or_else(|| wrong(&format!("{name} is missing")))? {
            include_dir::DirEntry::File(file) => files.push((into.join(file.path()), file.contents())),
            include_dir::DirEntry::Dir(dir) => collect(into, dir, &mut files),
        }
    }
    let edited = files.iter().find(|(path, bytes)| std::fs::read(path).is_ok_and(|there| there != *bytes));
    if let (Some((path, _)), false) = (edited, force) {
        let finding = Finding::error(codes::SAMPLE_NOT_WRITTEN, "this file of the sample was edited").in_file(path);
        return Err(Stopped::usage(finding.help("give another folder with --into, or overwrite it with --force")));
    }
    for artifact in ["manifest.json", "catalog.json"] {
        let file = SAMPLE.get_file(format!("artifacts/{artifact}")).ok_or_else(|| wrong(&format!("{artifact} is missing")))?;
        files.push((into.join("target").join(artifact), file.contents()));
    }
    files.iter().try_for_each(|(path, bytes)| write_bytes(path, bytes))
}

/// Every file below a folder, with where it goes.
fn collect<'a>(into: &Path, dir: &Dir<'a>, files: &mut Vec<(PathBuf, &'a [u8])>) {
    files.extend(dir.files().map(|file| (into.join(file.path()), file.contents())));
    dir.dirs().for_each(|dir| collect(into, dir, files));
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), Stopped> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, bytes)).map_err(|error| cannot_write(path, &error))
}

/// Builds the warehouse as dbt would: seeds, what happened on the Monday, models in the order of their parents.
fn build(into: &Path, monday: &Monday) -> Result<(), Stopped> {
    let database = into.join("brightside.duckdb");
    for old in [database.clone(), into.join("brightside.duckdb.wal")] {
        match std::fs::remove_file(&old) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(cannot_write(&old, &error)),
            _ => {}
        }
    }
    if monday.missing_warehouse {
        return Ok(());
    }
    let manifest = SAMPLE.get_file("artifacts/manifest.json").ok_or_else(|| wrong("manifest.json is missing"))?;
    let project = dbt::manifest::read(manifest.contents(), Path::new("manifest.json")).map_err(Stopped::from)?;
    let steps = steps(&project, &monday.sql)?;
    seed::build_duckdb(&database, &steps).map_err(|fault| {
        Stopped::unreadable(
            Finding::error(codes::SAMPLE_NOT_WRITTEN, format!("cannot build the sample's database: {}", fault.detail)).in_file(&database),
        )
    })
}

/// The statements that make the sample's tables.
fn steps(project: &Project, happened: &[String]) -> Result<Vec<Step>, Stopped> {
    let nodes = project.nodes.values().filter(|node| node.kind != NodeKind::Source && node.relation_name.is_some());
    let schemas: BTreeSet<&str> = nodes.map(|node| node.schema.as_str()).collect();
    let mut steps: Vec<Step> = schemas.iter().map(|schema| Step::Sql(format!("create schema if not exists \"{schema}\""))).collect();
    for seed in project.nodes.values().filter(|node| node.kind == NodeKind::Seed) {
        let file = SAMPLE.get_file(&seed.path).and_then(|file| file.contents_utf8());
        steps.push(Step::Csv {
            relation: seed.relation_name.clone().ok_or_else(|| wrong("a seed has no relation"))?,
            types: seed.column_types.iter().map(|(name, sort)| (name.clone(), sort.clone())).collect(),
            text: file.ok_or_else(|| wrong("a seed's file is missing"))?.to_owned(),
        });
    }
    steps.extend(happened.iter().cloned().map(Step::Sql));
    for model in in_order(project) {
        let (Some(relation), Some(sql)) = (&model.relation_name, &model.compiled_code) else { continue };
        let sort = if model.materialized == "view" { "view" } else { "table" };
        steps.push(Step::Sql(format!("create {sort} {relation} as {}", sql.trim())));
    }
    Ok(steps)
}

/// Models with every model after its parents; ties by unique id.
fn in_order(project: &Project) -> Vec<&dbt::Node> {
    fn visit<'a>(project: &'a Project, id: &str, seen: &mut BTreeSet<String>, order: &mut Vec<&'a dbt::Node>) {
        let Some(node) = project.nodes.get(id) else { return };
        if !seen.insert(id.to_owned()) {
            return;
        }
        node.depends_on.iter().for_each(|parent| visit(project, parent, seen, order));
        if node.kind == NodeKind::Model && node.materialized != "ephemeral" {
            order.push(node);
        }
    }
    let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
    project.nodes.keys().for_each(|id| visit(project, id, &mut seen, &mut order));
    order
}
