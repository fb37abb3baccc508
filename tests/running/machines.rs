//! Machines that forget: they share the history in PostgreSQL, and each one's file is a copy of it.

use std::path::Path;
use std::process::Output;

use super::*;

const SETTINGS: &str = "history: {target: dev, schema: memory}\n";

/// One more machine with the same project and nothing remembered.
fn machine(world: &World) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    crate::commands::copy(world.folder(), folder.path());
    for forgotten in [".presscheck", "target/presscheck"] {
        drop(std::fs::remove_dir_all(folder.path().join(forgotten)));
    }
    folder
}

fn on(folder: &Path, arguments: &[&str]) -> Output {
    crate::tell::presscheck(&[arguments, &["--profiles-dir", "."]].concat(), folder, &[])
}

fn steps(folder: &Path) -> Vec<(String, String)> {
    let history = History::read(&folder.join(".presscheck")).unwrap().unwrap();
    history.verify().unwrap();
    let runs = history.runs(None, None, 1000).unwrap();
    runs.iter().flat_map(|run| run.steps.iter().map(|kept| (run.key.run.clone(), kept.step.name().to_owned()))).collect()
}

fn listed(folder: &Path) -> usize {
    let output = crate::tell::presscheck(&["runs", "--format", "json", "--limit", "1000"], folder, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", crate::tell::text(&output.stderr));
    serde_json::from_slice::<Vec<serde_json::Value>>(&output.stdout).unwrap().len()
}

#[test]
fn machines_share_what_they_remember() {
    let world = World::postgres();
    // What was remembered before it is shared is taken along.
    assert_eq!(world.run(RUN).0, 0);
    std::fs::write(world.folder().join("presscheck.yml"), SETTINGS).unwrap();
    let (first, second) = (world.folder(), machine(&world));
    let second = second.path();
    assert_eq!(listed(first), 1);
    assert_eq!(listed(second), 1, "a machine that knows nothing reads it");
    let ran = on(second, RUN);
    assert_eq!(ran.status.code(), Some(0), "{}", crate::tell::text(&ran.stderr));
    assert_eq!((listed(first), listed(second)), (2, 2));
    assert_eq!(steps(first), steps(second));

    // A decision of one is no longer the newest when the other has decided.
    let stale = on(first, &["publish"]);
    assert_eq!(stale.status.code(), Some(3));
    assert!(crate::tell::text(&stale.stderr).contains("newest decision"), "{}", crate::tell::text(&stale.stderr));

    // Killed on one machine, gone on with on another.
    let whole = Instant::now();
    assert_eq!(on(first, RUN).status.code(), Some(0));
    let whole = whole.elapsed();
    let mut dice = Dice::of("machines");
    for round in 0..times("PRESSCHECK_KILLS", 8).div_ceil(2) {
        let after = whole.mul_f64(f64::from(u32::try_from(dice.below(120)).unwrap()) / 100.0);
        world.killed(RUN, u64::try_from(after.as_millis()).unwrap());
        let other = machine(&world);
        let ended = on(other.path(), RESUME);
        assert_eq!(ended.status.code(), Some(0), "round {round}, after {after:?}: {}", crate::tell::text(&ended.stderr));
        let before = steps(other.path()).len();
        assert_eq!(on(first, RESUME).status.code(), Some(0), "round {round}");
        assert_eq!(steps(first).len(), before, "round {round}: a second resume, elsewhere, does nothing");
    }

    // Both at once: one at a time.
    for round in 0..times("PRESSCHECK_PAIRS", 5) {
        let before = listed(first);
        let children = [first, second].map(|folder| {
            let mut command = world.command(RUN);
            command.current_dir(folder).spawn().unwrap()
        });
        let ended = children.map(|child| child.wait_with_output().unwrap());
        let codes = ended.each_ref().map(|output| output.status.code().unwrap());
        let decided = codes.iter().filter(|code| **code == 0).count();
        let said: Vec<String> = ended.iter().map(|output| crate::tell::text(&output.stderr)).collect();
        assert!(decided >= 1 && codes.iter().all(|code| [0, 3].contains(code)), "round {round}: {codes:?} {said:?}");
        assert_eq!(listed(second) - before, decided, "round {round}: who does not decide leaves no run");
        assert_eq!((listed(first), steps(first)), (listed(second), steps(second)), "round {round}");
    }

    // Nothing is read from the log where nothing may be connected to, and nothing goes on without it.
    world.sql("drop schema memory cascade");
    assert_eq!(crate::tell::presscheck(&["lint"], first, &[]).status.code(), Some(0));
    let lost = on(first, RUN);
    assert_eq!(lost.status.code(), Some(3));
    let said = crate::tell::text(&lost.stderr);
    assert!(said.contains("the shared history is not the one"), "{said}");
    let profiles = std::fs::read_to_string(first.join("profiles.yml")).unwrap();
    std::fs::write(second.join("profiles.yml"), profiles.replace("port: ", "port: 1")).unwrap();
    let away = on(second, RUN);
    assert_eq!(away.status.code(), Some(3), "{}", crate::tell::text(&away.stderr));
}
