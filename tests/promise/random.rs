//! Random edits of random contracts: what `diff` says of a metric is what comes out when every outcome of the checks is decided, by the decision
//! itself, with the old contract and with the new one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use presscheck::check::Spec;
use presscheck::check::common::Severity;
use presscheck::check::measurement::{Cell, Measurement};
use presscheck::check::outcome::{Evidence, Fault, Judgement, Measured, Outcome, Reason};
use presscheck::contract;
use presscheck::dbt::{Column, Node, NodeKind, Project};
use presscheck::decide::{Context, FactName, Verdict, decide};
use presscheck::lineage;
use presscheck::macros::Macros;
use presscheck::plan::{self, Asked, Expected, Plan};
use presscheck::promise::{self, Version};

const NOW: &str = "2026-11-23T08:00:00Z";

/// Numbers that are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % n as u64).unwrap()
    }
    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Check {
    kind: usize,
    /// `severity`, `warn_if`, `hold_if`: as written, or nothing.
    severity: &'static str,
    warn_if: &'static str,
    hold_if: &'static str,
    min_rows: u64,
    allow_empty: bool,
    filter: &'static str,
    /// Of a range its bounds, of a row count too, of freshness the hours.
    low: i128,
    high: i128,
    affects: Option<&'static str>,
    only: Option<&'static str>,
    /// What anything but a pass asks for, of one metric.
    overlay: Option<(&'static str, &'static str)>,
}

#[derive(Debug, Clone, PartialEq)]
struct Promise {
    checks: BTreeMap<usize, Check>,
    /// Check, days until it ends, covers errors, covers skips.
    waiver: Option<(usize, i64, bool, bool)>,
    /// Metric (or every one), days until it ends.
    caveat: Option<(Option<&'static str>, Option<i64>)>,
    /// Hour of the deadline, and whether late holds.
    deadline: Option<(i64, bool)>,
    sql: usize,
}

const KINDS: &[&str] = &["not_null", "unique", "range", "row_count", "expression", "freshness"];
const NUMBERS: &[&str] = &["", "> 0", "> 3", ">= 3", "> 10", "!= 0", "= 2", "< 1"];
const SHARES: &[&str] = &["", "> 0%", "> 5%", ">= 5%", "> 12.5%"];
const DAYS: &[i64] = &[-1, 2, 30];

/// The mart's SQL: both sides, one side alone, something that is not understood, a column that is gone.
const MARTS: &[&str] = &[
    "select a.id, a.x as m1, b.y as m2 from stg_a as a inner join stg_b as b on a.id = b.id",
    "select a.id, a.x as m1, b.y as m2 from stg_a as a left join stg_b as b on a.id = b.id",
    "select a.id, a.x as m1, a.x as m2 from stg_a as a",
    "select * from summarize_everything(stg_a, stg_b)",
];

impl Check {
    fn random(dice: &mut Dice) -> Check {
        let kind = dice.below(KINDS.len());
        let mut check = Check {
            kind,
            severity: "",
            warn_if: "",
            hold_if: "",
            min_rows: dice.one(&[1, 1, 1, 4]),
            allow_empty: dice.below(6) == 0,
            filter: "",
            low: 2,
            high: 9,
            affects: None,
            only: None,
            overlay: None,
        };
        check.thresholds(dice);
        check
    }

    fn thresholds(&mut self, dice: &mut Dice) {
        let shares = dice.below(4) == 0;
        let limits = if shares { SHARES } else { NUMBERS };
        (self.severity, self.warn_if, self.hold_if) = match dice.below(3) {
            0 => (dice.one(&["", "warn", "hold"]), "", ""),
            _ => ("", dice.one(limits), dice.one(limits)),
        };
        // A kind with bounds of its own takes no thresholds.
        if matches!(KINDS[self.kind], "row_count" | "freshness") {
            (self.warn_if, self.hold_if) = ("", "");
        }
    }

