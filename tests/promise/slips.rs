//! Random single edits of the sample's contract, as fingers make them: each is refused, or advised against, or leaves the contract's meaning as it
//! was, or is something else that `diff` says. None is taken in silence.

use std::collections::BTreeMap;
use std::path::Path;

use presscheck::contract;
use presscheck::diagnostic::{Finding, Level};
use presscheck::lint::{self, Surroundings};
use presscheck::macros::Macros;
use presscheck::plan;
use presscheck::promise;

use super::{SAMPLE, Side, interval, now, project, side, version, with_catalog};
use crate::dice::Dice;

/// One edit: letters lost, doubled, exchanged, of another kind; words of elsewhere; numbers; lines lost, doubled, moved, indented otherwise.
fn slip(text: &str, dice: &mut Dice) -> (String, String) {
    let lines: Vec<&str> = text.lines().collect();
    let number = dice.below(lines.len());
    let line = lines[number];
    let words: Vec<&str> = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| word.len() > 2).collect();
    let within = |at: usize, length: usize, with: &str| format!("{}{with}{}", &line[..at], &line[at + length..]);
    let letters: Vec<usize> = line.char_indices().filter(|(_, c)| c.is_ascii()).map(|(at, _)| at).collect();
    let edited = if letters.len() < 3 {
        vec![line.to_owned(), line.to_owned()]
    } else {
        let at = letters[dice.below(letters.len())];
        let here = &line[at..=at];
        match dice.below(10) {
            0 => vec![within(at, 1, "")],
            1 => vec![within(at, 1, &here.repeat(2))],
            2 if at + 1 < line.len() && line.is_char_boundary(at + 2) => vec![within(at, 2, &format!("{}{here}", &line[at + 1..at + 2]))],
            2 | 3 => vec![within(at, 1, [":", "#", "-", "'", "\"", "{", "]", ",", "&", "*", "!", "|", "%", "0", "9", "x"][dice.below(16)])],
            4 => vec![],
            5 => vec![line.to_owned(), line.to_owned()],
            6 => vec![format!("{}{line}", [" ", "  ", "\t"][dice.below(3)])],
            7 => vec![line.strip_prefix(["  ", " "][dice.below(2)]).unwrap_or(line).to_owned()],
            8 => match line.find(|c: char| c.is_ascii_digit()) {
                Some(digit) => vec![within(digit, 1, &dice.below(10).to_string())],
                None => vec![format!("{line} {}", words[dice.below(words.len())])],
            },
            _ => {
                let own: Vec<&str> = line.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).collect();
                let (old, new) = (own.get(dice.below(own.len().max(1))).copied().unwrap_or(" "), words[dice.below(words.len())]);
                vec![line.replacen(old, new, 1)]
            }
        }
    };
    let said = format!("{}: `{}` -> `{}`", number + 1, line.trim(), edited.join("\\n").trim());
    let before = lines[..number].iter().map(|line| (*line).to_owned());
    let after = lines[number + 1..].iter().map(|line| (*line).to_owned());
    (before.chain(edited).chain(after).map(|line| line + "\n").collect(), said)
}

/// Everything that `lint` says of a text, and the contract, where it can be decided.
fn linted(text: &str, base: &Side, macros: &Macros) -> (Vec<Finding>, Option<contract::Contract>) {
    let read = contract::parse(text, Path::new("c.yml"));
    let mut found = read.findings;
    let Some(contract) = read.value else { return (found, None) };
    found.extend(lint::references(&contract, &base.project, &base.lineage));
    found.extend(lint::connections(&contract, &["finance"]));
    let around = Surroundings { project: &base.project, lineage: &base.lineage, macros, now: now(), closed: None };
    found.extend(lint::advice(&contract, &around, &found));
    (found, Some(contract))
}

#[test]
fn no_slip_is_taken_in_silence() {
    let wanted: usize = std::env::var("PRESSCHECK_RANDOM_SLIPS").map_or(80, |wanted| wanted.parse().unwrap());
    let seed: u64 = std::env::var("PRESSCHECK_RANDOM_SEED").map_or(20_261_123, |seed| seed.parse().unwrap());
    let macros = Macros::new("duckdb", Vec::new()).unwrap();
    let none = BTreeMap::new();
    let base = side(SAMPLE, with_catalog(project()), &macros);
    let (usual, _) = linted(SAMPLE, &base, &macros);
    let usual: Vec<String> = usual.iter().map(|finding| finding.message.clone()).collect();
    let (mut refused, mut advised, mut same, mut told, mut silent) = (0, 0, 0, 0, Vec::new());
    for number in 0..wanted {
        let mut dice = Dice(seed * 1_000_003 + u64::try_from(number).unwrap());
        let (text, said) = slip(SAMPLE, &mut dice);
        let (found, contract) = linted(&text, &base, &macros);
        let Some(mut contract) = contract.filter(|_| found.iter().all(|finding| finding.level < Level::Error)) else {
            refused += 1;
            continue;
        };
        contract.origin = base.contract.origin.clone();
        if contract == base.contract {
            same += 1;
            continue;
        }
        if found.iter().any(|finding| !usual.contains(&finding.message)) {
            advised += 1;
        }
        let options = plan::Options { interval: interval(&contract), selection: None, macros: &macros, given: plan::Given::default() };
        let Ok(plan) = plan::build(&contract, &base.project, &base.lineage, &options) else {
            refused += 1;
            continue;
        };
        let targets = plan::targets(&contract, &base.project, &base.lineage, &options);
        let head = promise::Version {
            contract: &contract,
            plan: &plan,
            targets: &targets,
            project: &base.project,
            lineage: &base.lineage,
            macros: &none,
        };
        let change = promise::compare(&version(&base, &none), &head, now());
        if change.changes.is_empty() && change.metrics.iter().all(|metric| metric.changes.is_empty()) {
            silent.push(said);
        } else {
            told += 1;
        }
    }
    println!(
        "{wanted} slips: {refused} refused, {same} of the same meaning, {told} said by diff ({advised} advised against, too), {} silent",
        silent.len()
    );
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}
