//! What the plan shows: metrics without checks, checks without metrics, sources that are missing or idle.

use std::collections::BTreeSet;

use super::{Look, Planned};
use crate::check::common::Severity;
use crate::contract::check_name;
use crate::dbt::NodeKind;
use crate::diagnostic::{Finding, Span, codes};
use crate::lineage::Certainty;
use crate::plan::{Asked, GuardingCheck, Upstream};

impl Planned<'_> {
    fn asked(&self, check: &GuardingCheck) -> bool {
        // Whether dbt has run a test is a matter of the day, not of the contract.
        check.kind == "dbt_result" || matches!(self.plan.asks.get(&check.id), Some(Asked::Measured { .. }))
    }

    /// Unique ids of all relations upstream of the metrics that are resolved.
    fn upstream(&self, look: &Look<'_>) -> BTreeSet<String> {
        let targets: Vec<_> = self.targets.iter().flat_map(|(_, targets)| targets.iter().flatten().copied()).collect();
        let graph = &look.lineage.graph;
        graph.upstream_of(&targets, false).keys().map(|index| graph.at(*index).relation.to_string()).collect()
    }

    fn all_resolved(&self) -> bool {
        self.targets.iter().all(|(_, targets)| targets.is_ok())
    }
}

/// Where a metric is named, and what readers call it.
fn named(look: &Look<'_>, id: &str) -> (Span, String) {
    let found = look.contract.metrics.iter().find(|(key, _)| key.value == id);
    found.map_or((Span::default(), id.to_owned()), |(key, metric)| {
        (key.span, metric.title.as_ref().map_or_else(|| id.to_owned(), |title| title.value.clone()))
    })
}

/// Where a check of the contract is named; nothing for those that dbt or a source brings.
fn place(look: &Look<'_>, id: &str) -> Option<Span> {
    let check = look.contract.checks.iter().find(|check| check_name(check) == id)?;
    Some(check.kind().common().name.map_or(check.span, |name| name.span))
}

pub(super) fn metrics(look: &mut Look<'_>, planned: &Planned<'_>) {
    for metric in &planned.plan.expected.metrics {
        if matches!(metric.upstream, Upstream::Unresolved(_)) {
            continue; // said by another rule; nothing is known of its checks
        }
        let (span, title) = named(look, &metric.id);
        let guards: Vec<&GuardingCheck> =
            planned.plan.expected.checks.iter().filter(|check| check.reach.contains_key(&metric.id)).collect();
        let knows = |check: &&&GuardingCheck| check.reach.get(&metric.id).is_some_and(|reach| reach.certainty == Certainty::Known);
        if !guards.iter().filter(knows).any(|check| planned.asked(check)) {
            let why = match (guards.is_empty(), guards.iter().any(|check| planned.asked(check))) {
                (true, _) => "no check looks at it",
                (false, true) => "checks reach it only where lineage is assumed",
                (false, false) => "this version asks none of its checks",
            };
            let finding = Finding::warning(codes::UNCHECKED_METRIC, format!("{title} can never publish: {why}")).at(span);
            look.found.push(finding.help("add a check, or `dbt_tests: {select: upstream}` for every dbt test upstream of it"));
        } else if guards.iter().all(|check| *check.severity_for.get(&metric.id).unwrap_or(&check.severity) == Severity::Warn) {
            let finding =
                Finding::warning(codes::ONLY_WARNS, format!("{title} is published whatever its checks find: all of them only warn"));
            look.found.push(finding.at(span).help("let one of them hold: severity: hold, or hold_if"));
        }
    }
}

pub(super) fn lineage(look: &mut Look<'_>, planned: &Planned<'_>) {
    for metric in &planned.plan.expected.metrics {
        let (span, title) = named(look, &metric.id);
        let name = |id: &String| look.project.nodes.get(id).map_or_else(|| id.clone(), crate::dbt::Node::spoken_name);
        let message = match &metric.upstream {
            Upstream::Known => continue,
            Upstream::Assumed(models) => {
                let models: Vec<String> = models.iter().map(name).collect();
                format!("{title} warns at best: what it depends on is assumed in {}", models.join(", "))
            }
            Upstream::Unresolved(why) => format!("{title} is always held: {why}"),
        };
        let help = format!("`presscheck lineage {}` says what is not understood", metric.id);
        look.found.push(Finding::warning(codes::UNKNOWN_LINEAGE, message).at(span).help(help));
    }
}

