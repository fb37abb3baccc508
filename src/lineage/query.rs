//! Query -> shape: CTEs, set operations, ORDER BY with LIMIT. One SELECT is in `select`.

use std::collections::BTreeSet;
use std::rc::Rc;

use sqlparser::ast::{Expr, Ident, LimitClause, OrderByKind, Query, SetExpr, SetOperator, SetQuantifier, Spanned, Value, Values, With};

use super::graph::EdgeKind;
use super::influence::Influences;
use super::kind::Kind;
use super::parse::{Read, Unclear};
use super::resolve::{Place, Reader, cte_name};
use super::scope::Scope;
use super::select::Tail;
use super::shape::{Field, Shape};

/// Turns after which a recursive CTE that still grows is given up.
const MOST_TURNS: usize = 20;

impl Reader<'_> {
    /// What a query gives. `outer`: the SELECT around it, if it may refer to it.
    pub(super) fn query(&mut self, query: &Query, outer: Option<&Scope<'_>>) -> Read<Shape> {
        if !query.pipe_operators.is_empty() || query.for_clause.is_some() || query.settings.is_some() || query.format_clause.is_some() {
            return Err(Unclear::at("a query clause that is not understood", query.span()));
        }
        let (ctes, multiplied) = (self.ctes.len(), std::mem::take(&mut self.multiplied));
        let parameters = std::mem::take(&mut self.parameters);
        let shape = self.with_ctes(query, outer);
        self.ctes.truncate(ctes);
        (self.multiplied, self.parameters) = (multiplied, parameters);
        shape
    }

    fn with_ctes(&mut self, query: &Query, outer: Option<&Scope<'_>>) -> Read<Shape> {
        if let Some(with) = &query.with {
            self.define(with, outer);
        }
        let counted = self.counted(query, outer)?;
        let tail = Tail { order: query.order_by.as_ref().map(|order| &order.kind), limited: counted.is_some() };
        let shape = match query.body.as_ref() {
            SetExpr::Select(select) => self.select(select, outer, tail),
            body => {
                let mut shape = self.body(body, outer)?;
                let order = self.order_of_operation(&shape, tail.order, outer);
                if tail.limited {
                    let by = shape.rows.any().with(&order.clone()?).with(&shape.order);
                    shape.rows.decided_by(&by);
                    shape.thinned();
                }
                shape.order.add(&order.unwrap_or_else(|_| shape.values().through(EdgeKind::Sort)));
                Ok(shape)
            }
        };
        let mut shape = shape?;
        if let Some(by) = counted {
            shape.rows.decided_by(&by.through(EdgeKind::Filter));
        }
        Ok(shape)
    }

    /// What LIMIT, OFFSET or FETCH depend on where they take some of the rows: nothing, if they count to a number.
    fn counted(&mut self, query: &Query, outer: Option<&Scope<'_>>) -> Read<Option<Influences>> {
        let counts: Vec<&Expr> = match &query.limit_clause {
            None => Vec::new(),
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => vec![offset, limit],
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) if limit_by.is_empty() => {
                limit.iter().chain(offset.as_ref().map(|offset| &offset.value)).collect()
            }
            Some(LimitClause::LimitOffset { .. }) => return Err(Unclear::at("LIMIT BY", query.span())),
        };
        let fetched = query.fetch.as_ref().and_then(|fetch| fetch.quantity.as_ref());
        let limited = !counts.is_empty() || query.fetch.is_some();
        let by = self.values(counts.into_iter().chain(fetched), &Scope::inside(outer), Place::Row, EdgeKind::Filter)?;
        Ok(limited.then_some(by))
    }

    /// What the ORDER BY after a set operation depends on.
    fn order_of_operation(&mut self, shape: &Shape, order: Option<&OrderByKind>, outer: Option<&Scope<'_>>) -> Read<Influences> {
        let scope = Scope::of(Vec::new(), shape, outer);
        let mut by = Influences::default();
        match order {
            None => {}
            Some(OrderByKind::All(_)) => by.add(&shape.values().through(EdgeKind::Sort)),
            Some(OrderByKind::Expressions(list)) => {
                for item in list {
                    by.add(&match ordinal(&item.expr, shape.fields.len()) {
                        Some(field) => shape.fields[field].from.through(EdgeKind::Sort),
                        None => self.value(&item.expr, &scope, Place::Row)?.from.through(EdgeKind::Sort),
                    });
                }
            }
        }
        Ok(by)
    }

    /// Brings CTEs into scope, each seen by those after it.
    fn define(&mut self, with: &With, outer: Option<&Scope<'_>>) {
        for cte in &with.cte_tables {
            let name = cte_name(cte);
            if self.relations.find_inlined(&name, &self.who.parents).is_some() {
                // An ephemeral model, which has nodes of its own.
                continue;
            }
            let names = || cte.alias.columns.iter().map(|column| &column.name);
            let shape = if with.recursive && mentions(&cte.query, &name) {
                self.recursive(&name, &names().collect::<Vec<_>>(), &cte.query, outer)
            } else {
                self.query(&cte.query, outer)
            };
            let renamed = shape.and_then(|mut shape| {
                super::from::rename(&mut shape, names().collect::<Vec<_>>().into_iter())?;
                Ok(Rc::new(shape))
            });
            self.ctes.push((name, renamed));
        }
    }

    /// `anchor UNION step`, where the step reads the result so far: repeated until it adds nothing.
    fn recursive(&mut self, name: &str, columns: &[&Ident], query: &Query, outer: Option<&Scope<'_>>) -> Read<Shape> {
        let (SetExpr::SetOperation { op: SetOperator::Union, set_quantifier, left, right }, None) = (query.body.as_ref(), &query.with)
        else {
            return Err(Unclear::at("a recursive query that is not anchor UNION step", query.span()));
        };
        if query.limit_clause.is_some() || query.fetch.is_some() {
            return Err(Unclear::at("a recursive query with LIMIT", query.span()));
        }
        let mut so_far = self.body(left, outer)?;
        so_far.keys.clear();
        // The step sees the columns by the names that the CTE gives them.
        super::from::rename(&mut so_far, columns.iter().copied())?;
        for _ in 0..MOST_TURNS {
            self.ctes.push((name.to_owned(), Ok(Rc::new(so_far.clone()))));
            let step = self.body(right, outer);
            self.ctes.pop();
            let next = union(so_far.clone(), step?, *set_quantifier).map_err(|message| Unclear::at(message, query.span()))?;
            let still = next.rows.lost.same_nodes(&so_far.rows.lost)
                && next.rows.added.same_nodes(&so_far.rows.added)
                && next.fields.iter().zip(&so_far.fields).all(|(after, before)| after.from.same_nodes(&before.from));
            so_far = next;
            if still {
                so_far.keys.clear();
                return Ok(so_far);
            }
        }
        Err(Unclear::at("a recursive query that does not settle", query.span()))
    }

    fn body(&mut self, body: &SetExpr, outer: Option<&Scope<'_>>) -> Read<Shape> {
        match body {
            SetExpr::Select(select) => self.select(select, outer, Tail::default()),
            SetExpr::Query(query) => self.query(query, outer),
            SetExpr::Values(values) => self.value_list(values, outer),
            SetExpr::SetOperation { op, set_quantifier, left, right } => {
                let (mut left, right) = (self.body(left, outer)?, self.body(right, outer)?);
                let open = !left.open.is_empty() || !right.open.is_empty();
                let joined = match op {
                    SetOperator::Union if open => Ok(self.union_of_open(left, right, *set_quantifier)),
                    SetOperator::Union => union(left, right, *set_quantifier),
                    SetOperator::Except | SetOperator::Intersect | SetOperator::Minus if open => {
                        let by = self.everything(&left).with(&self.everything(&right)).through(EdgeKind::Join).with(&right.rows.any());
                        left.rows.decided_by(&by);
                        Ok(left)
                    }
                    SetOperator::Except | SetOperator::Intersect | SetOperator::Minus => subtract(left, &right),
                };
                joined.map_err(|message| Unclear::at(message, body.span()))
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) | SetExpr::Table(_) => {
                Err(Unclear::at("not a SELECT", body.span()))
            }
        }
    }

    /// A UNION where the columns of a side are not completely known. By name, each column is found by name; by position, any column of the right
    /// side may stand where a column of the left side does.
    fn union_of_open(&mut self, mut left: Shape, right: Shape, quantifier: SetQuantifier) -> Shape {
        let distinct =
            matches!(quantifier, SetQuantifier::None | SetQuantifier::Distinct | SetQuantifier::ByName | SetQuantifier::DistinctByName);
        let all = self.everything(&left).with(&self.everything(&right)).through(EdgeKind::GroupBy);
        if is_by_name(quantifier) {
            for field in &mut left.fields {
                match right.fields.iter().find(|other| other.name == field.name) {
                    Some(other) => field.unite(other),
                    None => {
                        field.from.add(&self.open_column(&right.open, &field.name));
                        field.kind = Kind::UNKNOWN;
                    }
                }
            }
            for other in right.fields {
                if !left.fields.iter().any(|field| field.name == other.name) {
                    let from = other.from.clone().with(&self.open_column(&left.open, &other.name));
                    left.fields.push(Field { numbers: None, from, kind: Kind::UNKNOWN, ..other });
                }
            }
            left.open.extend(right.open);
            let names: Vec<String> = left.fields.iter().map(|field| field.name.to_string()).collect();
            left.open.iter_mut().for_each(|open| open.without.extend(names.iter().cloned()));
        } else {
            let any = self.everything(&right).through(EdgeKind::Assumed);
            left.fields.iter_mut().for_each(|field| {
                field.from.add(&any);
                field.kind = Kind::UNKNOWN;
            });
            left.open.iter_mut().for_each(|open| open.with.add(&any));
        }
        left.fields.iter_mut().for_each(|field| field.numbers = None);
        left.rows.join(&right.rows);
        left.order.add(&right.order);
        left.keys.clear();
        if distinct {
            left.rows.decided_by(&all);
        }
        left
    }

    fn value_list(&mut self, values: &Values, outer: Option<&Scope<'_>>) -> Read<Shape> {
        let scope = Scope::inside(outer);
        let mut shape = Shape::default();
        let width = values.rows.first().map_or(0, |row| row.content.len());
        for at in 0..width {
            let (mut from, mut kind) = (Influences::default(), Kind::NULL);
            for row in &values.rows {
                let Some(expression) = row.content.get(at) else { return Err(Unclear::new("VALUES of unequal length")) };
                from.add(&self.value(expression, &scope, Place::Row)?.from);
                kind = kind.or(self.kind(expression, &scope));
            }
            let name = if self.manners.function_names { format!("column{}", at + 1) } else { format!("col{at}") };
            shape.fields.push(Field::new(&name, from).of(kind));
        }
        if values.rows.len() == 1 {
            shape.unique_in(BTreeSet::new());
        }
        Ok(shape)
    }
}

