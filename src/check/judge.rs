//! Comparing a measurement with what the contract allows. Exact decimals; a pass has to be earned by every threshold.
//!
//! Every comparison here is made between numbers that have been shown to be finite; what cannot be compared is an error, never a pass.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::Kind;
use super::common::{Common, Severity};
use super::measurement::{Cell, Measurement};
use super::outcome::{Fault, Judgement, Measured, Reason};
use super::threshold::{Comparison, Threshold};
use crate::diagnostic::{Finding, codes};

/// A fault of the measurement.
pub fn fault(reason: Reason, detail: impl Into<String>) -> Fault {
    Fault { reason, detail: detail.into() }
}

/// The cell at `index` as a count: whole and not negative.
pub fn count(measurement: &Measurement, index: usize) -> Result<i128, Fault> {
    let Some(cell) = measurement.cells.get(index) else {
        return Err(fault(Reason::Internal, format!("the answer has no column {}", index + 1)));
    };
    let number = match cell {
        Cell::Int(number) => Some(*number),
        Cell::Decimal(number) if number.is_integer() => number.to_i128(),
        Cell::Decimal(_) => None,
        Cell::Null => return Err(fault(Reason::Null, "a count is NULL")),
        Cell::NotFinite => return Err(fault(Reason::NotFinite, "a count is not finite")),
        Cell::OutOfRange(text) => return Err(fault(Reason::OutOfRange, format!("a count does not fit: {text}"))),
        Cell::Instant(_) | Cell::Local(_) | Cell::InfiniteTime | Cell::Bool(_) | Cell::Text(_) => {
            return Err(fault(Reason::WrongType, "a count is not a number"));
        }
        Cell::Unsupported(name) => return Err(fault(Reason::WrongType, format!("a count has type {name}"))),
    };
    match number {
        Some(number) if number >= 0 => Ok(number),
        Some(number) => Err(fault(Reason::OutOfRange, format!("a count is negative: {number}"))),
        None => Err(fault(Reason::WrongType, "a count is not a whole number")),
    }
}

/// The cell at `index` as text for people; `None` for NULL.
pub fn text(measurement: &Measurement, index: usize) -> Option<String> {
    match measurement.cells.get(index)? {
        Cell::Null => None,
        Cell::Int(number) => Some(number.to_string()),
        Cell::Decimal(number) => Some(number.to_string()),
        Cell::NotFinite => Some("not finite".to_owned()),
        Cell::OutOfRange(text) | Cell::Text(text) => Some(text.clone()),
        Cell::Instant(instant) => Some(instant.to_string()),
        Cell::Local(local) => Some(local.to_string()),
        Cell::InfiniteTime => Some("infinity".to_owned()),
        Cell::Bool(value) => Some(value.to_string()),
        Cell::Unsupported(name) => Some(format!("a value of type {name}")),
    }
}

/// What the shared keys ask for when the one threshold is crossed, and what an error of the check asks for.
pub fn severity(common: &Common) -> Severity {
    match (&common.severity, &common.warn_if, &common.hold_if) {
        (Some(severity), _, _) => severity.value,
        (None, Some(_), None) => Severity::Warn,
        (None, _, Some(_)) | (None, None, None) => Severity::Hold,
    }
}

/// Too few rows to be evidence: the failure that this is, or `Ok` when there are enough (or an empty relation is allowed).
///
/// # Errors
/// A number of rows that cannot be.
pub fn enough(common: &Common, rows_seen: i128) -> Result<Option<Judgement>, Fault> {
    if rows_seen < 0 {
        return Err(fault(Reason::OutOfRange, format!("the number of rows is negative: {rows_seen}")));
    }
    let needed = common.min_rows.as_ref().map_or(1, |rows| i128::from(rows.value.max(1)));
    if rows_seen >= needed || (rows_seen == 0 && common.allow_empty.is_some()) {
        return Ok(None);
    }
    let why = if rows_seen == 0 {
        "there are no rows, and nothing says that this is fine".to_owned()
    } else {
        format!("there are {} where at least {needed} are needed", counted(rows_seen, "rows"))
    };
    let measured = Measured { rows_seen, value: rows_seen.to_string(), unit: "rows".to_owned(), facts: Vec::new() };
    Ok(Some(Judgement::Fail { asks: Severity::Hold, measured: measured.of_too_few_rows(), why }))
}

