//! The stages of a run as a value, in the words of `run --plan`. Not for walking them: see `machine`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

/// What one run will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Which sources must have landed, and how long a run waits for them.
    pub gate: Gate,
    /// What is built.
    pub build: Build,
    /// How many checks are expected.
    pub checks: usize,
    /// Whether certified values and the status are published.
    pub publishes: bool,
    /// Whether people are told.
    pub tells: bool,
}

/// The source gate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gate {
    /// By unique id: how people name the source.
    pub sources: BTreeMap<String, String>,
    /// How long a run waits for a source that has not landed; nothing: it asks once.
    pub wait: Duration,
    /// How long between two looks.
    pub every: Duration,
    /// The last moment at which the rest of the run still fits before `ready_by`; `None` where nothing is due.
    pub last_moment: Option<Timestamp>,
}

/// What makes the relations that the report needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Build {
    /// Somebody else does, before.
    None,
    /// dbt: the nodes that are needed, by unique id, and how many of each kind there are, for people.
    Dbt {
        /// Unique ids.
        nodes: BTreeSet<String>,
    },
    /// A program of the team; what it cannot know of sources that have not landed is left out of the decision all the same.
    Command {
        /// The program and its arguments.
        argv: Vec<String>,
        /// The models that are needed, by unique id.
        nodes: BTreeSet<String>,
    },
}

/// The stages, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum StageName {
    Sources,
    Build,
    Checks,
    Decision,
    Publish,
    Tell,
}

/// One stage, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Which.
    pub stage: StageName,
    /// What it does, or why it does nothing.
    pub does: String,
    /// What it waits for.
    pub waits_for: String,
    /// What stops it, and what that means.
    pub stopped_by: String,
    /// What goes on all the same, with a caveat.
    pub goes_on: String,
}

impl Build {
    /// The nodes that are to be built.
    pub fn nodes(&self) -> BTreeSet<String> {
        match self {
            Build::None => BTreeSet::new(),
            Build::Dbt { nodes } | Build::Command { nodes, .. } => nodes.clone(),
        }
    }
}

impl Path {
    /// The stages in their order: the same value that is walked.
    pub fn stages(&self) -> Vec<Stage> {
        vec![self.sources(), self.build(), self.check(), decision(), self.publish(), self.tell()]
    }

    fn sources(&self) -> Stage {
        let names: Vec<&str> = self.gate.sources.values().map(String::as_str).collect();
        let waits = if self.gate.wait.is_zero() {
            "nothing: it looks once".to_owned()
        } else {
            let until =
                self.gate.last_moment.map_or_else(String::new, |until| format!(", and not beyond {until}, when the rest must begin"));
            format!("the sources, for at most {}{until}", span(self.gate.wait))
        };
        Stage {
            stage: StageName::Sources,
            does: if names.is_empty() {
                "nothing: no source is promised".into()
            } else {
                format!("asks whether {} landed", names.join(", "))
            },
            waits_for: waits,
            stopped_by: "nothing: a source that is late, or of which that cannot be told, takes along only what depends on it".into(),
            goes_on: "a source that only warns".into(),
        }
    }

    fn build(&self) -> Stage {
        let (does, stopped_by) = match &self.build {
            Build::None => ("nothing: what stands in the warehouse was built before".to_owned(), String::new()),
            Build::Dbt { nodes } => (
                format!("dbt build of {} that the report needs, without those that wait for a late source", counted(nodes.len(), "node")),
                "nothing: a model that fails, and what depends on it, takes along only the metrics that it reaches".to_owned(),
            ),
            Build::Command { argv, .. } => {
                (argv.join(" "), "its exit code: anything but 0 holds every metric that stands on a model".to_owned())
            }
        };
        Stage {
            stage: StageName::Build,
            does,
            waits_for: "the sources, and other builds of this project".into(),
            stopped_by,
            goes_on: String::new(),
        }
    }

    fn check(&self) -> Stage {
        Stage {
            stage: StageName::Checks,
            does: format!("asks {} of one state of the data, the sources' once more", counted(self.checks, "check")),
            waits_for: "the build".into(),
            stopped_by: "nothing: a check that gives no answer is an error or skipped, never a pass".into(),
            goes_on: "a check that only warns".into(),
        }
    }

    fn publish(&self) -> Stage {
        let does = if self.publishes { "writes certified values and the status, then calls the hooks" } else { "nothing" };
        Stage {
            stage: StageName::Publish,
            does: does.into(),
            waits_for: "the stored decision".into(),
            stopped_by: "a hook or a table that fails: the report is not published, exit code 3".into(),
            goes_on: "metrics that publish beside metrics that are held".into(),
        }
    }

    fn tell(&self) -> Stage {
        let does = if self.tells { "sends what is due, once for each owner and cause" } else { "nothing" };
        Stage {
            stage: StageName::Tell,
            does: does.into(),
            waits_for: "publishing".into(),
            stopped_by: "nothing: a message that cannot be sent is tried again by --resume".into(),
            goes_on: String::new(),
        }
    }
}

fn decision() -> Stage {
    Stage {
        stage: StageName::Decision,
        does: "decides each metric and stores the decision".into(),
        waits_for: "the checks".into(),
        stopped_by: "a decision that cannot be stored: everything is held, nothing is published".into(),
        goes_on: String::new(),
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// `45m`, `90s`.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds % 3600, seconds % 60) {
        (0, _) => format!("{}h", seconds / 3600),
        (_, 0) => format!("{}m", seconds / 60),
        (_, _) => format!("{seconds}s"),
    }
}
