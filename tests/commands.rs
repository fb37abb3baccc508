//! Exit codes and remedies of the commands, through the program: what a user did, and what must come back.

use std::fs;
use std::path::Path;
use std::process::Command;

const AS_OF: &str = "2026-11-23T11:40:00+00:00";

/// One thing that goes wrong (or not): what is done to the sample, the command, its exit code, and words that its output must have.
struct Case {
    name: &'static str,
    done: fn(&Path),
    command: &'static [&'static str],
    exit_code: i32,
    says: &'static [&'static str],
}

/// Must never be shown.
const SECRET: &str = "s3cr3tpw";

const CONTRACT: &str = "contracts/weekly_operating_report.yml";

fn nothing(_: &Path) {}

fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = fs::read_to_string(&path).expect("a text file");
    assert!(text.contains(from), "{file} holds {from}");
    fs::write(path, text.replace(from, to)).expect("written");
}

/// What dbt writes after an invocation, reduced to one node.
fn run_results(folder: &Path, node: &str, status: &str) {
    let text = format!(
        r#"{{"metadata": {{"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json", "dbt_version": "1.12.6",
            "generated_at": "2026-11-23T07:00:00.000000Z", "invocation_id": "a6b1"}},
            "results": [{{"status": "{status}", "timing": [], "thread_id": "Thread-1", "execution_time": 0.0, "adapter_response": {{}},
            "message": null, "failures": null, "unique_id": "{node}"}}], "elapsed_time": 0.1, "args": {{}}}}"#
    );
    fs::write(folder.join("target/run_results.json"), text).expect("written");
}