/// Judges a number of bad rows (or keys, groups, products) against the shared thresholds.
pub struct Bad<'a> {
    /// The shared keys of the check.
    pub common: &'a Common,
    /// Rows looked at: what percentages are of.
    pub rows_seen: i128,
    /// How many of them are bad.
    pub bad: i128,
    /// Whether the bad ones are among the rows seen, so that there cannot be more of them.
    pub among_rows: bool,
    /// What is counted when the contract has no `unit`, in the plural.
    pub unit: &'a str,
    /// What is wrong with them: `without unit_cost`.
    pub wrong: &'a str,
    /// Further numbers.
    pub facts: Vec<(String, String)>,
}

impl Bad<'_> {
    /// The judgement: too few rows, then holding thresholds, then warning ones; a pass only when none of them is crossed.
    pub fn judge(self) -> Judgement {
        match self.compare() {
            Ok(judgement) => judgement,
            Err(fault) => Judgement::Error(fault),
        }
    }

    fn compare(self) -> Result<Judgement, Fault> {
        let Bad { common, rows_seen, bad, among_rows, unit, wrong, facts } = self;
        if let Some(too_few) = enough(common, rows_seen)? {
            return Ok(too_few);
        }
        if bad < 0 || (among_rows && bad > rows_seen) {
            return Err(fault(Reason::OutOfRange, format!("{bad} bad of {rows_seen} rows cannot be")));
        }
        let unit = common.unit.as_ref().map_or(unit, |unit| unit.value.as_str());
        let crossed = crossed(common, bad, rows_seen)?;
        let measured = Measured { rows_seen, value: bad.to_string(), unit: unit.to_owned(), facts };
        Ok(match crossed {
            None => Judgement::Pass(measured),
            Some((asks, limit)) => {
                let limit = limit.map_or_else(String::new, |limit| format!(" ({} if {limit})", word(asks)));
                Judgement::Fail { asks, measured, why: format!("{} {wrong}{limit}", counted(bad, unit)) }
            }
        })
    }
}

/// The worst threshold that `value` crosses: what it asks for, and the threshold as written. Without thresholds, anything above 0 is too much.
///
/// # Errors
/// A comparison that cannot be made exactly.
pub fn crossed(common: &Common, value: i128, rows_seen: i128) -> Result<Option<(Severity, Option<String>)>, Fault> {
    // Both are compared before either is believed: a threshold that cannot be compared is an error even where another one is crossed.
    let holds = common.hold_if.as_ref().map(|limit| crosses(limit, value, rows_seen)).transpose()?;
    let warns = common.warn_if.as_ref().map(|limit| crosses(limit, value, rows_seen)).transpose()?;
    let written = |limit: &Option<crate::diagnostic::At<Threshold>>| limit.as_ref().map(|limit| limit.value.to_string());
    Ok(match (holds, warns) {
        (Some(true), _) => Some((Severity::Hold, written(&common.hold_if))),
        (_, Some(true)) => Some((Severity::Warn, written(&common.warn_if))),
        (Some(false), Some(false) | None) | (None, Some(false)) => None,
        (None, None) if value > 0 => Some((severity(common), None)),
        (None, None) => None,
    })
}

