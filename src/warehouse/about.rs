//! What a warehouse can say of itself besides data: who asks, what they may, what a statement would cost. Whatever it does not say is
//! unknown, and unknown is neither yes, nor no, nor zero. Not for judging that: see `doctor` and [`super::budget`].

/// Who asks, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Engine and version: `PostgreSQL 17.2`.
    pub engine: Option<String>,
    /// The database that is connected to, or its file.
    pub database: Option<String>,
    /// Who logged in.
    pub user: Option<String>,
    /// In whose name statements run.
    pub role: Option<String>,
    /// Why grants do not count for this role: it is a superuser.
    pub above_grants: Option<String>,
    /// What keeps statements from writing, in words.
    pub boundary: Option<String>,
    /// Connections that the role could have at once.
    pub most_connections: Option<u64>,
    /// Connections that were free when asked.
    pub free_connections: Option<u64>,
}

/// What a role may do with one relation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether there is such a relation.
    pub exists: Option<bool>,
    /// Whether the role may look into its schema.
    pub usage: Option<bool>,
    /// Whether the role may read it.
    pub select: Option<bool>,
    /// Whether the role could change it.
    pub write: Option<bool>,
    /// More about what is wrong, in words.
    pub detail: Option<String>,
}

/// What a statement would read, by the engine's own reckoning, if its statistics are right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Rows of all scans.
    pub rows: Option<u64>,
    /// Bytes of all scans.
    pub bytes: Option<u64>,
}

impl Estimate {
    /// Both together; what is unknown of one is unknown of both.
    #[must_use]
    pub fn and(self, other: Estimate) -> Estimate {
        let sum = |a: Option<u64>, b: Option<u64>| Some(a?.saturating_add(b?));
        Estimate { rows: sum(self.rows, other.rows), bytes: sum(self.bytes, other.bytes) }
    }
}
