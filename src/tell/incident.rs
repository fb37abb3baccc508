//! Decision -> causes, each with the metrics that it holds or warns about. Checks that fail along one way to one metric have one cause: what fails furthest
//! upstream. What concerns the whole run is one cause, however many checks it kept from their work.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Occasion, Situation};
use crate::record::{CauseRecord, Class, Document, Ended, FactName, FactState, MetricRecord, Reason, Rule, Status, Verdict};

/// What a cause comes down to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Root {
    /// A check: its id.
    Check(String),
    /// What kept checks from their work.
    Reason(Reason),
    /// A fact around the checks.
    Fact(FactName),
    /// No check vouches for these numbers.
    Unverified,
    /// Where numbers come from is not known.
    Lineage,
    /// A sentence of the contract.
    Caveat(String),
    /// Deciding failed.
    Internal,
    /// It was decided late.
    Late,
    /// It is not decided.
    Undecided,
    /// Nothing is held.
    Publish,
}

/// Something to tell of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Incident {
    pub occasion: Occasion,
    pub root: Root,
    /// Of a hold: whether the data is wrong.
    pub class: Option<Class>,
    /// Metrics by id, in the order of the contract.
    pub metrics: Vec<String>,
    /// Checks by id, the root first.
    pub checks: Vec<String>,
}

impl Incident {
    /// The same as long as the cause is; to be late, and to publish, is another matter in each interval.
    pub fn id(&self, contract: &str, interval: &str) -> String {
        let root = serde_json::to_string(&self.root).unwrap_or_default();
        let interval = match self.root {
            Root::Late | Root::Undecided | Root::Publish => interval,
            Root::Check(_) | Root::Reason(_) | Root::Fact(_) | Root::Unverified | Root::Lineage | Root::Caveat(_) | Root::Internal => "",
        };
        super::flow::hash(&[contract, self.occasion.word(), &root, interval])
    }

    /// Whether it stands in the contract or the project, so that a new interval is no news.
    pub fn stands(&self) -> bool {
        match self.root {
            Root::Caveat(_) | Root::Lineage => self.occasion == Occasion::Warn,
            Root::Check(_) | Root::Reason(_) | Root::Fact(_) | Root::Unverified | Root::Internal => false,
            Root::Late | Root::Undecided | Root::Publish => false,
        }
    }

    /// What matters of it: when this changes, it is told again.
    pub fn content(&self) -> String {
        let checks = match self.root {
            // Which other checks an outage reaches changes nothing.
            Root::Reason(_) | Root::Fact(_) => Vec::new(),
            _ => self.checks.clone(),
        };
        super::flow::hash(&[&format!("{:?}", self.class), &self.metrics.join("\n"), &checks.join("\n")])
    }
}

/// Everything that there is to tell of, the worst first.
pub(super) fn incidents(situation: &Situation<'_>) -> Vec<Incident> {
    let plain = |occasion, root| Incident { occasion, root, class: None, metrics: Vec::new(), checks: Vec::new() };
    let mut found = Vec::new();
    if situation.overdue.is_some() {
        found.push(plain(Occasion::Late, Root::Undecided));
    }
    let Some(document) = situation.document else { return found };
    found.extend(of_verdict(document, Verdict::Hold));
    if document.statuses.contains(&Status::Late) {
        found.push(plain(Occasion::Late, Root::Late));
    }
    found.extend(of_verdict(document, Verdict::Warn));
    let held = document.metrics.iter().any(|metric| metric.verdict == Verdict::Hold);
    if !held && !document.metrics.is_empty() {
        found.push(plain(Occasion::Publish, Root::Publish));
    }
    found
}

/// What became of a cause that was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is over.
    Over,
    /// It is another one's now, or there is no way to say whether it is over.
    Elsewhere,
    /// It may still be there: nothing says that it is over.
    Unknown,
}

