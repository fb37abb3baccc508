//! Sorts of values, as far as they decide whether two values that differ can compare as equal.
//!
//! Rows that differ in a text may be alike once it is compared with a number, because the warehouse converts it: `'1'` and `'01'` are both 1. So what
//! is known to be unique stays so in a comparison only if its values are compared as what they are. What is not known is not the same as anything,
//! but a column is the same as itself, whatever its type. Not for what an expression gives (see `kind_of`).

use serde::{Deserialize, Serialize};

/// The sort of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Kind(u64);

/// Where warehouses mean different types by one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Types {
    Plain,
    Postgres,
    Snowflake,
    BigQuery,
    Spark,
}

/// Set in kinds that no constant stands for.
const OTHER: u64 = 1 << 63;

impl Kind {
    pub(super) const UNKNOWN: Kind = Kind(0);
    /// NULL without a type: fits every sort.
    pub(super) const NULL: Kind = Kind(1);
    /// Whole numbers of any width.
    pub(super) const INTEGER: Kind = Kind(2);
    /// Exact numbers of any scale.
    pub(super) const DECIMAL: Kind = Kind(3);
    pub(super) const FLOAT: Kind = Kind(4);
    /// Texts that are not padded. Two columns of text are taken to have the same collation: artifacts do not tell.
    pub(super) const TEXT: Kind = Kind(5);
    pub(super) const BOOLEAN: Kind = Kind(6);
    pub(super) const DATE: Kind = Kind(7);
    /// A moment without a zone.
    pub(super) const NAIVE: Kind = Kind(8);
    /// A moment in time.
    pub(super) const ZONED: Kind = Kind(9);

    /// The sort of a type by its name, as catalogs, YAML and casts have it; `None`: the name says nothing here.
    pub(super) fn named(name: &str, types: Types) -> Option<Kind> {
        let lower = name.to_lowercase();
        if lower.contains("collate") {
            return Some(Kind::UNKNOWN);
        }
        if lower.contains(['[', '<', '{']) {
            return None;
        }
        let base = match (lower.split_once('('), lower.rsplit_once(')')) {
            (Some((before, _)), Some((_, after))) => format!("{} {}", before.trim(), after.trim()),
            _ => lower.clone(),
        };
        let kind = match base.trim() {
            "int" | "integer" | "bigint" | "smallint" | "tinyint" | "mediumint" | "byteint" | "hugeint" | "int1" | "int2" | "int4"
            | "int8" | "int16" | "int32" | "int64" | "utinyint" | "usmallint" | "uinteger" | "ubigint" | "serial" | "bigserial"
            | "long" | "int unsigned" | "integer unsigned" | "bigint unsigned" => Kind::INTEGER,
            "decimal" | "numeric" | "number" | "dec" | "bignumeric" | "bigdecimal" => match types {
                // Where two do not fit into one, Spark cuts the scale.
                Types::Spark => Kind::hashed(&[lower.as_bytes()]),
                Types::Plain | Types::Postgres | Types::Snowflake | Types::BigQuery => Kind::DECIMAL,
            },
            "float" | "float4" | "float8" | "float32" | "float64" | "real" | "double" | "double precision" => Kind::FLOAT,
            "varchar" | "text" | "string" | "character varying" | "nvarchar" | "varchar2" | "nvarchar2" | "tinytext" | "mediumtext"
            | "longtext" => Kind::TEXT,
            "boolean" | "bool" => Kind::BOOLEAN,
            "date" => Kind::DATE,
            "timestamp without time zone" | "timestamp_ntz" | "timestampntz" => Kind::NAIVE,
            "timestamp with time zone" | "timestamptz" | "timestamp_tz" | "timestamp_ltz" => Kind::ZONED,
            "timestamp" => match types {
                Types::Plain | Types::Postgres => Kind::NAIVE,
                Types::BigQuery | Types::Spark => Kind::ZONED,
                // A parameter of the session says which.
                Types::Snowflake => Kind::hashed(&[b"timestamp"]),
            },
            "datetime" if matches!(types, Types::Snowflake | Types::BigQuery) => Kind::NAIVE,
            same @ ("datetime" | "datetime2" | "char" | "character" | "bpchar" | "nchar" | "uuid" | "uniqueidentifier" | "time"
            | "bytea" | "bytes" | "blob" | "varbinary" | "binary" | "timestamp_s" | "timestamp_ms" | "timestamp_ns" | "citext") => {
                Kind::hashed(&[b"type", same.as_bytes()])
            }
            // Their values can be equal, but not the same.
            "variant" | "super" | "json" | "jsonb" | "object" | "interval" | "sql_variant" | "any" => Kind::UNKNOWN,
            _ => return None,
        };
        Some(kind)
    }

    /// That of one column and of whatever is the same column.
    pub(super) fn of_column(relation: u64, position: usize) -> Kind {
        // The finish of a hash (splitmix64): columns of one relation shall differ.
        let mut mixed = relation ^ (position as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Kind(mixed ^ (mixed >> 31) | OTHER)
    }

    /// That of what a function gives: the same for the same function, arguments of the same types, and the same literals.
    pub(super) fn hashed(parts: &[&[u8]]) -> Kind {
        Kind(number(parts) | OTHER)
    }

    /// Whether two values of it are of the very same type. Whole numbers, say, are of several.
    pub(super) fn is_one_type(self) -> bool {
        self.0 >= OTHER || [Kind::TEXT, Kind::BOOLEAN, Kind::DATE, Kind::NAIVE, Kind::ZONED].contains(&self)
    }

    pub(super) fn bytes(self) -> [u8; 8] {
        self.0.to_le_bytes()
    }

    /// What a column is that holds values of both.
    pub(super) fn or(self, other: Kind) -> Kind {
        match (self, other) {
            (same, Kind::NULL) | (Kind::NULL, same) => same,
            (one, other) if one == other => one,
            (Kind::INTEGER, Kind::DECIMAL) | (Kind::DECIMAL, Kind::INTEGER) => Kind::DECIMAL,
            _ => Kind::UNKNOWN,
        }
    }

    /// Whether values of this sort that differ still differ when both are compared with a value of the other.
    pub(super) fn stays_apart(self, other: Kind) -> bool {
        // As a text, a number or a moment, a day is still another than the next, and true is not false. (Save for the day that Samoa left out of
        // 2011, as a moment in its zone.)
        if [Kind::DATE, Kind::BOOLEAN].contains(&self) {
            return true;
        }
        if [self, other].iter().any(|kind| [Kind::UNKNOWN, Kind::NULL].contains(kind)) {
            return false;
        }
        let exact = [Kind::INTEGER, Kind::DECIMAL];
        let civil = [Kind::DATE, Kind::NAIVE];
        self == other || [exact, civil].iter().any(|family| family.contains(&self) && family.contains(&other))
    }
}

/// The number of a relation, for [`Kind::of_column`].
pub(super) fn number(parts: &[&[u8]]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&part.len().to_le_bytes());
        hasher.update(part);
    }
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(bytes)
}
