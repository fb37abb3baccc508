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
    /// What was measured of the sources before that, by unique id.
    pub seen: BTreeMap<String, String>,
    /// How many processes went on with this run before.
    pub resumed: u64,
    /// Nothing is left to do: the exit code with which it ended.
    pub finished: Option<u8>,
}

/// Reads how far a run came. `inputs` are the hashes of what is read now; `restore` are the nodes below and above what was not shown to be right, which are
/// built anew when a decision that held is made again.
pub fn progress(run: &Run, inputs: &BTreeMap<String, String>, restore: &BTreeSet<String>) -> Progress {
    let mut progress = Progress::default();
    let mut read = None;
    let mut seen: Option<&BTreeMap<String, String>> = None;
    // Whether the newest process met an act that failed.
    let mut failed = false;
    let mut exit_code = 0;
    for kept in &run.steps {
        match &kept.step {
            Step::Started { .. } => {}
            Step::Resumed { .. } => {
                progress.resumed += 1;
                failed = false;
            }
            // What was built and decided from other files is not what they say now, even when they are changed back: a build may have begun in between.
            Step::Inputs { hashes } => {
                if read.is_some_and(|read| read != hashes) {
                    progress.decided = None;
                    progress.built = BTreeSet::new();
                }
                read = Some(hashes);
            }
            // What it will leave is not what was decided on, and as long as it does not end, nobody knows what it did.
            Step::Building { nodes } => {
                progress.decided = None;
                // Whatever is made of a source that changed is among the nodes, or waits for a source that is not seen now.
                progress.seen = seen.cloned().unwrap_or_default();
                progress.built.retain(|node| !nodes.contains(node));
            }
            Step::Built { results, .. } => {
                let built = results.iter().filter(|(_, status)| Status::of(Some(status)) == Status::Built);
                progress.built.extend(built.map(|(node, _)| node.clone()));
            }
            Step::Decided { decision, exit_code: code, .. } => {
                exit_code = *code;
                progress.decided = Some(Decided { decision: decision.clone(), exit_code: *code, durable: true });
            }
            Step::Landed { seen: measured, .. } => seen = Some(measured),
            Step::Failed { refused, .. } => {
                failed = true;
                if *refused {
                    progress.decided = None;
                }
            }
            Step::Intent(_)
            | Step::Done { .. }
            | Step::Expected { .. }
            | Step::Snapshot { .. }
            | Step::Answered { .. }
            | Step::Sealed { .. } => {}
        }
    }
    match run.state() {
        State::Sealed { exit_code: ended } => {
            // It was stopped before it decided, or ended with acts that are not done: those are still to do.
            let open = progress.decided.is_none() || failed || ended != exit_code;
            if !open && ended == 0 {
                progress.finished = Some(ended);
            } else if !open {
                // It held: what was not shown to be right is made anew, and decided anew.
                progress.decided = None;
                progress.built.retain(|node| !restore.contains(node));
            }
        }
        State::Interrupted => {}
    }
    if read != Some(inputs) {
        progress.decided = None;
        progress.built = BTreeSet::new();
    }
    progress
}
