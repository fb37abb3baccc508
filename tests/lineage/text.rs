//! Single pieces of SQL: expressions and queries of contracts, odd texts, hostile texts.

use presscheck::lineage::{self, Certainty, Part};

use super::{project, reaches};

/// Columns that an expression reads, or the refusal with its place.
fn read(sql: &str, dialect: &str) -> String {
    match lineage::expression(sql, dialect) {
        Ok(columns) => {
            let names = columns
                .into_iter()
                .map(|column| column.qualifier.map_or(column.name.clone(), |qualifier| format!("{qualifier}.{}", column.name)));
            names.collect::<Vec<_>>().join(", ")
        }
        Err(error) => format!("refused at {}:{}: {}", error.line, error.column, error.message),
    }
}

#[test]
fn an_expression_is_one_expression_and_nothing_else() {
    let cases = [
        ("amount > 0", "duckdb"),
        ("sum(net_revenue) / nullif(sum(o.qty), 0)", "duckdb"),
        ("count(*)", "postgres"),
        ("count(distinct case when Status = 'x' then \"Customer ID\" end)", "postgres"),
        ("date_trunc('week', ordered_at) = date_trunc(week, current_date)", "snowflake"),
        ("datediff(day, ordered_at, day) > date_diff('day', d, month)", "snowflake"),
        ("date_diff(day, d, month) + date_trunc(week, year) = last_day(h, quarter)", "bigquery"),
        ("date_trunc('day', d) = date_diff(week, d)", "duckdb"),
        ("to_date(d) < date_from_parts(year, month, day) and trunc(d, month) = date_trunc(month, h)", "snowflake"),
        ("dateadd(day, 7, week) > date_part(dow, d)", "redshift"),
        ("date_bucket(week, 1, d) = datetrunc(month, year)", "sqlserver"),
        ("payload:a.b::int > 1", "snowflake"),
        ("list_filter(tags, x -> x > limit_)", "duckdb"),
        ("coalesce(type = 'jaffle', false)", "duckdb"),
        ("json_object(k: v)", "postgres"),
        ("1 = 1; drop table t", "duckdb"),
        ("1 = 1 -- and more", "duckdb"),
        ("1 /* */ = 1", "duckdb"),
        ("a) or (b", "duckdb"),
        ("a, b", "duckdb"),
        ("a from t", "duckdb"),
        ("a union select 1", "duckdb"),
        ("(select max(x) from secrets)", "duckdb"),
        ("a in (select x from secrets)", "duckdb"),
        ("exists (select 1)", "duckdb"),
        ("sum(x) over ()", "duckdb"),
        ("'unclosed", "duckdb"),
        ("", "duckdb"),
        ("select 1", "duckdb"),
        ("a = $1", "postgres"),
        ("a = 'it\\' or 1=1 --'", "postgres"),
    ];
    let table: String = cases.iter().map(|(sql, dialect)| format!("{dialect}: {sql}\n    {}\n", read(sql, dialect))).collect();
    insta::assert_snapshot!(table);
}

#[test]
fn hostile_texts_end_and_are_unknown() {
    let deep = |open: &str, close: &str, count: usize| format!("select {}1{} from orders", open.repeat(count), close.repeat(count));
    let texts = [
        deep("(", ")", 5_000),
        deep("case when true then ", " end", 5_000),
        deep("not ", "", 20_000),
        deep("- ", "", 20_000),
        format!("select {}1 from orders", "a + ".repeat(40_000)),
        format!("select {}1 from orders", "amount + ".repeat(200_000)),
        format!("select 1 from {}orders", "(".repeat(60)),
        "select 1 from orders union all ".repeat(20_000) + "select 1 from orders",
        "\u{0}\u{1}'\"".into(),
    ];
    for text in texts {
        let project = project(&[("orders", Some(&["amount", "a"]))], &[("m", &text)]);
        let lineage = lineage::trace(&project);
        let start = text.chars().take(60).collect::<String>();
        let column = lineage.columns["model.case.m"].names.first().map_or("any", |name| name.as_str()).to_lowercase();
        let certainty = reaches(&lineage, ("source.case.orders", Part::RowsLost), ("model.case.m", &column));
        assert!(certainty.is_some() || text.starts_with('\u{0}'), "{start}: {:?}", lineage.problems);
    }
}

#[test]
fn what_is_not_listed_is_found_by_name() {
    let project = project(
        &[("raw", None), ("other", Some(&["k", "w"]))],
        &[
            ("stg", "select *, amount * 2 as doubled from raw where deleted_at is null"),
            ("mid", "select stg.*, other.w from stg left join (select k, max(w) as w from other group by k) other on other.k = stg.k"),
            ("mart", "select k, sum(amount) as total, sum(w) as w from mid group by k"),
        ],
    );
    let lineage = lineage::trace(&project);
    assert_eq!(lineage.problems, []);
    let by = |relation: &str, column: &str, target: &str| {
        reaches(&lineage, (relation, Part::Column(column.into())), ("model.case.mart", target))
    };
    assert_eq!(by("source.case.raw", "amount", "total"), Some(Certainty::Known));
    assert_eq!(by("source.case.raw", "deleted_at", "total"), Some(Certainty::Known));
    assert_eq!(by("source.case.raw", "unheard_of", "total"), None);
    assert_eq!(by("source.case.other", "w", "w"), Some(Certainty::Known));
    assert_eq!(by("source.case.other", "w", "total"), None, "a join onto unique keys repeats no row");
    assert!(!lineage.columns["model.case.stg"].complete);
    assert!(lineage.columns["model.case.mart"].complete);
}

