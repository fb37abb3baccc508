//! `presscheck lineage`: what a metric, a model or a column depends on, read from SQL; offline.

mod blind_spots;
pub(super) mod targets;

use std::collections::BTreeSet;
use std::mem::ManuallyDrop;

use clap::{Args, ValueEnum};

use super::arguments::Place;
use super::load::Loaded;
use super::{Ended, Stopped, draw};
use crate::dbt::NodeKind;
use crate::diagnostic::{Finding, codes};
use crate::lineage::picture::{self, View, dot, mermaid, openlineage, summary, tree};
use crate::lineage::{self, NodeIndex};
use targets::Asked;

#[derive(Debug, Args)]
pub(super) struct Lineage {
    /// A metric of a contract, a model, or MODEL.COLUMN; with --blind-spots a metric
    #[arg(value_name = "METRIC|MODEL[.COLUMN]", required_unless_present_any = ["all", "blind_spots"], conflicts_with = "all")]
    of: Option<String>,
    /// The whole project; as a tree: how many models are understood, and why the others are not
    #[arg(long)]
    all: bool,
    /// What the contracts' metrics depend on and no check watches, and checks that reach no metric; as tree (text) or json
    #[arg(long, conflicts_with = "all")]
    blind_spots: bool,
    #[command(flatten)]
    place: Place,
    #[arg(long, value_enum, default_value_t = Form::Tree)]
    format: Form,
    /// Steps upstream in tree, mermaid and dot; without it a tree shows 4, of a whole model 2
    #[arg(long, value_name = "N", conflicts_with_all = ["all", "blind_spots"])]
    depth: Option<usize>,
    /// Say what the phases cost: CPU seconds / seconds
    #[arg(long, hide = true)]
    timings: bool,
    /// OpenLineage's namespace of the relations; else the adapter's name
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For a person
    Tree,
    /// For a program
    Json,
    /// A Mermaid flowchart
    Mermaid,
    /// A graph for Graphviz
    Dot,
    /// OpenLineage: one event a line for each model
    Openlineage,
    /// One JSON object a line for each dependency on a source; only with --all
    Lines,
}

impl Lineage {
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        self.fits()?;
        // The process ends soon: to take a large project apart would cost more than many an answer.
        let mut loaded = ManuallyDrop::new(Loaded::new(&self.place, look)?);
        if self.blind_spots {
            return blind_spots::run(&mut loaded, self.of.as_deref(), self.format == Form::Json, look);
        }
        let Some(of) = &self.of else {
            let ended = self.all(&loaded, look);
            loaded.timings.ended("output");
            if self.timings {
                loaded.timings.lines().iter().for_each(|line| draw::say(line));
            }
            return ended;
        };
        loaded.say_notes(look);
        let asked = targets::find(&mut loaded, of, look)?;
        draw::print(&self.text(&loaded, &asked)?);
        if !look.quiet {
            let graph = &loaded.lineage.graph;
            let reached = graph.upstream_of(&asked.targets, false);
            let relations: BTreeSet<&str> = reached.keys().map(|&index| &*graph.at(index).relation).collect();
            for problem in loaded.lineage.problems.iter().filter(|problem| relations.contains(&*problem.model)) {
                draw::say(&format!("note: the lineage of {} is assumed: {}", loaded.name(&problem.model), problem.message));
            }
        }
        Ok(0)
    }

    /// Whether the form is one that the question has.
    fn fits(&self) -> Result<(), Stopped> {
        let wrong = |message: &str, help: &str| Err(Stopped::usage(Finding::error(codes::WRONG_FORM, message).help(help)));
        match self.format {
            Form::Tree | Form::Json => Ok(()),
            Form::Mermaid | Form::Dot | Form::Openlineage | Form::Lines if self.blind_spots => {
                wrong("blind spots are told as a tree or as JSON", "presscheck lineage --blind-spots --format json")
            }
            Form::Lines if !self.all => wrong("lines are for every model together", "presscheck lineage --all --format lines"),
            Form::Mermaid | Form::Dot | Form::Openlineage | Form::Lines => Ok(()),
        }?;
        let cut = match self.format {
            Form::Tree | Form::Mermaid | Form::Dot => false,
            Form::Json | Form::Openlineage | Form::Lines => self.depth.is_some(),
        };
        if cut { wrong("programs get all of the lineage", "--depth is for tree, mermaid and dot") } else { Ok(()) }
    }

    fn text(&self, loaded: &Loaded, asked: &Asked) -> Result<String, Stopped> {
        let graph = &loaded.lineage.graph;
        let names = |id: &str| loaded.name(id);
        let guards = |index: NodeIndex| asked.guards.get(&index).cloned().unwrap_or_default();
        let view = |depth: usize| View::new(graph, &asked.targets, &names, &guards, self.depth.unwrap_or(depth));
        Ok(match self.format {
            Form::Tree if self.all => summary(&loaded.lineage, &loaded.project, &names),
            Form::Tree => tree(&view(asked.depth_of_tree)),
            Form::Mermaid => mermaid(&view(usize::MAX)),
            Form::Dot => dot(&view(usize::MAX)),
            Form::Json => {
                let mut picture = picture::picture(&loaded.lineage, &asked.targets, &guards);
                if self.all {
                    // Nothing was asked for in particular.
                    picture.targets.clear();
                }
                serde_json::to_string_pretty(&picture).map_err(|error| internal(&error.to_string()))?
            }
            Form::Openlineage => {
                let time = loaded.project.generated_at.ok_or_else(|| {
                    Stopped::unreadable(Finding::error(codes::UNREADABLE_ARTIFACT, "the manifest does not say when it was made"))
                })?;
                let reached = graph.upstream_of(&asked.targets, false);
                let relations = reached.keys().map(|&index| &*graph.at(index).relation).collect();
                let adapter = Some(loaded.project.adapter.as_str()).filter(|adapter| !adapter.is_empty()).unwrap_or("dbt");
                openlineage(&loaded.lineage, &loaded.project, &relations, self.namespace.as_deref().unwrap_or(adapter), time)
            }
            Form::Lines => lineage::lines(&loaded.lineage, &loaded.project),
        })
    }

    fn all(&self, loaded: &Loaded, look: &draw::Look) -> Ended {
        if !loaded.project.nodes.values().any(|node| matches!(node.kind, NodeKind::Model | NodeKind::Snapshot)) {
            let finding = Finding::error(codes::NOTHING_TO_CHECK, "the manifest has no model, so there is no lineage");
            return Err(Stopped::usage(finding.help("run dbt for the whole project, or name another manifest with --manifest")));
        }
        let targets = (0..loaded.lineage.graph.len()).filter_map(|index| NodeIndex::try_from(index).ok()).collect();
        let asked = Asked { targets, guards: std::collections::BTreeMap::new(), depth_of_tree: 0 };
        draw::print(&self.text(loaded, &asked)?);
        if self.format == Form::Tree {
            loaded.say_notes(look);
        }
        Ok(0)
    }
}

fn internal(message: &str) -> Stopped {
    Stopped::unreadable(Finding::error(codes::INTERNAL, message.to_owned()))
}
