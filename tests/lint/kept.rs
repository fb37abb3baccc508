//! Lint reads what contracts need, and keeps what it read: neither may ever change what it says.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use presscheck::dbt::{Project, kept};
use presscheck::diagnostic::guide;
use presscheck::lineage::{self, Before, Models};

use super::{said, said_with, with_head, world};
use crate::commands::{copy, run};

const CONTRACT: &str = "contracts/weekly_operating_report.yml";
const MANIFEST: &str = "target/manifest.json";

#[test]
fn the_lineage_of_a_part_says_what_that_of_all_says() {
    let world = world();
    let cases: indexmap::IndexMap<String, String> = yaml_serde::from_str(include_str!("cases.yml")).unwrap();
    let sample = fs::read_to_string(format!("sample_project/{CONTRACT}")).unwrap();
    let texts = cases.values().map(|text| with_head(text, true)).chain(guide::ALL.iter().map(|guide| with_head(guide.example, false)));
    for text in texts.chain([sample]) {
        let (mut wanted, mut models, mut turns) = (BTreeSet::new(), Models::default(), 0);
        let found = loop {
            let before = Before { models: &models, same: turns > 0, kept: &[], has_texts: true };
            let (lineage, more) = lineage::trace_reaching(&world.project, &wanted, before).unwrap();
            models = more.unwrap_or(models);
            let found = said_with(&world, &lineage, &text);
            let asked: Vec<String> = lineage.asked().into_iter().filter(|id| world.project.nodes.contains_key(id)).collect();
            if asked.is_empty() {
                break found;
            }
            assert!(asked.iter().all(|id| !wanted.contains(id)), "asked for what was traced: {asked:?}");
            wanted.extend(asked);
            turns += 1;
            assert!(turns < 8, "each turn asks for more");
        };
        assert_eq!(found, said(&world, &text), "{text}");
        let before = Before { models: &models, same: true, kept: &[], has_texts: false };
        let (again, more) = lineage::trace_reaching(&world.project, &wanted, before).expect("all was kept");
        assert!(more.is_none() && said_with(&world, &again, &text) == found, "{text}");
    }
}

/// A project without what is not kept of it.
fn without_texts(mut project: Project) -> Project {
    for node in project.nodes.values_mut() {
        (node.raw_code, node.compiled_code, node.config, node.hooks) = Default::default();
    }
    (project.macros, project.variables) = Default::default();
    project
}

#[test]
fn a_project_is_kept_whole_or_not_at_all() {
    let project = world().project;
    let of = blake3::hash(b"its files");
    let bytes = kept::pack(&project, &of, 0).unwrap();
    let read = kept::unpack(bytes.clone(), 0, &of).unwrap();
    assert_eq!(read.project, without_texts(project));
    assert!(!read.pack.is_broken());
    assert!(kept::unpack(bytes.clone(), 0, &blake3::hash(b"other files")).is_none());
    assert!(kept::unpack(bytes[..bytes.len() - 1].to_vec(), 0, &of).is_none());
    for at in (0..bytes.len()).step_by(bytes.len() / 97) {
        let mut broken = bytes.clone();
        broken[at] ^= 0x20;
        assert!(kept::unpack(broken, 0, &of).is_none(), "byte {at}");
    }
}

/// Exit code and all that lint says, of the project as it stands.
fn told(bikes: &Path) -> (Option<i32>, String) {
    run(&["lint", "--format", "json"], bikes)
}

/// The same where nothing was kept.
fn told_without(bikes: &Path) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    copy(bikes, &folder.path().join("bikes"));
    let bikes = folder.path().join("bikes");
    drop(fs::remove_dir_all(bikes.join("target/presscheck")));
    told(&bikes)
}

fn replace(bikes: &Path, file: &str, from: &str, to: &str) {
    let text = fs::read_to_string(bikes.join(file)).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    fs::write(bikes.join(file), text.replace(from, to)).unwrap();
}

fn damage(bikes: &Path, file: &str, how: fn(&mut Vec<u8>)) {
    let path = bikes.join("target/presscheck").join(file);
    let mut bytes = fs::read(&path).unwrap();
    how(&mut bytes);
    fs::write(path, bytes).unwrap();
}

type Edit = fn(&Path);