#[test]
fn a_whole_row_is_every_column_that_anybody_names() {
    let project = project(
        &[("raw", None)],
        &[("marked", "select id, hash(r) as mark from raw r"), ("total", "select sum(amount) as total from raw")],
    );
    let lineage = lineage::trace(&project);
    let by = |column: &str, target: (&str, &str)| reaches(&lineage, ("source.case.raw", Part::Column(column.into())), target).is_some();
    assert!(by("amount", ("model.case.marked", "mark")));
    assert!(!by("amount", ("model.case.marked", "id")));
    assert!(!by("id", ("model.case.total", "total")));
}

#[test]
fn macros_of_the_project_are_what_they_say_or_unknown() {
    let with = |hook: &str, call: &str| {
        let sql = format!("select {call} as x, id from orders");
        let mut project = project(&[("orders", Some(&["id", "amount", "note"]))], &[("m", &sql)]);
        project.on_run_start.push(hook.into());
        let lineage = lineage::trace(&project);
        let by = |column: &str| reaches(&lineage, ("source.case.orders", Part::Column(column.into())), ("model.case.m", "x"));
        [by("amount"), by("note")]
    };
    use Certainty::{Assumed, Known};
    let plain = "create or replace macro upper(a) as a + 1";
    assert_eq!(with(plain, "upper(amount)"), [Some(Known), None]);
    let unread = "create or replace macro upper(a) as (select max(a) over everything ~~~ there is)";
    assert_eq!(with(unread, "upper(amount)"), [Some(Known), Some(Assumed)], "not the function that is built in");
    let aggregate = "create macro lower(a) as max(a)";
    assert_eq!(with(aggregate, "lower(amount)"), [Some(Known), Some(Assumed)]);
    assert_eq!(with(plain, "upper(amount, 2)"), [Some(Known), Some(Assumed)], "another one has two parameters");
}

#[test]
fn a_name_of_another_database_is_a_parent_unless_the_parent_is_read_too() {
    let sources: &[(&str, Option<&[&str]>)] = &[("orders", Some(&["id", "amount"]))];
    let one = project(sources, &[("m", "select amount from elsewhere.main.orders")]);
    assert_eq!(lineage::trace(&one).problems, []);
    let two = project(sources, &[("m", "select o.amount from db.main.orders o join elsewhere.main.orders e on e.id = o.id")]);
    assert!(!lineage::trace(&two).problems.is_empty());
}

#[test]
fn a_query_says_what_it_reads() {
    let project =
        project(&[("orders", Some(&["id", "amount", "status", "note"]))], &[("m", "select id, amount from orders where status = 'x'")]);
    let lineage = lineage::trace(&project);
    let reads = lineage::query("select count(*), sum(amount) from db.main.m where id > 3", &project, &lineage).unwrap();
    assert!(reads.known);
    assert_eq!(reads.columns["model.case.m"].iter().collect::<Vec<_>>(), ["amount", "id"]);
    let reads = lineage::query("select columns('x.*') from main.orders", &project, &lineage).unwrap();
    assert!(!reads.known);
    assert!(reads.relations.contains("source.case.orders"));
    for refused in ["delete from orders", "select 1; select 2", "with x as (delete from orders returning *) select * from x", ""] {
        assert!(
            lineage::query(refused, &project, &lineage).is_err_and(|error| !error.message.is_empty())
                || !lineage::query(refused, &project, &lineage).unwrap().known,
            "{refused}"
        );
    }
}

#[test]
fn a_name_that_means_itself_is_no_way_down_for_ever() {
    for sql in [
        "select (select zz) as zz from orders",
        "select (select max(zz + (select zz)) from orders) as zz, zz as yy from orders",
        "select a as b, b as a, (select b + (select a)) as c from nowhere",
        "with recursive r as (select (select n) as n union all select (select n) as n from r) select * from r",
    ] {
        let project = project(&[("orders", None)], &[("m", sql)]);
        assert!(lineage::trace(&project).columns.contains_key("model.case.m"), "{sql}");
    }
}