const CASES: &[Case] = &[
    Case { name: "a held metric", done: nothing, command: &["check"], exit_code: 1, says: &["SKU cost mapping failed for 14 products"] },
    Case { name: "never fail", done: nothing, command: &["check", "--fail-on", "never"], exit_code: 0, says: &["hold"] },
    Case {
        name: "the warehouse is gone, and nothing moves 3",
        done: |folder| fs::remove_file(folder.join("brightside.duckdb")).expect("removed"),
        command: &["check", "--fail-on", "never"],
        exit_code: 3,
        says: &["could not be"],
    },
    Case {
        name: "selecting less never publishes more",
        done: nothing,
        command: &["check", "--select", "stg_orders"],
        exit_code: 3,
        says: &["✗ hold     Gross revenue"],
    },
    Case { name: "a selector that matches nothing", done: nothing, command: &["check", "--select", "stg_ordres"], exit_code: 2, says: &[] },
    Case {
        name: "no manifest",
        done: |folder| fs::remove_file(folder.join("target/manifest.json")).expect("removed"),
        command: &["check"],
        exit_code: 3,
        says: &["dbt compile"],
    },
    Case {
        name: "half a manifest",
        done: |folder| {
            let path = folder.join("target/manifest.json");
            let bytes = fs::read(&path).expect("a manifest");
            fs::write(path, &bytes[..bytes.len() / 2]).expect("written");
        },
        command: &["check"],
        exit_code: 3,
        says: &["manifest.json"],
    },
    Case {
        name: "a model edited after the manifest was made",
        done: |folder| edit(folder, "models/staging/stg_orders.sql", "select", "select distinct"),
        command: &["check"],
        exit_code: 1,
        says: &["older than the SQL of stg_orders"],
    },
    Case {
        name: "dbt skipped a mart, so yesterday's rows stand in it",
        done: |folder| run_results(folder, "model.brightside.mart_weekly_operating_report", "skipped"),
        command: &["check"],
        exit_code: 1,
        says: &["✗ hold     Gross revenue", "did not build mart_weekly_operating_report"],
    },
    Case {
        name: "dbt skipped a model that the report does not stand on",
        done: |folder| run_results(folder, "model.brightside.mart_customers", "error"),
        command: &["check"],
        exit_code: 1,
        says: &["✓ publish  Gross revenue"],
    },
    Case {
        name: "run results that are cut off",
        done: |folder| fs::write(folder.join("target/run_results.json"), "{\"metadata\":").expect("written"),
        command: &["check"],
        exit_code: 1,
        says: &["✗ hold     Gross revenue", "what dbt last built is not known"],
    },
    Case {
        name: "a model's file is gone",
        done: |folder| fs::remove_file(folder.join("models/intermediate/int_order_margin.sql")).expect("removed"),
        command: &["check"],
        exit_code: 1,
        says: &["✗ hold     Gross revenue", "older than the SQL of int_order_margin"],
    },
    Case {
        name: "profiles.yml is broken beside a secret",
        done: |folder| fs::write(folder.join("profiles.yml"), format!("brightside: [\n  password: {SECRET}\n")).expect("written"),
        command: &["check"],
        exit_code: 2,
        says: &["profiles.yml:"],
    },
    Case {
        name: "profiles.yml wants a variable beside a secret",
        done: |folder| {
            let text = format!(
                "brightside:\n  target: dev\n  outputs:\n    dev:\n      type: duckdb\n      password: {SECRET}\n      path: \"{{{{ env_var('PC_UNSET') }}}}\"\n"
            );
            fs::write(folder.join("profiles.yml"), text).expect("written");
        },
        command: &["check"],
        exit_code: 2,
        says: &["PC_UNSET", "profiles.yml:"],
    },
    Case {
        name: "two contracts of one name",
        done: |folder| {
            fs::copy(folder.join(CONTRACT), folder.join("contracts/copy.yml")).expect("copied");
        },
        command: &["lint"],
        exit_code: 2,
        says: &["too", "contracts/copy.yml"],
    },
    Case {
        name: "a sample that was edited is not overwritten",
        done: |folder| edit(folder, CONTRACT, "tolerance: {", "tolerance:  {"),
        command: &["demo", "--into", "."],
        exit_code: 2,
        says: &["weekly_operating_report.yml", "--force"],
    },
    Case {
        name: "a typo in the contract",
        done: |folder| edit(folder, CONTRACT, "hold_if: \"> 10\"", "hold_fi: \"> 10\""),
        command: &["check"],
        exit_code: 2,
        says: &["hold_fi", "hold_if"],
    },
    Case {
        name: "a program hears of a typo as JSON",
        done: |folder| edit(folder, CONTRACT, "hold_if: \"> 10\"", "hold_fi: \"> 10\""),
        command: &["check", "--format", "json"],
        exit_code: 2,
        says: &["\"exit_code\": 2", "\"line\": 7"],
    },
    Case {
        name: "no contract at all",
        done: |folder| fs::remove_file(folder.join(CONTRACT)).expect("removed"),
        command: &["check"],
        exit_code: 2,
        says: &["nothing to check"],
    },
    Case { name: "an unknown profile target", done: nothing, command: &["check", "--target", "prod"], exit_code: 2, says: &["prod"] },
    Case { name: "a contract that is right", done: nothing, command: &["lint"], exit_code: 0, says: &["1 contract checked: 0 errors"] },
    Case {
        name: "nothing to explain yet",
        done: |folder| fs::remove_dir_all(folder.join("target/presscheck")).expect("removed"),
        command: &["explain", "gross_revenue"],
        exit_code: 3,
        says: &["presscheck check"],
    },
    Case {
        name: "an explanation",
        done: nothing,
        command: &["explain", "contribution_margin"],
        exit_code: 0,
        says: &["int_order_margin.unit_cost", "Recover: Add the missing SKUs"],
    },
    Case { name: "a metric that is not", done: nothing, command: &["explain", "gross_revenu"], exit_code: 2, says: &["gross_revenue"] },
    Case {
        name: "a plan",
        done: nothing,
        command: &["plan", "--sql"],
        exit_code: 0,
        says: &["sku_cost_mapping", "select", "not executed"],
    },
    Case {
        name: "lineage of a metric",
        done: nothing,
        command: &["lineage", "contribution_margin"],
        exit_code: 0,
        says: &["int_order_margin.unit_cost", "<- sku_cost_mapping"],
    },
    Case {
        name: "lineage of a column that is not",
        done: nothing,
        command: &["lineage", "stg_orders.order_dat"],
        exit_code: 2,
        says: &["order_date"],
    },
    Case {
        name: "lineage of a model, with the checks on it",
        done: nothing,
        command: &["lineage", "stg_sku_costs"],
        exit_code: 0,
        says: &["stg_sku_costs.sku  <- dbt:not_null_stg_sku_costs_sku", "erp.sku_costs and sku_costs are one table"],
    },
    Case {
        name: "a tree that is cut says so",
        done: nothing,
        command: &["lineage", "contribution_margin", "--depth", "1"],
        exit_code: 0,
        says: &["more upstream (--depth)"],
    },
    Case {
        name: "the whole project at a glance",
        done: nothing,
        command: &["lineage", "--all"],
        exit_code: 0,
        says: &["26 models: 26 wholly known, 0 partly assumed, 0 assumed"],
    },
    Case {
        name: "the whole project for Graphviz",
        done: nothing,
        command: &["lineage", "--all", "--format", "dot"],
        exit_code: 0,
        says: &["digraph lineage {", "label=\"mart_weekly_operating_report\""],
    },
    Case {
        name: "a metric for OpenLineage",
        done: nothing,
        command: &["lineage", "ad_spend", "--format", "openlineage", "--namespace", "bikes"],
        exit_code: 0,
        says: &["\"namespace\":\"bikes\",\"name\":\"model.brightside.stg_ad_spend\"", "2026-11-23T06:30:00Z"],
    },
    Case {
        name: "lineage of a project without models",
        done: |folder| {
            let text = r#"{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"}, "nodes": {}}"#;
            fs::write(folder.join("target/manifest.json"), text).expect("written");
        },
        command: &["lineage", "--all"],
        exit_code: 2,
        says: &["no model", "--manifest"],
    },
    Case {
        name: "lines of one model",
        done: nothing,
        command: &["lineage", "stg_orders", "--format", "lines"],
        exit_code: 2,
        says: &["--all --format lines"],
    },
    Case {
        name: "half a lineage for a program",
        done: nothing,
        command: &["lineage", "stg_orders", "--format", "json", "--depth", "2"],
        exit_code: 2,
        says: &["--depth is for tree, mermaid and dot"],
    },
    Case {
        name: "what no check watches",
        done: nothing,
        command: &["lineage", "--blind-spots"],
        exit_code: 0,
        says: &["ad_spend: no check watches\n  ads.spend: spend_date\n", "erp.sku_costs: unit_cost"],
    },
    Case {
        name: "a check that is not asked watches nothing",
        done: |folder| edit(folder, CONTRACT, "{select: upstream}", "{select: upstream, use: results}"),
        command: &["lineage", "--blind-spots", "gross_revenue"],
        exit_code: 0,
        says: &["stg_calendar_weeks: week_start", "are not asked, so they watch nothing: dbt:"],
    },
    Case {
        name: "blind spots of a metric, for a program",
        done: nothing,
        command: &["lineage", "--blind-spots", "contribution_margin", "--format", "json"],
        exit_code: 0,
        says: &["\"relation\": \"source.brightside.erp.sku_costs\"", "\"unresolved\": null"],
    },
    Case {
        name: "blind spots of a metric that is not",
        done: nothing,
        command: &["lineage", "--blind-spots", "gross_revenu"],
        exit_code: 2,
        says: &["did you mean `gross_revenue`?"],
    },
    Case {
        name: "blind spots as a picture",
        done: nothing,
        command: &["lineage", "--blind-spots", "--format", "dot"],
        exit_code: 2,
        says: &["--blind-spots --format json"],
    },
    Case {
        name: "an exposure without a contract",
        done: nothing,
        command: &["check", "--exposure", "weekly_operating_report"],
        exit_code: 0,
        says: &["publish"],
    },
];

