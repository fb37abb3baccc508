//! The SQL that a contract writes, in one list, and the templates in it.

use super::Contract;
use crate::check::common::{Grammar, Part};
use crate::diagnostic::{At, Finding, Names, Span, certain, codes, nearest};

/// One piece of SQL of a contract.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// As written.
    pub sql: At<String>,
    /// What it must be.
    pub grammar: Grammar,
    /// The relation over which it is an expression, as written, where one is known; never set for queries.
    pub relation: Option<At<String>>,
    /// Whose it is.
    pub place: Place,
}

/// Where in a contract a piece of SQL stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `expression` of a metric, by position.
    Metric(usize),
    /// `loaded_at` of a source's freshness, by position.
    Source(usize),
    /// A check, by position.
    Check(usize),
}

/// All SQL of the contract, in the order of the file's sections; each piece once.
pub fn written(contract: &Contract) -> Vec<Written> {
    let mut all: Vec<Written> = Vec::new();
    for (index, source) in contract.sources.iter().enumerate() {
        let loaded_at = source.freshness.as_ref().and_then(|freshness| freshness.loaded_at.clone());
        let relation = Some(source.source.clone());
        all.extend(loaded_at.map(|sql| Written { sql, grammar: Grammar::Expression, relation, place: Place::Source(index) }));
    }
    for (index, metric) in contract.metrics.values().enumerate() {
        let relation = metric.model.clone();
        let expression = metric.expression.clone();
        all.extend(expression.map(|sql| Written { sql, grammar: Grammar::Expression, relation, place: Place::Metric(index) }));
    }
    for (index, check) in contract.checks.iter().enumerate() {
        let kind = check.kind();
        let relations = kind.relations();
        let mut own: Vec<Written> = Vec::new();
        let mut add = |sql: At<String>, grammar, relation: Option<At<String>>| {
            if !own.iter().any(|other| other.sql.span == sql.span && other.sql == sql) {
                own.push(Written { sql, grammar, relation, place: Place::Check(index) });
            }
        };
        for (relation, filter) in relations.iter().zip(kind.filters()) {
            if let Some(filter) = filter {
                add(filter, Grammar::Expression, Some(relation.clone()));
            }
        }
        for part in kind.subject() {
            match part {
                Part::Expression { relation, sql } => add(sql, Grammar::Expression, relations.get(relation).cloned()),
                Part::Query { sql } => add(sql, Grammar::Query, None),
                Part::Column { .. }
                | Part::RowsLost { .. }
                | Part::RowsAdded { .. }
                | Part::DbtTests
                | Part::Everything { .. }
                | Part::Metric { .. }
                | Part::Rendered => {}
            }
        }
        for (_, sql) in kind.request().sql {
            add(sql.text, sql.grammar, relations.first().cloned().filter(|_| sql.grammar == Grammar::Expression));
        }
        all.append(&mut own);
    }
    all
}

/// SQL with something in place of each template, so that it can be parsed; knows where each byte came from.
pub struct Filled {
    /// Parsable text. Not what runs: that is rendered by the planner.
    pub text: String,
    /// Beginnings of stretches: byte in `text`, byte as written, and whether the stretch stands for a template.
    stretches: Vec<(usize, usize, bool)>,
}

impl Written {
    /// Fills the templates: a date for the ends of the interval, `model` for the model.
    pub fn filled(&self, model: Option<&str>) -> Filled {
        let mut filled = Filled { text: String::new(), stretches: vec![(0, 0, false)] };
        let mut rest = self.sql.value.as_str();
        let mut at = 0;
        while let Some((before, inside, after)) =
            rest.split_once("{{").and_then(|(before, tail)| tail.split_once("}}").map(|(inside, after)| (before, inside, after)))
        {
            filled.text.push_str(before);
            at += before.len();
            filled.stretches.push((filled.text.len(), at, true));
            filled.text.push_str(match inside.trim() {
                "interval.start" | "interval.end" => "'2000-01-01'",
                "model" => model.unwrap_or("model"),
                _ => "null",
            });
            at += inside.len() + 4;
            filled.stretches.push((filled.text.len(), at, false));
            rest = after;
        }
        filled.text.push_str(rest);
        filled
    }

