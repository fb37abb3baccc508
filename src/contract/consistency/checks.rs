//! Checks: names, severities, reach; and what each kind knows of itself.

use super::Look;
use crate::check::Spec;
use crate::check::common::Part;
use crate::contract::{check_name, sql};
use crate::diagnostic::{At, Finding, Span, codes};

/// Where a check is named; its kind when it has no name.
fn name_span(check: &At<Spec>) -> Span {
    check.kind().common().name.map_or(check.span, |name| name.span)
}

pub(super) fn names(look: &mut Look<'_>) {
    let contract = look.contract;
    for (index, check) in contract.checks.iter().enumerate() {
        if let Some(name) = &check.kind().common().name {
            look.must_be_identifier(name, "check");
        }
        let name = check_name(check);
        let earlier = contract.checks.iter().take(index).find(|other| check_name(other) == name);
        if let Some(first) = earlier {
            let finding = Finding::error(codes::DUPLICATE_NAME, format!("two checks are called `{name}`")).at(name_span(check));
            look.report(finding.help(format!("the first is at line {}; give this one another `name:`", name_span(first).line)));
        }
    }
}

pub(super) fn severities(look: &mut Look<'_>) {
    for check in &look.contract.checks {
        let common = check.kind().common();
        if let (Some(severity), true) = (&common.severity, common.warn_if.is_some() || common.hold_if.is_some()) {
            let finding = Finding::error(codes::TWO_SEVERITIES, "`severity` together with `warn_if` or `hold_if`").at(severity.span);
            look.found.push(finding.help("remove `severity`: the thresholds say which failure warns and which holds"));
        }
    }
}

pub(super) fn reach(look: &mut Look<'_>) {
    let metrics = look.metric_names();
    let contract = look.contract;
    let because_cut = look.was_cut("checks");
    for check in &contract.checks {
        let common = check.kind().common();
        match (&common.affects_only, &common.because) {
            (Some(only), None) if !because_cut => {
                let place = only.first().map_or(check.span, |first| first.span);
                let finding =
                    Finding::error(codes::UNEXPLAINED_NARROWING, "`affects_only` takes metrics away without saying why").at(place);
                look.report(finding.help("add `because:`; it is shown in every explanation"));
            }
            (None, Some(because)) => {
                let finding =
                    Finding::error(codes::CONTRADICTION, "`because` explains `affects_only`, which is not there").at(because.span);
                look.report(finding.help("remove it, or add `affects_only`"));
            }
            (Some(_), Some(_) | None) | (None, None) => {}
        }
        if let (Some(_), Some(first)) = (&common.affects_only, common.affects.first()) {
            let finding = Finding::error(codes::UNEXPLAINED_NARROWING, "`affects` together with `affects_only`").at(first.span);
            look.report(finding.help("list every metric under `affects_only`"));
        }
        if let Some(only) = &common.affects_only
            && only.is_empty()
        {
            let finding = Finding::error(codes::UNEXPLAINED_NARROWING, "a check that affects nothing guards nothing").at(check.span);
            look.report(finding.help("list a metric under `affects_only`, or remove the check"));
        }
        for metric in common.severity_for.keys() {
            look.must_be_one_of(metric, &metrics, codes::UNKNOWN_METRIC, "metric");
        }
        for metric in common.affects.iter().chain(common.affects_only.iter().flatten()) {
            look.must_be_one_of(metric, &metrics, codes::UNKNOWN_METRIC, "metric");
        }
        for part in check.kind().subject() {
            if let Part::Metric { metric } = part {
                look.must_be_one_of(&metric, &metrics, codes::UNKNOWN_METRIC, "metric");
            }
        }
    }
}

pub(super) fn templates(look: &mut Look<'_>) {
    let contract = look.contract;
    let has_interval = contract.schedule.is_some() || look.was_cut("schedule");
    for written in sql::written(contract) {
        look.found.extend(sql::template_problems(contract, &written, has_interval));
    }
    for check in contract.checks.iter().filter(|check| matches!(check.value, Spec::date_coverage(_))) {
        if !has_interval {
            let finding = Finding::error(codes::NO_SCHEDULE, "`date_coverage` needs to know what a run covers").at(check.span);
            look.report(finding.help("add `schedule:` with `interval: day`, `week`, `month` or `hour`"));
        }
    }
}

pub(super) fn own_problems(look: &mut Look<'_>) {
    let contract = look.contract;
    for check in &contract.checks {
        for problem in check.problems() {
            // A kind that has no better place to point at means the check as a whole, and cannot be asked of one that lost a part.
            if problem.span.is_some() {
                look.report(problem);
            } else if !look.was_cut("checks") {
                look.report(problem.at(check.span));
            }
        }
    }
}
