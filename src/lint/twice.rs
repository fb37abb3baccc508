//! Checks of a contract that a dbt test of the same contract asks, too.

use std::collections::BTreeSet;

use super::{Look, Planned};
use crate::check::Spec;
use crate::check::common::Part;
use crate::diagnostic::{Finding, codes};
use crate::plan::Asked;

/// What a check asks, whatever its thresholds: kind, relations by unique id, columns, and values of a list.
type Question<'a> = (&'a str, Vec<String>, BTreeSet<String>, BTreeSet<String>);

fn question<'a>(look: &Look<'_>, spec: &'a Spec) -> Option<Question<'a>> {
    if !is_comparable(spec) {
        return None;
    }
    let kind = spec.kind();
    let mut relations = Vec::new();
    for name in kind.relations() {
        relations.push(look.project.find(&name)?.unique_id.clone());
    }
    let columns = kind.subject().into_iter().filter_map(|part| match part {
        Part::Column { relation, column } => Some(format!("{relation} {}", column.to_lowercase())),
        _ => None,
    });
    let mut columns: BTreeSet<String> = columns.collect();
    let values = match spec {
        Spec::not_null(_) | Spec::unique(_) => BTreeSet::new(),
        Spec::relationships(spec) => {
            columns.insert(spec.to.rsplit('.').next()?.to_lowercase());
            BTreeSet::new()
        }
        Spec::accepted_values(spec) => spec.values.iter().map(|value| value.value.json().to_string()).collect(),
        _ => return None,
    };
    Some((spec.kind_name(), relations, columns, values))
}

fn is_comparable(spec: &Spec) -> bool {
    matches!(spec, Spec::not_null(_) | Spec::unique(_) | Spec::relationships(_) | Spec::accepted_values(_))
}

pub(super) fn duplicated(look: &mut Look<'_>, planned: &Planned<'_>) {
    let contract = look.contract;
    let kinds: BTreeSet<&str> = contract.checks.iter().filter(|check| is_comparable(check)).map(|check| check.kind_name()).collect();
    let tests = planned.plan.expected.checks.iter().filter(|check| check.id.starts_with("dbt:"));
    let tests: Vec<_> = tests
        .filter_map(|check| match planned.plan.asks.get(&check.id) {
            Some(Asked::Measured { spec, .. }) if kinds.contains(spec.kind_name()) => Some((check, spec, question(look, spec)?)),
            Some(Asked::Measured { .. } | Asked::Skipped(_)) | None => None,
        })
        .collect();
    let mut found = Vec::new();
    for check in &contract.checks {
        let Some(asked) = question(look, check) else { continue };
        let (common, severity) = (check.kind().common(), check.kind().severity());
        let same = tests.iter().find(|(test, spec, question)| {
            let filter = spec.kind().common().filter.map(|filter| filter.value);
            *question == asked
                && test.severity >= severity
                && (filter.is_none() || filter == common.filter.as_ref().map(|filter| filter.value.clone()))
        });
        let Some((test, ..)) = same else { continue };
        let tolerant = common.warn_if.is_some() || common.hold_if.is_some() || common.filter.is_some();
        let help = if tolerant {
            "dbt's test fails on its own terms, whatever is tolerated here: give dbt's test the thresholds, and remove this check"
        } else {
            "remove this check, or leave the test out of `dbt_tests`"
        };
        let span = common.name.map_or(check.span, |name| name.span);
        found.push(Finding::warning(codes::DUPLICATED_CHECK, format!("dbt's test {} asks this, too", test.title)).at(span).help(help));
    }
    look.found.extend(found);
}
