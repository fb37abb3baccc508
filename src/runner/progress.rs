//! How far an earlier process came with a run, read from its journal: what a resume need not do again.

use std::collections::{BTreeMap, BTreeSet};

use super::left::Status;
use super::machine::Decided;
use crate::history::{Run, State, Step};

/// What is done already.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// The decision, where it is stored and still to be acted on.
    pub decided: Option<Decided>,
    /// Nodes that were built and need not be built again, by unique id.
    pub built: BTreeSet<String>,
    /// How many processes went on with this run before.
    pub resumed: u64,
    /// Nothing is left to do: the exit code with which it ended.
    pub finished: Option<u8>,
}

/// Reads how far a run came. `inputs` are the hashes of what is read now; `restore` are the nodes below and above what was not shown to be right, which are
/// built anew when a decision that held is made again.
pub fn progress(run: &Run, inputs: &BTreeMap<String, String>, restore: &BTreeSet<String>) -> Progress {
    let mut progress = Progress::default();
    let mut same = false;
    let mut failed = BTreeSet::new();
    let mut exit_code = 0;
    for kept in &run.steps {
        match &kept.step {
            Step::Started { .. } => {}
            Step::Resumed { .. } => progress.resumed += 1,
            Step::Inputs { hashes } => same = hashes == inputs,
            // A build that began after a decision is of the next one.
            Step::Built { results, .. } => {
                progress.decided = None;
                for (node, status) in results {
                    match Status::of(Some(status)) {
                        Status::Built => progress.built.insert(node.clone()),
                        Status::Failed | Status::Skipped | Status::Unknown => progress.built.remove(node),
                    };
                }
            }
            Step::Decided { decision, exit_code: code, .. } => {
                exit_code = *code;
                progress.decided = Some(Decided { decision: decision.clone(), exit_code: *code, durable: true });
            }
            Step::Intent(intent) => {
                failed.insert(intent.key.clone());
            }
            Step::Done { key, .. } => {
                failed.remove(key);
            }
            Step::Failed { .. }
            | Step::Landed { .. }
            | Step::Expected { .. }
            | Step::Snapshot { .. }
            | Step::Answered { .. }
            | Step::Sealed { .. } => {}
        }
    }
    let sealed = match run.state() {
        State::Sealed { exit_code } => Some(exit_code),
        State::Interrupted => None,
    };
    match sealed {
        // It was stopped before it decided, or ended with acts that are not done: those are still to do.
        Some(_) if progress.decided.is_none() || !failed.is_empty() => {}
        Some(code) if exit_code == 0 || code == 0 => progress.finished = Some(code),
        // It held: what was not shown to be right is made anew, and decided anew.
        Some(_) => {
            progress.decided = None;
            progress.built.retain(|node| !restore.contains(node));
        }
        None => {}
    }
    if !same {
        progress.decided = None;
        progress.built = BTreeSet::new();
    }
    progress
}
