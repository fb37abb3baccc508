//! Two sides of a reconciliation that two connections answered: matched by key, compared with exact decimals. It finds what the one statement of
//! `macros/reconcile.sql` finds where both sides are in one place. Whatever is not a finite number, or no key, fails closed.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::field::{self, Column, Field, Record, Sort};
use super::judge::fault;
use super::measurement::{Cell, Measurement};
use super::outcome::{Fault, Reason};

/// A key: each part as one text for all engines; `None` is NULL, which is equal to NULL.
pub type Key = Vec<Option<String>>;

/// What a side says of one number.
#[derive(Debug, Clone, PartialEq)]
pub enum Amount {
    /// `value * 10^-scale`.
    Exact(i128, u32),
    /// NULL, NaN or an infinity.
    NotFinite(String),
}

/// What one side answered: by key the value, then its steps.
#[derive(Debug, Clone, Default)]
pub struct Keyed {
    /// What each part of the key is, to see that both sides mean the same.
    pub sorts: Vec<Sort>,
    /// By key.
    pub values: BTreeMap<Key, Vec<Amount>>,
}

/// How far apart two numbers may be.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    /// A share of the right side.
    pub relative: Option<Decimal>,
    /// A number.
    pub absolute: Option<Decimal>,
}

impl Keyed {
    /// Adds a row of the answer: `keys` columns of key, then numbers.
    ///
    /// # Errors
    /// A key that is none, or stands twice; a number that does not fit.
    pub fn add(&mut self, columns: &[Column], keys: usize, record: &dyn Record) -> Result<(), Fault> {
        let key = (0..keys).map(|at| part(&record.field(at), &columns[at].name)).collect::<Result<Key, Fault>>()?;
        let amounts = (keys..columns.len()).map(|at| amount(&record.field(at))).collect::<Result<Vec<Amount>, Fault>>()?;
        if let Some(_other) = self.values.insert(key.clone(), amounts) {
            return Err(fault(Reason::SeveralRows, format!("the key {} came twice of one side", spoken(&key))));
        }
        Ok(())
    }
}

/// One part of a key as the text that stands for it on every engine.
fn part(field: &Field<'_>, name: &str) -> Result<Option<String>, Fault> {
    let no_key = |what: &str| fault(Reason::WrongType, format!("`{name}` is {what}, by which keys of two engines are not matched"));
    Ok(Some(match field {
        Field::Null => return Ok(None),
        Field::Whole(value) => value.to_string(),
        Field::Exact { value, scale } => field::trimmed(&field::plain(*value, *scale)).to_owned(),
        Field::Long(text) => field::trimmed(text).to_owned(),
        Field::Text(text) => text.clone().into_owned(),
        Field::Bool(value) => value.to_string(),
        Field::Day(days) => field::day(*days),
        Field::Local(micros) => field::time(*micros),
        Field::Instant(micros) => format!("{} UTC", field::time(*micros)),
        Field::Float(_) | Field::NotFinite(_) => return Err(no_key("a float or not finite")),
        Field::Infinite { .. } => return Err(no_key("an infinite time")),
        Field::Unread(what) => return Err(no_key(what)),
    }))
}

fn amount(value: &Field<'_>) -> Result<Amount, Fault> {
    let long = |text: &str| fault(Reason::OutOfRange, format!("`{text}` has more digits than an exact number holds"));
    Ok(match value {
        Field::Null => Amount::NotFinite("NULL".to_owned()),
        Field::Whole(value) => Amount::Exact(*value, 0),
        Field::Exact { value, scale } => Amount::Exact(*value, *scale),
        Field::NotFinite(what) => Amount::NotFinite((*what).to_owned()),
        Field::Float(value) if !value.is_finite() => Amount::NotFinite(value.to_string()),
        Field::Float(value) => {
            let (value, scale) = field::shortest(*value).ok_or_else(|| long(&value.to_string()))?;
            Amount::Exact(value, scale)
        }
        Field::Long(text) => return Err(long(text)),
        Field::Text(_)
        | Field::Bool(_)
        | Field::Day(_)
        | Field::Local(_)
        | Field::Instant(_)
        | Field::Infinite { .. }
        | Field::Unread(_) => return Err(fault(Reason::WrongType, "the value of a side is no number")),
    })
}

fn spoken(key: &Key) -> String {
    if key.is_empty() {
        return "all".to_owned();
    }
    key.iter().map(|part| part.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join(", ")
}

/// Whether keys of these two sorts can be equal.
fn comparable(left: &Sort, right: &Sort) -> bool {
    let number = |sort: &Sort| matches!(sort, Sort::Whole | Sort::Exact);
    let clock = |sort: &Sort| matches!(sort, Sort::Day | Sort::Local);
    left == right || (number(left) && number(right)) || (clock(left) && clock(right))
}

/// How two numbers stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Agrees,
    Beyond,
    LeftOnly,
    RightOnly,
    NotFinite,
    ZeroBase,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Agrees => "agrees",
            State::Beyond => "beyond",
            State::LeftOnly => "left_only",
            State::RightOnly => "right_only",
            State::NotFinite => "not_finite",
            State::ZeroBase => "zero_base",
        }
    }
}

