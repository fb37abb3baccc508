//! What `lint --fix` edits: slips of the pen become what was meant, all else stays as it is, to the byte.

use std::fs;
use std::path::Path;

use presscheck::contract;
use presscheck::diagnostic::{Finding, Level, Names, certain};
use presscheck::lint::fix;
use presscheck::project::replace_text;

use super::{World, said, with_head, world};
use crate::commands::run;

const SAMPLE: &str = include_str!("../../sample_project/contracts/weekly_operating_report.yml");

/// The text after all rounds, and whether anything was edited.
fn fixed(world: &World, text: &str) -> (String, Vec<String>) {
    let (mut text, mut all) = (text.to_owned(), Vec::new());
    for _ in 0..8 {
        let (next, made) = fix::apply(&text, &said(world, &text));
        if made.is_empty() {
            return (text, all);
        }
        all.extend(made.into_iter().map(|made| format!("{} {}", made.finding.code, made.said)));
        text = next;
    }
    panic!("no end of edits: {all:?}");
}

#[test]
fn edits_of_cases() {
    let cases: indexmap::IndexMap<String, String> = yaml_serde::from_str(include_str!("fixes.yml")).unwrap();
    let world = world();
    let mut told = String::new();
    for (name, text) in &cases {
        let text = with_head(text, true);
        let (after, made) = fixed(&world, &text);
        assert!(fixed(&world, &after).1.is_empty(), "{name}: the second run finds something");
        let lines: Vec<String> = text.lines().zip(after.lines()).filter(|(a, b)| a != b).map(|(a, b)| format!("  {a}\n->{b}\n")).collect();
        told += &format!("== {name}\n{}{}\n", lines.concat(), made.iter().map(|made| format!("{made}\n")).collect::<String>());
        if made.is_empty() {
            assert_eq!(text, after);
        }
    }
    insta::assert_snapshot!(told);
}

/// A word in nine of the sample's contract (all with PRESSCHECK_SLIPS=1) with a letter lost, doubled, or two letters exchanged: where edits leave a contract without errors, it is the one that was
/// meant; and nothing but the slip is edited.
#[test]
fn a_slip_becomes_what_was_meant_or_stays() {
    let world = world();
    let meant = contract::parse(SAMPLE, Path::new("c.yml")).value.unwrap();
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut words = Vec::new();
    let mut from = 0;
    while let Some(start) = SAMPLE[from..].find(letter).map(|at| from + at) {
        let end = SAMPLE[start..].find(|c| !letter(c)).map_or(SAMPLE.len(), |at| start + at);
        words.push((start, end));
        from = end;
    }
    let errors = |found: &[Finding]| found.iter().filter(|finding| finding.level == Level::Error).count();
    let (mut restored, mut left, mut wrong) = (0, 0, Vec::new());
    let every: usize = std::env::var("PRESSCHECK_SLIPS").map_or(9, |every| every.parse().unwrap());
    let words: Vec<_> = words.into_iter().filter(|(start, end)| end - start > 2).enumerate().step_by(every).collect();
    for (number, (start, end)) in words.iter().copied() {
        let (word, middle) = (&SAMPLE[start..end], (end - start) / 2);
        let slip = match number % 3 {
            0 => format!("{}{}", &word[..middle], &word[middle + 1..]),
            1 => format!("{}{}{}", &word[..middle], &word[middle - 1..middle], &word[middle..]),
            _ => format!("{}{}{}{}", &word[..middle - 1], &word[middle..=middle], &word[middle - 1..middle], &word[middle + 1..]),
        };
        let text = format!("{}{slip}{}", &SAMPLE[..start], &SAMPLE[end..]);
        let before = contract::parse(&text, Path::new("c.yml"));
        let (after, made) = fixed(&world, &text);
        if made.is_empty() {
            left += usize::from(errors(&said(&world, &text)) > 0);
            continue;
        }
        let read = contract::parse(&after, Path::new("c.yml"));
        let whole = errors(&said(&world, &after)) == 0;
        // What was right before the slip's edit and is right after it must be what was meant, also where the slip stood in a text for people.
        if whole && read.value.as_ref() != Some(&meant) && before.value.as_ref() != read.value.as_ref() {
            wrong.push(format!("`{word}` as `{slip}`: {made:?}"));
        }
        restored += usize::from(after == SAMPLE);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(
        restored * 4 > words.len(),
        "of {} slips {restored} slips are restored to the byte, {left} are left to their author",
        words.len()
    );
}

#[test]
fn only_one_can_be_meant() {
    for (wanted, names, expected) in [
        ("revenu", vec!["revenue", "refunds"], Some("revenue")),
        ("Revenue", vec!["revenue"], Some("revenue")),
        ("order_1", vec!["order_2"], None),
        ("min", vec!["max"], None),
        ("mix", vec!["min", "max"], None),
        ("net_revenue", vec!["net_revenues", "net_revenue_"], None),
        ("x", vec!["y"], Some("y")),
        ("gross", vec!["gross_revenue"], None),
    ] {
        assert!(expected.is_none() || certain(wanted, names.iter().copied(), Names::Closed) == expected);
        assert_eq!(certain(wanted, names.iter().copied(), Names::Open), expected, "{wanted} among {names:?}");
    }
    assert_eq!(certain("titel", ["title", "tier"], Names::Closed), Some("title"));
    assert_eq!(certain("mix", ["min", "max"], Names::Closed), None);
}

#[test]
fn a_file_that_changed_meanwhile_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yml");
    fs::write(&file, "new").unwrap();
    assert!(replace_text(&file, "old", "mine").unwrap_err().contains("changed"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    let link = folder.path().join("link.yml");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    replace_text(&link, "new", "mine").unwrap();
    assert!(link.is_symlink() && fs::read_to_string(&file).unwrap() == "mine");
    assert_eq!(folder.path().read_dir().unwrap().count(), 2, "a draft is left");
}

#[test]
fn fixes_through_the_program() {
    let folder = tempfile::tempdir().unwrap();
    run(&["demo", "--into", "bikes"], folder.path());
    let bikes = folder.path().join("bikes");
    let file = bikes.join("contracts/weekly_operating_report.yml");
    let text = fs::read_to_string(&file).unwrap();
    let slips = text.replace("hold_if: \"> 10\"", "hold_fi: \"> 10\"").replace("int_order_margin.unit_cost", "int_order_margn.unit_cots");
    let slips = slips.replace("not_null:", "not_nul:").replace("{{ interval.start }}", "{{ interval.strat }}");
    fs::write(&file, &slips).unwrap();
    let (code, told) = run(&["lint"], &bikes);
    assert!(code == Some(2) && fs::read_to_string(&file).unwrap() == slips, "{told}");
    let (code, told) = run(&["lint", "--fix"], &bikes);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("`int_order_margn` is now `int_order_margin`") && told.contains("`hold_fi` is now `hold_if`"), "{told}");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    let (code, told) = run(&["lint", "--fix"], &bikes);
    assert!(code == Some(0) && !told.contains("fixed:"), "{told}");
    // Without artifacts: what structure alone tells.
    fs::remove_dir_all(bikes.join("target")).unwrap();
    fs::write(&file, text.replace("ready_by:", "ready_bye:")).unwrap();
    let (code, told) = run(&["lint", "--fix", "--allow-no-manifest", "contracts/weekly_operating_report.yml"], &bikes);
    assert!(code == Some(0) && fs::read_to_string(&file).unwrap() == text, "{told}");
}
