//! Two relations row by row, while their rows stream by: what is kept of each side so that equal sides are seen to be equal, and where to look when they
//! are not. Then the rows of the places that differ, compared in full.
//!
//! A row is put by its key into one of many segments. Of each segment the number of rows and the sum of their 128-bit checksums are kept; the sums of
//! the numbers are kept beside, so that no checksum alone says that two sides agree.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hasher, RandomState};

use super::alike::{Class, spoken};
use super::field::{Field, Record};
use super::judge::fault;
use super::outcome::{Fault, Reason};

/// Segments: the more, the fewer rows are looked at again.
const SEGMENTS: usize = 1 << 16;
/// Places after the point by which sums are kept.
const SCALES: usize = 40;

/// How the columns of a side's rows are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Where each part of the key stands on this side, and what it is compared as.
    pub keys: Vec<(usize, Class)>,
    /// The same of each column.
    pub columns: Vec<(usize, Class)>,
}

/// Which segment a key belongs to. The same on both sides.
#[derive(Debug, Clone)]
pub struct Segmenting {
    how: How,
    /// Two keyed hashes, secret and new in each run: nobody can make rows whose checksums are equal.
    seeds: [RandomState; 2],
}

#[derive(Debug, Clone, Copy)]
enum How {
    /// By the first part of the key, a whole number: `(key - low) >> shift`.
    Ranges { low: i128, shift: u32 },
    /// By the key's checksum.
    Hashed,
}

/// What is kept of one side.
#[derive(Debug)]
pub struct Tally {
    /// Rows in all.
    pub rows: u64,
    /// Rows whose key is NULL in a part.
    pub null_keys: u64,
    segments: Vec<(u64, u128)>,
    /// By column of numbers: by places after the point; `None` where they are too large to be summed.
    sums: Vec<Option<[i128; SCALES]>>,
    /// What stands for each key, to see whether one comes twice; and its segment.
    keys: Vec<(u64, u32)>,
    /// The form of the row that was added last.
    form: Vec<u8>,
}

impl Segmenting {
    /// By ranges of a whole number between these, ends included.
    pub fn by_range(low: i128, high: i128) -> Option<Segmenting> {
        let span = high.checked_sub(low)?;
        let width = span.checked_div(i128::try_from(SEGMENTS).ok()?)?.checked_add(1)?;
        let shift = u128::try_from(width).ok()?.checked_next_power_of_two()?.trailing_zeros();
        Some(Segmenting { how: How::Ranges { low, shift }, seeds: [RandomState::new(), RandomState::new()] })
    }
    /// By checksum.
    pub fn by_hash() -> Segmenting {
        Segmenting { how: How::Hashed, seeds: [RandomState::new(), RandomState::new()] }
    }
    fn checksum(&self, form: &[u8]) -> u128 {
        let [high, low] = self.seeds.each_ref().map(|seed| {
            let mut hasher = seed.build_hasher();
            hasher.write(form);
            u128::from(hasher.finish())
        });
        high << 64 | low
    }
    fn one(&self, form: &[u8]) -> u64 {
        let mut hasher = self.seeds[0].build_hasher();
        hasher.write(form);
        hasher.finish()
    }
    /// The segment of a row, and what stands for its key. `form` is the key's.
    fn of(&self, first: &Field<'_>, form: &[u8], single: bool) -> Result<(usize, u64), Fault> {
        let lost = || fault(Reason::Internal, "a key has no segment");
        match (self.how, first) {
            (How::Ranges { low, shift }, Field::Whole(key)) => {
                // Keys outside of the range are in the last segments on either end.
                let place = key.saturating_sub(low).max(0) >> shift;
                let segment = usize::try_from(place).unwrap_or(usize::MAX).min(SEGMENTS - 1);
                let stands = match i64::try_from(*key) {
                    Ok(key) if single => key.cast_unsigned(),
                    _ => self.one(form),
                };
                Ok((segment, stands))
            }
            (How::Ranges { .. }, _) => Err(lost()),
            (How::Hashed, _) => {
                let hash = self.one(form);
                let segment = usize::try_from(hash >> 48).map_err(|_| lost())?.min(SEGMENTS - 1);
                Ok((segment, hash))
            }
        }
    }
    /// The keys of a segment, ends included; `None` at an end that is open, and for segments that are no ranges.
    pub fn range(&self, segment: usize) -> Option<(Option<i128>, Option<i128>)> {
        let How::Ranges { low, shift } = self.how else { return None };
        let place = i128::try_from(segment).ok()?;
        let from = low.checked_add(place << shift)?;
        let to = from.checked_add((1_i128 << shift) - 1)?;
        Some(((segment > 0).then_some(from), (segment < SEGMENTS - 1).then_some(to)))
    }
}

impl Layout {
    fn key(&self, record: &dyn Record, form: &mut Vec<u8>) -> Result<bool, Fault> {
        let mut null = false;
        for (at, class) in &self.keys {
            let value = record.field(*at);
            null |= value == Field::Null;
            class.write(&value, form)?;
        }
        Ok(!null)
    }
}

