//! Plan, answers, outcomes and decision -> the document.

use std::collections::BTreeMap;

use crate::check::outcome::{Ended, Fault, Measured, Outcome};
use crate::check::samples::Sampled;
use crate::decide::{Cause, Decision, Fact, FactName, MetricDecision};
use crate::execute::{Answers, Seen};
use crate::plan::{CheckId, Expected, GuardedMetric, GuardingCheck, Plan, Step, Upstream};
use crate::sentence::Telling;

use super::document::*;
use super::ended::*;

/// What the document says that follows from nothing else in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// The promise, in the words of the business.
    pub promise: Option<String>,
    /// Whether the decision time was given by the user.
    pub rehearsal: bool,
    /// Version of dbt that wrote the manifest.
    pub dbt_version: String,
    /// Schema version of the manifest.
    pub schema_version: u32,
    /// When the manifest was written.
    pub generated_at: Option<jiff::Timestamp>,
    /// Hash of the manifest's bytes.
    pub manifest_hash: String,
    /// Hash of the contract's bytes.
    pub contract_hash: Option<String>,
    /// What else people should know.
    pub notes: Vec<String>,
}

impl Document {
    /// Writes down a decision with everything that it rests on.
    pub fn new(plan: &Plan, answers: &Answers, outcomes: &BTreeMap<CheckId, Outcome>, decision: &Decision, meta: &Meta) -> Document {
        let expected = &plan.expected;
        let told = Telling { plan, outcomes, decision };
        let metrics =
            decision.metrics.iter().zip(&expected.metrics).map(|(metric, guarded)| metric_record(metric, guarded, answers, told)).collect();
        let checks: Vec<CheckRecord> = expected.checks.iter().map(|check| check_record(check, outcomes, answers)).collect();
        let known = |id: &&CheckId| expected.checks.iter().any(|check| check.id == **id);
        let mut document = Document {
            presscheck: Format { format: FORMAT, version: env!("CARGO_PKG_VERSION").to_owned() },
            run: String::new(),
            contract: plan.contract.clone(),
            report: plan.report.clone(),
            promise: meta.promise.clone(),
            interval: plan.interval.as_ref().map(IntervalRecord::of),
            decided_at: decision.decided_at,
            ready_by: expected.ready_by,
            late_holds: expected.late_holds,
            rehearsal: meta.rehearsal,
            status: decision.status,
            statuses: decision.statuses.clone(),
            summary: told.report(),
            nothing_to_check: decision.nothing_to_check,
            owners: OwnersRecord { business: owner(plan.business_owner.clone()), technical: owner(plan.technical_owner.clone()) },
            metrics,
            sources: checks.iter().filter(|check| check.freshness).map(source_record).collect(),
            checks,
            caveats: caveats(expected, decision),
            waivers: waivers(expected, decision),
            context: decision.context.facts().into_iter().map(fact_record).collect(),
            artifacts: ArtifactsRecord {
                dbt_version: meta.dbt_version.clone(),
                schema_version: meta.schema_version,
                generated_at: meta.generated_at,
                manifest_hash: meta.manifest_hash.clone(),
                contract_hash: meta.contract_hash.clone(),
                snapshot: answers.snapshot.clone(),
                connections: answers.connections.clone(),
            },
            expected_hash: plan.expected_hash(),
            unexpected: outcomes.keys().filter(|id| !known(id)).cloned().collect(),
            not_executed: plan.not_executed.clone(),
            blind: plan.blind.clone(),
            notes: plan.notes.iter().chain(&meta.notes).cloned().collect(),
            release: Vec::new(),
        };
        document.run = document.identifier();
        document
    }

    /// The document as JSON text, indented, with a newline at the end. Equal documents have equal bytes.
    ///
    /// # Errors
    /// A document that cannot be written as JSON: a bug.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// The document without values of rows: what may be kept for ever, and told to people who may not see them.
    pub fn without_samples(&self) -> Document {
        let checks = self.checks.iter().map(|check| CheckRecord { samples: None, ..check.clone() });
        Document { checks: checks.collect(), ..self.clone() }
    }

    /// Whether its identifier is the one that follows from what it says; not so of a document that was edited.
    pub fn is_itself(&self) -> bool {
        self.run == self.identifier()
    }

