//! What one model's SQL says, apart from the rest of the project: a value that is read in any thread, kept in a cache, and put into the graph.
//!
//! Not for how it was read (see `model`) nor for the graph (see `merge`).

use serde::{Deserialize, Serialize};

use super::graph::EdgeKind;
use super::kind::Kind;

/// Influences: positions in [`Traced::nodes`] with the way in which each counts.
pub(super) type From = Vec<(u32, EdgeKind)>;

/// One model, read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Traced {
    /// Unique ids of the relations that it refers to.
    pub(super) relations: Vec<String>,
    /// What it depends on: position in `relations`, and the part of it.
    pub(super) nodes: Vec<(u32, TracedPart)>,
    /// Its own columns, as written.
    pub(super) columns: Vec<String>,
    /// The sort of the values of each.
    pub(super) kinds: Vec<Kind>,
    /// Whether there are no others.
    pub(super) complete: bool,
    /// What each column depends on, then its rows lost, then its rows added.
    pub(super) parts: Vec<From>,
    /// A column (position) that influences another part of the same model (position in `parts`).
    pub(super) within: Vec<(u32, u32, EdgeKind)>,
    /// Where the columns come from that it passes on without naming them.
    pub(super) open: Vec<TracedOpen>,
    /// Sets of columns (positions) that differ in every two rows; the largest number in one says that it is declared, not proven.
    pub(super) keys: Vec<Vec<u32>>,
    /// What was not understood, with its place.
    pub(super) doubts: Vec<(String, Option<(u32, u32)>)>,
    /// Parents (unique ids) that the SQL does not name: their data may have been used while it was compiled.
    pub(super) compiled_with: Vec<String>,
    /// The relations (positions) that it reads.
    pub(super) read: Vec<u32>,
    /// Names that were looked up in the project, and the unique id that each meant; `None`: no relation, or several.
    pub(super) looked_up: Vec<(String, Option<String>)>,
    /// The relations (positions) whose columns were known when it was read, with the fingerprint of these.
    pub(super) seen: Vec<(u32, [u8; 16])>,
}

/// Part of a relation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum TracedPart {
    /// A column that the relation's list has, by position; that list is one of those [`Traced::seen`].
    Listed(u32),
    /// A column that no list has.
    Named(String),
    RowsLost,
    RowsAdded,
}

/// A star that stays open.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct TracedOpen {
    /// Position of the relation whose columns are passed on, if any.
    pub(super) relation: Option<u32>,
    /// What counts besides the column of that name.
    pub(super) with: From,
    /// Names that it leaves out.
    pub(super) without: Vec<String>,
    /// Whether the relation is outside of the project.
    pub(super) outside: bool,
}

impl Traced {
    /// Whether every position points at something: what comes from a file need not be what was written.
    pub(super) fn is_consistent(&self) -> bool {
        let (relations, nodes, parts, columns) = (self.relations.len(), self.nodes.len(), self.parts.len(), self.columns.len());
        let within = |at: u32, length: usize| (at as usize) < length;
        parts == columns + 2
            && self.kinds.len() == columns
            && self.nodes.iter().all(|(relation, _)| within(*relation, relations))
            && self.parts.iter().flatten().chain(self.open.iter().flat_map(|open| &open.with)).all(|(node, _)| within(*node, nodes))
            && self.within.iter().all(|(from, to, _)| within(*from, columns) && within(*to, parts))
            && self.open.iter().filter_map(|open| open.relation).all(|at| within(at, relations))
            && self.keys.iter().flatten().all(|at| *at == u32::MAX || within(*at, columns))
            && self.read.iter().all(|at| within(*at, relations))
            && self.seen.iter().all(|(at, _)| within(*at, relations))
    }
}
