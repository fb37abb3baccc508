//! Caveats, waivers, and where results go.

use super::Look;
use crate::contract::names::{check_name, is_identifier};
use crate::diagnostic::{Finding, codes};

pub(super) fn caveats(look: &mut Look<'_>) {
    let metrics = look.metric_names();
    let contract = look.contract;
    for caveat in &contract.caveats {
        if let Some(metric) = &caveat.metric {
            look.must_be_one_of(metric, &metrics, codes::UNKNOWN_METRIC, "metric");
        }
        look.must_say_something(&caveat.text, "text");
    }
}

pub(super) fn waivers(look: &mut Look<'_>) {
    let checks = look.check_names();
    let contract = look.contract;
    for (index, waiver) in contract.waivers.iter().enumerate() {
        // Checks that are derived from dbt, from sources and of the columns of a relation are known only beside a project.
        let derived = ["dbt:", "freshness:", "landed:", "coverage:", "groups:"].iter().any(|prefix| waiver.check.starts_with(prefix));
        let of_schema = |name: &str| contract.checks.iter().any(|check| check.kind_name() == "schema" && check_name(check) == name);
        let column = waiver.check.split_once('.').is_some_and(|(check, _)| of_schema(check));
        if !derived && !column {
            look.must_be_one_of(&waiver.check, &checks, codes::UNKNOWN_CHECK, "check");
        }
        look.must_say_something(&waiver.reason, "reason");
        look.must_say_something(&waiver.approved_by, "approved_by");
        if let Some(first) = contract.waivers.iter().take(index).find(|other| other.check == waiver.check) {
            let finding = Finding::error(codes::DEAD_EXCEPTION, format!("`{}` has two waivers", waiver.check)).at(waiver.check.span);
            look.report(finding.help(format!("the first is at line {}; keep one", first.check.span.line)));
        }
    }
}

pub(super) fn publish(look: &mut Look<'_>) {
    let Some(publish) = &look.contract.publish else { return };
    let (snapshot, status) = (publish.snapshot.as_ref(), publish.status.as_ref());
    for relation in snapshot.map(|table| &table.relation).into_iter().chain(status.map(|table| &table.relation)) {
        let parts: Vec<&str> = relation.split('.').collect();
        if parts.len() > 3 || !parts.iter().all(|part| is_identifier(part)) {
            let finding = Finding::error(codes::BAD_IDENTIFIER, format!("`{}` cannot be the name of a relation", relation.value));
            look.found.push(finding.at(relation.span).help("write schema.table, in letters, digits and `_`"));
        }
    }
    if let (Some(snapshot), Some(status)) = (&publish.snapshot, &publish.status)
        && snapshot.relation == status.relation
    {
        let finding =
            Finding::error(codes::CONTRADICTION, "the snapshot and the status would overwrite each other").at(status.relation.span);
        look.found.push(finding.help("give each a relation of its own"));
    }
}
