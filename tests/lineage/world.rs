//! The small sources over which random chains run, and every variant of them: one column changed, rows deleted, rows repeated.
//!
//! Few rows, few different values, NULLs, keys that sometimes repeat. Each variant is a schema that holds the one source that differs.

use serde_json::{Value, json};

use super::engine::{Engine, literal, quoted};
use super::generator::{Column, Table, Type};
use crate::dice::Dice;

/// Rows of each source.
const ROWS: usize = 6;
/// Shuffles of the whole data set: an answer that differs between them depends on the physical order of rows and proves nothing.
pub const SHUFFLES: usize = 2;

/// What a variant changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Values(String),
    Deleted,
    Repeated,
}

/// One source that differs from the base.
#[derive(Debug, Clone)]
pub struct Variant {
    pub schema: String,
    pub source: String,
    pub change: Change,
}

/// A data set with its variants.
pub struct World {
    pub engine: Engine,
    pub variants: Vec<Variant>,
}

/// Name, SQL type, type to the generator, values (a leading `=` is SQL), a value that is never there otherwise.
type Described = (&'static str, &'static str, Type, Value, Value);

/// The sources: names and types repeat among them.
pub fn sources() -> Vec<(&'static str, Vec<Described>)> {
    let id = || ("id", "INTEGER", Type::Number, json!([1, 2, 3, 4, 5, 6]), json!(77));
    let k = || ("k", "INTEGER", Type::Number, json!([1, 2, 3, null]), json!(78));
    let v = || ("v", "INTEGER", Type::Number, json!([0, 1, 2, 3, 4, null]), json!(79));
    let g = |name| (name, "VARCHAR", Type::Text, json!(["x", "y", "z", null]), json!("xq"));
    let d = ("d", "DATE", Type::Date, json!(["2024-01-01", "2024-01-02", "2024-02-01", null]), json!("2025-05-05"));
    let odd = ("Odd Name", "INTEGER", Type::Number, json!([1, 2, 3]), json!(80));
    let tags = ("tags", "INTEGER[]", Type::List, json!(["=[1, 2]", "=[2]", "=[]", "=[3, 1]", null]), json!("=[9, 9]"));
    let s = (
        "s",
        "STRUCT(x INTEGER, y VARCHAR)",
        Type::Pair,
        json!(["={'x': 1, 'y': 'x'}", "={'x': 2, 'y': 'z'}", null]),
        json!("={'x': 5, 'y': 'q'}"),
    );
    let j = (
        "j",
        "JSON",
        Type::Json,
        json!(["{\"x\": 1, \"y\": \"z\"}", "{\"x\": 3}", "{\"y\": \"x\"}", null]),
        json!("{\"x\": 9, \"y\": \"q\"}"),
    );
    let ok = ("ok", "BOOLEAN", Type::Flag, json!([true, false, null]), json!(null));
    vec![
        ("ta", vec![id(), k(), g("g"), v(), d]),
        ("tb", vec![id(), k(), g("h"), ("w", "INTEGER", Type::Number, json!([1, 2, 5, null]), json!(81))]),
        ("tc", vec![k(), g("g"), odd, tags, s]),
        ("te", vec![g("g"), v(), j, ok]),
    ]
}

/// The sources as the generator sees them.
pub fn tables() -> Vec<Table> {
    let table = |(name, columns): (&str, Vec<Described>)| Table {
        name: name.into(),
        columns: columns.iter().map(|column| Column::new(column.0, column.2)).collect(),
        hidden: Vec::new(),
    };
    sources().into_iter().map(table).collect()
}

