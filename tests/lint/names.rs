//! Names that a project's own files give where dbt wrote no manifest: the same as the manifest's, nothing said to be unknown that may be there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use presscheck::dbt::files::Names;
use presscheck::dbt::{Project, manifest};
use presscheck::project::{Options, Workspace};

use crate::commands::{copy, run};

const CONTRACT: &str = "contracts/weekly_operating_report.yml";

fn read(folder: &Path) -> Names {
    let options = Options { project_dir: Some(folder.to_path_buf()), ..Options::default() };
    // Paths are shown from where somebody stands, which is elsewhere.
    Workspace::find(Path::new("elsewhere"), &options, &|_| None).unwrap().0.names()
}

/// Names that a contract may write: relations, exposures, metrics.
fn spoken(project: &Project) -> BTreeSet<String> {
    let relations = project.nodes.values().flat_map(|node| [node.spoken_name(), format!("{}.{}", node.package, node.spoken_name())]);
    let exposures = project.exposures.values().map(|exposure| format!("exposure {}", exposure.name));
    relations.chain(exposures).chain(project.metrics.values().map(|metric| format!("metric {}", metric.name))).collect()
}

/// What a manifest names and the files do not; what the files name and the manifest does not, disabled nodes excepted.
fn missed(folder: &Path, manifest_json: &Path) -> (BTreeSet<String>, BTreeSet<String>, Names) {
    let names = read(folder);
    let project = manifest::read(&fs::read(manifest_json).unwrap(), manifest_json).unwrap();
    let (files, dbt) = (spoken(&names.project), spoken(&project));
    let disabled = |name: &&String| project.disabled.values().any(|bare| name.as_str() == bare || name.ends_with(&format!(".{bare}")));
    (dbt.difference(&files).cloned().collect(), files.difference(&dbt).filter(|name| !disabled(name)).cloned().collect(), names)
}

#[test]
fn the_samples_files_give_the_names_of_its_manifest() {
    let (missed, more, names) = missed(Path::new("sample_project"), Path::new("sample_project/artifacts/manifest.json"));
    assert!(missed.is_empty() && more.is_empty() && names.doubts.is_empty(), "{missed:?} {more:?} {:?}", names.doubts);
    let of = |id: &str| names.project.nodes[id].columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
    assert!(of("model.brightside.mart_weekly_operating_report").contains(&"contribution_margin".to_owned()));
}

/// Any project with the manifest that dbt made of it: `PRESSCHECK_NAMES=folder`.
#[test]
fn a_projects_files_give_the_names_of_its_manifest() {
    let Ok(folder) = std::env::var("PRESSCHECK_NAMES") else { return };
    let folder = Path::new(&folder);
    let (missed, more, names) = missed(folder, &folder.join("target/manifest.json"));
    println!(
        "{} names, {} of the manifest missed, {} more than in the manifest, doubts: {:#?}",
        spoken(&names.project).len(),
        missed.len(),
        more.len(),
        names.doubts
    );
    assert!(missed.is_empty() || !names.doubts.is_empty(), "{missed:?}");
}

/// Small projects: files, and what is known of them.
#[test]
fn files_of_all_sorts() {
    let cases: indexmap::IndexMap<String, indexmap::IndexMap<String, String>> = yaml_serde::from_str(include_str!("names.yml")).unwrap();
    let mut told = String::new();
    for (name, files) in &cases {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            match text.strip_prefix("-> ") {
                Some(target) => std::os::unix::fs::symlink(target.trim(), path).unwrap(),
                None => fs::write(path, text).unwrap(),
            }
        }
        let names = read(folder.path());
        told += &format!("== {name}\n");
        for node in names.project.nodes.values() {
            let columns: Vec<&str> = node.columns.iter().map(|column| column.name.as_str()).collect();
            let latest = if node.latest_version { " (latest)" } else { "" };
            told += &format!("{}{latest} {}\n", node.unique_id, columns.join(", "));
        }
        for other in names.project.exposures.keys().chain(names.project.metrics.keys()) {
            told += &format!("{other}\n");
        }
        for doubt in &names.doubts {
            told += &format!("doubt: {}\n", doubt.replace(&folder.path().display().to_string(), "."));
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn lint_knows_names_without_a_manifest() {
    let folder = tempfile::tempdir().unwrap();
    run(&["demo", "--into", "bikes"], folder.path());
    let bikes = folder.path().join("bikes");
    fs::remove_dir_all(bikes.join("target")).unwrap();
    let file = bikes.join(CONTRACT);
    let text = fs::read_to_string(&file).unwrap();
    // All of the project's contracts, and one that is named.
    for command in [&["lint", "--allow-no-manifest"] as &[&str], &["lint", "--allow-no-manifest", CONTRACT]] {
        let (code, told) = run(command, &bikes);
        assert!(code == Some(0) && told.contains("names were checked against the project's files"), "{told}");
        assert!(told.contains("1 contract checked: 0 errors, 0 warnings"), "{told}");
    }
    let slips = text.replace("int_order_margin.unit_cost", "int_order_margn.unit_cost").replace("shopify.refunds", "shopify.refnds");
    let slips = slips.replace("exposure: weekly_operating_report", "exposure: weekly_operating_reprt").replace(".refunds}", ".refnds}");
    assert_ne!(slips, text);
    fs::write(&file, &slips).unwrap();
    let (code, told) = run(&["lint", "--allow-no-manifest"], &bikes);
    assert_eq!(code, Some(2), "{told}");
    for near in ["`int_order_margin`?", "`shopify.refunds`?", "`weekly_operating_report`?"] {
        assert!(told.contains(&format!("did you mean {near}")), "{near}: {told}");
    }
    // A file that cannot be read may hold the names: no error, and it is said.
    fs::write(bikes.join("models/broken.yml"), "sources: [\n").unwrap();
    let (code, told) = run(&["lint", "--allow-no-manifest"], &bikes);
    assert!(code == Some(0) && told.contains("not all names are known") && told.contains("models/broken.yml"), "{told}");
    assert!(told.contains("in the files that could be read") && told.contains("did you mean `int_order_margin`?"), "{told}");
    let (code, told) = run(&["lint", "--allow-no-manifest", "--fix"], &bikes);
    assert!(code == Some(0) && fs::read_to_string(&file).unwrap() == slips, "what is not certain is not edited: {told}");
    fs::remove_file(bikes.join("models/broken.yml")).unwrap();
    let (code, told) = run(&["lint", "--allow-no-manifest", "--fix"], &bikes);
    assert!(code == Some(0) && told.contains("`int_order_margn` is now `int_order_margin`"), "{told}");
    // With a manifest of the same project: both say the same of names.
    let other = folder.path().join("other");
    run(&["demo", "--into", "other"], folder.path());
    copy(&bikes.join("contracts"), &other.join("contracts"));
    let (code, told) = run(&["lint"], &other);
    assert_eq!(code, Some(0), "{told}");
}
