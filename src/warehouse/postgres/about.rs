//! What PostgreSQL says of itself, of the role, and of what the role may do. It reads the catalogs, which every role may.

use std::time::Duration;

use crate::check::measurement::Cell;
use crate::check::outcome::Fault;
use crate::dbt::relation_name::RelationName;
use crate::warehouse::{About, Rows, Session, Standing};

const LIMIT: Duration = Duration::from_secs(30);
/// Relations that are looked for with one statement.
const AT_ONCE: usize = 200;

/// Names of pg_catalog in full: a search path of the profile may put others before it.
const WHO: &str = "select pg_catalog.current_setting('server_version'), pg_catalog.current_database()::text, session_user::text, current_user::text, \
     r.rolsuper, \
     least(case when r.rolconnlimit >= 0 then r.rolconnlimit end, case when d.datconnlimit >= 0 then d.datconnlimit end, \
       pg_catalog.current_setting('max_connections')::int - (case when r.rolsuper then 0 else \
       pg_catalog.current_setting('superuser_reserved_connections')::int + \
       coalesce(pg_catalog.current_setting('reserved_connections', true)::int, 0) end))::bigint, \
     (pg_catalog.current_setting('max_connections')::int - (case when r.rolsuper then 0 else \
       pg_catalog.current_setting('superuser_reserved_connections')::int + \
       coalesce(pg_catalog.current_setting('reserved_connections', true)::int, 0) end) \
       - (select pg_catalog.sum(numbackends) from pg_catalog.pg_stat_database))::bigint \
     from pg_catalog.pg_roles r, pg_catalog.pg_database d where r.rolname = session_user and d.datname = pg_catalog.current_database()";

pub(super) fn about(session: &mut dyn Session) -> Result<About, Fault> {
    let rows = session.query(WHO, LIMIT)?;
    let superuser = session.query("select rolsuper from pg_catalog.pg_roles where rolname = current_user", LIMIT)?;
    let text = |at: usize| match cell(&rows, at) {
        Some(Cell::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let number = |at: usize| match cell(&rows, at) {
        Some(Cell::Int(number)) => Some(u64::try_from(*number).unwrap_or(0)),
        _ => None,
    };
    let above = matches!(cell(&superuser, 0), Some(Cell::Bool(true)));
    Ok(About {
        engine: text(0).map(|version| format!("PostgreSQL {version}")),
        database: text(1),
        user: text(2),
        role: text(3),
        above_grants: above.then(|| "it is a superuser".to_owned()),
        boundary: Some("every statement in a READ ONLY transaction".to_owned()),
        most_connections: number(5),
        // This very session is one of those that are taken.
        free_connections: number(6).map(|free| free.saturating_add(1)),
    })
}

fn cell(rows: &Rows, at: usize) -> Option<&Cell> {
    rows.rows.first()?.get(at)
}

pub(super) fn standing(session: &mut dyn Session, relations: &[RelationName]) -> Result<Vec<Standing>, Fault> {
    let literal = |text: Option<&str>| text.map_or_else(|| "null".to_owned(), |text| format!("'{}'", text.replace('\'', "''")));
    let mut found = Vec::new();
    for some in relations.chunks(AT_ONCE) {
        let asked = some.iter().enumerate().map(|(at, name)| {
            format!("({at}, {}::text, {}::text, {})", literal(name.database()), literal(name.schema()), literal(Some(name.name())))
        });
        let sql = format!(
            "select a.place, a.d is null or a.d = pg_catalog.current_database(), n.oid is not null, c.oid is not null, \
             pg_catalog.has_schema_privilege(n.oid, 'USAGE'), \
             pg_catalog.has_table_privilege(c.oid, 'SELECT'), \
             pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') or pg_catalog.pg_has_role(c.relowner, 'USAGE') \
             from (values {}) as a (place, d, s, n) \
             left join pg_catalog.pg_namespace n on n.nspname = coalesce(a.s, pg_catalog.current_schema()) \
             left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = a.n and c.relkind in ('r', 'v', 'm', 'p', 'f') \
             order by a.place",
            asked.collect::<Vec<_>>().join(", ")
        );
        let rows = session.query(&sql, LIMIT)?.rows;
        found.extend(some.iter().enumerate().map(|(at, name)| rows.get(at).map_or_else(Standing::default, |row| one(row, name))));
    }
    Ok(found)
}

fn one(row: &[Cell], name: &RelationName) -> Standing {
    let said = |at: usize| match row.get(at) {
        Some(Cell::Bool(said)) => Some(*said),
        _ => None,
    };
    if said(1) == Some(false) {
        let database = name.database().unwrap_or_default();
        let detail = format!("it is in the database {database}, which PostgreSQL does not read from another one");
        return Standing { exists: Some(false), detail: Some(detail), ..Standing::default() };
    }
    let no_schema = said(2) == Some(false);
    Standing {
        exists: said(3),
        usage: said(4),
        select: said(5),
        write: said(6),
        detail: no_schema.then(|| format!("there is no schema {}", name.schema().unwrap_or_default())),
    }
}
