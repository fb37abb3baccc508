//! The tables of the suite: small, and the same on every engine. What is written here is SQL that all of them read; an engine says what its types
//! are called.

/// A table: its columns with their types, and its rows as SQL literals.
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [(&'static str, &'static str)],
    pub rows: &'static [&'static [&'static str]],
}

/// `many` has 1500 rows, 0 to 1499, which are not written out.
const TABLES: &[Table] = &[
    Table {
        name: "orders",
        columns: &[("id", "int"), ("sku", "text"), ("platform", "text"), ("amount", "decimal(12,2)"), ("loaded_at", "time")],
        rows: &[
            &["1", "'A'", "'google'", "10.50", "'2026-11-16 09:00:00'"],
            &["2", "'A'", "'google'", "100.50", "'2026-11-16 09:30:00'"],
            &["3", "'A'", "'meta'", "100.75", "'2026-11-15 09:00:00'"],
            &["4", "'B'", "'tiktok'", "-1.25", "null"],
            &["5", "'C'", "'google'", "1.00", "'2026-11-16 08:00:00'"],
            &["6", "null", "null", "null", "'2026-11-16 08:00:00'"],
        ],
    },
    Table {
        name: "ledger",
        columns: &[("sku", "text"), ("amount", "decimal(12,2)")],
        rows: &[&["'A'", "201.75"], &["'B'", "-1.25"], &["'C'", "1.00"]],
    },
    Table {
        name: "costs",
        columns: &[("sku", "text"), ("cost", "decimal(12,2)")],
        rows: &[&["'A'", "5.00"], &["'Z'", "null"], &["null", "1.00"]],
    },
    Table { name: "no_rows", columns: &[("id", "int"), ("sku", "text"), ("amount", "decimal(12,2)"), ("loaded_at", "time")], rows: &[] },
    Table { name: "ratios", columns: &[("ratio", "double")], rows: &[&["0.5"], &["null"], &["nan"], &["inf"]] },
    Table {
        name: "odd_names",
        columns: &[("select", "int"), ("Mixed", "int"), ("größe", "int"), ("with space", "int"), ("order", "int"), ("a.b", "int")],
        rows: &[&["1", "2", "3", "4", "5", "6"], &["null", "null", "null", "null", "null", "null"]],
    },
    Table { name: "many", columns: &[("a", "int")], rows: &[] },
];

/// All of them.
pub fn tables() -> &'static [Table] {
    TABLES
}

impl Table {
    /// A query that gives the rows. `types` translates the types, `number` what is no plain literal (`nan`, `inf`), `quote` names.
    pub fn query(&self, types: &dyn Fn(&str) -> String, number: &dyn Fn(&str) -> String, quote: &dyn Fn(&str) -> String) -> String {
        let cast = |value: &str, kind: &str| {
            let value = if matches!(value, "nan" | "inf") { number(value) } else { value.to_owned() };
            format!("cast({value} as {})", types(kind))
        };
        let select = |row: &[&str]| {
            let cells = row.iter().zip(self.columns).map(|(value, (name, kind))| format!("{} as {}", cast(value, kind), quote(name)));
            format!("select {}", cells.collect::<Vec<_>>().join(", "))
        };
        if self.rows.is_empty() {
            let nulls = vec!["null"; self.columns.len()];
            return format!("select * from ({}) as none where 1 = 0", select(&nulls));
        }
        self.rows.iter().map(|row| select(row)).collect::<Vec<_>>().join(" union all ")
    }
}
