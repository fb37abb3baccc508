//! The differences between two versions in words: of a check, of a metric, of a contract.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::deadline::moved;
use super::{Change, Kind, Version};
use crate::check::Spec;
use crate::check::common::{Common, Grammar, Severity};
use crate::contract::{Contract, check_name};
use crate::dbt::{Node, NodeKind};
use crate::diagnostic::At;
use crate::lineage::{NodeIndex, Part};
use crate::plan::{Asked, GuardedMetric, GuardingCheck, Upstream};

type Side<'a> = Option<(&'a GuardingCheck, &'a Asked)>;

/// How a check is called: by its title, and by its name where that is another.
pub(super) fn check(check: &GuardingCheck) -> String {
    if check.title == check.id || check.id == format!("dbt:{}", check.title) {
        format!("`{}`", check.id)
    } else {
        format!("{} (`{}`)", check.title, check.id)
    }
}

/// Whether a check stands for a dbt test that the version's project still has.
pub(super) fn still_a_test(version: &Version<'_>, check: &GuardingCheck) -> bool {
    check.id.strip_prefix("dbt:").is_some_and(|name| {
        let named =
            |test: &crate::dbt::Test| test.name == name || test.unique_id == name || format!("{}.{}", test.package, test.name) == name;
        version.project.tests.values().any(named)
    })
}

/// The checks of a contract that ask dbt's tests.
pub(super) fn tests_asked(contract: &Contract) -> Vec<&Spec> {
    contract.checks.iter().map(|check| &check.value).filter(|check| matches!(check, Spec::dbt_tests(_))).collect()
}

/// Whether the contract says that a check affects a metric.
pub(super) fn said_to_affect(contract: &Contract, check: Option<&str>, metric: &str) -> bool {
    let spec = contract.checks.iter().find(|spec| Some(check_name(spec).as_str()) == check);
    spec.is_some_and(|spec| spec.kind().common().affects.iter().any(|named| named.value == metric))
}

/// What differs between two versions of a check, in the order of a contract's keys; empty when nothing does.
pub(super) fn difference(base: &Version<'_>, old: Side<'_>, head: &Version<'_>, new: Side<'_>) -> String {
    let (Some((was, asked)), Some((is, asks))) = (old, new) else { return String::new() };
    let mut found = Vec::new();
    if was.id != is.id {
        found.push(format!("its name was `{}`", was.id));
    }
    let (before, after) = match (asked, asks) {
        (Asked::Measured { spec: before, .. }, Asked::Measured { spec: after, .. }) => (before, after),
        (Asked::Skipped(_), Asked::Measured { .. }) => return joined(found, "it is asked now"),
        (Asked::Measured { .. }, Asked::Skipped(_)) => return joined(found, "it is not asked any more"),
        (Asked::Skipped(_), Asked::Skipped(_)) => {
            if was.severity != is.severity {
                found.push(format!("severity {} becomes {}", severity(was.severity), severity(is.severity)));
            }
            waivers(base, was, head, is, &mut found);
            return found.join(", ");
        }
    };
    keys(&before.kind().common(), &after.kind().common(), was, is, &mut found);
    if before.kind_name() != after.kind_name() {
        found.push(format!("kind {} becomes {}", before.kind_name(), after.kind_name()));
    } else {
        arguments(before, after, &mut found);
        if base.macros.get(before.kind_name()) != head.macros.get(after.kind_name()) {
            found.push("its template changed".to_owned());
        }
    }
    waivers(base, was, head, is, &mut found);
    found.join(", ")
}

fn joined(mut found: Vec<String>, last: &str) -> String {
    found.push(last.to_owned());
    found.join(", ")
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Warn => "warn",
        Severity::Hold => "hold",
    }
}

fn becomes<T: ToString>(key: &str, was: Option<&T>, is: Option<&T>, found: &mut Vec<String>) {
    let text = |value: Option<&T>| value.map(|value| format!("`{}`", value.to_string().split_whitespace().collect::<Vec<_>>().join(" ")));
    match (text(was), text(is)) {
        (None, None) => {}
        (Some(was), None) => found.push(format!("{key} {was} was removed")),
        (None, Some(is)) => found.push(format!("{key} {is} is new")),
        (Some(was), Some(is)) if was != is => found.push(format!("{key} {was} becomes {is}")),
        (Some(_), Some(_)) => {}
    }
}

