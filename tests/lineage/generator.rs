//! Random chains of models: every decision is one draw from a sequence of numbers, 0 the simplest, so that a shorter or smaller sequence is a
//! simpler chain.
//!
//! This file: draws, names, FROM, and whole chains. SELECT and what is made of it is in `selects`, expressions are in `expressions`. The generator
//! knows names and types well enough that DuckDB refuses few of its texts; it knows nothing of lineage.

use super::engine::Model;
use crate::dice::Dice;

/// Longest sequence of draws: beyond it, every draw is 0.
const LONGEST: usize = 2_000;

/// The numbers that decide: those given first, then (if any) new ones.
#[derive(Debug, Clone)]
pub struct Draws {
    pub drawn: Vec<u32>,
    given: Vec<u32>,
    dice: Option<Dice>,
}

impl Draws {
    pub fn new(seed: u64) -> Draws {
        Draws { drawn: Vec::new(), given: Vec::new(), dice: Some(Dice(seed)) }
    }
    pub fn of(given: &[u32]) -> Draws {
        Draws { drawn: Vec::new(), given: given.to_vec(), dice: None }
    }
    fn below(&mut self, end: usize) -> usize {
        let end = u32::try_from(end.max(1)).unwrap();
        let next = match (self.given.get(self.drawn.len()), &mut self.dice) {
            (Some(given), _) => given % end,
            (None, Some(dice)) if self.drawn.len() < LONGEST => u32::try_from(dice.below(end as usize)).unwrap(),
            _ => 0,
        };
        self.drawn.push(next);
        next as usize
    }
}

/// Types as far as the generator tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Number,
    Text,
    Date,
    Flag,
    List,
    Pair,
    Json,
}

pub const TYPES: [Type; 7] = [Type::Number, Type::Text, Type::Date, Type::Flag, Type::List, Type::Pair, Type::Json];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub of: Type,
}

impl Column {
    pub fn new(name: &str, of: Type) -> Column {
        Column { name: name.into(), of }
    }
}

/// A relation that a FROM can name, or that stands in one under an alias. A hidden column is the right side of USING: a star leaves it out.
#[derive(Debug, Clone)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    pub hidden: Vec<String>,
}

/// What a SELECT sees.
#[derive(Debug, Clone, Default)]
pub struct Scope<'a> {
    pub tables: Vec<Table>,
    /// Names of USING, which need no table before them.
    pub merged: Vec<Column>,
    /// Columns of the select list that later items may use.
    pub aliases: Vec<Column>,
    /// Tables that are in sight, too, so that a name they share needs its table's.
    pub beside: Vec<Table>,
    pub outer: Option<&'a Scope<'a>>,
}

/// A name as SQL has it, quoted where it must be.
pub fn written(name: &str) -> String {
    let plain =
        name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit());
    if plain && name != "select" { name.into() } else { super::engine::quoted(name) }
}

/// Names as DuckDB makes them different in a result: the second `k` is `k_1`.
pub fn told_apart(columns: Vec<Column>) -> Vec<Column> {
    let mut told: Vec<Column> = Vec::new();
    for column in columns {
        let taken = |name: &str| told.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        let name =
            (0..).map(|n| if n == 0 { column.name.clone() } else { format!("{}_{n}", column.name) }).find(|name| !taken(name)).unwrap();
        told.push(Column { name, of: column.of });
    }
    told
}

/// A list of new names for columns, as it stands behind an alias.
pub fn renamed(columns: &[Column]) -> (String, Vec<Column>) {
    let columns: Vec<Column> = columns.iter().enumerate().map(|(at, column)| Column::new(&format!("r{at}"), column.of)).collect();
    (format!("({})", columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>().join(", ")), columns)
}

/// A query's text with its columns.
pub type Query = (String, Vec<Column>);

pub struct Generator {
    pub draws: Draws,
    /// What FROM can name: sources, earlier models, CTEs (innermost last).
    pub relations: Vec<Table>,
    aliases: usize,
}

