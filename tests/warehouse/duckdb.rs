//! The suite on DuckDB.

use std::sync::OnceLock;

use presscheck::warehouse::Warehouse;

use super::Database;
use super::suite::{Engine, suite};
use super::tables::{Table, tables};

suite!(duckdb, crate::warehouse::duckdb::engine);

struct OnDuckDb(Database);

/// One file with the tables of the suite.
pub fn engine() -> &'static dyn Engine {
    static ENGINE: OnceLock<OnDuckDb> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let query = |table: &Table| table.query(&kind, &|number| format!("'{number}'"), &|name| format!("\"{name}\""));
        let make = |table: &Table| format!("create table {} as {};", table.name, query(table));
        let many = "create or replace table many as select range as a from range(1500);";
        OnDuckDb(Database::of(&(tables().iter().map(make).collect::<String>() + many)))
    })
}

fn kind(kind: &str) -> String {
    if kind == "time" { "timestamp".into() } else { kind.into() }
}

impl Engine for OnDuckDb {
    fn name(&self) -> &str {
        "duckdb"
    }
    fn open(&self) -> Box<dyn Warehouse> {
        Box::new(self.0.open())
    }
    fn relation(&self, table: &Table) -> String {
        table.name.into()
    }
    fn values(&self) -> &str {
        include_str!("values.txt")
    }
    fn long(&self) -> String {
        "select count(*) from range(3000000) a, range(3000000) b where a.range * b.range % 7 = 3".into()
    }
    fn cut(&self) -> Option<super::suite::Cut> {
        None
    }
    /// A file that is open cannot be written.
    fn change(&self) -> Option<()> {
        None
    }
}
