//! Numbers as cells: exact, or said not to be. Not for any one engine's types.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::check::measurement::Cell;

/// Decimal places that a cell can hold.
const PLACES: u32 = 28;

/// `value * 10^-scale`. Trailing zeros are given up where that lets the number fit; digits never are.
pub(super) fn exact(mut value: i128, mut scale: u32) -> Cell {
    loop {
        if let Ok(number) = Decimal::try_from_i128_with_scale(value, scale) {
            return Cell::Decimal(number);
        }
        if scale == 0 {
            return Cell::Int(value);
        }
        if value % 10 != 0 {
            return Cell::OutOfRange(format!("{value}e-{scale}"));
        }
        (value, scale) = (value / 10, scale - 1);
    }
}

/// The shortest decimal text that means this float. Beyond 28 places it is rounded away from zero, so that what is not zero never becomes it.
pub(super) fn shortest(text: &str) -> Cell {
    let places = text.split_once('.').map_or(0, |(_, places)| places.len());
    let number = if places <= PLACES as usize {
        Decimal::from_str_exact(text).ok()
    } else {
        let kept = &text[..text.len() - (places - PLACES as usize)];
        let unit = Decimal::try_from_i128_with_scale(if text.starts_with('-') { -1 } else { 1 }, PLACES).ok();
        Decimal::from_str_exact(kept).ok().zip(unit).and_then(|(kept, unit)| kept.checked_add(unit))
    };
    number.map_or_else(
        || Cell::OutOfRange(text.parse::<f64>().map_or_else(|_| text.to_owned(), |value| format!("{value:e}"))),
        |number| Cell::Decimal(number.round_dp_with_strategy(PLACES, RoundingStrategy::AwayFromZero)),
    )
}
