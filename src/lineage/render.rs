//! A model's SQL: dbt's compiled text, or what its template gives where dbt did not compile; and what its hooks may do to it.
//!
//! Not a Jinja engine: see [`crate::jinja`].

use std::borrow::Cow;

use super::parse::Unclear;
use crate::dbt::{Node, Project};
use crate::jinja::Renderer;

/// The SQL that makes a model; two texts where a first run and a later one have different ones.
pub(super) fn sql_of<'n>(renderer: &Renderer, project: &Project, node: &'n Node) -> Result<Vec<Cow<'n, str>>, Unclear> {
    match renderer.sql(project, node) {
        Ok(rendered) => Ok(rendered.variants),
        Err(unrendered) => {
            Err(Unclear { message: format!("not compiled, and not rendered: {}", unrendered.message), place: unrendered.place })
        }
    }
}

/// Whether hooks leave rows and values alone: grants, comments, indexes, statistics.
pub(super) fn is_harmless(hook: &str) -> bool {
    const HARMLESS: &[&str] = &[
        "grant",
        "revoke",
        "comment",
        "analyze",
        "vacuum",
        "create index",
        "create unique index",
        "alter index",
        "optimize",
        "select 1",
        "commit",
        "begin",
    ];
    let text = hook.trim().trim_end_matches(';').to_lowercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    let normal = words.join(" ");
    normal.is_empty()
        || (!normal.contains(';') && HARMLESS.iter().any(|start| normal == *start || normal.starts_with(&format!("{start} "))))
}
