//! From what was typed to plans: one for each contract, or one for an exposure without a contract.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::arguments::{Place, Reach, Which};
use super::load::{self, Loaded};
use super::{Stopped, connect, draw};
use crate::calendar::{self, Interval, IntervalUnit, Weekday};
use crate::check::Spec;
use crate::check::dbt_tests::Results;
use crate::check::outcome::Fault;
use crate::contract::{Contract, Schedule};
use crate::dbt;
use crate::diagnostic::{Finding, codes, nearest};
use crate::history::History;
use crate::macros::Macros;
use crate::plan::{self, Plan};
use crate::project::TextFile;
use crate::publish;
use crate::warehouse;

/// A plan and where it came from.
pub(super) struct Prepared {
    pub(super) plan: Plan,
    /// The contract and its file; `None` for an exposure without a contract.
    pub(super) contract: Option<Contract>,
    pub(super) file: Option<PathBuf>,
}

/// Loads the project and makes the plans that were asked for, in order.
pub(super) fn plans(
    place: &Place,
    which: &Which,
    reach: &Reach,
    now: Timestamp,
    look: &draw::Look,
) -> Result<(Loaded, Vec<Prepared>), Stopped> {
    let mut loaded = Loaded::new(place, look)?;
    let macros = load::macros(&loaded)?;
    let prepared = plans_of(&mut loaded, which, reach, &macros, now, look)?;
    Ok((loaded, prepared))
}

/// The plans that were asked for, of a project that is loaded.
pub(super) fn plans_of(
    loaded: &mut Loaded,
    which: &Which,
    reach: &Reach,
    macros: &Macros,
    now: Timestamp,
    look: &draw::Look,
) -> Result<Vec<Prepared>, Stopped> {
    let selection = selection(loaded, which)?;
    if let Some(name) = &which.exposure {
        let exposure = loaded.project.exposure(name).ok_or_else(|| {
            let names: Vec<&str> = loaded.project.exposures.values().map(|exposure| exposure.name.as_str()).collect();
            let help = nearest(name, names.iter().copied())
                .map_or_else(|| format!("the project has: {}", names.join(", ")), |name| format!("did you mean `{name}`?"));
            Stopped::usage(Finding::error(codes::UNKNOWN_EXPOSURE, format!("there is no exposure `{name}`")).help(help))
        })?;
        let options = plan::Options { interval: None, selection, macros, given: plan::Given::default() };
        let plan = plan::for_exposure(&loaded.project, exposure, &loaded.lineage, &options).map_err(usage)?;
        return Ok(vec![Prepared { plan, contract: None, file: None }]);
    }
    let contracts = load::sound_contracts(loaded, &which.contracts, look)?;
    let mut prepared = Vec::new();
    for (contract, file) in contracts {
        let interval = of_schedule(&contract, now)?;
        let given = given(loaded, &contract, reach, now, interval.as_ref())?;
        let plan = one(loaded, &contract, macros, selection.clone(), given, interval).map_err(|stopped| Stopped {
            findings: stopped.findings.into_iter().map(|finding| placed(finding, &file.path)).collect(),
            ..stopped
        })?;
        prepared.push(Prepared { plan, contract: Some(contract), file: Some(file.path) });
    }
    Ok(prepared)
}

/// The plan of one contract.
pub(super) fn one(
    loaded: &Loaded,
    contract: &Contract,
    macros: &Macros,
    selection: Option<BTreeSet<String>>,
    given: plan::Given,
    interval: Option<Interval>,
) -> Result<Plan, Stopped> {
    let options = plan::Options { interval, selection, macros, given };
    plan::build(contract, &loaded.project, &loaded.lineage, &options).map_err(usage)
}

/// What the contract refers to: the days of its calendar, and what earlier runs measured.
pub(super) fn given(
    loaded: &mut Loaded,
    contract: &Contract,
    reach: &Reach,
    now: Timestamp,
    interval: Option<&Interval>,
) -> Result<plan::Given, Stopped> {
    let past = past(loaded, contract, now, interval);
    let results = results(loaded, contract);
    let (connections, near) = connections(loaded, contract, reach)?;
    let kept = kept(loaded, contract, now)?;
    let closed = closed(loaded, contract)?.map(|(closed, file)| {
        loaded.inputs.push((file.path, blake3::hash(file.text.as_bytes())));
        closed
    });
    Ok(plan::Given { closed, past, results, connections, near, unbuilt: Vec::new(), kept })
}

/// The days of the contract's calendar and its file, where it names one.
pub(super) fn closed(loaded: &Loaded, contract: &Contract) -> Result<Option<(calendar::Closed, TextFile)>, Stopped> {
    let Some(path) = contract.schedule.as_ref().and_then(|schedule| schedule.calendar.as_ref()) else { return Ok(None) };
    let file = loaded.workspace.named(std::path::Path::new(path.as_str())).map_err(Stopped::from)?;
    let read = crate::yaml::read::<calendar::Closures>(&file.text, &file.path);
    match read.value {
        Some(closures) if read.findings.is_empty() => Ok(Some((closures.into(), file))),
        _ => Err(usage(read.findings)),
    }
}

/// By name; why one cannot be used.
type Connections = BTreeMap<String, Result<plan::Connection, Fault>>;

