//! What a change does to one contract, metric by metric, with the reasons.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::order::{self, Guard, Piece};
use super::outcomes::{Pairs, pairs};
use super::same::{Measures, measures};
use super::words;
use super::{Version, deadline, rest};
use crate::lineage::Certainty;
use crate::plan::{Asked, GuardedMetric, GuardingCheck};

/// What sort of change it is; the worst for the reader first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Some outcome of the checks now gives a lower verdict.
    Loosened,
    /// Something that the promise stood on is gone: a metric, a column, a source, the reach of a check.
    Broken,
    /// Some outcome of the checks now gives a higher verdict.
    Tightened,
    /// No verdict changes.
    Neutral,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it does.
    pub kind: Kind,
    /// One sentence, without a full stop.
    pub what: String,
}

/// A team and how to reach it.
pub type Person = (String, Option<String>);

/// What a change does to one metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricChange {
    /// Key in the contract.
    pub id: String,
    /// What readers call it.
    pub title: String,
    /// Who answers for it.
    pub owner: Option<Person>,
    /// Whether some outcome now gives a lower verdict.
    pub loosened: bool,
    /// Whether some outcome now gives a higher verdict.
    pub tightened: bool,
    /// Whether something that it stood on is gone.
    pub broken: bool,
    /// Why, worst first; empty when nothing concerns it.
    pub changes: Vec<Change>,
}

/// What a change does to one contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractChange {
    /// Identifier.
    pub contract: String,
    /// What readers call the report.
    pub report: String,
    /// Who reads it and who mends it.
    pub owners: Vec<Person>,
    /// In the order of the new version, then what is gone.
    pub metrics: Vec<MetricChange>,
    /// What concerns the contract and no verdict.
    pub changes: Vec<Change>,
}

/// A check of both versions, or of one.
struct Matched<'a> {
    base: Option<(&'a GuardingCheck, &'a Asked)>,
    head: Option<(&'a GuardingCheck, &'a Asked)>,
    pairs: Pairs,
}

pub(super) fn compare(base: &Version<'_>, head: &Version<'_>, now: Timestamp) -> ContractChange {
    let matched = matched(base, head);
    let mut metrics = Vec::new();
    for metric in &head.plan.expected.metrics {
        let before = base.plan.expected.metrics.iter().find(|before| before.id == metric.id);
        metrics.push(match before {
            Some(before) => one_metric(base, head, before, metric, &matched, now),
            None => new_metric(head, metric),
        });
    }
    let gone = base.plan.expected.metrics.iter().filter(|metric| head.plan.expected.metrics.iter().all(|still| still.id != metric.id));
    metrics.extend(gone.map(|metric| gone_metric(base, metric)));
    let mut changes = rest::of_contract(base.contract, head.contract);
    if changes.is_empty() && metrics.iter().all(|metric| metric.changes.is_empty()) {
        changes.extend(rest::unexplained(base.contract, head.contract));
    }
    ContractChange { changes, metrics, ..contract(head) }
}

pub(super) fn alone(version: &Version<'_>, removed: bool) -> ContractChange {
    let what = if removed { "the contract was removed" } else { "the contract is new" };
    let metric = |metric| if removed { gone_metric(version, metric) } else { new_metric(version, metric) };
    ContractChange {
        metrics: version.plan.expected.metrics.iter().map(metric).collect(),
        changes: vec![Change { kind: if removed { Kind::Broken } else { Kind::Neutral }, what: what.to_owned() }],
        ..contract(version)
    }
}

pub(super) fn decidable(head: &Version<'_>) -> ContractChange {
    let metric = |metric: &GuardedMetric| {
        let what = "the contract could not be decided before, so the metric was held";
        MetricChange { loosened: true, ..told(head, metric, Kind::Loosened, what) }
    };
    ContractChange { metrics: head.plan.expected.metrics.iter().map(metric).collect(), ..contract(head) }
}

