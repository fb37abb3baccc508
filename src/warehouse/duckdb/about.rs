//! What DuckDB says of itself and of relations. It has no roles: whoever may read the file may read all of it.

use std::path::Path;
use std::time::Duration;

use crate::check::measurement::Cell;
use crate::check::outcome::Fault;
use crate::dbt::relation_name::RelationName;
use crate::warehouse::{About, Session, Standing};

const LIMIT: Duration = Duration::from_secs(30);
/// Relations that are looked for with one statement.
const AT_ONCE: usize = 200;

pub(super) fn about(path: &Path, session: &mut dyn Session) -> Result<About, Fault> {
    let rows = session.query("select version()", LIMIT)?;
    let version = rows.rows.first().and_then(|row| row.first()).and_then(|cell| match cell {
        Cell::Text(version) => Some(format!("DuckDB {}", version.trim_start_matches('v'))),
        _ => None,
    });
    Ok(About {
        engine: version,
        database: Some(path.display().to_string()),
        boundary: Some("opened read-only, external access off, configuration locked, nothing but queries".to_owned()),
        ..About::default()
    })
}

pub(super) fn standing(session: &mut dyn Session, relations: &[RelationName]) -> Result<Vec<Standing>, Fault> {
    let literal = |text: Option<&str>| text.map_or_else(|| "null".to_owned(), |text| format!("'{}'", text.replace('\'', "''")));
    let mut found = Vec::new();
    for some in relations.chunks(AT_ONCE) {
        let asked = some.iter().enumerate().map(|(at, name)| {
            format!("({at}, {}::text, {}::text, {})", literal(name.database()), literal(name.schema()), literal(Some(name.name())))
        });
        let sql = format!(
            "with there as (select database_name as d, schema_name as s, table_name as n from duckdb_tables() \
             union all select database_name, schema_name, view_name from duckdb_views()) \
             select count(there.n) > 0 from (values {}) as asked (place, d, s, n) left join there \
             on lower(there.n) = lower(asked.n) and lower(there.s) = lower(coalesce(asked.s, 'main')) \
             and lower(there.d) = lower(coalesce(asked.d, current_database())) group by place order by place",
            asked.collect::<Vec<_>>().join(", ")
        );
        let rows = session.query(&sql, LIMIT)?.rows;
        found.extend(some.iter().enumerate().map(|(at, _)| match rows.get(at).and_then(|row| row.first()) {
            Some(Cell::Bool(exists)) => {
                Standing { exists: Some(*exists), usage: Some(true), select: Some(true), write: Some(false), ..Standing::default() }
            }
            _ => Standing::default(),
        }));
    }
    Ok(found)
}