/// One comparison: a key, a step of the bridge, and what both sides say.
struct Pair<'a> {
    key: &'a Key,
    step: usize,
    left: Option<Amount>,
    right: Option<Amount>,
    state: State,
    difference: Option<(i128, u32)>,
}

/// Compares the sides. `steps` is how many steps the bridge has, `most` how many things are listed. The measurement has the columns and items of
/// the kind `reconcile`.
///
/// # Errors
/// Keys that cannot be equal; sums beyond 128 bits.
pub fn compare(
    left: &Keyed,
    right: &Keyed,
    by: &[String],
    steps: usize,
    allowed: &Allowed,
    most: usize,
    now: jiff::Timestamp,
) -> Result<Measurement, Fault> {
    for ((left, right), name) in left.sorts.iter().zip(&right.sorts).zip(by) {
        if !comparable(left, right) {
            let detail = format!("the key `{name}` is {} on the left and {} on the right: no two are equal", left.spoken(), right.spoken());
            return Err(fault(Reason::WrongType, format!("{detail}; give both one type in the models")));
        }
    }
    let mut pairs = Vec::new();
    let keys = left.values.keys().chain(right.values.keys().filter(|key| !left.values.contains_key(*key)));
    for key in keys {
        let sides = [left.values.get(key), right.values.get(key)];
        for step in 0..=steps {
            let [l, r] = sides.map(|side| side.and_then(|amounts| amounts.get(step)).cloned());
            pairs.push(pair(key, step, l, r, allowed)?);
        }
        // Each side by itself: what its steps leave unexplained.
        for (side, step) in sides.into_iter().zip([steps + 1, steps + 2]) {
            if let Some(amounts) = side.filter(|_| steps > 0) {
                let (whole, parts) = (amounts.first().cloned(), total(amounts.iter().skip(1))?);
                pairs.push(pair(key, step, whole, Some(parts), allowed)?);
            }
        }
    }
    measured(&pairs, steps, most, now)
}

fn pair<'a>(key: &'a Key, step: usize, left: Option<Amount>, right: Option<Amount>, allowed: &Allowed) -> Result<Pair<'a>, Fault> {
    let (state, difference) = match (&left, &right) {
        (Some(_), None) => (State::LeftOnly, None),
        (None, _) => (State::RightOnly, None),
        (Some(Amount::Exact(l, l_scale)), Some(Amount::Exact(r, r_scale))) => judged((*l, *l_scale), (*r, *r_scale), allowed)?,
        (Some(_), Some(_)) => (State::NotFinite, None),
    };
    Ok(Pair { key, step, left, right, state, difference })
}

fn judged(l: (i128, u32), r: (i128, u32), allowed: &Allowed) -> Result<(State, Option<(i128, u32)>), Fault> {
    let written = l.1.max(r.1);
    let (l, r, scale) = aligned(l, r)?;
    let apart = l.checked_sub(r).ok_or_else(too_large)?;
    let told = Some(at_least((apart, scale), written));
    let within = |limit: (i128, u32)| -> Result<bool, Fault> {
        let (limit, apart, _) = aligned(limit, (apart.checked_abs().ok_or_else(too_large)?, scale))?;
        Ok(apart <= limit)
    };
    if r == 0 && l != 0 && allowed.relative.is_some() && allowed.absolute.is_none() {
        return Ok((State::ZeroBase, told));
    }
    let mut agrees = false;
    if let Some(absolute) = allowed.absolute {
        agrees |= within((absolute.mantissa(), absolute.scale()))?;
    }
    if let Some(relative) = allowed.relative {
        let base = r.checked_abs().and_then(|base| base.checked_mul(relative.mantissa())).ok_or_else(too_large)?;
        agrees |= within((base, scale.checked_add(relative.scale()).ok_or_else(too_large)?))?;
    }
    if allowed.absolute.is_none() && allowed.relative.is_none() {
        agrees = apart == 0;
    }
    Ok((if agrees { State::Agrees } else { State::Beyond }, told))
}

/// Both at one scale.
fn aligned(a: (i128, u32), b: (i128, u32)) -> Result<(i128, i128, u32), Fault> {
    // Zeros at the end are no digits: they would only use up the room.
    let (a, b) = (field::stripped(a.0, a.1), field::stripped(b.0, b.1));
    let scale = a.1.max(b.1);
    let up =
        |(value, own): (i128, u32)| 10_i128.checked_pow(scale - own).and_then(|factor| value.checked_mul(factor)).ok_or_else(too_large);
    Ok((up(a)?, up(b)?, scale))
}

/// The same number with as many places as the numbers have that it comes from, for people; with fewer where that many do not fit.
fn at_least((value, scale): (i128, u32), places: u32) -> (i128, u32) {
    let up = places.checked_sub(scale).and_then(|more| 10_i128.checked_pow(more)).and_then(|factor| value.checked_mul(factor));
    up.map_or((value, scale), |value| (value, places))
}

fn too_large() -> Fault {
    fault(Reason::OutOfRange, "the sides' numbers have more digits than can be compared exactly")
}

