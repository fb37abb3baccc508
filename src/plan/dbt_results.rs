//! A dbt test whose result dbt already wrote: when that result counts, and what is still asked so that it does.
//!
//! It counts if the same invocation built every model that the test stands on, after the interval ended; that the sources landed before is measured. What was
//! skipped, reused, a no-op or not run at all is no result.

use std::collections::BTreeSet;

use crate::check::Spec;
use crate::check::common::{Common, Severity};
use crate::check::dbt_result::{DbtResult, Ended, Landing};
use crate::check::outcome::{Fault, Reason};
use crate::contract::Source;
use crate::dbt::run_results::{RunResult, RunResults, Status};
use crate::dbt::{Node, NodeKind, Test};
use crate::diagnostic::At;

use super::draft::Way;
use super::ground::Ground;

/// How the test's result is read, and the unique ids of the relations that are looked at; `relations` are those that the test is about.
pub(super) fn read(ground: &Ground<'_>, sources: &[Source], test: &Test, common: Common, relations: &[String]) -> (Way, Vec<String>) {
    match result(ground, sources, test, common, relations) {
        Ok((spec, relations)) => (Way::Measured(spec), relations),
        Err(fault) => (Way::Skipped(fault), relations.to_vec()),
    }
}

fn result(
    ground: &Ground<'_>,
    sources: &[Source],
    test: &Test,
    common: Common,
    relations: &[String],
) -> Result<(Spec, Vec<String>), Fault> {
    let none = |detail: String| Fault { reason: Reason::StaleArtifact, detail };
    let results = match &ground.options.given.results {
        Some(Ok(results)) => results,
        Some(Err(why)) => return Err(none(format!("run_results.json cannot be read: {why}"))),
        None => return Err(none("there is no run_results.json: run `dbt build`".to_owned())),
    };
    if results.partial {
        return Err(none("dbt's last invocation built less than all rows (--empty, --sample or a span of event times)".to_owned()));
    }
    let name = &test.name;
    let found =
        results.results.get(&test.unique_id).ok_or_else(|| none(format!("dbt's last invocation did not run {name}: run `dbt build`")))?;
    let ended = match found.status {
        Status::Pass => Ended::Pass,
        Status::Warn => Ended::Warn,
        Status::Fail => Ended::Fail,
        Status::Error | Status::RuntimeError => return Err(none(format!("dbt could not run {name}"))),
        status @ (Status::Success | Status::Skipped | Status::PartialSuccess | Status::NoOp | Status::Reused) => {
            return Err(none(format!("dbt did not run {name} ({status}): run `dbt build`")));
        }
    };
    let failures = found.failures.ok_or_else(|| none(format!("dbt does not say how many failures {name} found")))?;
    let failures = u64::try_from(failures).map_err(|_| none(format!("dbt counted fewer than no failures of {name}")))?;
    let stored: Vec<String> =
        relations.iter().filter(|id| ground.project.nodes.get(*id).is_some_and(|node| node.relation_name.is_some())).cloned().collect();
    if stored.is_empty() {
        return Err(Fault { reason: Reason::LineageUnknown, detail: format!("the dbt test {name} reads no relation of the project") });
    }
    let own = relations.iter().cloned();
    let behind: BTreeSet<String> = relations.iter().flat_map(|id| ground.project.ancestors(id)).chain(own).collect();
    let built_from = built(ground, results, name, &behind)?;
    if let Some(interval) = &ground.options.interval
        && built_from < interval.end.timestamp()
    {
        return Err(none(format!("what {name} stands on was built from {built_from} on, before the interval ended: run `dbt build`")));
    }
    let mut names: Vec<At<String>> = stored.iter().map(|id| At::nowhere(ground.name(id))).collect();
    let (about, mut ids, mut landed) = (stored.len(), stored, Vec::new());
    for source in behind.iter().filter_map(|id| ground.project.nodes.get(id)).filter(|node| node.kind == NodeKind::Source) {
        landed.push(landing(sources, source, landed.len() + 1)?);
        names.push(At::nowhere(ground.name(&source.unique_id)));
        ids.push(source.unique_id.clone());
    }
    let severity = if test.warns_only { Severity::Warn } else { Severity::Hold };
    let common = Common { severity: Some(At::nowhere(severity)), warn_if: None, hold_if: None, ..common };
    let invocation = results.invocation_id.clone().unwrap_or_else(|| "unnamed".to_owned());
    let result = DbtResult { common, relations: names, about, landed, ended, failures, built_from, invocation };
    Ok((Spec::dbt_result(Box::new(result)), ids))
}

/// When dbt began to build the first of these; each model and snapshot must have been built by this invocation, and each seed that it loaded.
fn built(ground: &Ground<'_>, results: &RunResults, name: &str, behind: &BTreeSet<String>) -> Result<jiff::Timestamp, Fault> {
    let none = |detail: String| Fault { reason: Reason::StaleArtifact, detail };
    let mut first: Option<jiff::Timestamp> = None;
    for node in behind.iter().filter_map(|id| ground.project.nodes.get(id)).filter(|node| is_built(node)) {
        let spoken = node.spoken_name();
        let result: &RunResult = match results.results.get(&node.unique_id) {
            Some(result) => result,
            // A seed changes with the project's files, not with the day.
            None if node.kind == NodeKind::Seed => continue,
            None => return Err(none(format!("{name} stands on {spoken}, which dbt's last invocation did not build: run `dbt build`"))),
        };
        match result.status {
            Status::Success => {}
            status => return Err(none(format!("{name} stands on {spoken}, which dbt did not build anew ({status})"))),
        }
        if result.relation.as_ref().is_some_and(|built| Some(built) != node.relation_name.as_ref()) {
            return Err(none(format!("dbt's last invocation built {spoken} elsewhere: another target?")));
        }
        let started = result.started_at.ok_or_else(|| none(format!("dbt does not say when it built {spoken}")))?;
        first = Some(first.map_or(started, |first| first.min(started)));
    }
    // A test of sources alone: it saw what had landed when it ran.
    let ran = || results.results.values().filter_map(|result| result.started_at).min();
    first.or_else(ran).ok_or_else(|| none(format!("dbt does not say when it ran {name}")))
}

fn is_built(node: &Node) -> bool {
    match node.kind {
        NodeKind::Source => false,
        NodeKind::Seed | NodeKind::Snapshot => true,
        NodeKind::Model => node.materialized != "ephemeral",
    }
}

/// How the landing of a source is looked at.
fn landing(sources: &[Source], source: &Node, number: usize) -> Result<Landing, Fault> {
    let name = source.spoken_name();
    let stated = sources.iter().find(|stated| stated.source.value == name).and_then(|stated| stated.freshness.as_ref());
    let loaded_at = stated.and_then(|stated| stated.loaded_at.as_ref()).map(|loaded_at| loaded_at.value.clone());
    let loaded_at = loaded_at.or_else(|| source.loaded_at_field.clone());
    let loaded_at = loaded_at.ok_or_else(|| Fault {
        reason: Reason::StaleArtifact,
        detail: format!(
            "nothing says when {name} landed, so it is not known whether dbt built on all of it: say loaded_at in its freshness"
        ),
    })?;
    let timezone = stated.and_then(|stated| stated.timezone.as_ref()).map(|timezone| timezone.value.clone());
    Ok(Landing { measure: format!("landed_{number}"), source: name, loaded_at: At::nowhere(loaded_at), timezone })
}
