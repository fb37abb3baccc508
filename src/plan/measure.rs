//! Drafts -> statements: each measured check is rendered. Which of them one statement answers is decided in `fuse`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::check::Spec;
use crate::check::common::Grammar;
use crate::check::outcome::{Fault, Reason};
use crate::diagnostic::Finding;
use crate::macros::{self, Call};

use super::Asked;
use super::draft::{Draft, Way};
use super::fuse::{Asking, Member, fuse};
use super::ground::{self, Ground};
use super::keys::{self, Keys};

/// Why a check cannot be rendered.
enum Wrong {
    /// What the user wrote is wrong: the plan cannot be made.
    Finding(Finding),
    /// The project makes it impossible: the check is skipped.
    Fault(Fault),
}

/// Every measured draft in statements, and how each check finds its numbers. Drafts that the project makes impossible become skipped.
pub(super) fn statements(ground: &Ground<'_>, drafts: &[Draft]) -> Result<Asking, Vec<Finding>> {
    let mut asks = BTreeMap::new();
    let mut findings = Vec::new();
    let mut members: Vec<Member<'_>> = Vec::new();
    for draft in drafts {
        let spec = match &draft.way {
            Way::Skipped(fault) => {
                asks.insert(draft.id.clone(), Asked::Skipped(fault.clone()));
                continue;
            }
            Way::Measured(_) if !draft.selected(ground) => {
                let fault = Fault { reason: Reason::Deselected, detail: format!("`{}` was not selected", draft.about) };
                asks.insert(draft.id.clone(), Asked::Skipped(fault));
                continue;
            }
            Way::Measured(spec) => spec,
        };
        match render(ground, draft, spec) {
            Ok(member) => members.push(member),
            Err(Wrong::Fault(fault)) => {
                asks.insert(draft.id.clone(), Asked::Skipped(fault));
            }
            // What dbt wrote is not the user's contract: it is skipped and said, and the rest goes on.
            Err(Wrong::Finding(finding)) if draft.is_dbts() => {
                let fault = Fault { reason: Reason::QueryError, detail: finding.message };
                asks.insert(draft.id.clone(), Asked::Skipped(fault));
            }
            Err(Wrong::Finding(finding)) => findings.push(finding),
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    let passes = keys::passes(&members, ground.options.macros).map_err(|finding| vec![finding])?;
    let (measured, statements) = fuse(&members, &passes);
    asks.extend(measured);
    Ok((asks, statements))
}

fn render<'d>(ground: &Ground<'_>, draft: &'d Draft, spec: &'d Spec) -> Result<Member<'d>, Wrong> {
    let kind = spec.kind();
    let mut relations = Vec::new();
    for id in &draft.relations {
        let node = ground.project.nodes.get(id);
        let missing = || Wrong::Fault(Fault { reason: Reason::MissingRelation, detail: format!("`{id}` is not in the dbt project") });
        relations.push(ground::rendered(node.ok_or_else(missing)?).map_err(Wrong::Fault)?);
    }
    let variables = ground.variables(&relations);
    let mut filters = Vec::new();
    for filter in kind.filters() {
        let filter = filter.map(|filter| ground.sql(&filter, Grammar::Expression, variables)).transpose().map_err(Wrong::Finding)?;
        filters.push(filter);
    }
    filters.resize(relations.len(), None);
    let request = kind.request();
    let mut arguments: serde_json::Map<String, Value> =
        request.arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    for (name, sql) in request.sql {
        let text = ground.sql(&sql.text, sql.grammar, variables).map_err(Wrong::Finding)?;
        arguments.insert(name.to_owned(), Value::String(text));
    }
    let limited = |(relation, filter): (&String, &Option<String>)| match filter {
        Some(filter) => format!("(select * from {relation} where (\n{filter}\n))"),
        None => relation.clone(),
    };
    let names: Vec<&str> = request.columns.iter().map(|(name, _)| *name).collect();
    let ready: Vec<String> = relations.iter().zip(&filters).map(limited).collect();
    let call = Call {
        kind: spec.kind_name(),
        columns: &names,
        lists: !request.items.is_empty(),
        arguments: &arguments,
        relations: &ready,
        interval: ground.options.interval.as_ref(),
    };
    let sql = ground.options.macros.measure(&call).map_err(Wrong::Finding)?;
    let quick = if ground.are_tables(draft) { ground.options.macros.quick(&call).map_err(Wrong::Finding)? } else { None };
    let dialect = ground.options.macros.dialect();
    let column = arguments.get("column").and_then(Value::as_str).and_then(|column| macros::identifier(column, dialect));
    let whole = filters.iter().all(Option::is_none) && ground.are_tables(draft);
    let keys = Keys::of(spec.kind_name(), &arguments).filter(|_| whole);
    let filter = filters.first().cloned().flatten();
    Ok(Member { id: &draft.id, spec, connection: None, relations, filter, columns: request.columns, sql, quick, column, keys })
}