impl Tally {
    /// Nothing seen yet.
    pub fn new(layout: &Layout) -> Tally {
        let sums = layout.columns.iter().map(|(_, class)| (*class == Class::Number).then_some([0; SCALES])).collect();
        Tally { rows: 0, null_keys: 0, segments: vec![(0, 0); SEGMENTS], sums, keys: Vec::new(), form: Vec::new() }
    }

    /// Adds a row. `watched` keeps what stands for its key.
    ///
    /// # Errors
    /// A value that cannot be compared.
    pub fn add(&mut self, record: &dyn Record, layout: &Layout, by: &Segmenting, watched: bool) -> Result<(), Fault> {
        self.rows += 1;
        let mut form = std::mem::take(&mut self.form);
        form.clear();
        if !layout.key(record, &mut form)? {
            self.null_keys += 1;
            self.form = form;
            return Ok(());
        }
        let first = layout.keys.first().map_or(Field::Null, |(at, _)| record.field(*at));
        let (segment, stands) = by.of(&first, &form, layout.keys.len() == 1)?;
        if watched {
            self.keys.push((stands, u32::try_from(segment).unwrap_or(u32::MAX)));
        }
        for ((at, class), sum) in layout.columns.iter().zip(&mut self.sums) {
            let value = record.field(*at);
            class.write(&value, &mut form)?;
            add_to(sum, &value);
        }
        let checksum = by.checksum(&form);
        self.form = form;
        let place = self.segments.get_mut(segment).ok_or_else(|| fault(Reason::Internal, "a key has no segment"))?;
        *place = (place.0 + 1, place.1.wrapping_add(checksum));
        Ok(())
    }

    /// The segments of keys that came more than once.
    fn repeated(&mut self) -> Vec<usize> {
        self.keys.sort_unstable();
        let twice = self.keys.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        let mut segments: Vec<usize> = twice.filter_map(|pair| usize::try_from(pair[0].1).ok()).collect();
        segments.sort_unstable();
        segments.dedup();
        segments
    }
}

fn add_to(sum: &mut Option<[i128; SCALES]>, value: &Field<'_>) {
    let Some(scales) = sum else { return };
    let (value, scale) = match value {
        Field::Whole(value) => (*value, 0),
        Field::Exact { value, scale } => (*value, *scale),
        Field::Null => return,
        _ => return *sum = None,
    };
    let place = usize::try_from(scale).ok().and_then(|scale| scales.get_mut(scale));
    match place.and_then(|place| place.checked_add(value).map(|added| (place, added))) {
        Some((place, added)) => *place = added,
        None => *sum = None,
    }
}

/// Whether sums by scale come to nothing; `None` where that cannot be computed exactly.
fn is_zero(scales: &[i128; SCALES]) -> Option<bool> {
    let finest = scales.iter().rposition(|value| *value != 0);
    let Some(finest) = finest else { return Some(true) };
    let mut total = 0_i128;
    for value in &scales[..=finest] {
        // Each scale counts ten times as finely as the one before.
        total = total.checked_mul(10)?.checked_add(*value)?;
    }
    Some(total == 0)
}

