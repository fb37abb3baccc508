//! A check as written -> the check as it is asked: what the interval, the calendar, the project and
//! earlier runs make of it. Not for what is rendered of it: see `measure`.

use jiff::civil::Date;

use crate::calendar::{self, Interval, IntervalUnit, Slot};
use crate::check::Spec;
use crate::check::argument::{column_of, relation_of};
use crate::check::baseline::Earlier;
use crate::check::change::Change;
use crate::check::date_coverage::{Closed, DateCoverage};
use crate::check::schema::{Promise, Promised, Schema};
use crate::contract::Contract;
use crate::dbt::Column;
use crate::diagnostic::{At, Finding, codes};
use crate::macros::identifier;

use super::ground::Ground;

/// The check with everything that it needs besides what its contract says.
///
/// # Errors
/// What the contract would have to say for that.
pub(super) fn bound(ground: &Ground<'_>, id: &str, spec: &Spec) -> Result<Spec, Finding> {
    Ok(match spec {
        Spec::date_coverage(coverage) => {
            let mut bound = coverage.clone();
            bound.expected = expected(ground, coverage)?;
            Spec::date_coverage(bound)
        }
        Spec::groups_present(groups) => {
            let mut bound = groups.clone();
            bound.within = groups.date.as_ref().map(|date| whole(ground, date)).transpose()?;
            Spec::groups_present(bound)
        }
        Spec::schema(schema) => {
            let mut bound = schema.clone();
            bound.promise = promise(ground, schema)?;
            Spec::schema(bound)
        }
        Spec::row_count(count) => {
            let mut bound = count.clone();
            bound.earlier = earlier(ground, id);
            Spec::row_count(bound)
        }
        Spec::aggregate(aggregate) => {
            let mut bound = aggregate.clone();
            bound.earlier = earlier(ground, id);
            Spec::aggregate(bound)
        }
        Spec::change(change) => {
            let mut bound = change.clone();
            bound.earlier = earlier(ground, id);
            Spec::change(bound)
        }
        Spec::freshness(freshness) if freshness.by_metadata() => Spec::freshness(Box::new(super::changed::bound(ground, freshness)?)),
        Spec::freshness(_)
        | Spec::not_null(_)
        | Spec::unique(_)
        | Spec::accepted_values(_)
        | Spec::range(_)
        | Spec::matches(_)
        | Spec::relationships(_)
        | Spec::expression(_)
        | Spec::sql(_)
        | Spec::reconcile(_)
        | Spec::reconcile_rows(_)
        | Spec::dbt_tests(_)
        | Spec::dbt_test(_)
        | Spec::dbt_result(_)
        | Spec::own(_) => spec.clone(),
    })
}

fn interval<'g, T>(ground: &'g Ground<'_>, place: &At<T>) -> Result<&'g Interval, Finding> {
    let missing = || Finding::error(codes::NO_SCHEDULE, "this needs to know what a run covers").at(place.span);
    ground.options.interval.as_ref().ok_or_else(|| missing().help("add `schedule:` with `interval: day`, `week`, `month` or `hour`"))
}

/// The stretches of time of the interval for which the check wants rows.
fn expected(ground: &Ground<'_>, coverage: &DateCoverage) -> Result<Vec<Slot>, Finding> {
    let interval = interval(ground, &coverage.column)?;
    let wrong = |message: String| Finding::error(codes::BAD_INTERVAL, message).at(coverage.column.span);
    let hour = interval.end.timestamp().duration_since(interval.start.timestamp()) <= jiff::SignedDuration::from_hours(1);
    let unit = coverage.every.as_ref().map_or(if hour { IntervalUnit::Hour } else { IntervalUnit::Day }, |every| every.value);
    let all = calendar::slots(interval, unit).map_err(wrong)?;
    if let (Some(every), true) = (&coverage.every, all.is_empty()) {
        let finding = Finding::error(codes::BAD_CHECK, "none of these begins in the interval: nothing would be expected").at(every.span);
        return Err(finding.help("write a shorter stretch of time"));
    }
    if let (Some(closed), None) =
        (coverage.except.iter().find(|closed| closed.value == Closed::Calendar), ground.options.given.closed.as_ref())
    {
        let finding = Finding::error(codes::CONTRADICTION, "`calendar` is the schedule's, and the schedule names none").at(closed.span);
        return Err(finding.help("add `calendar:` and its file to the schedule"));
    }
    Ok(all.into_iter().filter(|slot| !is_closed(ground, coverage, slot.start.date())).collect())
}

