//! dbt's own data tests as checks: a kind of ours where it means the same, else dbt's compiled query with dbt's thresholds.

use std::collections::BTreeSet;

use crate::check::common::{Common, Severity};
use crate::check::dbt_test::DbtTest;
use crate::check::outcome::{Fault, Reason};
use crate::check::threshold::Threshold;
use crate::check::{Spec, common};
use crate::contract::Source;
use crate::dbt::Test;
use crate::diagnostic::{At, Finding, codes};
use crate::lineage::Part;

use super::dbt_results;
use super::dbt_standard;
use super::draft::{Draft, Way};
use super::ground::Ground;
use super::metrics::Traced;
use super::near::Near;
use super::reach::Subject;

/// The tests that a `dbt_tests` check selects, as drafts in order of unique id. `results`: their results are read, and these are the contract's sources, which say
/// when each landed.
pub(super) fn selected(
    ground: &Ground<'_>,
    metrics: &[Traced],
    select: &At<String>,
    shared: &Common,
    results: Option<&[Source]>,
) -> Result<Vec<Draft>, Vec<Finding>> {
    let wanted = match select.trim() {
        "upstream" => None,
        selector => {
            let chosen =
                crate::dbt::select::select(ground.project, &[selector.to_owned()], &[]).map_err(|finding| vec![finding.at(select.span)])?;
            Some(chosen)
        }
    };
    let near = wanted.is_none().then(|| Near::of(ground, metrics));
    let mut taken = BTreeSet::new();
    let mut drafts = Vec::new();
    for test in ground.project.tests.values() {
        if wanted.as_ref().is_some_and(|wanted| !wanted.contains(&test.unique_id)) {
            continue;
        }
        if near.as_ref().is_some_and(|near| !near.may_reach(test)) {
            continue;
        }
        let draft = draft(ground, test, shared, results);
        if wanted.is_none() && !metrics.iter().any(|traced| traced.upwards.reach(ground, &draft.subject).is_some()) {
            continue;
        }
        let id = if taken.contains(&draft.id) { format!("dbt:{}.{}", test.package, test.name) } else { draft.id.clone() };
        let id = if taken.contains(&id) { format!("dbt:{}", test.unique_id) } else { id };
        taken.insert(id.clone());
        drafts.push(Draft { id, ..draft });
    }
    if wanted.is_some() && drafts.is_empty() {
        let finding = Finding::error(codes::NOTHING_TO_CHECK, format!("`{}` selects no data test of dbt", select.trim())).at(select.span);
        return Err(vec![finding.help("select: upstream takes every test upstream of a metric")]);
    }
    Ok(drafts)
}

/// One test as a draft: measured, or skipped with the reason.
pub(super) fn draft(ground: &Ground<'_>, test: &Test, shared: &Common, results: Option<&[Source]>) -> Draft {
    let subject = subject(ground, test);
    let relations = relations(ground, test);
    let (way, relations) = match (common_of(test, shared), results) {
        // dbt compared the thresholds, whatever they are.
        (Ok(_) | Err(_), Some(sources)) => dbt_results::read(ground, sources, test, allowing(test, shared), &relations),
        (Err(fault), None) => (Way::Skipped(fault), relations),
        (Ok(common), None) => match dbt_standard::same(ground, test, &common) {
            Some((spec, relations)) => (Way::Measured(spec), relations),
            None => wrapped(ground, test, common, relations),
        },
    };
    let about = relations.first().map_or_else(|| test.name.clone(), |relation| ground.name(relation));
    Draft {
        id: format!("dbt:{}", test.name),
        kind: match &way {
            Way::Measured(spec) => spec.kind_name().to_owned(),
            Way::Skipped(_) => if results.is_some() { "dbt_result" } else { "dbt_test" }.to_owned(),
        },
        title: test.name.clone(),
        about,
        severity: if test.warns_only { Severity::Warn } else { Severity::Hold },
        without_baseline: None,
        severity_for: super::draft::severity_for(shared),
        unit: shared.unit.as_ref().map(|unit| unit.value.clone()),
        recover: shared.recover.as_ref().map(|recover| recover.value.clone()),
        tells: common::Tells::Nothing,
        relations,
        subject,
        affects: shared.affects.iter().map(|metric| metric.value.clone()).collect(),
        affects_only: shared.affects_only.as_ref().map(|only| {
            let because = shared.because.as_ref().map_or_else(String::new, |because| because.value.clone());
            (only.iter().map(|metric| metric.value.clone()).collect(), because)
        }),
        way,
        dbt_test: Some(test.unique_id.clone()),
    }
}

