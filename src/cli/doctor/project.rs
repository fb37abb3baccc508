//! What can be looked at without a warehouse: dbt's artifacts, their age, the contracts, and the relations that they name.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::report::Report;
use crate::cli::arguments::{Place, Reach, Which};
use crate::cli::load::{self, Loaded};
use crate::cli::{connect, draw, prepare};
use crate::contract::Contract;
use crate::dbt::artifact::Metadata;
use crate::diagnostic::{Finding, codes};
use crate::plan::reads::{self, ReadRelation};
use crate::plan::{Asked, Plan};

/// What was found in the project, for whoever asks the warehouse about it.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) loaded: Option<Loaded>,
    /// What the plans' statements read.
    pub(super) read: Vec<ReadRelation>,
    /// What contracts name besides: of metrics, and of checks that are not asked.
    pub(super) named: Vec<ReadRelation>,
    /// What they read on further connections, by their names.
    pub(super) elsewhere: BTreeMap<String, Vec<ReadRelation>>,
}

pub(super) fn examine(
    report: &mut Report,
    place: &Place,
    reach: &Reach,
    contracts: &[String],
    exposure: Option<&str>,
    look: &draw::Look,
) -> Seen {
    let Some(mut loaded) = report.take(Loaded::new(place, &look.quietly())) else { return Seen::default() };
    artifacts(report, &loaded);
    let (plans, named) = planned(report, &mut loaded, reach, contracts, exposure, look);
    let refs: Vec<&Plan> = plans.iter().collect();
    for plan in &refs {
        stale(report, &loaded, plan);
    }
    let (read, _unsure) = reads::reads(&refs, None, &loaded.project, &loaded.lineage);
    let of = |name: String| (name.clone(), reads::reads(&refs, Some(&name), &loaded.project, &loaded.lineage).0);
    let elsewhere = connect::used(&refs).into_iter().map(of).collect();
    let asked = refs.iter().flat_map(|plan| plan.asks.values()).filter(|asked| matches!(asked, Asked::Measured { .. })).count();
    let checks: usize = refs.iter().map(|plan| plan.expected.checks.len()).sum();
    report.fact("contracts", format!("{}: {checks} checks, of which {asked} are asked, of {} relations", refs.len(), read.len()));
    let known: BTreeSet<&str> = read.iter().map(|one| one.rendered.as_str()).collect();
    let named = named.into_iter().filter(|one| !known.contains(one.rendered.as_str())).collect();
    Seen { read, named, elsewhere, loaded: Some(loaded) }
}

/// The plans that can be made, and every relation that contracts name.
fn planned(
    report: &mut Report,
    loaded: &mut Loaded,
    reach: &Reach,
    contracts: &[String],
    exposure: Option<&str>,
    look: &draw::Look,
) -> (Vec<Plan>, Vec<ReadRelation>) {
    let now = Timestamp::now();
    let Some(macros) = report.take(load::macros(loaded)) else { return Default::default() };
    if exposure.is_some() {
        let which = Which::all_of(&[], exposure.map(str::to_owned));
        let prepared = report.take(prepare::plans_of(loaded, &which, reach, &macros, now, &look.quietly())).unwrap_or_default();
        return (prepared.into_iter().map(|one| one.plan).collect(), Vec::new());
    }
    let (mut plans, mut named) = (Vec::new(), BTreeMap::new());
    for one in report.take(load::contracts(loaded, contracts)).unwrap_or_default() {
        let broken = one.findings.iter().any(|finding| finding.level == crate::diagnostic::Level::Error);
        report.findings(one.findings, 2);
        let Some(contract) = one.contract else { continue };
        for relation in names(loaded, &contract) {
            named.insert(relation.rendered.clone(), relation);
        }
        if !broken {
            let plan = prepare::of_schedule(&contract, now).and_then(|interval| {
                let given = prepare::given(loaded, &contract, reach, now, interval.as_ref())?;
                prepare::one(loaded, &contract, &macros, None, given, interval)
            });
            plans.extend(report.take(plan));
        }
    }
    (plans, named.into_values().collect())
}

