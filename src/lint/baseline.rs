//! A baseline: findings that were there when the rules came, set aside until somebody mends them. Text in, text out; `cli` has the file.
//!
//! A finding is known again by code, file and message, not by its line, so that edits elsewhere do not bring it back. Errors are never set
//! aside.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Finding, Level, codes};

/// Number of the file's format.
const FORMAT: u32 = 1;

/// Old findings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Baseline {
    counts: BTreeMap<Known, usize>,
}

/// What a finding is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Known {
    code: String,
    file: String,
    message: String,
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    findings: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    code: String,
    file: String,
    message: String,
    count: usize,
}

/// Whether a baseline may hold it.
fn can_wait(finding: &Finding) -> bool {
    finding.level < Level::Error && codes::ADVICE.contains(&finding.code)
}

fn known(finding: &Finding, name: &dyn Fn(&Finding) -> String) -> Known {
    Known { code: finding.code.to_owned(), file: name(finding), message: finding.message.clone() }
}

impl Baseline {
    /// The findings that can wait; `name` is the finding's file, the same wherever the command runs.
    pub fn of(findings: &[Finding], name: &dyn Fn(&Finding) -> String) -> Baseline {
        let mut counts = BTreeMap::new();
        for finding in findings.iter().filter(|finding| can_wait(finding)) {
            *counts.entry(known(finding, name)).or_insert(0) += 1;
        }
        Baseline { counts }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It is not one that [`Baseline::text`] wrote.
    pub fn read(text: &str) -> Result<Baseline, String> {
        let file: File = serde_json::from_str(text).map_err(|error| format!("this is not a baseline: {error}"))?;
        if file.format != FORMAT {
            return Err(format!("a baseline of format {} is not known", file.format));
        }
        let mut counts = BTreeMap::new();
        for Entry { code, file, message, count } in file.findings {
            if !codes::ADVICE.contains(&code.as_str()) {
                return Err(format!("{code} is no rule whose findings can wait"));
            }
            *counts.entry(Known { code, file, message }).or_insert(0) += count;
        }
        Ok(Baseline { counts })
    }

    /// The file: sorted, so that the same findings give the same bytes.
    pub fn text(&self) -> String {
        let entry = |(known, count): (&Known, &usize)| {
            let Known { code, file, message } = known.clone();
            Entry { code, file, message, count: *count }
        };
        let file = File { format: FORMAT, findings: self.counts.iter().map(entry).collect() };
        serde_json::to_string_pretty(&file).map(|text| text + "\n").unwrap_or_default()
    }

    /// The findings that are not in the baseline, and how many of the baseline are there no more.
    pub fn apply(&self, findings: Vec<Finding>, name: &dyn Fn(&Finding) -> String) -> (Vec<Finding>, usize) {
        let mut left = self.counts.clone();
        let mut fresh = Vec::new();
        for finding in findings {
            match left.get_mut(&known(&finding, name)).filter(|_| can_wait(&finding)) {
                Some(count) if *count > 0 => *count -= 1,
                Some(_) | None => fresh.push(finding),
            }
        }
        (fresh, left.values().sum())
    }

    /// How many findings it holds.
    pub fn len(&self) -> usize {
        self.counts.values().sum()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
}
