//! What happened to others: each incident as a small world, and the outcome that it must have here.

use presscheck::check::common::Severity;

use crate::commands::{copy, run};
use crate::plan::{Case, ended, planned, told};
use crate::warehouse::Database;

#[derive(serde::Deserialize)]
struct Incident {
    incident: String,
    /// `refused`: the contract is not accepted. `never_pass`: no check of it passes. `hold`: every check fails, and asks to hold. `pass`: crying
    /// wolf would be the fault.
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
    Hold,
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
            let holds = matches!(outcome, presscheck::check::outcome::Outcome::Fail { asks: Severity::Hold, .. });
            if passed != (*must == Must::Pass) || (*must == Must::Hold && !holds) {
                wrong += &format!("{incident}: {id} ended as {}\n", told(outcome));
            }
            lines += &format!("{id}: {}\n", told(outcome));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    insta::assert_snapshot!("incidents", lines);
}

/// An incident of a whole program: something is done to the sample, and commands must end as they do.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct OfProgram {
    incident: String,
    #[serde(default)]
    done: Vec<Done>,
    /// A command, how it exits, and what it says.
    #[serde(default)]
    run: Vec<Command>,
    /// Where it is tried already: a file of the tests, and words of its case.
    #[serde(default)]
    stands: Option<(String, String)>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Done {
    file: String,
    /// Replaces the whole file; with `find` that text; the file is removed when absent.
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    find: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    command: String,
    exit: i32,
    #[serde(default)]
    says: String,
}

#[test]
fn what_happened_to_other_programs_does_not_happen_to_this_one() {
    let incidents: Vec<OfProgram> = yaml_serde::from_str(include_str!("checks/incidents_of_programs.yml")).unwrap();
    let sample = tempfile::tempdir().unwrap();
    run(&["demo", "--into", "bikes"], sample.path());
    let mut wrong = String::new();
    for OfProgram { incident, done, run: commands, stands } in &incidents {
        if let Some((file, words)) = stands {
            let text = std::fs::read_to_string(std::path::Path::new("tests").join(file)).unwrap_or_default();
            if !text.contains(words.as_str()) {
                wrong += &format!("{incident}: `{words}` does not stand in tests/{file}\n");
            }
        }
        if commands.is_empty() == stands.is_none() {
            wrong += &format!("{incident}: nothing is tried, or twice\n");
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        copy(&sample.path().join("bikes"), folder.path());
        for Done { file, text, find } in done {
            let path = folder.path().join(file);
            match (text, find) {
                (None, _) => std::fs::remove_file(&path).unwrap(),
                (Some(text), None) => std::fs::write(&path, text).unwrap(),
                (Some(text), Some(find)) => {
                    let whole = std::fs::read_to_string(&path).unwrap();
                    assert!(whole.contains(find.as_str()), "{incident}: {file} has no `{find}`");
                    std::fs::write(&path, whole.replace(find.as_str(), text)).unwrap();
                }
            }
        }
        for Command { command, exit, says } in commands {
            let words: Vec<&str> = command.split_whitespace().collect();
            let (code, told) = run(&words, folder.path());
            if code != Some(*exit) || !told.contains(says.as_str()) {
                wrong += &format!("{incident}: `{command}` ended with {code:?}, not {exit} and `{says}`:\n{told}\n");
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
