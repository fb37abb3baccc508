//! The walls of the house, read from the source text: rooms import only rooms above their own, doors are narrow, each package has one owner.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms that see less than "everything above": what they may import, and why.
const DOORS: &[(&str, &[&str], &str)] = &[
    ("jinja", &["dbt", "diagnostic"], "a template is rendered from what the artifacts say, and from nothing else"),
    ("lineage", &["dbt", "diagnostic", "jinja"], "lineage is about SQL alone; contracts and checks must not leak into it"),
    ("decide", &["check", "lineage", "plan", "execute"], "a decision is a function of the plan and its answers"),
    ("output", &["record", "diagnostic"], "a page made today from history must equal the one made at the run"),
    ("history", &["record", "diagnostic"], "what is remembered is the record and nothing else"),
    (
        "publish",
        &["check", "plan", "sentence", "record", "warehouse", "history"],
        "what is published was decided and recorded; the plan says where it stands",
    ),
    ("openlineage", &["record", "sentence", "history", "tell", "calendar", "diagnostic"], "an event says what the record says"),
    (
        "review",
        &["record", "check", "contract", "calendar", "diagnostic"],
        "what is reviewed was recorded, and is read with the contract of today",
    ),
    ("tell", &["record", "sentence", "history", "calendar", "diagnostic"], "an alert says what the record says"),
];

/// Packages that one room owns: the package as written in Rust, and the files that may name it.
const OWNERS: &[(&str, &[&str])] = &[
    ("adbc_core", &["warehouse/adbc"]),
    ("adbc_driver_manager", &["warehouse/adbc"]),
    ("anstream", &["cli", "output"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("comfy_table", &["cli", "output"]),
    ("duckdb", &["warehouse/duckdb", "warehouse/seed"]),
    ("granit_parser", &["yaml"]),
    ("hmac", &["tell/send"]),
    ("indicatif", &["cli", "output"]),
    ("lettre", &["tell/send"]),
    ("lsp_server", &["cli/lsp"]),
    ("lsp_types", &["cli/lsp"]),
    ("miette", &["cli", "output"]),
    ("minijinja", &["macros", "dbt/profiles", "jinja"]),
    ("quick_junit", &["output"]),
    ("rayon", &["execute", "lineage"]),
    ("rusqlite", &["history"]),
    ("rustls", &["warehouse/postgres"]),
    ("sqlparser", &["lineage"]),
    ("tokio", &["warehouse/postgres"]),
    ("tokio_postgres", &["warehouse/postgres"]),
    ("ureq", &["tell/send"]),
];

/// Rooms that touch the clock, the environment, files, processes or sockets.
const EFFECTS: &[&str] = &["warehouse", "execute", "history", "publish", "tell", "openlineage", "runner", "project", "cli"];

/// Names that say nothing of what is inside.
const EMPTY_NAMES: &[&str] = &["core", "utils", "util", "common", "helpers", "helper", "manager", "impl", "types", "misc", "base", "lib2"];

/// Longest file, in lines before its tests. Files that are one table are listed with the reason.
const LONGEST: usize = 400;
const LONG_FILES: &[(&str, &str)] = &[];

/// One source file: its path below `src`, its room, its text, and its code without comments and text literals.
struct Source {
    path: String,
    room: String,
    text: String,
    code: String,
}

#[test]
fn rooms_import_only_rooms_above_their_own() {
    let rooms = rooms();
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(own) = rooms.iter().position(|room| *room == source.room) else { continue };
        for import in imports(&source.code) {
            match rooms.iter().position(|room| *room == import) {
                Some(place) if place > own => wrong.push(format!(
                    "src/{} imports `{import}`, which stands below `{}` in src/lib.rs: move what both need into a room above, or pass it in as a value",
                    source.path, source.room
                )),
                Some(_) => {}
                None => wrong.push(format!("src/{} imports `crate::{import}`, which is no room of src/lib.rs", source.path)),
            }
        }
    }
    report(&wrong);
}

#[test]
fn doors_are_narrow() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (room, allowed, why) in DOORS.iter().filter(|(room, ..)| *room == source.room) {
            for import in imports(&source.code).into_iter().filter(|import| import != room && !allowed.contains(&import.as_str())) {
                wrong.push(format!("src/{} imports `{import}`, but `{room}` sees only {}: {why}", source.path, allowed.join(", ")));
            }
        }
    }
    report(&wrong);
}

#[test]
fn every_package_has_one_owner() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (package, owners) in OWNERS {
            let owned =
                owners.iter().any(|owner| source.path.starts_with(&format!("{owner}/")) || source.path.starts_with(&format!("{owner}.")));
            if !owned && names_package(&source.code, package) {
                wrong.push(format!(
                    "src/{} uses `{package}`, which belongs to {}: call that room instead",
                    source.path,
                    owners.join(" and ")
                ));
            }
        }
    }
    report(&wrong);
}

