//! Adapter -> how its SQL is read: the parser's dialects to try, and the few habits that change what a name means.
//!
//! Not for functions (see `functions`).

use sqlparser::dialect::{
    BigQueryDialect, DatabricksDialect, Dialect, DuckDbDialect, GenericDialect, MsSqlDialect, MySqlDialect, PostgreSqlDialect,
    RedshiftSqlDialect, SQLiteDialect, SnowflakeDialect, SparkSqlDialect,
};

use super::kind::Types;
use super::spelling::Spelling;

/// How one warehouse reads SQL.
pub(super) struct Manners {
    /// Dialects of the parser, tried in order.
    pub(super) dialects: Vec<Box<dyn Dialect + Send + Sync>>,
    /// Whether `value:path` reads a field of a semi-structured column; elsewhere the parser's reading of it is wrong.
    pub(super) colon_paths: bool,
    /// Whether `select *` gives the columns of USING before all others (the standard says so); DuckDB keeps the order of the tables.
    pub(super) using_first: bool,
    /// Whether an unnamed function gives a column of the function's name.
    pub(super) function_names: bool,
    /// Whether a PIVOT calls its columns by the aggregate before the value.
    pub(super) aggregate_first: bool,
    /// Whose spellings texts may have.
    pub(super) spelling: Spelling,
    /// Whether ASOF JOIN keeps rows of the left side that have no partner, unless its spelling says otherwise.
    pub(super) asof_keeps: bool,
    /// Whether a double-quoted text is a string.
    pub(super) double_quoted_strings: bool,
    /// Whether a function may take a unit of time as a bare word: `date_trunc(month, d)`.
    pub(super) bare_units: bool,
    /// What names of types mean.
    pub(super) types: Types,
}

/// By dbt's adapter type. Unknown adapters get the generic dialect.
pub(super) fn manners(adapter: &str) -> Manners {
    let generic = || Box::new(GenericDialect {}) as Box<dyn Dialect + Send + Sync>;
    let mut manners = Manners {
        dialects: vec![generic()],
        colon_paths: false,
        using_first: true,
        function_names: false,
        aggregate_first: false,
        spelling: Spelling::Plain,
        asof_keeps: true,
        double_quoted_strings: false,
        bare_units: true,
        types: Types::Plain,
    };
    let own: Box<dyn Dialect + Send + Sync> = match adapter {
        "duckdb" | "motherduck" => {
            manners.using_first = false;
            manners.bare_units = false;
            manners.spelling = Spelling::DuckDb;
            Box::new(DuckDbDialect {})
        }
        "postgres" | "postgresql" | "greenplum" | "materialize" | "risingwave" | "alloydb" => {
            manners.function_names = true;
            manners.bare_units = false;
            manners.types = Types::Postgres;
            manners.spelling = Spelling::Postgres;
            Box::new(PostgreSqlDialect {})
        }
        "redshift" => {
            manners.function_names = true;
            manners.colon_paths = true;
            Box::new(RedshiftSqlDialect {})
        }
        "snowflake" => {
            manners.colon_paths = true;
            manners.types = Types::Snowflake;
            Box::new(SnowflakeDialect {})
        }
        "bigquery" => {
            manners.aggregate_first = true;
            manners.double_quoted_strings = true;
            manners.types = Types::BigQuery;
            Box::new(BigQueryDialect {})
        }
        "databricks" => {
            manners.colon_paths = true;
            manners.double_quoted_strings = true;
            manners.types = Types::Spark;
            Box::new(DatabricksDialect {})
        }
        "spark" => {
            manners.double_quoted_strings = true;
            manners.types = Types::Spark;
            Box::new(SparkSqlDialect {})
        }
        "sqlserver" | "synapse" | "fabric" => Box::new(MsSqlDialect {}),
        "mysql" | "singlestore" | "doris" | "starrocks" => {
            manners.double_quoted_strings = true;
            Box::new(MySqlDialect {})
        }
        "sqlite" => Box::new(SQLiteDialect {}),
        "trino" | "starburst" | "athena" | "presto" => {
            manners.spelling = Spelling::Trino;
            manners.bare_units = false;
            return manners;
        }
        _ => return manners,
    };
    manners.dialects.insert(0, own);
    manners
}
