//! Files that are not what they should be: each is refused, with a sentence that says what it is and what to do.

use std::path::Path;

use presscheck::dbt::artifact::ReadFault;
use presscheck::dbt::{Project, catalog, manifest, run_results, sources};

use super::{DBT_1, project};

type Read = fn(&[u8], &Path) -> Result<(), ReadFault>;

const MANIFEST: (&str, Read) = ("manifest.json", |bytes, file| manifest::read(bytes, file).map(|_| ()));
const CATALOG: (&str, Read) = ("catalog.json", |bytes, file| catalog::apply(&mut Project::default(), bytes, file));
const RUN_RESULTS: (&str, Read) = ("run_results.json", |bytes, file| run_results::read(bytes, file).map(|_| ()));
const SOURCES: (&str, Read) = ("sources.json", |bytes, file| sources::read(bytes, file).map(|_| ()));

fn edited(from: &str, to: &str) -> Vec<u8> {
    let text = std::str::from_utf8(DBT_1).unwrap();
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1).into_bytes()
}

fn utf16(bytes: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(bytes).unwrap();
    [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

#[test]
fn refused() {
    let results = include_bytes!("dbt-1.12/run_results.json").as_slice();
    let cases: Vec<((&str, Read), &str, Vec<u8>)> = vec![
        (MANIFEST, "empty", Vec::new()),
        (MANIFEST, "blank", b" \n\n".to_vec()),
        (MANIFEST, "cut off", DBT_1[..DBT_1.len() / 2].to_vec()),
        (MANIFEST, "cut off in a character", "{\"metadata\": \"\u{e9}".as_bytes()[..15].to_vec()),
        (MANIFEST, "HTML", b"<!doctype html><title>Sign in</title>".to_vec()),
        (MANIFEST, "gzip", vec![0x1F, 0x8B, 8, 0]),
        (MANIFEST, "UTF-16", utf16(DBT_1)),
        (MANIFEST, "YAML", b"nodes:\n  - x\n".to_vec()),
        (MANIFEST, "not UTF-8", edited("\"dashboard\"", "\"dash").into_iter().chain([0xC3, 0x28]).collect()),
        (MANIFEST, "trailing", [DBT_1, b"{}"].concat()),
        (MANIFEST, "list", b"[1, 2]".to_vec()),
        (MANIFEST, "null", b"null".to_vec()),
        (MANIFEST, "empty object", b"{}".to_vec()),
        (MANIFEST, "package.json", br#"{"name": "x", "version": "1", "scripts": {}, "a": 1, "b": 2}"#.to_vec()),
        (MANIFEST, "semantic manifest", br#"{"semantic_models": [], "metrics": [], "project_configuration": {}}"#.to_vec()),
        (MANIFEST, "catalog", include_bytes!("dbt-1.12/catalog.json").to_vec()),
        (MANIFEST, "run results", results.to_vec()),
        (MANIFEST, "metadata of others", br#"{"metadata": [1], "nodes": {}}"#.to_vec()),
        (MANIFEST, "no version", edited("\"dbt_schema_version\"", "\"was\"")),
        (MANIFEST, "too old", edited("manifest/v12.json", "manifest/v8.json")),
        (MANIFEST, "too new", edited("manifest/v12.json", "manifest/v13.json")),
        (MANIFEST, "version is no number", edited("manifest/v12.json", "manifest/latest.json")),
        (MANIFEST, "node twice", edited("\"model.shop.days\": {", "\"model.shop.customers\": {")),
        (MANIFEST, "field twice", edited("\"alias\": \"orders_v1\",", "\"alias\": \"orders_v1\", \"alias\": \"x\",")),
        (MANIFEST, "section twice", edited("\"nodes\": {", "\"sources\": {}, \"nodes\": {")),
        (MANIFEST, "key of meta twice", edited("\"tier\": 1", "\"tier\": 1, \"tier\": 2")),
        (MANIFEST, "argument twice", edited("\"kwargs\": {", "\"kwargs\": { \"x\": 1, \"x\": 1,")),
        (CATALOG, "manifest", DBT_1.to_vec()),
        (CATALOG, "version", br#"{"metadata": {"dbt_schema_version": "https://x/dbt/catalog/v2.json"}, "nodes": {}}"#.to_vec()),
        (CATALOG, "column twice", include_str!("dbt-1.12/catalog.json").replacen("\"amount\": {", "\"id\": {", 1).into_bytes()),
        (RUN_RESULTS, "manifest", DBT_1.to_vec()),
        (RUN_RESULTS, "status", String::from_utf8_lossy(results).replacen("\"skipped\"", "\"fine\"", 1).into_bytes()),
        (RUN_RESULTS, "twice", String::from_utf8_lossy(results).replacen("model.shop.days", "model.helper.customers", 1).into_bytes()),
        (RUN_RESULTS, "version", String::from_utf8_lossy(results).replacen("/v6.json", "/v7.json", 1).into_bytes()),
        (SOURCES, "status", include_str!("dbt-1.12/sources.json").replacen("\"pass\"", "\"success\"", 1).into_bytes()),
        (
            SOURCES,
            "time",
            include_str!("dbt-1.12/sources.json").replacen("\"max_loaded_at\": \"2", "\"max_loaded_at\": \"infinity 2", 1).into_bytes(),
        ),
        (SOURCES, "run results", results.to_vec()),
    ];
    let answers = cases.into_iter().map(|((artifact, read), name, bytes)| {
        let fault = read(&bytes, Path::new(artifact)).expect_err(name);
        format!("{name}\n  {fault}")
    });
    insta::assert_snapshot!(answers.collect::<Vec<_>>().join("\n"));
}

#[test]
fn byte_order_mark_is_fine() {
    let marked = [b"\xEF\xBB\xBF".as_slice(), DBT_1].concat();
    assert_eq!(project(&marked), project(DBT_1));
}

/// However short it is cut, the file is refused, and nothing panics.
#[test]
fn every_cut_is_refused() {
    for end in (0..DBT_1.len() - 2).step_by(997) {
        assert!(manifest::read(&DBT_1[..end], Path::new("m.json")).is_err(), "{end}");
    }
}
