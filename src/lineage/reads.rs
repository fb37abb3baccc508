//! What single pieces of SQL read: an expression of a contract, a query of the user.

use std::collections::BTreeSet;
use std::sync::Arc;

use sqlparser::ast::{Expr, Query, Spanned, TableFactor, Visitor};

use super::anatomy;
use super::defined::defined;
use super::dialect::{Manners, manners};
use super::functions::{self, Word};
use super::graph::PartName;
use super::parse::{self, Read, Unclear};
use super::relation::{ANY_COLUMN, Named, Relations, Schema};
use super::resolve::{Reader, Who, object_parts, part_text};
use super::{ColumnReference, Lineage, QueryReads, SqlError};
use crate::dbt::Project;

/// Parses `sql` as ONE scalar or aggregate expression of the dialect (no statement, no subquery, no comment, no `;`, nothing after it) and
/// returns the columns that it reads, each once, in order.
pub fn expression(sql: &str, dialect: &str) -> Result<Vec<ColumnReference>, SqlError> {
    let read = parse::on_large_stack(|| {
        let mut manners = manners(dialect);
        // Another dialect may end a string where the warehouse does not.
        manners.dialects.truncate(1);
        let tree = parse::expression(sql, &manners)?;
        let mut names = Names { manners: &manners, found: BTreeSet::new(), parameters: Vec::new() };
        names.take(&tree)?;
        Ok(names.found.into_iter().collect())
    });
    read.unwrap_or_else(|| Err(Unclear::new("the parser broke"))).map_err(SqlError::from)
}

/// Parses `sql` as ONE read-only query of the dialect and says what it reads of the project's relations.
pub fn query(sql: &str, project: &Project, lineage: &Lineage) -> Result<QueryReads, SqlError> {
    parse::on_large_stack(|| read_query(sql, project, lineage))
        .unwrap_or_else(|| Err(Unclear::new("the parser broke")))
        .map_err(SqlError::from)
}

fn read_query(sql: &str, project: &Project, lineage: &Lineage) -> Read<QueryReads> {
    let manners = manners(&project.adapter);
    let tree = parse::query(sql, &manners)?;
    let relations = match (&lineage.relations, &lineage.part) {
        (Some(all), _) => Arc::clone(all),
        (None, Some(part)) => part.relations(project),
        (None, None) => Arc::new(listed(project, lineage)),
    };
    let mut reads = QueryReads::default();
    let macros = defined(&project.on_run_start, &manners);
    let mut reader = Reader::new(&relations, &manners, &macros, Who { sees_all: true, ..Who::default() });
    let shape = reader.query(&tree, None);
    let shape = shape.map(|shape| reader.everything(&shape).with(&shape.rows.any()));
    reads.known = shape.is_ok() && reader.doubts.is_empty();
    let nodes = &reader.nodes;
    let in_project = |id: &&Arc<str>| project.nodes.contains_key(&***id);
    reads.relations = reader.read.iter().map(|&at| nodes.id(at)).filter(in_project).map(ToString::to_string).collect();
    if !reads.known {
        // Whatever is named anywhere, even where a CTE of the same name hides it.
        let _ = sqlparser::ast::visit_relations(&tree, |name| {
            if let Named::One(at) = relations.find(&object_parts(name).join("."), &BTreeSet::new()) {
                reads.relations.insert(relations.id(at).to_string());
            }
            std::ops::ControlFlow::<()>::Continue(())
        });
    }
    reads.relations.iter().for_each(|id| lineage.ask(id));
    for (node, _) in shape.iter().flat_map(|from| from.iter()) {
        let (relation, part) = nodes.at(node);
        let id = &**nodes.id(relation);
        if let PartName::Column(name) = part
            && reads.relations.contains(id)
        {
            if name == ANY_COLUMN {
                reads.known = false;
            } else {
                reads.columns.entry(id.to_owned()).or_default().insert(name.to_owned());
            }
        }
    }
    Ok(reads)
}

/// The tables that a query names, as written, with line and column (from 1): without names that a CTE of the query has, and without functions.
pub fn tables(sql: &str, dialect: &str) -> Result<Vec<(String, u32, u32)>, SqlError> {
    let read = parse::on_large_stack(|| {
        let tree = parse::query(sql, &manners(dialect))?;
        let mut tables = Tables::default();
        let _ = sqlparser::ast::Visit::visit(&tree, &mut tables);
        tables.found.retain(|(name, ..)| !tables.ctes.contains(name));
        Ok(tables.found)
    });
    read.unwrap_or_else(|| Err(Unclear::new("the parser broke"))).map_err(SqlError::from)
}

/// Collects the tables of a query.
#[derive(Default)]
struct Tables {
    found: Vec<(String, u32, u32)>,
    ctes: BTreeSet<String>,
}

