//! `profiles.yml` and `dbt_project.yml`: what is rendered, what is refused, and that secrets stay in.

use std::path::{Path, PathBuf};

use presscheck::dbt::profiles::{self, Profile};
use serde_json::{Map, json};

fn env(name: &str) -> Option<String> {
    let value = match name {
        "PORT" => "5432",
        "FLAG" => "True",
        "WORD" => "seven",
        "EMPTY" => "",
        "TARGET" => "prod",
        "DBT_ENV_SECRET_PASSWORD" => "s3cr3t-p4ss",
        "DBT_ENV_SECRET_EMPTY" => "",
        "PLAIN_TOKEN" => "tok-12345",
        "NAME" => "PORT",
        _ => return None,
    };
    Some(value.to_owned())
}

fn vars() -> Map<String, serde_json::Value> {
    json!({"schema": "mine", "threads": 3}).as_object().unwrap().clone()
}

fn read(text: &str, target: Option<&str>) -> Result<Profile, String> {
    profiles::read(text, Path::new("profiles.yml"), "shop", target, &env, &vars()).map_err(|finding| finding.to_string())
}

/// One key of a target, rendered.
fn value(written: &str) -> String {
    match read(&format!("shop:\n  outputs:\n    default: {{type: duckdb, key: {written}}}\n"), None) {
        Ok(profile) => profile.fields()["key"].to_string(),
        Err(refused) => refused,
    }
}

#[test]
fn values() {
    let written = [
        "plain",
        "5",
        "\"5\"",
        "true",
        "~",
        "[a, \"{{ env_var('PORT') }}\"]",
        "{a: \"{{ env_var('PORT') | as_number }}\"}",
        "\"{{ env_var('PORT') }}\"",
        "\"{{ env_var('PORT') | as_number }}\"",
        "\"{{ env_var('PORT') | as_native }}\"",
        "\"{{ env_var('PORT') | as_text }}\"",
        "\"{{ env_var('PORT') | int }}\"",
        "\"{{ env_var('FLAG') | as_bool }}\"",
        "\"{{ env_var('WORD') | as_native }}\"",
        "\"{{ env_var('WORD') | as_number }}\"",
        "\"{{ env_var('WORD') | as_bool }}\"",
        "\"p{{ env_var('PORT') | as_number }}\"",
        "\"{{ env_var('PORT') }}{{ env_var('WORD') }}\"",
        "\"{{ env_var('NONE') }}\"",
        "\"{{ env_var('NONE', 'd') }}\"",
        "\"{{ env_var('NONE', 7) }}\"",
        "\"{{ env_var('EMPTY', 'd') }}\"",
        "\"{{ env_var(env_var('NAME')) }}\"",
        "\"{{ var('schema') }}\"",
        "\"{{ var('threads') }}\"",
        "\"{{ var('none') }}\"",
        "\"{{ var('none', 'd') }}\"",
        "\"{{ 4 + 1 }}\"",
        "\"{% if env_var('WORD') == 'seven' %}yes{% else %}no{% endif %}\"",
        "\"{{ target.name }}\"",
        "\"{{ nothing }}\"",
        "\"{{ ref('x') }}\"",
        "\"{{ 'open\"",
        "\"{% for a in range(99999999) %}x{% endfor %}\"",
        "\"{{ env_var('PORT') | upper }}\"",
        "\"{{ env_var('DBT_ENV_SECRET_PASSWORD') | lower }}\"",
        "\"{{ [env_var('DBT_ENV_SECRET_PASSWORD')] }}\"",
    ];
    insta::assert_snapshot!(written.map(|text| format!("{text}\n  {}", value(text))).join("\n"));
}

