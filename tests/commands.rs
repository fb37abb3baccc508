//! Exit codes and remedies of the commands, through the program: what a user did, and what must come back.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

pub const AS_OF: &str = "2026-11-23T11:40:00+00:00";

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
        name: "an object that is no manifest is as unreadable as half of one",
        done: |folder| fs::write(folder.join("target/manifest.json"), "{}").expect("written"),
        command: &["check"],
        exit_code: 3,
        says: &["PC301"],
    },
    Case {
        name: "a macro folder that is named and not there",
        done: |folder| fs::write(folder.join("presscheck.yml"), "macros: [contracts/makros]\n").expect("written"),
        command: &["lint"],
        exit_code: 2,
        says: &["PC025", "presscheck.yml:1:", "contracts/makros"],
    },
    Case {
        name: "a contract folder that is named and not there, beside one that is",
        done: |folder| fs::write(folder.join("presscheck.yml"), "contracts: [contracts, more]\n").expect("written"),
        command: &["check"],
        exit_code: 2,
        says: &["PC025", "`more`"],
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
        name: "advice is no error",
        done: |folder| edit(folder, CONTRACT, "  - source: erp.sku_costs\n", "  - source: ga4.sessions\n  - source: erp.sku_costs\n"),
        command: &["lint"],
        exit_code: 0,
        says: &["PC243", "`ga4.sessions` feeds no metric", "1 contract checked: 0 errors, 1 warning"],
    },
    Case {
        name: "advice that is to fail",
        done: |folder| edit(folder, CONTRACT, "  - source: erp.sku_costs\n", "  - source: ga4.sessions\n  - source: erp.sku_costs\n"),
        command: &["lint", "--fail-on", "warning"],
        exit_code: 1,
        says: &["PC243"],
    },
    Case {
        name: "advice set aside, with its reason",
        done: |folder| {
            let ignored = "  - source: ga4.sessions # presscheck: ignore PC243 because sessions come next\n  - source: erp.sku_costs\n";
            edit(folder, CONTRACT, "  - source: erp.sku_costs\n", ignored);
        },
        command: &["lint", "--fail-on", "note"],
        exit_code: 0,
        says: &["0 errors, 0 warnings"],
    },
    Case {
        name: "a line with a secret is not shown again",
        done: |folder| edit(folder, CONTRACT, "promise: >", &format!("promise: > # password: {SECRET}")),
        command: &["lint"],
        exit_code: 0,
        says: &["PC255", "this looks like a password"],
    },
    Case {
        name: "an exposure that nobody guards",
        done: |folder| edit(folder, CONTRACT, "exposure: weekly_operating_report", "title_of: x"),
        command: &["lint", "--format", "json"],
        exit_code: 2,
        says: &["title_of", "PC254"],
    },
    Case {
        name: "a baseline is written, and nothing new is left",
        done: |folder| edit(folder, CONTRACT, "  - source: erp.sku_costs\n", "  - source: ga4.sessions\n  - source: erp.sku_costs\n"),
        command: &["lint", "--write-baseline", "old.json"],
        exit_code: 0,
        says: &["1 finding set aside in old.json", "0 errors, 0 warnings"],
    },
    Case {
        name: "a baseline that is mended",
        done: |folder| {
            let old = r#"{"format": 1, "findings": [{"code": "PC243", "file": "contracts/c.yml", "message": "gone", "count": 2}]}"#;
            fs::write(folder.join("old.json"), old).expect("written");
        },
        command: &["lint", "--baseline", "old.json"],
        exit_code: 0,
        says: &["PC258", "2 findings of this baseline are there no more"],
    },
    Case {
        name: "a baseline that is none",
        done: |folder| fs::write(folder.join("old.json"), "[]").expect("written"),
        command: &["lint", "--baseline", "old.json"],
        exit_code: 2,
        says: &["PC408", "--write-baseline"],
    },
    Case {
        name: "no manifest, and the hook goes on",
        done: |folder| {
            fs::remove_file(folder.join("target/manifest.json")).expect("removed");
            edit(folder, CONTRACT, "hold_if: \"> 10\"", "hold_fi: \"> 10\"");
        },
        command: &["lint", "--allow-no-manifest", CONTRACT],
        exit_code: 2,
        says: &["hold_fi", "names were checked against the project's files, and lineage was not checked"],
    },
    Case {
        name: "no manifest, and nobody allowed that",
        done: |folder| fs::remove_file(folder.join("target/manifest.json")).expect("removed"),
        command: &["lint", CONTRACT],
        exit_code: 3,
        says: &["dbt compile"],
    },
    Case {
        name: "lint for code scanning, of a project that is not there",
        done: |folder| fs::remove_file(folder.join("dbt_project.yml")).expect("removed"),
        command: &["lint", "--format", "sarif"],
        exit_code: 2,
        says: &["\"ruleId\": \"PC020\""],
    },
    Case {
        name: "a rule",
        done: nothing,
        command: &["rule", "pc243"],
        exit_code: 0,
        says: &["PC243 idle-source", "To mend it", "# presscheck: ignore PC243 because"],
    },
    Case { name: "all rules", done: nothing, command: &["rule"], exit_code: 0, says: &["PC001  yaml-syntax", "PC501  held"] },
    Case {
        name: "a rule that is none",
        done: nothing,
        command: &["rule", "idle-sorce"],
        exit_code: 2,
        says: &["did you mean `idle-source`?"],
    },
    Case {
        name: "a decision for GitHub",
        done: nothing,
        command: &["check", "--format", "github"],
        exit_code: 1,
        says: &["::error file=contracts/weekly_operating_report.yml,title=presscheck PC501::Contribution margin is not safe"],
    },
    Case {
        name: "a decision for a test report",
        done: nothing,
        command: &["check", "--format", "junit"],
        exit_code: 1,
        says: &["<testcase name=\"contribution_margin\" classname=\"weekly_operating_report.metrics\"", "type=\"hold\""],
    },
    Case {
        name: "a decision for a comment",
        done: nothing,
        command: &["check", "--format", "markdown"],
        exit_code: 1,
        says: &["### Weekly Operating Performance Report: partial", "| ✗ hold | Contribution margin | "],
    },
    Case {
        name: "nothing decided, for GitHub",
        done: |folder| fs::remove_file(folder.join("target/manifest.json")).expect("removed"),
        command: &["check", "--format", "github"],
        exit_code: 3,
        says: &["::error file=target/manifest.json,title=presscheck PC021::"],
    },
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
        name: "what contracts there are",
        done: nothing,
        command: &["list"],
        exit_code: 0,
        says: &[
            "Weekly Operating Performance Report (weekly_operating_report, ",
            "By 12:00 every Monday",
            "Operations (ops@brightside.example)",
            "next      2026-11-23 12:00 GMT",
            "a rehearsal",
        ],
    },
    Case {
        name: "what contracts there are, for a page",
        done: |folder| edit(folder, CONTRACT, "version: 1\n", "version: 1\ntier: experiment\n"),
        command: &["list", "--format", "markdown"],
        exit_code: 0,
        says: &["| report | tier |", "| experiment |", "2026-11-23 12:00 GMT"],
    },
    Case {
        name: "a contract that cannot be read is said, and the others are listed",
        done: |folder| fs::write(folder.join("contracts/broken.yml"), "version: 1\ncontract: broken\nmetrics: 3\n").expect("written"),
        command: &["list", "--format", "json"],
        exit_code: 2,
        says: &["\"contract\": \"weekly_operating_report\"", "broken.yml"],
    },
    Case {
        name: "a recovery that says nothing",
        done: |folder| edit(folder, CONTRACT, "version: 1\n", "version: 1\nrecovery: \" \"\n"),
        command: &["check"],
        exit_code: 2,
        says: &["`recovery` says nothing"],
    },
    Case { name: "a plan", done: nothing, command: &["plan", "--sql"], exit_code: 0, says: &["sku_cost_mapping", "select", "ready by"] },
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
        name: "tests whose results are read watch what they stand on",
        done: |folder| edit(folder, CONTRACT, "{select: upstream}", "{select: upstream, use: results}"),
        command: &["lineage", "--blind-spots", "gross_revenue"],
        exit_code: 0,
        says: &["gross_revenue: no check watches\n  calendar_weeks: rows lost\n"],
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
        if ["check", "lint", "list", "plan"].contains(&command[0]) {
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

fn git(folder: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=Test", "-c", "user.email=test@brightside.example", "-c", "init.defaultBranch=main"];
    let output = Command::new("git").args(identity).args(arguments).current_dir(folder).output().expect("git starts");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The sample in a repository: the project in a folder of it, what is committed and what is edited since.
#[test]
fn a_change_is_compared_with_what_git_has() {
    let folder = tempfile::tempdir().expect("a folder");
    run(&["demo", "--into", "analytics"], folder.path());
    let project = folder.path().join("analytics");
    fs::write(project.join(".gitignore"), "*.duckdb\ntarget/\n").expect("written");
    git(folder.path(), &["init", "-q"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-q", "-m", "as it was"]);
    // What a repository could make git run is not run.
    let canary = folder.path().join("canary");
    let hook = format!("#!/bin/sh\ntouch {}\n", canary.display());
    for name in ["post-checkout", "fsmonitor-watchman", "post-index-change"] {
        fs::write(folder.path().join(".git/hooks").join(name), &hook).expect("a hook");
    }
    for (key, value) in [
        ("core.fsmonitor", ".git/hooks/fsmonitor-watchman"),
        ("filter.x.smudge", "touch canary"),
        ("core.pager", "touch canary"),
        ("core.sshCommand", "touch canary"),
    ] {
        git(folder.path(), &["config", key, value]);
    }
    edit(&project, CONTRACT, "hold_if: \"> 10\"", "hold_if: \"> 20\"");

    let (code, told) = run(&["diff", "main", "--as-of", AS_OF], &project);
    assert_eq!(code, Some(0), "{told}");
    for words in [
        "Contribution margin: loosened (Finance, finance@brightside.example)",
        "hold_if `> 10` becomes `> 20`",
        "untouched: Gross revenue",
        "1 metric loosened, 0 broken, 0 tightened",
        "note: main has no manifest",
    ] {
        assert!(told.contains(words), "{words}:\n{told}");
    }
    let (code, told) = run(&["diff", "HEAD", "--as-of", AS_OF, "--fail-on", "broken,loosened", "--format", "markdown"], &project);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("| Contribution margin | **loosened** | loosened: SKU cost mapping"), "{told}");
    let (code, told) = run(&["diff", "HEAD", "--as-of", AS_OF, "--fail-on", "tightened"], &project);
    assert_eq!(code, Some(0), "{told}");

    git(folder.path(), &["commit", "-q", "-a", "-m", "as it is"]);
    let (code, told) = run(&["diff", "HEAD", "HEAD~1", "--as-of", AS_OF, "--fail-on", "tightened", "--format", "json"], &project);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("\"tightened\": true") && !told.contains("\"loosened\": true"), "{told}");

    for (reference, says) in [("no_such_branch", "PC441"), ("--output=canary", "PC441"), ("HEAD:analytics", "PC441")] {
        let (code, told) = run(&["diff", "--", reference], &project);
        assert_eq!(code, Some(2), "{told}");
        assert!(told.contains(says), "{told}");
    }
    edit(&project, CONTRACT, "hold_if: \"> 20\"", "hold_fi: \"> 20\"");
    let (code, told) = run(&["diff", "HEAD", "--as-of", AS_OF], &project);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("hold_fi") && !canary.exists(), "{told}");
    let left = std::env::temp_dir().read_dir().expect("a folder").flatten();
    let left: Vec<_> = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("presscheck-")).collect();
    assert!(left.iter().all(|entry| !entry.path().join("contracts").join("weekly_operating_report.yml").exists()), "{left:?}");
}

