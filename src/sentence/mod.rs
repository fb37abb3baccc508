//! Verdict -> the sentence that a business reader understands. Computed from the plan, the outcomes and the decision; never written by a
//! model.
//!
//! A sentence names the metric by title, the moment of the report, the check by title, the measured failure with its unit, and what may
//! still be published. Not for layout or colour: that is `output`.

mod clause;
mod words;

use std::collections::BTreeMap;

use crate::check::outcome::Outcome;
use crate::decide::{Cause, Class, Decision, MetricDecision, Verdict};
use crate::plan::{CheckId, GuardedMetric, GuardingCheck, Kept, Plan};

use clause::Voice;
pub use clause::reason_words;
pub use words::{capital, inside, is_plural, list};

/// A team and its contact.
pub type Owner = (String, Option<String>);

/// All that a sentence is made from.
#[derive(Clone, Copy)]
pub struct Telling<'a> {
    /// Titles, owners and the interval.
    pub plan: &'a Plan,
    /// What was measured.
    pub outcomes: &'a BTreeMap<CheckId, Outcome>,
    /// What follows.
    pub decision: &'a Decision,
}

impl Telling<'_> {
    /// What is said of one metric: `Contribution margin is not safe for Monday reporting because SKU cost mapping failed for 14 products.`
    pub fn metric(&self, metric: &MetricDecision) -> String {
        let title = words::capital(&self.metric_title(&metric.id));
        match metric.verdict {
            Verdict::Publish => format!("{title} can publish{}.", self.for_moment()),
            Verdict::Warn => {
                let caveats = self.caveats(metric);
                format!("{title} can publish{} with {}.", self.for_moment(), caveat_words(&caveats))
            }
            Verdict::Hold => {
                let predicate = self.predicate(metric.class, Subject::of(&title));
                format!("{title} {predicate} because {}.", self.because(metric))
            }
        }
    }

    /// The sentences that a reader sees beside a published number, worst first, without full stops. A waived failure is said by its waiver.
    pub fn caveats(&self, metric: &MetricDecision) -> Vec<String> {
        let waived = |cause: &&Cause| matches!(cause, Cause::Check { waived: true, .. });
        let warns = metric.causes.iter().filter(|cause| cause.asks() == Verdict::Warn);
        distinct(warns.filter(|cause| !waived(cause)).map(|cause| self.clause(cause)))
    }

    /// Who mends it: the metric's owner when the data is wrong, the platform's owner when it could not be decided.
    pub fn owner(&self, metric: &MetricDecision) -> Option<Owner> {
        let own = self.guarded(&metric.id).and_then(|guarded| guarded.owner.clone());
        let (technical, business) = (self.plan.technical_owner.clone(), self.plan.business_owner.clone());
        match metric.class {
            Some(Class::CouldNotDecide) => technical.or(own).or(business),
            Some(Class::DataIsWrong) | None => own.or(technical).or(business),
        }
    }

    /// What to do first: the recovery of the worst cause that has one.
    pub fn recover(&self, metric: &MetricDecision) -> Option<String> {
        metric.causes.iter().filter(|cause| cause.data_is_wrong()).find_map(|cause| match cause {
            Cause::Check { check, .. } => self.check(check)?.recover.clone(),
            Cause::NoEvidence { .. } | Cause::AssumedLineage { .. } | Cause::Unresolved { .. } | Cause::Context { .. } => None,
            Cause::Late { .. } | Cause::Caveat { .. } | Cause::Waiver { .. } | Cause::Internal { .. } => None,
        })
    }

    /// What is said of the whole report: what is held and why, then what may be used.
    pub fn report(&self) -> String {
        let with = |verdict: Verdict| self.decision.metrics.iter().filter(move |metric| metric.verdict == verdict);
        let held: Vec<&MetricDecision> = with(Verdict::Hold).collect();
        let all = self.decision.metrics.len();
        if all == 0 {
            return format!("{} has no metric to decide about.", words::capital(&self.plan.report));
        }
        let warned: Vec<&MetricDecision> = with(Verdict::Warn).collect();
        if held.is_empty() {
            return self.nothing_held(&warned);
        }
        let mut sentences = self.held_groups(&held);
        sentences.push(self.what_may_be_used(&held, &warned));
        sentences.join(" ")
    }

    fn nothing_held(&self, warned: &[&MetricDecision]) -> String {
        let all: Vec<&MetricDecision> = self.decision.metrics.iter().collect();
        let everything = match all.len() {
            1 => words::capital(&self.titles(&all)),
            2 => String::from("Both metrics"),
            many => format!("All {many} metrics"),
        };
        let caveats = caveat_words(&distinct(warned.iter().flat_map(|metric| self.caveats(metric))));
        let with = match warned.len() {
            0 => String::new(),
            some if some == all.len() => format!(" with {caveats}"),
            _ => format!(", {} with {caveats}", self.titles(warned)),
        };
        format!("{everything} can publish{}{with}.", self.for_moment())
    }

    /// One sentence for each reason, at most two.
    fn held_groups(&self, held: &[&MetricDecision]) -> Vec<String> {
        let mut groups: Vec<(Option<Class>, String, Vec<&MetricDecision>)> = Vec::new();
        for metric in held {
            let because = self.because(metric);
            match groups.iter_mut().find(|(class, text, _)| *class == metric.class && *text == because) {
                Some((_, _, members)) => members.push(metric),
                None => groups.push((metric.class, because, vec![metric])),
            }
        }
        groups.sort_by_key(|(class, _, _)| *class);
        let all = self.decision.metrics.len();
        let mut sentences: Vec<String> = Vec::new();
        for (class, because, members) in groups.iter().take(2) {
            let titles = self.titles(members);
            let (who, subject) = match members.len() {
                1 => (words::capital(&titles), Subject::of(&titles)),
                some if some == all && all > 2 => (format!("None of the {all} metrics"), Subject::None),
                _ => (words::capital(&titles), Subject::Many),
            };
            let predicate = self.predicate(*class, subject);
            sentences.push(format!("{who} {predicate} because {because}."));
        }
        let further: usize = groups.iter().skip(2).map(|(_, _, members)| members.len()).sum();
        match further {
            0 => {}
            1 => sentences.push(String::from("One more metric is held for another reason.")),
            _ => sentences.push(format!("{further} more metrics are held for other reasons.")),
        }
        sentences
    }

    fn what_may_be_used(&self, held: &[&MetricDecision], warned: &[&MetricDecision]) -> String {
        let published: Vec<&MetricDecision> = self.decision.metrics.iter().filter(|metric| metric.verdict == Verdict::Publish).collect();
        let caveat = if warned.len() == 1 { "with a caveat" } else { "with caveats" };
        let usable = match (published.is_empty(), warned.is_empty()) {
            (true, true) => String::from("nothing can publish"),
            (false, true) => format!("{} can publish", self.titles(&published)),
            (true, false) => format!("{} can publish {caveat}", self.titles(warned)),
            (false, false) => format!("{} can publish, {} {caveat}", self.titles(&published), self.titles(warned)),
        };
        // What is held together is said together: by the interval of the value that is kept; `None` where nothing is.
        let mut groups: Vec<(Option<&Kept>, Vec<&MetricDecision>)> = Vec::new();
        for metric in held {
            let kept = self.kept(&metric.id);
            match groups.iter_mut().find(|(other, _)| *other == kept) {
                Some((_, members)) => members.push(metric),
                None => groups.push((kept, vec![metric])),
            }
        }
        groups.sort_by_key(|(kept, _)| kept.is_none());
        let mut parts = vec![words::capital(&usable)];
        for (kept, members) in groups {
            let titles = self.titles(&members);
            let one = members.len() == 1 && !words::is_plural(&titles);
            let of = kept.and_then(Option::as_ref).map_or_else(String::new, |interval| format!(" ({})", words::span(interval)));
            parts.push(match (kept.is_some(), one) {
                (true, true) => format!("{titles} is held at its last safe value{of}"),
                (true, false) => format!("{titles} are held at their last safe values{of}"),
                (false, true) => format!("{titles} is held"),
                (false, false) => format!("{titles} are held"),
            });
        }
        format!("{}.", parts.join("; "))
    }

    /// The earlier value that is shown while a metric is held, if there really is one.
    pub fn kept(&self, id: &str) -> Option<&Kept> {
        let shown = self.guarded(id).is_some_and(|guarded| guarded.last_safe);
        self.plan.publishing.kept.get(id).filter(|_| shown)
    }

    /// What follows "because" for a held metric: at most two causes that hold, the worst first.
    fn because(&self, metric: &MetricDecision) -> String {
        let holds = || metric.causes.iter().filter(|cause| cause.asks() == Verdict::Hold);
        let unverified = |cause: &&Cause| matches!(cause, Cause::NoEvidence { .. });
        let told = distinct(holds().filter(|cause| !unverified(cause)).map(|cause| self.said(cause, Voice::Because)));
        match told.as_slice() {
            [] => self.why_unverified(metric),
            [one] => one.clone(),
            [one, two] => format!("{one} and {two}"),
            [one, two, more @ ..] => format!("{one}, {two}, and {} more", more.len()),
        }
    }

    /// Why nothing vouches for a metric, when that alone holds it.
    fn why_unverified(&self, metric: &MetricDecision) -> String {
        let check = metric.causes.iter().find(|cause| matches!(cause, Cause::Check { .. }));
        let unverified = metric.causes.iter().find(|cause| matches!(cause, Cause::NoEvidence { .. }));
        match (check, unverified) {
            (Some(check), Some(_)) => format!("{}, and no other check vouches for it", self.said(check, Voice::Because)),
            (None, Some(cause)) => self.clause(cause),
            (Some(_) | None, None) => String::from("nothing says that it may be published"),
        }
    }

    fn predicate(&self, class: Option<Class>, subject: Subject) -> String {
        let undecided = match class {
            Some(Class::CouldNotDecide) => true,
            Some(Class::DataIsWrong) | None => false,
        };
        let words = match (undecided, subject) {
            (true, Subject::One | Subject::Many) => "could not be verified",
            (true, Subject::None) => "could be verified",
            (false, Subject::One) => "is not safe",
            (false, Subject::Many) => "are not safe",
            (false, Subject::None) => "is safe",
        };
        match words::moment(self.plan, self.decision) {
            Some(moment) => format!("{words} for {moment}"),
            None if undecided => words.to_owned(),
            None => format!("{words} to publish"),
        }
    }

    fn for_moment(&self) -> String {
        words::moment(self.plan, self.decision).map_or_else(String::new, |moment| format!(" for {moment}"))
    }

    fn titles(&self, metrics: &[&MetricDecision]) -> String {
        words::list(&metrics.iter().map(|metric| words::inside(&self.metric_title(&metric.id))).collect::<Vec<_>>())
    }

    fn guarded(&self, id: &str) -> Option<&GuardedMetric> {
        self.plan.expected.metrics.iter().find(|metric| metric.id == id)
    }

    fn metric_title(&self, id: &str) -> String {
        self.guarded(id).map_or_else(|| id.to_owned(), |metric| metric.title.clone())
    }

    fn check(&self, id: &str) -> Option<&GuardingCheck> {
        self.plan.expected.checks.iter().find(|check| check.id == id)
    }

    fn title(&self, id: &str) -> String {
        self.check(id).map_or_else(|| id.to_owned(), |check| check.title.clone())
    }
}

/// The grammar of a sentence's subject: `ad spend`, `ad spend and refunds`, `none of the metrics`.
#[derive(Clone, Copy)]
enum Subject {
    One,
    Many,
    None,
}

impl Subject {
    /// The grammar of one title.
    fn of(title: &str) -> Subject {
        if words::is_plural(title) { Subject::Many } else { Subject::One }
    }
}

/// `a caveat: TikTok spend is provisional`, `caveats: a; b; and 3 more`.
fn caveat_words(caveats: &[String]) -> String {
    match caveats {
        [] => String::from("a caveat"),
        [one] => format!("a caveat: {one}"),
        [one, two] => format!("caveats: {one}; {two}"),
        [one, two, more @ ..] => format!("caveats: {one}; {two}; and {} more", more.len()),
    }
}

/// Each once, in the order of its first appearance.
fn distinct(texts: impl Iterator<Item = String>) -> Vec<String> {
    texts.fold(Vec::new(), |mut told, text| {
        if !told.contains(&text) {
            told.push(text);
        }
        told
    })
}
