//! PIVOT and UNPIVOT: rows turned into columns, columns turned into rows.
//!
//! A PIVOT whose values nobody wrote down has columns that nobody can list: they stay open, and whoever names one depends on all of it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{Expr, ExprWithAlias, Ident, NullInclusion, PivotValueSource, Spanned, TableFactor, Value, visit_expressions};

use super::anatomy;
use super::graph::EdgeKind;
use super::influence::Influences;
use super::parse::{Read, Unclear};
use super::resolve::{Place, Reader, bare, object_parts};
use super::scope::{Scope, Sight, Spot};
use super::select::rows_of_groups;
use super::shape::{Field, Open, Shape};
use super::spelling::GROUPED;

/// The parts of a PIVOT.
pub(super) struct Pivot<'a> {
    pub(super) aggregates: &'a [ExprWithAlias],
    /// The expressions whose values become columns.
    pub(super) by: &'a [Expr],
    pub(super) values: &'a PivotValueSource,
    /// What stands in place of NULL; in DuckDB's spelling, the groups.
    pub(super) default: Option<&'a Expr>,
}

impl Reader<'_> {
    /// PIVOT over the tables of a scope. Groups that are not written are all columns that nothing else of it names.
    pub(super) fn pivot(&mut self, scope: &Scope<'_>, pivot: &Pivot<'_>, place: &TableFactor) -> Read<Shape> {
        let mut by = self.values(pivot.by, scope, Place::Row, EdgeKind::Conditional)?;
        if let PivotValueSource::Subquery(query) = pivot.values {
            by.add(&self.subquery(query, scope)?.through(EdgeKind::Conditional));
        }
        let mut cells: Vec<(Option<String>, Influences)> = Vec::new();
        for aggregate in pivot.aggregates {
            let value = self.value(&aggregate.expr, scope, Place::Row)?.from.through(EdgeKind::Aggregation);
            let text = || aggregate.expr.to_string().to_lowercase();
            let name = aggregate.alias.as_ref().map(|alias| alias.value.clone()).or_else(|| (pivot.aggregates.len() > 1).then(text));
            cells.push((name, value.with(&by).with(&scope.rows.any())));
        }
        let written = pivot.default.and_then(grouped);
        if let (Some(default), None) = (pivot.default, &written) {
            by.add(&self.value(default, scope, Place::Row)?.from.through(EdgeKind::Conditional));
        }
        let groups = match written {
            Some(groups) => self.written_groups(&groups, scope)?,
            None => self.other_fields(scope, pivot.by.iter().chain(pivot.aggregates.iter().map(|aggregate| &aggregate.expr))),
        };
        let mut keys = Influences::default();
        groups.iter().for_each(|field| keys.add(&field.from));
        let open: Vec<Open> = scope.tables.iter().flat_map(|table| table.open.clone()).filter(|_| written_none(pivot)).collect();
        open.iter().for_each(|open| keys.add(&self.open_column(std::slice::from_ref(open), super::relation::ANY_COLUMN)));
        let count = groups.len();
        let mut shape = Shape { fields: groups, open, rows: rows_of_groups(&scope.rows, &keys), ..Shape::default() };
        match pivot.values {
            PivotValueSource::List(values) => {
                for value in values {
                    let name = value_name(value).ok_or_else(|| Unclear::at("a PIVOT value without a name", place.span()))?;
                    for (aggregate, from) in &cells {
                        let name = match aggregate {
                            None => name.clone(),
                            Some(aggregate) if self.manners.aggregate_first => format!("{aggregate}_{name}"),
                            Some(aggregate) => format!("{name}_{aggregate}"),
                        };
                        shape.fields.push(Field::new(&name, from.clone()));
                    }
                }
            }
            PivotValueSource::Any(_) | PivotValueSource::Subquery(_) => {
                let mut with = Influences::default();
                cells.iter().for_each(|(_, from)| with.add(from));
                shape.open.push(Open { relation: None, with, without: BTreeSet::new(), outside: false });
            }
        }
        if shape.open.iter().all(|open| open.relation.is_none()) {
            shape.unique_in((0..count).collect());
        }
        Ok(shape)
    }

    fn written_groups(&mut self, groups: &[&Expr], scope: &Scope<'_>) -> Read<Vec<Field>> {
        let mut fields = Vec::new();
        for group in groups {
            let name = match bare(group) {
                Expr::Identifier(name) => name.value.clone(),
                Expr::CompoundIdentifier(names) => names.last().map(|name| name.value.clone()).unwrap_or_default(),
                other => other.to_string().to_lowercase(),
            };
            fields.push(Field::new(&name, self.value(group, scope, Place::Row)?.from));
        }
        Ok(fields)
    }

    /// The fields of a scope that these expressions do not name.
    fn other_fields<'e>(&self, scope: &Scope<'_>, named: impl Iterator<Item = &'e Expr>) -> Vec<Field> {
        let used: BTreeSet<Spot> = named.flat_map(|expression| spots_of(expression, scope)).collect();
        let tables = scope.tables.iter().enumerate().filter(|(_, table)| table.visible);
        let fields = tables.flat_map(|(at, table)| table.fields.iter().enumerate().map(move |(field, of)| ((at, field), of)));
        fields.filter(|(spot, _)| !used.contains(spot)).map(|(_, field)| Field { numbers: None, ..field.clone() }).collect()
    }

    /// UNPIVOT over the tables of a scope: the other columns, the name of the column that a row was made of, and its value.
    pub(super) fn unpivot(
        &mut self,
        scope: &Scope<'_>,
        value: &Expr,
        name: &Ident,
        columns: &[ExprWithAlias],
        nulls: Option<&NullInclusion>,
    ) -> Read<Shape> {
        let values: Vec<String> = names_of(value).ok_or_else(|| Unclear::at("UNPIVOT into something that is no name", value.span()))?;
        let mut from = vec![Influences::default(); values.len()];
        let mut turned: Vec<&Expr> = Vec::new();
        for column in columns {
            let list: Vec<&Expr> = match &column.expr {
                Expr::Tuple(list) if values.len() > 1 => list.iter().collect(),
                one => vec![one],
            };
            if list.len() != values.len() {
                return Err(Unclear::at("UNPIVOT of columns that are not as many as its values", column.expr.span()));
            }
            for (from, expression) in from.iter_mut().zip(&list) {
                for read in self.each_of_columns(expression, scope, Place::Row)? {
                    from.add(&read.1.from);
                }
            }
            turned.extend(list);
        }
        let mut shape = Shape { rows: scope.rows.clone(), ..Shape::default() };
        shape.fields = self.other_fields(scope, turned.into_iter());
        shape.fields.push(Field::new(&name.value, Influences::default()));
        let mut all = Influences::default();
        for (value, from) in values.iter().zip(from) {
            all.add(&from);
            shape.fields.push(Field::new(value, from));
        }
        if !matches!(nulls, Some(NullInclusion::IncludeNulls)) {
            shape.rows.decided_by(&all.through(EdgeKind::Filter));
        }
        for mut open in scope.tables.iter().flat_map(|table| table.open.clone()) {
            open.without.extend(columns.iter().flat_map(|column| names_of(&column.expr)).flatten().map(|name| name.to_lowercase()));
            shape.open.push(open);
        }
        Ok(shape)
    }
}