/// What became of a cause that is not among those of now.
pub(super) fn fate(was: &Incident, situation: &Situation<'_>, now: &[Incident]) -> Fate {
    let Some(document) = situation.document else { return Fate::Unknown };
    let measured = |id: &str| document.check(id).is_none_or(|check| !matches!(check.outcome, Ended::Error | Ended::Skipped));
    match &was.root {
        Root::Check(id) if now.iter().any(|other| other.occasion == was.occasion && other.checks.contains(id)) => Fate::Elsewhere,
        Root::Check(id) if document.check(id).is_none() => Fate::Elsewhere,
        Root::Check(id) if measured(id) => Fate::Over,
        Root::Check(_) => Fate::Unknown,
        Root::Reason(reason) if document.checks.iter().any(|check| check.reason == Some(*reason)) => Fate::Unknown,
        Root::Reason(_) => over_if(was.checks.iter().all(|id| measured(id))),
        Root::Fact(fact) => {
            let state = document.context.iter().find(|known| known.fact == *fact).map(|known| known.state);
            over_if(matches!(state, Some(FactState::Holds | FactState::DoesNotApply)))
        }
        Root::Unverified | Root::Internal => {
            let held = |id: &String| document.metrics.iter().any(|metric| metric.id == *id && metric.verdict == Verdict::Hold);
            over_if(!was.metrics.iter().any(held))
        }
        Root::Lineage if was.occasion == Occasion::Hold => Fate::Over,
        Root::Undecided => over_if(situation.overdue.is_none()),
        Root::Lineage | Root::Caveat(_) | Root::Late | Root::Publish => Fate::Elsewhere,
    }
}

fn over_if(over: bool) -> Fate {
    if over { Fate::Over } else { Fate::Unknown }
}

/// The causes of all metrics with this verdict.
fn of_verdict(document: &Document, verdict: Verdict) -> Vec<Incident> {
    let metrics: Vec<&MetricRecord> = document.metrics.iter().filter(|metric| metric.verdict == verdict).collect();
    let roots = roots(document, &metrics, verdict);
    let mut found: Vec<Incident> = Vec::new();
    for metric in &metrics {
        let causes: Vec<&CauseRecord> = metric.causes.iter().filter(|cause| counts(cause, verdict)).collect();
        let proper = causes.iter().any(|cause| !is_idle(cause));
        for cause in causes.iter().filter(|cause| !proper || !is_idle(cause)) {
            let (root, class) = root_of(document, metric, cause, &roots);
            let occasion = if verdict == Verdict::Hold { Occasion::Hold } else { Occasion::Warn };
            let at = found.iter().position(|incident| incident.root == root && incident.class == class).unwrap_or_else(|| {
                found.push(Incident { occasion, root: root.clone(), class, metrics: Vec::new(), checks: Vec::new() });
                found.len() - 1
            });
            let Some(incident) = found.get_mut(at) else { continue };
            if !incident.metrics.contains(&metric.id) {
                incident.metrics.push(metric.id.clone());
            }
            if let Some(check) = cause.check.as_ref().filter(|check| !incident.checks.contains(check)) {
                let first = root == Root::Check(check.clone());
                incident.checks.insert(if first { 0 } else { incident.checks.len() }, check.clone());
            }
        }
    }
    found
}

/// Whether a cause stands behind this verdict. A check that a waiver covers is told by its waiver.
fn counts(cause: &CauseRecord, verdict: Verdict) -> bool {
    let covered = cause.waived && cause.rule == Rule::Checks;
    cause.asks == verdict && !covered && !(verdict == Verdict::Warn && cause.rule == Rule::Time)
}

/// Whether a cause only follows from another one.
fn is_idle(cause: &CauseRecord) -> bool {
    match cause.rule {
        Rule::Evidence | Rule::Time => true,
        Rule::Checks | Rule::Lineage | Rule::Context | Rule::Caveats | Rule::Deciding => false,
    }
}

fn root_of(document: &Document, metric: &MetricRecord, cause: &CauseRecord, roots: &BTreeMap<String, String>) -> (Root, Option<Class>) {
    let hold = cause.asks == Verdict::Hold;
    let as_class = |class: Class| hold.then_some(class);
    let undecided = as_class(Class::CouldNotDecide);
    match (cause.rule, &cause.check) {
        (Rule::Checks | Rule::Caveats, Some(id)) => {
            let check = document.check(id);
            let reason = check.and_then(|check| check.reason);
            let failed = check.is_some_and(|check| matches!(check.outcome, Ended::FailWarn | Ended::FailHold));
            let class = if failed { as_class(Class::DataIsWrong) } else { undecided };
            match reason.filter(|reason| concerns_the_run(*reason, check.map(|check| check.outcome))) {
                Some(reason) => (Root::Reason(reason), class),
                None => (Root::Check(roots.get(id).unwrap_or(id).clone()), class),
            }
        }
        (Rule::Checks | Rule::Caveats, None) => (Root::Caveat(cause.text.clone()), None),
        (Rule::Context, _) => (cause.fact.map_or(Root::Internal, Root::Fact), undecided),
        (Rule::Evidence, _) => (Root::Unverified, metric.class),
        (Rule::Lineage, _) => (Root::Lineage, undecided),
        (Rule::Time, _) => (Root::Late, as_class(Class::DataIsWrong)),
        (Rule::Deciding, _) => (Root::Internal, undecided),
    }
}