/// Whether `value` crosses the threshold; percentages are of `rows_seen`, compared by multiplying out, exactly.
fn crosses(limit: &Threshold, value: i128, rows_seen: i128) -> Result<bool, Fault> {
    let too_large = || fault(Reason::OutOfRange, format!("{value} of {rows_seen} cannot be compared with {limit} exactly"));
    let exact = |number: i128| Decimal::try_from_i128_with_scale(number, 0).map_err(|_| too_large());
    let (left, right) = if limit.percent {
        if rows_seen == 0 && value != 0 {
            return Err(fault(Reason::ZeroDenominator, format!("{value} of no rows is no percentage")));
        }
        // 0 of 0 is 0 %: both sides are zero, and the left side below is 0 * 100.
        let base = if rows_seen == 0 { 1 } else { rows_seen };
        let left = exact(value)?.checked_mul(Decimal::ONE_HUNDRED).ok_or_else(too_large)?;
        (left, exact_product(limit.bound, exact(base)?).ok_or_else(too_large)?)
    } else {
        (exact(value)?, limit.bound)
    };
    Ok(match limit.comparison {
        Comparison::Above => left > right,
        Comparison::AtLeast => left >= right,
        Comparison::Below => left < right,
        Comparison::AtMost => left <= right,
        Comparison::Equal => left == right,
        Comparison::NotEqual => left != right,
    })
}

/// The product when no digit was rounded away.
pub(super) fn exact_product(a: Decimal, b: Decimal) -> Option<Decimal> {
    let product = a.checked_mul(b)?;
    (product.scale() == a.scale().checked_add(b.scale())? || product.checked_div(b)? == a).then_some(product)
}

/// `14 products`, `1 product`.
pub fn counted(number: i128, unit: &str) -> String {
    super::unit::counted(&number.to_string(), unit)
}

/// `warn`, `hold`, as a contract writes them.
pub(super) fn word(asks: Severity) -> &'static str {
    match asks {
        Severity::Warn => "warn",
        Severity::Hold => "hold",
    }
}

/// What contradicts itself in the keys that all kinds share.
pub fn shared_problems(kind: &dyn Kind) -> Vec<Finding> {
    let common = kind.common();
    let mut problems = Vec::new();
    if let Some(rows) = &common.min_rows
        && rows.value == 0
        && common.allow_empty.is_none()
    {
        problems.push(
            Finding::error(codes::BAD_CHECK, "`min_rows: 0` would let an empty relation pass")
                .at(rows.span)
                .help("write allow_empty: and the reason"),
        );
    }
    for (text, key) in
        [(&common.allow_empty, "allow_empty"), (&common.because, "because"), (&common.unit, "unit"), (&common.title, "title")]
    {
        if let Some(text) = text
            && text.value.trim().is_empty()
        {
            problems.push(Finding::error(codes::BAD_CHECK, format!("`{key}` is empty")).at(text.span));
        }
    }
    if let Some(samples) = &common.samples {
        problems.extend(samples.problems());
        if !kind.has_failing_rows() {
            problems.push(
                Finding::error(codes::CONTRADICTION, "no single rows fail here, so none can be shown")
                    .at(samples.span)
                    .help("remove `samples`"),
            );
        }
    }
    for limit in common.warn_if.iter().chain(&common.hold_if) {
        if limit.percent && (limit.bound < Decimal::ZERO || limit.bound > Decimal::ONE_HUNDRED) {
            problems.push(
                Finding::error(codes::BAD_CHECK, format!("`{}` is not a share of the rows", limit.value)).at(limit.span).help("0% to 100%"),
            );
        }
    }
    problems
}

/// Says that a kind has no use for `warn_if`, `hold_if` (and what to write instead).
pub fn no_thresholds(common: &Common, instead: &str) -> Vec<Finding> {
    let keys = [(&common.warn_if, "warn_if"), (&common.hold_if, "hold_if")];
    let written = keys.into_iter().filter_map(|(limit, key)| limit.as_ref().map(|limit| (limit.span, key)));
    written.map(|(span, key)| Finding::error(codes::CONTRADICTION, format!("`{key}` means nothing here")).at(span).help(instead)).collect()
}

/// Says that a kind has no use for `where`.
pub fn no_filter(common: &Common, instead: &str) -> Option<Finding> {
    let filter = common.filter.as_ref()?;
    Some(Finding::error(codes::CONTRADICTION, "`where` means nothing here").at(filter.span).help(instead))
}
