//! What must be true around the checks for a decision to count: seven facts, each established by somebody or not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Which of the facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FactName {
    /// Contract, manifest, macros and settings are the same as when the run began.
    InputsUnchanged,
    /// dbt's artifacts are young enough, of a version that is read, and match the warehouse.
    ArtifactsFresh,
    /// Every statement saw one state of the data.
    OneSnapshot,
    /// The warehouse's clock and the local clock agree within 60 seconds.
    ClocksAgree,
    /// No other run of the same contract and interval goes on.
    LockHeld,
    /// The expected set was fixed before the first query and is what was decided about.
    ExpectedSetComplete,
    /// The decision is stored, or will be before anything acts on it.
    RecordDurable,
}

impl FactName {
    /// Every fact, in the order in which they are shown.
    pub const ALL: [FactName; 7] = [
        FactName::InputsUnchanged,
        FactName::ArtifactsFresh,
        FactName::OneSnapshot,
        FactName::ClocksAgree,
        FactName::LockHeld,
        FactName::ExpectedSetComplete,
        FactName::RecordDurable,
    ];

    /// Whether a command may say that this fact does not concern it. The others must hold always.
    pub fn may_not_apply(self) -> bool {
        match self {
            FactName::OneSnapshot | FactName::ClocksAgree | FactName::LockHeld | FactName::RecordDurable => true,
            FactName::InputsUnchanged | FactName::ArtifactsFresh | FactName::ExpectedSetComplete => false,
        }
    }
}

/// What is known of one fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FactState {
    /// Established.
    Holds,
    /// It does not concern this command (a check takes no lock), or cannot be had here; said, never silent.
    DoesNotApply,
    /// Established to be false.
    Broken,
    /// Nobody established it. Counts as broken.
    Unknown,
}

/// One fact with what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What is known.
    pub state: FactState,
    /// How it is known, or why it does not apply; for people.
    pub detail: String,
}

/// The facts that a decision rests on. One that was never set is unknown, and holds everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    facts: BTreeMap<FactName, Fact>,
}

impl Context {
    /// Nothing established yet.
    pub fn unknown() -> Self {
        Context { facts: BTreeMap::new() }
    }
    /// The fact holds; `detail` says how that is known.
    #[must_use]
    pub fn holds(self, name: FactName, detail: impl Into<String>) -> Self {
        self.with(name, FactState::Holds, detail)
    }
    /// The fact does not hold; `detail` says what was seen.
    #[must_use]
    pub fn broken(self, name: FactName, detail: impl Into<String>) -> Self {
        self.with(name, FactState::Broken, detail)
    }
    /// The fact does not concern this command, for the reason in `detail`. Counts as broken where [`FactName::may_not_apply`] is false.
    #[must_use]
    pub fn does_not_apply(self, name: FactName, detail: impl Into<String>) -> Self {
        self.with(name, FactState::DoesNotApply, detail)
    }
    /// Sets one fact; the last word counts.
    #[must_use]
    pub fn with(mut self, name: FactName, state: FactState, detail: impl Into<String>) -> Self {
        self.facts.insert(name, Fact { state, detail: detail.into() });
        self
    }
    /// Takes one fact away, as if nobody had established it.
    #[must_use]
    pub fn without(mut self, name: FactName) -> Self {
        self.facts.remove(&name);
        self
    }
    /// One fact; unknown when it was never set.
    pub fn fact(&self, name: FactName) -> Fact {
        match self.facts.get(&name) {
            Some(fact) => fact.clone(),
            None => Fact { state: FactState::Unknown, detail: String::from("nobody established it") },
        }
    }
    /// Every fact in the order in which they are shown, those that were never set included.
    pub fn facts(&self) -> Vec<(FactName, Fact)> {
        FactName::ALL.into_iter().map(|name| (name, self.fact(name))).collect()
    }
}
