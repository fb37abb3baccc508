//! SQL -> columns, rows-lost, rows-added: which upstream columns and rows a column depends on.
//!
//! A directed graph over three sorts of node for each relation. Edges are known (read from SQL) or assumed (the SQL was not understood: then
//! everything depends on everything of every parent). Where in doubt, the edge is drawn. The one owner of the SQL parser.
//! Not for checks or contracts: this room sees only [`crate::dbt`] and [`crate::diagnostic`].

pub mod picture;
mod anatomy;
mod by_name;
mod cache;
mod call;
mod change;
mod closure;
mod columns;
mod condition;
mod defined;
mod dialect;
mod from;
mod functions;
mod graph;
mod group;
mod hierarchy;
mod influence;
mod join;
mod kind;
mod kind_of;
mod lines;
mod merge;
mod model;
mod names;
mod nodes;
mod one_partner;
mod output;
mod parse;
mod pivot;
mod query;
mod reaching;
mod reads;
mod relation;
mod render;
mod resolve;
mod scope;
mod select;
mod semantic;
mod shape;
mod spelling;
mod star;
mod trace;
mod traced;
mod typed;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use graph::{Certainty, Edge, EdgeKind, Graph, Node, NodeIndex, Part};
pub use lines::lines;
pub use parse::with_large_stack;
pub use reaching::{Before, Models, trace_reaching};
pub use reads::{expression, query, tables};
pub use semantic::semantic;
pub use trace::{trace, trace_cached};

/// The columns of a relation, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// Names as written, in order.
    pub names: Vec<String>,
    /// Whether the list is complete (catalog, SQL); documented columns of a manifest need not be.
    pub complete: bool,
}

/// A model whose SQL was not (wholly) understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The model's unique id.
    pub model: String,
    /// What was not understood.
    pub message: String,
    /// Line and column in the SQL that was read, from 1, where known.
    pub place: Option<(u32, u32)>,
}

/// The lineage of a whole project, or of a part of it ([`trace_reaching`]).
#[derive(Debug, Clone, Default)]
pub struct Lineage {
    /// Nodes and edges of every relation.
    pub graph: Graph,
    /// Columns by unique id.
    pub columns: BTreeMap<String, Columns>,
    /// Models that are assumed edges in whole or in part, in order of unique id.
    pub problems: Vec<Problem>,
    /// What names of relations mean, for queries of the user.
    relations: Option<Arc<relation::Relations>>,
    /// Which part of the project it is of, if not of all.
    part: Option<Arc<reaching::Part>>,
}

impl Lineage {
    /// The node for a part of a relation. A column that no list names is found as the relation's "any column", where it has one: its list is
    /// not complete, or its SQL was not understood. `None`: nothing can depend on such a part.
    pub fn node(&self, relation: &str, part: Part) -> Option<NodeIndex> {
        self.ask(relation);
        let exact = Node { relation: relation.into(), part };
        self.graph.find(&exact).or_else(|| match exact.part {
            Part::Column(_) => self.graph.find(&Node { part: Part::Column(relation::ANY_COLUMN.into()), ..exact }),
            Part::RowsLost | Part::RowsAdded => None,
        })
    }

    /// The columns of a relation.
    pub fn columns_of(&self, relation: &str) -> Option<&Columns> {
        self.ask(relation);
        self.columns.get(relation)
    }

    /// Says that an answer depends on this relation. Only who works with the lineage of a part of a project needs it.
    pub fn ask(&self, relation: &str) {
        if let Some(part) = &self.part {
            part.ask(relation);
        }
    }

    /// The relations that answers depended on and that were not traced: each answer may be another once they are. Empty, where the whole project was.
    pub fn asked(&self) -> BTreeSet<String> {
        self.part.as_ref().map(|part| part.asked()).unwrap_or_default()
    }
}

/// A column that a piece of SQL reads: qualifier as written, if any, and name (lower-cased unless quoted).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub struct ColumnReference {
    pub qualifier: Option<String>,
    pub name: String,
}

/// What a whole query reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueryReads {
    /// Relation (unique id) -> columns that the query depends on, values and row deciders alike.
    pub columns: BTreeMap<String, BTreeSet<String>>,
    /// Relations that the query reads in any way.
    pub relations: BTreeSet<String>,
    /// Whether everything was understood; if not, all columns of `relations` must be taken.
    pub known: bool,
}

/// Why a piece of SQL is not an expression or query: message, line, column (from 1).
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct SqlError {
    pub message: String,
    pub line: u32,
    pub column: u32,
}