    fn edit(&mut self, dice: &mut Dice) {
        match dice.below(9) {
            0 | 1 => self.thresholds(dice),
            8 => self.overlay = dice.one(&[None, Some(("m1", "warn")), Some(("m1", "hold")), Some(("m2", "warn"))]),
            2 => self.min_rows = dice.one(&[1, 4]),
            3 => self.allow_empty = !self.allow_empty,
            4 => self.filter = dice.one(&["", "id > 1", "id > 2"]),
            5 => (self.low, self.high) = dice.one(&[(2, 9), (1, 9), (2, 12), (3, 8), (1, 8)]),
            6 => (self.affects, self.only) = (dice.one(&[None, Some("m1"), Some("m2")]), None),
            _ => (self.affects, self.only) = (None, dice.one(&[None, Some("m1"), Some("m2")])),
        }
    }

    fn yaml(&self, at: usize) -> String {
        let own = match KINDS[self.kind] {
            "not_null" => "column: stg_a.x".to_owned(),
            "unique" => "column: stg_a.id".to_owned(),
            "range" => format!("column: stg_b.y, min: {}, max: {}", self.low, self.high),
            "row_count" => format!("model: stg_b, between: {{min: {}, max: {}}}", self.low, self.high),
            "expression" => "model: mart, expression: id > 0".to_owned(),
            _ => format!("source: raw.a, loaded_at: x, warn_after: {}h, hold_after: {}h", self.low, self.high),
        };
        let mut text = format!("  - {}: {{name: c{at}, {own}", KINDS[self.kind]);
        let mut add = |key: &str, value: &str| {
            if !value.is_empty() {
                text += &format!(", {key}: {value}");
            }
        };
        let quoted = |text: &str| if text.is_empty() { String::new() } else { format!("'{text}'") };
        add("severity", if KINDS[self.kind] == "freshness" { "" } else { self.severity });
        add("warn_if", &quoted(self.warn_if));
        add("hold_if", &quoted(self.hold_if));
        add("where", &quoted(self.filter));
        add("min_rows", &if self.min_rows == 1 { String::new() } else { self.min_rows.to_string() });
        add("allow_empty", if self.allow_empty { "so it is" } else { "" });
        add("affects", &self.affects.map(|metric| format!("[{metric}]")).unwrap_or_default());
        add("affects_only", &self.only.map(|metric| format!("[{metric}], because: so it is")).unwrap_or_default());
        add("severity_for", &self.overlay.map(|(metric, asks)| format!("{{{metric}: {asks}}}")).unwrap_or_default());
        text + "}\n"
    }
}

impl Promise {
    fn random(dice: &mut Dice) -> Promise {
        let checks = (0..1 + dice.below(3)).map(|at| (at, Check::random(dice))).collect();
        let mut promise = Promise { checks, waiver: None, caveat: None, deadline: None, sql: dice.one(&[0, 0, 0, 1, 2, 3]) };
        for _ in 0..dice.below(3) {
            promise.edit_rest(dice);
        }
        promise
    }

    fn edit_rest(&mut self, dice: &mut Dice) {
        match dice.below(4) {
            0 => {
                let check = dice.one(&self.checks.keys().copied().collect::<Vec<_>>());
                self.waiver = (dice.below(3) > 0).then(|| (check, dice.one(DAYS), dice.below(2) == 0, dice.below(2) == 0));
            }
            1 => {
                self.caveat =
                    (dice.below(3) > 0).then(|| (dice.one(&[None, Some("m1"), Some("m2")]), dice.one(&[None, Some(-1), Some(2), Some(30)])))
            }
            2 => self.deadline = (dice.below(4) > 0).then(|| (dice.one(&[9, 12]), dice.below(2) == 0)),
            _ => self.sql = dice.below(MARTS.len()),
        }
    }

    fn edited(&self, dice: &mut Dice) -> Promise {
        let mut new = self.clone();
        for _ in 0..1 + dice.below(2) {
            match dice.below(6) {
                0..=2 => {
                    let at = dice.one(&new.checks.keys().copied().collect::<Vec<_>>());
                    if let Some(check) = new.checks.get_mut(&at) {
                        check.edit(dice);
                    }
                }
                3 if new.checks.len() > 1 => {
                    let at = dice.one(&new.checks.keys().copied().collect::<Vec<_>>());
                    new.checks.remove(&at);
                    if new.waiver.is_some_and(|(check, ..)| check == at) {
                        new.waiver = None;
                    }
                }
                4 if new.checks.len() < 3 => {
                    new.checks.insert(7, Check::random(dice));
                }
                _ => new.edit_rest(dice),
            }
        }
        new
    }

