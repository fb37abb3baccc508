//! Random small tables: how each predicate ends on DuckDB is how a few lines of Rust end it, row by row.
//!
//! A nightly form looks at more tables than `cargo test` does, with other seeds:
//! `PRESSCHECK_RANDOM_CHECKS=20000 PRESSCHECK_RANDOM_SEED=$(date +%Y%m%d) cargo test differential`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use presscheck::check::common::Severity;
use presscheck::check::outcome::Outcome;
use presscheck::contract::Contract;
use presscheck::dbt::{NodeKind, Project};
use presscheck::lineage::Lineage;
use presscheck::macros::Macros;
use presscheck::plan::{self, Options};
use presscheck::yaml;

use crate::dice::Dice;
use crate::plan::{ended, node, week};
use crate::warehouse::Database;

/// Tables of one database and one plan.
const BATCH: u64 = 60;

/// One row: a number, a float, a text, a day of November (40 is infinity).
#[derive(Debug, Clone)]
struct Row {
    a: Option<i64>,
    b: Option<f64>,
    c: Option<&'static str>,
    d: Option<u8>,
}

/// Draws tables and checks.
struct Random(Dice);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0.next() % limit
    }
    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        self.0.one(all)
    }
    /// Some tables are dull, so that things pass, too.
    fn rows(&mut self) -> Vec<Row> {
        let dull = self.below(3) == 0;
        let number = self.below(if dull { 16 } else { 7 });
        (0..number)
            .map(|_| Row {
                a: if dull { Some(self.of(&[1, 2, 3])) } else { self.of(&[None, Some(-1), Some(0), Some(1), Some(2), Some(3)]) },
                b: if dull {
                    Some(self.of(&[0.0, 0.5]))
                } else {
                    self.of(&[
                        None,
                        Some(f64::NAN),
                        Some(f64::INFINITY),
                        Some(f64::NEG_INFINITY),
                        Some(0.0),
                        Some(-0.5),
                        Some(1.5),
                        Some(1e300),
                    ])
                },
                c: if dull {
                    Some(self.of(&["x", "y"]))
                } else {
                    self.of(&[None, Some("x"), Some("y"), Some("it's"), Some("X"), Some("")])
                },
                d: if dull {
                    Some(16 + u8::try_from(self.below(7)).unwrap())
                } else {
                    self.of(&[None, Some(15), Some(16), Some(19), Some(22), Some(23), Some(40)])
                },
            })
            .collect()
    }
}

fn insert(table: &str, rows: &[Row]) -> String {
    let mut sql = format!("create table {table} (a integer, b double, c varchar, d date);\n");
    for row in rows {
        let null = || "null".to_owned();
        let b = row.b.map_or_else(null, |b| format!("'{b}'::double"));
        let c = row.c.map_or_else(null, |c| format!("'{}'", c.replace('\'', "''")));
        let d = row.d.map_or_else(null, |d| if d == 40 { "date 'infinity'".to_owned() } else { format!("date '2026-11-{d}'") });
        sql += &format!("insert into {table} values ({}, {b}, {c}, {d});\n", row.a.map_or_else(null, |a| a.to_string()));
    }
    sql
}

/// How a check must end.
#[derive(Debug, PartialEq, Clone, Copy)]
enum End {
    Pass,
    Warn,
    Hold,
}

fn any(bad: bool) -> End {
    if bad { End::Hold } else { End::Pass }
}

