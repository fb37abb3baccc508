//! Stand-ins for what other rooms are about to offer; each fails closed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::calendar::{Day, Interval};
use crate::check::Spec;
use crate::dbt::Project;
use crate::diagnostic::{Finding, codes};

pub(super) fn check_name(spec: &Spec) -> String {
    let kind = spec.kind();
    if let Some(name) = kind.common().name {
        return name.value;
    }
    let relation = kind.relations().first().map_or_else(String::new, |relation| format!("_{}", relation.replace('.', "_")));
    let column = kind.subject().into_iter().find_map(|part| match part {
        crate::check::common::Part::Column { column, .. } => Some(format!("_{}", column.value)),
        _ => None,
    });
    format!("{}{relation}{}", spec.kind_name(), column.unwrap_or_default())
}

pub(super) fn semantic(_: &Project, name: &str) -> Result<Vec<(String, BTreeSet<String>)>, String> {
    Err(format!("the metric `{name}` of the semantic layer is not resolved yet"))
}

pub(super) fn select(_: &Project, _: &[String], _: &[String]) -> Result<BTreeSet<String>, Finding> {
    Err(Finding::error(codes::NOTHING_TO_CHECK, "selectors are not read yet").help("select: upstream"))
}

pub(super) fn end_of(day: Day, zone: &TimeZone) -> Result<Timestamp, String> {
    let next = day.0.tomorrow().map_err(|error| error.to_string())?;
    let start = next.to_zoned(zone.clone()).and_then(|start| start.start_of_day()).map_err(|error| error.to_string())?;
    Ok(start.timestamp())
}

pub(super) fn deadline(_: &Interval, _: &str) -> Result<Timestamp, String> {
    Err("deadlines are not computed yet".to_owned())
}
