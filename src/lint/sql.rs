//! The SQL that a contract writes: it must parse as what it is, and read columns that exist.

use super::{Look, relations};
use crate::check::common::Grammar;
use crate::contract::{self, Place, Written};
use crate::diagnostic::{Finding, Span, codes};
use crate::lineage::{self, SqlError};

pub(super) fn parses(look: &mut Look<'_>) {
    let contract = look.contract;
    for written in contract::written(contract) {
        let model = match written.place {
            Place::Check(index) => contract.checks.get(index).and_then(|check| check.kind().relations().into_iter().next()),
            Place::Metric(_) | Place::Source(_) => None,
        };
        let model = model.and_then(|model| look.project.find(&model)).and_then(|node| node.relation_name.clone());
        let filled = written.filled(model.as_deref());
        let place = |line: u32, column: u32| filled.place(contract, &written, line, column);
        match written.grammar {
            Grammar::Expression => match lineage::expression(&filled.text, &look.project.adapter) {
                Ok(columns) => {
                    for column in columns {
                        if let Some((id, span)) = home(look, &written, &column.name) {
                            look.column(&id, &column.name, span);
                        }
                    }
                }
                Err(error) => look.found.push(wrong(codes::BAD_EXPRESSION, "one SQL expression", &error, place(error.line, error.column))),
            },
            Grammar::Query => {
                if let Err(error) = lineage::query(&filled.text, look.project, look.lineage) {
                    look.found.push(wrong(codes::BAD_QUERY, "one read-only query", &error, place(error.line, error.column)));
                }
            }
        }
    }
}

/// The relation whose column an expression reads, and where the column is named in the file.
fn home(look: &Look<'_>, written: &Written, column: &str) -> Option<(String, Span)> {
    let relation = written.relation.as_ref()?;
    if let Place::Check(index) = written.place {
        let check = look.contract.checks.get(index)?;
        let side = check.kind().relations().iter().position(|other| other.span == relation.span && other == relation)?;
        if relations::is_foreign(check, side) {
            return None;
        }
    }
    let node = look.project.find(relation)?;
    Some((node.unique_id.clone(), written.find(look.contract, column)))
}

fn wrong(code: &'static str, what: &str, error: &SqlError, span: Span) -> Finding {
    Finding::error(code, format!("this is not {what}: {}", error.message)).at(span)
}
