//! The book: every page is in it, every link leads somewhere, what is generated is what the program says, and every command that a page shows is run.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use presscheck::diagnostic::{codes, guide};

use crate::commands::{copy, run};

/// Writes what is generated: `PRESSCHECK_WRITE_BOOK=1 cargo test book`.
const WRITE: &str = "PRESSCHECK_WRITE_BOOK";

fn pages() -> Vec<PathBuf> {
    let summary = fs::read_to_string("docs/SUMMARY.md").unwrap();
    links(&summary).map(|(_, target)| plain(&Path::new("docs").join(target))).collect()
}

/// Without `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |path, part| match part {
        std::path::Component::ParentDir => path.parent().unwrap().to_path_buf(),
        part => path.join(part),
    })
}

/// Lines outside of code, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// Targets of `[..](target)` and their lines.
fn links(text: &str) -> impl Iterator<Item = (usize, &str)> {
    prose(text).flat_map(|(number, line)| {
        line.match_indices("](").filter_map(move |(at, _)| Some((number, line[at + 2..].split_once(')')?.0.split(' ').next()?)))
    })
}

/// The anchors of a page's headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter_map(|(_, line)| line.strip_prefix('#').map(|line| line.trim_start_matches('#').trim().to_owned()));
    let anchor = |heading: String| {
        let kept = heading.to_lowercase();
        kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_page_is_in_the_book_and_every_link_leads_somewhere() {
    let pages = pages();
    let mut wrong = String::new();
    for entry in fs::read_dir("docs").unwrap().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|ending| ending == "md") && !path.ends_with("SUMMARY.md") && !pages.contains(&path) {
            writeln!(wrong, "{} is not in docs/SUMMARY.md", path.display()).unwrap();
        }
    }
    let mut checked = 0;
    for page in &pages {
        let text = fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        for (line, target) in links(&text).filter(|(_, target)| !target.contains("://") && !target.starts_with("mailto:")) {
            checked += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { page.clone() } else { plain(&page.parent().unwrap().join(file)) };
            let known = match fs::read_to_string(&file) {
                Ok(text) => anchor.is_empty() || anchors(&text).contains(anchor),
                Err(_) => anchor.is_empty() && file.is_dir(),
            };
            if !known {
                writeln!(wrong, "{}:{line}: {target} leads nowhere", page.display()).unwrap();
            }
        }
    }
    assert!(wrong.is_empty() && checked > 50, "{checked} links\n{wrong}");
}

/// The help of every command: the man pages say which there are.
fn commands() -> String {
    let folder = tempfile::tempdir().unwrap();
    run(&["man", "--into", "man"], folder.path());
    let mut names: Vec<Vec<String>> = fs::read_dir(folder.path().join("man"))
        .unwrap()
        .flatten()
        .map(|page| page.file_name().to_string_lossy().trim_end_matches(".1").split('-').skip(1).map(str::to_owned).collect())
        .collect();
    names.sort();
    let mut text =
        "# Commands\n\nWhat `presscheck COMMAND --help` prints, and the man pages say. Written by the program; a test compares.\n"
            .to_owned();
    for name in names {
        let arguments: Vec<&str> = name.iter().map(String::as_str).chain(["--help"]).collect();
        let (code, help) = run(&arguments, folder.path());
        assert_eq!(code, Some(0), "{name:?}: {help}");
        let title = format!("presscheck {}", name.join(" "));
        let help = help.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        write!(text, "\n## {}\n\n```text\n{}\n```\n", title.trim(), help.trim_end()).unwrap();
    }
    text
}

/// What `presscheck rule` says of every code.
fn rules() -> String {
    let mut text =
        "# Rules\n\nWhat `presscheck rule CODE` says of every finding. Written from the same texts; a test compares.\n".to_owned();
    for code in codes::ALL {
        let guide = guide::of(code.code).unwrap();
        let language = if guide.example.starts_with("$ ") { "text" } else { "yaml" };
        write!(
            text,
            "\n## {} {}\n\n{} {}\n\n```{language}\n{}\n```\n\nTo mend it: {}\n",
            code.code,
            code.name,
            code.meaning,
            guide.why,
            guide.example.trim_end(),
            guide.mend
        )
        .unwrap();
    }
    text
}

#[test]
fn what_is_generated_is_what_the_program_says() {
    for (file, text) in [("docs/commands.md", commands()), ("docs/rules.md", rules())] {
        if std::env::var_os(WRITE).is_some() {
            fs::write(file, &text).unwrap();
        }
        let kept = fs::read_to_string(file).unwrap_or_default();
        let differs = kept.lines().zip(text.lines()).find(|(kept, made)| kept != made);
        assert!(kept == text, "{file} is old: {differs:?}; write it with {WRITE}=1 cargo test book");
    }
}

/// One block of commands.
struct Block {
    line: usize,
    /// Commands of a shell, each with the output that the page shows.
    commands: Vec<(String, Vec<String>)>,
    /// `ends with N: why`.
    ends: i32,
    /// `not run: why`.
    skipped: Option<String>,
}