/// The exact sum; what is not finite makes the whole not finite.
fn total<'a>(amounts: impl Iterator<Item = &'a Amount>) -> Result<Amount, Fault> {
    let mut sum = (0_i128, 0_u32);
    for amount in amounts {
        match amount {
            Amount::Exact(value, scale) => {
                let (a, b, common) = aligned(sum, (*value, *scale))?;
                sum = at_least((a.checked_add(b).ok_or_else(too_large)?, common), sum.1.max(*scale));
            }
            Amount::NotFinite(what) => return Ok(Amount::NotFinite(what.clone())),
        }
    }
    Ok(Amount::Exact(sum.0, sum.1))
}

fn text(amount: Option<&Amount>) -> Cell {
    match amount {
        None => Cell::Null,
        Some(Amount::Exact(value, scale)) => Cell::Text(field::plain(*value, *scale)),
        Some(Amount::NotFinite(what)) => Cell::Text(what.clone()),
    }
}

fn number(value: Option<(i128, u32)>) -> Cell {
    value.map_or(Cell::Null, |(value, scale)| Cell::Text(field::plain(value, scale)))
}

fn counted(number: usize) -> Cell {
    Cell::Int(i128::try_from(number).unwrap_or(i128::MAX))
}

/// The numbers of the kind, and what is listed: the steps, then the keys that disagree, the worst first.
fn measured(pairs: &[Pair<'_>], steps: usize, most: usize, now: jiff::Timestamp) -> Result<Measurement, Fault> {
    let of = |state: State| counted(pairs.iter().filter(|pair| pair.state == state).count());
    let side = |step: usize, left: bool| {
        let of_step = pairs.iter().filter(move |pair| pair.step == step);
        total(of_step.filter_map(move |pair| if left { pair.left.as_ref() } else { pair.right.as_ref() }))
    };
    let mut worst: Option<(i128, u32)> = None;
    for (apart, scale) in pairs.iter().filter_map(|pair| pair.difference) {
        let apart = (apart.checked_abs().ok_or_else(too_large)?, scale);
        worst = match worst {
            Some(worst) if less(apart, worst)? => Some(worst),
            _ => Some(apart),
        };
    }
    let cells = vec![
        of(State::Beyond),
        of(State::LeftOnly),
        of(State::RightOnly),
        of(State::NotFinite),
        of(State::ZeroBase),
        text(Some(&side(0, true)?)),
        text(Some(&side(0, false)?)),
        number(worst),
    ];
    let mut items = Vec::new();
    if steps > 0 {
        for step in 0..=steps + 2 {
            let (left, right) = (side(step, true)?, side(step, false)?);
            let apart = match (&left, &right) {
                (Amount::Exact(l, l_scale), Amount::Exact(r, r_scale)) => {
                    let (l, r, scale) = aligned((*l, *l_scale), (*r, *r_scale))?;
                    Some(at_least((l.checked_sub(r).ok_or_else(too_large)?, scale), (*l_scale).max(*r_scale)))
                }
                (_, _) => None,
            };
            let said = [text(Some(&left)), text(Some(&right)), number(apart), Cell::Text("step".to_owned())];
            items.push([counted(step), Cell::Text("all".to_owned())].into_iter().chain(said).collect());
        }
    }
    let mut told: Vec<&Pair<'_>> = pairs.iter().filter(|pair| pair.state != State::Agrees).collect();
    // What cannot be put in order was refused above.
    told.sort_by(|a, b| order(a, b));
    for pair in told.iter().take(most.saturating_sub(items.len())) {
        let difference = if pair.state == State::Beyond { number(pair.difference) } else { Cell::Null };
        let key = Cell::Text(spoken(pair.key));
        let said = [text(pair.left.as_ref()), text(pair.right.as_ref()), difference, Cell::Text(pair.state.name().to_owned())];
        items.push([counted(pair.step), key].into_iter().chain(said).collect());
    }
    let rows_seen = i128::try_from(pairs.len()).map_err(|_| too_large())?;
    Ok(Measurement { rows_seen, cells, items, now })
}

fn less(a: (i128, u32), b: (i128, u32)) -> Result<bool, Fault> {
    let (a, b, _) = aligned(a, b)?;
    Ok(a < b)
}

/// The worst first: those beyond the tolerance by how far, then the others by key.
fn order(a: &Pair<'_>, b: &Pair<'_>) -> std::cmp::Ordering {
    let beyond = |pair: &Pair<'_>| pair.state == State::Beyond;
    let apart = |pair: &Pair<'_>| pair.difference.filter(|_| beyond(pair)).map_or((0, 0), |(apart, scale)| (apart.saturating_abs(), scale));
    let farther = match (less(apart(b), apart(a)), less(apart(a), apart(b))) {
        (Ok(true), _) => std::cmp::Ordering::Less,
        (_, Ok(true)) => std::cmp::Ordering::Greater,
        (_, _) => std::cmp::Ordering::Equal,
    };
    beyond(b).cmp(&beyond(a)).then(farther).then_with(|| a.key.cmp(b.key)).then_with(|| a.step.cmp(&b.step))
}
