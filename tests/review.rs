//! The weekly review, through the program: a history that real checks wrote, and what is said of it.

use std::fs;
use std::path::Path;
use std::process::Command;

/// What the checks of a contract are; thresholds and waivers differ from run to run.
fn contract(bikes: &Path, threshold: &str, more: &str) {
    let text = format!(
        "version: 1\ncontract: margins\ntitle: Margins\nowners: {{technical: {{team: Analytics}}}}\n\
         schedule: {{interval: day, ready_by: \"00:00\"}}\nmetrics:\n  margin: {{title: Margin, column: int_order_margin.unit_cost}}\n\
         checks:\n  - not_null: {{name: mapping, column: int_order_margin.unit_cost, count: sku, hold_if: \"{threshold}\"}}\n  - not_null: {{name: keys, column: int_order_margin.sku}}\n{more}"
    );
    fs::write(bikes.join("contracts/margins.yml"), text).unwrap();
}

fn presscheck(bikes: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_presscheck"))
        .args(arguments)
        .current_dir(bikes)
        .env_remove("DBT_PROFILES_DIR")
        .env_remove("DBT_PROJECT_DIR")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn review(bikes: &Path) -> serde_json::Value {
    let (code, out, errors) = presscheck(bikes, &["review", "margins", "--since", "2d", "--format", "json"]);
    assert_eq!(code, Some(0), "{errors}");
    serde_json::from_str::<serde_json::Value>(&out).unwrap()["reports"][0].clone()
}

#[test]
fn a_week_is_reviewed_from_what_real_checks_left() {
    let folder = tempfile::tempdir().unwrap();
    presscheck(folder.path(), &["demo", "--into", "bikes", "--quiet"]);
    let bikes = folder.path().join("bikes");
    fs::remove_file(bikes.join("contracts/weekly_operating_report.yml")).unwrap();

    contract(&bikes, "> 10", "");
    let before = review(&bikes);
    assert_eq!(before["decisions"], 0);
    let due = before["backfills"].as_array().unwrap();
    assert!(!due.is_empty() && due.iter().all(|one| one["why"] == "nothing was decided about it"), "{before}");

    // Held; let through by another threshold; held; waived; and what is measured never changes.
    let waiver =
        |until: &str| format!("waivers: [{{check: mapping, reason: Agreed., approved_by: ops@brightside.example, until: {until}}}]\n");
    let soon = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date() + jiff::Span::new().days(2);
    for (threshold, more, code) in [
        ("> 10", String::new(), 1),
        ("> 20", String::new(), 0),
        ("> 10", String::new(), 1),
        ("> 20", String::new(), 0),
        ("> 10", waiver("2999-01-01"), 0),
        ("> 10", waiver(&soon.to_string()), 0),
    ] {
        contract(&bikes, threshold, &more);
        let (ended, out, errors) = presscheck(&bikes, &["check", "margins"]);
        assert_eq!(ended, Some(code), "{threshold} {more}: {out}{errors}");
    }
    let after = review(&bikes);
    let of = |key: &str| after[key].as_array().unwrap().clone();
    assert_eq!((after["decisions"].clone(), of("failed").len(), after["without_document"].clone()), (6.into(), 2, 0.into()), "{after}");
    assert_eq!(of("late").len(), 6, "each was decided after midnight");
    assert_eq!(of("failed")[0]["checks"], serde_json::json!(["mapping"]));
    let kinds = |key: &str| of(key).iter().map(|one| one["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(kinds("noise"), ["overridden", "flapping"], "{after}");
    assert_eq!(kinds("waivers"), ["ends_soon", "repeated"], "{after}");
    assert_eq!(of("missing_owners").len(), 2, "{after}");
    let stale = of("stale");
    assert_eq!(stale.len(), 2, "{after}");
    assert!(
        stale.iter().all(|one| one["metric"] == "margin" && one["from"].as_str() < one["to"].as_str() && one["blank"] == true),
        "{after}"
    );
    let today = of("failed")[0]["interval"].clone();
    assert!(of("backfills").iter().all(|one| one["interval"]["first_day"] != today), "nothing of it is held any more: {after}");

    let (code, page, _) = presscheck(&bikes, &["review", "--since", "2d"]);
    assert_eq!(code, Some(0));
    for words in ["| Margins | 6 | 2 | 6 |", "### Noise", "mapping (overridden): ", "nobody is the business owner", "### To be made up for"]
    {
        assert!(page.contains(words), "{words}:\n{page}");
    }
    assert!(page.contains("### Read while stale\n\n- Margin: blank from "), "{page}");

    // A column comes back with another type, and is mended.
    let columns = "  - schema: {name: columns, model: stg_sku_costs, columns: {unit_cost: \"TYPE\"}}\n";
    for promised in ["double", "decimal(12,2)"] {
        contract(&bikes, "> 20", "");
        let path = bikes.join("contracts/margins.yml");
        let text = fs::read_to_string(&path).unwrap() + &columns.replace("TYPE", promised);
        fs::write(&path, text).unwrap();
        presscheck(&bikes, &["check", "margins"]);
        let changed = review(&bikes)["changes"].clone();
        let retyped = changed.as_array().unwrap().iter().find(|change| change["check"] == "columns.unit_cost");
        let change = retyped.unwrap_or_else(|| panic!("{changed}"));
        assert!(change["about"] == "stg_sku_costs" && change["what"].as_str().unwrap().contains("unit_cost"), "{change}");
        assert_eq!(change["still"], promised == "double", "{change}");
    }
    let history = bikes.join(".presscheck/history.sqlite");
    let file = rusqlite::Connection::open(&history).unwrap();
    file.execute_batch("drop trigger measured_stays; update measured set value = '3'").unwrap();
    drop(file);
    assert_eq!(presscheck(&bikes, &["review"]).0, Some(3), "an edited history answers nothing");
}

/// Today's thresholds are replayed over the values of many intervals.
#[test]
fn tolerances_are_replayed_over_what_was_measured() {
    let mut told = Vec::new();
    for (threshold, values) in [
        ("> 10", vec!["14", "15", "3", "20", "18"]),
        ("> 10", vec!["14", "15", "3", "2"]),
        ("> 1000", vec!["1", "2", "3", "4", "5", "6", "7", "8"]),
        ("> 60", vec!["1", "2", "3", "4", "5", "6", "7", "8"]),
        ("> 0", vec!["0", "0", "0", "0", "0", "0", "0", "0"]),
        ("> 1000", vec!["1", "2", "3"]),
    ] {
        let text = format!(
            "version: 1\ncontract: c\nmetrics: {{m: {{column: a.b}}}}\nchecks: [{{not_null: {{name: volume, column: a.b, hold_if: \"{threshold}\"}}}}]\n"
        );
        let contract = presscheck::contract::parse(&text, Path::new("c.yml")).value.unwrap();
        let days = values.iter().enumerate().map(|(at, value)| {
            let day = format!("2026-11-{:02}", at + 1);
            crate::history::decision(&day, &format!("{day}T12:00:00Z"), value, presscheck::record::Ended::Pass)
        });
        let known = presscheck::review::Known {
            contract: &contract,
            owners: presscheck::record::OwnersRecord { business: None, technical: None },
            waivers_end: vec![],
            due: vec![],
            decisions: days.collect(),
            without_document: 0,
        };
        let review = presscheck::review::review(&[known], jiff::Timestamp::MIN, jiff::Timestamp::MAX);
        let fits: Vec<String> =
            review.reports[0].tolerances.iter().map(|one| format!("{:?} {}/{}", one.kind, one.crossed, one.intervals)).collect();
        told.push(format!("{threshold} {}: {}", values.join(","), fits.join(" ")));
    }
    assert_eq!(
        told,
        [
            "> 10 14,15,3,20,18: TooTight 4/5",
            "> 10 14,15,3,2: ",
            "> 1000 1,2,3,4,5,6,7,8: TooLoose 0/8",
            "> 60 1,2,3,4,5,6,7,8: ",
            "> 0 0,0,0,0,0,0,0,0: ",
            "> 1000 1,2,3: ",
        ]
    );
}
