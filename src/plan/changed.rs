//! When the warehouse itself says that a table was last changed, where it keeps that: freshness without a column. Nothing is guessed in its place.

use crate::check::freshness::Freshness;
use crate::dbt::Node;
use crate::diagnostic::{At, Finding, Span, codes};
use crate::macros::{identifier, literal};

use super::ground::Ground;

/// Whether the engine keeps the time at which a table was last changed. dbt asks the same ones where a source has no `loaded_at_field`.
pub(super) fn kept(dialect: &str) -> bool {
    ["snowflake", "bigquery", "databricks", "redshift"].contains(&dialect)
}

/// The check with the query that says when its table was last changed.
///
/// # Errors
/// The warehouse does not keep that.
pub(super) fn bound(ground: &Ground<'_>, freshness: &Freshness) -> Result<Freshness, Finding> {
    let named = freshness.model.as_ref().or(freshness.source.as_ref());
    let span = freshness.metadata.as_ref().map(|metadata| metadata.span).unwrap_or_default();
    let node = ground.relation(named.unwrap_or(&freshness.loaded_at))?;
    let mut bound = freshness.clone();
    bound.loaded_at_query = Some(query(ground, node, span)?);
    bound.loaded_at = At { value: "last change of the table".to_owned(), span: freshness.loaded_at.span };
    Ok(bound)
}

/// Names are compared without case, as people write them; where two tables go by one, it is not known which of them changed. A view is never
/// changed by its rows, only by whoever makes it anew: it has no such time.
fn query(ground: &Ground<'_>, node: &Node, span: Span) -> Result<At<String>, Finding> {
    let dialect = ground.options.macros.dialect();
    let refused =
        |why: String| Finding::error(codes::BAD_CHECK, why).at(span).help("write loaded_at, a column or SQL expression of the rows");
    let text = |text: &str| literal(text, dialect).ok_or_else(|| refused(format!("`{text}` cannot be the name of a table")));
    let name = |text: &str| identifier(text, dialect).ok_or_else(|| refused(format!("`{text}` cannot be the name of a table")));
    let (schema, table) = (node.schema.as_str(), node.identifier.as_str());
    let database = node.database.as_deref().map(name).transpose()?;
    let within = database.map_or_else(String::new, |database| format!("{database}."));
    let query = match dialect {
        "snowflake" | "databricks" => format!(
            "select case when count(*) = 1 then max(last_altered) end from {within}information_schema.tables where upper(table_schema) = upper({}) and upper(table_name) = upper({}) and table_type not like '%VIEW%'",
            text(schema)?,
            text(table)?
        ),
        "bigquery" => format!(
            "select max(timestamp_millis(last_modified_time)) from {within}{}.__TABLES__ where table_id = {} and type <> 2",
            name(schema)?,
            text(table)?
        ),
        // The steps that wrote into it, which Redshift keeps for some days; its own times are of UTC and say no zone.
        "redshift" => format!(
            "select case when count(distinct written.table_id) = 1 then max(written.start_time) at time zone 'UTC' end from sys_query_detail as written join pg_class on pg_class.oid = written.table_id join pg_namespace on pg_namespace.oid = pg_class.relnamespace where written.step_name = 'insert' and upper(pg_namespace.nspname) = upper({}) and upper(pg_class.relname) = upper({})",
            text(schema)?,
            text(table)?
        ),
        other => return Err(refused(format!("{other} does not keep when a table was changed"))),
    };
    Ok(At { value: query, span })
}