/// The blocks of a page: `sh`, which is a script, and `console`, whose lines after `$ ` are commands and whose other lines are output.
fn blocks(text: &str) -> Vec<Block> {
    let (mut blocks, mut open): (Vec<Block>, Option<(bool, Block)>) = (Vec::new(), None);
    let (mut ends, mut skipped) = (0, None);
    for (number, line) in (1..).zip(text.lines()) {
        let marker = |word: &str| Some(line.strip_prefix("<!-- ")?.strip_prefix(word)?.strip_suffix(" -->")?.trim().to_owned());
        match (&mut open, line) {
            (None, "```sh" | "```console") => {
                let block = Block { line: number, commands: Vec::new(), ends, skipped: skipped.take() };
                open = Some((line == "```console", block));
                ends = 0;
            }
            (Some(_), "```") => blocks.extend(open.take().map(|(_, block)| block)),
            (Some((true, block)), line) => match (line.strip_prefix("$ "), block.commands.last_mut()) {
                (Some(command), _) => block.commands.push((command.to_owned(), Vec::new())),
                (None, Some((_, shown))) => shown.push(line.to_owned()),
                (None, None) => panic!("{number}: output before a command"),
            },
            (Some((false, block)), line) => match block.commands.last_mut() {
                Some((script, _)) => *script += &format!("\n{line}"),
                None => block.commands.push((line.to_owned(), Vec::new())),
            },
            (None, line) => {
                if let Some(said) = marker("ends with ") {
                    let (code, why) = said.split_once(": ").unwrap_or_else(|| panic!("{number}: ends with CODE: WHY"));
                    assert!(!why.is_empty());
                    ends = code.parse().unwrap();
                } else if let Some(why) = marker("not run: ") {
                    assert!(why.len() > 10, "{number}: why is it not run?");
                    skipped = Some(why);
                }
                // A block in another place of the text's structure would be passed over.
                assert!(!line.trim_start().starts_with("```sh") && !line.trim_start().starts_with("```console"), "{number}: {line}");
            }
        }
    }
    assert!(skipped.is_none() && ends == 0, "a marker without a block");
    blocks
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Runs the blocks of one page in one folder, each where the last one ended; what went wrong.
fn run_page(page: &Path, text: &str, folder: &Path) -> (usize, Vec<String>, String) {
    let bikes = folder.join("bikes");
    let mut here = if text.contains("<!-- begins in an empty folder -->") { folder.join("empty") } else { bikes };
    fs::create_dir_all(&here).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_presscheck")).parent().unwrap();
    let (ended, home) = (folder.join("ended"), folder.join("home"));
    fs::create_dir_all(&home).unwrap();
    let (mut ran, mut skipped, mut wrong) = (0, Vec::new(), String::new());
    for block in blocks(text) {
        let place = format!("{}:{}", page.display(), block.line);
        if let Some(why) = &block.skipped {
            skipped.push(format!("{}: {why}", page.display()));
            continue;
        }
        let last = block.commands.len() - 1;
        for (at, (command, shown)) in block.commands.iter().enumerate() {
            ran += 1;
            let script = format!("trap 'pwd > \"{}\"' EXIT\n{command}", ended.display());
            let mut shell = Command::new("sh");
            shell
                .args(["-euc", &script])
                .current_dir(&here)
                .env_clear()
                .env("HOME", &home)
                .env("PATH", format!("{}:/usr/bin:/bin", program.display()));
            shell.envs(std::env::vars().filter(|(name, _)| name == "LD_LIBRARY_PATH"));
            let output = shell.output().unwrap();
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            let wanted = if at == last { block.ends } else { 0 };
            if output.status.code() != Some(wanted) {
                writeln!(wrong, "{place}: {command}: exit code {:?}, not {wanted}:\n{said}", output.status.code()).unwrap();
            }
            let (text, mut from) = (squeezed(&said), 0);
            for line in shown.iter().map(|line| squeezed(line)).filter(|line| !line.is_empty()) {
                match text[from..].find(&line) {
                    Some(at) => from += at + line.len(),
                    None => writeln!(wrong, "{place}: {command} does not say, here or in this order: {line}\n{said}").unwrap(),
                }
            }
            here = PathBuf::from(fs::read_to_string(&ended).unwrap().trim());
        }
    }
    (ran, skipped, wrong)
}

#[test]
fn every_command_of_the_book_is_run() {
    let sample = tempfile::tempdir().unwrap();
    run(&["demo", "--into", "bikes"], sample.path());
    let (mut ran, mut skipped, mut wrong) = (0, Vec::new(), String::new());
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let folder = tempfile::tempdir().unwrap();
        copy(&sample.path().join("bikes"), &folder.path().join("bikes"));
        let (more, other, faults) = run_page(&page, &text, folder.path());
        ran += more;
        skipped.extend(other);
        wrong += &faults;
    }
    assert!(wrong.is_empty(), "{wrong}");
    // What cannot run here is counted, so that it does not grow unseen.
    assert!(ran >= 24, "{ran} commands");
    insta::assert_snapshot!(skipped.join("\n"));
}
