//! What the commands of review may touch: no socket, no other process, nothing outside the project; and what a hostile repository makes of that.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::commands::{AS_OF, copy, run};

/// Each with its arguments; `old` is the project as it was.
const COMMANDS: &[&[&str]] = &[
    &["lint"],
    &["lint", "--allow-no-manifest", "contracts/weekly_operating_report.yml"],
    &["plan", "--sql", "--as-of", AS_OF],
    &["lineage", "contribution_margin"],
    &["lineage", "--all", "--format", "json"],
    &["diff", "../old", "--as-of", AS_OF],
    &["explain", "contribution_margin"],
    &["rule", "PC221"],
];

/// The sample, decided once, beside a copy of it as it was before an edit.
fn worlds(folder: &Path) -> PathBuf {
    run(&["demo", "--into", "bikes"], folder);
    let bikes = folder.join("bikes");
    copy(&bikes, &folder.join("old"));
    let contract = bikes.join("contracts/weekly_operating_report.yml");
    fs::write(&contract, fs::read_to_string(&contract).unwrap().replace("\"> 10\"", "\"> 20\"")).unwrap();
    bikes
}

/// Exit code and everything that is said, with other commands in front.
fn behind(front: &[&str], arguments: &[&str], folder: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(front[0]);
    command.args(&front[1..]).arg(env!("CARGO_BIN_EXE_presscheck")).args(arguments).current_dir(folder);
    let output = command.output().unwrap_or_else(|error| panic!("{} is needed: {error}", front[0]));
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn no_socket_and_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let bikes = worlds(folder.path());
    let log = folder.path().join("calls");
    for command in COMMANDS {
        let (code, told) = run(command, &bikes);
        assert!(code == Some(0) && !told.is_empty(), "{command:?}: {told}");
        let traced = ["strace", "-f", "-qq", "-e", "trace=%network,%process", "-o", log.to_str().unwrap()];
        assert_eq!(behind(&traced, command, &bikes), (code, told.clone()), "{command:?}");
        let calls = fs::read_to_string(&log).unwrap();
        let called = |name: &str| calls.lines().filter(|line| line.contains(&format!(" {name}("))).count();
        assert_eq!(called("execve"), 1, "{command:?} is one program, which proves that calls are seen:\n{calls}");
        // What is left of %network and %process: threads, waiting and ends.
        let other = ["socket", "socketpair", "connect", "bind", "sendto", "sendmsg", "fork", "vfork", "execveat"];
        assert!(other.iter().all(|name| called(name) == 0), "{command:?}:\n{calls}");
        let processes = calls.lines().filter(|line| line.contains(" clone") && !line.contains("CLONE_THREAD") && line.contains('('));
        assert_eq!(processes.filter(|line| !line.contains("resumed")).count(), 0, "{command:?}:\n{calls}");
    }
}

#[test]
fn the_same_without_any_network() {
    let folder = tempfile::tempdir().unwrap();
    let bikes = worlds(folder.path());
    for command in COMMANDS {
        assert_eq!(behind(&["unshare", "--net", "--map-root-user"], command, &bikes), run(command, &bikes), "{command:?}");
    }
}

