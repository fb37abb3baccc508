//! The segments into which the rows of two relations are put by key, so that their engines sum up the same ones. Not for what is asked: see `checksums`.

use std::collections::{BTreeMap, BTreeSet};

use super::checksums::Ends;
use crate::check::field::{Field, Record};
use crate::check::judge::fault;
use crate::check::outcome::{Fault, Reason};

/// A segment is split into so many: a hexadecimal digit of a checksum.
const SPLIT: u32 = 4;
/// Most hexadecimal digits that name a segment.
const DIGITS: u32 = 12;

/// Which segments there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// `(key - low) >> shift`, of the first column of the key.
    Range { low: i64, shift: u32 },
    /// So many hexadecimal digits of the checksum of the key.
    Hash { digits: u32 },
}

/// What one side says of a segment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Summed {
    pub(super) rows: u64,
    checksums: [u64; 2],
    sums: Vec<String>,
    /// Keys that come again; asked of one side.
    again: u64,
}

pub(super) type Segments = BTreeMap<i128, Summed>;

/// About the root of the rows: then neither the segments nor the rows of one are many.
fn wanted(rows: u64) -> u64 {
    (rows.isqrt() / 4).max(1)
}

/// The hexadecimal digits by which rows are put into segments first.
pub(super) fn digits(rows: u64) -> u32 {
    let mut digits = 1;
    while 16_u64.pow(digits) < wanted(rows) && 16_u64.pow(digits + 1) * 3 <= rows / 100 {
        digits += 1;
    }
    digits
}

pub(super) fn first(ends: [Ends; 2], whole: bool) -> By {
    let rows = ends[0].rows.max(ends[1].rows);
    let keys = || ends.iter().filter_map(|ends| ends.keys);
    let low = keys().map(|(low, _)| low).min().filter(|_| whole);
    let high = keys().map(|(_, high)| high).max();
    let range = low.zip(high).and_then(|(low, high)| {
        // Differences must be numbers of the engines' own.
        let span = high.checked_sub(low).filter(|_| low > i64::MIN)?.unsigned_abs();
        let width = (span / wanted(rows)).checked_add(1)?.checked_next_power_of_two()?;
        Some(By::Range { low, shift: width.trailing_zeros() }).filter(|_| width < 1 << 62)
    });
    range.unwrap_or(By::Hash { digits: digits(rows) })
}

pub(super) fn finer(by: By) -> Option<By> {
    match by {
        By::Range { shift: 0, .. } => None,
        By::Range { low, shift } => Some(By::Range { low, shift: shift.saturating_sub(SPLIT) }),
        By::Hash { digits } => (digits < DIGITS).then_some(By::Hash { digits: digits + 1 }),
    }
}

/// The segments in which anything differs, or a key comes again; with the rows of both sides there.
pub(super) fn unequal(segments: &[Segments; 2]) -> BTreeMap<i128, [u64; 2]> {
    let [left, right] = segments;
    let names: BTreeSet<&i128> = left.keys().chain(right.keys()).collect();
    let none = Summed::default();
    let mut found = BTreeMap::new();
    for name in names {
        let (l, r) = (left.get(name).unwrap_or(&none), right.get(name).unwrap_or(&none));
        let same = l.rows == r.rows && l.checksums == r.checksums && l.sums == r.sums;
        if !same || l.again > 0 || r.again > 0 {
            found.insert(*name, [l.rows, r.rows]);
        }
    }
    found
}

/// That a row is in one of these segments.
pub(super) fn condition(by: By, key: &str, segments: &[i128]) -> String {
    match by {
        By::Range { low, shift } => {
            let mut ranges: Vec<(i128, i128)> = Vec::new();
            for segment in segments {
                let from = i128::from(low) + (segment << shift);
                let to = from + (1_i128 << shift) - 1;
                match ranges.last_mut() {
                    // Neighbours are one range.
                    Some(last) if last.1 + 1 == from => last.1 = to,
                    _ => ranges.push((from, to)),
                }
            }
            // What is beyond all keys is no number of the engine's.
            let range = |(from, to): &(i128, i128)| format!("{key} between {from} and {}", (*to).min(i64::MAX.into()));
            ranges.iter().map(range).collect::<Vec<_>>().join(" or ")
        }
        By::Hash { digits } => format!("substr(in_key, 1, {digits}) in ({})", named(segments, digits)),
    }
}

pub(super) fn named(segments: &[i128], digits: u32) -> String {
    let width = usize::try_from(digits).unwrap_or(1);
    segments.iter().map(|segment| format!("'{segment:0width$x}'")).collect::<Vec<_>>().join(", ")
}

/// One row of an answer about segments.
pub(super) fn read(record: &dyn Record, by: By, numbers: usize) -> Result<(i128, Summed), Fault> {
    let wrong = |what: &str, said: &Field<'_>| fault(Reason::WrongType, format!("the {what} of a segment is {said:?}"));
    let whole = |at: usize, what: &str| match record.field(at) {
        Field::Whole(value) => Ok(value),
        // A sum of no places.
        Field::Exact { value, scale: 0 } => Ok(value),
        other => Err(wrong(what, &other)),
    };
    let text = |at: usize, what: &str| match record.field(at) {
        Field::Text(text) => Ok(text.into_owned()),
        other => Err(wrong(what, &other)),
    };
    let segment = match by {
        By::Range { .. } => whole(0, "number")?,
        By::Hash { .. } => {
            let digits = text(0, "number")?;
            i128::from_str_radix(&digits, 16).map_err(|_| wrong("number", &Field::Text(digits.into())))?
        }
    };
    // Halves are whole numbers of 64 bits with a sign or without, by engine: their sums agree in their last 64 bits.
    let half = |at: usize| {
        let written = text(at, "checksum")?;
        let sum: i128 = written.parse().map_err(|_| wrong("checksum", &Field::Text(written.clone().into())))?;
        u64::try_from(sum.rem_euclid(1 << 64)).map_err(|_| wrong("checksum", &Field::Text(written.into())))
    };
    let count = |at: usize, what: &str| {
        u64::try_from(whole(at, what)?).map_err(|_| fault(Reason::OutOfRange, format!("the {what} of a segment is negative")))
    };
    let sums = (0..numbers).map(|number| text(5 + number, "sum")).collect::<Result<Vec<_>, Fault>>()?;
    Ok((segment, Summed { rows: count(1, "number of rows")?, checksums: [half(2)?, half(3)?], sums, again: count(4, "number of keys")? }))
}