fn contract(version: &Version<'_>) -> ContractChange {
    ContractChange {
        contract: version.plan.contract.clone(),
        report: version.plan.report.clone(),
        owners: [&version.plan.business_owner, &version.plan.technical_owner].into_iter().flatten().cloned().collect(),
        metrics: Vec::new(),
        changes: Vec::new(),
    }
}

fn owner(version: &Version<'_>, metric: &GuardedMetric) -> Option<Person> {
    metric.owner.clone().or_else(|| version.plan.technical_owner.clone()).or_else(|| version.plan.business_owner.clone())
}

fn told(version: &Version<'_>, metric: &GuardedMetric, kind: Kind, what: &str) -> MetricChange {
    MetricChange {
        id: metric.id.clone(),
        title: metric.title.clone(),
        owner: owner(version, metric),
        loosened: false,
        tightened: false,
        broken: kind == Kind::Broken,
        changes: vec![Change { kind, what: what.to_owned() }],
    }
}

fn new_metric(head: &Version<'_>, metric: &GuardedMetric) -> MetricChange {
    told(head, metric, Kind::Neutral, "the metric is new")
}

fn gone_metric(base: &Version<'_>, metric: &GuardedMetric) -> MetricChange {
    told(base, metric, Kind::Broken, "the metric was removed")
}

/// A check as one version has it.
type Side<'a> = Option<(&'a GuardingCheck, &'a Asked)>;

/// Checks by name; then those that were renamed and still measure the same.
fn matched<'a>(base: &Version<'a>, head: &Version<'a>) -> Vec<Matched<'a>> {
    fn all<'a>(version: &Version<'a>) -> Vec<(&'a GuardingCheck, &'a Asked)> {
        version.plan.expected.checks.iter().filter_map(|check| Some((check, version.plan.asks.get(&check.id)?))).collect()
    }
    let (old, mut new) = (all(base), all(head));
    let mut matched: Vec<(Side<'_>, Side<'_>)> = Vec::new();
    let mut left = Vec::new();
    for before in old {
        match new.iter().position(|after| after.0.id == before.0.id) {
            Some(at) => matched.push((Some(before), Some(new.remove(at)))),
            None => left.push(before),
        }
    }
    for before in left {
        let same = |after: &(&GuardingCheck, &Asked)| match (before.1, after.1) {
            (Asked::Measured { spec: was, .. }, Asked::Measured { spec: is, .. }) => measures(base, was, head, is) == Measures::Same,
            _ => false,
        };
        let at = new.iter().position(same);
        matched.push((Some(before), at.map(|at| new.remove(at))));
    }
    matched.extend(new.into_iter().map(|after| (None, Some(after))));
    let with_pairs = |(before, after): (Side<'a>, Side<'a>)| Matched {
        base: before,
        head: after,
        pairs: pairs(before.map(|(_, asked)| (base, asked)), after.map(|(_, asked)| (head, asked))),
    };
    matched.into_iter().map(with_pairs).collect()
}

/// Whether old and new decision can be late on the same occasion: (old, new).
fn lateness(base: &Version<'_>, head: &Version<'_>, now: Timestamp) -> Vec<(bool, bool)> {
    let mut all = vec![(false, false)];
    match (base.plan.expected.ready_by, head.plan.expected.ready_by) {
        (None, None) => {}
        (Some(_), None) => all.push((true, false)),
        (None, Some(_)) => all.push((false, true)),
        (Some(_), Some(_)) => {
            let moved = deadline::moved(base, head, now);
            all.push((true, true));
            all.extend(moved.later.then_some((true, false)));
            all.extend(moved.earlier.then_some((false, true)));
        }
    }
    all
}

/// The moments at which what is in force can differ: now, and every later end of a waiver or caveat.
fn moments(base: &Version<'_>, head: &Version<'_>, now: Timestamp) -> BTreeSet<Timestamp> {
    let ends = [base, head].into_iter().flat_map(|version| {
        let expected = &version.plan.expected;
        expected.waivers.iter().map(|waiver| waiver.ends).chain(expected.caveats.iter().filter_map(|caveat| caveat.ends))
    });
    ends.filter(|ends| *ends > now).chain([now]).collect()
}

