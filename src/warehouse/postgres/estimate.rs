//! What a statement would read, from PostgreSQL's plan: whole relations where it scans them, else the rows that the plan expects.
//!
//! Rows come from the planner's statistics and are as old as they; bytes from the size of the relations now. What repeats (the inner side of a
//! nested loop, a correlated subquery) counts as often as the plan expects it to. A plan with a step that is not understood is unknown.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::check::measurement::Cell;
use crate::warehouse::{Estimate, Rows};

/// Bytes of a page: the most that one row found by an index costs, but for rows too long for one.
const PAGE: f64 = 8192.0;
/// Functions in a FROM clause that read no relation.
const PURE: &[&str] =
    &["generate_series", "unnest", "json_array_elements", "jsonb_array_elements", "regexp_split_to_table", "string_to_table"];

/// One scan of one relation.
#[derive(Debug, PartialEq)]
pub(super) struct Scan {
    pub(super) schema: String,
    pub(super) relation: String,
    /// How often it is begun.
    times: f64,
    /// Rows that the plan expects of one time, after filters.
    expected: f64,
    /// Whether it reads all there is.
    whole: bool,
    filtered: bool,
}

/// The scans of a plan, as `EXPLAIN (FORMAT JSON, VERBOSE)` prints it; `None` when it is not understood.
pub(super) fn scans(plan: &str) -> Option<Vec<Scan>> {
    let read: Value = serde_json::from_str(plan).ok()?;
    let mut found = Vec::new();
    for statement in read.as_array()? {
        walk(statement.get("Plan")?, 1.0, &mut found)?;
    }
    Some(found)
}

fn walk(step: &Value, times: f64, found: &mut Vec<Scan>) -> Option<()> {
    let text = |key: &str| step.get(key).and_then(Value::as_str);
    let rows = step.get("Plan Rows")?.as_f64()?;
    let kind = text("Node Type")?;
    if let Some(relation) = text("Relation Name") {
        let whole = match kind {
            "Seq Scan" | "Sample Scan" => true,
            // Each worker expects its share, so that the expectation says nothing of the whole.
            "Index Scan" | "Index Only Scan" | "Bitmap Heap Scan" | "Tid Scan" | "Tid Range Scan" => {
                step.get("Parallel Aware").and_then(Value::as_bool) == Some(true)
            }
            _ => return None,
        };
        let filtered = text("Filter").is_some() || kind != "Seq Scan";
        let schema = text("Schema")?.to_owned();
        found.push(Scan { schema, relation: relation.to_owned(), times, expected: rows, whole, filtered });
    } else if kind == "Function Scan" {
        let function = text("Function Name").filter(|name| PURE.contains(name));
        function.filter(|_| text("Schema").is_none_or(|schema| schema == "pg_catalog"))?;
    } else if ["Foreign Scan", "Custom Scan"].contains(&kind) {
        return None;
    }
    let inputs = step.get("Plans").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let outer = inputs.iter().find(|input| input.get("Parent Relationship").and_then(Value::as_str) == Some("Outer"));
    let outer_rows = outer.and_then(|outer| outer.get("Plan Rows")).and_then(Value::as_f64).unwrap_or(rows).max(1.0);
    for input in inputs {
        let said = |key: &str| input.get(key).and_then(Value::as_str).unwrap_or_default();
        let again = match said("Parent Relationship") {
            "Inner" if kind == "Nested Loop" && !["Materialize", "Hash"].contains(&said("Node Type")) => times * outer_rows,
            // A hashed one is read once, whatever asks it.
            "SubPlan" if !step.to_string().contains(&format!("hashed {}", said("Subplan Name"))) => {
                // A filter looks at more rows than it lets through.
                let filters = text("Filter").is_some_and(|filter| filter.contains(said("Subplan Name")));
                if filters && text("Relation Name").is_some() {
                    return None;
                }
                times * rows.max(outer_rows)
            }
            _ => times,
        };
        walk(input, again, found)?;
    }
    Some(())
}

/// Asks for what is known of the scanned relations; `None` when there is none.
pub(super) fn sizes(scans: &[Scan]) -> Option<String> {
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let mut names: Vec<String> = scans.iter().map(|scan| format!("({}, {})", literal(&scan.schema), literal(&scan.relation))).collect();
    names.sort();
    names.dedup();
    let some = !names.is_empty();
    some.then(|| {
        format!(
            "select n.nspname::text, c.relname::text, c.reltuples::bigint, pg_catalog.pg_table_size(c.oid)::bigint from pg_catalog.pg_class c \
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace where (n.nspname::text, c.relname::text) in ({})",
            names.join(", ")
        )
    })
}

/// Adds up what the scans read. `sizes` are the answer to the question of [`sizes`].
pub(super) fn total(scans: &[Scan], sizes: &Rows) -> Estimate {
    let mut known: BTreeMap<(&str, &str), (i128, i128)> = BTreeMap::new();
    for row in &sizes.rows {
        if let [Cell::Text(schema), Cell::Text(relation), Cell::Int(rows), Cell::Int(bytes)] = row.as_slice() {
            known.insert((schema, relation), (*rows, *bytes));
        }
    }
    scans.iter().fold(Estimate { rows: Some(0), bytes: Some(0) }, |total, scan| {
        total.and(known.get(&(scan.schema.as_str(), scan.relation.as_str())).map_or_else(Estimate::default, |size| one(scan, *size)))
    })
}

#[allow(clippy::cast_precision_loss, reason = "an estimate")]
fn one(scan: &Scan, (rows, bytes): (i128, i128)) -> Estimate {
    let bytes = bytes as f64;
    if !scan.whole {
        let rows = scan.expected * scan.times;
        return Estimate { rows: number(rows), bytes: number((rows * PAGE).min(bytes * scan.times)) };
    }
    // No row counted yet means that nobody looked; then the plan has the size to go by, but not behind a filter.
    let rows = match rows {
        1.. => Some(rows as f64),
        _ if !scan.filtered => Some(scan.expected),
        _ if bytes == 0.0 => Some(0.0),
        _ => None,
    };
    Estimate { rows: rows.and_then(|rows| number(rows * scan.times)), bytes: number(bytes * scan.times) }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range; an estimate")]
fn number(value: f64) -> Option<u64> {
    (value.is_finite() && (0.0..1e18).contains(&value)).then(|| value.ceil() as u64)
}
