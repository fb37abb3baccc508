//! Kinds of check that a project defines: in a contract, in what lint says, in the plan, the lineage, the schema and the decision, like a built-in one.

use std::fs;
use std::path::Path;

use crate::commands::{copy, run};

/// Templates beside the two of `kinds/macros`, what a contract says with them, and the command.
struct Case {
    name: &'static str,
    templates: &'static [(&'static str, &'static str)],
    check: &'static str,
    command: &'static [&'static str],
    /// Of a long answer only the lines with one of these.
    shown: &'static [&'static str],
}

const FINE: &str = "costly_clicks: {model: stg_ad_spend, spent: ad_spend, clicks: clicks, most: 1000}";
const HEAD: &str = "{#-\nabout: Fine.\nmeasures: {bad: count}\n-#}";

const CASES: &[Case] = &[
    Case { name: "a sound check", templates: &[], check: FINE, command: &["lint"], shown: &["costly", " x ", "checked"] },
    Case {
        name: "its defaults",
        templates: &[],
        check: "costly_clicks: {model: stg_ad_spend, spent: ad_spend, clicks: clicks, severity: warn}",
        command: &["explain", "ad_spend"],
        shown: &["clicks"],
    },
    Case { name: "a pass is evidence", templates: &[], check: FINE, command: &["check", "--format", "json"], shown: &["costly_clicks"] },
    Case {
        name: "another relation",
        templates: &[],
        check: "silent_groups: {model: stg_ad_spend, group: platform, day: spend_date, listed_in: ads.spend, only: [google, bing], name: silence}",
        command: &["check", "--format", "json"],
        shown: &["silence"],
    },
    Case { name: "in the plan", templates: &[], check: FINE, command: &["plan", "--sql"], shown: &["costly", "highest"] },
    Case {
        name: "in the lineage: what its SQL reads",
        templates: &[],
        check: "silent_groups: {model: stg_ad_spend, group: platform, day: spend_date, listed_in: ads.spend, name: silence}",
        command: &["lineage", "ad_spend", "--depth", "9"],
        shown: &["silence"],
    },
    Case {
        name: "in the schema",
        templates: &[],
        check: FINE,
        command: &["schema"],
        shown: &["costly_clicks", "price of one", "silent_groups"],
    },
    Case {
        name: "nearest names",
        templates: &[],
        check: "costly_click: {model: stg_ad_spend, spend: ad_spend, clicks: clicks}",
        command: &["lint"],
        shown: &["help", " x "],
    },
    Case {
        name: "what is missing, of another type, unknown",
        templates: &[],
        check: "costly_clicks: {model: stg_ad_spend, spent: ad_spent, most: cheap, free: 7, colour: red}",
        command: &["lint"],
        shown: &["error", "help", " x "],
    },
    Case {
        name: "thresholds and all shared keys",
        templates: &[],
        check: "costly_clicks: {model: stg_ad_spend, spent: ad_spend, clicks: clicks, name: clicks_cost, title: Clicks, where: \"platform = 'google'\", warn_if: '> 0', hold_if: '> 50%', unit: rows, recover: Ask., min_rows: 1}",
        command: &["check", "--format", "json"],
        shown: &["clicks_cost"],
    },
    Case {
        name: "a kind that is none",
        templates: &[("costly_clik", "{% macro default__bad(check, relations) %}0{% endmacro %}")],
        check: FINE,
        command: &["lint"],
        shown: &["PC2", " x ", "-["],
    },
    Case {
        name: "a head that is wrong",
        templates: &[(
            "odd",
            "{#-\nabout: Odd.\narguments:\n  model: {type: text, about: x}\n  few: {type: choice, about: y}\n  much: {type: whole, about: z, default: 1.5}\n  many: {type: number, about: z, of: [a]}\nmeasures: {bad: number}\n-#}",
        )],
        check: FINE,
        command: &["lint"],
        shown: &["PC2", "help", " x ", "error"],
    },
    Case {
        name: "a head with a key that it does not have",
        templates: &[("odd", "{#-\nabout: Odd.\nargument: {}\nmeasures: {}\n-#}")],
        check: FINE,
        command: &["lint"],
        shown: &["error", "help", " x "],
    },
    Case {
        name: "no query",
        templates: &[(
            "odd",
            "{#-\nabout: Odd.\nmeasures: {bad: count}\n-#}\n{% macro default__query(check, relations) %}delete from {{ relations[0] }}{% endmacro %}",
        )],
        check: "odd: {model: stg_orders}",
        command: &["plan"],
        shown: &["PC2", " x ", "-["],
    },
    Case {
        name: "two statements",
        templates: &[(
            "odd",
            "{#-\nabout: Odd.\nmeasures: {bad: count}\n-#}\n{% macro default__query(check, relations) %}select 1, 0; drop table x{% endmacro %}",
        )],
        check: "odd: {model: stg_orders}",
        command: &["check"],
        shown: &["PC2", " x ", "-["],
    },
    Case {
        name: "an expression that is more",
        templates: &[(
            "odd",
            "{#-\nabout: Odd.\nmeasures: {bad: count}\n-#}\n{% macro default__bad(check, relations) %}0 from x; drop table x{% endmacro %}",
        )],
        check: "odd: {model: stg_orders}",
        command: &["plan"],
        shown: &["PC2", " x ", "-["],
    },
    Case {
        name: "no macro for the measure",
        templates: &[("odd", HEAD)],
        check: "odd: {model: stg_orders}",
        command: &["plan"],
        shown: &["PC2", " x ", "-["],
    },
    Case {
        name: "a template that never ends",
        templates: &[(
            "odd",
            "{#-\nabout: Odd.\nmeasures: {bad: count}\n-#}\n{% macro default__bad(check, relations) %}{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}{% endmacro %}",
        )],
        check: "odd: {model: stg_orders}",
        command: &["plan"],
        shown: &["PC2", "help", " x "],
    },
    Case {
        name: "a measure that is NULL is no pass",
        templates: &[(
            "odd",
            "{#-\nabout: Odd.\nmeasures: {bad: count}\n-#}\n{% macro default__bad(check, relations) %}max(case when 1 = 0 then 1 end){% endmacro %}",
        )],
        check: "odd: {model: mart_weekly_operating_report, name: odd_check}",
        command: &["check"],
        shown: &["odd"],
    },
];

