//! Contract x project x lineage -> plan: the order of the steps, and nothing else.

use std::collections::BTreeMap;

use crate::check::Spec;
use crate::check::dbt_tests::Results;
use crate::check::outcome::{Fault, Reason};
use crate::contract::{Contract, check_name};
use crate::dbt::Project;
use crate::diagnostic::{At, Finding, codes};
use crate::lineage::Lineage;

use super::bound::with_origin;
use super::draft::{Draft, Way};
use super::ground::Ground;
use super::metrics::{self, Traced};
use super::{CheckId, Expected, GuardingCheck, Options, Plan, Upstream, built, dbt_tests, measure, moments, sources, values};

/// Plans one contract: the expected set, what to ask for each check, and the statements. Pure and deterministic.
///
/// # Errors
/// Everything that the user wrote and that cannot be planned. What the project makes impossible is a skipped check instead.
pub fn build(contract: &Contract, project: &Project, lineage: &Lineage, options: &Options<'_>) -> Result<Plan, Vec<Finding>> {
    let ground = Ground::new(project, lineage, options);
    let mut notes = Vec::new();
    // What is wrong with the checks and with the moments is said at once.
    let (drafted, mut findings) = match drafts(&ground, contract, &mut notes) {
        Ok(drafted) => (drafted, Vec::new()),
        Err(findings) => ((Vec::new(), Vec::new()), findings),
    };
    let (metrics, drafts) = drafted;
    let mut expected = Expected::default();
    if let Err(found) = moments::fill(&mut expected, contract, options.interval.as_ref(), options.given.closed.as_ref()) {
        findings.extend(found);
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    let mut plan = assemble(&ground, expected, metrics, drafts, notes)?;
    plan.contract = contract.contract.value.clone();
    plan.report = contract.title.as_ref().map_or_else(|| contract.contract.value.clone(), |title| title.value.clone());
    if let Some(owners) = &contract.owners {
        plan.technical_owner = owners.technical.as_ref().map(metrics::person);
        plan.business_owner = owners.business.as_ref().map(metrics::person);
    }
    plan.publishing = values::publishing(&ground, contract, &mut plan.notes);
    Ok(plan)
}

/// Metrics and checks of a contract, before anything is decided about how to ask.
pub(super) fn drafts(ground: &Ground<'_>, contract: &Contract, notes: &mut Vec<String>) -> Result<(Vec<Traced>, Vec<Draft>), Vec<Finding>> {
    let metrics: Vec<Traced> = contract.metrics.iter().map(|(id, metric)| metrics::trace(ground, id, metric)).collect();
    let mut findings = Vec::new();
    let mut drafts = Vec::new();
    for source in &contract.sources {
        match sources::of_contract(ground, source, notes) {
            Ok(found) => drafts.extend(found),
            Err(finding) => findings.push(finding),
        }
    }
    for spec in &contract.checks {
        match of_check(ground, contract, &metrics, spec) {
            Ok(found) => drafts.extend(found),
            Err(found) => findings.extend(found),
        }
    }
    if findings.is_empty() { Ok((metrics, drafts)) } else { Err(findings) }
}

/// One check of the contract; `dbt_tests` stands for many.
fn of_check(ground: &Ground<'_>, contract: &Contract, metrics: &[Traced], spec: &At<Spec>) -> Result<Vec<Draft>, Vec<Finding>> {
    let name = check_name(spec);
    match &spec.value {
        Spec::dbt_tests(tests) => {
            let common = spec.kind().common();
            let from = match tests.from.as_ref().map(|from| from.value) {
                Some(Results::Results) => Some(contract.sources.as_slice()),
                Some(Results::Queries) | None => None,
            };
            dbt_tests::selected(ground, metrics, &tests.select, &common, from)
        }
        Spec::change(change) => {
            let change = with_origin(ground, contract, change).map_err(|finding| vec![finding])?;
            Draft::of(ground, name, &Spec::change(Box::new(change))).map(|draft| vec![draft])
        }
        Spec::schema(_) => Ok(columns(Draft::of(ground, name, spec)?, ground)?),
        _ => Draft::of(ground, name, spec).map(|draft| vec![draft]),
    }
}

/// A `schema` check, and one more for each promised column, so that each guards what reads it.
fn columns(whole: Draft, ground: &Ground<'_>) -> Result<Vec<Draft>, Vec<Finding>> {
    let Way::Measured(Spec::schema(schema)) = &whole.way else { return Ok(vec![whole]) };
    if schema.promise.columns.is_empty() {
        let detail =
            format!("neither the contract nor dbt says which columns `{}` has; run `dbt docs generate`, or list them", whole.about);
        return Ok(vec![Draft { way: Way::Skipped(Fault { reason: Reason::NoBaseline, detail }), ..whole }]);
    }
    let mut drafts = Vec::new();
    for column in &schema.promise.columns {
        let mut one = schema.clone();
        one.promise.one = Some(column.clone());
        let draft = Draft::bound(ground, format!("{}.{}", whole.id, column.name.to_lowercase()), &Spec::schema(one))?;
        drafts.push(Draft { title: format!("{} ({})", whole.title, column.name), ..draft });
    }
    drafts.insert(0, whole);
    Ok(drafts)
}

/// Drafts -> plan: reach, statements, and what people should know.
pub(super) fn assemble(
    ground: &Ground<'_>,
    mut expected: Expected,
    metrics: Vec<Traced>,
    drafts: Vec<Draft>,
    mut notes: Vec<String>,
) -> Result<Plan, Vec<Finding>> {
    let mut seen: BTreeMap<&CheckId, ()> = BTreeMap::new();
    let mut findings = Vec::new();
    for draft in &drafts {
        if seen.insert(&draft.id, ()).is_some() {
            findings.push(
                Finding::error(codes::DUPLICATE_NAME, format!("two checks are called `{}`", draft.id)).help("give one of them a name:"),
            );
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    // A pass of nothing would be evidence of nothing, and a hold would cry wolf on every holiday.
    let (idle, mut drafts): (Vec<Draft>, Vec<Draft>) = drafts.into_iter().partition(Draft::nothing_due);
    built::leave_out(ground, &metrics, &mut drafts, &mut notes);
    notes.extend(idle.iter().map(|draft| format!("{} expects nothing of this interval, so it is not asked and shows nothing", draft.id)));
    let measure::Asked { asks, statements, samples } = measure::statements(ground, &drafts)?;
    expected.checks = drafts.iter().map(|draft| draft.guard(ground, &metrics)).collect();
    // Of a schema's columns, most reach only some metric or none.
    let idle = |check: &&GuardingCheck| check.reach.is_empty() && !(check.kind == "schema" && check.id.contains('.'));
    for check in expected.checks.iter().filter(idle) {
        notes.push(format!("the check {} reaches no metric of this contract", check.id));
    }
    let not_executed = drafts.iter().filter_map(|draft| match &draft.way {
        Way::Skipped(fault) if fault.reason == Reason::NotExecutedYet => Some(format!("{}: {}", draft.id, fault.detail)),
        Way::Skipped(_) | Way::Measured(_) => None,
    });
    let not_executed = not_executed.collect();
    let blind = blind(ground, &metrics);
    let (stands_on, landings) = (built::stands_on(ground, &metrics, &drafts, &expected.checks), built::landings(ground, &drafts));
    expected.metrics = metrics.into_iter().map(|traced| traced.metric).collect();
    Ok(Plan {
        contract: String::new(),
        report: String::new(),
        technical_owner: None,
        business_owner: None,
        interval: ground.options.interval.clone(),
        expected,
        asks,
        statements,
        samples,
        not_executed,
        blind,
        notes,
        stands_on,
        landings,
        publishing: super::Publishing::default(),
    })
}

/// The models upstream of a metric whose lineage is assumed, with what was not understood.
fn blind(ground: &Ground<'_>, metrics: &[Traced]) -> Vec<String> {
    let assumed: std::collections::BTreeSet<&String> = metrics
        .iter()
        .flat_map(|traced| match &traced.metric.upstream {
            Upstream::Assumed(models) => models.as_slice(),
            Upstream::Known | Upstream::Unresolved(_) => &[],
        })
        .collect();
    assumed
        .into_iter()
        .map(|model| {
            let said = ground.lineage.problems.iter().find(|problem| problem.model == *model);
            format!("{}: {}", ground.name(model), said.map_or("its SQL was not understood", |problem| problem.message.as_str()))
        })
        .collect()
}
