//! Contract, settings and what dbt says -> whom to tell, and whether a report is overdue. Artifacts of dbt only fill what the contract leaves open, so that a
//! broken dbt keeps nobody from being told.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::super::{Stopped, prepare};
use crate::calendar::{self, Closed};
use crate::contract::{self, Contract};
use crate::diagnostic::{At, Finding, codes};
use crate::history::History;
use crate::plan;
use crate::project::Workspace;
use crate::record::{Document, IntervalRecord, OwnerRecord, OwnersRecord};
use crate::tell::{Known, Occasion, Overdue, Routes, Setup, Step, Tier};

/// What the contract and the settings say of telling.
pub(in crate::cli) fn setup(workspace: &Workspace, contract: &Contract) -> Result<Setup, Stopped> {
    let owners = owners(contract);
    let open = contract.escalation.is_empty() || owners.technical.is_none();
    let (exposure, relations) = if open { known(workspace, contract) } else { (Known::default(), BTreeMap::new()) };
    let steps =
        if contract.escalation.is_empty() { Setup::default_steps(&exposure) } else { contract.escalation.iter().map(step).collect() };
    let zone = contract.schedule.as_ref().and_then(|schedule| schedule.timezone.as_ref());
    Ok(Setup {
        contract: contract.contract.value.clone(),
        report: contract.title.as_ref().unwrap_or(&contract.contract).value.clone(),
        tier: match contract.tier.as_ref().map(|tier| tier.value) {
            Some(contract::Tier::Critical) => Tier::Critical,
            Some(contract::Tier::Standard) | None => Tier::Standard,
            Some(contract::Tier::Experiment) => Tier::Experiment,
        },
        owners,
        steps,
        recovery: contract.recovery.as_ref().map(|recovery| recovery.trim().to_owned()),
        closed: closed(workspace, contract)?,
        zone: zone.and_then(|zone| jiff::tz::TimeZone::get(zone).ok()).unwrap_or(jiff::tz::TimeZone::UTC),
        routes: Routes { named: workspace.settings.routes.clone(), mail: workspace.settings.mail.clone() },
        exposure,
        relations,
    })
}

/// Who answers for the report, as the contract says.
pub(in crate::cli) fn owners(contract: &Contract) -> OwnersRecord {
    OwnersRecord {
        business: contract.owners.as_ref().and_then(|owners| owners.business.as_ref()).map(owner),
        technical: contract.owners.as_ref().and_then(|owners| owners.technical.as_ref()).map(owner),
    }
}

/// The newest interval that was due and that nobody decided. Of a contract that was never decided about, intervals before the newest are no news.
pub(in crate::cli) fn overdue(
    workspace: &Workspace,
    contract: &Contract,
    document: Option<&Document>,
    history: Option<&History>,
    now: Timestamp,
) -> Result<Option<Overdue>, Stopped> {
    let Some(schedule) = contract.schedule.as_ref().filter(|schedule| schedule.ready_by.is_some()) else { return Ok(None) };
    let closed = closed(workspace, contract)?;
    let decided = document.and_then(|document| document.interval.as_ref()).and_then(|known| known.end.parse::<jiff::Zoned>().ok());
    let mut interval = prepare::interval(schedule, now)?;
    for _ in 0..2 {
        let due = plan::ready_by(schedule, &interval, Some(&closed)).map_err(Stopped::usage)?;
        if let Some(ready_by) = due.filter(|due| *due < now) {
            let later = decided.as_ref().is_some_and(|end| end.timestamp() >= interval.end.timestamp());
            let known = history.map(|history| history.newest(&contract.contract, Some(interval.start.timestamp()))).transpose();
            let known = known.map_err(|why| Stopped::unreadable(Finding::error(codes::UNTOLD, why)))?.flatten();
            let overdue = Overdue { interval: IntervalRecord::of(&interval), ready_by };
            return Ok((!later && known.is_none()).then_some(overdue));
        }
        // The newest is not due yet; the one before may be.
        let before = interval.start.timestamp();
        if document.is_none() {
            return Ok(None);
        }
        interval = prepare::interval(schedule, before)?;
    }
    Ok(None)
}

