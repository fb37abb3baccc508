//! How the old and the new version of a check may end on the same data: all pairs of endings that can happen together.
//!
//! The judging itself is asked at every point where it can change; between two such points nothing happens. Where points cannot be had, every
//! pair counts as possible.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::Version;
use super::same::{Measures, measures};
use crate::check::Spec;
use crate::check::common::{Common, Severity};
use crate::check::judge;
use crate::check::measurement::{Cell, Measurement};
use crate::check::outcome::Judgement;
use crate::check::threshold::Threshold;
use crate::diagnostic::At;
use crate::plan::Asked;

/// How a check ends, as far as verdicts go. A result that is lost is skipped, but no waiver speaks of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    Pass,
    FailWarn,
    FailHold,
    /// Too few rows to be evidence: holds every metric, whatever the contract says of single ones.
    TooFewRows,
    Error,
    /// Too little history to compare with.
    NoBaseline,
    Skipped,
    Lost,
}

/// Endings that can happen together; `None` where the version has no such check.
pub(super) type Pairs = BTreeSet<(Option<End>, Option<End>)>;

/// Faults of the warehouse or the run: they happen to both versions alike.
const FAULTS: [End; 3] = [End::Error, End::Skipped, End::Lost];
const EVERY: [End; 8] = [End::Pass, End::FailWarn, End::FailHold, End::TooFewRows, End::Error, End::NoBaseline, End::Skipped, End::Lost];
/// Digits of a percentage beyond which its neighbours are not looked for.
const DIGITS: u32 = 9;
/// Numbers of rows that are looked at one by one.
const FEW: i128 = 64;

/// All pairs of one check.
pub(super) fn pairs(base: Option<(&Version<'_>, &Asked)>, head: Option<(&Version<'_>, &Asked)>) -> Pairs {
    let both = |old: &[End], new: &[End]| -> Pairs { old.iter().flat_map(|old| new.iter().map(|new| (Some(*old), Some(*new)))).collect() };
    match (base, head) {
        (None, None) => Pairs::new(),
        (Some((_, old)), None) => ends(old).into_iter().map(|old| (Some(old), None)).collect(),
        (None, Some((_, new))) => ends(new).into_iter().map(|new| (None, Some(new))).collect(),
        (Some((base, Asked::Measured { spec: old, .. })), Some((head, Asked::Measured { spec: new, .. }))) => {
            let measures = measures(base, old, head, new);
            let judged = if measures == Measures::Anything { None } else { together(old, new, measures) };
            match judged {
                Some(mut pairs) => {
                    pairs.extend(FAULTS.map(|fault| (Some(fault), Some(fault))));
                    pairs
                }
                None => both(&of_spec(old), &of_spec(new)),
            }
        }
        // A check that a version does not ask always ends as skipped.
        (Some((_, old)), Some((_, new))) => both(&ends(old), &ends(new)),
    }
}

fn ends(asked: &Asked) -> Vec<End> {
    match asked {
        Asked::Skipped(_) => vec![End::Skipped],
        Asked::Measured { spec, .. } => of_spec(spec),
    }
}

/// Every ending of one check alone.
fn of_spec(spec: &Spec) -> Vec<End> {
    match together(spec, spec, Measures::Same) {
        Some(pairs) => {
            let ends: BTreeSet<End> = pairs.into_iter().filter_map(|(old, _)| old).chain(FAULTS).collect();
            ends.into_iter().collect()
        }
        None => EVERY.to_vec(),
    }
}

