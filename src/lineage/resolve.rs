//! Expression -> what its value depends on.
//!
//! A name that cannot be traced to a column of the scope makes the whole statement unclear: the parser misreads some syntax without a word, and
//! a name out of place is how that shows. Not for tables (see `from`) and not for whole queries (see `query`).

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use sqlparser::ast::{BinaryOperator, Expr, Ident, ObjectName, ObjectNamePart, Value as Literal};
use sqlparser::ast::{Cte, LambdaFunction, LambdaSyntax, Spanned};

use super::anatomy;
use super::dialect::Manners;
use super::functions;
use super::graph::{EdgeKind, Graph, NodeIndex};
use super::influence::{FIRST_COMPUTED, Influences};
use super::parse::{Read, Unclear};
use super::relation::{self, ANY_COLUMN, Relations};
use super::scope::{Scope, Sight, Spot};
use super::shape::{Open, Shape};

/// Reads one statement. Holds what is true of the whole statement, not of one SELECT.
pub(super) struct Reader<'p> {
    pub(super) graph: &'p mut Graph,
    pub(super) relations: &'p Relations,
    pub(super) manners: &'p Manners,
    /// The model that the statement makes.
    pub(super) model: Rc<str>,
    /// Unique ids of its parents.
    pub(super) parents: BTreeSet<&'p str>,
    /// CTEs in scope, innermost last; one that was not understood counts only if it is used.
    pub(super) ctes: Vec<(String, Read<Rc<Shape>>)>,
    /// Parameters of the lambdas around the expression.
    pub(super) parameters: Vec<String>,
    /// Aliases that are being resolved: one that refers to itself means a column.
    pub(super) resolving: Vec<String>,
    /// What decides how many rows the current SELECT makes of one (`unnest`).
    pub(super) multiplied: Influences,
    /// Relations that were read.
    pub(super) read: BTreeSet<Rc<str>>,
    /// What was read, but not wholly understood.
    pub(super) doubts: Vec<Unclear>,
    /// Computed columns, by the address of their expression, with the number that stands for them.
    pub(super) computed: HashMap<usize, NodeIndex>,
}

/// What an expression's value depends on.
#[derive(Debug, Clone, Default)]
pub(super) struct Value {
    pub(super) from: Influences,
    /// The field that the expression is, if it is nothing more.
    pub(super) spot: Option<Spot>,
}

impl From<Influences> for Value {
    fn from(from: Influences) -> Self {
        Value { from, spot: None }
    }
}

/// Where in a grouped SELECT an expression stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Beside the aggregates: one value for each group.
    Group,
    /// Inside of an aggregate, or in a SELECT without groups: one value for each row.
    Row,
}

impl<'p> Reader<'p> {
    /// A reader of one statement, that of `model` with these parents.
    pub(super) fn new(
        graph: &'p mut Graph,
        relations: &'p Relations,
        manners: &'p Manners,
        model: Rc<str>,
        parents: BTreeSet<&'p str>,
    ) -> Self {
        Reader {
            graph,
            relations,
            manners,
            model,
            parents,
            ctes: Vec::new(),
            parameters: Vec::new(),
            resolving: Vec::new(),
            multiplied: Influences::default(),
            read: BTreeSet::new(),
            doubts: Vec::new(),
            computed: HashMap::new(),
        }
    }

    /// What the value of an expression depends on.
    pub(super) fn value(&mut self, expression: &Expr, scope: &Scope<'_>, place: Place) -> Read<Value> {
        if place == Place::Group
            && let Some(groups) = &scope.groups
            && let Some((_, from, spot)) = groups.keys.iter().find(|(key, ..)| *key == bare(expression))
        {
            return Ok(Value { from: from.clone(), spot: *spot });
        }
        let twin =
            scope.aliases.iter().find(|(_, other)| !std::ptr::eq(*other, expression) && *other == expression).map(|(_, other)| *other);
        let value = self.read_value(expression, scope, place)?;
        Ok(twin.map_or(value.clone(), |twin| self.mark(twin, value)))
    }

