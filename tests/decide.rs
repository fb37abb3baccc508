//! Verdicts, classes, statuses and exit codes of every situation of the table.

use std::fmt::Write;

use presscheck::decide::{Cause, Context, FailOn, Status, Verdict, agree, decide, decide_safely, undecided};

use crate::situations::situations;

#[test]
fn every_situation_gets_its_verdicts() {
    let mut text = String::new();
    for situation in situations() {
        let decision = &situation.decision;
        let exit = [FailOn::Warn, FailOn::Hold, FailOn::Never].map(|line| decision.exit_code(line));
        writeln!(
            text,
            "## {}\n{:?} {:?}, exit {exit:?} with --fail-on warn, hold, never",
            situation.when, decision.status, decision.statuses
        )
        .unwrap();
        for waiver in &decision.waivers {
            writeln!(text, "  waiver of {}: {:?}", waiver.check, waiver.state).unwrap();
        }
        for metric in &decision.metrics {
            let class = metric.class.map(|class| format!(" ({class:?})")).unwrap_or_default();
            let causes: Vec<String> = metric.causes.iter().map(|cause| format!("{:?}", cause.rule())).collect();
            writeln!(text, "  {}: {:?}{class} {}", metric.id, metric.verdict, causes.join(" ")).unwrap();
        }
        assert_eq!(agree(&situation.plan.expected, &situation.outcomes, &situation.context, decision), Ok(()));
    }
    insta::assert_snapshot!(text);
}

/// A disagreement of the two roads, or a panic, holds everything and is said.
#[test]
fn a_bug_while_deciding_holds_everything() {
    let situation = situations().remove(0);
    let expected = &situation.plan.expected;
    let mut decision = situation.decision.clone();
    decision.metrics[0].verdict = Verdict::Warn;
    let disagreement = agree(expected, &situation.outcomes, &situation.context, &decision).unwrap_err();
    assert!(disagreement.contains("gross_revenue"), "{disagreement}");
    let held = undecided(expected, &situation.context, decision.decided_at, &disagreement);
    assert!(held.metrics.iter().all(|metric| metric.verdict == Verdict::Hold && matches!(metric.causes[..], [Cause::Internal { .. }])));
    assert_eq!((held.status, held.exit_code(FailOn::Never)), (Status::Failed, 3));
}

#[test]
fn nothing_to_check_is_never_success() {
    let situation = situations().remove(0);
    for empty in 0..2 {
        let mut expected = situation.plan.expected.clone();
        match empty {
            0 => expected.metrics.clear(),
            _ => expected.checks.clear(),
        }
        let decision = decide(&expected, &situation.outcomes, &situation.context, situation.decision.decided_at);
        assert_eq!(decision.exit_code(FailOn::Never), 2);
        assert_eq!(decision.status, Status::Failed);
    }
}

#[test]
fn a_context_that_nobody_established_holds_everything() {
    let situation = situations().remove(0);
    let decision = decide_safely(&situation.plan.expected, &situation.outcomes, &Context::unknown(), situation.decision.decided_at);
    assert!(decision.metrics.iter().all(|metric| metric.verdict == Verdict::Hold && metric.causes.len() == 7));
    assert_eq!(decision.exit_code(FailOn::Hold), 3);
}

/// The words that have turned "not failed" into "passed" elsewhere do not stand in the decision's code.
#[test]
fn the_code_of_the_decision_says_everything() {
    let forbidden = [" as ", "unwrap_or", "Default", "f64", "f32", "_ =>", "if let Outcome", "matches!(outcome", ".ok()"];
    let mut files: Vec<_> = std::fs::read_dir("src/decide").unwrap().map(|entry| entry.unwrap().path()).collect();
    files.push("src/check/outcome.rs".into());
    assert!(files.len() > 6, "the decision has moved: {files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            let code = line.replace("Default)]", "").replace(" as a ", "");
            for word in forbidden {
                assert!(!code.contains(word), "{}:{}: `{word}`: {line}", file.display(), number + 1);
            }
        }
    }
}
