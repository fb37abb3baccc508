//! Drafts -> statements: each measured check is rendered. Which of them one statement answers is decided in `fuse`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::check::Spec;
use crate::check::common::{Expect, Grammar};
use crate::check::outcome::{Fault, Reason};
use crate::diagnostic::{Finding, codes};
use crate::lineage;
use crate::macros::{self, Call, Macros, Quick, Rendered};

use super::compare::{Comparison, How, Side};
use super::draft::{Draft, Way};
use super::fuse::{Member, fuse};
use super::ground::{Ground, Placed};
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
pub(super) struct Ready<'g> {
    /// Where the relations are, and the templates of each.
    pub(super) places: Vec<Placed<'g>>,
    pub(super) sides: Vec<&'g Macros>,
    /// The templates, and the connection, of the check as a whole.
    macros: &'g Macros,
    connection: Option<String>,
    /// Names of the relations in SQL, without filters.
    pub(super) relations: Vec<String>,
    /// What the template sees of them: names, or subqueries where a filter limits them.
    pub(super) limited: Vec<String>,
    filters: Vec<Option<String>>,
    arguments: serde_json::Map<String, Value>,
    columns: Vec<(&'g str, Expect)>,
    lists: bool,
}

/// `ids` are what stands for the relations that the check names: unique ids, where dbt knows them.
fn ready<'g>(ground: &'g Ground<'_>, ids: &[String], spec: &'g Spec) -> Result<Ready<'g>, Wrong> {
    let kind = spec.kind();
    let shared = kind.common().connection.map(|name| name.value);
    let places = ground.placed_all(ids, spec).map_err(Wrong::Finding)?;
    let mut sides = Vec::new();
    for place in &places {
        sides.push(ground.macros(place.connection.as_deref()).map_err(Wrong::Fault)?);
    }
    let (macros, connection) = match (sides.first(), places.first()) {
        (Some(macros), Some(place)) => (*macros, place.connection.clone()),
        // A query names its relations itself; its connection is that of the whole check.
        (_, _) => (ground.macros(shared.as_deref()).map_err(Wrong::Fault)?, shared),
    };
    let mut relations = Vec::new();
    for (place, macros) in places.iter().zip(&sides) {
        relations.push(place.rendered(macros.dialect()).map_err(Wrong::Fault)?);
    }
    let variables = ground.variables(&relations);
    // Of two sides each writes the SQL of its own engine.
    let of_side = |side: usize| sides.get(side).copied().unwrap_or(macros);
    let mut filters = Vec::new();
    for (at, filter) in kind.filters().into_iter().enumerate() {
        let filter = filter.map(|filter| ground.sql(of_side(at), &filter, Grammar::Expression, variables)).transpose();
        filters.push(filter.map_err(Wrong::Finding)?);
    }
    filters.resize(relations.len(), None);
    let request = kind.request();
    let mut arguments: serde_json::Map<String, Value> =
        request.arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    for (name, sql) in request.sql {
        let side = usize::from(name.starts_with("right_"));
        let text = ground.sql(of_side(side), &sql.text, sql.grammar, variables).map_err(Wrong::Finding)?;
        arguments.insert(name.to_owned(), Value::String(text));
    }
    let limited = |(relation, filter): (&String, &Option<String>)| match filter {
        Some(filter) => format!("(select * from {relation} where (\n{filter}\n))"),
        None => relation.clone(),
    };
    let limited = relations.iter().zip(&filters).map(limited).collect();
    let (columns, lists) = (request.columns, !request.items.is_empty());
    Ok(Ready { places, sides, macros, connection, relations, limited, filters, arguments, columns, lists })
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
    let macros = ready.macros;
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
    let macros = ready.macros;
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
    let (connection, relations) = (ready.connection.clone(), ready.relations.clone());
    let statement = Statement { connection, relations, checks: vec![id.clone()], sql, parts: Vec::new(), compare: None };
    Ok(Some(Sampling { statement, columns, limit }))
}

fn render<'d>(ground: &'d Ground<'_>, draft: &'d Draft, spec: &'d Spec) -> Result<(Member<'d>, Option<Sampling>), Wrong> {
    let ready = ready(ground, &draft.relations, spec)?;
    let samples = sampling(ground, &draft.id, spec, &ready)?;
    let compare = comparison(spec, &ready, ground).map_err(Wrong::Finding)?;
    // What is cheaper for a table of dbt's need not be so elsewhere, nor be a table there.
    let tables = compare.is_none() && ready.places.iter().all(Placed::is_dbts) && ground.are_tables(draft);
    let (sql, quick) = match &compare {
        Some(compare) => (Rendered::Query(compare.text()), None),
        None => measured(ground, spec, &ready, tables)?,
    };
    let Ready { relations, filters, arguments, columns, connection, macros, .. } = ready;
    let dialect = macros.dialect();
    let column = arguments.get("column").and_then(Value::as_str).and_then(|column| macros::identifier(column, dialect));
    let whole = filters.iter().all(Option::is_none) && tables;
    let keys = Keys::of(spec.kind_name(), &arguments).filter(|_| whole);
    let filter = filters.first().cloned().flatten();
    Ok((Member { id: &draft.id, spec, connection, relations, filter, columns, sql, quick, column, keys, compare }, samples))
}

/// What each of two connections is asked, for a check that no single statement answers.
fn comparison(spec: &Spec, ready: &Ready<'_>, ground: &Ground<'_>) -> Result<Option<Box<Comparison>>, Finding> {
    match (spec, ready.places.as_slice()) {
        (Spec::reconcile(reconcile), [left, right]) if left.connection != right.connection => {
            let how = How::Keyed { keys: reconcile.by.len() };
            let (left, right) = (side(ready, ground, 0, "left")?, side(ready, ground, 1, "right")?);
            Ok(Some(Box::new(Comparison { left, right, how })))
        }
        (Spec::reconcile_rows(rows), [_, _]) => super::rows::comparison(rows, ready, ground).map(|compared| Some(Box::new(compared))),
        (_, _) => Ok(None),
    }
}

/// One side of a reconciliation, which is asked for its values by key.
fn side(ready: &Ready<'_>, ground: &Ground<'_>, at: usize, side: &str) -> Result<Side, Finding> {
    let mut arguments = ready.arguments.clone();
    arguments.insert("side".to_owned(), Value::String(side.to_owned()));
    let call = Call {
        kind: "reconcile",
        columns: &[],
        lists: false,
        arguments: &arguments,
        relations: &ready.limited[at..=at],
        interval: ground.options.interval.as_ref(),
    };
    let sql = ready.sides[at].piece(&call, "side")?;
    Ok(Side { connection: ready.places[at].connection.clone(), relation: ready.relations[at].clone(), sql, key: None, checksums: None })
}