    /// Adds to a computed value the number that stands for it; a plain column needs none.
    pub(super) fn mark(&mut self, expression: &Expr, value: Value) -> Value {
        if matches!(bare(expression), Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_)) {
            return value;
        }
        let next = FIRST_COMPUTED + NodeIndex::try_from(self.computed.len()).unwrap_or(0);
        let number = *self.computed.entry(std::ptr::from_ref(expression).addr()).or_insert(next);
        Value { from: value.from.with(&Influences::of(number, EdgeKind::Identity)), ..value }
    }

    fn read_value(&mut self, expression: &Expr, scope: &Scope<'_>, place: Place) -> Read<Value> {
        match expression {
            Expr::Nested(inner) => self.value(inner, scope, place),
            Expr::Identifier(name) => self.bare_name(name, scope, place),
            Expr::CompoundIdentifier(names) => self.dotted_name(names, scope, place),
            Expr::Function(function) => self.call(function, scope, place).map(Value::from),
            Expr::Subquery(query) => Ok(self.subquery(query, scope)?.into()),
            Expr::Exists { subquery, .. } => Ok(self.rows_of_subquery(subquery, scope)?.into()),
            Expr::InSubquery { expr, subquery, .. } => {
                let left = self.value(expr, scope, place)?.from.through(EdgeKind::Transformation);
                Ok(left.with(&self.subquery(subquery, scope)?).into())
            }
            Expr::BinaryOp { .. } => self.operators(expression, scope, place).map(Value::from),
            Expr::Lambda(lambda) => self.arrow(lambda, scope, place).map(Value::from),
            Expr::Value(literal) if matches!(literal.value, Literal::Placeholder(_)) => {
                Err(Unclear::at(format!("a placeholder: {literal}"), literal.span))
            }
            Expr::JsonAccess { .. } if !self.manners.colon_paths => Err(unreadable(expression)),
            _ => {
                let parts = anatomy::parts(expression).ok_or_else(|| unreadable(expression))?;
                let mut from = Influences::default();
                for (part, kind) in parts {
                    from.add(&self.value(part, scope, place)?.from.through(kind));
                }
                Ok(from.into())
            }
        }
    }

    /// Adds up what several expressions depend on, through one kind of step.
    pub(super) fn values<'e>(
        &mut self,
        list: impl IntoIterator<Item = &'e Expr>,
        scope: &Scope<'_>,
        place: Place,
        kind: EdgeKind,
    ) -> Read<Influences> {
        let mut from = Influences::default();
        for expression in list {
            from.add(&self.value(expression, scope, place)?.from.through(kind));
        }
        Ok(from)
    }

    /// A chain of operators leans to the left and can be as long as the text: walked in a loop, not by recursion.
    fn operators(&mut self, expression: &Expr, scope: &Scope<'_>, place: Place) -> Read<Influences> {
        let mut from = Influences::default();
        let mut rest = expression;
        while let Expr::BinaryOp { left, op, right } = rest {
            if matches!(op, BinaryOperator::Custom(_) | BinaryOperator::Assignment) {
                return Err(unreadable(rest));
            }
            from.add(&self.value(right, scope, place)?.from.through(EdgeKind::Transformation));
            rest = left;
            if place == Place::Group && scope.groups.as_ref().is_some_and(|groups| groups.keys.iter().any(|(key, ..)| *key == rest)) {
                break;
            }
        }
        from.add(&self.value(rest, scope, place)?.from.through(EdgeKind::Transformation));
        Ok(from)
    }

    /// What the body of a lambda depends on besides its parameters.
    pub(super) fn lambda(&mut self, lambda: &LambdaFunction, scope: &Scope<'_>, place: Place) -> Read<Influences> {
        let before = self.parameters.len();
        self.parameters.extend(lambda.params.iter().map(|parameter| parameter.name.value.to_lowercase()));
        let body = self.value(&lambda.body, scope, place);
        self.parameters.truncate(before);
        body.map(|body| body.from.through(EdgeKind::Transformation))
    }

    /// `a -> b` where no lambda can stand: a path into the column a.
    fn arrow(&mut self, lambda: &LambdaFunction, scope: &Scope<'_>, place: Place) -> Read<Influences> {
        if lambda.syntax != LambdaSyntax::Arrow {
            return Err(Unclear::at("a lambda outside of a function that takes one", lambda.body.span()));
        }
        let mut from = self.value(&lambda.body, scope, place)?.from.through(EdgeKind::Transformation);
        for parameter in lambda.params.iter() {
            from.add(&self.bare_name(&parameter.name, scope, place)?.from.through(EdgeKind::Transformation));
        }
        Ok(from)
    }

    pub(super) fn bare_name(&mut self, name: &Ident, scope: &Scope<'_>, place: Place) -> Read<Value> {
        let lower = name.value.to_lowercase();
        if self.parameters.contains(&lower) {
            return Ok(Value::default());
        }
        if let Some(value) = self.seen(&scope.bare(&lower), &lower, name, scope, place)? {
            return Ok(value);
        }
        if let Some(whole) = scope.table(std::slice::from_ref(&lower)) {
            return self.whole_row(whole, scope, place).map(|from| from.through(EdgeKind::Transformation).into());
        }
        if let Some(outer) = scope.outer {
            return self.bare_name(name, outer, Place::Group);
        }
        if name.quote_style.is_none() && functions::is_session_word(&lower)
            || name.quote_style == Some('"') && self.manners.double_quoted_strings
        {
            return Ok(Value::default());
        }
        Err(Unclear::at(format!("no column is called {}", name.value), name.span))
    }

    /// A bare name where it was sighted in this SELECT: its own columns and aliases, and, when neither is sure, the SELECTs around.
    fn seen(&mut self, sight: &Sight, lower: &str, name: &Ident, scope: &Scope<'_>, place: Place) -> Read<Option<Value>> {
        match sight {
            Sight::At(_) | Sight::Several(_) | Sight::Merged(_) => Ok(Some(self.sighted(sight, lower, scope, place))),
            Sight::Ambiguous => Err(Unclear::at(format!("several tables have a column {}", name.value), name.span)),
            Sight::Maybe(_) => {
                let mut value = self.sighted(sight, lower, scope, place);
                if let Some(alias) = self.alias(lower, scope, place)? {
                    value = Value { from: alias.from.with(&value.from), spot: None };
                } else if let Some(outer) = scope.outer
                    && matches!(outer.bare(lower), Sight::At(_) | Sight::Several(_) | Sight::Merged(_))
                {
                    let around = self.sighted(&outer.bare(lower), lower, outer, Place::Group).from;
                    value = value.from.with(&around.through(EdgeKind::Assumed)).into();
                }
                Ok(Some(value))
            }
            Sight::Nowhere => self.alias(lower, scope, place),
        }
    }

    /// The expression that the select list gives this name to.
    fn alias(&mut self, lower: &str, scope: &Scope<'_>, place: Place) -> Read<Option<Value>> {
        if self.resolving.iter().any(|busy| busy == lower) {
            return Ok(None);
        }
        let Some(&(_, expression)) = scope.aliases.iter().find(|(alias, _)| alias == lower) else { return Ok(None) };
        self.resolving.push(lower.to_owned());
        let value = self.value(expression, scope, place);
        self.resolving.pop();
        value.map(|value| Some(self.mark(expression, value)))
    }

    /// `t.c`, `s.t.c`, `t.c.field`, `c.field`: the longest qualifier that is a table of this SELECT or of one around it, else a field of a column.
    fn dotted_name(&mut self, names: &[Ident], scope: &Scope<'_>, place: Place) -> Read<Value> {
        let lower: Vec<String> = names.iter().map(|name| name.value.to_lowercase()).collect();
        let Some(first) = names.first() else { return Err(Unclear::new("an empty name")) };
        if self.parameters.contains(&lower[0]) {
            return Ok(Value::default());
        }
        let mut around = Some((scope, place));
        while let Some((scope, place)) = around {
            for split in (1..names.len()).rev() {
                let Some(table) = scope.table(&lower[..split]) else { continue };
                let sight = scope.within(table, &lower[split]);
                if sight != Sight::Nowhere {
                    let value = self.sighted(&sight, &lower[split], scope, place);
                    return Ok(if split + 1 == names.len() { value } else { value.from.through(EdgeKind::Transformation).into() });
                }
            }
            if let sight @ (Sight::At(_) | Sight::Several(_) | Sight::Merged(_)) = scope.bare(&lower[0]) {
                return Ok(self.sighted(&sight, &lower[0], scope, place).from.through(EdgeKind::Transformation).into());
            }
            around = scope.outer.map(|outer| (outer, Place::Group));
        }
        let written: Vec<&str> = names.iter().map(|name| name.value.as_str()).collect();
        Err(Unclear::at(format!("no column is called {}", written.join(".")), first.span))
    }

    /// The influences of a column that was sighted. In a grouped SELECT a column that is no key stands for any row of its group.
    pub(super) fn sighted(&mut self, sight: &Sight, lower: &str, scope: &Scope<'_>, place: Place) -> Value {
        let mut value = match sight {
            Sight::At(spot) => Value { from: scope.field(*spot).from.clone(), spot: Some(*spot) },
            Sight::Several(spots) => {
                let mut from = Influences::default();
                spots.iter().for_each(|spot| from.add(&scope.field(*spot).from));
                from.into()
            }
            Sight::Merged(at) => Value { from: scope.merged[*at].from.clone(), spot: scope.merged[*at].leader },
            Sight::Maybe(tables) => {
                let mut from = Influences::default();
                for &table in tables {
                    from.add(&self.open_column(&scope.tables[table].open, lower));
                }
                from.into()
            }
            Sight::Ambiguous | Sight::Nowhere => Value::default(),
        };
        if place == Place::Group
            && let Some(groups) = &scope.groups
            && !value.spot.is_some_and(|spot| groups.spots.contains(&spot))
        {
            value = value.from.with(&groups.rows.any()).into();
        }
        value
    }

    /// A column that no list names, by name.
    pub(super) fn open_column(&mut self, open: &[Open], lower: &str) -> Influences {
        let mut from = Influences::default();
        for open in open.iter().filter(|open| !open.without.contains(lower)) {
            let kind = if open.outside { EdgeKind::Assumed } else { EdgeKind::Identity };
            from.add(&open.with);
            from.add(&relation::column(self.graph, &open.relation, lower, kind));
        }
        from
    }

    /// Everything of one table: a whole row as a value, `t.*` as an argument.
    pub(super) fn whole_row(&mut self, table: usize, scope: &Scope<'_>, place: Place) -> Read<Influences> {
        let mut from = Influences::default();
        for field in &scope.tables[table].fields {
            from.add(&field.from);
        }
        from.add(&self.open_column(&scope.tables[table].open, ANY_COLUMN));
        if place == Place::Group
            && let Some(groups) = &scope.groups
        {
            from.add(&groups.rows.any());
        }
        Ok(from)
    }

    /// Everything that a shape's fields depend on, listed or not.
    pub(super) fn everything(&mut self, shape: &Shape) -> Influences {
        shape.values().with(&self.open_column(&shape.open, ANY_COLUMN))
    }

    /// A subquery used as a value: its columns, and which rows it has.
    pub(super) fn subquery(&mut self, query: &sqlparser::ast::Query, scope: &Scope<'_>) -> Read<Influences> {
        let shape = self.query(query, Some(scope))?;
        let from = self.everything(&shape).with(&shape.rows.any());
        Ok(from.through(EdgeKind::Transformation))
    }

    /// A subquery of which only the existence of rows counts.
    fn rows_of_subquery(&mut self, query: &sqlparser::ast::Query, scope: &Scope<'_>) -> Read<Influences> {
        let shape = self.query(query, Some(scope))?;
        Ok(shape.rows.any().through(EdgeKind::Transformation))
    }

    /// The CTE of a name, innermost first.
    pub(super) fn cte(&self, lower: &str) -> Option<&Read<Rc<Shape>>> {
        self.ctes.iter().rev().find(|(name, _)| name == lower).map(|(_, shape)| shape)
    }
}

/// An expression without its brackets.
pub(super) fn bare(mut expression: &Expr) -> &Expr {
    while let Expr::Nested(inner) = expression {
        expression = inner;
    }
    expression
}

/// Lower-cased text of one part of a name.
pub(super) fn part_text(part: &ObjectNamePart) -> String {
    match part {
        ObjectNamePart::Identifier(name) => name.value.to_lowercase(),
        ObjectNamePart::Function(function) => function.name.value.to_lowercase(),
    }
}

/// Lower-cased parts of a name.
pub(super) fn object_parts(name: &ObjectName) -> Vec<String> {
    name.0.iter().map(part_text).collect()
}

/// The name of a CTE, lower-cased.
pub(super) fn cte_name(cte: &Cte) -> String {
    cte.alias.name.value.to_lowercase()
}

fn unreadable(expression: &Expr) -> Unclear {
    let mut text = expression.to_string();
    if let Some((cut, _)) = text.char_indices().nth(60) {
        text.truncate(cut);
        text.push_str("...");
    }
    Unclear::at(format!("an expression that is not understood: {text}"), expression.span())
}
