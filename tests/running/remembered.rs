//! What is remembered of runs: listed, shown step by step, and let go of when it is old, so that the chain still holds and the newest run can still be gone on with.

use presscheck::history::{Intent, RunKey};

use super::*;

/// Letters and digits that differ from run to run.
fn plain(text: &str) -> String {
    let run = regex::Regex::new(r"\d{8}T\d{6}Z-[0-9a-f]{8}").unwrap().replace_all(text, "RUN").into_owned();
    let time = regex::Regex::new(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}").unwrap().replace_all(&run, "TIME").into_owned();
    let interval = regex::Regex::new(r"interval \S+").unwrap().replace_all(&time, "interval WEEK").into_owned();
    let hashes = regex::Regex::new(r"\[[0-9a-f]{12}\]|[0-9a-f]{16,}").unwrap().replace_all(&interval, "HASH").into_owned();
    regex::Regex::new(r"(?m)(TIME snapshot: ).*").unwrap().replace_all(&hashes, "${1}NAME").into_owned()
}

#[test]
fn runs_are_listed_shown_and_let_go_of() {
    let worlds = worlds();
    let world = &worlds[0];
    assert_eq!(world.out(&["runs"]), (0, "no run\n".to_owned()));
    for _ in 0..3 {
        assert_eq!(world.run(RUN).0, 0);
    }
    let all = runs(world);
    let newest = all[0].key.run.clone();
    let (code, shown) = world.out(&["runs", "show", &newest]);
    assert_eq!(code, 0, "{shown}");
    insta::assert_snapshot!("shown", plain(&shown));
    let (_, listed) = world.out(&["runs", "report", "--format", "json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|row| row["run"].as_str().unwrap()).collect();
    assert_eq!(names, all.iter().map(|run| run.key.run.as_str()).collect::<Vec<_>>());
    assert_eq!((listed[0]["state"].as_str(), listed[0]["exit_code"].as_u64()), (Some("ended"), Some(0)));
    for (run, says) in [("2099", "there is no run"), ("2", "several runs begin with")] {
        let ended = crate::tell::presscheck(&["runs", "show", run], world.folder(), &[]);
        let said = crate::tell::text(&ended.stderr);
        assert!(ended.status.code() == Some(2) && said.contains(says), "{said}");
    }

    std::thread::sleep(Duration::from_millis(1100));
    let steps = |world: &World| runs(world).iter().map(|run| run.steps.len()).sum::<usize>();
    let before = steps(world);
    let (_, counted) = world.out(&["runs", "prune", "--keep", "1s", "--dry-run"]);
    assert!(counted.starts_with("would let go of 2 runs") && counted.contains("2 documents"), "{counted}");
    assert_eq!(steps(world), before, "a dry run changes nothing");
    assert_eq!(world.out(&["runs", "prune", "--keep", "400d"]), (0, "let go of 0 runs, 0 steps and 0 documents\n".to_owned()));
    let (_, went) = world.out(&["runs", "prune", "--keep", "1s"]);
    assert_eq!(went, counted.replace("would let", "let"));
    assert_eq!(runs(world).len(), 1, "the newest stays");
    assert_eq!(world.run(&["verify"]).0, 0, "and so does its decision");
    assert_eq!(world.run(RESUME).0, 0);
    assert_eq!(world.run(RUN).0, 0, "the chain goes on");
    assert_eq!(history(world).verify(), Ok(4), "verdicts and values stay for ever");

    // What was interrupted can still be gone on with, however old it is, and nothing after it is let go of.
    let key = RunKey { run: "20200101T000000Z-00000000".into(), contract: "other".into(), interval: String::new() };
    let mut open = History::open(&world.folder().join(".presscheck")).unwrap();
    let started = Step::Started { version: "0".into(), publishes: false, resumes: None };
    open.append(&key, "2020-01-01T00:00:00Z".parse().unwrap(), &started).unwrap();
    let intent = Intent { act: ActKind::Hook, key: "k".into(), what: String::new(), body: serde_json::Value::Null };
    open.append(&key, "2020-01-01T00:00:00Z".parse().unwrap(), &Step::Intent(intent)).unwrap();
    drop(open);
    for _ in 0..2 {
        assert_eq!(world.run(RUN).0, 0);
    }
    std::thread::sleep(Duration::from_millis(1100));
    let (_, went) = world.out(&["runs", "prune", "--keep", "1s"]);
    assert!(went.starts_with("let go of 2 runs,"), "{went}");
    let left: Vec<String> = runs(world).into_iter().map(|run| run.key.contract).collect();
    assert_eq!(left, ["report", "report", "other"]);
    let (_, listed) = world.out(&["runs", "other"]);
    assert!(listed.contains("interrupted"), "{listed}");
}

#[test]
fn what_ended_well_for_another_interval_is_nothing_to_go_on_with() {
    let worlds = worlds();
    let world = &worlds[0];
    let week = |at: &str| format!("{at}T00:00:00+00:00[UTC]");
    let key = RunKey {
        run: "20200101T000000Z-00000000".into(),
        contract: "report".into(),
        interval: format!("{}/{}", week("2020-01-06"), week("2020-01-13")),
    };
    let mut history = History::open(&world.folder().join(".presscheck")).unwrap();
    let at = "2020-01-13T10:00:00Z".parse().unwrap();
    for step in [
        Step::Started { version: "0".into(), publishes: true, resumes: None },
        Step::Inputs { hashes: Default::default() },
        Step::Decided { decision: "d".into(), document: "h".into(), status: "complete".into(), verdicts: Default::default(), exit_code: 0 },
        Step::Sealed { exit_code: 0, said: String::new() },
    ] {
        history.append(&key, at, &step).unwrap();
    }
    drop(history);
    let (code, said) = world.run(RESUME);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("so a new one begins"), "{said}");
    let history = History::read(&world.folder().join(".presscheck")).unwrap().unwrap();
    let runs = history.runs(Some("report"), None, 10).unwrap();
    assert!(runs.len() == 2 && runs[0].key.interval != key.interval, "{runs:?}");
}