    /// Where a word is first written in the SQL; the beginning of the SQL when it is not.
    pub fn find(&self, contract: &Contract, word: &str) -> Span {
        let text = self.sql.value.to_ascii_lowercase();
        let part = |c: char| c.is_alphanumeric() || c == '_';
        let alone = |at: &usize| !text[..*at].ends_with(part) && !text[at + word.len()..].starts_with(part);
        let found = text.match_indices(&word.to_ascii_lowercase()).map(|(at, _)| at).find(alone);
        found.map_or(self.sql.span, |at| place(contract, self, at))
    }
}

impl Filled {
    /// The place in the file of a line and column (from 1) of the parsable text.
    pub fn place(&self, contract: &Contract, written: &Written, line: u32, column: u32) -> Span {
        let Ok(lines) = usize::try_from(line.saturating_sub(1)) else { return written.sql.span };
        let Ok(columns) = usize::try_from(column.saturating_sub(1)) else { return written.sql.span };
        let start: usize = self.text.split_inclusive('\n').take(lines).map(str::len).sum();
        let rest = self.text.get(start..).unwrap_or_default();
        let at = start + rest.char_indices().nth(columns).map_or(rest.len(), |(at, _)| at);
        let stretch = self.stretches.iter().rev().find(|(from, ..)| *from <= at);
        let original = stretch.map_or(0, |(from, original, template)| if *template { *original } else { original + (at - from) });
        place(contract, written, original)
    }
}

/// Variables that the SQL of a contract may use.
const INTERVAL: [&str; 2] = ["interval.start", "interval.end"];

/// What is wrong with the templates in a piece of SQL. `has_interval`: whether the contract has a schedule.
pub(super) fn template_problems(contract: &Contract, written: &Written, has_interval: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let text = written.sql.value.as_str();
    let known: &'static [&'static str] = match written.grammar {
        Grammar::Expression => &INTERVAL,
        Grammar::Query => &["interval.start", "interval.end", "model"],
    };
    for (at, _) in text.match_indices('{') {
        let rest = &text[at..];
        if rest.starts_with("{%") || rest.starts_with("{#") {
            let finding = Finding::error(codes::BAD_TEMPLATE, "a contract has no template statements or comments");
            found.push(finding.at(place(contract, written, at)).help(format!("only {} can be used", quoted(known))));
        }
        let Some(inside) = rest.strip_prefix("{{") else { continue };
        let here = place(contract, written, at);
        let Some((name, _)) = inside.split_once("}}") else {
            found.push(Finding::error(codes::BAD_TEMPLATE, "`{{` is not closed").at(here).help("close it with `}}`"));
            continue;
        };
        let name = name.trim();
        if !known.contains(&name) {
            let finding = Finding::error(codes::BAD_TEMPLATE, format!("`{{{{ {name} }}}}` is not a variable here")).at(here);
            // `interval.begin` is nearer to `interval.end` than to what was meant: the common half says nothing.
            let half = |text: &'static str| (text.rsplit('.').next().unwrap_or(text), text);
            let halves: Vec<(&str, &str)> = known.iter().copied().map(half).collect();
            let near = nearest(name.rsplit('.').next().unwrap_or(name), halves.iter().map(|(half, _)| *half));
            let help = halves
                .iter()
                .find(|(half, _)| Some(*half) == near)
                .map_or_else(|| format!("only {} can be used", quoted(known)), |(_, near)| format!("did you mean `{{{{ {near} }}}}`?"));
            let finding = finding.help(help);
            let half = name.rsplit('.').next().unwrap_or(name);
            let right = certain(half, halves.iter().map(|(half, _)| *half), Names::Closed);
            let right = halves.iter().find(|(half, _)| Some(*half) == right).map(|(_, whole)| *whole);
            found.push(match right {
                Some(right) if !name.is_empty() => finding.replace(name, right),
                Some(_) | None => finding,
            });
        } else if name.starts_with("interval.") && !has_interval {
            let finding = Finding::error(codes::NO_SCHEDULE, format!("`{{{{ {name} }}}}` needs to know what a run covers")).at(here);
            found.push(finding.help("add `schedule:` with `interval: day`, `week`, `month` or `hour`"));
        }
    }
    found
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{{{{ {name} }}}}`")).collect::<Vec<_>>().join(", ")
}

/// The place in the file of a byte of a piece of SQL.
fn place(contract: &Contract, written: &Written, at: usize) -> Span {
    let before = written.sql.value.get(..at).unwrap_or_default();
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let line = narrow(before.matches('\n').count() + 1);
    let column = narrow(before.rsplit('\n').next().unwrap_or_default().chars().count() + 1);
    crate::yaml::within(&contract.origin.text, written.sql.span, line, column)
}
