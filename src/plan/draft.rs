//! A check on its way into the plan: who it is, what it vouches for, and whether it can be measured.

use std::collections::BTreeMap;

use crate::check::Spec;
use crate::check::common::{Common, Severity, Tells};
use crate::check::outcome::{Fault, Reason};
use crate::diagnostic::Finding;

use super::bound::bound;
use super::ground::{Ground, Placed};
use super::metrics::Traced;
use super::reach::Subject;
use super::{CheckId, GuardingCheck, MetricId, Reach};
use crate::lineage::Certainty;

/// See the module.
#[derive(Debug)]
pub(super) struct Draft {
    pub id: CheckId,
    pub kind: String,
    pub title: String,
    pub about: String,
    pub severity: Severity,
    pub without_baseline: Option<Severity>,
    pub severity_for: BTreeMap<MetricId, Severity>,
    pub unit: Option<String>,
    pub recover: Option<String>,
    pub tells: Tells,
    /// Unique ids of the relations, by index of the kind's relations; the first is what the check is about.
    pub relations: Vec<String>,
    pub subject: Subject,
    /// Metrics added by hand, and the only ones allowed with the reason.
    pub affects: Vec<MetricId>,
    pub affects_only: Option<(Vec<MetricId>, String)>,
    /// How to measure it, or why it is not measured.
    pub way: Way,
    /// Unique id of the dbt test that it stands for.
    pub dbt_test: Option<String>,
}

/// How a check is measured.
#[derive(Debug)]
pub(super) enum Way {
    Measured(Spec),
    Skipped(Fault),
}

/// What a contract says of single metrics.
pub(super) fn severity_for(common: &Common) -> BTreeMap<MetricId, Severity> {
    common.severity_for.iter().map(|(metric, severity)| (metric.value.clone(), severity.value)).collect()
}

impl Draft {
    /// A check that a contract wrote.
    pub fn of(ground: &Ground<'_>, id: CheckId, spec: &Spec) -> Result<Draft, Vec<Finding>> {
        let spec = bound(ground, &id, spec).map_err(|finding| vec![finding])?;
        Draft::bound(ground, id, &spec)
    }

    /// A check that has everything that it needs.
    pub fn bound(ground: &Ground<'_>, id: CheckId, spec: &Spec) -> Result<Draft, Vec<Finding>> {
        let kind = spec.kind();
        let common = kind.common();
        let executed = kind.executed();
        let mut places = Vec::new();
        let mut findings = Vec::new();
        for (name, place) in kind.relations().iter().zip(kind.places()) {
            match ground.placed(name, &place) {
                Ok(placed) => places.push(placed),
                Err(finding) => findings.push(finding),
            }
        }
        let relations: Vec<String> = places.iter().map(Placed::id).collect();
        if !findings.is_empty() {
            return Err(findings);
        }
        let subject = Subject::of(ground, spec, &relations)?;
        let way = match executed {
            Ok(()) => Way::Measured(spec.clone()),
            Err(detail) => Way::Skipped(Fault { reason: Reason::NotExecutedYet, detail }),
        };
        let titled = || common.title.as_ref().map_or_else(|| id.clone(), |title| title.value.clone());
        let about = places.first().map_or_else(titled, Placed::spoken);
        let ids = |names: &[crate::diagnostic::At<String>]| names.iter().map(|name| name.value.clone()).collect::<Vec<_>>();
        let because = common.because.as_ref().map_or_else(String::new, |because| because.value.clone());
        Ok(Draft {
            title: common.title.as_ref().map_or_else(|| id.clone(), |title| title.value.clone()),
            kind: spec.kind_name().to_owned(),
            about,
            severity: kind.severity(),
            without_baseline: kind.without_baseline(),
            severity_for: severity_for(&common),
            unit: common.unit.map(|unit| unit.value),
            recover: common.recover.map(|recover| recover.value),
            tells: kind.tells(),
            relations,
            subject,
            affects: ids(&common.affects),
            affects_only: common.affects_only.as_ref().map(|only| (ids(only), because)),
            way,
            dbt_test: None,
            id,
        })
    }

    /// Whether the contract's exceptions leave nothing that this run could expect: then nothing is asked, and nothing is shown by it.
    pub fn nothing_due(&self) -> bool {
        match &self.way {
            Way::Measured(Spec::date_coverage(coverage)) => coverage.expected.is_empty(),
            Way::Measured(_) | Way::Skipped(_) => false,
        }
    }

    /// Whether dbt, not the contract, wrote what it runs.
    pub fn is_dbts(&self) -> bool {
        self.dbt_test.is_some() || self.id.starts_with("freshness:")
    }

    /// Whether the user's selection leaves it in: by the relation that it is about, or by the dbt test that it is.
    pub fn selected(&self, ground: &Ground<'_>) -> bool {
        let Some(selection) = &ground.options.selection else { return true };
        self.relations.first().is_some_and(|about| selection.contains(about))
            || self.dbt_test.as_ref().is_some_and(|test| selection.contains(test))
    }

    /// The check as the decision sees it.
    pub fn guard(&self, ground: &Ground<'_>, metrics: &[Traced]) -> GuardingCheck {
        let mut reach: std::collections::BTreeMap<MetricId, Reach> = std::collections::BTreeMap::new();
        for traced in metrics {
            let id = &traced.metric.id;
            if self.affects.contains(id) || self.subject.metrics.contains(id) {
                let path = traced.upwards.reach(ground, &self.subject).filter(|reach| reach.certainty == Certainty::Known);
                reach.insert(id.clone(), path.unwrap_or(Reach { certainty: Certainty::Known, path: Vec::new() }));
            } else if let Some(found) = traced.upwards.reach(ground, &self.subject) {
                reach.insert(id.clone(), found);
            }
        }
        let narrowed = self.affects_only.as_ref().map(|(only, because)| {
            let taken = reach.keys().filter(|id| !only.contains(id)).cloned().collect();
            reach.retain(|id, _| only.contains(id));
            (because.clone(), taken)
        });
        GuardingCheck {
            id: self.id.clone(),
            kind: self.kind.clone(),
            title: self.title.clone(),
            severity: self.severity,
            without_baseline: self.without_baseline,
            severity_for: self.severity_for.clone(),
            about: self.about.clone(),
            unit: self.unit.clone(),
            recover: self.recover.clone(),
            freshness: self.tells == Tells::Stale,
            coverage: self.tells == Tells::Partial,
            narrowed,
            reach,
        }
    }
}
