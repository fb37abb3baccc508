//! Drafts -> statements: each measured check is rendered, and the scans of one relation and filter become one statement;
//! queries that are alike to the letter are asked once.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::check::Spec;
use crate::check::common::{Expect, Grammar};
use crate::check::outcome::{Fault, Reason};
use crate::diagnostic::Finding;
use crate::macros::{Call, Rendered};

use super::draft::{Draft, Way};
use super::ground::{self, Ground};
use super::{Asked, CheckId, Statement};

/// Why a check cannot be rendered.
enum Wrong {
    /// What the user wrote is wrong: the plan cannot be made.
    Finding(Finding),
    /// The project makes it impossible: the check is skipped.
    Fault(Fault),
}

/// How each check is asked, and the statements that ask.
pub(super) type Asking = (BTreeMap<CheckId, Asked>, Vec<Statement>);

/// A check, rendered.
struct Rendering {
    connection: Option<String>,
    /// Names of the relations in SQL, without filters.
    relations: Vec<String>,
    /// `from` and `where` of a scan.
    filter: Option<String>,
    columns: Vec<(&'static str, Expect)>,
    sql: Rendered,
}

/// Every measured draft in statements, and how each check finds its numbers. Drafts that the project makes impossible become skipped.
pub(super) fn statements(ground: &Ground<'_>, drafts: &[Draft]) -> Result<Asking, Vec<Finding>> {
    let mut asks = BTreeMap::new();
    let mut findings = Vec::new();
    let mut scans: Vec<Scan<'_>> = Vec::new();
    let mut queries: Vec<Query<'_>> = Vec::new();
    let mut order: Vec<Ordered> = Vec::new();
    for draft in drafts {
        let spec = match &draft.way {
            Way::Skipped(fault) => {
                asks.insert(draft.id.clone(), Asked::Skipped(fault.clone()));
                continue;
            }
            Way::Measured(_) if !draft.selected(ground) => {
                let fault = Fault { reason: Reason::Deselected, detail: format!("`{}` was not selected", draft.about) };
                asks.insert(draft.id.clone(), Asked::Skipped(fault));
                continue;
            }
            Way::Measured(spec) => spec,
        };
        match render(ground, draft, spec) {
            Ok(Rendering { connection, relations, columns, sql: Rendered::Query(sql), .. }) => {
                let same = |query: &&mut Query<'_>| query.connection == connection && query.columns == columns && query.sql == sql;
                match queries.iter_mut().find(same) {
                    Some(query) => query.members.push((&draft.id, spec)),
                    None => {
                        order.push(Ordered::Query(queries.len()));
                        queries.push(Query { connection, relations, columns, sql, members: vec![(&draft.id, spec)] });
                    }
                }
            }
            Ok(Rendering { connection, relations, filter, columns, sql: Rendered::Scan(expressions) }) => {
                let from = relations.first().cloned().unwrap_or_default();
                let member = Member { id: &draft.id, spec, columns, expressions };
                let same = |scan: &Scan<'_>| scan.connection == connection && scan.from == from && scan.filter == filter;
                match scans.iter().position(same) {
                    Some(place) => scans[place].members.push(member),
                    None => {
                        order.push(Ordered::Scan(scans.len()));
                        scans.push(Scan { connection, from, filter, members: vec![member] });
                    }
                }
            }
            Err(Wrong::Fault(fault)) => {
                asks.insert(draft.id.clone(), Asked::Skipped(fault));
            }
            // What dbt wrote is not the user's contract: it is skipped and said, and the rest goes on.
            Err(Wrong::Finding(finding)) if draft.is_dbts() => {
                let fault = Fault { reason: Reason::QueryError, detail: finding.message };
                asks.insert(draft.id.clone(), Asked::Skipped(fault));
            }
            Err(Wrong::Finding(finding)) => findings.push(finding),
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    let mut statements = Vec::new();
    for ordered in order {
        let statement = statements.len();
        match ordered {
            Ordered::Query(place) => {
                let query = &queries[place];
                for (id, spec) in &query.members {
                    let columns = query.columns.iter().map(|(_, expect)| *expect).collect();
                    asks.insert((*id).clone(), Asked::Measured { spec: (*spec).clone(), statement, rows_seen: 0, first: 1, columns });
                }
                statements.push(Statement {
                    connection: query.connection.clone(),
                    relations: query.relations.clone(),
                    checks: query.members.iter().map(|(id, _)| (*id).clone()).collect(),
                    sql: query.sql.clone(),
                    parts: Vec::new(),
                });
            }
            Ordered::Scan(place) => {
                let scan = &scans[place];
                let mut first = 1;
                for member in &scan.members {
                    let columns: Vec<Expect> = member.columns.iter().map(|(_, expect)| *expect).collect();
                    let width = columns.len();
                    asks.insert(member.id.clone(), Asked::Measured { spec: member.spec.clone(), statement, rows_seen: 0, first, columns });
                    first += width;
                }
                statements.push(scan.statement());
            }
        }
    }
    Ok((asks, statements))
}

enum Ordered {
    Scan(usize),
    Query(usize),
}

/// A whole statement, and the checks that ask it to the letter.
struct Query<'a> {
    connection: Option<String>,
    relations: Vec<String>,
    columns: Vec<(&'static str, Expect)>,
    sql: String,
    members: Vec<(&'a CheckId, &'a Spec)>,
}

struct Scan<'a> {
    connection: Option<String>,
    from: String,
    filter: Option<String>,
    members: Vec<Member<'a>>,
}

struct Member<'a> {
    id: &'a CheckId,
    spec: &'a Spec,
    columns: Vec<(&'static str, Expect)>,
    expressions: Vec<String>,
}

impl Scan<'_> {
    fn statement(&self) -> Statement {
        let alone = |member| Statement {
            connection: self.connection.clone(),
            relations: vec![self.from.clone()],
            checks: vec![member_id(member)],
            sql: self.sql(std::slice::from_ref(member)),
            parts: Vec::new(),
        };
        Statement {
            connection: self.connection.clone(),
            relations: vec![self.from.clone()],
            checks: self.members.iter().map(member_id).collect(),
            sql: self.sql(&self.members),
            parts: if self.members.len() > 1 { self.members.iter().map(alone).collect() } else { Vec::new() },
        }
    }
    /// One `select` over the relation; column names are only for people, answers are read by position.
    fn sql(&self, members: &[Member<'_>]) -> String {
        let mut sql = "select\n    count(*) as rows_seen".to_owned();
        let measured = members.iter().flat_map(|member| member.columns.iter().zip(&member.expressions));
        for (number, ((column, _), expression)) in measured.enumerate() {
            sql.push_str(&format!(",\n    {expression} as {column}_{}", number + 1));
        }
        sql.push_str(&format!("\nfrom {}", self.from));
        if let Some(filter) = &self.filter {
            sql.push_str(&format!("\nwhere (\n    {filter}\n)"));
        }
        sql
    }
}

fn member_id(member: &Member<'_>) -> CheckId {
    member.id.clone()
}

fn render(ground: &Ground<'_>, draft: &Draft, spec: &Spec) -> Result<Rendering, Wrong> {
    let kind = spec.kind();
    let mut relations = Vec::new();
    for id in &draft.relations {
        let node = ground.project.nodes.get(id);
        let missing = || Wrong::Fault(Fault { reason: Reason::MissingRelation, detail: format!("`{id}` is not in the dbt project") });
        relations.push(ground::rendered(node.ok_or_else(missing)?).map_err(Wrong::Fault)?);
    }
    let variables = ground.variables(&relations);
    let mut filters = Vec::new();
    for filter in kind.filters() {
        let filter = filter.map(|filter| ground.sql(&filter, Grammar::Expression, variables)).transpose().map_err(Wrong::Finding)?;
        filters.push(filter);
    }
    filters.resize(relations.len(), None);
    let request = kind.request();
    let mut arguments: serde_json::Map<String, Value> =
        request.arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    for (name, sql) in request.sql {
        let text = ground.sql(&sql.text, sql.grammar, variables).map_err(Wrong::Finding)?;
        arguments.insert(name.to_owned(), Value::String(text));
    }
    let limited = |(relation, filter): (&String, &Option<String>)| match filter {
        Some(filter) => format!("(select * from {relation} where (\n{filter}\n))"),
        None => relation.clone(),
    };
    let names: Vec<&str> = request.columns.iter().map(|(name, _)| *name).collect();
    let ready: Vec<String> = relations.iter().zip(&filters).map(limited).collect();
    let call = Call {
        kind: spec.kind_name(),
        columns: &names,
        lists: !request.items.is_empty(),
        arguments: &arguments,
        relations: &ready,
        interval: ground.options.interval.as_ref(),
    };
    let sql = ground.options.macros.measure(&call).map_err(Wrong::Finding)?;
    let filter = filters.first().cloned().flatten();
    Ok(Rendering { connection: None, relations, filter, columns: request.columns, sql })
}
