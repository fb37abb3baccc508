//! Thresholds, bounds and tolerances that nothing can cross, or nothing can satisfy.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::Look;
use crate::check::Spec;
use crate::check::threshold::{Comparison, Threshold};
use crate::diagnostic::{At, Finding, Span, codes};
use crate::lineage;

/// What can become of a threshold on a count, which is a whole number and never negative; a percentage is from 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Every count crosses it.
    Always,
    /// No count crosses it.
    Never,
    /// Some do.
    Open,
}

fn fate(limit: &Threshold) -> Fate {
    let (zero, all) = (Decimal::ZERO, Decimal::ONE_HUNDRED);
    let (bound, share) = (limit.bound, limit.percent);
    let nowhere = bound < zero || (share && bound > all) || (!share && !bound.is_integer());
    match limit.comparison {
        Comparison::Above if bound < zero => Fate::Always,
        Comparison::Above if share && bound >= all => Fate::Never,
        Comparison::AtLeast if bound <= zero => Fate::Always,
        Comparison::AtLeast if share && bound > all => Fate::Never,
        Comparison::Below if bound <= zero => Fate::Never,
        Comparison::Below if share && bound > all => Fate::Always,
        Comparison::AtMost if bound < zero => Fate::Never,
        Comparison::AtMost if share && bound >= all => Fate::Always,
        Comparison::Equal if nowhere => Fate::Never,
        Comparison::NotEqual if nowhere => Fate::Always,
        _ => Fate::Open,
    }
}

/// Whether everything that crosses `warn` crosses `hold`, too, so that nothing only warns.
fn swallowed(warn: &Threshold, hold: &Threshold) -> bool {
    use Comparison::{Above, AtLeast, AtMost, Below};
    if warn.percent != hold.percent {
        return false;
    }
    match (warn.comparison, hold.comparison) {
        (Above, Above) | (AtLeast, AtLeast) | (Above, AtLeast) => hold.bound <= warn.bound,
        // From whole numbers on, `>= 11` is `> 10`.
        (AtLeast, Above) if !warn.percent => hold.bound <= warn.bound - Decimal::ONE || hold.bound < warn.bound,
        (AtLeast, Above) => hold.bound < warn.bound,
        (Below, Below) | (AtMost, AtMost) | (Below, AtMost) => hold.bound >= warn.bound,
        (AtMost, Below) => hold.bound > warn.bound,
        _ => false,
    }
}

pub(super) fn thresholds(look: &mut Look<'_>, _: Timestamp) {
    let contract = look.contract;
    let mut found: Vec<(Span, String, &str)> = Vec::new();
    for check in &contract.checks {
        let common = check.kind().common();
        for (limit, key, verb) in [(&common.warn_if, "warn_if", "warn"), (&common.hold_if, "hold_if", "hold")] {
            let Some(limit) = limit else { continue };
            match fate(limit) {
                Fate::Always => found.push((
                    limit.span,
                    format!("every count is `{}`, so this check can never pass", limit.value),
                    "write a threshold that a good day does not cross, such as \"> 0\"",
                )),
                Fate::Never => found.push((
                    limit.span,
                    format!("no count is `{}`, so `{key}` can never {verb}", limit.value),
                    "write a threshold that a bad day crosses, such as \"> 0\"",
                )),
                Fate::Open => {}
            }
        }
        if let (Some(warn), Some(hold)) = (&common.warn_if, &common.hold_if)
            && fate(warn) == Fate::Open
            && swallowed(warn, hold)
        {
            let message = format!("whatever is `{}` is `{}`, too, so nothing only warns", warn.value, hold.value);
            found.push((warn.span, message, "let `warn_if` begin before `hold_if`, or remove it"));
        }
        found.extend(of_kind(look, check));
    }
    for source in &contract.sources {
        let ages = source.freshness.iter().flat_map(|freshness| [&freshness.warn_after, &freshness.hold_after]);
        found.extend(ages.flatten().filter_map(instant));
    }
    let finding = |(span, message, help): (Span, String, &str)| Finding::warning(codes::IDLE_THRESHOLD, message).at(span).help(help);
    look.found.extend(found.into_iter().map(finding));
}

fn instant(age: &At<crate::calendar::Age>) -> Option<(Span, String, &'static str)> {
    let message = "every row is older than no time at all, so this can never pass".to_owned();
    (age.seconds == 0).then_some((age.span, message, "write how old the newest row may be: 24h"))
}

/// What the kind has of its own.
fn of_kind(look: &Look<'_>, check: &At<Spec>) -> Vec<(Span, String, &'static str)> {
    match &check.value {
        Spec::freshness(spec) => [&spec.warn_after, &spec.hold_after].into_iter().flatten().filter_map(instant).collect(),
        Spec::row_count(spec) => {
            let Some((min, None)) = spec.between.as_ref().map(|between| (&between.min, &between.max)) else { return Vec::new() };
            let low = min.as_ref().filter(|min| min.value.absolute().is_some_and(|number| number <= Decimal::ZERO));
            low.map(|min| {
                (min.span, "every count is at least 0, so this check can never fail".to_owned(), "write min: 1 or more, or a max")
            })
            .into_iter()
            .collect()
        }
        Spec::reconcile(spec) => {
            let relative = spec.tolerance.as_ref().and_then(|tolerance| tolerance.relative.as_ref());
            let wide = relative.filter(|relative| relative.0 >= Decimal::ONE_HUNDRED);
            let message = |relative: &At<crate::check::argument::Percentage>| {
                format!("within {} of the right side, 0 agrees with everything", relative.value)
            };
            wide.map(|relative| (relative.span, message(relative), "write a share that a missing load would exceed, such as 1%"))
                .into_iter()
                .collect()
        }
        Spec::expression(spec) => match lineage::expression(&spec.expression, &look.project.adapter) {
            Ok(columns) if columns.is_empty() => {
                let message = format!("`{}` reads no column, so it is the same on every row", spec.expression.trim());
                vec![(spec.expression.span, message, "write an expression over the model's columns")]
            }
            Ok(_) | Err(_) => Vec::new(),
        },
        _ => Vec::new(),
    }
}
