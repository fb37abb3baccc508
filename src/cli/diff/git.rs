//! A version that git knows, read into a scratch folder: contracts, settings, templates, and dbt's artifacts where they are committed.
//!
//! Only plumbing that reads objects (`rev-parse`, `ls-tree`, `cat-file`); nothing is checked out, no hook, filter, pager or file-system monitor of the
//! repository runs, and nothing is fetched.

use std::fs;
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use super::super::Stopped;
use super::super::load;
use crate::diagnostic::{Finding, codes};
use crate::project::{Settings, TextFile};

/// A folder that is removed when it is no longer needed.
#[derive(Debug)]
pub(super) struct Scratch {
    pub(super) folder: PathBuf,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// One file of a commit.
struct Entry {
    path: PathBuf,
    object: String,
}

/// Reads the project at `root` as it was at `reference`.
pub(super) fn read(root: &Path, reference: &str) -> Result<Scratch, Stopped> {
    let commit = git(root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{reference}^{{commit}}")], None)
        .map_err(|error| unknown(reference, &error))?;
    let commit = String::from_utf8_lossy(&commit).trim().to_owned();
    let scratch = scratch()?;
    let plain = ["dbt_project.yml", "presscheck.yml", "vars.yml"];
    write(root, reference, &scratch.folder, list(root, reference, &commit, &plain.map(str::to_owned))?)?;
    // What these say decides which folders are read.
    let mut folders = Vec::new();
    let settings = match fs::read_to_string(scratch.folder.join("presscheck.yml")) {
        Ok(text) => crate::yaml::read::<Settings>(&text, Path::new("presscheck.yml")).value.unwrap_or_default(),
        Err(_) => Settings::default(),
    };
    folders.extend(settings.contracts.iter().chain(&settings.macros).map(|folder| folder.value.clone()));
    // Git keeps no empty folders, and a named one that is not there would be a mistake of the settings.
    for folder in folders.iter().filter(|folder| is_inside(folder)) {
        fs::create_dir_all(scratch.folder.join(folder)).map_err(|error| cannot_keep(&error.to_string()))?;
    }
    let dbt_project = fs::read_to_string(scratch.folder.join("dbt_project.yml")).ok();
    let target = dbt_project.and_then(|text| load::target_path(&TextFile { path: PathBuf::from("dbt_project.yml"), text }));
    let target = PathBuf::from(target.unwrap_or_else(|| "target".to_owned()));
    folders.extend([target.join("manifest.json"), target.join("catalog.json")]);
    let wanted = folders.into_iter().filter(|path| is_inside(path));
    let wanted: Vec<String> = wanted.map(|path| path.to_string_lossy().trim_start_matches("./").trim_end_matches('/').to_owned()).collect();
    write(root, reference, &scratch.folder, list(root, reference, &commit, &wanted)?)?;
    Ok(scratch)
}

/// Whether a path cannot lead out of the folder that it is joined to.
fn is_inside(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// The files of a commit at or below the paths, which are relative to the root of the project.
fn list(root: &Path, reference: &str, commit: &str, paths: &[String]) -> Result<Vec<Entry>, Stopped> {
    let mut arguments = vec!["ls-tree", "-r", "-z", commit, "--"];
    arguments.extend(paths.iter().map(String::as_str).filter(|path| !path.is_empty()));
    let listed = git(root, &arguments, None).map_err(|error| unknown(reference, &error))?;
    let mut entries = Vec::new();
    for line in listed.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
        let line = String::from_utf8(line.to_vec()).map_err(|_| unknown(reference, "a file has a name that is not UTF-8"))?;
        let (about, path) = line.split_once('\t').ok_or_else(|| unknown(reference, "git listed something else than files"))?;
        let mut about = about.split(' ');
        let (mode, kind, object) = (about.next().unwrap_or_default(), about.next().unwrap_or_default(), about.next().unwrap_or_default());
        let path = PathBuf::from(path);
        if kind != "blob" || !path.components().all(|part| matches!(part, Component::Normal(_))) {
            continue;
        }
        if mode == "120000" {
            return Err(unknown(reference, &format!("{} is a link, and links of another version are not followed", path.display())));
        }
        entries.push(Entry { path, object: object.to_owned() });
    }
    Ok(entries)
}

/// Writes files of a commit below a folder.
fn write(root: &Path, reference: &str, folder: &Path, entries: Vec<Entry>) -> Result<(), Stopped> {
    if entries.is_empty() {
        return Ok(());
    }
    let wanted: String = entries.iter().map(|entry| format!("{}\n", entry.object)).collect();
    let answer = git(root, &["cat-file", "--batch"], Some(wanted)).map_err(|error| unknown(reference, &error))?;
    let mut rest = answer.as_slice();
    for entry in entries {
        let odd = || unknown(reference, "git answered something else than files");
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(odd)?;
        let head = String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).into_owned();
        let size: usize = head.rsplit(' ').next().and_then(|size| size.parse().ok()).ok_or_else(odd)?;
        let bytes = rest.get(end + 1..end + 1 + size).ok_or_else(odd)?;
        rest = rest.get(end + 2 + size..).ok_or_else(odd)?;
        let path = folder.join(&entry.path);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, bytes));
        made.map_err(|error| cannot_keep(&error.to_string()))?;
    }
    Ok(())
}