fn keys(was: &Common, is: &Common, old: &GuardingCheck, new: &GuardingCheck, found: &mut Vec<String>) {
    if old.severity != new.severity {
        found.push(format!("severity {} becomes {}", severity(old.severity), severity(new.severity)));
    }
    becomes("warn_if", was.warn_if.as_deref(), is.warn_if.as_deref(), found);
    becomes("hold_if", was.hold_if.as_deref(), is.hold_if.as_deref(), found);
    becomes("where", was.filter.as_deref(), is.filter.as_deref(), found);
    becomes("min_rows", was.min_rows.as_deref(), is.min_rows.as_deref(), found);
    becomes("allow_empty", was.allow_empty.as_deref(), is.allow_empty.as_deref(), found);
    for metric in old.severity_for.keys().chain(new.severity_for.keys()).collect::<BTreeSet<_>>() {
        let said = |check: &GuardingCheck| check.severity_for.get(metric).map(|asks| severity(*asks));
        becomes(&format!("severity_for {metric}"), said(old).as_ref(), said(new).as_ref(), found);
    }
    becomes("connection", was.connection.as_deref(), is.connection.as_deref(), found);
}

fn arguments(was: &Spec, is: &Spec, found: &mut Vec<String>) {
    let names = |spec: &Spec| spec.kind().relations().iter().map(|name| name.value.clone()).collect::<Vec<_>>().join(", ");
    becomes("relation", Some(&names(was)), Some(&names(is)), found);
    match (was, is) {
        (Spec::freshness(was), Spec::freshness(is)) => {
            let age = |age: &Option<At<crate::calendar::Age>>| age.as_ref().map(|age| spoken(age.seconds));
            becomes("warn_after", age(&was.warn_after).as_ref(), age(&is.warn_after).as_ref(), found);
            becomes("hold_after", age(&was.hold_after).as_ref(), age(&is.hold_after).as_ref(), found);
            becomes("timezone", was.timezone.as_deref(), is.timezone.as_deref(), found);
        }
        (Spec::row_count(was), Spec::row_count(is)) => {
            let bound = |between: &Option<crate::check::bound::Between>, low: bool| {
                let between = between.as_ref()?;
                (if low { &between.min } else { &between.max }).as_ref().map(|bound| bound.value.to_string())
            };
            becomes("min", bound(&was.between, true).as_ref(), bound(&is.between, true).as_ref(), found);
            becomes("max", bound(&was.between, false).as_ref(), bound(&is.between, false).as_ref(), found);
        }
        (Spec::unique(was), Spec::unique(is)) if was.null != is.null => found.push("what NULL counts as changed".to_owned()),
        (Spec::reconcile_rows(was), Spec::reconcile_rows(is)) => {
            let list = |names: &[crate::diagnostic::At<String>]| names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
            let named = |names: &Option<crate::diagnostic::At<Vec<_>>>| names.as_ref().map(|names| list(names));
            becomes("key", Some(&list(&was.key)), Some(&list(&is.key)), found);
            becomes("columns", named(&was.columns).as_ref(), named(&is.columns).as_ref(), found);
            becomes("exclude", named(&was.exclude).as_ref(), named(&is.exclude).as_ref(), found);
            becomes("float_digits", was.float_digits.as_deref(), is.float_digits.as_deref(), found);
        }
        _ => {}
    }
    // The first relation's filter is the shared `where`, but for kinds that have one on each side.
    for (side, (old, new)) in was.kind().filters().iter().zip(is.kind().filters()).enumerate() {
        if matches!(was, Spec::reconcile(_) | Spec::reconcile_rows(_)) {
            becomes(["left where", "right where"][side.min(1)], old.as_deref(), new.as_deref(), found);
        }
    }
    let (was, is) = (was.kind().request(), is.kind().request());
    for (name, old) in &was.arguments {
        if let Some(new) = is.arguments.get(name).filter(|new| *new != old) {
            let text = |value: &serde_json::Value| match (value, value.get("number").and_then(serde_json::Value::as_str)) {
                (serde_json::Value::Null, _) => None,
                (_, Some(number)) => Some(number.to_owned()),
                (serde_json::Value::String(text), None) => Some(if text.len() > 60 { "one query".to_owned() } else { text.clone() }),
                (value, None) => Some(value.to_string()),
            };
            match (*name, text(old), text(new)) {
                ("query", ..) => found.push("its query changed".to_owned()),
                (_, old, new) => becomes(name, old.as_ref(), new.as_ref(), found),
            }
        }
    }
    for ((name, old), (_, new)) in was.sql.iter().zip(&is.sql).filter(|((_, old), (_, new))| old.text != new.text) {
        if old.grammar == Grammar::Query {
            found.push("its query changed".to_owned());
        } else {
            becomes(name, Some(&old.text.value), Some(&new.text.value), found);
        }
    }
}

