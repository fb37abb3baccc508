//! Drafts -> statements: each measured check is rendered. Which of them one statement answers is decided in `fuse`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::check::Spec;
use crate::check::common::{Expect, Grammar};
use crate::check::outcome::{Fault, Reason};
use crate::diagnostic::{Finding, codes};
use crate::lineage;
use crate::macros::{self, Call, Quick, Rendered};

use super::draft::{Draft, Way};
use super::fuse::{Member, fuse};
use super::ground::{self, Ground};
use super::keys::{self, Keys};
use super::reach::Subject;
use super::{Asked as AskedHow, CheckId, Sampling, Statement};

/// How each check is asked, the statements, and how failing rows are listed.
pub(super) struct Asked {
    pub asks: BTreeMap<CheckId, AskedHow>,
    pub statements: Vec<Statement>,
    pub samples: BTreeMap<CheckId, Sampling>,
}

/// Why a check cannot be rendered.
enum Wrong {
    /// What the user wrote is wrong: the plan cannot be made.
    Finding(Finding),
    /// The project makes it impossible: the check is skipped.
    Fault(Fault),
}

/// Every measured draft in statements, and how each check finds its numbers. Drafts that the project makes impossible become skipped.
pub(super) fn statements(ground: &Ground<'_>, drafts: &[Draft]) -> Result<Asked, Vec<Finding>> {
    let mut asks = BTreeMap::new();
    let mut samples = BTreeMap::new();
    let mut findings = Vec::new();
    let mut members: Vec<Member<'_>> = Vec::new();
    for draft in drafts {
        let spec = match &draft.way {
            Way::Skipped(fault) => {
                asks.insert(draft.id.clone(), AskedHow::Skipped(fault.clone()));
                continue;
            }
            Way::Measured(_) if !draft.selected(ground) => {
                let fault = Fault { reason: Reason::Deselected, detail: format!("`{}` was not selected", draft.about) };
                asks.insert(draft.id.clone(), AskedHow::Skipped(fault));
                continue;
            }
            Way::Measured(spec) => spec,
        };
        match render(ground, draft, spec) {
            Ok((member, sampling)) => {
                samples.extend(sampling.map(|sampling| (draft.id.clone(), sampling)));
                members.push(member);
            }
            Err(Wrong::Fault(fault)) => {
                asks.insert(draft.id.clone(), AskedHow::Skipped(fault));
            }
            // What dbt wrote is not the user's contract: it is skipped and said, and the rest goes on.
            Err(Wrong::Finding(finding)) if draft.is_dbts() => {
                let fault = Fault { reason: Reason::QueryError, detail: finding.message };
                asks.insert(draft.id.clone(), AskedHow::Skipped(fault));
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
    Ok(Asked { asks, statements, samples })
}

/// A check on its way into SQL: what its template is given.
struct Ready<'d> {
    /// Names of the relations in SQL, without filters.
    relations: Vec<String>,
    /// What the template sees of them: names, or subqueries where a filter limits them.
    limited: Vec<String>,
    filters: Vec<Option<String>>,
    arguments: serde_json::Map<String, Value>,
    columns: Vec<(&'d str, Expect)>,
    lists: bool,
}

/// `ids` are the unique ids of the relations that the check names.
fn ready<'d>(ground: &Ground<'_>, ids: &[String], spec: &'d Spec) -> Result<Ready<'d>, Wrong> {
    let kind = spec.kind();
    let mut relations = Vec::new();
    for id in ids {
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
    let limited = relations.iter().zip(&filters).map(limited).collect();
    Ok(Ready { relations, limited, filters, arguments, columns: request.columns, lists: !request.items.is_empty() })
}

/// What the template of a check makes of it, with the cheaper question where it is about `tables`; for a kind of the project, that it is one query or expressions.
fn measured(ground: &Ground<'_>, spec: &Spec, ready: &Ready<'_>, tables: bool) -> Result<(Rendered, Option<Quick>), Wrong> {
    let names: Vec<&str> = ready.columns.iter().map(|(name, _)| *name).collect();
    let call = Call {
        kind: spec.kind_name(),
        columns: &names,
        lists: ready.lists,
        arguments: &ready.arguments,
        relations: &ready.limited,
        interval: ground.options.interval.as_ref(),
    };
    let macros = ground.options.macros;
    let sql = macros.measure(&call).map_err(Wrong::Finding)?;
    if matches!(spec, Spec::own(_)) {
        let refused = |what: &str, error: lineage::SqlError| {
            Wrong::Finding(macros.blame(spec.kind_name(), format!("what this renders is not {what}: {}", error.message)))
        };
        match &sql {
            Rendered::Query(query) => {
                lineage::query(query, ground.project, ground.lineage).map_err(|error| refused("one query", error))?;
            }
            Rendered::Scan(expressions) => {
                for expression in expressions {
                    lineage::expression(expression, macros.dialect()).map_err(|error| refused("one SQL expression", error))?;
                }
            }
        }
    }
    let quick = if tables { macros.quick(&call).map_err(Wrong::Finding)? } else { None };
    Ok((sql, quick))
}

/// Adds to a subject what the check's rendered SQL reads; where that is not known, everything of its relations, assumed.
///
/// # Errors
/// What is wrong with the template, or with what the user wrote.
pub(super) fn add_rendered(ground: &Ground<'_>, subject: &mut Subject, ids: &[String], spec: &Spec) -> Result<(), Finding> {
    let found = ready(ground, ids, spec).and_then(|ready| measured(ground, spec, &ready, false));
    match found {
        Ok((Rendered::Query(sql), _)) => subject.add_query(ground, &sql, &ids.iter().cloned().collect()),
        Ok((Rendered::Scan(expressions), _)) => {
            if let Some(first) = ids.first() {
                let read = expressions.iter().filter_map(|sql| lineage::expression(sql, ground.options.macros.dialect()).ok()).flatten();
                read.for_each(|column| subject.add_column(ground, first, &column.name));
            }
            ids.iter().for_each(|id| subject.add_rows(ground, id));
        }
        Err(Wrong::Finding(finding)) => return Err(finding),
        Err(Wrong::Fault(_)) => ids.iter().for_each(|id| subject.assumed.extend(ground.nodes_of(id))),
    }
    Ok(())
}

/// Some failing rows of a check whose contract declares columns of them.
fn sampling(ground: &Ground<'_>, id: &CheckId, spec: &Spec, ready: &Ready<'_>) -> Result<Option<Sampling>, Wrong> {
    let Some(samples) = spec.kind().common().samples else { return Ok(None) };
    let none =
        |message: &str| Wrong::Finding(Finding::error(codes::CONTRADICTION, message.to_owned()).at(samples.span).help("remove `samples`"));
    let (names, arguments) = (Vec::new(), &ready.arguments);
    let call = |kind, columns, arguments, relations| Call {
        kind,
        columns,
        lists: false,
        arguments,
        relations,
        interval: ground.options.interval.as_ref(),
    };
    let macros = ground.options.macros;
    let mut relations = ready.limited.clone();
    let failing = match (spec, arguments.get("query").and_then(Value::as_str)) {
        // The rows that its query returns fail.
        (Spec::sql(_), Some(query)) => {
            relations = vec![format!("(\n{query}\n)")];
            Value::Null
        }
        _ => {
            let predicate = macros.failing(&call(spec.kind_name(), &names, arguments, &relations)).map_err(Wrong::Finding)?;
            let predicate = predicate.ok_or_else(|| none("the template of this kind does not say which rows fail"))?;
            Value::String(predicate)
        }
    };
    let columns: Vec<String> = samples.columns.iter().map(|column| column.value.clone()).collect();
    let limit = samples.rows();
    let own = serde_json::json!({ "columns": columns, "failing": failing, "limit": limit });
    let own = own.as_object().cloned().unwrap_or_default();
    let sql = macros.pass(&call("samples", &names, &own, &relations)).map_err(Wrong::Finding)?;
    let sql = sql.ok_or_else(|| none("failing rows cannot be listed on this engine"))?;
    if matches!(spec, Spec::own(_)) && lineage::query(&sql, ground.project, ground.lineage).is_err() {
        return Err(Wrong::Finding(macros.blame(spec.kind_name(), "`failing` does not render one condition".to_owned())));
    }
    let statement = Statement { connection: None, relations: ready.relations.clone(), checks: vec![id.clone()], sql, parts: Vec::new() };
    Ok(Some(Sampling { statement, columns, limit }))
}

fn render<'d>(ground: &Ground<'_>, draft: &'d Draft, spec: &'d Spec) -> Result<(Member<'d>, Option<Sampling>), Wrong> {
    let ready = ready(ground, &draft.relations, spec)?;
    let samples = sampling(ground, &draft.id, spec, &ready)?;
    let tables = ground.are_tables(draft);
    let (sql, quick) = measured(ground, spec, &ready, tables)?;
    let Ready { relations, filters, arguments, columns, .. } = ready;
    let dialect = ground.options.macros.dialect();
    let column = arguments.get("column").and_then(Value::as_str).and_then(|column| macros::identifier(column, dialect));
    let whole = filters.iter().all(Option::is_none) && tables;
    let keys = Keys::of(spec.kind_name(), &arguments).filter(|_| whole);
    let filter = filters.first().cloned().flatten();
    Ok((Member { id: &draft.id, spec, connection: None, relations, filter, columns, sql, quick, column, keys }, samples))
}
