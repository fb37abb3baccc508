//! What earlier runs measured, as something to compare with. Not for where it is kept: see `history`.

use jiff::Zoned;
use rust_decimal::Decimal;

use super::bound::Base;
use super::judge::fault;
use super::outcome::{Fault, Reason};

/// Most earlier values that a median is of.
const MEDIAN_OF: usize = 8;
/// Fewest that it is of.
const MEDIAN_NEEDS: usize = 3;

/// What a check measured before.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Earlier {
    /// Where the interval of this run begins; where there is none, the decision.
    pub start: Option<Zoned>,
    /// Of each earlier interval the value that was measured last, the newest interval first.
    pub values: Vec<(Zoned, Decimal)>,
    /// Why the history cannot be read, if so.
    pub unreadable: Option<String>,
}

impl Earlier {
    /// The number that a share is of, and what it is called.
    ///
    /// # Errors
    /// Too little history, or none that can be read.
    pub fn base(&self, base: Base) -> Result<Decimal, Fault> {
        if let Some(why) = &self.unreadable {
            return Err(fault(Reason::StoreFailed, format!("the history of earlier runs cannot be read: {why}")));
        }
        let missing = |what: String| fault(Reason::NoBaseline, what);
        match base {
            Base::Previous => {
                let previous = self.values.first().map(|(_, value)| *value);
                previous.ok_or_else(|| missing("no earlier run measured this".to_owned()))
            }
            Base::Median => {
                let mut values: Vec<Decimal> = self.values.iter().take(MEDIAN_OF).map(|(_, value)| *value).collect();
                if values.len() < MEDIAN_NEEDS {
                    let there = values.len();
                    return Err(missing(format!("{there} earlier runs measured this, and a median needs {MEDIAN_NEEDS}")));
                }
                values.sort();
                let (below, above) = (values.get((values.len() - 1) / 2), values.get(values.len() / 2));
                let sum = below.zip(above).and_then(|(below, above)| below.checked_add(*above));
                let median = sum.and_then(|sum| sum.checked_div(Decimal::TWO));
                median.ok_or_else(|| fault(Reason::OutOfRange, "the median of earlier runs does not fit an exact number"))
            }
            Base::SameWeekday => {
                let Some(start) = &self.start else { return Err(missing("it is not known which day of the week this is".to_owned())) };
                let same = |(earlier, _): &&(Zoned, Decimal)| earlier.weekday() == start.weekday() && earlier.time() == start.time();
                let found = self.values.iter().find(same).map(|(_, value)| *value);
                found.ok_or_else(|| missing("no earlier run of the same day of the week measured this".to_owned()))
            }
        }
    }
}