/// One predicate: as a contract writes it (`T`, `U` are the tables), and what it means.
type Predicate = (&'static str, fn(&[Row], &[Row]) -> End);

const PREDICATES: &[Predicate] = &[
    ("not_null: {column: T.a, name: NAME}", |t, _| any(t.iter().any(|row| row.a.is_none()))),
    ("not_null: {column: T.a, name: NAME, warn_if: '> 0', hold_if: '> 50%'}", |t, _| {
        match t.iter().filter(|row| row.a.is_none()).count() {
            0 => End::Pass,
            bad if bad * 2 > t.len() => End::Hold,
            _ => End::Warn,
        }
    }),
    ("not_null: {model: T, columns: [a, c], name: NAME}", |t, _| any(t.iter().any(|row| row.a.is_none() || row.c.is_none()))),
    ("unique: {column: T.a, name: NAME}", |t, _| {
        let keys: BTreeSet<i64> = t.iter().filter_map(|row| row.a).collect();
        any(keys.len() < t.len())
    }),
    ("unique: {model: T, columns: [a, c], name: NAME, null: pass}", |t, _| {
        let whole: Vec<_> = t.iter().filter_map(|row| row.a.zip(row.c)).collect();
        any(whole.iter().collect::<BTreeSet<_>>().len() < whole.len())
    }),
    ("accepted_values: {column: T.c, values: [x, y, \"it's\"], name: NAME}", |t, _| {
        any(t.iter().any(|row| !row.c.is_some_and(|c| ["x", "y", "it's"].contains(&c))))
    }),
    ("range: {column: T.b, min: 0, max: 1.5, name: NAME}", |t, _| {
        any(t.iter().any(|row| !row.b.is_some_and(|b| (0.0..=1.5).contains(&b))))
    }),
    ("range: {column: T.b, min: 0, null: pass, name: NAME}", |t, _| {
        any(t.iter().any(|row| row.b.is_some_and(|b| !(b.is_finite() && b >= 0.0))))
    }),
    ("matches: {column: T.c, pattern: '[xy]', name: NAME}", |t, _| any(t.iter().any(|row| !matches!(row.c, Some("x" | "y"))))),
    ("matches: {column: T.c, pattern: '[a-z]*', null: pass, name: NAME}", |t, _| {
        any(t.iter().any(|row| row.c.is_some_and(|c| !c.chars().all(|c| c.is_ascii_lowercase()))))
    }),
    ("relationships: {column: T.a, to: U.a, name: NAME}", |t, u| {
        any(t.iter().any(|row| row.a.is_none() || !u.iter().any(|other| other.a == row.a)))
    }),
    ("expression: {model: T, expression: a >= 1, name: NAME}", |t, _| any(t.iter().any(|row| row.a.is_none_or(|a| a < 1)))),
    ("expression: {model: T, expression: a >= 1 or c = 'x', null: pass, name: NAME}", |t, _| {
        // False only where no side is true and none is NULL.
        any(t.iter().any(|row| row.a.is_some_and(|a| a < 1) && row.c.is_some_and(|c| c != "x")))
    }),
    ("row_count: {model: T, between: {min: 2, max: 4}, name: NAME}", |t, _| any(!(2..=4).contains(&t.len()))),
    ("row_count: {model: T, where: a > 0, between: {min: 2}, severity: warn, name: NAME}", |t, _| {
        match t.iter().filter(|row| row.a.is_some_and(|a| a > 0)).count() {
            0 => End::Hold,
            1 => End::Warn,
            _ => End::Pass,
        }
    }),
    ("date_coverage: {column: T.d, name: NAME, except: [tuesday, wednesday, friday, saturday]}", |t, _| {
        any([16, 19, 22].iter().any(|day| !t.iter().any(|row| row.d == Some(*day))))
    }),
    ("date_coverage: {column: T.d, by: [c], every: week, name: NAME}", |t, _| {
        let groups: BTreeSet<_> = t.iter().map(|row| row.c).collect();
        let there = |group: &Option<&str>| t.iter().any(|row| row.c == *group && row.d.is_some_and(|d| (16..=22).contains(&d)));
        any(groups.iter().any(|group| !there(group)))
    }),
    ("date_coverage: {column: T.d, warn_if: '> 0', hold_if: '>= 50%', name: NAME}", |t, _| {
        match (16..=22).filter(|day| !t.iter().any(|row| row.d == Some(*day))).count() {
            0 => End::Pass,
            missing if missing * 2 >= 7 => End::Hold,
            _ => End::Warn,
        }
    }),
    ("groups_present: {column: T.c, expect: [x, y], name: NAME}", |t, _| {
        any(["x", "y"].iter().any(|group| !t.iter().any(|row| row.c == Some(*group))))
    }),
    ("groups_present: {column: T.a, expect: [1, 2], date: d, name: NAME, warn_if: '= 1', hold_if: '> 1'}", |t, _| {
        let there = |group: i64| t.iter().any(|row| row.a == Some(group) && row.d.is_some_and(|d| (16..=22).contains(&d)));
        match [1, 2].iter().filter(|group| !there(**group)).count() {
            0 => End::Pass,
            1 => End::Warn,
            _ => End::Hold,
        }
    }),
    (
        "reconcile: {left: {model: T, value: sum(a)}, right: {model: U, value: sum(a)}, by: [c], name: NAME, tolerance: {absolute: 1}}",
        |t, u| {
            let (left, right) = (sums(t), sums(u));
            if left.is_empty() && right.is_empty() {
                return End::Hold;
            }
            let agrees = |key: &Option<&str>| match (left.get(key), right.get(key)) {
                (Some(Some(l)), Some(Some(r))) => (l - r).abs() <= 1,
                _ => false,
            };
            any(left.keys().chain(right.keys()).any(|key| !agrees(key)))
        },
    ),
    (
        "reconcile: {left: {model: T, value: count(*)}, right: {model: U, value: count(*)}, name: NAME, tolerance: {relative: 50%}}",
        |t, u| {
            let (left, right) = (t.len(), u.len());
            any(left == 0 || right == 0 || left.abs_diff(right) * 2 > right)
        },
    ),
];

/// By key: the sum, which is NULL where nothing is summed up.
fn sums(rows: &[Row]) -> BTreeMap<Option<&'static str>, Option<i64>> {
    let mut sums: BTreeMap<_, Option<i64>> = BTreeMap::new();
    for row in rows {
        let sum = sums.entry(row.c).or_default();
        *sum = match (*sum, row.a) {
            (sum, None) => sum,
            (sum, Some(a)) => Some(sum.unwrap_or(0) + a),
        };
    }
    sums
}

