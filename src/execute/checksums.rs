//! Two relations row by row, summed up by their engines: the checksums of segments are compared, segments that differ are split again, and only the rows of
//! small ones that differ are fetched and compared in full. Not for the SQL, which is the templates' (`macros/reconcile_rows.sql`).

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};

use super::across::{Limits, Sessions, both};
use super::layouts::Layouts;
use super::rows::{Seen, looked_at, too_many};
use super::segments::{By, Segments, condition, digits, finer, first, named, read, unequal};
use crate::check::alike::Class;
use crate::check::field::{Column, Record};
use crate::check::judge::fault;
use crate::check::measurement::Cell;
use crate::check::outcome::{Fault, Reason};
use crate::check::reconcile_rows::LISTED;
use crate::check::rows::{Held, differences};
use crate::plan::compare::{Checksums, Comparison, Side};
use crate::warehouse::Session;

/// Segments that are as small as this are not split again.
const SMALL: u64 = 64;
/// Nor is anything where the rows of segments that differ are this part of all.
const FEW: u64 = 256;
/// Most segments that are split.
const MOST_SPLIT: usize = 2000;
/// Most ranges or segments that one statement names.
const NAMED: usize = 200;
/// Most arguments of one function.
const ARGUMENTS: usize = 50;

/// How both sides write their rows as text.
pub(super) struct Texts<'a> {
    sides: [Text<'a>; 2],
}

struct Text<'a> {
    of: &'a Checksums,
    keys: String,
    cells: String,
    /// Of each column of exact numbers.
    sums: String,
    numbers: usize,
    present: String,
}

impl<'a> Texts<'a> {
    /// Says of both sides how their rows are written.
    ///
    /// # Errors
    /// The columns that have no text that is the same on both engines, for people.
    pub(super) fn of(comparison: &'a Comparison, layouts: &Layouts) -> Result<Texts<'a>, String> {
        let one = |at: usize, side: &'a Side| {
            let of = side.checksums.as_ref().ok_or_else(|| "an engine has no checksums".to_owned())?;
            Text::of(of, layouts, at)
        };
        Ok(Texts { sides: [one(0, &comparison.left)?, one(1, &comparison.right)?] })
    }
}

impl<'a> Text<'a> {
    fn of(of: &'a Checksums, layouts: &Layouts, at: usize) -> Result<Text<'a>, String> {
        let (layout, columns) = (&layouts.sides[at], &layouts.columns[at]);
        let mut without = Vec::new();
        let mut cells = |places: &[(usize, Class)]| -> Vec<String> {
            let cell = |(place, class): &(usize, _)| {
                let column = columns.get(*place)?;
                let found = layouts.quoted(at, *place).and_then(|name| of.cell(&name, &column.sort, *class));
                if found.is_none() {
                    without.push(format!("`{}`, {}", column.name, column.sort.spoken()));
                }
                found
            };
            places.iter().filter_map(cell).collect()
        };
        let keys = cells(&layout.keys);
        let all: Vec<String> = keys.iter().cloned().chain(cells(&layout.columns)).collect();
        if !without.is_empty() {
            return Err(format!("{} has no text that is the same on every engine", without.join("; ")));
        }
        let (mut sums, mut numbers) = (String::new(), 0);
        for (place, _) in layout.columns.iter().filter(|(_, class)| *class == Class::Number) {
            let sort = columns.get(*place).map(|column| column.sort.name()).unwrap_or_default();
            if let Some((name, sum)) = layouts.quoted(at, *place).zip(of.sums.get(sort)) {
                numbers += 1;
                sums += &format!(",\n    {} as sum_{numbers}", Checksums::filled(sum, &[("column", &name)]));
            }
        }
        Ok(Text { of, keys: joined(&keys), cells: joined(&all), sums, numbers, present: layouts.present(at) })
    }
}

/// The arguments of `concat_ws`, of which an engine takes no more than a hundred.
fn joined(cells: &[String]) -> String {
    let groups: Vec<String> = cells.chunks(ARGUMENTS).map(|group| group.join(",\n            ")).collect();
    match groups.as_slice() {
        [one] => one.clone(),
        groups => joined(&groups.iter().map(|group| format!("concat_ws('|', {group})")).collect::<Vec<_>>()),
    }
}

/// What is known of both sides before anything is summed up.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Ends {
    pub(super) rows: u64,
    null_keys: u64,
    pub(super) keys: Option<(i64, i64)>,
}