    fn yaml(&self) -> String {
        let day = |days: i64| (now() + SignedDuration::from_hours(24 * days)).strftime("%Y-%m-%d").to_string();
        let mut text = "version: 1\ncontract: c\nmetrics:\n  m1: {column: mart.m1}\n  m2: {column: mart.m2}\n".to_owned();
        if let Some((hour, holds)) = self.deadline {
            text += &format!("schedule: {{interval: day, ready_by: '{hour}:00', late: {}}}\n", if holds { "hold" } else { "warn" });
        }
        text += "checks:\n";
        self.checks.iter().for_each(|(at, check)| text += &check.yaml(*at));
        if let Some((check, days, error, skipped)) = self.waiver {
            let covers: Vec<&str> =
                [(error, "error"), (skipped, "skipped")].iter().filter(|(covers, _)| *covers).map(|(_, word)| *word).collect();
            text += &format!(
                "waivers: [{{check: c{check}, reason: r, approved_by: a@b.example, until: {}, covers: [{}]}}]\n",
                day(days),
                covers.join(", ")
            );
        }
        if let Some((metric, days)) = self.caveat {
            let metric = metric.map_or_else(String::new, |metric| format!("metric: {metric}, "));
            let until = days.map_or_else(String::new, |days| format!(", until: {}", day(days)));
            text += &format!("caveats: [{{{metric}text: Provisional.{until}}}]\n");
        }
        text
    }
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A project of three models over two sources.
fn project(sql: usize) -> Project {
    let node = |kind: NodeKind, name: &str, columns: &[&str], compiled: Option<&str>, parents: &[&str]| {
        let source = kind == NodeKind::Source;
        let columns: Vec<Column> = columns.iter().map(|name| Column { name: (*name).into(), data_type: None }).collect();
        Node {
            unique_id: if source { format!("source.p.raw.{name}") } else { format!("model.p.{name}") },
            kind,
            name: name.into(),
            source_name: source.then(|| "raw".into()),
            package: "p".into(),
            path: format!("models/{name}.sql").into(),
            language: "sql".into(),
            materialized: "table".into(),
            schema: "main".into(),
            identifier: name.into(),
            relation_name: Some(name.into()),
            raw_code: compiled.unwrap_or_default().into(),
            compiled_code: compiled.map(Into::into),
            catalog_columns: Some(columns.clone().into()),
            columns: columns.into(),
            depends_on: parents.iter().map(|parent| (*parent).to_owned()).collect(),
            ..Node::default()
        }
    };
    let nodes = [
        node(NodeKind::Source, "a", &["id", "x"], None, &[]),
        node(NodeKind::Source, "b", &["id", "y"], None, &[]),
        node(NodeKind::Model, "stg_a", &["id", "x"], Some("select id, x from a"), &["source.p.raw.a"]),
        node(NodeKind::Model, "stg_b", &["id", "y"], Some("select id, y from b"), &["source.p.raw.b"]),
        node(NodeKind::Model, "mart", &["id", "m1", "m2"], Some(MARTS[sql]), &["model.p.stg_a", "model.p.stg_b"]),
    ];
    Project {
        name: "p".into(),
        adapter: "duckdb".into(),
        schema_version: 12,
        nodes: nodes.into_iter().map(|node| (node.unique_id.clone(), node)).collect(),
        ..Project::default()
    }
}

/// How a spec ends over so many rows, so many of them bad, the newest so many hours old.
fn ended(spec: &Spec, rows: i128, bad: i128, age: i64) -> Outcome {
    let cells = match spec.kind_name() {
        "row_count" => Vec::new(),
        "unique" => vec![Cell::Int(0), Cell::Int(0), Cell::Int(bad)],
        "freshness" if rows == 0 => vec![Cell::Null],
        "freshness" => vec![Cell::Instant(now() - SignedDuration::from_secs(age))],
        _ => vec![Cell::Int(bad)],
    };
    match spec.kind().judge(&Measurement { rows_seen: rows, cells, items: Vec::new(), now: now() }) {
        Judgement::Pass(_) => pass(),
        Judgement::Fail { measured, asks, .. } if measured.too_few_rows() => too_few_rows(asks),
        Judgement::Fail { asks, .. } => fail(asks),
        Judgement::Error(fault) => Outcome::Error(fault),
    }
}

fn measured() -> Measured {
    Measured { rows_seen: 1, value: "0".into(), unit: String::new(), facts: Vec::new() }
}
fn pass() -> Outcome {
    Outcome::Pass(Evidence::of(measured(), "sql".into(), "snapshot".into(), 1).unwrap())
}
fn fail(asks: Severity) -> Outcome {
    Outcome::Fail { asks, measured: measured(), why: String::new() }
}
fn too_few_rows(asks: Severity) -> Outcome {
    Outcome::Fail { asks, measured: measured().of_too_few_rows(), why: String::new() }
}
fn faults() -> [Outcome; 3] {
    let fault = |reason| Fault { reason, detail: String::new() };
    [Outcome::Error(fault(Reason::QueryError)), Outcome::Skipped(fault(Reason::Cancelled)), Outcome::Skipped(fault(Reason::NotStarted))]
}

/// Which outcome, for telling equal ones apart from others.
fn class(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Skipped(fault) => format!("{:?} {:?}", outcome.ended(), fault.reason == Reason::NotStarted),
        Outcome::Fail { measured, .. } => format!("{:?} {}", outcome.ended(), measured.too_few_rows()),
        _ => format!("{:?}", outcome.ended()),
    }
}

type Pair = (Option<Outcome>, Option<Outcome>);

/// Every pair of outcomes of one check: one state of the data, both versions; and whether what is measured is certainly comparable.
fn outcomes(old: Option<(&Check, &Spec)>, new: Option<(&Check, &Spec)>) -> (Vec<Pair>, bool) {
    let mut found: BTreeMap<(String, String), Pair> = BTreeMap::new();
    let mut add = |old: Option<Outcome>, new: Option<Outcome>| {
        let name = |outcome: &Option<Outcome>| outcome.as_ref().map(class).unwrap_or_default();
        found.entry((name(&old), name(&new))).or_insert((old, new));
    };
    let rows: &[i128] = &[0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 40, 200, 1000];
    let ages: Vec<i64> =
        (0..14).flat_map(|hours| [hours * 3600 - 1, hours * 3600, hours * 3600 + 1]).filter(|age| *age >= 0).chain([-7200]).collect();
    let same = match (old, new) {
        (Some((was, _)), Some((is, _))) => was.kind == is.kind && was.filter == is.filter,
        _ => true,
    };
    let narrow: Vec<i128> = (0..=14).chain([25, 26, 50, 125, 200]).collect();
    for rows in rows {
        for was in narrow.iter().filter(|bad| *bad <= rows) {
            for is in narrow.iter().filter(|bad| *bad <= rows) {
                // Wider bounds leave no more bad rows, narrower ones no fewer; equal ones the same.
                let fits = match (old, new) {
                    (Some((before, _)), Some((after, _))) if KINDS[before.kind] == "range" && same => {
                        let wider = after.low <= before.low && after.high >= before.high;
                        let narrower = after.low >= before.low && after.high <= before.high;
                        (!wider || is <= was) && (!narrower || is >= was)
                    }
                    _ => is == was,
                };
                if fits {
                    for age in if *was == 0 && *is == 0 { ages.as_slice() } else { &ages[..1] } {
                        add(old.map(|(_, spec)| ended(spec, *rows, *was, *age)), new.map(|(_, spec)| ended(spec, *rows, *is, *age)));
                    }
                }
            }
        }
    }
    for fault in faults() {
        add(old.map(|_| fault.clone()), new.map(|_| fault.clone()));
    }
    let pairs: Vec<Pair> = found.into_values().collect();
    if same {
        return (pairs, true);
    }
    let side = |pick: fn(&Pair) -> Option<Outcome>| -> Vec<Outcome> {
        let all: BTreeMap<String, Outcome> = pairs.iter().filter_map(pick).map(|outcome| (class(&outcome), outcome)).collect();
        all.into_values().collect()
    };
    let (olds, news) = (side(|pair| pair.0.clone()), side(|pair| pair.1.clone()));
    (olds.iter().flat_map(|old| news.iter().map(|new| (Some(old.clone()), Some(new.clone())))).collect(), true)
}

fn context() -> Context {
    FactName::ALL.into_iter().fold(Context::unknown(), |context, fact| context.holds(fact, "so it is"))
}

struct Side {
    contract: presscheck::contract::Contract,
    plan: Plan,
    targets: Vec<(String, Result<Vec<lineage::NodeIndex>, String>)>,
    project: Project,
    lineage: lineage::Lineage,
}

fn side(promise: &Promise, macros: &Macros) -> Option<Side> {
    let project = project(promise.sql);
    let lineage = lineage::trace(&project);
    let read = contract::parse(&promise.yaml(), Path::new("c.yml"));
    if read.findings.iter().any(|finding| finding.level == presscheck::diagnostic::Level::Error) {
        return None;
    }
    let contract = read.value?;
    let zone = jiff::tz::TimeZone::UTC;
    let interval = contract.schedule.as_ref().map(|schedule| {
        presscheck::calendar::latest_interval(schedule.interval.value, presscheck::calendar::Weekday::Monday, &zone, now()).unwrap()
    });
    let options = plan::Options { interval, selection: None, macros, given: plan::Given::default() };
    let plan = plan::build(&contract, &project, &lineage, &options).ok()?;
    let targets = plan::targets(&contract, &project, &lineage, &options);
    Some(Side { contract, plan, targets, project, lineage })
}

fn version<'a>(side: &'a Side, macros: &'a BTreeMap<String, String>) -> Version<'a> {
    let Side { contract, plan, targets, project, lineage } = side;
    Version { contract, plan, targets, project, lineage, macros }
}

fn spec(side: &Side, at: usize) -> &Spec {
    match &side.plan.asks[&format!("c{at}")] {
        Asked::Measured { spec, .. } => spec,
        Asked::Skipped(fault) => panic!("c{at} is not asked: {fault:?}"),
    }
}

/// Whether two checks ask the data the same: one row of the same query. How the answer is judged may differ.
fn asks_the_same(one: &Check, other: &Check) -> bool {
    let bounds = |check: &Check| (KINDS[check.kind] == "range").then_some((check.low, check.high));
    one.kind == other.kind && one.filter == other.filter && bounds(one) == bounds(other)
}

/// The checks of both versions: by name; then those that were renamed. A verdict does not depend on what a check is called, and one question has one
/// answer on the same data: that the old name fails while the new one passes is an outcome that no run can have.
fn named(old: &Promise, new: &Promise) -> Vec<(Option<usize>, Option<usize>)> {
    let mut fresh: Vec<usize> = new.checks.keys().copied().filter(|at| !old.checks.contains_key(at)).collect();
    let mut matched = Vec::new();
    for (at, check) in &old.checks {
        let renamed = || fresh.iter().position(|fresh| asks_the_same(check, &new.checks[fresh]));
        let now = match new.checks.contains_key(at) {
            true => Some(*at),
            false => renamed().map(|place| fresh.remove(place)),
        };
        matched.push((Some(*at), now));
    }
    matched.extend(fresh.into_iter().map(|at| (None, Some(at))));
    matched
}

/// For each metric, whether some outcome gives it a lower verdict in the new version, and whether some gives a higher one.
fn brute_force(old: &Promise, base: &Side, new: &Promise, head: &Side) -> BTreeMap<String, (bool, bool)> {
    let names = named(old, new);
    let choices: Vec<Vec<Pair>> = names
        .iter()
        .map(|(was, is)| {
            let before = was.map(|at| (&old.checks[&at], spec(base, at)));
            let after = is.map(|at| (&new.checks[&at], spec(head, at)));
            outcomes(before, after).0
        })
        .collect();
    let (old_names, new_names): (Vec<_>, Vec<_>) = names.into_iter().unzip();
    let mut moments = BTreeSet::from([now()]);
    for expected in [&base.plan.expected, &head.plan.expected] {
        moments.extend(expected.waivers.iter().map(|waiver| waiver.ends).filter(|ends| *ends > now()));
        moments.extend(expected.caveats.iter().filter_map(|caveat| caveat.ends).filter(|ends| *ends > now()));
    }
    let hours: BTreeSet<(bool, bool)> = (0..24)
        .map(|hour| (old.deadline.is_some_and(|(deadline, _)| hour > deadline), new.deadline.is_some_and(|(deadline, _)| hour > deadline)))
        .collect();
    // A day schedule on one side alone counts other days than none: then everything is possible.
    let at = |expected: &Expected, late: bool, moment: Timestamp| Expected {
        ready_by: late.then(|| moment - SignedDuration::from_secs(1)),
        ..expected.clone()
    };
    let mut found: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    for moment in moments {
        for (late_before, late_after) in &hours {
            let (expected_old, expected_new) =
                (at(&base.plan.expected, *late_before, moment), at(&head.plan.expected, *late_after, moment));
            let mut chosen = vec![0; choices.len()];
            loop {
                let outcomes = |names: &[Option<usize>], pick: fn(&Pair) -> &Option<Outcome>| -> BTreeMap<String, Outcome> {
                    let each = names.iter().zip(choices.iter().zip(&chosen));
                    each.filter_map(|(at, (pairs, chosen))| Some((format!("c{}", (*at)?), pick(&pairs[*chosen]).clone()?))).collect()
                };
                let before = decide(&expected_old, &outcomes(&old_names, |pair| &pair.0), &context(), moment);
                let after = decide(&expected_new, &outcomes(&new_names, |pair| &pair.1), &context(), moment);
                for (was, is) in before.metrics.iter().zip(&after.metrics) {
                    assert_eq!(was.id, is.id);
                    let seen = found.entry(was.id.clone()).or_default();
                    let (was, is): (Verdict, Verdict) = (was.verdict, is.verdict);
                    seen.0 |= is < was;
                    seen.1 |= is > was;
                }
                // The next choice, as an odometer counts.
                let Some(turn) = (0..chosen.len()).find(|turn| chosen[*turn] + 1 < choices[*turn].len()) else { break };
                chosen[turn] += 1;
                chosen[..turn].fill(0);
            }
        }
    }
    found
}

#[test]
fn no_loosening_is_missed_and_none_is_made_up() {
    let number = |name: &str, otherwise: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (cases, seed) = (number("PRESSCHECK_RANDOM_PROMISES", 200), number("PRESSCHECK_RANDOM_SEED", 1));
    let macros = Macros::new("duckdb", Vec::new()).unwrap();
    let nothing = BTreeMap::new();
    let (mut compared, mut loosened, mut tightened, mut wrong) = (0_u64, 0_u64, 0_u64, String::new());
    for case in 0..cases {
        let mut dice = Dice((seed + case).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        // Neighbouring seeds begin alike.
        for _ in 0..8 {
            dice.below(2);
        }
        let old = Promise::random(&mut dice);
        let new = old.edited(&mut dice);
        let (Some(base), Some(head)) = (side(&old, &macros), side(&new, &macros)) else { continue };
        compared += 1;
        let truth = brute_force(&old, &base, &new, &head);
        let told = promise::compare(&version(&base, &nothing), &version(&head, &nothing), now());
        for metric in &told.metrics {
            let (lower, higher) = truth[&metric.id];
            (loosened, tightened) = (loosened + u64::from(lower), tightened + u64::from(higher));
            let reasons = |kind| metric.changes.iter().any(|change| change.kind == kind);
            let unexplained = (metric.loosened && !reasons(promise::Kind::Loosened) && !reasons(promise::Kind::Broken))
                || (metric.tightened && metric.changes.is_empty());
            if (metric.loosened, metric.tightened) != (lower, higher) || unexplained {
                wrong += &format!(
                    "case {case}: {} is loosened {lower}, tightened {higher}; told {}, {}: {:#?}\n--- old, SQL {}\n{}--- new, SQL {}\n{}\n",
                    metric.id,
                    metric.loosened,
                    metric.tightened,
                    metric.changes,
                    old.sql,
                    old.yaml(),
                    new.sql,
                    new.yaml()
                );
            }
        }
    }
    println!("{compared} of {cases} edits compared; {loosened} metrics loosened, {tightened} tightened");
    assert!(wrong.is_empty(), "{wrong}");
    assert!(compared * 10 >= cases * 7, "most edits must be contracts that can be decided: {compared} of {cases}");
    assert!(loosened * 10 > cases && tightened * 10 > cases, "{loosened} loosened, {tightened} tightened of {cases}");
}
