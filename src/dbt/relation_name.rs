//! The name of a relation as dbt renders it for SQL, taken apart: `"shop"."public"."orders"`. Not for finding a node by it.

/// A name of one to three parts, each as the engine keeps it: without quotes, and folded where it had none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelationName {
    /// As it stands in SQL.
    pub rendered: String,
    /// Database (or project, or catalog), schema (or data set), name; the first ones may be absent.
    parts: Vec<String>,
}

impl RelationName {
    /// Reads a rendered name; `None` for what is no name: a file, a function, a subquery.
    pub fn read(rendered: &str, adapter: &str) -> Option<RelationName> {
        let mut parts = Vec::new();
        let mut rest = rendered.trim();
        loop {
            let (part, after) = one(rest, adapter)?;
            parts.push(part);
            match after.strip_prefix('.') {
                Some(next) => rest = next,
                None if after.is_empty() => break,
                None => return None,
            }
        }
        // BigQuery reads dots inside of quotes, too.
        if adapter == "bigquery" {
            parts = parts.iter().flat_map(|part| part.split('.')).map(str::to_owned).collect();
        }
        let sound = (1..=3).contains(&parts.len()) && parts.iter().all(|part| !part.is_empty() && !part.contains('\0'));
        sound.then(|| RelationName { rendered: rendered.trim().to_owned(), parts })
    }

    /// The database, project or catalog.
    pub fn database(&self) -> Option<&str> {
        self.parts.get(self.parts.len().checked_sub(3)?).map(String::as_str)
    }
    /// The schema or data set.
    pub fn schema(&self) -> Option<&str> {
        self.parts.get(self.parts.len().checked_sub(2)?).map(String::as_str)
    }
    /// The relation's own name.
    pub fn name(&self) -> &str {
        self.parts.last().map_or("", String::as_str)
    }
}

/// One identifier as an engine keeps it: what somebody typed as a role, a part of a name.
pub fn identifier(written: &str, adapter: &str) -> Option<String> {
    one(written.trim(), adapter).filter(|(part, after)| after.is_empty() && !part.is_empty()).map(|(part, _)| part)
}

/// The first identifier, and what follows it.
fn one<'a>(text: &'a str, adapter: &str) -> Option<(String, &'a str)> {
    let quote = text.chars().next().filter(|quote| ['"', '`'].contains(quote));
    if let Some(quote) = quote {
        let (mut part, mut rest) = (String::new(), &text[1..]);
        loop {
            let (before, after) = rest.split_once(quote)?;
            part.push_str(before);
            match after.strip_prefix(quote) {
                Some(more) => {
                    part.push(quote);
                    rest = more;
                }
                None => return Some((part, after)),
            }
        }
    }
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || (c == '-' && adapter == "bigquery");
    let end = text.find(|c: char| !plain(c)).unwrap_or(text.len());
    let part = &text[..end];
    let begins = part.chars().next().is_some_and(|first| !first.is_ascii_digit() && first != '$');
    begins.then(|| (folded(part, adapter), &text[end..]))
}

/// What an engine makes of a name without quotes.
fn folded(part: &str, adapter: &str) -> String {
    match adapter {
        "snowflake" => part.to_uppercase(),
        "bigquery" | "duckdb" => part.to_owned(),
        _ => part.to_lowercase(),
    }
}