/// Pairs of judgements where the new version measures what the old one does, or fewer or more bad rows. `None`: not known.
fn together(old: &Spec, new: &Spec, measures: Measures) -> Option<Pairs> {
    match (old, new) {
        (Spec::row_count(was), Spec::row_count(is)) if measures == Measures::Same => {
            let mut bounds: Vec<Decimal> = limits(&old.kind().common(), &new.kind().common()).iter().map(|limit| limit.bound).collect();
            for bound in [&was.between, &is.between].into_iter().flatten().flat_map(|between| between.min.iter().chain(&between.max)) {
                bounds.push(bound.value.absolute()?);
            }
            let rows = counts(&bounds, &old.kind().common(), &new.kind().common())?;
            Some(judged(
                old,
                new,
                rows.into_iter().map(|rows_seen| Measurement {
                    rows_seen,
                    cells: Vec::new(),
                    items: Vec::new(),
                    now: Timestamp::UNIX_EPOCH,
                }),
            ))
        }
        (Spec::freshness(was), Spec::freshness(is))
            if measures == Measures::Same && [was, is].iter().all(|one| crate::check::Kind::request(one.as_ref()).items.is_empty()) =>
        {
            let limits = [&was.warn_after, &was.hold_after, &is.warn_after, &is.hold_after].into_iter().flatten();
            let mut ages = BTreeSet::from([0_i64, -3600]);
            for limit in limits {
                let seconds = i64::try_from(limit.value.seconds).ok().filter(|seconds| *seconds < 1 << 40)?;
                ages.extend([seconds - 1, seconds, seconds + 1].map(|age| age.max(0)));
            }
            let newest = ages.into_iter().filter_map(|age| Timestamp::UNIX_EPOCH.checked_sub(SignedDuration::from_secs(age)).ok());
            let cells: Vec<Cell> = newest.map(Cell::Instant).chain([Cell::Null]).collect();
            let rows = counts(&[], &old.kind().common(), &new.kind().common())?;
            let each = rows.into_iter().flat_map(|rows_seen| {
                cells.iter().map(move |cell| Measurement {
                    rows_seen,
                    cells: vec![cell.clone()],
                    items: Vec::new(),
                    now: Timestamp::UNIX_EPOCH,
                })
            });
            Some(judged(old, new, each))
        }
        (
            Spec::not_null(_)
            | Spec::unique(_)
            | Spec::accepted_values(_)
            | Spec::range(_)
            | Spec::matches(_)
            | Spec::relationships(_)
            | Spec::expression(_)
            | Spec::sql(_)
            | Spec::reconcile(_)
            | Spec::dbt_test(_)
            | Spec::own(_),
            _,
        ) => bad_rows(&old.kind().common(), &new.kind().common(), measures, among_rows(old)),
        // How the other kinds judge is known to them alone.
        _ if old == new => Some(EVERY.iter().filter(|end| !FAULTS.contains(end)).map(|end| (Some(*end), Some(*end))).collect()),
        _ => None,
    }
}

/// Whether the bad ones are among the rows that are counted.
fn among_rows(spec: &Spec) -> bool {
    match spec {
        Spec::own(own) => own.definition.as_ref().is_some_and(|definition| definition.counts_rows()),
        spec => !matches!(spec, Spec::sql(_) | Spec::dbt_test(_)),
    }
}

fn judged(old: &Spec, new: &Spec, measurements: impl Iterator<Item = Measurement>) -> Pairs {
    let end = |spec: &Spec, measurement: &Measurement| match spec.kind().judge(measurement) {
        Judgement::Pass(_) => End::Pass,
        Judgement::Fail { measured, .. } if measured.too_few_rows() => End::TooFewRows,
        Judgement::Fail { asks: Severity::Warn, .. } => End::FailWarn,
        Judgement::Fail { asks: Severity::Hold, .. } => End::FailHold,
        Judgement::Error(_) => End::Error,
    };
    measurements.map(|measurement| (Some(end(old, &measurement)), Some(end(new, &measurement)))).collect()
}

fn limits<'a>(old: &'a Common, new: &'a Common) -> Vec<&'a Threshold> {
    [&old.warn_if, &old.hold_if, &new.warn_if, &new.hold_if].into_iter().flatten().map(|limit| &limit.value).collect()
}

fn needed(common: &Common) -> i128 {
    common.min_rows.as_ref().map_or(1, |rows| i128::from(rows.value.max(1)))
}

/// Every whole number at which something can change, and one beyond all of them.
fn counts(bounds: &[Decimal], old: &Common, new: &Common) -> Option<BTreeSet<i128>> {
    let mut points = BTreeSet::from([0, 1]);
    for bound in bounds {
        let near = bound.floor().to_i128().filter(|near| near.unsigned_abs() < 1 << 80)?;
        points.extend((near - 1..=near + 2).filter(|point| *point >= 0));
    }
    for rows in [needed(old), needed(new)] {
        points.extend([rows - 1, rows, rows + 1].into_iter().filter(|rows| *rows >= 0));
    }
    let beyond = points.last().copied().unwrap_or(0) + 7;
    points.insert(beyond);
    Some(points)
}