/// `36h`, `7d`, `90m`.
fn spoken(seconds: u64) -> String {
    match seconds {
        seconds if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        seconds if seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

fn waivers(base: &Version<'_>, was: &GuardingCheck, head: &Version<'_>, is: &GuardingCheck, found: &mut Vec<String>) {
    let of = |version: &Version<'_>, check: &GuardingCheck| {
        version.plan.expected.waivers.iter().find(|waiver| waiver.check == check.id).cloned()
    };
    match (of(base, was), of(head, is)) {
        (None, None) => {}
        (Some(old), None) => found.push(format!("its waiver of {} was removed", old.approved_by)),
        (None, Some(new)) => found.push(format!("{} waived it: {}", new.approved_by, new.reason)),
        (Some(old), Some(new)) => {
            if old.ends != new.ends {
                let day = |version: &Version<'_>, check: &GuardingCheck| {
                    let written = version.contract.waivers.iter().find(|waiver| waiver.check.value == check.id);
                    written.map_or_else(String::new, |waiver| waiver.until.value.0.to_string())
                };
                found.push(format!("its waiver ends on {}, not on {}", day(head, is), day(base, was)));
            }
            if (old.covers_error, old.covers_skipped) != (new.covers_error, new.covers_skipped) {
                found.push("what its waiver covers changed".to_owned());
            }
        }
    }
}

/// What changed for a metric beside its checks: caveats, deadline, lineage, the number itself, and the SQL beneath it.
pub(super) fn beside_checks(
    base: &Version<'_>,
    head: &Version<'_>,
    before: &GuardedMetric,
    after: &GuardedMetric,
    now: Timestamp,
) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut add = |kind: Kind, what: String| changes.push(Change { kind, what });
    let live = |version: &Version<'_>| -> Vec<(String, Option<Timestamp>)> {
        let caveats = version.plan.expected.caveats.iter();
        let concern = caveats.filter(|caveat| caveat.metric.as_ref().is_none_or(|metric| *metric == after.id));
        concern
            .filter(|caveat| caveat.ends.is_none_or(|ends| now < ends))
            .map(|caveat| (caveat.text.trim().to_owned(), caveat.ends))
            .collect()
    };
    let (old, new) = (live(base), live(head));
    let last = |caveats: &[(String, Option<Timestamp>)]| caveats.iter().map(|(_, ends)| ends.unwrap_or(Timestamp::MAX)).max();
    match (last(&old), last(&new)) {
        (Some(_), None) => add(Kind::Loosened, "its caveat was removed".to_owned()),
        (None, Some(_)) => {
            add(Kind::Tightened, format!("it has a caveat: {}", new.first().map(|(text, _)| text.as_str()).unwrap_or_default()))
        }
        (Some(was), Some(is)) if is < was => add(Kind::Loosened, "its caveat ends earlier".to_owned()),
        (Some(was), Some(is)) if is > was => add(Kind::Tightened, "its caveat ends later".to_owned()),
        (Some(_), Some(_)) if old != new => add(Kind::Neutral, "the words of its caveat changed".to_owned()),
        _ => {}
    }
    deadline(base, head, now, &mut add);
    match (&before.upstream, &after.upstream) {
        (Upstream::Known | Upstream::Assumed(_), Upstream::Unresolved(why)) => {
            add(Kind::Broken, format!("it is not resolved any more: {why}"))
        }
        (Upstream::Known, Upstream::Assumed(models)) => {
            let models: Vec<String> = models.iter().map(|id| name(head, id)).collect();
            add(Kind::Broken, format!("its lineage is assumed in {} now, so it warns at best", models.join(", ")));
        }
        (Upstream::Unresolved(_), Upstream::Known | Upstream::Assumed(_)) => {
            add(Kind::Loosened, "it is resolved now; before, it was always held".to_owned())
        }
        (Upstream::Assumed(_), Upstream::Known) => add(Kind::Loosened, "its lineage is known now; before, it warned at best".to_owned()),
        _ => {}
    }
    let of = |contract: &Contract| contract.metrics.iter().find(|(key, _)| key.value == after.id).map(|(_, metric)| metric.clone());
    if let (Some(was), Some(is)) = (of(base.contract), of(head.contract)) {
        let origin = |metric: &crate::contract::Metric| {
            let parts = [&metric.column, &metric.metric, &metric.expression, &metric.model];
            parts.into_iter().flatten().map(|part| part.value.trim().to_owned()).collect::<Vec<_>>().join(" of ")
        };
        if origin(&was) != origin(&is) {
            add(Kind::Broken, format!("it is another number: `{}` becomes `{}`", origin(&was), origin(&is)));
        }
        if was.when_held.as_ref().map(|held| held.value) != is.when_held.as_ref().map(|held| held.value) {
            add(Kind::Neutral, "what is shown while it is held changed".to_owned());
        }
        if was.owner != is.owner {
            add(Kind::Neutral, "its owner changed".to_owned());
        }
        if was.meaning != is.meaning || was.title != is.title {
            add(Kind::Neutral, "its title or meaning changed".to_owned());
        }
    }
    beneath(base, head, &after.id, &mut add);
    changes
}

