//! Every kind of check meets every situation in `engines.yml`, or `situations.yml` says why there is none; `docs/situations.md` shows how each ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use presscheck::check::KINDS;
use presscheck::check::outcome::Ended;

use super::engines::worlds;
use super::{ended_on, planned_on, told};
use crate::warehouse::Database;

/// What becomes of a check, and the worlds in which something is odd.
const SITUATIONS: [(&str, &str); 12] = [
    ("pass", ""),
    ("warn", ""),
    ("hold", ""),
    ("boundary", ""),
    ("empty", "empty"),
    ("all NULL", "all NULL"),
    ("NaN", "NaN"),
    ("infinity", "infinity"),
    ("missing column", "missing columns"),
    ("huge", "huge"),
    ("other zone", "times without a zone, and in the future"),
    ("DST day", "the week in which the clock is turned back"),
];

/// World, check and how it ended.
type Seen = (String, String, Ended, String);

/// Every check of every world, by its kind.
fn seen() -> BTreeMap<String, Vec<Seen>> {
    let mut seen: BTreeMap<String, Vec<Seen>> = BTreeMap::new();
    for (name, case) in &worlds() {
        let plan = planned_on(case, "duckdb", "brightside").unwrap();
        let outcomes = ended_on(&plan, &Database::of(&case.sql).open_and_keep());
        for check in &plan.expected.checks {
            let kind = if check.kind == "dbt_test" { "dbt_tests" } else { check.kind.as_str() };
            let outcome = &outcomes[&check.id];
            seen.entry(kind.to_owned()).or_default().push((name.clone(), check.id.clone(), outcome.ended(), told(outcome)));
        }
    }
    seen
}

fn meets(situation: &str, world: &str, (at, id, ended, _): &Seen) -> bool {
    match situation {
        "pass" => *ended == Ended::Pass,
        "warn" => *ended == Ended::FailWarn,
        "hold" => *ended == Ended::FailHold && at != "empty",
        "boundary" => id.contains("boundary") && ["sound", "warned, and at the limit"].contains(&at.as_str()),
        _ => at == world,
    }
}

#[test]
fn every_kind_meets_every_situation_or_says_why_not() {
    let why_not: BTreeMap<String, BTreeMap<String, String>> = yaml_serde::from_str(include_str!("situations.yml")).unwrap();
    let seen = seen();
    let mut wrong = String::new();
    let mut page = String::from(include_str!("situations.md"));
    for kind in KINDS.iter().filter(|kind| **kind != "reconcile_rows") {
        let none = Vec::new();
        let of_kind = seen.get(*kind).unwrap_or(&none);
        let _ = write!(page, "\n## `{kind}`\n\n| situation | check | ends |\n|---|---|---|\n");
        for (situation, world) in SITUATIONS {
            let reason = why_not.get(*kind).and_then(|reasons| reasons.get(situation)).or_else(|| why_not["every kind"].get(situation));
            let cases: Vec<&Seen> = of_kind.iter().filter(|seen| meets(situation, world, seen)).collect();
            match (cases.first(), reason) {
                (None, None) => wrong += &format!("{kind} never meets `{situation}`\n"),
                (Some(_), Some(_)) if why_not.get(*kind).is_some_and(|reasons| reasons.contains_key(situation)) => {
                    wrong += &format!("{kind} meets `{situation}`, though situations.yml says that it does not\n");
                }
                (None, Some(reason)) => {
                    let _ = writeln!(page, "| {situation} | none | {reason} |");
                }
                (Some(_), _) => {
                    // Two ways of ending tell more than one.
                    let mut ways = BTreeSet::new();
                    for (_, id, ended, told) in cases.iter().filter(|(_, _, ended, _)| ways.insert(*ended)).take(2) {
                        let told = told.replace('|', "\\|");
                        let told = if *ended == Ended::Error { told.split(':').next().unwrap_or_default() } else { told.trim() };
                        let _ = writeln!(page, "| {situation} | `{id}` | {told} |");
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    if std::env::var_os("PRESSCHECK_WRITE_BOOK").is_some() {
        std::fs::write("docs/situations.md", &page).unwrap();
    }
    assert!(
        std::fs::read_to_string("docs/situations.md").unwrap_or_default() == page,
        "docs/situations.md is old: PRESSCHECK_WRITE_BOOK=1"
    );
}