/// Pairs of a number of bad rows and its thresholds.
fn bad_rows(old: &Common, new: &Common, measures: Measures, among: bool) -> Option<Pairs> {
    let limits = limits(old, new);
    let shares = limits.iter().filter(|limit| limit.percent).count();
    let mut pairs = Pairs::new();
    let mut at = |was: i128, is: i128, rows: i128| {
        if compares(measures, was, is) && (!among || (was <= rows && is <= rows)) {
            pairs.insert((Some(end(old, was, rows)), Some(end(new, is, rows))));
        }
    };
    let rows_needed = needed(old).max(needed(new));
    if shares == 0 {
        let bounds: Vec<Decimal> = limits.iter().map(|limit| limit.bound).collect();
        let points = counts(&bounds, old, new)?;
        let rows = counts(&[], old, new)?.into_iter().chain(points.last().copied());
        for rows in rows.collect::<BTreeSet<i128>>() {
            for was in &points {
                points.iter().for_each(|is| at(*was, *is, rows));
            }
        }
        return Some(pairs);
    }
    if rows_needed > FEW {
        return None; // too many small numbers of rows to look at each
    }
    for few in counts(&[], old, new)?.into_iter().filter(|few| *few < rows_needed) {
        for was in 0..=few {
            (0..=few).for_each(|is| at(was, is, few));
        }
    }
    let (points, rows) = share_points(&limits)?;
    if shares == limits.len() {
        let rows = if rows < rows_needed { return None } else { rows };
        for was in &points {
            points.iter().for_each(|is| at(*was, *is, rows));
        }
        return Some(pairs);
    }
    // Numbers beside shares: each number of bad rows can be each share of some number of rows, but 0, which is 0 of all.
    let numbers: Vec<Decimal> = limits.iter().filter(|limit| !limit.percent).map(|limit| limit.bound).collect();
    let numbers = counts(&numbers, old, new)?;
    let both: Vec<(i128, i128)> = numbers
        .iter()
        .flat_map(|number| points.iter().map(|share| (*number, *share)))
        .filter(|(number, share)| (*number == 0) == (*share == 0))
        .collect();
    for was in &both {
        for is in both.iter().filter(|is| compares(measures, was.0, is.0) && compares(measures, was.1, is.1)) {
            pairs.insert((Some(end_of_share(old, *was, rows)), Some(end_of_share(new, *is, rows))));
        }
    }
    Some(pairs)
}

/// A number of rows, and how many of them are bad, for every share at which something can change.
fn share_points(limits: &[&Threshold]) -> Option<(BTreeSet<i128>, i128)> {
    let shares: Vec<&&Threshold> = limits.iter().filter(|limit| limit.percent).collect();
    let scale = shares.iter().map(|limit| limit.bound.normalize().scale()).max().unwrap_or(0);
    if scale > DIGITS {
        return None;
    }
    // Of so many rows each bound is a whole number, and its neighbours lie between it and the next bound.
    let unit = 4 * 10_i128.pow(scale);
    let rows = 100 * unit;
    let mut points = BTreeSet::from([0, 1, rows - 1, rows]);
    for limit in shares {
        let point = limit.bound.checked_mul(Decimal::from_i128_with_scale(unit, 0)).and_then(|point| point.to_i128())?;
        points.extend((point - 1..=point + 1).filter(|point| (0..=rows).contains(point)));
    }
    Some((points, rows))
}

fn compares(measures: Measures, was: i128, is: i128) -> bool {
    match measures {
        Measures::Same => was == is,
        Measures::Fewer => is <= was,
        Measures::More => is >= was,
        Measures::Anything => true,
    }
}

/// The ending over enough rows where so many are bad, which are such a share (of `rows`): each threshold compared with its own.
fn end_of_share(common: &Common, (number, share): (i128, i128), rows: i128) -> End {
    let crossed = |limit: &Option<At<Threshold>>| {
        let alone = Common { hold_if: limit.clone(), ..Common::default() };
        limit.as_ref().map(|limit| {
            judge::crossed(&alone, if limit.percent { share } else { number }, if limit.percent { rows } else { number.max(1) })
                .map(|asks| asks.is_some())
        })
    };
    match (crossed(&common.hold_if), crossed(&common.warn_if)) {
        (Some(Err(_)), _) | (_, Some(Err(_))) => End::Error,
        (Some(Ok(true)), _) => End::FailHold,
        (_, Some(Ok(true))) => End::FailWarn,
        (Some(Ok(false)), _) | (_, Some(Ok(false))) => End::Pass,
        (None, None) if number > 0 => match judge::severity(common) {
            Severity::Warn => End::FailWarn,
            Severity::Hold => End::FailHold,
        },
        (None, None) => End::Pass,
    }
}

fn end(common: &Common, bad: i128, rows: i128) -> End {
    match judge::enough(common, rows) {
        Ok(None) => {}
        Ok(Some(_)) => return End::TooFewRows,
        Err(_) => return End::Error,
    }
    match judge::crossed(common, bad, rows) {
        Ok(None) => End::Pass,
        Ok(Some((Severity::Warn, _))) => End::FailWarn,
        Ok(Some((Severity::Hold, _))) => End::FailHold,
        Err(_) => End::Error,
    }
}