/// Counts the rows of both sides, and looks for the first and the last key where that is a whole number.
pub(super) fn ends(sessions: &mut Sessions<'_>, comparison: &Comparison, layouts: &Layouts, limits: Limits) -> Result<[Ends; 2], Fault> {
    let ask = |session: &mut dyn Session, side: &Side, at: usize| {
        let (present, key) = (layouts.present(at), side.key.as_deref().unwrap_or_default());
        let ends = if layouts.whole { format!(", min({key}) as low, max({key}) as high") } else { String::new() };
        let sql = format!(
            "select count(*) as rows_there, count(case when {present} then 1 end) as present{ends} from (\n{}\n) as side",
            side.sql
        );
        let rows = session.query(&sql, limits.time)?;
        let wrong = |said: &Option<&Vec<Cell>>| fault(Reason::WrongType, format!("the number of rows is {said:?}"));
        let row = rows.rows.first();
        let (Some(Cell::Int(rows)), Some(Cell::Int(present))) = (row.and_then(|row| row.first()), row.and_then(|row| row.get(1))) else {
            return Err(wrong(&row));
        };
        let number = |number: i128| u64::try_from(number).map_err(|_| wrong(&row));
        let end = |at: usize| match row.and_then(|row| row.get(at)) {
            Some(Cell::Int(key)) => i64::try_from(*key).ok(),
            _ => None,
        };
        Ok(Ends { rows: number(*rows)?, null_keys: number(rows - present)?, keys: end(2).zip(end(3)) })
    };
    both(sessions, comparison, ask).map(|(left, right)| [left, right])
}

/// Sums up, splits what differs, and compares the rows of what is small.
pub(super) fn measure(
    comparison: &Comparison,
    texts: &Texts<'_>,
    layouts: &Layouts,
    ends: [Ends; 2],
    sessions: &mut Sessions<'_>,
    limits: Limits,
) -> Result<Seen, Fault> {
    let salt: String = (0..2).map(|part| format!("{:016x}", RandomState::new().hash_one(part))).collect();
    // One side is enough: where both have the same rows, neither has a key twice. The cheaper one is asked.
    let watched = usize::from(texts.sides[1].of.dialect == "duckdb" && texts.sides[0].of.dialect != "duckdb");
    let mut asking = Asking { comparison, texts, layouts, salt, watched, limits, moved: [0; 2] };
    let rows = ends[0].rows.max(ends[1].rows);
    let mut by = first(ends, layouts.whole);
    let mut segments = asking.summed(sessions, by, None)?;
    if matches!(by, By::Range { .. }) && segments[0].values().chain(segments[1].values()).any(|segment| segment.rows > SMALL.max(rows / 4))
    {
        // Keys that stand close together in a wide range are in few segments.
        by = By::Hash { digits: digits(rows) };
        segments = asking.summed(sessions, by, None)?;
    }
    for (segments, ends) in segments.iter().zip(ends) {
        if segments.values().map(|segment| segment.rows).sum::<u64>() != ends.rows - ends.null_keys {
            return Err(fault(Reason::SnapshotMoved, "the rows that were summed up are not those that were counted"));
        }
    }
    let mut apart = unequal(&segments);
    let total = ends[0].rows.saturating_add(ends[1].rows);
    while let Some(finer) = finer(by).filter(|_| !apart.is_empty() && apart.len() <= MOST_SPLIT) {
        let there: u64 = apart.values().flatten().sum();
        if there <= total / FEW || apart.values().all(|rows| rows.iter().max().is_some_and(|rows| *rows <= SMALL)) {
            break;
        }
        let split = asking.summed(sessions, finer, Some((by, &apart.keys().copied().collect())))?;
        let smaller = unequal(&split);
        if smaller.is_empty() {
            return Err(moved_again());
        }
        let left: u64 = smaller.values().flatten().sum();
        (by, apart) = (finer, smaller);
        if left > there / 2 {
            break;
        }
    }
    let there = apart.iter().map(|(segment, rows)| ((*segment, *rows), rows.iter().sum()));
    let taken: BTreeMap<i128, [u64; 2]> = looked_at(there, limits).into_iter().collect();
    let held = asking.held(sessions, by, &taken)?;
    for (at, held) in held.iter().enumerate() {
        if held.count != taken.values().map(|rows| rows[at]).sum::<u64>() {
            return Err(moved_again());
        }
    }
    let found = differences(&held[0], &held[1], LISTED);
    if found.number() == 0 && !taken.is_empty() {
        return Err(moved_again());
    }
    let moved = asking.moved[0].saturating_add(asking.moved[1]);
    Ok(Seen {
        found,
        null_keys: ends[0].null_keys.saturating_add(ends[1].null_keys),
        rows: ends.map(|ends| ends.rows),
        moved,
        unseen: u64::try_from(apart.len() - taken.len()).unwrap_or(u64::MAX),
    })
}

fn moved_again() -> Fault {
    let detail = "the checksums of both sides differ, and no row does: the rows that were fetched are not those that were summed up, or the engines write \
                  a value differently; `strategy: stream` compares every row";
    fault(Reason::SnapshotMoved, detail)
}

struct Asking<'a> {
    comparison: &'a Comparison,
    texts: &'a Texts<'a>,
    layouts: &'a Layouts,
    salt: String,
    /// The side that is asked for keys that come again.
    watched: usize,
    limits: Limits,
    /// Rows that came, of each side: those of answers about segments, too.
    moved: [u64; 2],
}