/// Two folders, each with artifacts of its own: then the SQL beneath counts, too.
#[test]
fn two_projects_are_compared_with_their_sql() {
    let folder = tempfile::tempdir().expect("a folder");
    run(&["demo", "--into", "old"], folder.path());
    copy(&folder.path().join("old"), &folder.path().join("new"));
    let manifest = folder.path().join("new/target/manifest.json");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    let margin = "order_lines.quantity * sku_costs.unit_cost as cost";
    assert!(text.contains(margin));
    fs::write(&manifest, text.replace(margin, "order_lines.quantity * 2 as cost")).expect("written");
    fs::remove_file(folder.path().join("new/target/catalog.json")).expect("removed");
    fs::remove_file(folder.path().join("old/target/catalog.json")).expect("removed");
    let (code, told) = run(&["diff", "old", "new", "--project-dir", "new", "--as-of", AS_OF, "--fail-on", "any"], folder.path());
    assert_eq!(code, Some(1), "{told}");
    for words in ["SKU cost mapping (`sku_cost_mapping`) no longer reaches it", "int_order_margin (changed): reaches", "the report "] {
        assert!(told.contains(words), "{words}:\n{told}");
    }
}

/// What `init` writes for the sample is a contract that lints clean, is planned, and is not written over.
#[test]
fn a_first_contract_lints_clean() {
    let folder = tempfile::tempdir().expect("a folder");
    run(&["demo", "--into", "bikes"], folder.path());
    let bikes = folder.path().join("bikes");
    fs::remove_dir_all(bikes.join("contracts")).expect("removed");
    let (code, told) = run(&["init"], &bikes);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("nobody to ask") && !bikes.join("contracts").exists() && !bikes.join("presscheck.yml").exists(), "{told}");
    let (code, told) = run(&["init", "--yes"], &bikes);
    assert_eq!(code, Some(0), "{told}");
    let written = fs::read_to_string(bikes.join(CONTRACT)).expect("a contract");
    insta::assert_snapshot!("a_first_contract", written);
    let (code, told) = run(&["lint", "--fail-on", "note"], &bikes);
    assert_eq!(code, Some(0), "{told}");
    let (code, told) = run(&["plan", "--as-of", AS_OF], &bikes);
    assert_eq!(code, Some(0), "{told}");
    let (code, told) = run(&["init", "--yes"], &bikes);
    assert!(code == Some(2) && told.contains("every exposure has a contract"), "{told}");
    let (code, told) = run(&["init", "--yes", "weekly_operating_report"], &bikes);
    assert!(code == Some(2) && told.contains("nothing is written over"), "{told}");
    assert_eq!(fs::read_to_string(bikes.join(CONTRACT)).expect("a contract"), written);
    let (code, told) = run(&["init", "--yes", "mart_customers"], &bikes);
    assert_eq!(code, Some(0), "{told}");
    let (code, told) = run(&["lint", "--fail-on", "warning"], &bikes);
    assert_eq!(code, Some(0), "{told}");
}

