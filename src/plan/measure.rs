//! Drafts -> statements: each measured check is rendered. Which of them one statement answers is decided in `fuse`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::check::Spec;
use crate::check::common::Grammar;
use crate::check::outcome::{Fault, Reason};
use crate::diagnostic::Finding;
use crate::macros::{self, Call, Macros, Rendered};

use super::Asked;
use super::compare::{Comparison, How, Side};
use super::draft::{Draft, Way};
use super::fuse::{Asking, Member, fuse};
use super::ground::{Ground, Placed};
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
    let places = places(ground, spec).map_err(Wrong::Finding)?;
    let mut sides = Vec::new();
    for place in &places {
        sides.push(ground.macros(place.connection.as_deref()).map_err(Wrong::Fault)?);
    }
    let macros = match sides.first() {
        Some(macros) => macros,
        // A query names its relations itself; its connection is that of the whole check.
        None => ground.macros(spec.kind().common().connection.as_ref().map(|name| name.as_str())).map_err(Wrong::Fault)?,
    };
    let mut relations = Vec::new();
    for (place, macros) in places.iter().zip(&sides) {
        relations.push(place.rendered(macros.dialect()).map_err(Wrong::Fault)?);
    }
    let variables = ground.variables(&relations);
    let kind = spec.kind();
    let mut filters = Vec::new();
    for (at, filter) in kind.filters().into_iter().enumerate() {
        let macros = sides.get(at).unwrap_or(&macros);
        let filter = filter.map(|filter| ground.sql(macros, &filter, Grammar::Expression, variables)).transpose();
        filters.push(filter.map_err(Wrong::Finding)?);
    }
    filters.resize(relations.len(), None);
    let limited = |(relation, filter): (&String, &Option<String>)| match filter {
        Some(filter) => format!("(select * from {relation} where (\n{filter}\n))"),
        None => relation.clone(),
    };
    let ready: Vec<String> = relations.iter().zip(&filters).map(limited).collect();
    let request = kind.request();
    let names: Vec<&str> = request.columns.iter().map(|(name, _)| *name).collect();
    let mut arguments: serde_json::Map<String, Value> =
        request.arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    for (name, sql) in request.sql {
        // Of two sides each writes the SQL of its own engine.
        let side = usize::from(name.starts_with("right_"));
        let text = ground.sql(sides.get(side).unwrap_or(&macros), &sql.text, sql.grammar, variables).map_err(Wrong::Finding)?;
        arguments.insert(name.to_owned(), Value::String(text));
    }
    let call = Call {
        kind: spec.kind_name(),
        columns: &names,
        lists: !request.items.is_empty(),
        arguments: &arguments,
        relations: &ready,
        interval: ground.options.interval.as_ref(),
    };
    let connection = match places.first() {
        Some(place) => place.connection.clone(),
        None => kind.common().connection.map(|name| name.value),
    };
    let compare = match (spec, places.as_slice()) {
        (Spec::reconcile(reconcile), [left, right]) if left.connection != right.connection => {
            Some(keyed(reconcile.by.len(), &call, [left, right], [sides[0], sides[1]], &relations).map_err(Wrong::Finding)?)
        }
        (_, _) => None,
    };
    let sql = match &compare {
        Some(compare) => Rendered::Query(compare.text()),
        None => macros.measure(&call).map_err(Wrong::Finding)?,
    };
    // What is cheaper for a table of dbt's need not be so elsewhere, nor be a table there.
    let tables = compare.is_none() && places.iter().all(Placed::is_dbts) && ground.are_tables(draft);
    let quick = if tables { macros.quick(&call).map_err(Wrong::Finding)? } else { None };
    let dialect = macros.dialect();
    let column = arguments.get("column").and_then(Value::as_str).and_then(|column| macros::identifier(column, dialect));
    let whole = filters.iter().all(Option::is_none) && tables;
    let keys = Keys::of(spec.kind_name(), &arguments).filter(|_| whole);
    let filter = filters.first().cloned().flatten();
    Ok(Member { id: &draft.id, spec, connection, relations, filter, columns: request.columns, sql, quick, column, keys, compare })
}

/// Where the relations of a check are.
pub(super) fn places<'g>(ground: &Ground<'g>, spec: &Spec) -> Result<Vec<Placed<'g>>, Finding> {
    let kind = spec.kind();
    kind.relations().iter().zip(kind.places()).map(|(name, place)| ground.placed(name, &place)).collect()
}

/// A reconciliation whose sides are on two connections: each is asked for its values by key.
fn keyed(
    keys: usize,
    call: &Call<'_>,
    places: [&Placed<'_>; 2],
    macros: [&Macros; 2],
    relations: &[String],
) -> Result<Box<Comparison>, Finding> {
    let side = |at: usize, side: &str| -> Result<Side, Finding> {
        let mut arguments = call.arguments.clone();
        arguments.insert("side".to_owned(), Value::String(side.to_owned()));
        let sql = macros[at].piece(&Call { arguments: &arguments, relations: &call.relations[at..=at], ..*call }, "side")?;
        Ok(Side { connection: places[at].connection.clone(), relation: relations[at].clone(), sql })
    };
    Ok(Box::new(Comparison { left: side(0, "left")?, right: side(1, "right")?, how: How::Keyed { keys } }))
}
