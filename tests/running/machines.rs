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

    // What one lets go of is gone for all: for one that has read everything, for one that is behind, and for one that knows nothing.
    let behind = machine(&world);
    assert_eq!(listed(behind.path()), listed(first));
    assert_eq!(on(first, RUN).status.code(), Some(0));
    std::thread::sleep(Duration::from_millis(1100));
    let pruned = |arguments: &[&str]| {
        let output = crate::tell::presscheck(&[&["runs", "prune"], arguments].concat(), first, &[]);
        assert_eq!(output.status.code(), Some(0), "{}", crate::tell::text(&output.stderr));
        crate::tell::text(&output.stdout)
    };
    assert_eq!(pruned(&["--keep", "400d"]), "let go of 0 runs, 0 steps and 0 documents\n");
    let (before, counted) = (steps(first).len(), pruned(&["--keep", "1s", "--dry-run"]));
    assert_eq!((steps(first).len(), pruned(&["--keep", "1s"])), (before, counted.replace("would let", "let")));
    let left = steps(first);
    assert!(left.len() < before && listed(first) == 1, "{} of {before}", left.len());
    assert_eq!(world.rows("select count(*)::text from memory.presscheck_history"), [["1"]], "the log is as short");
    for folder in [second, behind.path(), machine(&world).path()] {
        assert_eq!((listed(folder), steps(folder)), (1, left.clone()));
    }
    assert_eq!(on(second, RUN).status.code(), Some(0), "and it goes on");
    assert_eq!((listed(first), steps(first)), (2, steps(second)));
    // A copy that has what the others never had is none.
    let astray = machine(&world);
    assert_eq!(listed(astray.path()), 2);
    let mut alone = History::open(&astray.path().join(".presscheck")).unwrap();
    let decided = alone.documents("report", jiff::Timestamp::MIN, 1).unwrap().0.remove(0);
    let mut other = decided.clone();
    other.run = "elsewhere".to_owned();
    alone.add(&other).unwrap();
    drop(alone);
    std::thread::sleep(Duration::from_millis(1100));
    assert!(pruned(&["--keep", "1s"]).starts_with("let go of 1 run"));
    let refused = crate::tell::presscheck(&["runs"], astray.path(), &[]);
    let said = crate::tell::text(&refused.stderr);
    assert!(refused.status.code() == Some(3) && said.contains("has other decisions than are here"), "{said}");

    // A target that cannot hold it is a wrong setting.
    for (target, says) in [("nowhere", "(named under"), ("other", "shared in PostgreSQL")] {
        let profiles = std::fs::read_to_string(second.join("profiles.yml")).unwrap();
        std::fs::write(second.join("profiles.yml"), profiles.replace("outputs: {", "outputs: {other: {type: duckdb, path: a.duckdb}, "))
            .unwrap();
        std::fs::write(second.join("presscheck.yml"), SETTINGS.replace("dev", target)).unwrap();
        for command in [RUN, &["check"], &["verify"]] {
            let refused = on(second, command);
            let said = crate::tell::text(&refused.stderr);
            assert!(refused.status.code() == Some(2) && said.contains(says), "{command:?}: {:?} {said}", refused.status.code());
        }
        std::fs::write(second.join("profiles.yml"), profiles).unwrap();
        std::fs::write(second.join("presscheck.yml"), SETTINGS).unwrap();
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

/// The connection that keeps other machines out can be lost without anybody noticing: a proxy, a restart, an administrator.
#[test]
fn a_run_that_no_longer_keeps_other_machines_out_does_not_act() {
    let world = World::postgres();
    std::fs::write(world.folder().join("presscheck.yml"), SETTINGS).unwrap();
    // The first run makes the tables; what is published afterwards must stay as it is.
    assert_eq!(world.run(RUN).0, 0);
    let before = (tables(&world), world.rows("select count(*)::text, max(published)::text from reporting.status"));
    let lost = std::thread::scope(|scope| {
        // The checks wait for the table until somebody says go, so that the run is in the middle when it loses its lock.
        world.sql("create table go (now int)");
        let slow = "begin; lock table raw.weekly in access exclusive mode; \
                    do $$ begin while not exists (select 1 from go) loop perform pg_sleep(0.05); end loop; end $$; commit";
        scope.spawn(|| world.sql(slow));
        let waited = |sql: &str, none: &str| {
            let begun = Instant::now();
            while world.rows(sql) == [["0"]] {
                assert!(begun.elapsed() < Duration::from_secs(60), "{none}");
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        waited(
            "select count(*)::text from pg_locks where mode = 'AccessExclusiveLock' and relation = 'raw.weekly'::regclass",
            "no lock of the table",
        );
        let run = scope.spawn(|| world.run(RUN));
        let end = "select count(pg_terminate_backend(pid))::text from pg_stat_activity where datname = current_database() \
                   and state = 'idle in transaction' and query like '%pg_try_advisory_xact_lock%'";
        waited(end, "the run takes no lock");
        world.sql("insert into go values (1)");
        run.join().unwrap()
    });
    assert!(lost.0 == 3 && lost.1.contains("keeps other machines out was lost"), "{}: {}", lost.0, lost.1);
    let after = (tables(&world), world.rows("select count(*)::text, max(published)::text from reporting.status"));
    assert_eq!(after, before, "nothing was published");
    assert_eq!(world.run(RESUME).0, 0);
}
