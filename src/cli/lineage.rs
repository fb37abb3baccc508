//! `presscheck lineage`: what a metric, a model or a column depends on, read from SQL; offline.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::arguments::{Place, Which};
use super::load::Loaded;
use super::{Ended, Stopped, draw, load, prepare};
use crate::diagnostic::{Finding, codes, nearest};
use crate::lineage::picture::{self, mermaid, tree};
use crate::lineage::{self, Node, NodeIndex, Part};
use crate::plan;

#[derive(Debug, Args)]
pub(super) struct Lineage {
    /// A metric of a contract, a model, or MODEL.COLUMN
    #[arg(value_name = "METRIC|MODEL[.COLUMN]", required_unless_present = "all", conflicts_with = "all")]
    of: Option<String>,
    /// Every model's lineage, closed to the sources; only as lines
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    place: Place,
    #[arg(long, value_enum, default_value_t = Form::Tree)]
    format: Form,
    /// Steps upstream
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
    depth: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For a person
    Tree,
    /// For a program
    Json,
    /// A Mermaid flowchart
    Mermaid,
    /// One JSON object a line for each dependency on a source
    Lines,
}

impl Lineage {
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        let Some(of) = &self.of else {
            let loaded = Loaded::new(&self.place, look)?;
            draw::print(&lineage::lines(&loaded.lineage, &loaded.project));
            return Ok(0);
        };
        let loaded = Loaded::new(&self.place, look)?;
        loaded.say_notes(look);
        let (targets, guards) = match node_targets(&loaded, of)? {
            Some(targets) => (targets, BTreeMap::new()),
            None => self.metric_targets(&loaded, of, look)?,
        };
        let names = |id: &str| loaded.name(id);
        let graph = &loaded.lineage.graph;
        let guards = |index: NodeIndex| guards.get(&picture::label(graph, index, &names)).cloned().unwrap_or_default();
        match self.format {
            Form::Tree => draw::print(&tree(graph, &targets, &names, &guards, self.depth)),
            Form::Mermaid => draw::print(&mermaid(graph, &targets, &names)),
            Form::Json => {
                let picture = picture::picture(&loaded.lineage, &targets, &guards);
                draw::print(&serde_json::to_string_pretty(&picture).map_err(|error| internal(&error.to_string()))?);
            }
            Form::Lines => {
                let finding = Finding::error(codes::WRONG_FORM, "lines are for every model together");
                return Err(Stopped::usage(finding.help("presscheck lineage --all --format lines")));
            }
        }
        if !look.quiet {
            let reached = graph.upstream_of(&targets, false);
            for problem in
                loaded.lineage.problems.iter().filter(|problem| reached.keys().any(|&index| *graph.at(index).relation == *problem.model))
            {
                draw::say(&format!("note: the lineage of {} is assumed: {}", loaded.name(&problem.model), problem.message));
            }
        }
        Ok(0)
    }
}

/// The nodes of `model`, `model.column` or `source.table[.column]`; `None` when the project has no such relation.
fn node_targets(loaded: &Loaded, of: &str) -> Result<Option<Vec<NodeIndex>>, Stopped> {
    let graph = &loaded.lineage.graph;
    let node = |relation: &str, part: Part| graph.find(&Node { relation: relation.into(), part });
    let rows = |relation: &str| [Part::RowsLost, Part::RowsAdded].into_iter().filter_map(|part| node(relation, part)).collect::<Vec<_>>();
    if let Some(found) = loaded.project.find(of) {
        let id = &found.unique_id;
        let columns = loaded.lineage.columns.get(id).map(|columns| columns.names.clone()).unwrap_or_default();
        let mut targets: Vec<NodeIndex> =
            columns.iter().filter_map(|column| node(id, Part::Column(column.to_lowercase().into()))).collect();
        targets.extend(rows(id));
        return Ok(Some(targets));
    }
    let Some((found, column)) = of.rsplit_once('.').and_then(|(relation, column)| Some((loaded.project.find(relation)?, column))) else {
        return Ok(None);
    };
    let id = &found.unique_id;
    if let Some(target) = node(id, Part::Column(column.to_lowercase().into())) {
        return Ok(Some([target].into_iter().chain(rows(id)).collect()));
    }
    let columns = loaded.lineage.columns.get(id).map(|columns| columns.names.clone()).unwrap_or_default();
    let help = nearest(column, columns.iter().map(String::as_str))
        .map_or_else(|| format!("its columns: {}", columns.join(", ")), |name| format!("did you mean `{name}`?"));
    Err(Stopped::usage(Finding::error(codes::UNKNOWN_NAME, format!("`{}` has no column `{column}`", loaded.name(id))).help(help)))
}

/// The nodes of a contract's metric, and the checks that guard each node.
type Guarded = (Vec<NodeIndex>, BTreeMap<String, Vec<String>>);

impl Lineage {
    fn metric_targets(&self, loaded: &Loaded, of: &str, look: &draw::Look) -> Result<Guarded, Stopped> {
        let which = Which { contracts: Vec::new(), exposure: None, select: Vec::new(), exclude: Vec::new(), as_of: None };
        let quiet = look.quietly();
        let unknown = || {
            let names: Vec<String> = loaded.project.nodes.keys().map(|id| loaded.name(id)).collect();
            let help = nearest(of, names.iter().map(String::as_str)).map_or_else(
                || "name a metric of a contract, a model, or MODEL.COLUMN".to_owned(),
                |name| format!("did you mean `{name}`?"),
            );
            Stopped::usage(Finding::error(codes::UNKNOWN_NAME, format!("there is no metric and no model `{of}`")).help(help))
        };
        if loaded.workspace.contracts(&[]).is_err() {
            return Err(unknown());
        }
        let (_, prepared) = prepare::plans(&self.place, &which, Timestamp::now(), &quiet)?;
        let macros = load::macros(loaded)?;
        for one in &prepared {
            let Some((_, metric)) = one.contract.iter().flat_map(|contract| &contract.metrics).find(|(id, _)| id.value == of) else {
                continue;
            };
            let options = plan::Options { interval: one.plan.interval.clone(), selection: None, macros: &macros };
            let targets = plan::metric_nodes(metric, &loaded.project, &loaded.lineage, &options).map_err(|why| {
                Stopped::usage(Finding::error(codes::UNRESOLVED_METRIC, format!("the metric `{of}` is not resolved to columns: {why}")))
            })?;
            let mut guards: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for check in &one.plan.expected.checks {
                if let Some(step) = check.reach.get(of).and_then(|reach| reach.path.first()) {
                    guards.entry(step.node.clone()).or_default().push(check.id.clone());
                }
            }
            return Ok((targets, guards));
        }
        Err(unknown())
    }
}

fn internal(message: &str) -> Stopped {
    Stopped::unreadable(Finding::error(codes::INTERNAL, message.to_owned()))
}
