//! What presscheck.yml defines, beside what contracts use of it and what it uses of profiles.yml: through the program, with and without a manifest.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::commands::run;

/// Routes that the sample's contract uses, all of them.
const ROUTES: &str = "routes:\n  data-alerts: {slack: A}\n  bi_refresh: {webhook: B}\n  bi_banner: {webhook: B}\nmail: {host: localhost, tls: none, from: a@brightside.example}\n";

/// What it is about, presscheck.yml, and what must be said; nothing is said of a presscheck.yml where nothing must be.
const CASES: &[(&str, &str, &[&str])] = &[
    ("no route is defined", "threads: 2\n", &[]),
    ("every route is defined", ROUTES, &[]),
    (
        "a channel of a name that is nearly right",
        "routes:\n  data-alert: {slack: A}\n  bi_refresh: {webhook: B}\n  bi_banner: {webhook: B}\nmail: {host: localhost, tls: none, from: a@brightside.example}\n",
        &[
            "contracts/weekly_operating_report.yml:20:21: error[PC113]: presscheck.yml has no slack `data-alerts` (did you mean `data-alert`?)",
        ],
    ),
    (
        "a hook that is a channel, one that is not there, and no mail server",
        "routes:\n  data-alerts: {slack: A}\n  bi_refresh: {slack: B}\n",
        &[
            ":158:26: error[PC113]: the route `bi_refresh` of presscheck.yml is no webhook (it is a slack there)",
            ":159:26: error[PC113]: presscheck.yml has no webhook `bi_banner` (add it under `routes:` in presscheck.yml, with `webhook:`)",
            ":20:40: error[PC113]: presscheck.yml names no `mail:` server for `email:owners.technical`",
        ],
    ),
    ("the project's own target", "target: dev\n", &[]),
    (
        "a target that is not there",
        "target: dve\n",
        &["presscheck.yml:1:9: error[PC320]: the profile `brightside` of profiles.yml has no target `dve`"],
    ),
    (
        "a profile that is not there",
        "profile: brightsid\n",
        &["presscheck.yml:1:10: error[PC320]: profiles.yml has no profile `brightsid` (did you mean `brightside`?)"],
    ),
    (
        "connections, publishing and the shared history",
        "connections:\n  finance: {profile: finance, target: x}\n  own: {target: dev}\npublish: {target: writer}\nhistory: {target: shared}\n",
        &[
            "presscheck.yml:2:22: error[PC320]: profiles.yml has no profile `finance`",
            "presscheck.yml:4:19: error[PC320]: the profile `brightside` of profiles.yml has no target `writer`",
            "presscheck.yml:5:19: error[PC320]: the profile `brightside` of profiles.yml has no target `shared`",
        ],
    ),
];

/// Each finding on a line of its own, as GitHub's commands and JSON place it.
fn said(folder: &Path, manifest: bool) -> (Option<i32>, String) {
    let arguments: &[&str] = if manifest { &["lint", "--format", "json"] } else { &["lint", "--allow-no-manifest", "--format", "json"] };
    let output = Command::new(env!("CARGO_BIN_EXE_presscheck")).args(arguments).current_dir(folder).env_remove("DBT_PROFILES_DIR").output();
    let output = output.unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let line = |finding: &serde_json::Value| {
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        let help = finding["help"].as_str().map(|help| format!(" ({help})")).unwrap_or_default();
        format!(
            "{}:{}:{}: {}[{}]: {}{help}\n",
            text("file"),
            finding["line"],
            finding["column"],
            text("level"),
            text("code"),
            text("message")
        )
    };
    let found: String = document["findings"].as_array().into_iter().flatten().map(line).collect();
    (output.status.code(), found + &String::from_utf8_lossy(&output.stderr))
}

#[test]
fn what_presscheck_yml_does_not_define() {
    let folder = tempfile::tempdir().unwrap();
    run(&["demo", "--into", "bikes"], folder.path());
    let bikes = folder.path().join("bikes");
    let mut wrong = String::new();
    for manifest in [true, false] {
        if !manifest {
            fs::remove_file(bikes.join("target/manifest.json")).unwrap();
        }
        for (name, settings, must) in CASES {
            fs::write(bikes.join("presscheck.yml"), settings).unwrap();
            let (code, told) = said(&bikes, manifest);
            let errors = told.matches("error[").count();
            let right = must.iter().all(|must| told.contains(must)) && (must.is_empty() == (errors == 0)) && errors >= must.len();
            if !right || code != Some(if must.is_empty() { 0 } else { 2 }) {
                wrong += &format!("== {name}, manifest: {manifest}: {code:?}\n{told}\n");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn profiles_yml_may_be_missing_elsewhere_or_broken_and_is_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    run(&["demo", "--into", "bikes"], folder.path());
    let bikes = folder.path().join("bikes");
    fs::write(bikes.join("presscheck.yml"), "target: nowhere\n").unwrap();
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::rename(bikes.join("profiles.yml"), elsewhere.join("profiles.yml")).unwrap();
    let (code, told) = run(&["lint"], &bikes);
    assert!(code == Some(0) && !told.contains("PC320"), "a clean checkout has none: {told}");
    let (code, told) = run(&["lint", "--profiles-dir", "../elsewhere"], &bikes);
    assert!(code == Some(2) && told.contains("PC320"), "{told}");
    let secret =
        "brightside: {target: dev, outputs: {nowhere: {type: postgres, password: \"{{ env_var('NOT_SET') }}\", token: s3cr3tpw}}}\n";
    fs::write(elsewhere.join("profiles.yml"), secret).unwrap();
    let (code, told) = run(&["lint", "--profiles-dir", "../elsewhere"], &bikes);
    assert!(code == Some(0) && !told.contains("s3cr3tpw"), "nothing is rendered: {told}");
    fs::write(elsewhere.join("profiles.yml"), "brightside: {password: s3cr3tpw\n").unwrap();
    let (code, told) = run(&["lint", "--profiles-dir", "../elsewhere"], &bikes);
    assert!(code == Some(0) && told.contains("PC321") && !told.contains("s3cr3tpw"), "{told}");
}