#[test]
fn spellings_of_duckdb_are_read() {
    for sql in [
        "with recursive t(n) as (select 1 union all select n + 1 from t where n < (select max(amount) from orders)) select n from t",
        "select amount from orders order by status limit (select count(*) from orders)",
        "select sum(amount) over (order by id rows between 1 preceding and current row exclude current row) as s from orders",
        "select first_value(amount ignore nulls) over (order by id) as f from orders",
        "select total: amount + id, status from t: orders",
        "select * from (from orders select status where amount > 1) union all from orders select status",
        "pivot orders on status in ('a', 'b') using sum(amount) group by id",
        "with p as (unpivot orders on amount, id into name k value v) select k, v from p",
        "select columns('id|amount') from orders",
        "select max(columns(* exclude note)) from orders",
        "select * from orders asof left join orders b using (id)",
        "select * rename (amount as sum) from orders positional join (select 1 as one)",
        "select status, count(*) from orders where id > 1 or note is null group by status having count(*) > 1 using sample 10% (bernoulli) limit 3",
        "from orders using sample 3 rows union all select * from orders using sample reservoir(5 rows) repeatable (1) order by id",
        "with s as (summarize orders) select column_name, null_percentage from s",
        "summarize select id, amount from orders where status = 'x'",
        "select * like '%o%', note as memo from orders",
        "select max(columns(lambda c: c not like 'n%' and not starts_with(lower(c), 's'))) from orders",
    ] {
        let project = project(&[("orders", Some(&["id", "amount", "status", "note"]))], &[("m", sql)]);
        let lineage = lineage::trace(&project);
        assert!(lineage.problems.is_empty(), "{sql}: {:?}", lineage.problems);
    }
}

#[test]
fn only_the_rows_of_one_table_are_rows_of_that_table() {
    for sql in [
        "select amount from only orders",
        "select amount from only (orders) o",
        "select o.amount from orders p join only main.orders as o on o.id = p.id",
        "select o.amount from orders p, only orders o",
    ] {
        let mut project = project(&[("orders", Some(&["id", "amount", "note"]))], &[("m", sql)]);
        project.adapter = "postgres".into();
        let lineage = lineage::trace(&project);
        assert_eq!(lineage.problems, [], "{sql}");
        let by = |part: Part| reaches(&lineage, ("source.case.orders", part), ("model.case.m", "amount"));
        assert_eq!([by(Part::Column("amount".into())), by(Part::RowsLost)], [Some(Certainty::Known); 2], "{sql}");
        assert_eq!(by(Part::Column("note".into())), None, "{sql}");
    }
}

#[test]
fn spellings_of_other_warehouses_are_read() {
    let cases = [
        ("bigquery", "select id, (select as struct o.amount, o.status).amount as x from orders o"),
        ("bigquery", "select x.amount from (select as struct id, amount from orders) x"),
        ("bigquery", "select amount from (select as value array_agg(o order by id limit 1)[offset(0)] from orders o group by status)"),
        ("bigquery", "select array(select as value amount from orders) as x"),
        ("bigquery", "select id, s.* from (select id, struct(amount as a, status as b) as s from orders)"),
        ("bigquery", "select t.s.* from (select struct(amount, status) as s from orders) t"),
        ("snowflake", "select $2 as x from orders"),
        ("snowflake", "select $1 + t.$2 as x from (values (1, 2)) t, orders"),
        ("snowflake", "select amount from (select * from orders) sample (10)"),
        ("postgres", "select $2 as x from orders"),
        ("snowflake", "select id, level, connect_by_root amount as x from orders start with status = 'x' connect by prior id = note"),
    ];
    let mut table = String::new();
    for (adapter, sql) in cases {
        let mut project = project(&[("orders", Some(&["id", "amount", "status", "note"]))], &[("m", sql)]);
        project.adapter = adapter.into();
        let lineage = lineage::trace(&project);
        let problems: Vec<&str> = lineage.problems.iter().map(|problem| problem.message.as_str()).collect();
        let names = &lineage.columns["model.case.m"].names;
        let columns = names.iter().map(|name| Part::Column(name.to_lowercase().into())).chain([Part::Column("anything".into())]);
        let from = |part: Part| {
            let Some(target) = lineage.node("model.case.m", part.clone()) else { return String::new() };
            let upstream = lineage.graph.upstream_of(&[target], false);
            let mut names: Vec<String> = upstream
                .keys()
                .map(|&index| lineage.graph.at(index))
                .filter(|node| node.relation.starts_with("source"))
                .filter_map(|node| if let Part::Column(name) = &node.part { Some(name.to_string()) } else { None })
                .collect();
            names.sort();
            format!("    {part:?} <- {}\n", names.join(" "))
        };
        table.push_str(&format!("{adapter}: {sql}\n{}{}", problems.join("; "), if problems.is_empty() { "" } else { "\n" }));
        columns.for_each(|part| table.push_str(&from(part)));
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_column_of_the_select_around_is_no_key_of_the_one_inside() {
    // Read alone, the first column of `r` is unique; `l.a`, the first of the SELECT around, is not.
    let sql = "select l.v from l left join lateral (select l.a as k, r.k as other from (select distinct k from r) r) x on x.k = l.a";
    let mut project = project(&[("l", Some(&["a", "v"])), ("r", Some(&["k"]))], &[("m", sql)]);
    super::give_types(&mut project, "l", ["INTEGER", "INTEGER"].into_iter());
    super::give_types(&mut project, "r", ["INTEGER"].into_iter());
    let lineage = lineage::trace(&project);
    assert_eq!(lineage.problems, []);
    assert!(reaches(&lineage, ("source.case.r", Part::RowsAdded), ("model.case.m", "v")).is_some());
}
