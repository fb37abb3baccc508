//! What differs between two versions of a contract and moves no verdict.

use super::{Change, Kind};
use crate::check::common::Common;
use crate::contract::{Contract, check_name};

/// What changed in a contract and moves no verdict.
pub(super) fn of_contract(old: &Contract, new: &Contract) -> Vec<Change> {
    let mut found: Vec<&str> = Vec::new();
    let mut differs = |what: &'static str, differs: bool| found.extend(differs.then_some(what));
    differs("title or promise", old.title != new.title || old.promise != new.promise);
    differs("owners", old.owners != new.owners);
    differs("exposure", old.exposure != new.exposure);
    differs("tier", old.tier != new.tier);
    differs("recovery", old.recovery != new.recovery);
    differs("escalation", old.escalation != new.escalation);
    differs("publish", old.publish != new.publish);
    let counted = |contract: &Contract| {
        contract
            .schedule
            .as_ref()
            .map(|schedule| (schedule.interval.clone(), schedule.starts.clone(), schedule.timezone.clone(), schedule.calendar.clone()))
    };
    differs("what a run covers", counted(old) != counted(new));
    let said = |contract: &Contract| {
        let words = contract.checks.iter().map(|check| {
            let Common { title, unit, recover, samples, .. } = check.kind().common();
            (check_name(check), (title, unit, recover, samples))
        });
        words.collect::<std::collections::BTreeMap<_, _>>()
    };
    let (before, after) = (said(old), said(new));
    let otherwise = before.iter().any(|(name, words)| after.get(name).is_some_and(|still| still != words));
    differs("titles, units, remedies or samples of checks", otherwise);
    if found.is_empty() { Vec::new() } else { vec![Change { kind: Kind::Neutral, what: format!("changed: {}", found.join(", ")) }] }
}

/// What is said where contracts differ and nothing else was found to say: no difference is passed over.
pub(super) fn unexplained(old: &Contract, new: &Contract) -> Option<Change> {
    let alike = Contract { origin: old.origin.clone(), ..new.clone() } == *old;
    let sections = [
        ("sources", old.sources != new.sources),
        ("metrics", old.metrics != new.metrics || old.metrics.keys().ne(new.metrics.keys())),
        ("checks", old.checks != new.checks),
        ("caveats", old.caveats != new.caveats),
        ("waivers", old.waivers != new.waivers),
        ("schedule", old.schedule != new.schedule),
    ];
    let found: Vec<&str> = sections.into_iter().filter(|(_, differs)| *differs).map(|(section, _)| section).collect();
    let of = if found.is_empty() { "the contract".to_owned() } else { found.join(", ") };
    (!alike).then(|| Change { kind: Kind::Neutral, what: format!("changed without effect on a verdict: {of}") })
}