/// Checks of two relations do not ask whether the first is empty the same way.
fn expected(check: &str, means: fn(&[Row], &[Row]) -> End, t: &[Row], u: &[Row]) -> End {
    if t.is_empty() && !check.starts_with("reconcile") { End::Hold } else { means(t, u) }
}

#[test]
fn predicates_end_as_a_few_lines_of_rust_end_them() {
    let number = |name: &str, otherwise: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (tables, seed) = (number("PRESSCHECK_RANDOM_CHECKS", 240), number("PRESSCHECK_RANDOM_SEED", 1));
    let macros = Macros::new("duckdb", Vec::new()).unwrap();
    let mut random = Random(Dice(seed));
    let mut wrong = String::new();
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for batch in 0..tables.div_ceil(BATCH) {
        let (mut sql, mut checks, mut wanted) = (String::new(), String::new(), BTreeMap::new());
        let mut project = Project { name: "p".into(), adapter: "duckdb".into(), ..Project::default() };
        for table in 0..BATCH {
            let (t, u) = (random.rows(), random.rows());
            for (name, rows) in [(format!("t{table}"), &t), (format!("u{table}"), &u)] {
                sql += &insert(&name, rows);
                let node = node(NodeKind::Model, &name, &["a", "b", "c", "d"]);
                project.nodes.insert(node.unique_id.clone(), node);
            }
            for (at, (check, means)) in PREDICATES.iter().enumerate() {
                let id = format!("p{at}_{table}");
                let written = check.replace("T", &format!("t{table}")).replace("U", &format!("u{table}")).replace("NAME", &id);
                checks += &format!("  - {written}\n");
                wanted.insert(id, (*check, expected(check, *means, &t, &u), t.clone(), u.clone()));
            }
        }
        let text = format!("version: 1\ncontract: c\nmetrics:\n  m: {{column: t0.a}}\nchecks:\n{checks}");
        let read = yaml::read::<Contract>(&text, Path::new("c.yml"));
        assert!(read.findings.is_empty(), "{:?}", read.findings.first());
        let options = Options { interval: Some(week()), selection: None, macros: &macros, given: plan::Given::default() };
        let plan = plan::build(&read.value.unwrap(), &project, &Lineage::default(), &options).unwrap();
        let outcomes = ended(&plan, &Database::of(&sql));
        for (id, (check, want, t, u)) in &wanted {
            let got = match &outcomes[id] {
                Outcome::Pass(_) => Some(End::Pass),
                Outcome::Fail { asks: Severity::Warn, .. } => Some(End::Warn),
                Outcome::Fail { asks: Severity::Hold, .. } => Some(End::Hold),
                Outcome::Error(_) | Outcome::Skipped(_) => None,
            };
            *seen.entry(format!("{want:?} {check}")).or_default() += 1;
            if got != Some(*want) && wrong.len() < 4000 {
                wrong += &format!(
                    "batch {batch}, seed {seed}: {check}\n  wanted {want:?}, ended as {:?}\n  t = {t:?}\n  u = {u:?}\n",
                    outcomes[id]
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    for (check, _) in PREDICATES {
        assert!(seen.contains_key(&format!("Pass {check}")), "{check} never passes: the tables are too odd");
    }
}