/// What may happen between two lints, in turn: each leaves what was kept before it.
const EDITS: &[(&str, Edit)] = &[
    ("nothing", |_| {}),
    ("a metric of another model", |bikes| {
        replace(bikes, CONTRACT, "mart_weekly_operating_report.gross_revenue", "mart_customers.orders");
    }),
    ("a metric that is not there", |bikes| replace(bikes, CONTRACT, "mart_customers.orders", "mart_customers.order")),
    ("the same right again", |bikes| replace(bikes, CONTRACT, "mart_customers.order", "mart_weekly_operating_report.gross_revenue")),
    ("a column has another name in SQL", |bikes| replace(bikes, MANIFEST, "as refunds", "as refunded")),
    ("and its old one again, in a manifest of the same length", |bikes| {
        let text = fs::read_to_string(bikes.join(MANIFEST)).unwrap().replace("as refunded", "as refunds");
        let length = fs::metadata(bikes.join(MANIFEST)).unwrap().len() as usize;
        fs::write(bikes.join(MANIFEST), format!("{text}{}", " ".repeat(length - text.len()))).unwrap();
    }),
    ("a source is disabled", |bikes| {
        let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(bikes.join(MANIFEST)).unwrap()).unwrap();
        let sources = manifest["sources"].as_object_mut().unwrap();
        sources.iter_mut().find(|(id, _)| id.ends_with("shopify.refunds")).unwrap().1["config"]["enabled"] = false.into();
        fs::write(bikes.join(MANIFEST), manifest.to_string()).unwrap();
    }),
    ("no catalog", |bikes| drop(fs::remove_file(bikes.join("target/catalog.json")))),
    ("statements before all models", |bikes| {
        replace(bikes, "dbt_project.yml", "name:", "on-run-start: create macro f(a) as (select max(x) from t)\nname:");
    }),
    ("nothing for an hour", |bikes| {
        let kept = fs::OpenOptions::new().write(true).open(bikes.join("target/presscheck/project.cache")).unwrap();
        kept.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(3600)).unwrap();
    }),
    ("then a column of another name, in as many bytes, and with the file's time put back", |bikes| {
        let written = fs::metadata(bikes.join(MANIFEST)).unwrap().modified().unwrap();
        replace(bikes, MANIFEST, "as refunds", "as refundz");
        fs::OpenOptions::new().write(true).open(bikes.join(MANIFEST)).unwrap().set_modified(written).unwrap();
    }),
    ("half of the project's file", |bikes| damage(bikes, "project.cache", |bytes| bytes.truncate(bytes.len() / 2))),
    ("another byte in it", |bikes| {
        damage(bikes, "project.cache", |bytes| {
            let at = bytes.len() / 2;
            bytes[at] ^= 1;
        });
    }),
    ("of another program", |bikes| damage(bikes, "project.cache", |bytes| bytes[150] ^= 1)),
    ("half of the models' file", |bikes| damage(bikes, "models.cache", |bytes| bytes.truncate(bytes.len() / 2))),
    ("nothing in it", |bikes| damage(bikes, "models.cache", Vec::clear)),
    ("one of the two is gone", |bikes| fs::remove_file(bikes.join("target/presscheck/models.cache")).unwrap()),
    ("and the other", |bikes| fs::remove_file(bikes.join("target/presscheck/project.cache")).unwrap()),
    ("a folder that cannot be written to, with what is old in it", |bikes| {
        fs::set_permissions(bikes.join("target/presscheck"), fs::Permissions::from_mode(0o555)).unwrap();
        replace(bikes, CONTRACT, "mart_weekly_operating_report.refunds", "mart_weekly_operating_report.refund");
    }),
];

#[test]
fn what_is_kept_never_changes_what_is_said() {
    let folder = tempfile::tempdir().unwrap();
    run(&["demo", "--into", "bikes"], folder.path());
    let bikes = folder.path().join("bikes");
    let mut all = BTreeSet::new();
    for (what, edit) in EDITS {
        edit(&bikes);
        let cold = told_without(&bikes);
        assert_eq!(told(&bikes), cold, "{what}");
        assert_eq!(told(&bikes), cold, "{what}, again");
        all.insert(cold.1);
    }
    assert!(all.len() > 4, "the edits change what is said: {all:?}");
    fs::set_permissions(bikes.join("target/presscheck"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn two_at_once_and_a_manifest_that_changes_under_them() {
    let folder = tempfile::tempdir().unwrap();
    run(&["demo", "--into", "bikes"], folder.path());
    let bikes = folder.path().join("bikes");
    let one = fs::read_to_string(bikes.join(MANIFEST)).unwrap();
    let other = one.replace("as refunds", "as refunded");
    let mut right = BTreeSet::new();
    for text in [&one, &other] {
        fs::write(bikes.join(MANIFEST), text).unwrap();
        right.insert(told_without(&bikes));
    }
    assert_eq!(right.len(), 2, "the two manifests differ in what is said of them");
    let lint = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_presscheck"));
        command.args(["lint", "--format", "json"]).current_dir(&bikes).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    for turn in 0..6 {
        // Whole at any moment, as dbt's own is not.
        fs::write(bikes.join("target/next.json"), if turn % 2 == 0 { &one } else { &other }).unwrap();
        let running = [lint(), lint()];
        fs::rename(bikes.join("target/next.json"), bikes.join(MANIFEST)).unwrap();
        for child in running.into_iter().chain([lint()]) {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(right.contains(&(output.status.code(), said.clone())), "turn {turn}: {said}");
        }
        assert_eq!(told(&bikes), told_without(&bikes), "turn {turn}");
    }
}