/// The further connections that the contract's checks name, and whether the project's own warehouse is on this machine. A connection that cannot be
/// used is the fault of the checks that need it.
fn connections(loaded: &Loaded, contract: &Contract, reach: &Reach) -> Result<(Connections, bool), Stopped> {
    let places = contract.checks.iter().flat_map(|check| {
        let kind = check.kind();
        kind.places().into_iter().map(|place| place.connection).chain([kind.common().connection])
    });
    let names: BTreeSet<String> = places.flatten().map(|name| name.value).collect();
    let mut found = BTreeMap::new();
    for name in names {
        let connection = match connect::further(&loaded.workspace, reach, &name) {
            Ok(profile) => {
                let macros = Arc::new(load::macros_for(loaded, &profile.kind)?);
                Ok(plan::Connection { macros, near: warehouse::is_near(&profile.kind, profile.fields()) })
            }
            Err(fault) => Err(fault),
        };
        found.insert(name, connection);
    }
    let compared = contract.checks.iter().any(|check| matches!(check.value, Spec::reconcile_rows(_)));
    let own = || connect::profile(&loaded.workspace, reach).ok();
    let near = compared && own().is_some_and(|profile| warehouse::is_near(&profile.kind, profile.fields()));
    Ok((found, near))
}

/// What dbt's last invocation did, where the contract reads it. Results that cannot be read are a fault of the checks that need them.
fn results(loaded: &mut Loaded, contract: &Contract) -> Option<Result<dbt::run_results::RunResults, String>> {
    let reads = |check: &Spec| match check {
        Spec::dbt_tests(tests) => tests.from.as_ref().is_some_and(|from| from.value == Results::Results),
        _ => false,
    };
    if !contract.checks.iter().any(|check| reads(check)) {
        return None;
    }
    let artifact = match &loaded.built_in {
        Some(folder) => loaded.workspace.artifact_in(folder, "run_results.json"),
        None => loaded.workspace.artifact("run_results.json"),
    };
    match artifact {
        Ok(None) => None,
        Ok(Some((path, bytes))) => {
            loaded.inputs.push((path.clone(), blake3::hash(&bytes)));
            Some(dbt::run_results::read(&bytes, &path).map_err(|fault| fault.finding.message))
        }
        Err(unreadable) => Some(Err(unreadable.finding.message)),
    }
}

/// What earlier runs of the contract measured. A history that cannot be read is a fault of the checks that need it, and of no others.
fn past(loaded: &Loaded, contract: &Contract, now: Timestamp, interval: Option<&Interval>) -> plan::Past {
    let needed = contract.checks.iter().any(|check| matches!(check.value, Spec::row_count(_) | Spec::aggregate(_) | Spec::change(_)));
    if !needed {
        return plan::Past::default();
    }
    let before = interval.map_or(now, |interval| interval.start.timestamp());
    let found = |history: History| history.verify().and_then(|_| history.earlier(&contract.contract, before, now));
    let read = History::read(&loaded.workspace.history()).and_then(|history| history.map_or_else(|| Ok(BTreeMap::new()), found));
    let number = |value: crate::history::Value| value.value.parse().ok().map(|number| (value.start, number));
    match read {
        Ok(found) => {
            let values = found.into_iter().map(|(check, values)| (check, values.into_iter().filter_map(number).collect()));
            plan::Past { values: values.collect(), unreadable: None }
        }
        Err(unreadable) => plan::Past { values: BTreeMap::new(), unreadable: Some(unreadable) },
    }
}

/// What a run of the contract covers now; nothing, when it has no schedule.
pub(super) fn of_schedule(contract: &Contract, now: Timestamp) -> Result<Option<Interval>, Stopped> {
    contract.schedule.as_ref().map(|schedule| interval(schedule, now)).transpose()
}

/// The metrics of which the snapshot keeps a certified value. What cannot be read is not known to be kept.
fn kept(loaded: &Loaded, contract: &Contract, now: Timestamp) -> Result<BTreeMap<String, plan::Kept>, Stopped> {
    let Some(snapshot) = contract.publish.as_ref().and_then(|publish| publish.snapshot.as_ref()) else { return Ok(BTreeMap::new()) };
    let interval = contract.schedule.as_ref().map(|schedule| interval(schedule, now)).transpose()?;
    let start = interval.map(|interval| interval.start.timestamp());
    let history = History::read(&loaded.workspace.history()).ok().flatten();
    let found = history.and_then(|history| publish::kept(&history, &contract.contract, &snapshot.relation, start, now).ok());
    Ok(found.unwrap_or_default())
}

/// The newest interval of the schedule that has ended.
pub(super) fn interval(schedule: &Schedule, now: Timestamp) -> Result<Interval, Stopped> {
    let (unit, starts, zone) = clock(schedule)?;
    calendar::latest_interval(unit, starts, &zone, now).map_err(|message| Stopped::usage(Finding::error(codes::BAD_INTERVAL, message)))
}

/// How a schedule counts: the unit, the first day of a week, the zone.
pub(super) fn clock(schedule: &Schedule) -> Result<(IntervalUnit, Weekday, TimeZone), Stopped> {
    let name = schedule.timezone.as_ref().map_or("UTC", |zone| zone.value.as_str());
    let zone = TimeZone::get(name).map_err(|_| {
        Stopped::usage(Finding::error(codes::BAD_ZONE, format!("`{name}` is not a time zone")).help("write an IANA name: Europe/London"))
    })?;
    let starts = schedule.starts.as_ref().map_or(Weekday::Monday, |starts| starts.value);
    Ok((schedule.interval.value, starts, zone))
}

fn usage(findings: Vec<Finding>) -> Stopped {
    Stopped { findings, exit_code: 2 }
}

pub(super) fn placed(finding: Finding, file: &std::path::Path) -> Finding {
    Finding { file: finding.file.or_else(|| Some(file.into())), ..finding }
}

fn selection(loaded: &Loaded, which: &Which) -> Result<Option<BTreeSet<String>>, Stopped> {
    if which.select.is_empty() && which.exclude.is_empty() {
        return Ok(None);
    }
    dbt::select::select(&loaded.project, &which.select, &which.exclude).map(Some).map_err(Stopped::usage)
}
