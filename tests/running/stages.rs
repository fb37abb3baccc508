//! The stages of a run: what is printed is what is done; sources that are late, intervals that are over.

use std::time::Duration;

use super::{history, runs};
use crate::commands::run as program;
use crate::publish::world::{World, worlds};

/// The sources' rows carry their load time.
const SOURCES: &str = "sources: [{source: raw.weekly, freshness: {loaded_at: loaded_at, hold_after: 1h, timezone: UTC}}]\nmetrics:";

fn with_source(world: &World, wait: &str) {
    world.sql("alter table raw.weekly add column loaded_at timestamp; update raw.weekly set loaded_at = timestamp '2020-01-01 00:00:00'");
    world.edit("contracts/report.yml", "metrics:", SOURCES);
    world.edit("contracts/report.yml", "timezone: UTC}\n", &format!("timezone: UTC{wait}}}\n"));
}

#[test]
fn a_run_waits_for_its_sources() {
    for world in worlds() {
        with_source(&world, ", wait: 2m");
        let waiting = world.start(&["run", "--no-build"]);
        while runs(super::world_or_new(&world)).first().is_none_or(|run| !run.steps.iter().any(|kept| kept.step.name() == "landed")) {
            std::thread::sleep(Duration::from_millis(50));
        }
        // The file is free between two looks.
        while !lands(&world) {
            std::thread::sleep(Duration::from_millis(50));
        }
        let ended = waiting.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
        let steps: Vec<&str> = runs(&world)[0].steps.iter().map(|kept| kept.step.name()).collect();
        assert_eq!(steps[..4], ["started", "inputs", "landed", "landed"], "{}: once late, once there", world.name());
    }
}

fn lands(world: &World) -> bool {
    let update = || world.sql("update raw.weekly set loaded_at = now() at time zone 'UTC'");
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(update)).is_ok()
}

#[test]
fn a_source_that_stays_away_holds_what_it_reaches() {
    for world in worlds() {
        with_source(&world, ", wait: 1s");
        let (code, said) = world.run(&["run", "--no-build"]);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("raw.weekly freshness failed"), "{said}");
        assert!(world.rows("select shown from reporting.status").iter().all(|row| row[0] == "blank"), "{}", world.name());
    }
}

#[test]
fn stages_are_printed_and_intervals_are_run_oldest_first() {
    let worlds = worlds();
    let world = &worlds[0];
    let (_, plan) = program(&["run", "--plan", "--profiles-dir", ".", "--no-build"], world.folder());
    let plan = plan.lines().skip(1).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!("stages", plan);
    let monday: jiff::civil::Date = world.monday().parse().unwrap();
    let day = |weeks: i64| monday.checked_add(jiff::Span::new().weeks(weeks)).unwrap();
    let (code, said) = world.run(&["run", "--no-build", "--interval", &format!("{}..{}", day(-1), day(1)), "--format", "json"]);
    assert!([0, 1].contains(&code), "{said}");
    let mut begins: Vec<String> = runs(world).iter().map(|run| run.key.interval.split('T').next().unwrap().to_owned()).collect();
    begins.reverse();
    assert_eq!(begins, [day(-1).to_string(), day(0).to_string()]);
    assert!(!world.folder().join("target/presscheck/report.json").exists(), "the report's last decision is left as it is");
    assert!(history(world).acts("report", presscheck::history::ActKind::Publish, jiff::Timestamp::MIN).unwrap().is_empty());
    for (span, says) in [
        (format!("{}..{}", day(0), day(3)), "is not over yet"),
        (format!("{}..{}", day(0), day(0)), "the second day must be later"),
        ("2026-10-05".to_owned(), "write two days"),
        (format!("{}..{}", day(0), day(0).tomorrow().unwrap()), "no whole interval"),
    ] {
        let (code, said) = world.run(&["run", "--no-build", "--interval", &span]);
        assert_eq!(code, 2, "{span}: {said}");
        assert!(said.contains(says), "{span}: {said}");
    }
}