fn one_metric(
    base: &Version<'_>,
    head: &Version<'_>,
    before: &GuardedMetric,
    after: &GuardedMetric,
    matched: &[Matched<'_>],
    now: Timestamp,
) -> MetricChange {
    let id = after.id.as_str();
    let reaches = |check: Option<(&GuardingCheck, &Asked)>| check.is_some_and(|(check, _)| check.reach.contains_key(id));
    let guards: Vec<&Matched<'_>> = matched.iter().filter(|check| reaches(check.base) || reaches(check.head)).collect();
    let (mut lower, mut higher) = (false, false);
    let mut by_check: Vec<(bool, bool)> = vec![(false, false); guards.len()];
    let occasions = lateness(base, head, now);
    for at in moments(base, head, now) {
        let pieces: Vec<Piece> = guards.iter().map(|check| piece(base, head, check, id, at)).collect();
        for (seen, piece) in by_check.iter_mut().zip(&pieces) {
            seen.0 |= piece.pairs.iter().any(|(old, new)| new.asks < old.asks);
            seen.1 |= piece.pairs.iter().any(|(old, new)| new.asks > old.asks);
        }
        let swapped = order::swapped(&pieces);
        for &(late_before, late_after) in &occasions {
            let old = order::constant(&base.plan.expected, before, at, late_before);
            let new = order::constant(&head.plan.expected, after, at, late_after);
            lower |= order::lower(&pieces, old, new);
            higher |= order::lower(&swapped, new, old);
        }
    }
    let mut changes = words::beside_checks(base, head, before, after, now);
    let of_checks = guards.iter().zip(by_check).filter_map(|(check, (lowers, raises))| of_check(base, head, check, id, lowers, raises));
    let both = grouped(of_checks.collect(), &mut changes);
    settle(&mut changes, lower, higher, both);
    MetricChange {
        id: id.to_owned(),
        title: after.title.clone(),
        owner: owner(head, after),
        loosened: lower,
        tightened: higher,
        broken: changes.iter().any(|change| change.kind == Kind::Broken),
        changes,
    }
}

fn piece(base: &Version<'_>, head: &Version<'_>, check: &Matched<'_>, metric: &str, at: Timestamp) -> Piece {
    fn guard<'g>(version: &'g Version<'_>, metric: &'g str, check: Option<(&'g GuardingCheck, &'g Asked)>) -> Option<Guard<'g>> {
        check.map(|(check, _)| Guard { check, metric, waivers: &version.plan.expected.waivers })
    }
    order::piece(&check.pairs, guard(base, metric, check.base), guard(head, metric, check.head), at)
}

/// What became of one check.
struct OfCheck {
    kind: Kind,
    title: String,
    what: String,
    /// Whether it may be looser as well as stricter.
    both: bool,
}

/// Checks that are named one by one; more of which the same is said are counted.
const NAMED: usize = 3;

/// Adds what is said of checks, the same said of many once; whether some may be looser as well as stricter.
fn grouped(of_checks: Vec<OfCheck>, changes: &mut Vec<Change>) -> bool {
    let both = of_checks.iter().any(|one| one.both);
    let mut groups: Vec<(Kind, String, Vec<String>)> = Vec::new();
    for one in of_checks {
        match groups.iter_mut().find(|(kind, what, _)| *kind == one.kind && *what == one.what) {
            Some((.., titles)) => titles.push(one.title),
            None => groups.push((one.kind, one.what, vec![one.title])),
        }
    }
    for (kind, what, titles) in groups {
        if titles.len() > NAMED + 1 {
            let named = titles.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            changes.push(Change { kind, what: format!("{named} and {} more: each {what}", titles.len() - NAMED) });
        } else {
            changes.extend(titles.into_iter().map(|title| Change { kind, what: format!("{title} {what}") }));
        }
    }
    both
}