/// Runs git and returns what it printed.
fn git(root: &Path, arguments: &[&str], input: Option<String>) -> Result<Vec<u8>, String> {
    let mut command = Command::new("git");
    command
        .args(["--no-pager", "--no-optional-locks", "--literal-pathspecs", "--no-replace-objects"])
        .args([
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "core.fsmonitor=false",
            "-c",
            "core.untrackedCache=false",
            "-c",
            "protocol.allow=never",
        ])
        .args(arguments)
        .current_dir(root)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        // A hook of git sets these for its own purposes; here the folder says which repository is meant.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .env_remove("GIT_PREFIX")
        .env_remove("GIT_EXTERNAL_DIFF")
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("git cannot be started: {error}"))?;
    let output = match (input, child.stdin.take()) {
        (Some(input), Some(mut stdin)) => std::thread::scope(|scope| {
            // Both ends at once: each waits for the other when its pipe is full.
            let writer = scope.spawn(move || stdin.write_all(input.as_bytes()));
            let output = child.wait_with_output();
            drop(writer.join());
            output
        }),
        (Some(_) | None, _) => child.wait_with_output(),
    };
    let output = output.map_err(|error| format!("git did not end: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default().trim().to_owned();
    Err(if said.is_empty() { "git does not know it".to_owned() } else { said })
}

/// A new folder that nobody else can read.
fn scratch() -> Result<Scratch, Stopped> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let moment = jiff::Timestamp::now().as_nanosecond();
    for number in 0..100 {
        let folder = std::env::temp_dir().join(format!("presscheck-{}-{moment}-{number}", std::process::id()));
        match builder.create(&folder) {
            Ok(()) => return Ok(Scratch { folder }),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(cannot_keep(&error.to_string())),
        }
    }
    Err(cannot_keep("every name is taken"))
}

fn cannot_keep(error: &str) -> Stopped {
    Stopped::unreadable(Finding::error(
        codes::BAD_VERSION,
        format!("the old version cannot be read into {}: {error}", std::env::temp_dir().display()),
    ))
}

fn unknown(reference: &str, error: &str) -> Stopped {
    let finding = Finding::error(
        codes::BAD_VERSION,
        format!("`{reference}` is neither a folder with a dbt project nor a version that git can read: {error}"),
    );
    Stopped::usage(finding.help("name a folder, a commit, a branch or a tag; in CI fetch it first (actions/checkout: fetch-depth: 0)"))
}
