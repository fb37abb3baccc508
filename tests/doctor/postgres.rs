//! `doctor`, `grants` and budgets on a real PostgreSQL server, as roles that may do this and that.

use std::fs;
use std::path::Path;
use std::time::Duration;

use presscheck::warehouse::Warehouse;
use serde_json::json;

use super::run;
use crate::warehouse::server::{self, Server};

/// Sources, a view and a table on it; names that need quotes.
const DATA: &str = "create schema raw; create table raw.orders as select g as id, date '2026-11-16' + g % 7 as day, g * 1.5 as amount \
     from generate_series(1, 5000) g; create schema \"Marts & co\"; \
     create view \"Marts & co\".\"stg orders\" as select id, day, amount from raw.orders; \
     create table \"Marts & co\".daily as select day, sum(amount) as revenue from \"Marts & co\".\"stg orders\" group by day; \
     create table raw.unread (a int); analyze";

/// A dbt project on a database of its own.
struct Shop {
    server: &'static Server,
    database: String,
    folder: tempfile::TempDir,
}

impl Shop {
    fn new() -> Shop {
        let server = server::shared();
        let database = server.database(DATA);
        server.run(&database, &format!("revoke all on database {database} from public; revoke all on schema public from public"));
        let shop = Shop { server, database, folder: tempfile::tempdir().expect("a folder") };
        let relation = |schema: &str, name: &str| format!("\"{}\".\"{schema}\".\"{name}\"", shop.database);
        let (orders, staged) = (relation("raw", "orders"), relation("Marts & co", "stg orders"));
        let daily = relation("Marts & co", "daily");
        let (stg_sql, daily_sql) =
            (format!("select id, day, amount from {orders}"), format!("select day, sum(amount) as revenue from {staged} group by day"));
        let model = |name: &str, alias: &str, sort: &str, sql: &str, rendered: &str, parent: &str| {
            json!({
                "resource_type": "model", "name": name, "alias": alias, "package_name": "shop", "original_file_path": format!("models/{name}.sql"),
                "fqn": ["shop", name], "database": shop.database, "schema": "Marts & co", "relation_name": rendered, "raw_code": sql,
                "compiled_code": sql, "language": "sql", "config": {"materialized": sort, "enabled": true}, "depends_on": {"nodes": [parent]},
                "columns": {}
            })
        };
        let manifest = json!({
            "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json", "dbt_version": "1.12.6",
                "generated_at": "2026-11-23T06:30:00.000000Z", "adapter_type": "postgres", "project_name": "shop", "invocation_id": "a"},
            "nodes": {
                "model.shop.stg_orders": model("stg_orders", "stg orders", "view", &stg_sql, &staged, "source.shop.raw.orders"),
                "model.shop.daily": model("daily", "daily", "table", &daily_sql, &daily, "model.shop.stg_orders"),
            },
            "sources": {"source.shop.raw.orders": {
                "resource_type": "source", "name": "orders", "source_name": "raw", "package_name": "shop", "original_file_path": "models/s.yml",
                "fqn": ["shop", "raw", "orders"], "database": shop.database, "schema": "raw", "identifier": "orders", "relation_name": orders,
                "columns": {"id": {"name": "id"}, "day": {"name": "day"}, "amount": {"name": "amount"}}, "config": {"enabled": true}
            }},
        });
        let write = |file: &str, text: &str| {
            let path = shop.folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).and_then(|()| fs::write(path, text)).expect("written");
        };
        write("target/manifest.json", &manifest.to_string());
        write("models/stg_orders.sql", &stg_sql);
        write("models/daily.sql", &daily_sql);
        write("dbt_project.yml", "name: shop\nprofile: shop\n");
        write(
            "contracts/weekly.yml",
            "version: 1\ncontract: weekly\nowners: {technical: {team: Shop, contact: shop@shop.example}}\n\
             metrics: {revenue: {column: daily.revenue}}\nchecks:\n  - not_null: {name: filled, column: daily.revenue}\n  \
             - unique: {name: once, column: stg_orders.id}\n  - not_null: {name: landed, column: raw.orders.amount}\n",
        );
        shop.log_in("presscheck", 4);
        shop
    }

    fn log_in(&self, user: &str, threads: u32) {
        let text = format!(
            "shop:\n  target: dev\n  outputs:\n    dev: {{type: postgres, host: 127.0.0.1, port: {}, user: {user}, password: 's3cr3t\\\"', \
             dbname: {}, schema: public, threads: {threads}, connect_timeout: 3, retries: 0}}\n",
            self.server.port, self.database
        );
        fs::write(self.path().join("profiles.yml"), text).expect("written");
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, sql: &str) {
        self.server.run(&self.database, sql);
    }

    /// A new role that can log in and nothing else.
    fn role(&self, name: &str) -> String {
        let role = format!("{name}_{}", self.database);
        self.run(&format!("create role {role} login"));
        role
    }

    fn doctor(&self, exit_code: i32, says: &[&str]) {
        let (code, text) = run(&["doctor"], self.path());
        let unsaid: Vec<&&str> = says.iter().filter(|words| !text.contains(**words)).collect();
        assert!(code == Some(exit_code) && unsaid.is_empty() && !text.contains("s3cr3t"), "{code:?}, not said {unsaid:?}: {text}");
    }

    fn check(&self) -> (Option<i32>, String) {
        run(&["check", "--format", "json", "--quiet"], self.path())
    }
}