impl Visitor for Tables {
    type Break = ();
    fn pre_visit_query(&mut self, query: &Query) -> std::ops::ControlFlow<()> {
        self.ctes.extend(query.with.iter().flat_map(|with| &with.cte_tables).map(|cte| cte.alias.name.value.to_lowercase()));
        std::ops::ControlFlow::Continue(())
    }
    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> std::ops::ControlFlow<()> {
        if let TableFactor::Table { name, args: None, .. } = factor {
            let start = name.span().start;
            let narrow = |number: u64| u32::try_from(number).unwrap_or(1).max(1);
            self.found.push((object_parts(name).join(".").to_lowercase(), narrow(start.line), narrow(start.column)));
        }
        std::ops::ControlFlow::Continue(())
    }
}

/// The relations of a lineage that was not traced here.
fn listed(project: &Project, lineage: &Lineage) -> Relations {
    let relations = Relations::of(project.nodes.values());
    for (id, columns) in &lineage.columns {
        if let Some(at) = relations.position(id) {
            let names = columns.names.iter().map(|name| (name.as_str(), None));
            relations.add(at, Schema::new(id, names, columns.complete, Vec::new()));
        }
    }
    relations
}

impl From<Unclear> for SqlError {
    fn from(unclear: Unclear) -> Self {
        let (line, column) = unclear.place.unwrap_or((1, 1));
        SqlError { message: unclear.message, line, column }
    }
}

/// Collects the names of an expression.
struct Names<'m> {
    manners: &'m Manners,
    found: BTreeSet<ColumnReference>,
    parameters: Vec<String>,
}

impl Names<'_> {
    fn take(&mut self, expression: &Expr) -> Read<()> {
        match expression {
            Expr::Nested(inner) => self.take(inner),
            Expr::Identifier(name) => {
                let lower = name.value.to_lowercase();
                let plain = name.quote_style.is_none();
                let bound = self.parameters.contains(&lower) || plain && functions::is_session_word(&lower);
                if !bound {
                    self.found.insert(ColumnReference { qualifier: None, name: if plain { lower } else { name.value.clone() } });
                }
                Ok(())
            }
            Expr::CompoundIdentifier(names) => {
                let text =
                    |name: &sqlparser::ast::Ident| if name.quote_style.is_none() { name.value.to_lowercase() } else { name.value.clone() };
                if let [qualifier @ .., name] = names.as_slice()
                    && !qualifier.first().is_some_and(|first| self.parameters.contains(&text(first)))
                {
                    let qualifier = qualifier.iter().map(text).collect::<Vec<_>>().join(".");
                    self.found.insert(ColumnReference { qualifier: Some(qualifier), name: text(name) });
                }
                Ok(())
            }
            Expr::Function(function) => {
                let call = anatomy::call(function);
                let name = function.name.0.last().map(part_text).unwrap_or_default();
                if call.subquery.is_some() || (call.star && name != "count") || !call.stars_of.is_empty() {
                    return Err(Unclear::at("a subquery or star inside an expression", function.name.span()));
                }
                if function.over.is_some() {
                    return Err(Unclear::at("a window inside an expression", function.name.span()));
                }
                for column in call.compared {
                    self.take(&Expr::Identifier(column.clone()))?;
                }
                let count = call.arguments.len();
                for (at, argument) in call.arguments.into_iter().enumerate() {
                    if let (Expr::Lambda(lambda), true) = (argument, functions::takes_lambda(&name)) {
                        let before = self.parameters.len();
                        self.parameters.extend(lambda.params.iter().map(|parameter| parameter.name.value.to_lowercase()));
                        self.take(&lambda.body)?;
                        self.parameters.truncate(before);
                        continue;
                    }
                    match argument {
                        Expr::Identifier(word) if functions::word(&name, word, (at, count), self.manners) != Word::Name => {}
                        other => self.take(other)?,
                    }
                }
                call.modifiers.into_iter().try_for_each(|modifier| self.take(modifier))
            }
            // Where no lambda can stand, `a -> b` is a path into the column a.
            Expr::Lambda(lambda) => {
                self.found.extend(
                    lambda.params.iter().map(|parameter| ColumnReference { qualifier: None, name: parameter.name.value.to_lowercase() }),
                );
                self.take(&lambda.body)
            }
            Expr::Value(literal) if matches!(literal.value, sqlparser::ast::Value::Placeholder(_)) => {
                Err(Unclear::at("a placeholder inside an expression", literal.span))
            }
            Expr::BinaryOp { .. } => {
                let mut rest = expression;
                while let Expr::BinaryOp { left, right, .. } = rest {
                    self.take(right)?;
                    rest = left;
                }
                self.take(rest)
            }
            other => match anatomy::parts(other) {
                Some(parts) => parts.into_iter().try_for_each(|(part, _)| self.take(part)),
                None => Err(Unclear::at("a subquery or star inside an expression", other.span())),
            },
        }
    }
}