impl Asking<'_> {
    /// What both sides say of each segment; of parts of some segments of a coarser kind, if wanted.
    fn summed(&mut self, sessions: &mut Sessions<'_>, by: By, within: Option<(By, &BTreeSet<i128>)>) -> Result<[Segments; 2], Fault> {
        let this = &*self;
        let ask = |session: &mut dyn Session, side: &Side, at: usize| {
            let mut segments = Segments::new();
            for sql in this.statements(side, at, by, within) {
                session.stream(&sql, this.limits.time, &mut |_: &[Column], record: &dyn Record| {
                    let (segment, summed) = read(record, by, this.texts.sides[at].numbers)?;
                    if segments.insert(segment, summed).is_some() {
                        return Err(fault(Reason::SeveralRows, "a segment was summed up twice"));
                    }
                    Ok(())
                })?;
            }
            Ok(segments)
        };
        let (left, right) = both(sessions, self.comparison, ask)?;
        for (at, segments) in [&left, &right].into_iter().enumerate() {
            self.count(at, u64::try_from(segments.len()).unwrap_or(u64::MAX))?;
        }
        Ok([left, right])
    }

    fn count(&mut self, at: usize, rows: u64) -> Result<(), Fault> {
        self.moved[at] = self.moved[at].saturating_add(rows);
        if self.moved[at] > self.limits.rows { Err(too_many(self.limits.rows)) } else { Ok(()) }
    }

    fn statements(&self, side: &Side, at: usize, by: By, within: Option<(By, &BTreeSet<i128>)>) -> Vec<String> {
        let text = &self.texts.sides[at];
        let key = side.key.as_deref().unwrap_or_default();
        let (low, width, digits, template) = match by {
            By::Range { low, shift } => (low.to_string(), (1_i64 << shift).to_string(), String::new(), &text.of.by_range),
            By::Hash { digits } => (String::new(), String::new(), digits.to_string(), &text.of.by_hash),
        };
        let again = match (at == self.watched, by) {
            (false, _) => "0".to_owned(),
            (true, By::Hash { .. }) => "count(*) - count(distinct in_key)".to_owned(),
            (true, By::Range { .. }) if self.layouts.sides[at].keys.len() == 1 => format!("count(*) - count(distinct {key})"),
            (true, By::Range { .. }) => format!("count(*) - count(distinct concat_ws('|', {}))", text.keys),
        };
        let one = |condition: Option<String>| {
            let everything = || "1 = 1".to_owned();
            let (in_range, in_hash) = match by {
                By::Range { .. } => (condition.unwrap_or_else(everything), everything()),
                By::Hash { .. } => (everything(), condition.unwrap_or_else(everything)),
            };
            let values = [
                ("relation", side.sql.as_str()),
                ("key", key),
                ("keys", &text.keys),
                ("cells", &text.cells),
                ("salt", &self.salt),
                ("present", &text.present),
                ("again", &again),
                ("low", &low),
                ("width", &width),
                ("digits", &digits),
                ("in_range", &in_range),
                ("in_hash", &in_hash),
                ("sums", &text.sums),
            ];
            Checksums::filled(template, &values)
        };
        match within {
            None => vec![one(None)],
            Some((coarser, segments)) => {
                let segments: Vec<i128> = segments.iter().copied().collect();
                segments.chunks(NAMED).map(|chunk| one(Some(condition(coarser, key, chunk)))).collect()
            }
        }
    }

    /// The rows of segments, of both sides.
    fn held(&mut self, sessions: &mut Sessions<'_>, by: By, segments: &BTreeMap<i128, [u64; 2]>) -> Result<[Held; 2], Fault> {
        let names: Vec<i128> = segments.keys().copied().collect();
        let this = &*self;
        let ask = |session: &mut dyn Session, side: &Side, at: usize| {
            let (layout, text) = (&this.layouts.sides[at], &this.texts.sides[at]);
            let key = side.key.as_deref().unwrap_or_default();
            let left = this.limits.rows.saturating_sub(this.moved[at]);
            let mut held = Held::new(layout);
            for chunk in names.chunks(NAMED) {
                let sql = match by {
                    By::Range { .. } => {
                        format!("select * from (\n{}\n) as side where ({}) and {}", side.sql, condition(by, key, chunk), text.present)
                    }
                    By::Hash { digits } => {
                        let (digits, segments) = (digits.to_string(), named(chunk, digits));
                        let values = [
                            ("relation", side.sql.as_str()),
                            ("keys", &text.keys),
                            ("salt", &this.salt),
                            ("present", &text.present),
                            ("digits", &digits),
                            ("segments", &segments),
                        ];
                        Checksums::filled(&text.of.rows, &values)
                    }
                };
                session.stream(&sql, this.limits.time, &mut |_: &[Column], record: &dyn Record| {
                    if held.count >= left {
                        return Err(too_many(this.limits.rows));
                    }
                    held.hold(record, layout)
                })?;
            }
            Ok(held)
        };
        let (left, right) = both(sessions, self.comparison, ask)?;
        self.count(0, left.count)?;
        self.count(1, right.count)?;
        Ok([left, right])
    }
}
