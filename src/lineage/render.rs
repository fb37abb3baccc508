//! A model's SQL: dbt's compiled text, or, in a parse-only manifest, the raw text where its Jinja is no more than `ref`, `source` and `config`.
//!
//! Not a Jinja engine: anything else in braces makes the text unknown.

use std::borrow::Cow;

use super::parse::Unclear;
use crate::dbt::{Node, NodeKind, Project};

/// The SQL that makes a model; more than one text where it depends on how dbt runs.
pub(super) fn sql_of<'n>(project: &Project, node: &'n Node) -> Result<Vec<Cow<'n, str>>, Unclear> {
    if node.language != "sql" {
        return Err(Unclear::new(format!("a {} model", node.language)));
    }
    if let Some(compiled) = &node.compiled_code {
        return Ok(vec![Cow::Borrowed(compiled)]);
    }
    let mut sql = String::with_capacity(node.raw_code.len());
    let mut rest = node.raw_code.as_str();
    while let Some(start) = rest.find('{') {
        let (before, tail) = rest.split_at(start);
        sql.push_str(before);
        let (end, comment) = match tail.get(..2) {
            Some("{{") => ("}}", false),
            Some("{#") => ("#}", true),
            Some("{%") => return Err(Unclear::new("not compiled, and its Jinja is more than ref and source")),
            _ => {
                sql.push('{');
                rest = &tail[1..];
                continue;
            }
        };
        let Some(length) = tail.find(end) else { return Err(Unclear::new("not compiled, and its Jinja is not closed")) };
        if !comment {
            let call = tail[2..length].trim().trim_start_matches('-').trim_end_matches('-').trim();
            sql.push_str(
                &rendered(project, node, call)
                    .ok_or_else(|| Unclear::new(format!("not compiled, and this is not rendered here: {{{{ {call} }}}}")))?,
            );
        }
        rest = &tail[length + 2..];
    }
    sql.push_str(rest);
    Ok(vec![Cow::Owned(sql)])
}

/// A hook's SQL, where its Jinja is no more than `this`.
pub(super) fn hook_of(node: &Node, hook: &str) -> Result<String, Unclear> {
    let (mut sql, mut rest) = (String::with_capacity(hook.len()), hook);
    while let Some((before, tail)) = rest.split_once("{{") {
        let (call, after) = tail.split_once("}}").ok_or_else(|| Unclear::new("its Jinja is not closed"))?;
        let name = node.relation_name.as_deref().filter(|_| call.trim().trim_matches('-').trim() == "this");
        sql.push_str(before);
        sql.push_str(name.ok_or_else(|| Unclear::new(format!("this is not rendered here: {{{{{call}}}}}")))?);
        rest = after;
    }
    sql.push_str(rest);
    if sql.contains("{%") { Err(Unclear::new("its Jinja is more than `this`")) } else { Ok(sql) }
}

/// `ref('x')`, `ref('package', 'x')`, `source('a', 'b')`, `config(...)`, `this`.
fn rendered(project: &Project, node: &Node, call: &str) -> Option<String> {
    if call == "this" {
        return node.relation_name.clone();
    }
    let (function, arguments) = call.split_once('(')?;
    let arguments = arguments.strip_suffix(')')?;
    if function.trim() == "config" {
        return (!arguments.contains("hook")).then(String::new);
    }
    let texts: Vec<&str> = arguments.split(',').map(|text| quoted(text.trim())).collect::<Option<_>>()?;
    let parents = || node.depends_on.iter().filter_map(|id| project.nodes.get(id));
    let mut found = match (function.trim(), texts.as_slice()) {
        ("ref", [name]) => parents().filter(|parent| parent.kind != NodeKind::Source && parent.name == *name).collect::<Vec<_>>(),
        ("ref", [package, name]) => {
            parents().filter(|parent| parent.kind != NodeKind::Source && parent.name == *name && parent.package == *package).collect()
        }
        ("source", [source, table]) => {
            parents().filter(|parent| parent.source_name.as_deref() == Some(source) && parent.name == *table).collect()
        }
        _ => return None,
    };
    let parent = found.pop().filter(|_| found.is_empty())?;
    match &parent.relation_name {
        Some(name) => Some(name.clone()),
        None => Some(format!("__dbt__cte__{}", parent.name)),
    }
}

fn quoted(text: &str) -> Option<&str> {
    ['\'', '"'].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote)).filter(|inner| !inner.contains(['\'', '"', '\\']))
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
