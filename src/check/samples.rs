//! Some failing rows of a check, for whoever mends it. Off unless a check declares columns that may be shown; asked for only after it failed. Not for judging.

use crate::diagnostic::{At, Finding, codes};

/// Most rows of one check.
const MOST_ROWS: u64 = 20;
/// Most columns of one row.
const MOST_COLUMNS: usize = 20;
/// Rows where a check does not say how many.
const ROWS: u64 = 5;
/// Longest value, in characters; of a longer one the beginning is kept.
const LONGEST: usize = 200;
/// Most characters of all values of a check; rows beyond are left out.
const MOST: usize = 8_000;

/// Which columns of failing rows may be shown.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Samples {
    /// The columns whose values may be shown and stored with the decision; no other is read.
    #[schemars(extend("minItems" = 1))]
    pub columns: Vec<At<String>>,
    /// How many rows, 1 to 20; 5 when absent.
    #[serde(default)]
    pub limit: Option<At<u64>>,
}

impl Samples {
    /// How many rows are asked for.
    pub fn rows(&self) -> u64 {
        self.limit.as_ref().map_or(ROWS, |limit| limit.value.clamp(1, MOST_ROWS))
    }

    /// What is wrong with it as written.
    pub fn problems(&self) -> Vec<Finding> {
        let mut problems = Vec::new();
        if let Some(limit) = self.limit.as_ref().filter(|limit| limit.value == 0 || limit.value > MOST_ROWS) {
            problems.push(
                Finding::error(codes::BAD_CHECK, format!("`{}` is not a number of rows to show", limit.value))
                    .at(limit.span)
                    .help("1 to 20"),
            );
        }
        if let Some(beyond) = self.columns.get(MOST_COLUMNS) {
            problems.push(
                Finding::error(codes::BAD_CHECK, "so many columns are not shown")
                    .at(beyond.span)
                    .help("name those that help to find the row"),
            );
        }
        problems
    }
}

/// Failing rows as they are told: values as text, cut to size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sampled {
    /// The declared columns.
    pub columns: Vec<String>,
    /// Their values; `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Sampled {
    /// Cuts values and rows to size.
    pub fn of(columns: Vec<String>, rows: Vec<Vec<Option<String>>>) -> Sampled {
        let mut left = MOST;
        let mut kept = Vec::new();
        for row in rows {
            let row: Vec<Option<String>> = row.into_iter().map(|value| value.map(|value| cut(&value))).collect();
            let size: usize = row.iter().flatten().map(|value| value.chars().count()).sum();
            let Some(rest) = left.checked_sub(size) else { break };
            left = rest;
            kept.push(row);
        }
        Sampled { columns, rows: kept }
    }
}

/// The beginning of a long value; what would steer a terminal is taken out.
fn cut(value: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    match value.char_indices().nth(LONGEST) {
        Some((at, _)) => value.get(..at).unwrap_or(value).chars().map(plain).chain(['…']).collect(),
        None => value.chars().map(plain).collect(),
    }
}
