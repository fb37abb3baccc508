//! What must be there and is not: how the kinds that expect a list of things (dates, groups) say which of them are missing.

use super::common::Common;
use super::judge::{counted, crossed, enough, fault, word};
use super::measurement::{Cell, Measurement};
use super::outcome::{Fault, Judgement, Measured, Reason};
use crate::diagnostic::{Finding, codes};

/// Most missing things that a statement lists.
pub const LISTED: usize = 20;
/// Most of them that a sentence names.
const NAMED: usize = 5;

/// How many things are expected and missing, and the first of those that are missing.
pub struct Missing<'a> {
    /// The shared keys of the check.
    pub common: &'a Common,
    /// Rows looked at.
    pub rows_seen: i128,
    /// Things that must be there: what percentages are of.
    pub expected: i128,
    /// How many of them are not.
    pub missing: i128,
    /// The missing ones in words; all of them, or the first [`LISTED`].
    pub listed: Vec<String>,
    /// What is counted when the contract has no `unit`, in the plural.
    pub unit: &'a str,
    /// Further numbers.
    pub facts: Vec<(String, String)>,
}

impl Missing<'_> {
    /// The judgement: too few rows, then holding thresholds, then warning ones.
    ///
    /// # Errors
    /// Numbers that cannot be.
    pub fn judge(self) -> Result<Judgement, Fault> {
        let Missing { common, rows_seen, expected, missing, listed, unit, mut facts } = self;
        if let Some(too_few) = enough(common, rows_seen)? {
            return Ok(too_few);
        }
        if missing > expected {
            return Err(fault(Reason::OutOfRange, format!("{missing} of {expected} expected {unit} cannot be missing")));
        }
        let told = i128::try_from(listed.len()).unwrap_or(i128::MAX);
        if told > missing || (told < missing && listed.len() < LISTED) {
            return Err(fault(Reason::OutOfRange, format!("{missing} {unit} are missing, and {told} are listed")));
        }
        let unit = common.unit.as_ref().map_or(unit, |unit| unit.value.as_str());
        facts.push(("expected".to_owned(), expected.to_string()));
        if !listed.is_empty() {
            facts.push(("missing".to_owned(), named(&listed, missing, LISTED)));
        }
        let measured = Measured { rows_seen, value: missing.to_string(), unit: unit.to_owned(), facts };
        Ok(match crossed(common, missing, expected)? {
            None => Judgement::Pass(measured),
            Some((asks, limit)) => {
                let limit = limit.map_or_else(String::new, |limit| format!(" ({} if {limit})", word(asks)));
                let which = if listed.is_empty() { String::new() } else { format!(": {}", named(&listed, missing, NAMED)) };
                Judgement::Fail { asks, measured, why: format!("{} missing{which}{limit}", counted(missing, unit)) }
            }
        })
    }
}

/// `a, b, c and 4 more`.
fn named(listed: &[String], of: i128, most: usize) -> String {
    let shown = listed.len().min(most);
    let names = listed.get(..shown).unwrap_or(listed).join(", ");
    let rest = of - i128::try_from(shown).unwrap_or(0);
    if rest > 0 { format!("{names} and {rest} more") } else { names }
}

/// The cell of a listed thing as text for people; NULL is said as such.
pub fn told(item: &[Cell], index: usize) -> String {
    let one = Measurement { rows_seen: 0, cells: item.to_vec(), items: Vec::new(), now: jiff::Timestamp::UNIX_EPOCH };
    super::judge::text(&one, index).unwrap_or_else(|| "NULL".to_owned())
}

/// Says that nothing that must be there can be in a relation that may be empty.
pub fn never_empty(common: &Common, instead: &str) -> Option<Finding> {
    let reason = common.allow_empty.as_ref()?;
    Some(Finding::error(codes::CONTRADICTION, "what must be there is not there in an empty relation").at(reason.span).help(instead))
}
