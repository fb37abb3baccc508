//! Whether any choice of endings gives a lower verdict in the new version, or a higher one. The verdict is the decision's, spelled out over
//! choices: the worst of the checks, evidence, and what is the same for every choice.

use jiff::Timestamp;

use super::outcomes::{End, Pairs};
use crate::check::common::Severity;
use crate::decide::Verdict;
use crate::lineage::Certainty;
use crate::plan::{ActiveWaiver, Expected, GuardedMetric, GuardingCheck, Upstream};

/// One check of one metric: what each pair of its endings asks for in both versions, and whether it vouches for the number.
#[derive(Debug, Clone, Default)]
pub(super) struct Piece {
    pub pairs: Vec<(Ask, Ask)>,
}

/// What one ending asks of one metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ask {
    /// The verdict that it asks for.
    pub asks: Verdict,
    /// Whether it is evidence: a pass that provably looks at the metric.
    pub evidence: bool,
}

/// A check as one version has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guard<'a> {
    pub check: &'a GuardingCheck,
    pub metric: &'a str,
    pub waivers: &'a [ActiveWaiver],
}

impl Guard<'_> {
    fn ask(&self, end: End, at: Timestamp) -> Ask {
        let nothing = Ask { asks: Verdict::Publish, evidence: false };
        let Some(reach) = self.check.reach.get(self.metric) else { return nothing };
        let severe = |severity| match severity {
            Severity::Warn => Verdict::Warn,
            Severity::Hold => Verdict::Hold,
        };
        let (asks, excused): (Verdict, fn(&ActiveWaiver) -> bool) = match end {
            End::Pass => return Ask { asks: Verdict::Publish, evidence: reach.certainty == Certainty::Known },
            End::FailWarn => (Verdict::Warn, |_| true),
            End::FailHold | End::TooFewRows => (Verdict::Hold, |_| true),
            End::Error => (severe(self.check.severity), |waiver| waiver.covers_error),
            End::NoBaseline => {
                (severe(self.check.without_baseline.map_or(self.check.severity, |asks| asks.min(self.check.severity))), |waiver| {
                    waiver.covers_error
                })
            }
            End::Skipped => (severe(self.check.severity), |waiver| waiver.covers_skipped),
            End::Lost => (severe(self.check.severity), |_| false),
        };
        let asks = match self.check.severity_for.get(self.metric) {
            Some(severity) if end != End::TooFewRows => severe(*severity),
            Some(_) | None => asks,
        };
        let waived = self.waivers.iter().any(|waiver| waiver.check == self.check.id && at < waiver.ends && excused(waiver));
        Ask { asks: if waived { asks.min(Verdict::Warn) } else { asks }, evidence: false }
    }
}

/// The piece of a check that one or both versions have.
pub(super) fn piece(pairs: &Pairs, base: Option<Guard<'_>>, head: Option<Guard<'_>>, at: Timestamp) -> Piece {
    let nothing = Ask { asks: Verdict::Publish, evidence: false };
    let ask = |guard: Option<Guard<'_>>, end: Option<End>| guard.zip(end).map_or(nothing, |(guard, end)| guard.ask(end, at));
    let mut pairs: Vec<(Ask, Ask)> = pairs.iter().map(|(old, new)| (ask(base, *old), ask(head, *new))).collect();
    pairs.sort_unstable();
    pairs.dedup();
    Piece { pairs }
}

/// What every choice has in common: lineage, caveats, lateness.
pub(super) fn constant(expected: &Expected, metric: &GuardedMetric, at: Timestamp, late: bool) -> Verdict {
    let lineage = match &metric.upstream {
        Upstream::Known => Verdict::Publish,
        Upstream::Assumed(_) => Verdict::Warn,
        Upstream::Unresolved(_) => Verdict::Hold,
    };
    let concerns = |named: &Option<String>| named.as_ref().is_none_or(|named| *named == metric.id);
    let caveat = expected.caveats.iter().any(|caveat| concerns(&caveat.metric) && caveat.ends.is_none_or(|ends| at < ends));
    let caveat = if caveat { Verdict::Warn } else { Verdict::Publish };
    let time = match (late, expected.late_holds) {
        (false, _) => Verdict::Publish,
        (true, false) => Verdict::Warn,
        (true, true) => Verdict::Hold,
    };
    lineage.max(caveat).max(time)
}

/// Whether some choice of a pair for each check gives a lower verdict in the new version (second of each pair) than in the old one.
///
/// For a bound on the new verdict, choose only pairs that keep it. The old verdict is above it when something that all choices share is,
/// when one check's old half is, or when the old version has no evidence; the new one is within it only with evidence.
pub(super) fn lower(pieces: &[Piece], old: Verdict, new: Verdict) -> bool {
    [Verdict::Publish, Verdict::Warn].into_iter().filter(|bound| new <= *bound).any(|bound| {
        let kept: Vec<Vec<&(Ask, Ask)>> =
            pieces.iter().map(|piece| piece.pairs.iter().filter(|(_, new)| new.asks <= bound).collect()).collect();
        if kept.iter().any(Vec::is_empty) {
            return false; // one check raises the new verdict whatever happens
        }
        let evident = |pairs: &[&(Ask, Ask)]| pairs.iter().any(|(_, new)| new.evidence);
        if old > bound {
            return kept.iter().any(|pairs| evident(pairs));
        }
        let above = kept.iter().enumerate().any(|(at, pairs)| {
            let worse: Vec<&(Ask, Ask)> = pairs.iter().copied().filter(|(old, _)| old.asks > bound).collect();
            let elsewhere = || kept.iter().enumerate().any(|(other, pairs)| other != at && evident(pairs));
            !worse.is_empty() && (evident(&worse) || elsewhere())
        });
        let unproven: Vec<Vec<&(Ask, Ask)>> =
            kept.iter().map(|pairs| pairs.iter().copied().filter(|(old, _)| !old.evidence).collect()).collect();
        above || (unproven.iter().all(|pairs| !pairs.is_empty()) && unproven.iter().any(|pairs| evident(pairs)))
    })
}

/// The pieces with old and new exchanged.
pub(super) fn swapped(pieces: &[Piece]) -> Vec<Piece> {
    pieces.iter().map(|piece| Piece { pairs: piece.pairs.iter().map(|(old, new)| (*new, *old)).collect() }).collect()
}