impl World {
    pub fn new(seed: u64) -> World {
        let mut world = World { engine: Engine::new(), variants: Vec::new() };
        let mut dice = Dice(seed);
        world.engine.execute("create schema shuffled").unwrap();
        (0..SHUFFLES).for_each(|shuffle| world.engine.execute(&format!("create schema s{shuffle}")).unwrap());
        for (name, columns) in sources() {
            let drawn = |dice: &mut Dice, column: &Described| {
                let domain = column.3.as_array().unwrap();
                literal(&domain[dice.below(domain.len())])
            };
            let unique = seed % 3 != 2;
            let rows: Vec<Vec<String>> = (0..ROWS)
                .map(|row| {
                    let cell =
                        |column: &Described| if column.0 == "id" && unique { (row + 1).to_string() } else { drawn(&mut dice, column) };
                    columns.iter().map(cell).collect()
                })
                .collect();
            world.fill("base", name, &columns, &rows);
            for shuffle in 0..SHUFFLES {
                world.fill(&format!("s{shuffle}"), name, &columns, &shuffled(&rows, &mut dice));
            }
            for (at, column) in columns.iter().enumerate() {
                let with = |change: &dyn Fn(usize, &str) -> String| {
                    let mut changed = rows.clone();
                    changed.iter_mut().enumerate().for_each(|(row, cells)| cells[at] = change(row, &cells[at]));
                    changed
                };
                let mut all = vec![
                    with(&|row, _| rows[(row + 1) % ROWS][at].clone()),
                    with(&|_, _| "null".into()),
                    with(&|_, _| rows[0][at].clone()),
                    with(&|_, _| literal(&column.4)),
                ];
                for _ in 0..4 {
                    let (chosen, value) = (dice.below(ROWS), drawn(&mut dice, column));
                    all.push(with(&|row, now| if row == chosen { value.clone() } else { now.to_owned() }));
                }
                let chosen = dice.below(ROWS);
                all.push(with(&|row, now| if row == chosen { literal(&column.4) } else { now.to_owned() }));
                all.retain(|changed| *changed != rows);
                all.iter().for_each(|changed| world.vary(name, &columns, changed, Change::Values(column.0.into())));
            }
            let mut picks: Vec<Vec<usize>> = (0..ROWS).map(|row| vec![row]).collect();
            picks.extend([(0..ROWS).filter(|_| dice.below(2) == 0).collect(), (0..ROWS).collect()]);
            for pick in picks.iter().filter(|pick| !pick.is_empty()) {
                let kept: Vec<_> = rows.iter().enumerate().filter(|(row, _)| !pick.contains(row)).map(|(_, row)| row.clone()).collect();
                world.vary(name, &columns, &kept, Change::Deleted);
                let repeated: Vec<_> = rows.iter().chain(pick.iter().map(|&row| &rows[row])).cloned().collect();
                world.vary(name, &columns, &repeated, Change::Repeated);
            }
        }
        world
    }
    fn vary(&mut self, source: &str, columns: &[Described], rows: &[Vec<String>], change: Change) {
        let schema = format!("v{}", self.variants.len());
        self.engine.execute(&format!("create schema {schema}")).unwrap();
        self.fill(&schema, source, columns, rows);
        self.variants.push(Variant { schema, source: source.into(), change });
    }
    fn fill(&self, schema: &str, source: &str, columns: &[Described], rows: &[Vec<String>]) {
        let defined: Vec<String> = columns.iter().map(|column| format!("{} {}", quoted(column.0), column.1)).collect();
        let rows: Vec<String> = rows.iter().map(|row| format!("({})", row.join(", "))).collect();
        let insert = if rows.is_empty() { String::new() } else { format!("; insert into {schema}.{source} values {}", rows.join(", ")) };
        self.engine.execute(&format!("create table {schema}.{source} ({}){insert}", defined.join(", "))).unwrap();
    }
    /// Copies what a search path finds into the schema `shuffled`, in another order of rows.
    pub fn shuffle(&self, variant: Option<&Variant>, turn: usize) {
        for (name, _) in sources() {
            let from = variant.filter(|variant| variant.source == name).map_or("base", |variant| &variant.schema);
            let make = format!("create or replace table shuffled.{name} as from {from}.{name} as t order by hash(t::varchar || '{turn}')");
            self.engine.execute(&make).unwrap();
        }
    }
}

fn shuffled(rows: &[Vec<String>], dice: &mut Dice) -> Vec<Vec<String>> {
    let mut rows = rows.to_vec();
    (1..rows.len()).rev().for_each(|end| rows.swap(end, dice.below(end + 1)));
    rows
}
