//! What happened to others: each incident as a small world, and the outcome that it must have here.

use crate::plan::{Case, ended, planned, told};
use crate::warehouse::Database;

#[derive(serde::Deserialize)]
struct Incident {
    incident: String,
    /// `refused`: the contract is not accepted. `never_pass`: no check of it passes. `pass`: crying wolf would be the fault.
    must: Must,
    sql: String,
    #[serde(default)]
    sources: String,
    checks: String,
}

#[derive(serde::Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Must {
    Refused,
    NeverPass,
    Pass,
}

#[test]
fn what_happened_to_others_does_not_happen_here() {
    let incidents: Vec<Incident> = yaml_serde::from_str(include_str!("checks/incidents.yml")).unwrap();
    let (mut wrong, mut lines) = (String::new(), String::new());
    for Incident { incident, must, sql, sources, checks } in &incidents {
        lines += &format!("== {incident}\n");
        if *must == Must::Refused {
            let said = crate::checks::read(checks.trim().trim_start_matches("- "));
            let problems = said.map_or_else(|said| said, |spec| spec.problems().iter().map(ToString::to_string).collect());
            if problems.is_empty() {
                wrong += &format!("{incident}: it is accepted\n");
            }
            lines += &format!("refused: {problems}\n");
            continue;
        }
        let plan = planned(&Case::of(sql, sources, checks)).unwrap_or_else(|said| panic!("{incident}: {said}"));
        let outcomes = ended(&plan, &Database::of(sql));
        for (id, outcome) in &outcomes {
            let passed = matches!(outcome, presscheck::check::outcome::Outcome::Pass(_));
            if passed != (*must == Must::Pass) {
                wrong += &format!("{incident}: {id} ended as {}\n", told(outcome));
            }
            lines += &format!("{id}: {}\n", told(outcome));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    insta::assert_snapshot!("incidents", lines);
}