#[test]
fn kinds_of_a_project_work_like_built_in_ones() {
    let sample = tempfile::tempdir().unwrap();
    run(&["demo", "--into", "bikes"], sample.path());
    let mut told = String::new();
    for case in CASES {
        let folder = tempfile::tempdir().unwrap();
        copy(&sample.path().join("bikes"), folder.path());
        prepare(folder.path(), case);
        let at = ["--as-of", "2026-11-23T11:40:00+00:00"];
        let dated = |command: &[&'static str]| matches!(command[0], "check" | "lint" | "plan").then_some(at).into_iter().flatten();
        if case.command[0] == "explain" {
            run(&["check", "--as-of", at[1]], folder.path());
        }
        let command: Vec<&str> = case.command.iter().copied().chain(dated(case.command)).collect();
        let (code, text) = run(&command, folder.path());
        let json = case.command.contains(&"json");
        let text = if json { records(&text, case.shown) } else { text };
        let lines = text.lines().filter(|line| json || case.shown.iter().any(|shown| line.contains(shown)));
        told += &format!(
            "== {}\n{}: ends with {code:?}\n{}\n",
            case.name,
            case.check,
            lines.map(|line| format!("    {line}\n")).collect::<String>()
        );
    }
    insta::assert_snapshot!("kinds_of_a_project", told);
}

/// The checks of a decision whose name is one of these, each on a line.
fn records(text: &str, names: &[&str]) -> String {
    let Some(start) = text.find('{') else { return text.to_owned() };
    let told: serde_json::Value = serde_json::Deserializer::from_str(&text[start..]).into_iter().next().unwrap().unwrap();
    let Some(checks) = told["decisions"][0]["checks"].as_array() else { return text.to_owned() };
    let checks = checks.iter();
    let named = checks.filter(|check| names.iter().any(|name| check["id"].as_str().unwrap().contains(name)));
    named
        .map(|check| {
            format!(
                "{} {} `{}` on {}: {} {} {} reaches {}\n",
                check["kind"],
                check["id"],
                check["title"],
                check["about"],
                check["outcome"],
                check["detail"],
                check["measured"],
                check["reaches"]
            )
        })
        .collect()
}

fn prepare(folder: &Path, case: &Case) {
    let macros = folder.join("contracts/macros");
    fs::create_dir_all(&macros).unwrap();
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kinds/macros")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), macros.join(file.file_name())).unwrap();
    }
    for (name, text) in case.templates {
        fs::write(macros.join(format!("{name}.sql")), text).unwrap();
    }
    let contract = folder.join("contracts/weekly_operating_report.yml");
    let text = fs::read_to_string(&contract).unwrap();
    fs::write(contract, text.replace("checks:\n", &format!("checks:\n  - {}\n", case.check))).unwrap();
}