fn deadline(base: &Version<'_>, head: &Version<'_>, now: Timestamp, add: &mut dyn FnMut(Kind, String)) {
    let of = |version: &Version<'_>| {
        version.contract.schedule.as_ref().and_then(|schedule| schedule.ready_by.as_ref()).map(|at| at.value.clone())
    };
    let (written, writes) = (of(base).unwrap_or_default(), of(head).unwrap_or_default());
    match (base.plan.expected.ready_by, head.plan.expected.ready_by) {
        (None, None) => {}
        (Some(_), None) => add(Kind::Loosened, format!("its deadline `{written}` was removed")),
        (None, Some(_)) => add(Kind::Tightened, format!("it has a deadline: `{writes}`")),
        (Some(_), Some(_)) => {
            let moved = moved(base, head, now);
            let becomes = format!("its deadline `{written}` becomes `{writes}`");
            match (moved.later, moved.earlier) {
                (true, true) => {
                    add(Kind::Loosened, format!("{becomes}, which is later on some occasions"));
                    add(Kind::Tightened, format!("{becomes}, which is earlier on some occasions"));
                }
                (true, false) => add(Kind::Loosened, format!("{becomes}, which is later")),
                (false, true) => add(Kind::Tightened, format!("{becomes}, which is earlier")),
                (false, false) => {}
            }
            match (base.plan.expected.late_holds, head.plan.expected.late_holds) {
                (true, false) => add(Kind::Loosened, "late decisions warn now; before, they held".to_owned()),
                (false, true) => add(Kind::Tightened, "late decisions hold now; before, they warned".to_owned()),
                (true, true) | (false, false) => {}
            }
        }
    }
}

fn name(version: &Version<'_>, id: &str) -> String {
    version.project.nodes.get(id).map_or_else(|| id.to_owned(), Node::spoken_name)
}

/// Everything upstream of a metric.
pub(super) fn upstream(version: &Version<'_>, metric: &str) -> BTreeSet<NodeIndex> {
    let targets = version.targets.iter().find(|(id, _)| id == metric).and_then(|(_, targets)| targets.as_ref().ok());
    targets.map(|targets| version.lineage.graph.upstream_of(targets, false).into_keys().collect()).unwrap_or_default()
}

fn beneath(base: &Version<'_>, head: &Version<'_>, metric: &str, add: &mut dyn FnMut(Kind, String)) {
    let (old, new) = (upstream(base, metric), upstream(head, metric));
    if old.is_empty() || new.is_empty() {
        return; // not resolved: said already
    }
    let relations = |version: &Version<'_>, nodes: &BTreeSet<NodeIndex>| -> BTreeSet<String> {
        nodes.iter().map(|index| version.lineage.graph.at(*index).relation.to_string()).collect()
    };
    let (was, is) = (relations(base, &old), relations(head, &new));
    let is_source = |version: &Version<'_>, id: &String| version.project.nodes.get(id).is_some_and(|node| node.kind == NodeKind::Source);
    for id in was.difference(&is).filter(|id| is_source(base, id)) {
        add(Kind::Broken, format!("it no longer stands on the source {}", name(base, id)));
    }
    for id in is.difference(&was).filter(|id| is_source(head, id)) {
        add(Kind::Broken, format!("it now stands on the source {}", name(head, id)));
    }
    for index in &old {
        let node = base.lineage.graph.at(*index);
        let (Part::Column(column), Some(now)) = (&node.part, head.lineage.columns.get(&*node.relation)) else { continue };
        let there = now.names.iter().any(|name| name.eq_ignore_ascii_case(column));
        if **column != *"*" && now.complete && !there {
            add(Kind::Broken, format!("it stood on the column {}.{column}, which is gone", name(base, &node.relation)));
        }
    }
    let changed: Vec<String> =
        is.iter().filter(|id| changed(base.project.nodes.get(*id), head.project.nodes.get(*id))).map(|id| name(head, id)).collect();
    if !changed.is_empty() {
        add(Kind::Neutral, format!("SQL beneath it changed: {}", changed.join(", ")));
    }
}

/// Whether the SQL of a model that both versions have is another.
pub(super) fn changed(old: Option<&Node>, new: Option<&Node>) -> bool {
    let (Some(old), Some(new)) = (old, new) else { return false };
    old.raw_code.trim() != new.raw_code.trim()
        || old.materialized != new.materialized
        || old.checksum != new.checksum && old.raw_code.is_empty()
}
