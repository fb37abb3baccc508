//! Macros: what templates may do, what they are told when they are wrong, and how names and texts are quoted.

use std::path::PathBuf;

use presscheck::check::KINDS;
use presscheck::diagnostic::{At, Finding};
use presscheck::macros::{Call, Macros, Rendered, Variables, identifier, literal};

fn told(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn with(name: &str, text: &str) -> Result<Macros, Vec<Finding>> {
    Macros::new("duckdb", vec![(PathBuf::from(format!("macros/{name}.sql")), text.to_owned())])
}

/// `not_null` of column `a`, measured by this template.
fn render(text: &str) -> Result<Rendered, Finding> {
    let arguments = serde_json::json!({ "columns": ["a"], "count": null });
    let relations = ["\"t\"".to_owned()];
    let call = Call {
        kind: "not_null",
        columns: &["bad"],
        lists: false,
        arguments: arguments.as_object().unwrap(),
        relations: &relations,
        interval: None,
    };
    with("not_null", text).map_err(|mut findings| findings.remove(0))?.measure(&call)
}

#[test]
fn a_project_overrides_a_kind() {
    let scan = |text: &str| render(text).unwrap();
    assert_eq!(
        scan("{% macro default__bad(check, relations) %} count({{ check.columns[0] }}) {% endmacro %}"),
        Rendered::Scan(vec!["count(a)".into()])
    );
    let both = "{% macro default__bad(check, relations) %}x{% endmacro %}{% macro duckdb__bad(check, relations) %}y{% endmacro %}";
    assert_eq!(scan(both), Rendered::Scan(vec!["y".into()]));
    let other = "{% macro default__bad(check, relations) %}x{% endmacro %}{% macro postgres__bad(check, relations) %}y{% endmacro %}";
    assert_eq!(scan(other), Rendered::Scan(vec!["x".into()]));
    let query = "{% macro default__query(check, relations) %}select 1, 2 from {{ relations[0] }}{% endmacro %}";
    assert_eq!(scan(query), Rendered::Query("select 1, 2 from \"t\"".into()));
}

#[test]
fn what_a_template_does_wrong_is_said_at_its_line() {
    let body = |inner: &str| format!("{{# one #}}\n{{% macro default__bad(check, relations) -%}}\n  {inner}\n{{%- endmacro %}}");
    let cases = [
        ("not a template", "{% macro default__bad(check".to_owned()),
        ("a name that is not there", body("count({{ check.colums }})")),
        ("a variable that is not there", body("{{ now }}")),
        ("the environment", body("{{ env_var('HOME') }}")),
        ("an interval that is not there", body("{{ interval.start }}")),
        ("a file", body("{% include '/etc/passwd' %}")),
        ("a loop that grows", body("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}")),
        ("no macro for the number", "{% macro default__good(check, relations) %}1{% endmacro %}".to_owned()),
        ("a literal of a list", body("{{ check.columns | literal }}")),
        ("a column of no name", body("{{ '' | identifier }}")),
        ("an unknown filter", body("{{ check.columns | shell }}")),
    ];
    let lines: String = cases
        .iter()
        .map(|(name, text)| format!("{name}: {}\n", render(text).map_or_else(|f| f.to_string(), |r| format!("{r:?}"))))
        .collect();
    insta::assert_snapshot!(lines);
}

#[test]
fn a_file_of_no_kind_is_refused() {
    let said = told(&with("not_nul", "").unwrap_err());
    assert_eq!(
        said,
        "macros/not_nul.sql: error[PC230]: `not_nul` is no kind of check (did you mean not_null.sql? A kind of your own begins with a comment that says what it asks: macros/README.md)"
    );
    assert!(KINDS.iter().all(|kind| with(kind, "").is_ok()));
}

#[test]
fn contracts_see_the_documented_variables() {
    let macros = Macros::new("duckdb", Vec::new()).unwrap();
    let hour = presscheck::calendar::Interval {
        start: "2026-11-16T10:00[Europe/London]".parse().unwrap(),
        end: "2026-11-16T11:00[Europe/London]".parse().unwrap(),
    };
    let week = presscheck::calendar::Interval {
        start: "2026-10-19T00:00[Europe/London]".parse().unwrap(),
        end: "2026-10-26T00:00[Europe/London]".parse().unwrap(),
    };
    let all = Variables { interval: Some(&week), model: Some("\"m\""), sides: Some(("\"l\"", "\"r\"")) };
    let cases = [
        ("a >= {{ interval.start }} and a < {{interval.end}}", all),
        ("a >= {{ interval.start }}", Variables { interval: Some(&hour), ..all }),
        ("select * from {{ model }}, {{ left }}, {{ right }}\n", all),
        ("no template at all", all),
        ("{{ interval.start }}", Variables::default()),
        ("{{ interval.middle }}", all),
        ("{{ intervall.start }}", all),
        ("{{ 1 + }}", all),
        ("{{ model | upper }}", all),
        ("{{ range(3) }}", all),
        ("{% if true %}x{% endif %}", all),
        ("a {# not a comment #}", all),
        ("{{ 'x' * 1000000000 }}", all),
    ];
    let render = |(text, variables): &(&str, Variables<'_>)| {
        let rendered = macros.text(&At::nowhere((*text).to_owned()), *variables);
        format!("{text} -> {}\n", rendered.unwrap_or_else(|finding| finding.to_string()))
    };
    insta::assert_snapshot!(cases.iter().map(render).collect::<String>());
}

#[test]
fn sqlite_compares_times_as_texts() {
    let hour = presscheck::calendar::Interval {
        start: "2026-11-16T10:00[Europe/London]".parse().unwrap(),
        end: "2026-11-17T00:00[Europe/London]".parse().unwrap(),
    };
    let variables = Variables { interval: Some(&hour), ..Variables::default() };
    let text = |dialect: &str| {
        let macros = Macros::new(dialect, Vec::new()).unwrap();
        macros.text(&At::nowhere("{{ interval.start }} {{ interval.end }}".to_owned()), variables).unwrap()
    };
    assert_eq!(text("sqlite"), "'2026-11-16 10:00:00' '2026-11-17 00:00:00'");
    assert_eq!(text("spark"), "timestamp '2026-11-16 10:00:00' timestamp '2026-11-17 00:00:00'");
}

#[test]
fn nothing_gets_out_of_the_quotes() {
    let names = ["a", "Amount", "\"Amount\"", "a\"b", "a\"; drop table t; --", "", " ", "a\nb", "select", "`a`", "a`b", "ä", "1a"];
    let texts = ["a", "it's", "\\", "\\'", "a\nb", "'; drop table t; --", "\0"];
    let mut lines = String::new();
    for dialect in ["duckdb", "postgres", "snowflake", "bigquery"] {
        let shown = |quoted: Option<String>| quoted.unwrap_or_else(|| "refused".into()).replace('\n', "⏎");
        let names: Vec<String> = names.iter().map(|name| shown(identifier(name, dialect))).collect();
        let texts: Vec<String> = texts.iter().map(|text| shown(literal(text, dialect))).collect();
        lines += &format!("{dialect}: {}\n    {}\n", names.join("  "), texts.join("  "));
    }
    insta::assert_snapshot!(lines);
}