    /// What identifies this decision among all: contract, interval, decision time, expected set, inputs, how each check ended with what
    /// measurement, and what was known around them.
    fn identifier(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut say = |text: &str| {
            hasher.update(&text.len().to_le_bytes());
            hasher.update(text.as_bytes());
        };
        say(&self.contract);
        self.interval.iter().for_each(|interval| [&interval.start, &interval.end].into_iter().for_each(|text| say(text)));
        say(&self.decided_at.to_string());
        say(&self.expected_hash);
        say(&self.artifacts.manifest_hash);
        self.artifacts.contract_hash.iter().for_each(|hash| say(hash));
        for check in &self.checks {
            say(&check.id);
            say(&format!("{:?} {:?} {:?}", check.outcome, check.reason, check.measured));
        }
        self.unexpected.iter().for_each(|id| say(id));
        for (id, values) in self.metrics.iter().filter_map(|metric| Some((&metric.id, metric.values.as_ref()?))) {
            say(&format!("{id} {values:?}"));
        }
        self.context.iter().for_each(|fact| say(&format!("{:?} {:?}", fact.fact, fact.state)));
        hasher.finalize().to_hex().chars().take(16).collect()
    }
}

fn owner(owner: Option<(String, Option<String>)>) -> Option<OwnerRecord> {
    owner.map(|(team, contact)| OwnerRecord { team, contact })
}

impl IntervalRecord {
    /// An interval as it is written down.
    pub fn of(interval: &crate::calendar::Interval) -> IntervalRecord {
        let midnight = interval.end.start_of_day().is_ok_and(|start| start == interval.end);
        let last = if midnight { interval.end.date().yesterday() } else { Ok(interval.end.date()) };
        let last_day = last.unwrap_or_else(|_| interval.end.date());
        IntervalRecord {
            start: interval.start.to_string(),
            end: interval.end.to_string(),
            first_day: interval.start.date().to_string(),
            last_day: last_day.max(interval.start.date()).to_string(),
            timezone: interval.start.time_zone().iana_name().map_or_else(|| String::from("UTC"), str::to_owned),
        }
    }
}

fn metric_record(metric: &MetricDecision, guarded: &GuardedMetric, answers: &Answers, told: Telling<'_>) -> MetricRecord {
    let kept = told.kept(&metric.id).filter(|_| metric.verdict == super::Verdict::Hold);
    MetricRecord {
        id: metric.id.clone(),
        title: guarded.title.clone(),
        owner: owner(guarded.owner.clone()),
        verdict: metric.verdict,
        class: metric.class,
        sentence: told.metric(metric),
        caveats: told.caveats(metric),
        mended_by: owner(told.owner(metric)),
        recover: told.recover(metric),
        causes: metric.causes.iter().map(|cause| cause_record(cause, told)).collect(),
        last_safe: guarded.last_safe,
        kept: kept.map(|interval| KeptRecord {
            start: interval.as_ref().map(|(start, _)| start.to_string()),
            end: interval.as_ref().map(|(_, end)| end.to_string()),
        }),
        values: answers.values.get(&metric.id).map(values_record),
        upstream: match &guarded.upstream {
            Upstream::Known => UpstreamRecord::Known,
            Upstream::Assumed(models) => UpstreamRecord::Assumed(models.clone()),
            Upstream::Unresolved(why) => UpstreamRecord::Unresolved(why.clone()),
        },
    }
}

fn values_record(seen: &Result<Seen, Fault>) -> ValuesRecord {
    let of = |text: fn(&Seen) -> String| seen.as_ref().ok().map(text);
    ValuesRecord {
        rows: of(|seen| seen.rows.to_string()),
        fingerprint: of(|seen| seen.fingerprint.clone()),
        sql_hash: of(|seen| seen.sql_hash.clone()),
        missing: seen.as_ref().err().map(|fault| fault.reason),
    }
}

fn cause_record(cause: &Cause, told: Telling<'_>) -> CauseRecord {
    let plain = CauseRecord {
        rule: cause.rule(),
        asks: cause.asks(),
        text: told.clause(cause),
        detail: told.detail(cause),
        check: None,
        outcome: None,
        waived: false,
        certainty: None,
        path: Vec::new(),
        fact: None,
    };
    match cause {
        Cause::Check { check, ended, waived, certainty, path, .. } => CauseRecord {
            check: Some(check.clone()),
            outcome: Some(*ended),
            waived: *waived,
            certainty: Some(*certainty),
            path: path.iter().map(step_record).collect(),
            ..plain
        },
        Cause::Waiver { check, .. } => {
            CauseRecord { check: Some(check.clone()), outcome: told.outcomes.get(check).map(Outcome::ended), waived: true, ..plain }
        }
        Cause::Context { fact, .. } => CauseRecord { fact: Some(*fact), ..plain },
        Cause::NoEvidence { .. } | Cause::AssumedLineage { .. } | Cause::Unresolved { .. } => plain,
        Cause::Late { .. } | Cause::Caveat { .. } | Cause::Internal { .. } => plain,
    }
}