/// Models drawn one after another, each sees those before it.
pub fn chain(draws: Draws, sources: &[Table]) -> (Vec<Model>, Vec<u32>) {
    let mut generator = Generator { draws, relations: sources.to_vec(), aliases: 0 };
    let models = 1 + generator.choose(&[6, 3, 1]);
    let mut chain = Vec::new();
    for number in 1..=models {
        let depth = 1 + generator.choose(&[3, 1]);
        let (sql, columns) = generator.query(depth, None, None);
        let name = format!("m{number}");
        generator.relations.push(Table { name: name.clone(), columns: told_apart(columns), hidden: Vec::new() });
        chain.push(Model { name, sql, hooks: Vec::new() });
    }
    (chain, generator.draws.drawn)
}

impl Generator {
    /// One of so many, by weight.
    pub fn choose(&mut self, weights: &[u32]) -> usize {
        let mut drawn = u32::try_from(self.below(weights.iter().sum::<u32>() as usize)).unwrap();
        weights
            .iter()
            .position(|&weight| {
                let here = drawn < weight;
                drawn = drawn.saturating_sub(weight);
                here
            })
            .unwrap_or_default()
    }
    pub fn below(&mut self, end: usize) -> usize {
        self.draws.below(end)
    }
    /// True once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) + 1 == times
    }
    pub fn of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }
    pub fn text(&mut self, list: &[&str]) -> String {
        self.of(list).to_owned()
    }
    /// A name for a relation: new, or (rarely) one that hides another.
    fn alias(&mut self) -> String {
        self.aliases += 1;
        if self.once_in(12) { self.text(&["ta", "tb", "k", "m1"]) } else { format!("t{}", self.aliases) }
    }
    /// A name for a column: mostly one that relations have, too.
    pub fn column_name(&mut self, taken: &[Column]) -> String {
        let names = ["n", "x", "k", "v", "g", "id", "d", "w", "Total Sum"];
        let name = self.text(&names);
        if taken.iter().any(|column| column.name == name) {
            format!("{}{}", name.to_lowercase().replace(' ', "_"), taken.len())
        } else {
            name
        }
    }

    /// FROM with its joins.
    pub fn from<'a>(&mut self, depth: usize, outer: Option<&'a Scope<'a>>) -> (String, Scope<'a>) {
        let mut scope = Scope { outer, ..Scope::default() };
        let (mut sql, table) = self.relation(depth, &scope, false);
        scope.tables.push(table);
        for _ in 0..self.choose(&[6, 5, 1]) {
            let joined = self.join(depth, &mut scope);
            sql.push_str(&joined);
        }
        (sql, scope)
    }

    fn join(&mut self, depth: usize, scope: &mut Scope<'_>) -> String {
        let kind = self.choose(&[10, 14, 5, 6, 4, 4, 4, 4, 2, 2, 4, 3]);
        let lateral = matches!(kind, 4 | 5) && self.once_in(3);
        let keyed = matches!(kind, 1 | 2) && self.once_in(3);
        let (sql, mut table) = if keyed { self.one_for_each_key() } else { self.relation(depth, scope, lateral) };
        if scope.tables.iter().any(|other| other.name == table.name) {
            return String::new();
        }
        let sql = if lateral && sql.starts_with('(') { format!("lateral {sql}") } else { sql };
        let words = [" join ", " left join ", " right join ", " full join ", " cross join ", ", ", " semi join ", " anti join "];
        if matches!(kind, 4 | 5) {
            scope.tables.push(table);
            return format!("{}{sql}", words[kind]);
        }
        let visible = |scope: &Scope<'_>, name: &str| {
            scope
                .tables
                .iter()
                .flat_map(|table| table.columns.iter().filter(|c| !table.hidden.contains(&c.name)))
                .filter(|c| c.name == name)
                .count()
        };
        let common: Vec<Column> = table.columns.iter().filter(|column| visible(scope, &column.name) > 0).cloned().collect();
        let fits = |column: &Column, scope: &Scope<'_>| {
            visible(scope, &column.name) == 1 && scope.tables.iter().any(|table| table.columns.contains(column))
        };
        if kind == 10 || kind == 11 {
            let unsuited = common.is_empty() || !common.iter().all(|column| fits(column, scope));
            let natural = kind == 11 && !unsuited;
            let using: Vec<Column> =
                if natural { common } else { common.into_iter().filter(|c| fits(c, scope)).take(1 + self.below(2)).collect() };
            if !using.is_empty() {
                table.hidden.extend(using.iter().map(|column| column.name.clone()));
                scope.merged.extend(using.iter().filter(|column| !scope.merged.contains(column)).cloned().collect::<Vec<_>>());
                scope.tables.push(table);
                let word = self.text(&["left join ", "join ", "right join ", "full join "]);
                let names = using.iter().map(|column| written(&column.name)).collect::<Vec<_>>().join(", ");
                return if natural { format!(" natural {word}{sql}") } else { format!(" {word}{sql} using ({names})") };
            }
        }
        let left = Scope { beside: vec![table.clone()], ..scope.clone() };
        let mut both = scope.clone();
        both.tables.push(table.clone());
        let right = Scope { tables: vec![table.clone()], beside: scope.tables.clone(), ..Scope::default() };
        let mut on = self.equality(&left, &right);
        if keyed {
            on = format!("{}.k = {}", written(&table.name), self.leaf(Type::Number, &left));
        }
        if let (8, Some(one), Some(other)) = (kind, self.column(Type::Number, &left), self.column(Type::Number, &right)) {
            let later = format!("{one} {} {other}", self.text(&[">=", ">", "<="]));
            let word = self.text(&[" asof join ", " asof join ", " asof join ", " asof left join "]);
            scope.tables.push(table);
            return format!("{word}{sql} on {on} and {later}");
        }
        match self.choose(&[6, 2, 1]) {
            0 => {}
            1 => on = format!("{on} and {}", self.condition(&both, 1)),
            _ => on = self.condition(&both, 1),
        }
        if !matches!(kind, 6 | 7) {
            scope.tables.push(table);
        }
        format!("{}{sql} on {on}", words.get(kind).unwrap_or(&" left join "))
    }

    /// A relation that has one row for each `k`, in a way that SQL shows: a join on `k` repeats no row.
    fn one_for_each_key(&mut self) -> (String, Table) {
        let alias = self.alias();
        let (from, scope) = self.from(0, None);
        let (key, value) = (self.leaf(Type::Number, &scope), self.expression(Type::Number, &scope, 1));
        let (of, sort) = match self.choose(&[4, 1]) {
            0 => (format!("({key})::int"), Type::Number),
            // Texts that differ and are the same number.
            _ => {
                (format!("case when {} > 1 then '0' else '' end || abs({key})::int::varchar", self.leaf(Type::Number, &scope)), Type::Text)
            }
        };
        let sql = match self.choose(&[3, 1, 2]) {
            0 => format!("select {of} as k, {} as n from {from} group by 1", self.aggregate(Type::Number, &scope)),
            1 => format!("select distinct {of} as k from {from}"),
            _ => {
                let order = scope.everything();
                format!("select {of} as k, {value} as n from {from} qualify row_number() over (partition by {of} order by {order}) = 1")
            }
        };
        let mut columns = vec![Column::new("k", sort), Column::new("n", Type::Number)];
        columns.truncate(if sql.contains(" as n ") { 2 } else { 1 });
        (format!("({sql}) {}", written(&alias)), Table { name: alias, columns, hidden: Vec::new() })
    }

    /// `left.x = right.y` of one type.
    fn equality(&mut self, left: &Scope<'_>, right: &Scope<'_>) -> String {
        let of = if self.once_in(4) { Type::Text } else { Type::Number };
        let sign = if self.once_in(10) { "is not distinct from" } else { "=" };
        let mut side = |scope: &Scope<'_>| self.column(of, scope).unwrap_or_else(|| self.leaf(of, scope));
        format!("{} {sign} {}", side(left), side(right))
    }

    /// One relation of a FROM under its alias.
    fn relation(&mut self, depth: usize, left: &Scope<'_>, lateral: bool) -> (String, Table) {
        let alias = self.alias();
        let table = |columns: Vec<Column>| Table { name: alias.clone(), columns, hidden: Vec::new() };
        if depth == 0 {
            return self.named(&alias);
        }
        let outer = if lateral { Some(left) } else { left.outer };
        match self.choose(&[10, if lateral { 20 } else { 4 }, 1, 1, if lateral { 4 } else { 0 }, 2]) {
            1 => {
                let (sql, columns) = self.query(depth - 1, outer, None);
                (format!("({sql}) {}", written(&alias)), table(told_apart(columns)))
            }
            2 => {
                let rows = (0..1 + self.below(3)).map(|_| format!("({}, {})", self.literal(Type::Number), self.literal(Type::Text)));
                let rows = rows.collect::<Vec<_>>().join(", ");
                (
                    format!("(values {rows}) {}(k, g)", written(&alias)),
                    table(vec![Column::new("k", Type::Number), Column::new("g", Type::Text)]),
                )
            }
            3 => {
                let end = 1 + self.below(4);
                (format!("range(0, {end}) {}(k)", written(&alias)), table(vec![Column::new("k", Type::Number)]))
            }
            4 => {
                let list = self.expression(Type::List, left, 1);
                (format!("unnest({list}) {}(x)", written(&alias)), table(vec![Column::new("x", Type::Number)]))
            }
            5 => {
                let (sql, columns) = self.turned(depth);
                (format!("({sql}) {}", written(&alias)), table(columns))
            }
            _ => self.named(&alias),
        }
    }

    /// A source, model or CTE, mostly under an alias.
    fn named(&mut self, alias: &str) -> (String, Table) {
        let index = self.below(self.relations.len());
        let mut table = self.relations[index].clone();
        // A CTE hides what has the same name.
        table = self.relations.iter().rfind(|other| other.name == table.name).cloned().unwrap_or(table);
        if self.once_in(4) {
            return (written(&table.name), table);
        }
        let sql = format!("{} {}", written(&table.name), written(alias));
        (sql, Table { name: alias.into(), ..table })
    }

    /// PIVOT, UNPIVOT, or a positional join of two ordered queries.
    fn turned(&mut self, depth: usize) -> Query {
        let number = |name: &str| Column::new(name, Type::Number);
        let wanted = |first: Type| [Column::new("g", first), number("k"), number("v")];
        match self.choose(&[3, 3, 2]) {
            0 => {
                let (sql, _) = self.query(depth - 1, None, Some(&wanted(Type::Text)));
                let sum = self.text(&["sum", "max", "count"]);
                let columns = vec![Column::new("g", Type::Text), number("1"), number("2")];
                if self.once_in(2) {
                    (format!("pivot ({sql}) on k in (1, 2) using {sum}(v) group by g"), columns)
                } else {
                    (format!("select * from ({sql}) pivot ({sum}(v) for k in (1, 2) group by g)"), columns)
                }
            }
            1 => {
                let (sql, _) = self.query(depth - 1, None, Some(&wanted(Type::Text)));
                let nulls = if self.once_in(3) { "include nulls " } else { "" };
                let columns = vec![Column::new("g", Type::Text), Column::new("h", Type::Text), number("x")];
                (format!("unpivot {nulls}({sql}) on k, v into name h value x").replace("unpivot include nulls (", "unpivot ("), columns)
            }
            _ => {
                let (left, columns) = self.query(depth - 1, None, Some(&wanted(Type::Date)));
                let (right, _) = self.query(depth - 1, None, Some(&[number("w")]));
                let columns = columns.into_iter().chain([number("w")]).collect();
                (
                    format!(
                        "select * from (select * from ({left}) order by all) p positional join (select * from ({right}) order by all) q"
                    ),
                    columns,
                )
            }
        }
    }
}