pub(super) fn sources(look: &mut Look<'_>, planned: &Planned<'_>) {
    let contract = look.contract;
    let upstream = planned.upstream(look);
    let listed: BTreeSet<&str> =
        contract.sources.iter().filter_map(|source| Some(look.project.find(&source.source)?.unique_id.as_str())).collect();
    let fresh = contract.checks.iter().filter(|check| check.kind_name() == "freshness").flat_map(|check| check.kind().relations());
    let fresh: BTreeSet<&str> = fresh.filter_map(|relation| Some(look.project.find(&relation)?.unique_id.as_str())).collect();
    let missing = look.project.nodes.values().filter(|node| {
        let id = node.unique_id.as_str();
        node.kind == NodeKind::Source && upstream.contains(id) && !listed.contains(id) && !fresh.contains(id)
    });
    let missing: Vec<&crate::dbt::Node> = missing.collect();
    let first = contract.metrics.keys().next().map(|key| key.span).unwrap_or_default();
    if contract.sources.is_empty() && !missing.is_empty() {
        let names: Vec<String> = missing.iter().map(|node| node.spoken_name()).collect();
        let finding = Finding::warning(
            codes::UNLISTED_SOURCE,
            format!("the metrics stand on {}, and the contract lists no source", names.join(", ")),
        );
        look.found
            .push(finding.at(first).help(format!("add `sources: [{{source: {}}}, ...]`", names.first().cloned().unwrap_or_default())));
    } else {
        let graph = &look.lineage.graph;
        for node in missing {
            let reaches = |targets: &&(String, Result<Vec<_>, String>)| {
                targets
                    .1
                    .iter()
                    .any(|targets| graph.upstream_of(targets, false).keys().any(|index| *graph.at(*index).relation == *node.unique_id))
            };
            let Some((metric, _)) = planned.targets.iter().find(reaches) else { continue };
            let (span, title) = named(look, metric);
            let message = format!("{title} stands on {}, which the contract does not list", node.spoken_name());
            let finding = Finding::warning(codes::UNLISTED_SOURCE, message).at(span);
            look.found.push(finding.help(format!("add `- source: {}` to `sources:`", node.spoken_name())));
        }
    }
    if !planned.all_resolved() {
        return; // a source may well feed the metric that is not resolved
    }
    for source in &contract.sources {
        if look.project.find(&source.source).is_some_and(|node| !upstream.contains(&node.unique_id)) {
            let finding = Finding::warning(codes::IDLE_SOURCE, format!("`{}` feeds no metric of this contract", source.source));
            look.found.push(finding.at(source.source.span).help("take it out, or add the metric that it feeds"));
        }
    }
}

pub(super) fn idle(look: &mut Look<'_>, planned: &Planned<'_>) {
    if !planned.all_resolved() {
        return;
    }
    for check in planned.plan.expected.checks.iter().filter(|check| check.reach.is_empty() && check.narrowed.is_none()) {
        if let Some(span) = place(look, &check.id) {
            let finding =
                Finding::warning(codes::IDLE_CHECK, format!("`{}` reaches no metric of this contract, so it can hold nothing", check.id));
            look.found.push(finding.at(span).help("take it out, add the metric that it is about, or say `affects: [metric]`"));
        }
    }
}

pub(super) fn narrowed(look: &mut Look<'_>, planned: &Planned<'_>) {
    let contract = look.contract;
    for check in &contract.checks {
        let common = check.kind().common();
        let Some(only) = common.affects_only.as_ref().and_then(|only| only.first()) else { continue };
        let because = common.because.map_or_else(String::new, |because| format!(": {because}"));
        // A check of dbt's tests stands for many.
        let taken: BTreeSet<&str> = planned
            .plan
            .expected
            .checks
            .iter()
            .filter(|planned| planned.id == check_name(check) || (check.kind_name() == "dbt_tests" && planned.id.starts_with("dbt:")))
            .filter_map(|check| check.narrowed.as_ref())
            .flat_map(|(_, metrics)| metrics.iter().map(String::as_str))
            .collect();
        let (message, help) = if taken.is_empty() {
            ("`affects_only` takes nothing away: lineage finds no other metric".to_owned(), "remove it with its `because`")
        } else {
            let taken: Vec<&str> = taken.into_iter().collect();
            (
                format!("`affects_only` takes away {}, which this check may reach{because}", taken.join(", ")),
                "they publish even if the check fails",
            )
        };
        look.found.push(Finding::warning(codes::NARROWED, message).at(only.span).help(help));
    }
}
