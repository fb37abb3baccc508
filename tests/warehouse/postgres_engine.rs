//! The suite on PostgreSQL.

use std::path::Path;
use std::sync::OnceLock;

use presscheck::warehouse::Warehouse;
use presscheck::warehouse::postgres::Postgres;

use super::server::{Server, shared};
use super::suite::{Engine, suite};
use super::tables::{Table, tables};

suite!(postgres, crate::warehouse::postgres_engine::engine);

struct OnPostgres {
    database: String,
}

/// One database with the tables of the suite.
pub fn engine() -> &'static dyn Engine {
    static ENGINE: OnceLock<OnPostgres> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let query = |table: &Table| table.query(&kind, &|number| format!("'{number}'"), &|name| format!("\"{name}\""));
        let make = |table: &Table| format!("create table {} as {};", table.name, query(table));
        let many = "drop table many; create table many as select a from generate_series(0, 1499) as g(a); create type mood as enum ('a'); \
                    create domain quantity as int";
        let database = shared().database(&(tables().iter().map(make).collect::<String>() + many));
        OnPostgres { database }
    })
}

fn kind(kind: &str) -> String {
    match kind {
        "time" => "timestamp".into(),
        "double" => "double precision".into(),
        other => other.into(),
    }
}

impl Engine for OnPostgres {
    fn name(&self) -> &str {
        "postgres"
    }
    fn open(&self) -> Box<dyn Warehouse> {
        let mut fields = shared().fields(&self.database);
        fields.insert("search_path".into(), "public".into());
        Box::new(Postgres::from_profile(&fields, Path::new(".")).expect("a profile"))
    }
    fn relation(&self, table: &Table) -> String {
        format!("public.{}", table.name)
    }
    fn values(&self) -> &str {
        include_str!("postgres_values.txt")
    }
    fn long(&self) -> String {
        "select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b where a * b % 7 = 3".into()
    }
    fn cut(&self) -> Option<super::suite::Cut> {
        let server = Server::start();
        let open = server.open("postgres");
        // A signal is heard when the server finds time: it is cut when nobody listens any more.
        let cut = move || {
            server.signal("QUIT");
            while std::net::TcpStream::connect(("127.0.0.1", server.port)).is_ok() {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        };
        Some((Box::new(open), Box::new(cut)))
    }
    fn change(&self) -> Option<()> {
        shared().run(&self.database, "create table if not exists changed (a int); insert into changed values (1)");
        Some(())
    }
}