/// The position that a number in ORDER BY or GROUP BY means.
pub(super) fn ordinal(expression: &Expr, width: usize) -> Option<usize> {
    let Expr::Value(value) = expression else { return None };
    let Value::Number(number, _) = &value.value else { return None };
    number.to_string().parse::<usize>().ok().filter(|&at| at >= 1 && at <= width).map(|at| at - 1)
}

/// Rows of both. By position, unless BY NAME.
fn union(left: Shape, right: Shape, quantifier: SetQuantifier) -> Result<Shape, String> {
    let mut shape = if is_by_name(quantifier) { align_by_name(left, right) } else { align(left, &right)? };
    if matches!(quantifier, SetQuantifier::None | SetQuantifier::Distinct | SetQuantifier::ByName | SetQuantifier::DistinctByName) {
        let values = shape.values().through(EdgeKind::GroupBy);
        shape.rows.decided_by(&values);
        shape.unique_in((0..shape.fields.len()).collect());
    }
    Ok(shape)
}

fn is_by_name(quantifier: SetQuantifier) -> bool {
    matches!(quantifier, SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName)
}

/// EXCEPT and INTERSECT: the right side only decides which of the left side's rows stay.
fn subtract(mut left: Shape, right: &Shape) -> Result<Shape, String> {
    if left.fields.len() != right.fields.len() {
        return Err("EXCEPT or INTERSECT of queries whose columns do not match".into());
    }
    let by = left.values().with(&right.values()).through(EdgeKind::Join).with(&right.rows.any());
    left.rows.decided_by(&by);
    left.thinned();
    // Where the sides are of two sorts, what comes out is converted, and a key may not survive that.
    let converted: BTreeSet<usize> =
        (0..left.fields.len()).filter(|&at| !left.fields[at].kind.stays_apart(right.fields[at].kind)).collect();
    left.keys.retain(|key| key.is_disjoint(&converted));
    left.fields.iter_mut().zip(&right.fields).for_each(|(field, other)| field.kind = field.kind.or(other.kind));
    Ok(left)
}

fn align(mut left: Shape, right: &Shape) -> Result<Shape, String> {
    if left.fields.len() != right.fields.len() {
        return Err("UNION of queries that do not have as many columns".into());
    }
    for (field, other) in left.fields.iter_mut().zip(&right.fields) {
        field.unite(other);
        field.numbers = None;
    }
    left.rows.join(&right.rows);
    left.order.add(&right.order);
    left.keys.clear();
    Ok(left)
}

fn align_by_name(mut left: Shape, right: Shape) -> Shape {
    left.fields.iter_mut().for_each(|field| field.numbers = None);
    for other in right.fields {
        match left.fields.iter_mut().find(|field| field.name == other.name) {
            Some(field) => field.unite(&other),
            None => left.fields.push(Field { numbers: None, ..other }),
        }
    }
    left.rows.join(&right.rows);
    left.order.add(&right.order);
    left.keys.clear();
    left
}

/// Whether a query names a table, at any depth.
fn mentions(query: &Query, name: &str) -> bool {
    let found = sqlparser::ast::visit_relations(query, |relation| {
        if super::resolve::object_parts(relation).join(".") == name {
            std::ops::ControlFlow::Break(())
        } else {
            std::ops::ControlFlow::Continue(())
        }
    });
    found.is_break()
}
