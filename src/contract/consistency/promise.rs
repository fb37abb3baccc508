//! The head of a contract: version, name, schedule, escalation.

use jiff::tz::TimeZone;

use super::Look;
use crate::calendar::{IntervalUnit, ReadyBy};
use crate::contract::{Occasion, Owner};
use crate::diagnostic::{At, Finding, codes};

pub(super) fn language_version(look: &mut Look<'_>) {
    let version = &look.contract.version;
    if version.value != 1 && version.span.line > 0 {
        let finding = Finding::error(codes::LANGUAGE_VERSION, format!("version {version} of the contract language is not known"));
        look.report(finding.at(version.span).help("write `version: 1`"));
    }
}

pub(super) fn contract_name(look: &mut Look<'_>) {
    look.must_be_identifier(&look.contract.contract, "contract");
}

pub(super) fn schedule(look: &mut Look<'_>) {
    let Some(schedule) = &look.contract.schedule else { return };
    if let Some(starts) = &schedule.starts
        && schedule.interval.value != IntervalUnit::Week
    {
        let finding = Finding::error(codes::CONTRADICTION, "`starts` says on which day a week begins, but the interval is no week");
        look.report(finding.at(starts.span).help("remove `starts`, or write `interval: week`"));
    }
    if let Some(zone) = &schedule.timezone {
        known_zone(look, zone);
    }
    match (&schedule.ready_by, &schedule.late) {
        (Some(moment), _) => {
            if let Err(message) = ReadyBy::parse(moment, schedule.interval.value) {
                look.report(Finding::error(codes::BAD_DEADLINE, message).at(moment.span));
            }
        }
        (None, Some(late)) if !look.was_cut("schedule.ready_by") => {
            let finding = Finding::error(codes::CONTRADICTION, "`late` has no meaning without `ready_by`").at(late.span);
            look.report(finding.help("add `ready_by`, the latest safe publication time"));
        }
        (None, _) => {}
    }
}

/// Reports a name that is no zone of the time zone database.
pub(super) fn known_zone(look: &mut Look<'_>, zone: &At<String>) {
    if TimeZone::get(zone).is_err() {
        let all: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        let near = crate::diagnostic::nearest(zone, all.iter().map(String::as_str));
        let help = near.map_or_else(|| "write a name such as Europe/London".to_owned(), |near| format!("did you mean `{near}`?"));
        let finding = Finding::error(codes::BAD_ZONE, format!("there is no time zone `{zone}`")).at(zone.span).help(help);
        look.report(finding.rename(zone, all.iter().map(String::as_str)));
    }
}

pub(super) fn routes(look: &mut Look<'_>) {
    let contract = look.contract;
    let due = contract.schedule.as_ref().is_some_and(|schedule| schedule.ready_by.is_some());
    for step in &contract.escalation {
        if step.on.value == Occasion::Late && !due && !look.was_cut("schedule") {
            let finding = Finding::error(codes::CONTRADICTION, "nothing can be late without `schedule.ready_by`").at(step.on.span);
            look.report(finding.help("add `ready_by`, the latest safe publication time"));
        }
        if step.to.is_empty() && !look.was_cut("escalation") {
            look.report(Finding::error(codes::BAD_ROUTE, "this step tells nobody").at(step.on.span).help("add a route to `to:`"));
        }
        for route in &step.to {
            if let Some((message, help)) = bad_route(look, route) {
                look.report(Finding::error(codes::BAD_ROUTE, message).at(route.span).help(help));
            }
        }
    }
}

fn bad_route(look: &Look<'_>, route: &str) -> Option<(String, String)> {
    let forms = "write slack:channel, email:address, email:owners.technical, webhook:name or command:name";
    let wrong = |help: &str| Some((format!("`{route}` is not a route"), help.to_owned()));
    let Some((way, target)) = route.split_once(':') else { return wrong(forms) };
    if target.is_empty() || target.contains(char::is_whitespace) {
        return wrong(forms);
    }
    match way {
        "slack" | "webhook" | "command" => None,
        "email" => match target.strip_prefix("owners.") {
            Some("business") => {
                without_contact(look, "business", look.contract.owners.as_ref().and_then(|owners| owners.business.as_ref()))
            }
            Some("technical") => {
                without_contact(look, "technical", look.contract.owners.as_ref().and_then(|owners| owners.technical.as_ref()))
            }
            Some(_) => wrong("the owners are owners.business and owners.technical"),
            // Whoever mends what is told of.
            None if target == "owner" || target.contains('@') => None,
            None => wrong("write an address, email:owners.business or email:owners.technical"),
        },
        other => {
            let near = crate::diagnostic::nearest(other, ["slack", "email", "webhook", "command"]);
            wrong(&near.map_or_else(|| forms.to_owned(), |near| format!("did you mean `{near}:{target}`?")))
        }
    }
}

fn without_contact(look: &Look<'_>, name: &str, owner: Option<&Owner>) -> Option<(String, String)> {
    let reachable = owner.is_some_and(|owner| owner.contact.is_some());
    let help = format!("add `contact:` to `owners.{name}`");
    (!reachable && !look.was_cut("owners")).then(|| (format!("nothing says how to reach owners.{name}"), help))
}

/// An alert that carries an empty procedure helps nobody.
pub(super) fn recovery(look: &mut Look<'_>) {
    let contract = look.contract;
    if let Some(recovery) = &contract.recovery {
        look.must_say_something(recovery, "recovery");
    }
}

/// Texts for people are shown as they are written; a template in one would be shown too.
pub(super) fn plain_text(look: &mut Look<'_>) {
    let contract = look.contract;
    let mut texts: Vec<At<String>> = contract.title.iter().chain(&contract.promise).chain(&contract.recovery).cloned().collect();
    texts.extend(contract.metrics.values().flat_map(|metric| metric.title.iter().chain(&metric.meaning)).cloned());
    texts.extend(contract.caveats.iter().map(|caveat| caveat.text.clone()));
    texts.extend(contract.checks.iter().flat_map(|check| {
        let common = check.kind().common();
        [common.title, common.unit, common.recover].into_iter().flatten()
    }));
    for text in texts.iter().filter(|text| text.contains("{{") || text.contains("{%")) {
        let finding = Finding::error(codes::BAD_TEMPLATE, "templates are read in SQL only").at(text.span);
        look.report(finding.help("write the text without `{{ }}`"));
    }
}