/// Every file below a folder with its bytes; what presscheck keeps to save time is left out.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in folder.read_dir().unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&path));
        } else if !path.ends_with("presscheck/lineage.cache") {
            found.push((path.clone(), fs::read(&path).unwrap_or_default()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_hostile_repository_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let bikes = worlds(folder.path());
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret.yml"), "password: do-not-show-me-4711\n").unwrap();
    let ran = outside.join("ran");
    let git = |arguments: &[&str]| {
        let identity =
            ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main", "-c", "core.hooksPath=/dev/null"];
        assert!(Command::new("git").args(identity).args(arguments).current_dir(&bikes).output().unwrap().status.success(), "{arguments:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "as it was"]);
    let mut commands: Vec<&[&str]> = COMMANDS.to_vec();
    commands.push(&["diff", "HEAD", "--as-of", AS_OF]);
    let before: Vec<_> = commands.iter().map(|command| run(command, &bikes)).collect();

    // A program for everything that could be made to start one.
    let program = bikes.join("evil.sh");
    fs::write(&program, format!("#!/bin/sh\ntouch '{}'\n", ran.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    for hook in ["post-checkout", "pre-commit", "post-index-change", "fsmonitor-watchman", "reference-transaction"] {
        fs::copy(&program, bikes.join(".git/hooks").join(hook)).unwrap();
    }
    let evil = program.to_str().unwrap();
    for key in [
        "core.fsmonitor",
        "core.pager",
        "core.sshCommand",
        "core.editor",
        "diff.external",
        "filter.x.smudge",
        "filter.x.process",
        "core.alternateRefsCommand",
    ] {
        git(&["config", key, evil]);
    }
    fs::write(bikes.join(".gitattributes"), "* filter=x diff=x\n").unwrap();
    // Settings of other tools, and a library that is no library.
    let library = folder.path().join("outside/driver.so");
    fs::write(&library, "not a library").unwrap();
    let profile = format!(
        "brightside:\n  target: x\n  outputs:\n    x: {{type: snowflake, driver: '{0}', path: \"{{{{ env_var('HOME') }}}}\", plugins: ['{0}'], extensions: ['{0}']}}\n",
        library.display()
    );
    fs::write(bikes.join("profiles.yml"), profile).unwrap();
    let environment =
        "DBT_PROFILES_DIR=/\nPRESSCHECK_X=1\nDBT_PROJECT_DIR=/\nDUCKDB_LIB_DIR=/tmp\nLD_PRELOAD=/tmp/x.so\nDBT_TARGET_PATH=/\n";
    fs::write(bikes.join(".env"), environment).unwrap();
    fs::write(bikes.join("libduckdb.so"), "not a library").unwrap();
    fs::write(bikes.join("sitecustomize.py"), "import os\nos.system('touch ran')\n").unwrap();
    // What would be written is a link that leads out.
    drop(fs::remove_dir_all(bikes.join("target/presscheck.kept")));
    let lines = files(&outside);
    let after: Vec<_> = commands.iter().map(|command| run(command, &bikes)).collect();
    for ((command, before), after) in commands.iter().zip(&before).zip(&after) {
        assert_eq!(before, after, "{command:?}");
    }
    assert_eq!(files(&outside), lines, "nothing ran, and nothing was written outside");

    let kept = bikes.join("target/presscheck");
    fs::rename(&kept, bikes.join("target/elsewhere")).unwrap();
    symlink(&outside, &kept).unwrap();
    let (code, told) = run(&["lint"], &bikes);
    assert_eq!((code, files(&outside)), (Some(0), lines.clone()), "{told}");
    assert!(!outside.join("lineage.cache").exists());
    fs::remove_file(&kept).unwrap();

    // A contract that is a link out of the project is neither read nor shown, whoever names it.
    symlink(outside.join("secret.yml"), bikes.join("contracts/linked.yml")).unwrap();
    for command in
        [&["lint"] as &[&str], &["lint", "contracts/linked.yml"], &["lint", "--allow-no-manifest", "contracts/linked.yml"], &["plan"]]
    {
        let (code, told) = run(command, &bikes);
        assert!(code == Some(2) && told.contains("PC023") && !told.contains("4711"), "{command:?}: {told}");
    }
    let (code, told) = run(&["lint", "--allow-no-manifest", "bikes/contracts/linked.yml"], folder.path());
    assert!(code == Some(2) && told.contains("PC023") && !told.contains("4711"), "{told}");
    fs::remove_file(bikes.join("target/manifest.json")).unwrap();
    for command in [
        &["lint", "--allow-no-manifest", "contracts/linked.yml"] as &[&str],
        &["lint", "--allow-no-manifest", "--fix", "contracts/linked.yml"],
    ] {
        let (code, told) = run(command, &bikes);
        assert!(code == Some(2) && told.contains("PC023") && !told.contains("4711"), "{command:?}: {told}");
    }
    assert_eq!(files(&outside), lines);
}