/// dbt's severity and thresholds in our words: `error_if` is compared first, unless the severity is warn.
fn common_of(test: &Test, shared: &Common) -> Result<Common, Fault> {
    let limit = |text: &str, key: &str| {
        let detail = |_| format!("`{key}: {text}` of the dbt test {} is not a threshold that this version compares", test.name);
        text.parse::<Threshold>().map(At::nowhere).map_err(|message| Fault { reason: Reason::NotExecutedYet, detail: detail(message) })
    };
    Ok(Common {
        warn_if: Some(limit(&test.warn_if, "warn_if")?),
        hold_if: if test.warns_only { None } else { Some(limit(&test.error_if, "error_if")?) },
        ..allowing(test, shared)
    })
}

/// What dbt's test and the contract say besides thresholds.
fn allowing(test: &Test, shared: &Common) -> Common {
    let allow_empty = test.meta.get("presscheck").and_then(|ours| ours.get("allow_empty")).and_then(serde_json::Value::as_str);
    let allow_empty = allow_empty.filter(|reason| !reason.trim().is_empty()).map(|reason| At::nowhere(reason.to_owned()));
    Common {
        name: None,
        title: Some(At::nowhere(test.name.clone())),
        unit: shared.unit.clone(),
        min_rows: shared.min_rows.clone(),
        allow_empty: allow_empty.or_else(|| shared.allow_empty.clone()),
        ..Common::default()
    }
}

/// The relations that a test is about: the one that it is attached to first, then those that it depends on.
fn relations(ground: &Ground<'_>, test: &Test) -> Vec<String> {
    let mut relations: Vec<String> = test.attached_node.iter().filter(|id| ground.project.nodes.contains_key(*id)).cloned().collect();
    let others = test.depends_on.iter().filter(|id| ground.project.nodes.contains_key(*id));
    for id in others {
        if !relations.contains(id) {
            relations.push(id.clone());
        }
    }
    relations
}

/// dbt's compiled query, counted as dbt counts it; evidence is the rows of every relation that it reads (those that exist as relations).
fn wrapped(ground: &Ground<'_>, test: &Test, common: Common, relations: Vec<String>) -> (Way, Vec<String>) {
    let skip = |reason: Reason, detail: String| Way::Skipped(Fault { reason, detail });
    let Some(compiled) = test.compiled_code.as_deref().filter(|code| !code.trim().is_empty()) else {
        let detail = format!("the dbt test {} is not compiled in the manifest; run dbt compile or dbt build", test.name);
        return (skip(Reason::StaleArtifact, detail), relations);
    };
    let stored: Vec<String> =
        relations.iter().filter(|id| ground.project.nodes.get(*id).is_some_and(|node| node.relation_name.is_some())).cloned().collect();
    if stored.is_empty() {
        let detail = format!("the dbt test {} reads no relation of the project, so nothing shows that it looked at rows", test.name);
        return (skip(Reason::LineageUnknown, detail), relations);
    }
    let limit = test.limit.map_or_else(String::new, |limit| format!("\nlimit {limit}"));
    let names = stored.iter().map(|id| At::nowhere(ground.name(id))).collect();
    let query = format!("{}{limit}", compiled.trim());
    let test = DbtTest { common, relations: names, query, fail_calc: test.fail_calc.clone() };
    (Way::Measured(Spec::dbt_test(Box::new(test))), stored)
}

/// What a test vouches for: dbt's own tests say it by their name, every other one (and one that took dbt's name) by what its query reads.
fn subject(ground: &Ground<'_>, test: &Test) -> Subject {
    let mut subject = Subject::default();
    let column = test.column_name.as_deref().or_else(|| test.kwargs.get("column_name").and_then(serde_json::Value::as_str));
    let attached = test.attached_node.as_deref().filter(|id| ground.project.nodes.contains_key(*id));
    let relations = relations(ground, test);
    let standard = if dbt_standard::is_standard(ground, test) { test.test_name.as_deref() } else { None };
    match (standard, attached, column) {
        (Some("not_null" | "accepted_values"), Some(node), Some(column)) => subject.add_column(ground, node, column),
        (Some("unique"), Some(node), Some(column)) => {
            subject.add_column(ground, node, column);
            subject.add(ground, node, Part::RowsAdded);
        }
        (Some("relationships"), Some(node), Some(column)) => {
            subject.add_column(ground, node, column);
            let parents = relations.iter().filter(|id| *id != node);
            parents.for_each(|parent| subject.add(ground, parent, Part::RowsLost));
        }
        (standard, attached, column) => {
            if let (Some(node), Some(column)) = (attached, column) {
                subject.add_column(ground, node, column);
            }
            let all: BTreeSet<String> = relations.iter().cloned().collect();
            match (&test.compiled_code, standard) {
                (Some(compiled), _) => subject.add_query(ground, compiled, &all),
                (None, _) => all.iter().for_each(|relation| subject.assumed.extend(ground.nodes_of(relation))),
            }
        }
    }
    subject
}
