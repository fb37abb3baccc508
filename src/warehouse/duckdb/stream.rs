//! DuckDB's answers as they come: the first rows of one as cells, or all of them as fields. Not for deadlines: see the session.

use duckdb::Connection;
use duckdb::arrow::datatypes::DataType;

use super::{cells, faults};
use crate::check::field::{Column, Sort};
use crate::check::measurement::Cell;
use crate::check::outcome::Fault;
use crate::warehouse::streamed::{self, Row, Values};
use crate::warehouse::{MAX_ROWS, Rows, Take};

/// The first rows of an answer.
pub(super) fn first(connection: &Connection, sql: &str) -> duckdb::Result<Rows> {
    let mut statement = connection.prepare(sql)?;
    let mut found = statement.query([])?;
    let (mut columns, mut kinds, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(statement) = found.as_ref() {
        columns = statement.column_names();
        kinds = (0..columns.len()).map(|column| statement.column_type(column)).collect();
    }
    while rows.len() < MAX_ROWS
        && let Some(row) = found.next()?
    {
        let cells = kinds.iter().enumerate().map(|(column, kind)| {
            Ok(match kind {
                DataType::Null => Cell::Null,
                kind if cells::is_read(kind) => cells::cell(row.get_ref(column)?, kind),
                other => Cell::Unsupported(other.to_string()),
            })
        });
        rows.push(cells.collect::<duckdb::Result<Vec<Cell>>>()?);
    }
    Ok(Rows { columns, rows })
}

/// Every row of an answer. A value of a type that is not read is handed over as such, and never looked at.
pub(super) fn rows(connection: &Connection, sql: &str, take: &mut Take<'_>) -> Result<Vec<Column>, Fault> {
    let wrong = |error: duckdb::Error| faults::of_statement(&error);
    let mut statement = connection.prepare(sql).map_err(wrong)?;
    let batches = statement.stream_arrow([]).map_err(wrong)?;
    let columns: Vec<Column> =
        batches.get_schema().fields().iter().map(|field| Column { name: field.name().clone(), sort: sort(field) }).collect();
    for batch in batches {
        let batch = batch.map_err(wrong)?;
        let values: Vec<Values<'_>> = batch.columns().iter().map(Values::of).collect();
        for row in 0..batch.num_rows() {
            take(&columns, &Row { columns: &values, row })?;
        }
    }
    Ok(columns)
}

/// DuckDB says of a 128-bit integer that it is a decimal without places, and of JSON that it is text: both are compared as such.
fn sort(field: &duckdb::arrow::datatypes::Field) -> Sort {
    streamed::sort(field.data_type())
}