/// The segments in which the sides differ, or in which a key of the left comes twice, with the rows that both sides have there.
pub fn unequal(left: &mut Tally, right: &Tally) -> Vec<(usize, u64)> {
    let mut found: Vec<(usize, u64)> = Vec::new();
    for (segment, (l, r)) in left.segments.iter().zip(&right.segments).enumerate() {
        if l != r {
            found.push((segment, l.0 + r.0));
        }
    }
    for segment in left.repeated() {
        if let Some((l, r)) = left.segments.get(segment).zip(right.segments.get(segment)) {
            found.push((segment, l.0 + r.0));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The rows of the segments that are looked at again, of one side.
#[derive(Debug, Default)]
pub struct Held {
    rows: HashMap<Vec<u8>, HeldRow>,
    /// How many rows that are.
    pub count: u64,
    sums: Vec<Option<[i128; SCALES]>>,
}

#[derive(Debug)]
struct HeldRow {
    key: String,
    cells: Vec<Vec<u8>>,
    times: u64,
}

impl Held {
    /// Nothing held yet.
    pub fn new(layout: &Layout) -> Held {
        let sums = layout.columns.iter().map(|(_, class)| (*class == Class::Number).then_some([0; SCALES])).collect();
        Held { rows: HashMap::new(), count: 0, sums }
    }
    /// Keeps a row if its segment is one of `segments`, which are in order.
    ///
    /// # Errors
    /// A value that cannot be compared.
    pub fn keep(&mut self, record: &dyn Record, layout: &Layout, by: &Segmenting, segments: &[usize]) -> Result<(), Fault> {
        let mut form = Vec::new();
        if !layout.key(record, &mut form)? {
            return Ok(());
        }
        let first = layout.keys.first().map_or(Field::Null, |(at, _)| record.field(*at));
        let (segment, _) = by.of(&first, &form, layout.keys.len() == 1)?;
        if segments.binary_search(&segment).is_err() {
            return Ok(());
        }
        self.hold(record, layout)
    }

    /// Keeps a row, whatever its segment; not one with NULL in its key.
    ///
    /// # Errors
    /// A value that cannot be compared.
    pub fn hold(&mut self, record: &dyn Record, layout: &Layout) -> Result<(), Fault> {
        let mut form = Vec::new();
        if !layout.key(record, &mut form)? {
            return Ok(());
        }
        let mut cells = Vec::with_capacity(layout.columns.len());
        for ((at, class), sum) in layout.columns.iter().zip(&mut self.sums) {
            let value = record.field(*at);
            let mut cell = Vec::new();
            class.write(&value, &mut cell)?;
            add_to(sum, &value);
            cells.push(cell);
        }
        let key = layout.keys.iter().map(|(at, _)| spoken(&record.field(*at))).collect::<Vec<_>>().join(", ");
        self.count += 1;
        self.rows.entry(form).and_modify(|row| row.times += 1).or_insert(HeldRow { key, cells, times: 1 });
        Ok(())
    }
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Keys of both sides whose rows differ.
    pub differing: u64,
    /// Keys of the left alone, and of the right.
    pub left_only: u64,
    /// See `left_only`.
    pub right_only: u64,
    /// Keys that a side has more than once.
    pub repeated: u64,
    /// By column, how many rows differ in it.
    pub columns: BTreeMap<usize, u64>,
    /// The first of them by key: the key, what is wrong, the columns that differ.
    pub listed: Vec<(String, &'static str, Vec<usize>)>,
}

impl Differences {
    /// How many keys disagree.
    pub fn number(&self) -> u64 {
        self.differing.saturating_add(self.left_only).saturating_add(self.right_only).saturating_add(self.repeated)
    }
}

/// Compares the rows that are held, at most `most` of them listed.
pub fn differences(left: &Held, right: &Held, most: usize) -> Differences {
    let mut found = Differences::default();
    let mut all: Vec<(String, &'static str, Vec<usize>)> = Vec::new();
    for (form, row) in &left.rows {
        match right.rows.get(form) {
            other if row.times > 1 || other.is_some_and(|other| other.times > 1) => all.push((row.key.clone(), "repeated", Vec::new())),
            None => all.push((row.key.clone(), "left_only", Vec::new())),
            Some(other) => {
                let apart = row.cells.iter().zip(&other.cells).enumerate().filter(|(_, (l, r))| l != r);
                let apart: Vec<usize> = apart.map(|(at, _)| at).collect();
                if !apart.is_empty() {
                    all.push((row.key.clone(), "differs", apart));
                }
            }
        }
    }
    for (_, row) in right.rows.iter().filter(|(form, _)| !left.rows.contains_key(*form)) {
        all.push((row.key.clone(), if row.times > 1 { "repeated" } else { "right_only" }, Vec::new()));
    }
    for (_, state, columns) in &all {
        match *state {
            "differs" => found.differing += 1,
            "left_only" => found.left_only += 1,
            "right_only" => found.right_only += 1,
            _ => found.repeated += 1,
        }
        columns.iter().for_each(|column| *found.columns.entry(*column).or_default() += 1);
    }
    // Whole numbers in their order, and the rest as text.
    all.sort_by(|a, b| (a.0.parse::<i128>().ok(), a).cmp(&(b.0.parse::<i128>().ok(), b)));
    all.truncate(most);
    found.listed = all;
    found
}

/// Whether rows and sums agree where the checksums do: in all that was not looked at again.
///
/// # Errors
/// They do not, so that a checksum or the second look is wrong.
pub fn accounted(left: (&Tally, &Held), right: (&Tally, &Held)) -> Result<(), Fault> {
    let rest = |(tally, held): (&Tally, &Held)| (tally.rows - tally.null_keys).checked_sub(held.count);
    let wrong = |what: &str| fault(Reason::Internal, format!("where the checksums of both sides agree, {what} do not; please report this"));
    if rest(left).is_none() || rest(left) != rest(right) {
        return Err(wrong("their numbers of rows"));
    }
    let sums = left.0.sums.iter().zip(&left.1.sums).zip(right.0.sums.iter().zip(&right.1.sums));
    for ((left, left_held), (right, right_held)) in sums {
        let [Some(left), Some(left_held), Some(right), Some(right_held)] = [left, left_held, right, right_held] else { continue };
        let mut apart = [0_i128; SCALES];
        for (at, apart) in apart.iter_mut().enumerate() {
            *apart = left[at].wrapping_sub(left_held[at]).wrapping_sub(right[at].wrapping_sub(right_held[at]));
        }
        if is_zero(&apart) == Some(false) {
            return Err(wrong("the sums of their numbers"));
        }
    }
    Ok(())
}