fn step_record(step: &Step) -> StepRecord {
    StepRecord { node: step.node.clone(), edge: step.edge.map(|(kind, _)| kind), certainty: step.edge.map(|(_, certainty)| certainty) }
}

fn check_record(check: &GuardingCheck, outcomes: &BTreeMap<CheckId, Outcome>, answers: &Answers) -> CheckRecord {
    let outcome = outcomes.get(&check.id);
    let fault = |fault: &Fault| (Some(fault.reason), fault.detail.clone(), None);
    let (reason, detail, measured) = match outcome {
        Some(Outcome::Pass(evidence)) => (None, String::new(), Some(measured_record(evidence.measured()))),
        Some(Outcome::Fail { measured, why, .. }) => (None, why.clone(), Some(measured_record(measured))),
        Some(Outcome::Error(error)) => fault(error),
        Some(Outcome::Skipped(skipped)) => fault(skipped),
        None => (Some(super::Reason::NotStarted), String::from("no answer came"), None),
    };
    let answer = answers.by_check.get(&check.id);
    CheckRecord {
        id: check.id.clone(),
        kind: check.kind.clone(),
        title: check.title.clone(),
        about: check.about.clone(),
        severity: check.severity,
        without_baseline: check.without_baseline,
        severity_for: check.severity_for.clone(),
        outcome: outcome.map_or(Ended::Skipped, Outcome::ended),
        reason,
        detail,
        measured,
        recover: check.recover.clone(),
        samples: answers.samples.get(&check.id).map(samples_record),
        sql_hash: answer.map(|answer| answer.sql_hash.clone()),
        snapshot: answer.map(|_| answers.snapshot.clone()),
        reaches: check.reach.iter().map(|(metric, reach)| (metric.clone(), reach.certainty)).collect(),
        narrowed: check
            .narrowed
            .as_ref()
            .map(|(because, metrics)| NarrowedRecord { because: because.clone(), metrics: metrics.iter().cloned().collect() }),
        freshness: check.freshness,
        coverage: check.coverage,
    }
}

fn samples_record(samples: &Result<Sampled, Fault>) -> SamplesRecord {
    match samples {
        Ok(Sampled { columns, rows }) => SamplesRecord { columns: columns.clone(), rows: rows.clone(), missing: None },
        Err(fault) => SamplesRecord { columns: Vec::new(), rows: Vec::new(), missing: Some(fault.reason) },
    }
}

fn measured_record(measured: &Measured) -> MeasuredRecord {
    MeasuredRecord {
        rows_seen: measured.rows_seen.to_string(),
        value: measured.value.clone(),
        unit: measured.unit.clone(),
        facts: measured.facts.iter().cloned().collect(),
    }
}

fn source_record(check: &CheckRecord) -> SourceRecord {
    let fact = |name: &str| check.measured.as_ref().and_then(|measured| measured.facts.get(name).cloned());
    SourceRecord {
        source: check.about.clone(),
        check: check.id.clone(),
        outcome: check.outcome,
        newest: fact("newest"),
        age_seconds: fact("age_seconds"),
    }
}

fn caveats(expected: &Expected, decision: &Decision) -> Vec<CaveatRecord> {
    let record = |caveat: &crate::plan::ActiveCaveat| CaveatRecord {
        metric: caveat.metric.clone(),
        text: caveat.text.clone(),
        ends: caveat.ends,
        live: caveat.ends.is_none_or(|ends| decision.decided_at < ends),
    };
    expected.caveats.iter().map(record).collect()
}

fn waivers(expected: &Expected, decision: &Decision) -> Vec<WaiverRecord> {
    let record = |(at, waiver): (usize, &crate::plan::ActiveWaiver)| WaiverRecord {
        check: waiver.check.clone(),
        reason: waiver.reason.clone(),
        approved_by: waiver.approved_by.clone(),
        ends: waiver.ends,
        covers_error: waiver.covers_error,
        covers_skipped: waiver.covers_skipped,
        state: decision.waivers.get(at).map(|used| used.state),
    };
    expected.waivers.iter().enumerate().map(record).collect()
}

fn fact_record((fact, Fact { state, detail }): (FactName, Fact)) -> FactRecord {
    FactRecord { fact, state, detail }
}