pub(in crate::cli) fn closed(workspace: &Workspace, contract: &Contract) -> Result<Closed, Stopped> {
    let Some(path) = contract.schedule.as_ref().and_then(|schedule| schedule.calendar.as_ref()) else { return Ok(Closed::default()) };
    let file = workspace.named(std::path::Path::new(path.as_str())).map_err(Stopped::from)?;
    let read = crate::yaml::read::<calendar::Closures>(&file.text, &file.path);
    match read.value {
        Some(closures) if read.findings.is_empty() => Ok(closures.into()),
        _ => Err(Stopped { findings: read.findings, exit_code: 2 }),
    }
}

fn step(step: &contract::Escalation) -> Step {
    Step {
        on: match step.on.value {
            contract::Occasion::Publish => Occasion::Publish,
            contract::Occasion::Warn => Occasion::Warn,
            contract::Occasion::Hold => Occasion::Hold,
            contract::Occasion::Late => Occasion::Late,
            contract::Occasion::Recovered => Occasion::Recovered,
        },
        after: step.after.as_ref().map_or(0, |after| after.seconds),
        to: step.to.iter().map(|route| route.value.clone()).collect(),
    }
}

fn owner(owner: &contract::Owner) -> OwnerRecord {
    OwnerRecord { team: owner.team.value.clone(), contact: owner.contact.as_ref().map(|At { value, .. }| value.clone()) }
}

/// What dbt's `meta` and owners say of the exposure and of relations. An artifact that is missing or broken says nothing.
fn known(workspace: &Workspace, contract: &Contract) -> (Known, BTreeMap<String, Known>) {
    let Ok(bytes) = workspace.manifest_bytes() else { return Default::default() };
    let Ok(project) = crate::dbt::manifest::read(&bytes, &workspace.manifest) else { return Default::default() };
    let exposure = contract.exposure.as_ref().and_then(|name| project.exposure(name)).map(|exposure| {
        let mut known = of_meta(&exposure.meta);
        if let Some(team) = exposure.owner_name.clone().or_else(|| exposure.owner_email.clone()) {
            known.owner = Some(OwnerRecord { team, contact: exposure.owner_email.clone() });
        }
        known
    });
    let named = project.nodes.values().map(|node| (node.spoken_name(), of_meta(&node.meta)));
    (exposure.unwrap_or_default(), named.filter(|(_, known)| *known != Known::default()).collect())
}

/// `owner` and `channel` (or `slack`, `slack_channel`), at the top or under `alerts_config` and `elementary`.
fn of_meta(meta: &Map<String, Value>) -> Known {
    let nested = ["alerts_config", "elementary"].iter().filter_map(|key| meta.get(*key)?.as_object());
    let all: Vec<&Map<String, Value>> = std::iter::once(meta).chain(nested).collect();
    let first = |keys: &[&str]| keys.iter().find_map(|key| all.iter().find_map(|map| map.get(*key)));
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Array(items) => items.first().and_then(|item| item.as_str().map(str::to_owned)),
        _ => None,
    };
    let person = |value: &Value| match value {
        Value::Object(map) => {
            let of = |key: &str| map.get(key).and_then(text);
            let contact = of("email").or_else(|| of("contact"));
            of("name").or_else(|| of("team")).or_else(|| contact.clone()).map(|team| OwnerRecord { team, contact })
        }
        other => text(other).map(|name| {
            let address = name.contains('@') && !name.starts_with('@');
            OwnerRecord { team: name.trim_start_matches('@').to_owned(), contact: address.then(|| name.clone()) }
        }),
    };
    Known {
        owner: first(&["owner", "owners"]).and_then(person),
        channel: first(&["channel", "slack_channel", "slack"]).and_then(text).map(|channel| channel.trim_start_matches('#').to_owned()),
    }
}
