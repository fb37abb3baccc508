//! A standard test of dbt -> the kind of ours that means the same, so that it is measured in one scan with others.
//!
//! Only where the meaning is equal to the letter: dbt's own test, plain arguments, and a compiled query that is word for word dbt's (a
//! project may have replaced the test by its own). Everything else runs as dbt compiled it.

use crate::check::Spec;
use crate::check::accepted_values::AcceptedValues;
use crate::check::argument::{Nulls, Scalar};
use crate::check::common::Common;
use crate::check::not_null::NotNull;
use crate::check::relationships::Relationships;
use crate::check::unique::Unique;
use crate::dbt::{Node, Test};
use crate::diagnostic::At;

use super::ground::{Ground, written};

/// The check that means the same, and the unique ids of its relations.
pub(super) fn same(ground: &Ground<'_>, test: &Test, common: &Common) -> Option<(Spec, Vec<String>)> {
    if test.limit.is_some() || !test.fail_calc.trim().eq_ignore_ascii_case("count(*)") {
        return None;
    }
    // dbt counts unaccepted values, and we count rows.
    known(ground, test, common).filter(|(spec, _)| spec.kind_name() != "accepted_values" || counts_anything(test))
}

/// Whether the test is, word for word, the one of dbt that its name says.
pub(super) fn is_standard(ground: &Ground<'_>, test: &Test) -> bool {
    known(ground, test, &Common::default()).is_some()
}

fn known(ground: &Ground<'_>, test: &Test, common: &Common) -> Option<(Spec, Vec<String>)> {
    if test.namespace.is_some() {
        return None;
    }
    let node = ground.project.nodes.get(test.attached_node.as_deref()?)?;
    let column = plain(test.column_name.as_deref().or_else(|| text(test, "column_name"))?)?;
    let common = Common { filter: test.filter.as_ref().map(|filter| At::nowhere(filter.clone())), ..common.clone() };
    let from = from(node, test.filter.as_deref())?;
    let path = At::nowhere(format!("{}.{column}", written(node)));
    let null = Some(At::nowhere(Nulls::Pass));
    let keys = |allowed: &[&str]| test.kwargs.keys().all(|key| key == "model" || key == "column_name" || allowed.contains(&key.as_str()));
    match test.test_name.as_deref()? {
        "not_null" if keys(&[]) => {
            let queries =
                [format!("select {column} from {from} where {column} is null"), format!("select * from {from} where {column} is null")];
            let spec = Spec::not_null(Box::new(NotNull::new(common, Some(path), None, None, None)));
            is_one_of(test, &queries).then(|| (spec, vec![node.unique_id.clone()]))
        }
        "unique" if keys(&[]) => {
            let query = format!(
                "select {column} as unique_field, count(*) as n_records from {from} where {column} is not null group by {column} having count(*) > 1"
            );
            let spec = Spec::unique(Box::new(Unique::new(common, Some(path), None, None, null)));
            is_one_of(test, &[query]).then(|| (spec, vec![node.unique_id.clone()]))
        }
        "accepted_values" if keys(&["values", "quote"]) => {
            let (values, written) = accepted(test)?;
            let query = format!(
                "with all_values as ( select {column} as value_field, count(*) as n_records from {from} group by {column} ) \
                 select * from all_values where value_field not in ( {written} )"
            );
            let spec = Spec::accepted_values(Box::new(AcceptedValues::new(common, path, At::nowhere(values), null)));
            is_one_of(test, &[query]).then(|| (spec, vec![node.unique_id.clone()]))
        }
        "relationships" if keys(&["to", "field"]) => {
            let field = plain(text(test, "field")?)?;
            let to = text(test, "to")?.trim();
            let plain_reference = (to.starts_with("ref(") || to.starts_with("source(")) && to.ends_with(')');
            let others: Vec<&String> =
                test.depends_on.iter().filter(|id| **id != node.unique_id && ground.project.nodes.contains_key(*id)).collect();
            let parent = match others.as_slice() {
                [] => node,
                [other] => ground.project.nodes.get(*other)?,
                _ => return None,
            };
            let parent_name = parent.relation_name.as_deref()?;
            let query = format!(
                "with child as ( select {column} as from_field from {from} where {column} is not null ), \
                 parent as ( select {field} as to_field from {parent_name} ) \
                 select from_field from child left join parent on child.from_field = parent.to_field where parent.to_field is null"
            );
            let target = At::nowhere(format!("{}.{field}", written(parent)));
            let spec = Spec::relationships(Box::new(Relationships::new(common, path, target, null)));
            (plain_reference && is_one_of(test, &[query])).then(|| (spec, vec![node.unique_id.clone(), parent.unique_id.clone()]))
        }
        _ => None,
    }
}

/// The relation as dbt's tests read it, with `where`; a `where` that is still a template is not plain.
fn from(node: &Node, filter: Option<&str>) -> Option<String> {
    let relation = node.relation_name.as_deref()?;
    match filter {
        None => Some(relation.to_owned()),
        Some(filter) if filter.contains("{{") || filter.contains("{%") => None,
        Some(filter) => Some(format!("(select * from {relation} where {filter}) dbt_subquery")),
    }
}

/// A name that needs no quotes anywhere.
fn plain(name: &str) -> Option<&str> {
    let fits =
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    fits.then_some(name)
}

fn text<'a>(test: &'a Test, key: &str) -> Option<&'a str> {
    test.kwargs.get(key).and_then(serde_json::Value::as_str)
}

/// Whether the thresholds only ask if there is anything at all: then it does not matter that dbt counts values and we count rows.
fn counts_anything(test: &Test) -> bool {
    [&test.warn_if, &test.error_if].into_iter().all(|limit| matches!(limit.replace(' ', "").as_str(), "!=0" | "<>0" | ">0"))
}

/// The accepted texts, and how dbt writes them.
fn accepted(test: &Test) -> Option<(Vec<At<Scalar>>, String)> {
    let quoted = match test.kwargs.get("quote") {
        None => true,
        Some(quote) => quote.as_bool()?,
    };
    let values: Vec<&str> = test.kwargs.get("values")?.as_array()?.iter().map(serde_json::Value::as_str).collect::<Option<_>>()?;
    let safe = quoted && !values.is_empty() && values.iter().all(|value| !value.contains(['\'', '\\']));
    let written: Vec<String> = values.iter().map(|value| format!("'{value}'")).collect();
    safe.then(|| (values.iter().map(|value| At::nowhere(Scalar::Text((*value).to_owned()))).collect(), written.join(",")))
}

/// Whether dbt compiled the test to one of these, but for white space. Without compiled code the test's name and arguments must do.
fn is_one_of(test: &Test, queries: &[String]) -> bool {
    test.compiled_code.as_ref().is_none_or(|compiled| queries.iter().any(|query| squeezed(query) == squeezed(compiled)))
}

/// Without white space between words that does not matter; texts in quotes keep theirs.
fn squeezed(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut quote = None;
    for c in sql.chars() {
        match quote {
            Some(open) => {
                out.push(c);
                if c == open {
                    quote = None;
                }
            }
            None if c.is_whitespace() => {
                if !out.is_empty() && !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            None => {
                if c == '\'' || c == '"' {
                    quote = Some(c);
                }
                out.push(c);
            }
        }
    }
    out.replace("( ", "(").replace(" )", ")").replace(", ", ",").trim().to_owned()
}