fn written_none(pivot: &Pivot<'_>) -> bool {
    pivot.default.and_then(grouped).is_none()
}

/// The groups that stand in place of a default.
fn grouped(default: &Expr) -> Option<Vec<&Expr>> {
    let Expr::Function(function) = default else { return None };
    (object_parts(&function.name) == [GROUPED]).then(|| anatomy::call(function).arguments)
}

/// Names in brackets or without.
fn names_of(expression: &Expr) -> Option<Vec<String>> {
    match expression {
        Expr::Identifier(name) => Some(vec![name.value.clone()]),
        Expr::CompoundIdentifier(names) => names.last().map(|name| vec![name.value.clone()]),
        Expr::Nested(inner) => names_of(inner),
        Expr::Tuple(list) => list.iter().map(|one| names_of(one)?.pop()).collect(),
        _ => None,
    }
}

/// What a column is called that is made of a value.
fn value_name(value: &ExprWithAlias) -> Option<String> {
    if let Some(alias) = &value.alias {
        return Some(alias.value.clone());
    }
    match bare(&value.expr) {
        Expr::Value(literal) => match &literal.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => Some(text.clone()),
            Value::Number(number, _) => Some(number.to_string()),
            Value::Boolean(truth) => Some(truth.to_string()),
            _ => None,
        },
        Expr::Identifier(name) => Some(name.value.clone()),
        _ => None,
    }
}

/// The fields that an expression names, at any depth.
pub(super) fn spots_of(expression: &Expr, scope: &Scope<'_>) -> BTreeSet<Spot> {
    let mut spots = BTreeSet::new();
    let _ = visit_expressions(expression, |part| {
        let sight = match part {
            Expr::Identifier(name) => scope.bare(&name.value.to_lowercase()),
            Expr::CompoundIdentifier(names) => match names.as_slice() {
                [.., table, name] => scope
                    .table(&[table.value.to_lowercase()])
                    .map_or(Sight::Nowhere, |table| scope.within(table, &name.value.to_lowercase())),
                _ => Sight::Nowhere,
            },
            _ => Sight::Nowhere,
        };
        match sight {
            Sight::At(spot) => drop(spots.insert(spot)),
            Sight::Several(several) => spots.extend(several),
            Sight::Merged(at) => spots.extend(scope.merged[at].members.iter().copied()),
            Sight::Maybe(_) | Sight::Ambiguous | Sight::Nowhere => {}
        }
        ControlFlow::<()>::Continue(())
    });
    spots
}
