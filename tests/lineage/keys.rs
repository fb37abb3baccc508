//! Which comparisons a key survives: a LEFT JOIN onto rows that differ in their key may repeat a row where the warehouse converts that key.

use presscheck::dbt::{Column, NodeKind, Project, Test};
use presscheck::lineage::{self, Part};

use super::{give_types, project};

/// Adapter, type of the left column, type of the key, condition of the join (of `l.a` and `r.k`).
const CASES: &[(&str, &str, &str, &str)] = &[
    ("duckdb", "INTEGER", "BIGINT", "l.a = r.k"),
    ("duckdb", "VARCHAR", "VARCHAR", "l.a = r.k"),
    ("duckdb", "INTEGER", "VARCHAR", "l.a = r.k"),
    ("duckdb", "VARCHAR", "INTEGER", "l.a = r.k"),
    ("duckdb", "INTEGER", "VARCHAR", "l.a::varchar = r.k"),
    ("duckdb", "INTEGER", "VARCHAR", "l.a = r.k::integer"),
    ("duckdb", "VARCHAR", "VARCHAR", "lower(l.a) = r.k"),
    ("duckdb", "VARCHAR", "VARCHAR", "l.a = lower(r.k)"),
    ("duckdb", "VARCHAR", "VARCHAR", "l.a collate nocase = r.k"),
    ("duckdb", "VARCHAR", "VARCHAR COLLATE NOCASE", "l.a = r.k"),
    ("duckdb", "DOUBLE", "BIGINT", "l.a = r.k"),
    ("duckdb", "DECIMAL(18,3)", "BIGINT", "l.a = r.k"),
    ("duckdb", "TIMESTAMP", "DATE", "l.a = r.k"),
    ("duckdb", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP", "l.a = r.k"),
    ("duckdb", "", "DATE", "l.a = r.k"),
    ("duckdb", "DATE", "", "l.a = r.k"),
    ("duckdb", "", "BOOLEAN", "l.a = r.k"),
    ("duckdb", "TIMESTAMP", "DATE", "date_trunc('week', l.a) = r.k"),
    ("duckdb", "INTEGER", "INTEGER", "r.k = 3"),
    ("duckdb", "INTEGER", "VARCHAR", "r.k = 3"),
    ("duckdb", "INTEGER", "VARCHAR", "r.k = '3'"),
    ("duckdb", "JSON", "JSON", "l.a = r.k"),
    ("duckdb", "UUID", "UUID", "l.a is not distinct from r.k"),
    ("duckdb", "", "", "l.a = r.k"),
    ("duckdb", "INTEGER", "", "l.a = r.k"),
    ("postgres", "character(3)", "character varying(3)", "l.a = r.k"),
    ("postgres", "timestamp without time zone", "timestamp without time zone", "l.a = r.k"),
    ("postgres", "date", "timestamp with time zone", "date_trunc('day', l.a) = r.k"),
    ("snowflake", "TIMESTAMP", "TIMESTAMP_NTZ", "l.a = r.k"),
    ("snowflake", "VARIANT", "VARIANT", "l.a = r.k"),
    ("snowflake", "NUMBER", "NUMBER", "l.a = r.k"),
    ("bigquery", "INT64", "INTEGER", "l.a = r.k"),
    ("bigquery", "DATETIME", "TIMESTAMP", "l.a = r.k"),
    ("databricks", "decimal(38,10)", "decimal(38,0)", "l.a = r.k"),
];

fn with_types(adapter: &str, types: [&str; 2], models: &[(&str, &str)]) -> Project {
    let mut project = project(&[("src_l", Some(&["a", "v"])), ("src_r", Some(&["k", "w"]))], models);
    project.adapter = adapter.into();
    for (source, of) in ["src_l", "src_r"].iter().zip(types).filter(|(_, of)| !of.is_empty()) {
        give_types(&mut project, source, [of, "INTEGER"].into_iter());
    }
    project
}

/// Whether the rows of `m` depend on a part of the right side.
fn repeats(project: &Project, part: Part) -> bool {
    let lineage = lineage::trace(project);
    assert_eq!(lineage.problems, []);
    super::upstream(&lineage, "model.case.m", Part::RowsAdded)
        .contains(&lineage::Node { relation: "source.case.src_r".into(), part: part.clone() })
        || super::upstream(&lineage, "model.case.m", Part::RowsLost).contains(&lineage::Node { relation: "source.case.src_r".into(), part })
}

#[test]
fn a_key_that_is_converted_is_no_key() {
    let mut table = String::new();
    for (adapter, left, right, condition) in CASES {
        let said = |repeats: bool| if repeats { "may repeat" } else { "one partner" };
        let sql = format!("select l.v from src_l l left join (select distinct k from src_r) r on {condition}");
        let distinct = repeats(&with_types(adapter, [left, right], &[("m", &sql)]), Part::RowsAdded);
        // A test of dbt says that the key is unique: then a missing row takes none away.
        let sql = format!("select l.v from src_l l left join src_r r on {condition}");
        let mut project = with_types(adapter, [left, right], &[("m", &sql)]);
        let unique = Test {
            unique_id: "test.case.unique".into(),
            test_name: Some("unique".into()),
            column_name: Some("k".into()),
            attached_node: Some("source.case.src_r".into()),
            error_if: "!= 0".into(),
            fail_calc: "count(*)".into(),
            ..Test::default()
        };
        project.tests.insert(unique.unique_id.clone(), unique);
        let declared = repeats(&project, Part::RowsLost);
        table.push_str(&format!("{adapter}: {left} / {right}, {condition}: {}, declared: {}\n", said(distinct), said(declared)));
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_column_is_compared_with_itself_as_what_it_is() {
    let cases = [
        // Of unknown type, but the same column.
        "select a from src_l l left join (select a as k, count(*) as n from src_l group by a) r on l.a = r.k",
        "select a from src_l l left join (select max(a) as k from src_l group by v) r on l.a = r.k",
        "select a from src_l l left join (select distinct upper(a) as k from src_l) r on upper(l.a) = r.k",
        "select a from src_l l left join (select distinct substr(a, 2) as k from src_l) r on upper(l.a) = r.k",
        "select a from src_l l left join (select distinct coalesce(a, v) as k from src_l) r on l.a = r.k",
        "select a from src_l l left join (select a as k from src_l union select v from src_l) r on l.a = r.k",
        "select a from src_l l left join (select a from src_l group by a) r using (a)",
        "select a from src_l l left join (select v as a from src_l group by v) r using (a)",
        "select a from src_l l natural left join (select a from src_l group by a) r",
    ];
    let mut table = String::new();
    for sql in cases {
        let lineage = lineage::trace(&project(&[("src_l", Some(&["a", "v"]))], &[("m", sql)]));
        assert_eq!(lineage.problems, [], "{sql}");
        let kind =
            |part: Part| super::upstream(&lineage, "model.case.m", part).iter().filter(|node| matches!(node.part, Part::Column(_))).count();
        table.push_str(&format!("{}: {sql}\n", if kind(Part::RowsAdded) > 0 { "may repeat" } else { "one partner" }));
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_dbt_converts_when_it_makes_a_table_is_no_key_any_more() {
    let read = |data_type: Option<&str>| {
        let models = [("dim", "select distinct w as k from src_r"), ("m", "select l.v from src_l l left join dim r on l.v = r.k")];
        let mut project = with_types("duckdb", ["INTEGER", "INTEGER"], &models);
        let dim = project.nodes.get_mut("model.case.dim").expect("the model");
        assert_eq!(dim.kind, NodeKind::Model);
        if let Some(data_type) = data_type {
            dim.enforced = Some(Default::default());
            dim.columns = vec![Column { name: "k".into(), data_type: Some(data_type.into()) }].into();
        }
        repeats(&project, Part::RowsAdded)
    };
    assert_eq!([None, Some("bigint"), Some("decimal(10,2)"), Some("varchar")].map(read), [false, false, true, true]);
}
