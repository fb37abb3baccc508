//! START WITH and CONNECT BY: rows of one table, once for every way that leads to them. Not for recursive CTEs (see `query`).

use sqlparser::ast::{ConnectByKind, Expr};

use super::graph::EdgeKind;
use super::parse::Read;
use super::resolve::{Place, Reader};
use super::scope::{Scope, Table};

/// Names that tell where in the tree a row stands.
pub(super) const TELLS: [&str; 3] = ["level", "connect_by_isleaf", "connect_by_iscycle"];

impl Reader<'_> {
    /// Which rows come, and how often, hangs on both conditions and on which rows there are.
    pub(super) fn hierarchy(&mut self, clauses: &[ConnectByKind], scope: &mut Scope<'_>) -> Read<()> {
        if clauses.is_empty() {
            return Ok(());
        }
        scope.hierarchic = true;
        let conditions: Vec<&Expr> = clauses
            .iter()
            .flat_map(|clause| match clause {
                ConnectByKind::ConnectBy { relationships, .. } => relationships.iter().collect(),
                ConnectByKind::StartWith { condition, .. } => vec![condition.as_ref()],
            })
            .collect();
        let by = self.values(conditions, scope, Place::Row, EdgeKind::Join)?;
        let any = scope.rows.any().with(&by);
        scope.rows.decided_by(&any);
        scope.tables.iter_mut().for_each(Table::thinned);
        scope.keys.clear();
        Ok(())
    }
}
