//! What a plan stands on, and what a build left as it was. A relation that was to be built and was not holds earlier data: whatever was measured of it
//! would speak of that, so its checks are skipped, and one more check, which nothing can make pass, holds exactly the metrics that it reaches.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::common::{Severity, Tells};
use crate::check::outcome::{Fault, Reason};
use crate::dbt::NodeKind;

use super::draft::{Draft, Way};
use super::ground::Ground;
use super::metrics::Traced;
use super::reach::Subject;
use super::{BUILT, CheckId, GuardingCheck, MetricId, Unbuilt};

/// The checks that a source brings with it, by how their ids begin.
const LANDINGS: [&str; 4] = ["freshness:", "landed:", "coverage:", "groups:"];

/// Skips what is measured of relations that were not built, and adds a check for each cause.
pub(super) fn leave_out(ground: &Ground<'_>, metrics: &[Traced], drafts: &mut Vec<Draft>, notes: &mut Vec<String>) {
    for unbuilt in &ground.options.given.unbuilt {
        for draft in drafts.iter_mut().filter(|draft| draft.relations.iter().any(|relation| unbuilt.relations.contains(relation))) {
            draft.way = Way::Skipped(Fault { reason: Reason::NotStarted, detail: unbuilt.why.clone() });
        }
        let reached = metrics.iter().any(|metric| !metric.upwards.relations(ground).is_disjoint(&unbuilt.relations));
        if reached {
            drafts.push(guard(ground, unbuilt));
        } else {
            notes.push(format!("{}, which reaches no metric of this contract", unbuilt.why));
        }
    }
}

fn guard(ground: &Ground<'_>, unbuilt: &Unbuilt) -> Draft {
    let mut subject = Subject::default();
    unbuilt.relations.iter().for_each(|relation| subject.known.extend(ground.nodes_of(relation)));
    Draft {
        id: format!("{BUILT}:{}", unbuilt.cause),
        kind: BUILT.to_owned(),
        title: unbuilt.why.clone(),
        about: unbuilt.cause.clone(),
        severity: Severity::Hold,
        without_baseline: None,
        severity_for: BTreeMap::new(),
        unit: None,
        recover: None,
        tells: Tells::Nothing,
        relations: unbuilt.relations.iter().cloned().collect(),
        subject,
        affects: Vec::new(),
        affects_only: None,
        way: Way::Skipped(Fault { reason: Reason::NotStarted, detail: unbuilt.why.clone() }),
        dbt_test: None,
    }
}

/// Of each metric its upstream, and the relations of the checks that reach it with theirs.
pub(super) fn stands_on(
    ground: &Ground<'_>,
    metrics: &[Traced],
    drafts: &[Draft],
    checks: &[GuardingCheck],
) -> BTreeMap<MetricId, BTreeSet<String>> {
    let of_check: BTreeMap<&CheckId, &Vec<String>> =
        drafts.iter().filter(|draft| draft.kind != BUILT).map(|draft| (&draft.id, &draft.relations)).collect();
    let of_metric = |metric: &Traced| {
        let id = &metric.metric.id;
        let reaching = checks.iter().filter(|check| check.reach.contains_key(id)).filter_map(|check| of_check.get(&check.id));
        let named: BTreeSet<String> =
            metric.upwards.relations(ground).into_iter().chain(reaching.flat_map(|ids| ids.iter().cloned())).collect();
        let above: BTreeSet<String> = named.iter().flat_map(|id| ground.project.ancestors(id)).collect();
        (id.clone(), named.into_iter().chain(above).filter(|id| ground.project.nodes.contains_key(id)).collect())
    };
    metrics.iter().map(of_metric).collect()
}

/// The checks that show whether a source has landed.
pub(super) fn landings(ground: &Ground<'_>, drafts: &[Draft]) -> BTreeMap<String, Vec<CheckId>> {
    let mut landings: BTreeMap<String, Vec<CheckId>> = BTreeMap::new();
    for draft in drafts.iter().filter(|draft| LANDINGS.iter().any(|begins| draft.id.starts_with(begins))) {
        let about = draft.relations.first().and_then(|id| ground.project.nodes.get(id)).filter(|node| node.kind == NodeKind::Source);
        if let Some(source) = about {
            landings.entry(source.unique_id.clone()).or_default().push(draft.id.clone());
        }
    }
    landings
}