/// Of each check that stands behind the verdict of one of these metrics, the check that it comes down to.
fn roots(document: &Document, metrics: &[&MetricRecord], verdict: Verdict) -> BTreeMap<String, String> {
    // Upstream first: which check lies on the way of which other.
    let mut above: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for metric in metrics {
        let ways: Vec<(&str, Vec<&str>)> = metric
            .causes
            .iter()
            .filter(|cause| counts(cause, verdict))
            .filter_map(|cause| {
                let id = cause.check.as_deref()?;
                let mut way: Vec<&str> = cause.path.iter().map(|step| relation(&step.node)).collect();
                if way.is_empty() {
                    way.extend(document.check(id).map(|check| check.about.as_str()));
                }
                Some((id, way))
            })
            .collect();
        for (id, way) in &ways {
            let Some(start) = way.first() else { continue };
            let upstream = ways.iter().filter(|(other, way)| other != id && same_class(document, other, id) && way.contains(start));
            above.entry(id).or_default().extend(upstream.map(|(other, _)| *other));
        }
    }
    let place = |id: &str| document.checks.iter().position(|check| check.id == id).unwrap_or(usize::MAX);
    let mut roots = BTreeMap::new();
    for id in above.keys() {
        // Everything above, and above that: the one with nothing above it, else the first of those that stand on one relation.
        let mut all: Vec<&str> = vec![id];
        let mut at = 0;
        while let Some(next) = all.get(at).copied() {
            for upper in above.get(next).into_iter().flatten() {
                if !all.contains(upper) {
                    all.push(upper);
                }
            }
            at += 1;
        }
        let tops = |id: &&&str| {
            above.get(**id).is_none_or(|upper| upper.iter().all(|upper| above.get(upper).is_some_and(|back| back.contains(id))))
        };
        let root = all.iter().filter(tops).min_by_key(|id| place(id)).or(all.first());
        roots.insert((*id).to_owned(), root.map_or_else(|| (*id).to_owned(), |root| (*root).to_owned()));
    }
    roots
}

fn same_class(document: &Document, one: &str, other: &str) -> bool {
    let failed = |id: &str| document.check(id).is_some_and(|check| matches!(check.outcome, Ended::FailWarn | Ended::FailHold));
    failed(one) == failed(other)
}

/// The relation of a step's node: `model.column`, `model rows lost`.
fn relation(node: &str) -> &str {
    let rows = node.strip_suffix(" rows lost").or_else(|| node.strip_suffix(" rows added"));
    rows.unwrap_or_else(|| node.rsplit_once('.').map_or(node, |(relation, _)| relation))
}

/// Whether what kept a check from its work keeps others from theirs.
fn concerns_the_run(reason: Reason, ended: Option<Ended>) -> bool {
    match reason {
        Reason::NotStarted
        | Reason::NotExecutedYet
        | Reason::Deselected
        | Reason::Cancelled
        | Reason::Interrupted
        | Reason::Unreachable
        | Reason::AuthenticationFailed
        | Reason::ClockSkew
        | Reason::StaleArtifact
        | Reason::SnapshotMoved
        | Reason::InputsChanged
        | Reason::StoreFailed
        | Reason::BudgetExceeded => true,
        Reason::TimedOut
        | Reason::QueryError
        | Reason::MissingRelation
        | Reason::MissingColumn
        | Reason::NoRows
        | Reason::SeveralRows
        | Reason::Null
        | Reason::NotFinite
        | Reason::OutOfRange
        | Reason::WrongType
        | Reason::ZeroDenominator
        | Reason::FutureTimestamp
        | Reason::TimestampWithoutZone
        | Reason::LineageUnknown
        | Reason::NoBaseline
        | Reason::Internal => ended == Some(Ended::Skipped),
    }
}