#[test]
fn commands_end_as_users_are_told() {
    let mut wrong = String::new();
    let sample = tempfile::tempdir().expect("a folder");
    run(&["demo", "--into", "bikes"], sample.path());
    for case in CASES {
        let folder = tempfile::tempdir().expect("a folder");
        copy(&sample.path().join("bikes"), folder.path());
        (case.done)(folder.path());
        let mut command = case.command.to_vec();
        if command[0] == "check" || command[0] == "plan" {
            command.extend(["--as-of", AS_OF]);
        }
        let (code, text) = run(&command, folder.path());
        let unsaid: Vec<&&str> = case.says.iter().filter(|words| !text.contains(**words)).collect();
        if code != Some(case.exit_code) || !unsaid.is_empty() || text.contains("panicked") || text.contains(SECRET) {
            wrong += &format!("{}: ended with {code:?}, did not say {unsaid:?}:\n{text}\n", case.name);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What people see of the sample's lineage.
#[test]
fn lineage_of_the_sample() {
    let sample = tempfile::tempdir().expect("a folder");
    run(&["demo", "--into", "bikes"], sample.path());
    let asked: [&[&str]; 4] = [
        &["lineage", "contribution_margin", "--quiet"],
        &["lineage", "stg_ad_spend.ad_spend", "--quiet"],
        &["lineage", "ad_spend", "--quiet", "--depth", "2", "--format", "mermaid"],
        &["lineage", "--blind-spots", "--quiet"],
    ];
    let told = asked.map(|command| format!("$ presscheck {}\n{}", command.join(" "), run(command, &sample.path().join("bikes")).1));
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_decision_that_nobody_could_read_is_no_success() {
    let folder = tempfile::tempdir().expect("a folder");
    run(&["demo", "--into", "bikes", "--monday", "all_landed"], folder.path());
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("a full disk");
    let check = ["check", "--as-of", AS_OF];
    let output = Command::new(env!("CARGO_BIN_EXE_presscheck")).args(check).current_dir(folder.path().join("bikes")).stdout(full).output();
    assert_eq!(output.expect("the program starts").status.code(), Some(3));
}

fn run(arguments: &[&str], folder: &Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_presscheck")).args(arguments).current_dir(folder).output().expect("the program starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in from.read_dir().expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}