/// What became of one check, as far as this metric is concerned.
fn of_check(base: &Version<'_>, head: &Version<'_>, check: &Matched<'_>, metric: &str, lowers: bool, raises: bool) -> Option<OfCheck> {
    let reach = |side: Option<(&GuardingCheck, &Asked)>| side.and_then(|(check, _)| check.reach.get(metric).map(|reach| reach.certainty));
    let title = check.head.or(check.base).map(|(check, _)| words::check(check))?;
    let change = |kind, what: String| Some(OfCheck { kind, title: title.clone(), what, both: lowers && raises });
    let narrowed = |side: Option<(&GuardingCheck, &Asked)>| {
        side.and_then(|(check, _)| check.narrowed.as_ref()).is_some_and(|(_, taken)| taken.contains(metric))
    };
    match (reach(check.base), reach(check.head)) {
        (None, None) => None,
        (Some(_), None) => match check.head {
            None if check.base.is_some_and(|(check, _)| words::still_a_test(head, check)) => {
                if words::tests_asked(base.contract) == words::tests_asked(head.contract) {
                    change(Kind::Broken, "is a test of dbt that no longer reaches it".to_owned())
                } else {
                    change(Kind::Loosened, "is a test of dbt that the contract no longer asks".to_owned())
                }
            }
            None => change(Kind::Loosened, "was removed".to_owned()),
            Some(_) if narrowed(check.head) => change(Kind::Loosened, "is kept from it by `affects_only`".to_owned()),
            Some(_) if words::said_to_affect(base.contract, check.base.map(|(check, _)| check.id.as_str()), metric) => {
                change(Kind::Loosened, "is no longer said to affect it".to_owned())
            }
            Some(_) => change(Kind::Broken, "no longer reaches it: the SQL between, or what the check is about, is another".to_owned()),
        },
        (None, Some(_)) => match check.base {
            None => change(Kind::Tightened, "is new".to_owned()),
            Some(_) if narrowed(check.base) => change(Kind::Tightened, "is no longer kept from it by `affects_only`".to_owned()),
            Some(_) => change(Kind::Tightened, "now reaches it".to_owned()),
        },
        (Some(Certainty::Known), Some(Certainty::Assumed)) => {
            change(Kind::Broken, "reaches it only where lineage is assumed, so it is no evidence any more".to_owned())
        }
        (Some(_), Some(_)) => {
            let what = words::difference(base, check.base, head, check.head);
            match (lowers, raises) {
                (true, true) => change(Kind::Loosened, format!("may be looser or stricter: {what}")),
                (true, false) => change(Kind::Loosened, format!("is looser: {what}")),
                (false, true) => change(Kind::Tightened, format!("is stricter: {what}")),
                (false, false) if what.is_empty() => None,
                (false, false) => change(Kind::Neutral, format!("changed without effect: {what}")),
            }
        }
    }
}

/// Makes reasons and result agree: what another check makes up for is neutral, and a result that no single reason shows gets one.
fn settle(changes: &mut Vec<Change>, lower: bool, higher: bool, both: bool) {
    for change in changes.iter_mut() {
        let shown = match change.kind {
            Kind::Loosened => lower || (both && higher),
            Kind::Tightened => higher,
            Kind::Broken | Kind::Neutral => true,
        };
        if !shown {
            change.kind = Kind::Neutral;
            change.what += " (the verdict does not follow: something else asks for as much)";
        }
    }
    let said = |changes: &[Change], kinds: [Kind; 2]| changes.iter().any(|change| kinds.contains(&change.kind));
    if lower && !said(changes, [Kind::Loosened, Kind::Broken]) {
        changes.push(Change { kind: Kind::Loosened, what: "it may publish where nothing vouched for it before".to_owned() });
    }
    if higher && !both && !said(changes, [Kind::Tightened, Kind::Broken]) {
        changes.push(Change { kind: Kind::Tightened, what: "it is held where something vouched for it before".to_owned() });
    }
    changes.sort_by_key(|change| change.kind);
}