#[test]
fn the_printed_grants_are_enough_and_none_is_too_many() {
    let shop = Shop::new();
    let role = shop.role("reader");
    let (code, sql) = run(&["grants", "--for", "postgres", "--role", &role, "--quiet"], shop.path());
    assert_eq!(code, Some(0), "{sql}");
    shop.log_in(&role, 4);
    shop.doctor(3, &["PC431", "permission denied"]);
    let lines: Vec<&str> = sql.lines().filter(|line| line.starts_with("GRANT")).collect();
    assert_eq!(lines.len(), 1 + 2 + 3, "{sql}");
    for left_out in &lines {
        shop.run(&lines.iter().filter(|line| *line != left_out).copied().collect::<Vec<_>>().join("\n"));
        let (code, text) = shop.check();
        assert_eq!(code, Some(3), "without {left_out}: {text}");
        shop.doctor(3, &[if left_out.contains("CONNECT") { "PC431" } else { "PC434" }]);
        shop.run(&format!(
            "revoke all on database {} from {role}; revoke all on schema raw, \"Marts & co\" from {role}; \
             revoke all on all tables in schema raw, \"Marts & co\" from {role}",
            shop.database
        ));
    }
    shop.run(&sql);
    let (code, text) = shop.check();
    assert_eq!(code, Some(0), "{text}");
    shop.doctor(0, &["Nothing is wrong.", "0 of 3 relations", &format!("role         {role}"), "3 of 3 are there", "PostgreSQL "]);
    assert!(!shop.server.try_as(&role, &shop.database, "select * from raw.unread"), "nothing else can be read");
}

#[test]
fn what_a_role_may_and_the_server_gives_is_said() {
    let shop = Shop::new();
    shop.doctor(0, &["PC435", "it is a superuser", "presscheck grants --for postgres"]);
    let role = shop.role("writer");
    let (_, sql) = run(&["grants", "--for", "postgres", "--role", &role, "--quiet"], shop.path());
    shop.run(&format!("{sql}\n; grant delete on raw.orders to {role}"));
    shop.log_in(&role, 4);
    shop.doctor(0, &["PC435", "could write", "\"raw\".\"orders\"", "1 of 3 relations"]);
    shop.run(&format!("revoke all on raw.orders from {role}; revoke usage on schema \"Marts & co\" from {role}"));
    shop.doctor(3, &["no SELECT on", "no USAGE on the schema of", "\"stg orders\""]);
    shop.run("drop table raw.orders cascade");
    shop.doctor(3, &["PC433", "raw.orders (", "is not in the warehouse"]);
    shop.log_in(&role, 5000);
    shop.doctor(3, &["PC436", "5000 threads", "threads: "]);
    shop.run(&format!("alter role {role} connection limit 3"));
    shop.log_in(&role, 4);
    shop.doctor(3, &["PC436", "at most 3"]);
    shop.log_in("nobody_at_all", 4);
    shop.doctor(3, &["PC431", "nobody_at_all", "contracts"]);
}

#[test]
fn budgets_are_kept_by_the_plans_of_the_server() {
    let shop = Shop::new();
    let (code, text) = run(&["plan", "--estimate"], shop.path());
    assert!(code == Some(0) && text.contains("about 5000 rows") && text.contains("kB"), "{text}");
    let sent = |budget: &str| {
        fs::write(shop.path().join("presscheck.yml"), budget).expect("written");
        shop.check()
    };
    let (code, text) = sent("budget: {max_rows: 4999}");
    assert!(code == Some(3) && text.contains("budget_exceeded") && text.contains("\"pass\""), "{text}");
    let (code, text) = sent("budget: {max_rows: 10000, max_bytes: 10MB}");
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = sent("budget: {max_bytes: 100kB}");
    assert!(code == Some(3) && text.contains("budget_exceeded"), "{text}");
}

#[test]
fn an_estimate_says_what_is_read_or_that_nobody_knows() {
    let server = server::shared();
    let database = server.database(
        "create table t as select g as a, repeat('x', 200) as b from generate_series(1, 20000) g; alter table t add primary key (a); \
         create table fresh as select * from t; create table parted (a int) partition by range (a); \
         create table parted_1 partition of parted for values from (0) to (1000); insert into parted select g from generate_series(0, 999) g; \
         create function reads() returns setof t language sql as 'select * from public.t'; alter table fresh set (autovacuum_enabled = off); \
         analyze t, parted, parted_1",
    );
    let open = server.open(&database);
    let mut session = open.session().expect("a session");
    let told: Vec<String> = [
        "select count(*) from public.t where b like '%y%'",
        "select count(*) from public.t where a = 7",
        "select count(*) from public.parted",
        "select count(*) from public.fresh where b like '%y%'",
        "select (select count(*) from public.t), count(*) from public.t",
        "select count(*) from public.t where a not in (select a from public.parted)",
        "select count(*) from public.parted p where exists (select 1 from public.t where t.a = p.a + random())",
        "select sum(n) from (select (select count(*) from public.t t where t.b > p.a::text) as n from public.parted p limit 10) x",
        "with x as materialized (select * from public.t) select count(*) from x, x y",
        "select count(*) from generate_series(1, 1000000)",
        "select count(*) from public.reads()",
        "select count(*) from pg_sleep(0)",
        "select 1",
        "explain analyze select 1",
        "commit",
        "/* /* */ select */ commit",
    ]
    .iter()
    .map(|sql| {
        let estimate = session.estimate(sql, Duration::from_secs(20)).expect(sql);
        let bytes = estimate.bytes.map(|bytes| bytes.div_ceil(1 << 20));
        format!("{sql}: rows {:?}, MiB {bytes:?}", estimate.rows)
    })
    .collect();
    insta::assert_snapshot!(told.join("\n"));
    let fault = session.estimate("select z from public.t", Duration::from_secs(20)).expect_err("no such column");
    assert_eq!(fault.reason, presscheck::check::outcome::Reason::MissingColumn);
    let answer = session.query("/* /* */ select */ commit", Duration::from_secs(5));
    assert!(answer.is_err(), "a comment in a comment hides what a statement is: {answer:?}");
}