/// The hooks that pre-commit finds in this repository name the version and the command that there are.
#[test]
fn hooks_of_pre_commit_are_this_version() {
    let hooks: Vec<BTreeMap<String, serde_json::Value>> =
        yaml_serde::from_str(&fs::read_to_string(".pre-commit-hooks.yaml").expect("hooks")).expect("a list");
    assert_eq!(hooks.iter().map(|hook| hook["language"].as_str().expect("a language")).collect::<Vec<_>>(), ["python", "rust"]);
    let wheel = format!("presscheck=={}", env!("CARGO_PKG_VERSION"));
    assert!(fs::read_to_string("pyproject.toml").expect("a project").contains(&wheel), "pyproject.toml names {wheel}");
    let files = regex::Regex::new(hooks[0]["files"].as_str().expect("a pattern")).expect("a pattern");
    assert!(files.is_match("contracts/a.yml") && files.is_match("x/contracts/a.yaml") && !files.is_match("contracts/macros/a.sql"));
    let folder = tempfile::tempdir().expect("a folder");
    run(&["demo", "--into", "bikes"], folder.path());
    for hook in &hooks {
        let mut entry: Vec<&str> = hook["entry"].as_str().expect("a command").split(' ').skip(1).collect();
        entry.push("bikes/contracts/weekly_operating_report.yml");
        let (code, told) = run(&entry, folder.path());
        assert_eq!(code, Some(0), "{told}");
    }
}

/// Hooks name files from the root of a repository that holds the dbt project in a folder; GitHub names the file of the summary.
#[test]
fn files_of_a_project_below_are_linted_from_the_root() {
    let folder = tempfile::tempdir().expect("a folder");
    run(&["demo", "--into", "analytics"], folder.path());
    edit(folder.path(), "analytics/contracts/weekly_operating_report.yml", "max: 5000", "mx: 5000");
    let summary = folder.path().join("summary.md");
    let lint = ["lint", "--format", "github", "analytics/contracts/weekly_operating_report.yml"];
    let output =
        Command::new(env!("CARGO_BIN_EXE_presscheck")).args(lint).current_dir(folder.path()).env("GITHUB_STEP_SUMMARY", &summary).output();
    let output = output.expect("the program starts");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.starts_with("::error file=analytics/contracts/weekly_operating_report.yml,line="), "{told}");
    let summary = fs::read_to_string(summary).expect("a summary");
    assert!(summary.contains("| error | PC010 | `analytics/contracts/weekly_operating_report.yml:"), "{summary}");
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

pub fn run(arguments: &[&str], folder: &Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_presscheck")).args(arguments).current_dir(folder).output().expect("the program starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

pub fn copy(from: &Path, to: &Path) {
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
