//! Names of SQL types, so far that two spellings of one type are one. Not for what values a type holds.

/// A type as it is compared: its plain name, and what stands in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlType {
    name: String,
    arguments: Vec<String>,
}

impl SqlType {
    /// Reads a type as a contract, dbt or an engine writes it. What is not known stays as it is written, in lower case.
    pub fn of(written: &str, dialect: &str) -> SqlType {
        let text = written.trim().to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
        let (before, arguments, after) = match (text.find('('), text.rfind(')')) {
            (Some(open), Some(close)) if open < close => (&text[..open], Some(&text[open + 1..close]), &text[close + 1..]),
            _ => (text.as_str(), None, ""),
        };
        let bare = format!("{} {}", before.trim(), after.trim());
        let name = plain(bare.trim(), dialect).to_owned();
        let arguments = arguments.map(|inside| inside.split(',').map(|one| one.trim().to_owned()).collect()).unwrap_or_default();
        SqlType { name, arguments }
    }

    /// Whether a column of this type is what was promised. A promise without brackets leaves open what stands in them.
    pub fn keeps(&self, promised: &SqlType) -> bool {
        self.name == promised.name && (promised.arguments.is_empty() || self.arguments == promised.arguments)
    }
}

/// One name for each type that engines and people spell in several ways.
fn plain<'a>(name: &'a str, dialect: &str) -> &'a str {
    match name {
        "int" | "int4" | "integer" | "signed" | "mediumint" => "integer",
        "bigint" | "int8" | "long" | "int64" => "bigint",
        "smallint" | "int2" | "short" => "smallint",
        "tinyint" | "int1" | "byte" => "tinyint",
        "double" | "double precision" | "float8" | "float64" => "double",
        "float" if matches!(dialect, "duckdb" | "spark" | "databricks") => "real",
        "float" => "double",
        "real" | "float4" => "real",
        "decimal" | "numeric" | "dec" | "number" => "decimal",
        "varchar" | "character varying" | "char varying" | "text" | "string" | "nvarchar" => "text",
        "char" | "character" | "bpchar" | "nchar" => "char",
        "bool" | "boolean" | "logical" => "boolean",
        "timestamp" | "timestamp without time zone" | "timestamp_ntz" | "datetime" if !matches!(dialect, "spark" | "databricks") => {
            "timestamp"
        }
        "timestamp" if matches!(dialect, "spark" | "databricks") => "timestamp with time zone",
        "timestamp_ntz" => "timestamp",
        "timestamptz" | "timestamp with time zone" | "timestamp_tz" => "timestamp with time zone",
        "time" | "time without time zone" => "time",
        "blob" | "bytea" | "varbinary" | "binary" | "bytes" => "binary",
        other => other,
    }
}
