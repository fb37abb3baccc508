//! Rendered checks -> statements: what one scan can answer is asked in one, and what the engine knows without a scan is asked apart from it.
//!
//! A view is computed anew by every statement, so everything about it goes into one scan. A table's statistics, its distinct values and its blocks
//! can be asked for less. Pure; knows no engine: a template says which cheaper question its dialect has.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::Spec;
use crate::check::common::Expect;
use crate::macros::{Quick, Rendered};

use super::compare::Comparison;
use super::keys::{Answer, Keys, Pass};
use super::{Asked, CheckId, Statement};

/// How each check is asked, and the statements that ask.
pub(super) type Asking = (BTreeMap<CheckId, Asked>, Vec<Statement>);

/// A check, rendered.
pub(super) struct Member<'a> {
    pub id: &'a CheckId,
    pub spec: &'a Spec,
    pub connection: Option<String>,
    /// Names of the relations in SQL, without filters.
    pub relations: Vec<String>,
    /// The condition on the rows of a scan.
    pub filter: Option<String>,
    pub columns: Vec<(&'a str, Expect)>,
    pub sql: Rendered,
    /// The cheaper question; only for the rows of a whole table.
    pub quick: Option<Quick>,
    /// The column that the check is about, as its template names it.
    pub column: Option<String>,
    /// What it asks of the keys of whole tables.
    pub keys: Option<Keys>,
    /// What each of two connections is asked.
    pub compare: Option<Box<Comparison>>,
}

/// What checks have in common that one statement answers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    connection: Option<String>,
    from: String,
    filter: Option<String>,
    source: Source,
}

/// Where a statement takes its numbers from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// The rows.
    Rows,
    /// What the engine keeps of each column.
    Statistics,
    /// The distinct values of a column, quoted.
    Values(String),
}

/// A check within a statement.
struct Item<'m, 'a> {
    member: &'m Member<'a>,
    expressions: Vec<String>,
    proof: bool,
}

