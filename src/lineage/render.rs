//! A model's SQL: dbt's compiled text, or what its template gives where dbt did not compile; and what its hooks may do to it.
//!
//! Not a Jinja engine: see [`crate::jinja`].

use std::borrow::Cow;

use super::parse::{Read, Unclear};
use crate::dbt::{Node, Project};
use crate::jinja::Renderer;

/// The SQL that makes a model.
pub(super) struct Texts<'n> {
    /// More than one where a first run and a later one have different ones.
    pub(super) variants: Vec<Cow<'n, str>>,
    /// Why there may be another one that is not known.
    pub(super) doubt: Option<Unclear>,
    /// The hooks that may change it, each with its SQL: more than one where it depends on how dbt runs.
    pub(super) hooks: Vec<(&'n str, Read<Vec<Cow<'n, str>>>)>,
}

/// All texts that a model may have. dbt compiles one side of `is_incremental()`; the other is rendered here.
pub(super) fn sql_of<'n>(renderer: &Renderer, project: &Project, node: &'n Node) -> Result<Texts<'n>, Unclear> {
    let mut texts = match renderer.sql(project, node) {
        Ok(rendered) => Texts { variants: rendered.variants, doubt: None, hooks: hooks_of(renderer, project, node) },
        Err(unrendered) => {
            return Err(Unclear { message: format!("not compiled, and not rendered: {}", unrendered.message), place: unrendered.place });
        }
    };
    if node.compiled_code.is_some() && node.materialized == "incremental" && node.raw_code.contains("is_incremental") {
        match renderer.text(project, node, &node.raw_code) {
            Ok(rendered) => {
                for other in rendered.variants {
                    if !texts.variants.iter().any(|text| same_words(text, &other)) {
                        texts.variants.push(other);
                    }
                }
            }
            Err(unrendered) => {
                let message = format!("dbt compiled one side of is_incremental(), and the other is not rendered: {}", unrendered.message);
                texts.doubt = Some(Unclear { message, place: None });
            }
        }
    }
    Ok(texts)
}

/// Whether two texts differ in spaces alone.
fn same_words(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

fn hooks_of<'n>(renderer: &Renderer, project: &Project, node: &'n Node) -> Vec<(&'n str, Read<Vec<Cow<'n, str>>>)> {
    let render = |hook: &'n str| match renderer.text(project, node, hook) {
        Ok(rendered) => Ok(rendered.variants.into_iter().filter(|sql| !is_harmless(sql)).collect()),
        Err(unrendered) => Err(Unclear::new(unrendered.message)),
    };
    node.hooks.iter().filter(|hook| !is_harmless(hook)).map(|hook| (hook.as_str(), render(hook))).collect()
}

/// Whether hooks leave rows and values alone: grants, comments, indexes, statistics.
fn is_harmless(hook: &str) -> bool {
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
        "set session",
        "alter session set",
        "set query_band",
        "begin",
    ];
    let text = hook.trim().trim_end_matches(';').to_lowercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    let normal = words.join(" ");
    let altered = ["alter table ", "alter view ", "alter materialized view "].iter().any(|start| normal.starts_with(start));
    let described = [" set properties", " set tblproperties", " set comment", " set tag ", " owner to ", " set tags "];
    if altered && !normal.contains(';') && described.iter().any(|what| normal.contains(what)) {
        return true;
    }
    normal.is_empty()
        || (!normal.contains(';') && HARMLESS.iter().any(|start| normal == *start || normal.starts_with(&format!("{start} "))))
}
