//! The build of a run: dbt, or the team's own program, and what its results say. Builds of one project exclude each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::super::arguments::Reach;
use super::super::draw;
use super::super::load::Loaded;
use crate::calendar::Interval;
use crate::dbt::{self, Node};
use crate::history::{Lock, Locked};
use crate::runner::child::{Ending, Order, wait_for};
use crate::runner::{Built, Halt, invocation};

/// Longest that a build may take, unless presscheck.yml says otherwise.
const LONGEST: Duration = Duration::from_secs(7200);

/// What a build needs to know.
pub(super) struct Making<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) reach: &'a Reach,
    pub(super) interval: Option<&'a Interval>,
    /// Whether the contract reads the results of dbt's tests.
    pub(super) tests: bool,
    pub(super) look: &'a draw::Look,
    pub(super) cancel: &'a AtomicBool,
}

impl Making<'_> {
    /// The target folder of runs: dbt's own stays as the team left it.
    pub(super) fn folder(&self) -> PathBuf {
        self.loaded.workspace.target.join("presscheck").join("dbt")
    }

    /// Builds these nodes with dbt.
    pub(super) fn dbt(&self, nodes: &BTreeSet<String>) -> Result<Built, Halt> {
        let lock = self.lock()?;
        let written = &self.loaded.workspace.settings.build.command;
        let mut argv: Vec<String> =
            if written.is_empty() { vec!["dbt".to_owned()] } else { written.iter().map(|part| part.value.clone()).collect() };
        let named: Vec<&Node> = nodes.iter().filter_map(|id| self.loaded.project.nodes.get(id)).collect();
        let own = absolute(&self.folder());
        argv.extend(invocation::arguments(&named, &absolute(&self.loaded.workspace.root), &own, &self.told(&named)));
        std::fs::create_dir_all(&own).map_err(|error| Halt::Broken(format!("{} cannot be made: {error}", own.display())))?;
        // What an earlier build said must not be taken for what this one did.
        if let Err(error) = std::fs::remove_file(own.join("run_results.json"))
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(Halt::Broken(format!("the results of the last build cannot be taken away: {error}")));
        }
        if !self.look.quiet {
            draw::say(&format!("building {} nodes with {}", named.len(), argv.first().map_or("dbt", String::as_str)));
        }
        let (ending, took) = self.run(&argv, &lock)?;
        if let Ending::NotStarted(why) = &ending {
            let help =
                "install dbt, name it in presscheck.yml (build: {command: [path/to/dbt]}), or build before the run (build: {with: none})";
            return Err(Halt::Broken(format!("nothing was built: {why}; {help}")));
        }
        let seconds = took.as_secs();
        let results = match self.loaded.workspace.artifact_in(&own, "run_results.json") {
            Ok(Some((path, bytes))) => dbt::run_results::read(&bytes, &path).map_err(|fault| fault.finding.message),
            Ok(None) => Err("dbt wrote no results".to_owned()),
            Err(unreadable) => Err(unreadable.finding.message),
        };
        match results {
            // A build of some of the rows is no build.
            Ok(results) if results.partial => Ok(Built { invocation: results.invocation_id, results: BTreeMap::new(), seconds }),
            Ok(results) => {
                let of = |id: &String| results.results.get(id).map(|result| (id.clone(), result.status.to_string()));
                Ok(Built { results: nodes.iter().filter_map(of).collect(), invocation: results.invocation_id, seconds })
            }
            Err(why) => {
                draw::say(&format!("nothing is known of what dbt built ({ending:?}): {why}"));
                Ok(Built { seconds, ..Built::default() })
            }
        }
    }

    /// Runs the team's own program; its exit code stands for every node.
    pub(super) fn command(&self, argv: &[String], nodes: &BTreeSet<String>) -> Result<Built, Halt> {
        let lock = self.lock()?;
        if !self.look.quiet {
            draw::say(&format!("building with {}", argv.join(" ")));
        }
        let (ending, took) = self.run(argv, &lock)?;
        let word = match &ending {
            Ending::Code(0) => "success".to_owned(),
            Ending::Code(code) => format!("exit code {code}"),
            Ending::TooLong => "took too long".to_owned(),
            Ending::NotStarted(why) => return Err(Halt::Broken(format!("nothing was built: {why}"))),
        };
        Ok(Built { invocation: None, results: nodes.iter().map(|node| (node.clone(), word.clone())).collect(), seconds: took.as_secs() })
    }

    fn run(&self, argv: &[String], lock: &Lock) -> Result<(Ending, Duration), Halt> {
        let limit = self.loaded.workspace.settings.build.timeout.as_ref().map_or(LONGEST, |age| Duration::from_secs(age.seconds));
        let mut environment = Vec::new();
        if let Some(interval) = self.interval {
            environment.push(("PRESSCHECK_INTERVAL_START".to_owned(), interval.start.timestamp().to_string().into()));
            environment.push(("PRESSCHECK_INTERVAL_END".to_owned(), interval.end.timestamp().to_string().into()));
        }
        let input = lock.for_child().map_err(Halt::Broken)?;
        let folder = absolute(&self.loaded.workspace.root);
        wait_for(Order { argv, folder: &folder, environment, limit, input }, self.cancel)
    }

    /// Waits until no other build of this project goes on.
    fn lock(&self) -> Result<Lock, Halt> {
        let folder = self.loaded.workspace.history();
        let name = format!("build {}", self.loaded.project.name);
        let begun = Instant::now();
        let mut said = false;
        loop {
            match Lock::take(&folder, &name, &format!("a build by process {}", std::process::id())).map_err(Halt::Broken)? {
                Locked::Held(lock) => return Ok(lock),
                Locked::Elsewhere(holder) if begun.elapsed() > LONGEST => {
                    return Err(Halt::Broken(format!("another build of this project is still going on: {holder}")));
                }
                Locked::Elsewhere(holder) => {
                    if !said && !self.look.quiet {
                        draw::say(&format!("waiting for another build of this project: {holder}"));
                    }
                    said = true;
                }
            }
            if self.cancel.load(Ordering::SeqCst) {
                return Err(Halt::Stopped);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn told(&self, nodes: &[&Node]) -> invocation::Told {
        let settings = &self.loaded.workspace.settings;
        let text = |path: &PathBuf| absolute(path).display().to_string();
        let named = |typed: &Option<String>, written: &Option<crate::diagnostic::At<String>>| {
            typed.clone().or_else(|| written.as_ref().map(|name| name.value.clone()))
        };
        let batches = |node: &&Node| node.incremental.as_ref().is_some_and(|one| one.strategy.as_deref() == Some("microbatch"));
        let event_time = self.interval.filter(|_| nodes.iter().any(batches)).map(|interval| {
            // dbt reads these times as UTC.
            let utc = |at: &jiff::Zoned| at.timestamp().strftime("%Y-%m-%dT%H:%M:%S").to_string();
            (utc(&interval.start), utc(&interval.end))
        });
        invocation::Told {
            profiles_dir: self.reach.profiles_dir.as_ref().map(text),
            profile: named(&self.reach.profile, &settings.profile),
            target: named(&self.reach.target, &settings.target),
            vars: self.reach.vars.clone(),
            tests: self.tests,
            event_time,
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}