enum Ordered<'m, 'a> {
    /// Queries that are alike to the letter are asked once.
    Alone(Statement, Vec<&'m Member<'a>>),
    Together(usize),
    Pass(&'m Pass),
}

/// Fuses what can be fused, in the order of the checks. `passes` are asked in place of the checks that they answer.
pub(super) fn fuse(members: &[Member<'_>], passes: &[Pass]) -> Asking {
    let (mut groups, mut order): (Vec<(Key, Vec<Item<'_, '_>>)>, Vec<Ordered<'_, '_>>) = (Vec::new(), Vec::new());
    let tables = Tables::of(members);
    for (at, member) in members.iter().enumerate() {
        if let Some(pass) = passes.iter().find(|pass| pass.answers(at)) {
            if pass.answers.first().is_some_and(|first| first.member == at) {
                order.push(Ordered::Pass(pass));
            }
            continue;
        }
        let (source, expressions, proof) = match (&member.sql, tables.quick(member)) {
            (Rendered::Query(sql), _) => {
                ask_alone(&mut order, member, sql.clone(), None);
                continue;
            }
            (Rendered::Scan(_), Some(Quick::Rows(bad))) => {
                ask_alone(&mut order, member, alone(&member.from(), bad), Some(member.exactly()));
                continue;
            }
            (Rendered::Scan(_), Some(Quick::Scan(doubts))) => (Source::Rows, vec![doubts.clone()], true),
            (Rendered::Scan(_), Some(Quick::Statistics(doubts))) => (Source::Statistics, vec![doubts.clone()], true),
            (Rendered::Scan(_), Some(Quick::Values { count, .. })) => {
                (Source::Values(member.column.clone().unwrap_or_default()), vec![count.clone()], true)
            }
            (Rendered::Scan(expressions), None) if tables.has_statistics(member) && expressions.iter().all(|sql| is_statistic(sql)) => {
                (Source::Statistics, expressions.clone(), false)
            }
            (Rendered::Scan(expressions), None) => (Source::Rows, expressions.clone(), false),
        };
        let key = Key { connection: member.connection.clone(), from: member.from(), filter: member.filter.clone(), source };
        let item = Item { member, expressions, proof };
        match groups.iter().position(|(other, _)| *other == key) {
            Some(place) => groups[place].1.push(item),
            None => {
                order.push(Ordered::Together(groups.len()));
                groups.push((key, vec![item]));
            }
        }
    }
    let (mut asks, mut statements) = (BTreeMap::new(), Vec::new());
    for ordered in order {
        let statement = statements.len();
        let ask_from = |member: &Member<'_>, rows_seen: usize, first: usize, proof: bool| {
            let columns = member.columns.iter().map(|(_, expect)| *expect).collect();
            (member.id.clone(), Asked::Measured { spec: member.spec.clone(), statement, rows_seen, first, columns, proof })
        };
        let ask = |member: &Member<'_>, first: usize, proof: bool| ask_from(member, 0, first, proof);
        match ordered {
            Ordered::Alone(alone, members) => {
                asks.extend(members.into_iter().map(|member| ask(member, 1, false)));
                statements.push(alone);
            }
            Ordered::Pass(pass) => {
                let answered = || pass.answers.iter().map(|answer| &members[answer.member]);
                // Two numbers of rows come first.
                let asked = |answer: &Answer| ask_from(&members[answer.member], usize::from(answer.of_other), 2 + answer.doubt, true);
                asks.extend(pass.answers.iter().map(asked));
                statements.push(Statement {
                    connection: answered().next().and_then(|member| member.connection.clone()),
                    relations: pass.relations.clone(),
                    checks: answered().map(|member| member.id.clone()).collect(),
                    sql: pass.sql.clone(),
                    parts: answered().map(Member::exactly).collect(),
                    compare: None,
                });
            }
            Ordered::Together(place) => {
                let (key, items) = &groups[place];
                for (at, item) in items.iter().enumerate() {
                    asks.extend([ask(item.member, 1 + columns_before(items, item.measured_by(items, at)), item.proof)]);
                }
                statements.push(together(key, items));
            }
        }
    }
    (asks, statements)
}

/// A statement of its own, or a share in the one that is alike to the letter. `part` is what measures exactly where the statement only proves.
fn ask_alone<'m, 'a>(order: &mut Vec<Ordered<'m, 'a>>, member: &'m Member<'a>, sql: String, part: Option<Statement>) {
    let same = |ordered: &&mut Ordered<'_, '_>| match ordered {
        Ordered::Alone(alone, others) => {
            alone.sql == sql && alone.compare.is_none() && alone.connection == member.connection && others[0].columns == member.columns
        }
        Ordered::Together(_) | Ordered::Pass(_) => false,
    };
    match order.iter_mut().find(same) {
        Some(Ordered::Alone(alone, others)) => {
            alone.checks.push(member.id.clone());
            alone.parts.extend(part);
            others.push(member);
        }
        _ => order.push(Ordered::Alone(Statement { parts: part.into_iter().collect(), ..member.statement(sql) }, vec![member])),
    }
}

/// How many measured columns stand before this item's in the statement: what two checks ask is measured once.
fn columns_before(items: &[Item<'_, '_>], item: usize) -> usize {
    let measured = |(at, other): (usize, &Item<'_, '_>)| if other.measured_by(items, at) == at { other.expressions.len() } else { 0 };
    items.iter().enumerate().take(item).map(measured).sum()
}

/// What is known of the tables that several checks are about.
struct Tables {
    /// Tables whose dialect has questions to statistics.
    statistics: BTreeSet<String>,
    /// Columns that have few values if a check passes: table and column.
    few: BTreeSet<(String, String)>,
}

impl Tables {
    fn of(members: &[Member<'_>]) -> Tables {
        let (mut statistics, mut few) = (BTreeSet::new(), BTreeSet::new());
        for member in members.iter().filter(|member| member.filter.is_none()) {
            match (&member.quick, &member.column) {
                (Some(Quick::Statistics(_)), _) => drop(statistics.insert(member.from())),
                (Some(Quick::Values { bounded: true, .. }), Some(column)) => drop(few.insert((member.from(), column.clone()))),
                (Some(_) | None, _) => {}
            }
        }
        Tables { statistics, few }
    }
    /// The cheaper question, where it is cheaper.
    fn quick<'m>(&self, member: &'m Member<'_>) -> Option<&'m Quick> {
        let counts = member.columns.iter().all(|(_, expect)| *expect == Expect::Count) && member.spec.kind().request().items.is_empty();
        let one_number = member.columns.len() == 1;
        member.quick.as_ref().filter(|_| counts && member.filter.is_none()).filter(|quick| match quick {
            Quick::Statistics(_) | Quick::Scan(_) => true,
            Quick::Rows(_) => one_number,
            Quick::Values { bounded, .. } => {
                member.column.as_ref().is_some_and(|column| *bounded || self.few.contains(&(member.from(), column.clone())))
            }
        })
    }
    fn has_statistics(&self, member: &Member<'_>) -> bool {
        member.filter.is_none() && self.statistics.contains(&member.from())
    }
}

impl Item<'_, '_> {
    /// The first item that measures the same; itself, at `at`, where none does.
    fn measured_by(&self, items: &[Item<'_, '_>], at: usize) -> usize {
        let same = |other: &Item<'_, '_>| {
            (other.proof, &other.expressions, &other.member.columns) == (self.proof, &self.expressions, &self.member.columns)
        };
        items.iter().take(at).position(same).unwrap_or(at)
    }
}

impl Member<'_> {
    fn from(&self) -> String {
        self.relations.first().cloned().unwrap_or_default()
    }
    /// Whether both ask the same of the same keys.
    pub(super) fn asks_the_same_of_keys(&self, other: &Member<'_>) -> bool {
        (self.keys == other.keys && self.relations == other.relations)
            && (self.connection == other.connection && self.columns == other.columns)
    }
    fn statement(&self, sql: String) -> Statement {
        Statement {
            connection: self.connection.clone(),
            relations: self.relations.clone(),
            checks: vec![self.id.clone()],
            sql,
            parts: Vec::new(),
            compare: self.compare.clone(),
        }
    }
    /// The statement that measures this check and nothing else.
    fn exactly(&self) -> Statement {
        match &self.sql {
            Rendered::Query(sql) => self.statement(sql.clone()),
            Rendered::Scan(expressions) => {
                let columns = self.columns.iter().map(|(name, _)| *name);
                let sql = scan("count(*)", columns.zip(expressions.iter().map(String::as_str)), &self.from(), self.filter.as_deref());
                self.statement(sql)
            }
        }
    }
}

/// The statement of a group, with a part for each check where it has several, or only proves.
fn together(key: &Key, items: &[Item<'_, '_>]) -> Statement {
    let once = items.iter().enumerate().filter(|(at, item)| item.measured_by(items, *at) == *at).map(|(_, item)| item);
    let measured = once.flat_map(|item| {
        let names = item.member.columns.iter().map(|(name, _)| *name);
        let names: Vec<&str> = if item.proof { vec!["doubtful"] } else { names.collect() };
        names.into_iter().zip(item.expressions.iter().map(String::as_str))
    });
    let sql = match &key.source {
        Source::Rows | Source::Statistics => scan("count(*)", measured, &key.from, key.filter.as_deref()),
        Source::Values(column) => {
            let values = format!("(select distinct {column} from {}) as distinct_values", key.from);
            scan(&format!("(select count(*) from {})", key.from), measured, &values, None)
        }
    };
    let split = items.len() > 1 || items.iter().any(|item| item.proof);
    Statement {
        connection: key.connection.clone(),
        relations: vec![key.from.clone()],
        checks: items.iter().map(|item| item.member.id.clone()).collect(),
        sql,
        parts: if split { items.iter().map(|item| item.member.exactly()).collect() } else { Vec::new() },
        compare: None,
    }
}

/// One `select` over the relation; column names are only for people, answers are read by position.
fn scan<'s>(rows_seen: &str, measured: impl Iterator<Item = (&'s str, &'s str)>, from: &str, filter: Option<&str>) -> String {
    let mut sql = format!("select\n    {rows_seen} as rows_seen");
    for (number, (column, expression)) in measured.enumerate() {
        sql.push_str(&format!(",\n    {expression} as {column}_{}", number + 1));
    }
    sql.push_str(&format!("\nfrom {from}"));
    if let Some(filter) = filter {
        sql.push_str(&format!("\nwhere (\n    {filter}\n)"));
    }
    sql
}

/// The number of bad rows by itself.
fn alone(from: &str, bad: &str) -> String {
    format!("select\n    (select count(*) from {from}) as rows_seen,\n    count(*) as bad_1\nfrom {from}\nwhere {bad}")
}

/// Whether an aggregate is made of counts, least and greatest values of bare columns, which an engine may know without a scan.
fn is_statistic(sql: &str) -> bool {
    sql.split(['+', '-']).all(|term| {
        let term = term.trim();
        let inner = |name: &str| term.strip_prefix(name).and_then(|rest| rest.strip_prefix('(')).and_then(|rest| rest.strip_suffix(')'));
        let bare = |name: &str| {
            let quoted = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).is_some_and(|inner| !inner.contains('"'));
            quoted || !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        term == "count(*)" || ["count", "min", "max"].iter().any(|name| inner(name).is_some_and(bare))
    })
}
