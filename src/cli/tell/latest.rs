//! The decision of a contract that counts now. The history is believed first: it knows neither rehearsals nor runs of a part, and `dbt clean` leaves it alone. Not for
//! what it means.

use std::path::Path;

use super::super::{Stopped, draw, store};
use crate::diagnostic::{Finding, codes};
use crate::history::History;
use crate::project::Workspace;
use crate::record::{Document, Reason};

/// The decision about the newest interval. Of a rehearsal nobody is told, but with `rehearsals` it can be looked at: then the decision that was stored last counts.
pub(in crate::cli) fn decision(
    workspace: &Workspace,
    history: Option<&History>,
    contract: &str,
    rehearsals: bool,
) -> Result<Option<Document>, Stopped> {
    let path = store::path(&workspace.target, contract);
    let stored = if path.is_file() { Some(stored(&path)?) } else { None };
    if rehearsals && stored.is_some() {
        return Ok(stored);
    }
    let unreadable = |why: String| Stopped::unreadable(Finding::error(codes::UNREADABLE_DECISION, why));
    if let Some(kept) = history.map(|history| history.latest(contract)).transpose().map_err(unreadable)?.flatten() {
        return Ok(Some(kept));
    }
    let Some(stored) = stored else { return Ok(None) };
    let part = stored.checks.iter().any(|check| check.reason == Some(Reason::Deselected));
    if stored.rehearsal || part {
        let what = if stored.rehearsal { "a rehearsal" } else { "about a part of its checks" };
        draw::say(&format!("note: the latest decision about {contract} is {what}, of which nobody is told"));
        return Ok(None);
    }
    Ok(Some(stored))
}

/// The newest decision that there is, for whoever only looks: the history's, else the one that was stored last, a rehearsal or not.
pub(in crate::cli) fn known(workspace: &Workspace, history: Option<&History>, contract: &str) -> Result<Option<Document>, Stopped> {
    let unreadable = |why: String| Stopped::unreadable(Finding::error(codes::UNREADABLE_DECISION, why));
    if let Some(kept) = history.map(|history| history.latest(contract)).transpose().map_err(unreadable)?.flatten() {
        return Ok(Some(kept));
    }
    let path = store::path(&workspace.target, contract);
    if path.is_file() { stored(&path).map(Some) } else { Ok(None) }
}

/// The decision in a file of dbt's target folder.
fn stored(path: &Path) -> Result<Document, Stopped> {
    let wrong = |why: String| Stopped::unreadable(Finding::error(codes::UNREADABLE_DECISION, why).in_file(path));
    let text = store::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    serde_json::from_str(&text).map_err(|error| wrong(format!("this is not a decision of this version: {error}")))
}