#[test]
fn effects_stay_in_their_rooms() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !EFFECTS.contains(&source.room.as_str()) && source.room != "main") {
        for effect in [
            "clippy::disallowed_methods",
            "std::fs",
            "std::env",
            "std::net",
            "std::process",
            "SystemTime::now",
            "Instant::now",
            "thread::sleep",
        ] {
            if source.code.contains(effect) {
                wrong.push(format!(
                    "src/{} has `{effect}`, but `{}` is pure: take the file, time or setting as a value",
                    source.path, source.room
                ));
            }
        }
    }
    report(&wrong);
}

#[test]
fn files_are_read_in_a_sitting() {
    let mut wrong = Vec::new();
    for source in sources() {
        let lines = source.text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
        let exempt = LONG_FILES.iter().any(|(path, _)| *path == source.path);
        if lines > LONGEST && !exempt {
            wrong.push(format!("src/{} has {lines} lines, more than {LONGEST}: split it by meaning", source.path));
        }
        if lines <= LONGEST && exempt {
            wrong.push(format!("src/{} is short again: take it from LONG_FILES", source.path));
        }
        if !source.text.starts_with("//!") {
            wrong.push(format!("src/{} does not open with a prologue: say what it is for and what it is not for", source.path));
        }
    }
    report(&wrong);
}

#[test]
fn rooms_are_named_by_what_is_inside() {
    let wrong: Vec<String> = rooms()
        .iter()
        .filter(|room| EMPTY_NAMES.contains(&room.as_str()))
        .map(|room| format!("`{room}` is no word of the domain"))
        .collect();
    report(&wrong);
}

#[test]
fn the_reader_of_imports_reads_every_form() {
    let text = "use crate::check::{Spec, common::Severity};\nuse crate::{plan::{self, Plan}, yaml};\n// crate::output\nlet a = \"crate::cli\"; crate::decide::go();\ncrate::check_args! {}";
    let expected: BTreeSet<String> = ["check", "plan", "yaml", "decide"].map(String::from).into();
    assert_eq!(imports(&code_of(text)), expected);
    assert!(
        names_package("use clap::Parser;", "clap")
            && names_package("#[derive(clap::Parser)]", "clap")
            && names_package("use rayon;", "rayon")
    );
    assert!(
        !names_package("self::duckdb::open()", "duckdb") && !names_package("let clap = 1;", "clap") && !names_package("unclap::x", "clap")
    );
}

fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// The rooms, in the order of `src/lib.rs`.
fn rooms() -> Vec<String> {
    let map = fs::read_to_string(folder().join("lib.rs")).expect("src/lib.rs");
    let rooms: Vec<String> =
        map.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned)).collect();
    assert!(rooms.len() > 10, "src/lib.rs lists the rooms as `pub mod name;`");
    rooms
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources() -> Vec<Source> {
    let (root, mut folders, mut sources) = (folder(), vec![folder()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of src").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let below = entry.strip_prefix(&root).expect("below src").to_str().expect("UTF-8").replace('\\', "/");
                let room = below.split(['/', '.']).next().unwrap_or_default().to_owned();
                let text = fs::read_to_string(&entry).expect("a source file");
                sources.push(Source { path: below, room, code: code_of(&text), text });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// The text without line comments, block comments and string literals (raw ones only without inner quotes: enough for paths).
fn code_of(text: &str) -> String {
    let (mut code, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(next) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("'\"'") {
            3
        } else if next == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            end.map_or(rest.len(), |end| end + 2)
        } else {
            code.push(next);
            next.len_utf8()
        };
        rest = &rest[skipped..];
    }
    code
}

/// The rooms that a file's code names: `crate::room`, `use crate::{room, ...}`. Macros of the crate (`crate::name!`) have no room.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut start) = (0, true);
            for (at, c) in group.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => start = true,
                    c if start && c.is_alphabetic() => {
                        found.insert(word(&group[at..]).to_owned());
                        start = false;
                    }
                    _ => {}
                }
            }
        } else if !rest[word(rest).len()..].starts_with('!') {
            found.insert(word(rest).to_owned());
        }
    }
    found
}

fn word(text: &str) -> &str {
    &text[..text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())]
}

/// Whether the code names a package: `package::...` at the start of a path, or `use package`.
fn names_package(code: &str, package: &str) -> bool {
    code.match_indices(package).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + package.len()..]);
        let starts = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        starts && (after.starts_with("::") || (before.ends_with("use ") && after.starts_with([';', ' '])))
    })
}
