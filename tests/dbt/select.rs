//! Selectors: what dbt itself selects (`tests/dbt/ask_dbt.py` asked it), and what is refused.

use presscheck::dbt::select::select;

use super::{DBT_1, project};

/// A line of `selectors.txt`: `include` or `include ! exclude`.
fn chosen(line: &str) -> Result<Vec<String>, String> {
    let (include, exclude) = line.split_once(" ! ").unwrap_or((line, ""));
    let list = |text: &str| if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
    let found = select(&project(DBT_1), &list(include), &list(exclude));
    found.map(|ids| ids.into_iter().collect()).map_err(|finding| finding.to_string())
}

#[test]
fn as_dbt_selects() {
    let mut wrong = Vec::new();
    for case in include_str!("selected.txt").split("\n").collect::<Vec<_>>().chunk_by(|_, next| next.starts_with("  ")) {
        let Some((line, expected)) = case.split_first().filter(|(line, _)| !line.is_empty()) else { continue };
        let expected: Vec<String> = expected.iter().map(|id| id.trim().to_owned()).collect();
        // What matches nothing is refused here; dbt only warns.
        let found = chosen(line)
            .or_else(|refused| if expected.is_empty() { Ok(Vec::new()) } else { Err(refused) })
            .unwrap_or_else(|refused| vec![refused]);
        if found != expected {
            wrong.push(format!("{line}\n  dbt:        {}\n  presscheck: {}", expected.join(" "), found.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn refused() {
    let lines = [
        "ordrs",
        "tag:nightyl",
        "source:rwa",
        "exposure:bord",
        "metric:revenu",
        "path:models/nothing",
        "package:helpr",
        "test_name:not_nul",
        "a b",
        "days,no_negative",
        "orders,",
        "orders, tag:nightly",
        "tag:",
        "+",
        "@orders+",
        "99999999999999999999999+orders",
        "state:modified",
        "result:error",
        "selector:mine",
        "unit_test:x",
        "tags:nightly",
        "nonsense:x",
        "config:table",
        "config.schema:x",
        "config.meta:x",
        "tag.x:y",
        "resource_type:modle",
        "resource_type:analysis",
        "test_type:unit",
        "test_type:x",
        "version:newest",
        "source:a.b.c.d",
        "exposure:a.b.c",
        "tag:[",
        "orders ! ordrs",
        "orders ! orders",
        "version:prerelease",
    ];
    let told = lines.map(|line| format!("{line}\n  {}", chosen(line).expect_err(line)));
    insta::assert_snapshot!(told.join("\n"));
}

/// Without a selector, everything that is read is selected.
#[test]
fn everything() {
    let shop = project(DBT_1);
    let all = shop.nodes.len() + shop.tests.len() + shop.exposures.len() + shop.metrics.len() + shop.semantic_models.len();
    assert_eq!(select(&shop, &[], &[]).unwrap().len(), all);
    assert_eq!(select(&shop, &[" ".to_owned()], &[]).unwrap().len(), all);
}
