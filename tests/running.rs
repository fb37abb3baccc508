//! `presscheck run`, through the program, on real engines: killed, stopped, doubled, on a full disk. Whatever happens, a resume ends where a run that nobody disturbed ends, and
//! nothing is done twice.

#[cfg(feature = "postgres")]
mod machines;
mod receivers;
mod remembered;
mod stages;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use presscheck::history::{ActKind, History, Run, State, Step};

use crate::dice::Dice;
use crate::publish::world::{World, worlds};

const STATUS: &str = "select metric, verdict, shown, published from reporting.status order by metric";
const VALUES: &str =
    "select metric, grain, cast(cast(value as decimal(18,3)) as varchar(40)), shown from reporting.certified order by metric, grain";
const RUN: &[&str] = &["run", "--no-build"];
const RESUME: &[&str] = &["run", "--resume", "--no-build"];

/// How many times something is tried, unless the variable says more.
fn times(variable: &str, few: u32) -> u32 {
    std::env::var(variable).ok().and_then(|times| times.parse().ok()).unwrap_or(few)
}

fn history(world: &World) -> History {
    let history = History::read(&world.folder().join(".presscheck")).unwrap().unwrap();
    history.verify().unwrap();
    history
}

fn runs(world: &World) -> Vec<Run> {
    history(world).runs(None, None, 1000).unwrap()
}

/// The tables as text.
fn tables(world: &World) -> (String, String) {
    let text = |sql: &str| world.rows(sql).into_iter().map(|row| row.join(" | ") + "\n").collect::<String>();
    (text(VALUES), text(STATUS))
}

#[test]
fn killed_at_any_moment_a_run_ends_as_if_nothing_had_happened() {
    for world in worlds() {
        let begun = Instant::now();
        assert_eq!(world.run(RUN).0, 0);
        let whole = begun.elapsed();
        let right = tables(&world);
        let mut dice = Dice::of("kills");
        for round in 0..times("PRESSCHECK_KILLS", 8) {
            let after = whole.mul_f64(f64::from(u32::try_from(dice.below(120)).unwrap()) / 100.0);
            world.killed(RUN, u64::try_from(after.as_millis()).unwrap());
            let (code, said) = world.run(RESUME);
            let about = format!("{}, round {round}, killed after {after:?}: {said}", world.name());
            assert_eq!(code, 0, "{about}");
            assert_eq!(tables(&world), right, "{about}");
            let steps: usize = runs(&world).iter().map(|run| run.steps.len()).sum();
            assert_eq!(world.run(RESUME).0, 0, "{about}");
            assert_eq!(runs(&world).iter().map(|run| run.steps.len()).sum::<usize>(), steps, "{about}: a second resume does nothing");
        }
        let acts = history(&world).acts("report", ActKind::Publish, jiff::Timestamp::MIN).unwrap();
        assert!(acts.iter().all(|act| act.done.is_some()), "{acts:?}");
        for run in runs(&world) {
            assert!(matches!(run.state(), State::Sealed { .. }), "{}: {:?}", world.name(), run.steps.last());
        }
    }
}

#[test]
fn two_runs_at_once_make_one_decision() {
    for world in worlds() {
        for round in 0..times("PRESSCHECK_PAIRS", 5) {
            let before = runs(world_or_new(&world)).len();
            let children = [world.start(RUN), world.start(RUN)];
            let codes = children.map(|child| child.wait_with_output().unwrap().status.code().unwrap());
            let decided = codes.iter().filter(|code| **code == 0).count();
            assert!(decided >= 1 && codes.iter().all(|code| [0, 3].contains(code)), "{}, round {round}: {codes:?}", world.name());
            assert_eq!(runs(&world).len() - before, decided, "{}: who does not decide leaves no run", world.name());
        }
        assert_eq!(world.rows(STATUS).len(), 3, "{}", world.name());
    }
}

/// A history to count in.
fn world_or_new(world: &World) -> &World {
    drop(History::open(&world.folder().join(".presscheck")).unwrap());
    world
}

#[test]
#[cfg(unix)]
fn a_signal_ends_the_build_and_the_run_and_a_resume_goes_on() {
    let [world, ..] = &worlds()[..] else { panic!("a world") };
    let build = "build: {with: command, command: [sh, -c, 'echo $$ > building; exec sleep 600']}\n";
    std::fs::write(world.folder().join("presscheck.yml"), build).unwrap();
    let run = world.start(&["run"]);
    let began = Instant::now();
    let building = loop {
        if let Ok(text) = std::fs::read_to_string(world.folder().join("building"))
            && let Ok(process) = text.trim().parse::<u32>()
        {
            break process;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "the build begins");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(Command::new("kill").args(["-TERM", &run.id().to_string()]).status().unwrap().success());
    let ended = run.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(3), "{}", String::from_utf8_lossy(&ended.stderr));
    let gone = Command::new("kill").args(["-0", &building.to_string()]).stderr(Stdio::null()).status().unwrap();
    assert!(!gone.success(), "the build has ended, too");
    let run = &runs(world)[0];
    assert!(
        matches!(&run.steps.last().unwrap().step, Step::Sealed { exit_code: 3, said } if said.starts_with("stopped")),
        "{:?}",
        run.steps.last()
    );
    std::fs::write(world.folder().join("presscheck.yml"), "build: {with: command, command: ['true']}\n").unwrap();
    let (code, said) = world.run(&["run", "--resume"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(runs(world).len(), 1, "it is the same run");
    std::fs::write(world.folder().join("presscheck.yml"), "build: {with: command, command: ['false']}\n").unwrap();
    let (code, said) = world.run(&["run"]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("could not build report"), "{said}");
}

/// A shell in which a file system of its own lies over the history's folder.
#[cfg(target_os = "linux")]
fn on_a_disk(world: &World, mount: &str) -> (Option<i32>, String) {
    std::fs::create_dir_all(world.folder().join(".presscheck")).unwrap();
    let script = format!("{mount} && exec {} run --no-build --profiles-dir .", env!("CARGO_BIN_EXE_presscheck"));
    let output =
        Command::new("unshare").args(["--mount", "--map-root-user", "sh", "-c", &script]).current_dir(world.folder()).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
#[cfg(target_os = "linux")]
fn what_cannot_be_remembered_is_not_done() {
    for world in worlds() {
        assert_eq!(world.run(RUN).0, 0);
        let right = tables(&world);
        world.sql("update marts.report set revenue = revenue + 1");
        for mount in [
            "mount --bind .presscheck .presscheck && mount -o remount,bind,ro .presscheck",
            "mount -t tmpfs -o size=16k tmpfs .presscheck",
            "cp -a .presscheck /tmp/kept.$$ && mount -t tmpfs -o size=400k tmpfs .presscheck && cp -a /tmp/kept.$$/. .presscheck && rm -r /tmp/kept.$$ && \
             { cat /dev/zero > .presscheck/filler 2>/dev/null || true; }",
        ] {
            let (code, said) = on_a_disk(&world, mount);
            assert_eq!(code, Some(3), "{}, {mount}: {said}", world.name());
            assert_eq!(tables(&world), right, "{}, {mount}: {said}", world.name());
        }
        assert_eq!(world.run(RUN).0, 0, "the history opens afterwards");
        assert_ne!(tables(&world), right);
    }
}
