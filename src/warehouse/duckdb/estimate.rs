//! What a statement would read, from DuckDB's plan: all rows of every table that it scans (DuckDB knows them exactly), and the blocks that the
//! table stands in. An upper bound: columns and row groups that a scan leaves out are not taken off.

use serde_json::Value;

use crate::dbt::relation_name::RelationName;
use crate::warehouse::Estimate;

/// Steps without inputs that read no data: the statement itself, or the catalog.
const NOTHING_READ: &[&str] = &[
    "CHUNK_SCAN",
    "COLUMN_DATA_SCAN",
    "CTE_SCAN",
    "DELIM_SCAN",
    "DUCKDB_COLUMNS",
    "DUMMY_SCAN",
    "EMPTY_RESULT",
    "EXPRESSION_SCAN",
    "GENERATE_SERIES",
    "INOUT_FUNCTION",
    "RANGE",
    "RECURSIVE_CTE_SCAN",
    "REC_CTE_SCAN",
    "REC_RECURRING_CTE_SCAN",
    "UNNEST",
];

/// One thing that is read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// A table of a database.
    Table(RelationName),
    /// A Parquet file: its rows, as the plan has them.
    File(Option<u64>),
    /// Something else, of which nothing is known.
    Unknown,
}

/// The scans of a plan, as `EXPLAIN (FORMAT JSON)` prints it; `None` when it is not understood.
pub(super) fn scans(plan: &str) -> Option<Vec<Scan>> {
    let mut found = Vec::new();
    for step in serde_json::from_str::<Value>(plan).ok()?.as_array()? {
        walk(step, &mut found)?;
    }
    Some(found)
}

fn walk(step: &Value, found: &mut Vec<Scan>) -> Option<()> {
    let name = step.get("name")?.as_str()?.trim();
    let said = |key: &str| step.get("extra_info").and_then(|info| info.get(key)).and_then(Value::as_str);
    let inputs = step.get("children")?.as_array()?;
    if let Some(table) = said("Table") {
        found.push(RelationName::read(table, "duckdb").map_or(Scan::Unknown, Scan::Table));
    } else if name == "READ_PARQUET" || name == "PARQUET_SCAN" {
        // What is left of the rows after a filter is not what is read.
        let rows = said("Filters").is_none().then(|| said("Estimated Cardinality")?.trim().parse().ok()).flatten();
        found.push(Scan::File(rows));
    } else if inputs.is_empty() && !NOTHING_READ.contains(&name) {
        found.push(Scan::Unknown);
    }
    inputs.iter().try_for_each(|input| walk(input, found))
}

/// Rows and bytes of one table; `number` asks a statement that has one number for an answer.
pub(super) fn of_table(table: &RelationName, mut number: impl FnMut(&str) -> Option<u64>) -> Estimate {
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let (Some(database), Some(schema)) = (table.database(), table.schema()) else { return Estimate::default() };
    let name = [database, schema, table.name()].map(quoted).join(".");
    let rows = format!(
        "select estimated_size::bigint from duckdb_tables() where database_name = {} and schema_name = {} and table_name = {}",
        literal(database),
        literal(schema),
        literal(table.name())
    );
    // What is not in blocks yet (rows of the write-ahead log) makes the sum unknown.
    let bytes = format!(
        "with info as materialized (select persistent, unnest(list_append(additional_block_ids, block_id)) as block from pragma_storage_info({})) \
         select case when count(*) = count(case when persistent then 1 end) then count(distinct case when block >= 0 then block end) \
         * (select max(block_size) from pragma_database_size()) end::bigint from info",
        literal(&name)
    );
    Estimate { rows: number(&rows), bytes: number(&bytes) }
}
