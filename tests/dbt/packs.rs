//! Tests of dbt packages by the SQL that real dbt compiled: each ends here as dbt said that it does.

use std::collections::BTreeMap;
use std::path::Path;

use presscheck::check::outcome::Outcome;
use presscheck::contract;
use presscheck::dbt::manifest;
use presscheck::lineage;
use presscheck::macros::Macros;
use presscheck::plan::{self, Given, Options};

use crate::plan::{ended, told};
use crate::warehouse::Database;

const CONTRACT: &str = "version: 1\ncontract: c\nmetrics:\n  m: {column: orders.amount}\nchecks:\n  - dbt_tests: {select: 'package:packs'}\n  - schema: {model: kept, name: enforced}\n";

/// dbt passes tests of a relation without rows, which shows nothing.
const EMPTY: &[&str] = &["dbt_utils_expression_is_true_nothing_amount_0", "not_null_nothing_order_id"];

#[test]
fn tests_of_packages_end_as_dbt_says() {
    let text = include_str!("packs/manifest.json")
        .replace("\\\"packs\\\".\\\"main\\\"", "\\\"brightside\\\".\\\"main\\\"")
        .replace("\"database\": \"packs\"", "\"database\": \"brightside\"");
    let project = manifest::read(text.as_bytes(), Path::new("manifest.json")).unwrap();
    let said: BTreeMap<String, (String, Option<i64>)> = serde_json::from_str(include_str!("packs/results.json")).unwrap();
    let (unit, data): (Vec<_>, Vec<_>) = said.iter().partition(|(id, _)| id.starts_with("unit_test."));
    assert!(!unit.is_empty() && project.tests.len() == data.len(), "unit tests are no data tests");
    let lineage = lineage::trace(&project);
    let contract = contract::parse(CONTRACT, Path::new("c.yml")).value.unwrap();
    let macros = Macros::new("duckdb", Vec::new()).unwrap();
    let options = Options { interval: None, selection: None, macros: &macros, given: Given::default() };
    let plan = plan::build(&contract, &project, &lineage, &options).unwrap();
    let made = ["orders", "customers", "nothing"].map(|name| {
        let node = project.nodes.values().find(|node| node.name == name).unwrap();
        format!("create table {name} as {};", node.compiled_code.as_deref().unwrap())
    });
    // As dbt makes a table whose contract is enforced; then somebody drops the promise.
    let kept = "create table kept (order_id bigint not null, amount decimal(12, 2), customer varchar); insert into kept select order_id, amount, customer from orders;";
    let database = Database::of(&format!("{}{kept}", made.concat()));
    let outcomes = ended(&plan, &database);
    let (mut wrong, mut lines) = (String::new(), String::new());
    for (id, (status, failures)) in &data {
        let test = &project.tests[*id];
        let outcome = &outcomes[&format!("dbt:{}", test.name)];
        let ended = match outcome {
            Outcome::Pass(_) => "pass",
            Outcome::Fail { asks, .. } => match asks {
                presscheck::check::common::Severity::Warn => "warn",
                presscheck::check::common::Severity::Hold => "fail",
            },
            Outcome::Error(_) | Outcome::Skipped(_) => "error",
        };
        let expected = if EMPTY.contains(&test.name.as_str()) { "fail" } else { status.as_str() };
        if ended != expected {
            wrong += &format!("{}: dbt says {status} ({failures:?}), here {}\n", test.name, told(outcome));
        }
        lines += &format!("{}: dbt {status} {}; {}\n", test.name, failures.unwrap_or_default(), told(outcome));
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    let promised = |outcomes: &BTreeMap<String, Outcome>| {
        let of = outcomes.iter().filter(|(id, _)| id.starts_with("enforced"));
        of.map(|(id, outcome)| format!("{id}: {}\n", told(outcome))).collect::<String>()
    };
    lines += &format!("== the enforced contract\n{}", promised(&outcomes));
    let other = Database::of(
        "create table kept (order_id bigint, amount double, customer varchar, more int); insert into kept values (1, 1, 'a', 1);",
    );
    lines += &format!("== another table in its place\n{}", promised(&ended(&plan, &other)));
    insta::assert_snapshot!("tests_of_packages", lines);
}