/// The relations of a contract's metrics and checks.
fn names(loaded: &Loaded, contract: &Contract) -> Vec<ReadRelation> {
    let columns = contract.metrics.values().filter_map(|metric| metric.column.as_ref()).filter_map(|column| column.rsplit_once('.'));
    let models = contract.metrics.values().filter_map(|metric| metric.model.as_ref()).map(|model| model.value.clone());
    let own = contract.checks.iter().filter(|check| check.kind().common().connection.is_none());
    let checked = own.flat_map(|check| check.kind().relations()).map(|name| name.value);
    let all = columns.map(|(model, _)| model.to_owned()).chain(models).chain(checked);
    all.filter_map(|name| loaded.project.find(&name).and_then(reads::of_node)).collect()
}

/// What would break the context of a decision: the check would run, and hold.
fn stale(report: &mut Report, loaded: &Loaded, plan: &Plan) {
    let stale = loaded.stale_models(plan);
    if !stale.is_empty() {
        let message = format!("{}: the manifest is older than the SQL of {}, so its metrics are held", plan.contract, stale.join(", "));
        report.stop(Finding::error(codes::STALE_ARTIFACT, message).help("run `dbt build` (or `dbt compile`)"), 3);
    }
    match loaded.unbuilt(plan) {
        Ok(unbuilt) if unbuilt.is_empty() => {}
        Ok(unbuilt) => {
            let message = format!("{}: dbt's last run did not build {}, so its metrics are held", plan.contract, unbuilt.join(", "));
            report.stop(Finding::error(codes::STALE_ARTIFACT, message).help("mend what failed, and run `dbt build`"), 3);
        }
        Err(why) => {
            let finding = Finding::error(codes::UNREADABLE_ARTIFACT, format!("what dbt last built is not known: {why}"));
            report.stop(finding.help("run dbt again, or remove run_results.json"), 3);
        }
    }
}

/// Only what says when an artifact was made, and by what.
#[derive(Deserialize)]
struct Header {
    metadata: Metadata,
}

fn artifacts(report: &mut Report, loaded: &Loaded) {
    let project = &loaded.project;
    let now = Timestamp::now();
    report.fact("project", format!("{} (dbt {}, adapter {})", project.name, project.dbt_version, project.adapter));
    let made = project.generated_at;
    report.fact("manifest", format!("{}, schema version {}", spoken_age(made, now), project.schema_version));
    if made.is_some_and(|made| made.duration_since(now) > SignedDuration::from_mins(1)) {
        let finding = Finding::warning(codes::STALE_ARTIFACT, "the manifest is dated in the future").in_file(&loaded.workspace.manifest);
        report.warn(finding.help("set the clock of the machine that ran dbt"));
    }
    for (name, label, mend) in [
        ("run_results.json", "run results", "run `dbt build`"),
        ("catalog.json", "catalog", "run `dbt docs generate`, or remove it: types and columns are taken from it"),
    ] {
        let Some(found) = report.take(loaded.workspace.artifact(name).map_err(Into::into)) else { continue };
        let Some((path, bytes)) = found else {
            report.fact(label, "none");
            continue;
        };
        let Ok(header) = serde_json::from_slice::<Header>(&bytes) else { continue };
        let (then, by) = (header.metadata.generated_at(), header.metadata.dbt_version.unwrap_or_default());
        report.fact(label, format!("{}, dbt {by}", spoken_age(then, now)));
        if by != project.dbt_version {
            let message = format!("{name} is of dbt {by}, the manifest of dbt {}", project.dbt_version);
            report.warn(Finding::warning(codes::STALE_ARTIFACT, message).in_file(&path).help(mend));
        }
        if label == "catalog" && then.zip(made).is_some_and(|(then, made)| made.duration_since(then) > SignedDuration::from_hours(24)) {
            let message = "the catalog is more than a day older than the manifest: columns that were added since are not in it";
            report.warn(Finding::warning(codes::STALE_ARTIFACT, message).in_file(&path).help(mend));
        }
    }
    for note in &project.notes {
        report.warn(Finding { level: crate::diagnostic::Level::Note, ..Finding::warning(codes::STALE_ARTIFACT, note.clone()) });
    }
}

fn spoken_age(made: Option<Timestamp>, now: Timestamp) -> String {
    let Some(made) = made else { return "of unknown age".to_owned() };
    let age = now.duration_since(made);
    let (count, unit) = match age.as_secs() {
        ..0 => return format!("of {made}"),
        seconds @ 0..3600 => (seconds / 60, "min"),
        seconds @ 3600..172_800 => (seconds / 3600, "h"),
        seconds => (seconds / 86_400, "days"),
    };
    format!("{count} {unit} old")
}