fn is_closed(ground: &Ground<'_>, coverage: &DateCoverage, day: Date) -> bool {
    coverage.except.iter().any(|closed| match closed.value {
        Closed::Weekday(weekday) => weekday.civil() == day.weekday(),
        Closed::Day(closed) => closed.0 == day,
        Closed::Calendar => ground.options.given.closed.as_ref().is_some_and(|days| days.contains(day)),
    })
}

/// The interval as one stretch of time.
fn whole(ground: &Ground<'_>, place: &At<String>) -> Result<Slot, Finding> {
    let interval = interval(ground, place)?;
    Ok(Slot { name: "the interval".to_owned(), start: interval.start.clone(), end: interval.end.clone() })
}

/// What earlier runs measured for the check.
fn earlier(ground: &Ground<'_>, id: &str) -> Earlier {
    let past = &ground.options.given.past;
    Earlier {
        start: ground.options.interval.as_ref().map(|interval| interval.start.clone()),
        values: past.values.get(id).cloned().unwrap_or_default(),
        unreadable: past.unreadable.clone(),
    }
}

/// The change of a metric with where its value comes from: the metric's own column or expression, unless the check says it.
///
/// # Errors
/// A metric of the semantic layer has no SQL here.
pub(super) fn with_origin(ground: &Ground<'_>, contract: &Contract, change: &Change) -> Result<Change, Finding> {
    let mut whole = change.clone();
    if whole.value.is_some() && whole.model.is_some() {
        return Ok(whole);
    }
    let metric = contract.metrics.iter().find(|(name, _)| name.value == change.metric.value).map(|(_, metric)| metric);
    let (model, value) = match metric.map(|metric| (&metric.column, &metric.expression, &metric.model)) {
        Some((Some(path), None, _)) => {
            let column = column_of(path);
            let name = identifier(&column, ground.options.macros.dialect()).unwrap_or_else(|| column.value.clone());
            (Some(relation_of(path)), Some(At { value: format!("sum({name})"), span: column.span }))
        }
        Some((None, Some(expression), Some(model))) => (Some(model.clone()), Some(expression.clone())),
        Some((Some(_) | None, _, _)) | None => (None, None),
    };
    whole.model = whole.model.or(model);
    whole.value = whole.value.or(value);
    if whole.value.is_none() || whole.model.is_none() {
        let finding = Finding::error(codes::BAD_CHECK, format!("nothing says how to compute `{}` from a model", change.metric));
        return Err(finding.at(change.metric.span).help("add model: and value:, an aggregate such as sum(gross_revenue)"));
    }
    Ok(whole)
}

/// What contract, catalog and manifest say of a relation's columns: the contract's own list, else what dbt's enforced contract says, else what the
/// catalog saw with the types that are documented.
fn promise(ground: &Ground<'_>, schema: &Schema) -> Result<Promise, Finding> {
    let node = ground.relation(&schema.model)?;
    let documented = |name: &str| node.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
    let of = |column: &Column| Promised {
        name: column.name.clone(),
        kind: documented(&column.name).and_then(|column| column.data_type.clone()).or_else(|| column.data_type.clone()),
        required: false,
    };
    // Elsewhere dbt says NOT NULL and the engine does not keep it, or says nothing of it.
    let keeps = ["duckdb", "postgres", "redshift", "snowflake", "bigquery", "databricks"].contains(&ground.options.macros.dialect());
    let (columns, complete): (Vec<Promised>, bool) = match (&schema.columns, &node.enforced, &node.catalog_columns) {
        (Some(columns), _, _) => (columns.iter().map(|(name, kind)| Promised::written(name, kind)).collect(), true),
        // dbt builds no such model with other columns or types: another table stands there, or somebody altered it.
        (None, Some(not_null), _) => {
            let required = |name: &str| keeps && not_null.contains(&name.to_lowercase());
            let of = |column: &Column| Promised { required: required(&column.name), ..of(column) };
            (node.columns.iter().map(of).collect(), true)
        }
        (None, None, Some(seen)) => {
            let dropped = node.columns.iter().filter(|column| !seen.iter().any(|other| other.name.eq_ignore_ascii_case(&column.name)));
            (seen.iter().chain(dropped).map(of).collect(), true)
        }
        // Documentation need not be complete.
        (None, None, None) => (node.columns.iter().map(of).collect(), false),
    };
    Ok(Promise {
        place: (node.database.clone(), node.schema.clone(), node.identifier.clone()),
        dialect: ground.options.macros.dialect().to_owned(),
        columns,
        complete,
        one: None,
    })
}
