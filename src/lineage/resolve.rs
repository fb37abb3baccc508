//! Expression -> what its value depends on.
//!
//! A name that cannot be traced to a column of the scope makes the whole statement unclear: the parser misreads some syntax without a word, and
//! a name out of place is how that shows. Not for tables (see `from`) and not for whole queries (see `query`).

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use sqlparser::ast::{BinaryOperator, Expr, ObjectName, ObjectNamePart, Value as Literal};
use sqlparser::ast::{Cte, LambdaFunction, LambdaSyntax, Spanned};

use super::anatomy;
use super::columns::is_columns;
use super::defined::Defined;
use super::dialect::Manners;
use super::graph::{EdgeKind, NodeIndex};
use super::influence::{FIRST_COMPUTED, Influences};
use super::kind::Types;
use super::nodes::{Nodes, RelationIndex};
use super::parse::{Read, Unclear};
use super::relation::{self, Named, Position, Relations};
use super::scope::{Scope, Sight, Spot};
use super::shape::Shape;

/// Reads one statement. Holds what is true of the whole statement, not of one SELECT.
pub(super) struct Reader<'p> {
    /// What it refers to, so far.
    pub(super) nodes: Nodes<'p>,
    pub(super) relations: &'p Relations,
    pub(super) manners: &'p Manners,
    /// Who reads: a model, or a query of the user.
    pub(super) who: Who,
    /// CTEs in scope, innermost last; one that was not understood counts only if it is used.
    pub(super) ctes: Vec<(String, Read<Rc<Shape>>)>,
    /// Parameters of the lambdas around the expression.
    pub(super) parameters: Vec<String>,
    /// Expressions with a name that are being read because of it, by address: one that names itself, however deep inside, means a column.
    pub(super) resolving: Vec<usize>,
    /// What decides how many rows the current SELECT makes of one (`unnest`).
    pub(super) multiplied: Influences,
    /// Macros that the project defines in the warehouse.
    pub(super) macros: &'p HashMap<String, Defined>,
    /// What the parameters of these macros are bound to, for each body that is being read.
    pub(super) bound: Vec<Vec<(String, Influences)>>,
    /// The model as its query left it, while a hook changes it.
    pub(super) own: Option<Shape>,
    /// Whether the text has a COLUMNS() anywhere.
    pub(super) has_columns: bool,
    /// The column that COLUMNS() stands for just now.
    pub(super) column: Option<Spot>,
    /// Relations that were read.
    pub(super) read: BTreeSet<RelationIndex>,
    /// Names that were looked up among the project's relations, with what they meant.
    pub(super) looked_up: Vec<(String, Named)>,
    /// What was read, but not wholly understood.
    pub(super) doubts: Vec<Unclear>,
    /// Computed columns, by the address of their expression, with the number that stands for them.
    pub(super) computed: HashMap<usize, NodeIndex>,
}

/// Who reads a statement, and whose columns it sees.
#[derive(Debug, Default)]
pub(super) struct Who {
    /// The model that the statement makes, if it makes one.
    pub(super) model: Option<Position>,
    /// Its parents, which come before it in the order of the DAG.
    pub(super) parents: BTreeSet<Position>,
    /// Whether every relation was read before, so that the columns of each can be seen.
    pub(super) sees_all: bool,
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
    /// A reader of one statement.
    pub(super) fn new(relations: &'p Relations, manners: &'p Manners, macros: &'p HashMap<String, Defined>, who: Who) -> Self {
        Reader {
            nodes: Nodes::default(),
            relations,
            manners,
            who,
            ctes: Vec::new(),
            parameters: Vec::new(),
            resolving: Vec::new(),
            multiplied: Influences::default(),
            macros,
            bound: Vec::new(),
            own: None,
            has_columns: true,
            column: None,
            read: BTreeSet::new(),
            looked_up: Vec::new(),
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
            Expr::Function(function) if is_columns(function) => self.columns_value(function, scope, place),
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
                let spot = self.numbered_column(&literal.value, scope);
                let spot = spot.ok_or_else(|| Unclear::at(format!("a placeholder: {literal}"), literal.span))?;
                let name = scope.field(spot).name.to_string();
                Ok(self.sighted(&Sight::At(spot), &name, scope, place))
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

    /// Snowflake's `$1`: the first column of the one table.
    fn numbered_column(&self, literal: &Literal, scope: &Scope<'_>) -> Option<Spot> {
        let Literal::Placeholder(text) = literal else { return None };
        let at = text.strip_prefix('$')?.parse::<usize>().ok()?.checked_sub(1).filter(|_| self.manners.types == Types::Snowflake)?;
        let [table] = scope.tables.as_slice() else { return None };
        (table.open.is_empty() && at < table.fields.len()).then_some((0, at))
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

    /// A subquery used as a value: its columns, and which rows it has.
    pub(super) fn subquery(&mut self, query: &sqlparser::ast::Query, scope: &Scope<'_>) -> Read<Influences> {
        let shape = self.query(query, Some(scope))?;
        let from = self.everything(&shape).with(&shape.rows.any());
        Ok(from.through(EdgeKind::Transformation))
    }

    /// A subquery whose rows become a list, in their order: `array(select x from t order by y)`.
    pub(super) fn listed(&mut self, query: &sqlparser::ast::Query, scope: &Scope<'_>) -> Read<Influences> {
        let shape = self.query(query, Some(scope))?;
        let from = self.everything(&shape).with(&shape.rows.any()).with(&shape.order);
        Ok(from.through(EdgeKind::Transformation))
    }

    /// A subquery of which only the existence of rows counts.
    fn rows_of_subquery(&mut self, query: &sqlparser::ast::Query, scope: &Scope<'_>) -> Read<Influences> {
        let shape = self.query(query, Some(scope))?;
        Ok(shape.rows.any().through(EdgeKind::Transformation))
    }

    /// What a name in a FROM means.
    pub(super) fn look_up(&mut self, name: &str) -> Named {
        let named = self.relations.find(name, &self.who.parents);
        self.looked_up.push((name.to_owned(), named));
        named
    }

    /// A relation of the project as this statement sees it.
    pub(super) fn relation(&mut self, at: Position) -> Shape {
        if let Some(own) = self.own.as_ref().filter(|_| self.who.model == Some(at)) {
            return own.clone();
        }
        let schema =
            self.relations.schema(at).filter(|_| self.who.sees_all || self.who.parents.contains(&at) || self.relations.is_given(at));
        let relation = self.nodes.enter(self.relations.id(at), schema);
        self.read.insert(relation);
        relation::shape(&self.nodes, relation, schema)
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
