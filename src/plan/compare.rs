//! What two connections are asked so that their answers can be compared here: values by key, or rows. A value; who executes it is `execute`.

use std::collections::BTreeMap;

use crate::check::alike::Class;
use crate::check::field::Sort;
use crate::check::reconcile_rows::Strategy;

/// Two sides and how they are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// What is checked.
    pub left: Side,
    /// What it is compared with.
    pub right: Side,
    /// What is compared.
    pub how: How,
}

/// What one side is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// Connection name; `None` is the project's own.
    pub connection: Option<String>,
    /// The relation, as rendered.
    pub relation: String,
    /// The statement.
    pub sql: String,
    /// The first column of the key, quoted; where rows are compared.
    pub key: Option<String>,
    /// How its engine sums up rows; `None` where it cannot, and where no rows are compared.
    pub checksums: Option<Checksums>,
}

/// How an engine sums up rows: its templates, rendered but for what is known when the columns are. What that is stands between @, see
/// `macros/reconcile_rows.sql`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksums {
    /// The engine.
    pub dialect: String,
    /// By what a column holds and what it is compared as: a value as text. One that is not there is not written alike on every engine.
    pub cells: BTreeMap<String, String>,
    /// By what a column holds: the sum of its numbers.
    pub sums: BTreeMap<String, String>,
    /// The statement that sums up segments by ranges of the key.
    pub by_range: String,
    /// The same by the checksum of the key.
    pub by_hash: String,
    /// The statement that fetches the rows of segments by the checksum of the key.
    pub rows: String,
}

impl Checksums {
    /// What is between @ filled in, once from left to right: what is put in is not looked at again.
    pub fn filled(template: &str, values: &[(&str, &str)]) -> String {
        let mut text = String::with_capacity(template.len() * 2);
        let mut rest = template;
        while let Some(at) = rest.find('@') {
            let (before, after) = rest.split_at(at);
            text.push_str(before);
            let known = values.iter().find(|(name, _)| after[1..].strip_prefix(name).is_some_and(|after| after.starts_with('@')));
            let taken = match known {
                Some((name, value)) => {
                    text.push_str(value);
                    name.len() + 2
                }
                None => {
                    text.push('@');
                    1
                }
            };
            rest = &after[taken..];
        }
        text + rest
    }
    /// What stands for a column of this sort that is compared as this class.
    pub fn entry(sort: &Sort, class: Class) -> String {
        format!("{} as {}", sort.name(), class.name())
    }
    /// The value of a column as text; `None` where that is not the same on every engine.
    pub fn cell(&self, column: &str, sort: &Sort, class: Class) -> Option<String> {
        self.cells.get(&Checksums::entry(sort, class)).map(|cell| Checksums::filled(cell, &[("column", column)]))
    }
    /// For people.
    fn text(&self) -> String {
        let of = |what: &str, all: &BTreeMap<String, String>| -> String {
            let line =
                |(name, sql): (&String, &String)| format!("--   {what}{name}: {}\n", sql.split_whitespace().collect::<Vec<_>>().join(" "));
            all.iter().map(line).collect()
        };
        let indented = |sql: &str| sql.lines().map(|line| format!("--   {line}\n")).collect::<String>();
        format!(
            "-- segments by ranges of the key:\n{}-- segments by the key's checksum:\n{}-- @cells@ and @sums@ by what a column holds:\n{}{}",
            indented(&self.by_range),
            indented(&self.by_hash),
            of("", &self.cells),
            of("sum of a ", &self.sums)
        )
    }
}

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// Each side's rows are a key of so many columns, and numbers.
    Keyed {
        /// Columns of the key.
        keys: usize,
    },
    /// Rows by key.
    Rows {
        /// What the contract says of the way.
        strategy: Strategy,
        /// Whether both sides are on this machine.
        near: bool,
        /// Which way, and why; for people.
        why: String,
    },
}

impl Side {
    /// For people: which side, and where.
    fn heading(&self, side: &str) -> String {
        match &self.connection {
            Some(connection) => format!("-- {side}, on {connection}"),
            None => format!("-- {side}"),
        }
    }
}

impl Comparison {
    /// Both statements in one text.
    pub fn text(&self) -> String {
        let (left, right) = (&self.left, &self.right);
        let why = match &self.how {
            How::Keyed { .. } => String::new(),
            How::Rows { why, .. } => format!("-- {why}\n"),
        };
        let side = |side: &Side| {
            let checksums = side.checksums.as_ref().filter(|_| self.may_sum_up()).map(Checksums::text).unwrap_or_default();
            format!("{}{}", checksums, side.sql.trim_end())
        };
        format!("{why}{}\n{}\n\n{}\n{}", left.heading("left"), side(left), right.heading("right"), side(right))
    }
    /// Which way rows are compared, and why; for people.
    pub fn why(&self) -> Option<&str> {
        match &self.how {
            How::Keyed { .. } => None,
            How::Rows { why, .. } => Some(why),
        }
    }
    /// Whether the engines may be asked for checksums, as far as is known before they are asked for anything.
    fn may_sum_up(&self) -> bool {
        match &self.how {
            How::Keyed { .. } => false,
            How::Rows { strategy, near, .. } => match strategy {
                Strategy::Stream => false,
                Strategy::Checksums => true,
                Strategy::Auto => !near,
            },
        }
    }
    /// Both sides.
    pub fn sides(&self) -> [&Side; 2] {
        [&self.left, &self.right]
    }
}