const SHOP: &str = "
config: {send_anonymous_usage_stats: false}
other: {outputs: {}}
shop:
  target: \"{{ env_var('CHOICE', 'dev') }}\"
  outputs:
    dev:
      type: duckdb
      path: shop.duckdb
      settings: {TimeZone: UTC}
    prod:
      type: postgres
      host: \"{{ env_var('HOST_THAT_IS_NOT_SET') }}\"
    secret:
      type: postgres
      user: ana
      password: \"{{ env_var('DBT_ENV_SECRET_PASSWORD') }}\"
      dsn: \"pg://ana:{{ env_var('DBT_ENV_SECRET_PASSWORD') }}@host/{{ env_var('DBT_ENV_SECRET_EMPTY') }}\"
      secrets: [{type: s3, token: \"{{ env_var('PLAIN_TOKEN') }}\"}]
      port: \"{{ env_var('DBT_ENV_SECRET_PASSWORD') | as_number }}\"
    braces: {type: postgres, password: \"ab{{%cd\"}
    untyped: {path: x}
    flat: 7
";

#[test]
fn targets() {
    let told = [None, Some("dev"), Some("prod"), Some("prd"), Some("zzz"), Some("secret"), Some("braces"), Some("untyped"), Some("flat")];
    insta::assert_snapshot!(told.map(|target| format!("{target:?}: {:?}", read(SHOP, target))).join("\n"));
    let texts = [
        "",
        "shop",
        "[1]",
        "other: {}",
        "shop: {}",
        "shop: {outputs: {}}",
        "shop: {target: [1], outputs: {a: {type: x}}}",
        "shop: {outputs: {a: 1, a: 2}}",
        "\tx: 1",
    ];
    insta::assert_snapshot!(texts.map(|text| format!("{text:?}: {:?}", read(text, None))).join("\n"));
}

/// Nothing that is printed holds a secret: not the profile, not a fault, not a message that was cleaned.
#[test]
fn secrets_stay_in() {
    let refused = read(SHOP, Some("secret")).unwrap_err();
    assert!(!refused.contains("s3cr3t"), "{refused}");
    let text = SHOP.lines().filter(|line| !line.contains("as_number")).collect::<Vec<_>>().join("\n");
    let profile = read(&text, Some("secret")).unwrap();
    assert_eq!(profile.fields()["dsn"], "pg://ana:s3cr3t-p4ss@host/");
    let shown = format!("{profile:?} {profile:#?}");
    assert!(!shown.contains("s3cr3t") && !shown.contains("tok-"), "{shown}");
    assert_eq!(profile.hide("no access for ana with s3cr3t-p4ss or tok-12345"), "no access for ana with *** or ***");
}

#[test]
fn project_file() {
    let read = |text: &str| match profiles::read_project_file(text, Path::new("dbt_project.yml"), &env, &vars()) {
        Ok(file) => format!("{file:?}"),
        Err(finding) => finding.to_string(),
    };
    let texts = [
        "name: shop\nprofile: brightside\n",
        "name: shop\nprofile: \"{{ env_var('WORD') }}\"\ntarget-path: \"out/{{ env_var('PORT') }}\"\nmodels: {shop: {+materialized: \"{{ whatever }}\"}}\n",
        "name: shop\nversion: 1.0\n",
        "profile: x\n",
        "name: [a]\n",
        "name: shop\nprofile: \"{{ env_var('DBT_ENV_SECRET_PASSWORD') }}\"\n",
        "name: shop\nprofile: \"{{ env_var('NONE') }}\"\n",
        "name: a\nname: b\n",
        "- a\n",
    ];
    insta::assert_snapshot!(texts.map(|text| format!("{text:?}\n  {}", read(text))).join("\n"));
    assert!(read(include_str!("../../sample_project/dbt_project.yml")).contains("brightside"));
}

#[test]
fn places() {
    let path = |text: &'static str| Path::new(text);
    let found = |flag, env| profiles::places(flag, env, path("/w"), path("/w/p"), Some(path("/home/ana")));
    let wanted = |all: &[&str]| all.iter().map(PathBuf::from).collect::<Vec<_>>();
    assert_eq!(found(None, None), wanted(&["/w/profiles.yml", "/w/p/profiles.yml", "/home/ana/.dbt/profiles.yml"]));
    assert_eq!(found(Some(path("/f")), Some(path("/e"))), wanted(&["/f/profiles.yml"]));
    assert_eq!(found(None, Some(path("/e"))), wanted(&["/e/profiles.yml"]));
    assert_eq!(profiles::places(None, None, path("/p"), path("/p"), None), wanted(&["/p/profiles.yml"]));
}
