//! The syntax tree taken apart: the expressions directly inside an expression, and how each counts.
//!
//! Names, functions, lambdas, stars and subqueries have a meaning of their own and are not taken apart here (see `resolve`).

use std::borrow::Cow;

use sqlparser::ast::{
    AccessExpr, CeilFloorKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArgumentClause,
    FunctionArguments, Ident, JsonPathElem, Subscript, WildcardAdditionalOptions,
};

use super::graph::EdgeKind;

/// Expressions inside an expression, with the way in which each counts.
pub(super) type Parts<'a> = Vec<(&'a Expr, EdgeKind)>;

/// The expressions directly inside `whole`; `None` for what has a meaning of its own, or none that is known.
pub(super) fn parts(whole: &Expr) -> Option<Parts<'_>> {
    use EdgeKind::{Conditional, Transformation};
    Some(match whole {
        Expr::IsFalse(e)
        | Expr::IsNotFalse(e)
        | Expr::IsTrue(e)
        | Expr::IsNotTrue(e)
        | Expr::IsNull(e)
        | Expr::IsNotNull(e)
        | Expr::IsUnknown(e)
        | Expr::IsNotUnknown(e)
        | Expr::UnaryOp { expr: e, .. }
        | Expr::Cast { expr: e, .. }
        | Expr::Extract { expr: e, .. }
        | Expr::IsJson { expr: e, .. }
        | Expr::IsNormalized { expr: e, .. }
        | Expr::Collate { expr: e, .. }
        | Expr::Prefixed { value: e, .. }
        | Expr::Named { expr: e, .. }
        | Expr::Prior(e) => vec![(e, Transformation)],
        Expr::Ceil { expr, field } | Expr::Floor { expr, field } => match field {
            CeilFloorKind::DateTimeField(_) | CeilFloorKind::Scale(_) => vec![(expr, Transformation)],
        },
        Expr::Interval(interval) => vec![(&interval.value, Transformation)],
        Expr::IsDistinctFrom(left, right)
        | Expr::IsNotDistinctFrom(left, right)
        | Expr::BinaryOp { left, right, .. }
        | Expr::AnyOp { left, right, .. }
        | Expr::AllOp { left, right, .. }
        | Expr::AtTimeZone { timestamp: left, time_zone: right }
        | Expr::Position { expr: left, r#in: right }
        | Expr::InUnnest { expr: left, array_expr: right, .. }
        | Expr::RLike { expr: left, pattern: right, .. } => vec![(left, Transformation), (right, Transformation)],
        Expr::MemberOf(member) => vec![(&member.value, Transformation), (&member.array, Transformation)],
        Expr::Like { expr, pattern, escape_char, .. }
        | Expr::ILike { expr, pattern, escape_char, .. }
        | Expr::SimilarTo { expr, pattern, escape_char, .. } => {
            some([Some(expr), Some(pattern), escape_char.as_ref()].into_iter().flatten().map(AsRef::as_ref))
        }
        Expr::Between { expr, low, high, .. } => some([expr, low, high].into_iter().map(AsRef::as_ref)),
        Expr::InList { expr, list, .. } => some(std::iter::once(expr.as_ref()).chain(list)),
        Expr::Convert { expr, styles, .. } => some(std::iter::once(expr.as_ref()).chain(styles)),
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            some([Some(expr), substring_from.as_ref(), substring_for.as_ref()].into_iter().flatten().map(AsRef::as_ref))
        }
        Expr::Trim { expr, trim_what, trim_characters, .. } => {
            some(std::iter::once(expr.as_ref()).chain(trim_what.as_deref()).chain(trim_characters.iter().flatten()))
        }
        Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
            some([Some(expr), Some(overlay_what), Some(overlay_from), overlay_for.as_ref()].into_iter().flatten().map(AsRef::as_ref))
        }
        Expr::Tuple(list) | Expr::Struct { values: list, .. } => some(list),
        Expr::Array(array) => some(&array.elem),
        Expr::Dictionary(fields) => some(fields.iter().map(|field| field.value.as_ref())),
        Expr::Map(map) => some(map.entries.iter().flat_map(|entry| [entry.key.as_ref(), entry.value.as_ref()])),
        Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => some(sets.iter().flatten()),
        Expr::CompoundFieldAccess { root, access_chain } => {
            some(std::iter::once(root.as_ref()).chain(access_chain.iter().flat_map(subscripts)))
        }
        Expr::JsonAccess { value, path } => some(std::iter::once(value.as_ref()).chain(path.path.iter().filter_map(|step| match step {
            JsonPathElem::Dot { .. } => None,
            JsonPathElem::Bracket { key } | JsonPathElem::ColonBracket { key } => Some(key),
        }))),
        Expr::Case { operand, conditions, else_result, .. } => {
            let tests = operand.as_deref().into_iter().chain(conditions.iter().map(|when| &when.condition));
            let results = conditions.iter().map(|when| &when.result).chain(else_result.as_deref());
            tests.map(|e| (e, Conditional)).chain(results.map(|e| (e, Transformation))).collect()
        }
        Expr::Value(_) | Expr::TypedString(_) => Vec::new(),
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::InSubquery { .. }
        | Expr::Nested(_)
        | Expr::Function(_)
        | Expr::Exists { .. }
        | Expr::Subquery(_)
        | Expr::MatchAgainst { .. }
        | Expr::Wildcard(_)
        | Expr::QualifiedWildcard(..)
        | Expr::OuterJoin(_)
        | Expr::Lambda(_) => return None,
    })
}

fn some<'a>(list: impl IntoIterator<Item = &'a Expr>) -> Parts<'a> {
    list.into_iter().map(|e| (e, EdgeKind::Transformation)).collect()
}

/// Expressions in `[...]`. The name after a dot is a field, not a column.
fn subscripts(access: &AccessExpr) -> Vec<&Expr> {
    match access {
        AccessExpr::Dot(Expr::Identifier(_) | Expr::Value(_)) => Vec::new(),
        AccessExpr::Dot(e) => vec![e],
        AccessExpr::Subscript(Subscript::Index { index }) => vec![index],
        AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride }) => {
            [lower_bound, upper_bound, stride].into_iter().flatten().collect()
        }
    }
}

/// What a function call holds.
#[derive(Default)]
pub(super) struct Call<'a> {
    /// Arguments, in order.
    pub(super) arguments: Vec<&'a Expr>,
    /// `f(a = 1)`: the parser takes `a` for the name of a parameter; outside of table functions it is a column that is compared.
    pub(super) compared: Vec<&'a Ident>,
    /// What decides which rows or in which order an aggregate takes.
    pub(super) modifiers: Vec<&'a Expr>,
    /// `f(*)`, or a star with options.
    pub(super) star: bool,
    /// `f(t.*)`: the names before the star.
    pub(super) stars_of: Vec<&'a sqlparser::ast::ObjectName>,
    /// `f(select ...)`.
    pub(super) subquery: Option<&'a sqlparser::ast::Query>,
}

/// Takes a call apart; the window is not part of it.
pub(super) fn call(function: &Function) -> Call<'_> {
    let mut call = Call::default();
    for arguments in [&function.parameters, &function.args] {
        match arguments {
            FunctionArguments::None => {}
            FunctionArguments::Subquery(query) => call.subquery = Some(query),
            FunctionArguments::List(list) => {
                list.args.iter().for_each(|argument| take_argument(&mut call, argument));
                list.clauses.iter().for_each(|clause| take_clause(&mut call, clause));
            }
        }
    }
    call.modifiers.extend(function.within_group.iter().map(|order| &order.expr));
    call.modifiers.extend(function.filter.as_deref());
    call
}

/// The star that is the only argument of a call, with what follows it.
pub(super) fn argument_star(function: &Function) -> Option<Cow<'_, WildcardAdditionalOptions>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::WildcardWithOptions(options))] => Some(Cow::Borrowed(options)),
        [FunctionArg::Unnamed(FunctionArgExpr::Wildcard | FunctionArgExpr::Expr(Expr::Wildcard(_)))] => {
            Some(Cow::Owned(Default::default()))
        }
        _ => None,
    }
}

fn take_argument<'a>(call: &mut Call<'a>, argument: &'a FunctionArg) {
    let arg = match argument {
        FunctionArg::Unnamed(arg) => arg,
        FunctionArg::Named { name, arg, operator } => {
            if *operator == FunctionArgOperator::Equals {
                call.compared.push(name);
            }
            arg
        }
        FunctionArg::ExprNamed { name, arg, operator } => match (name, operator) {
            (Expr::Identifier(name), FunctionArgOperator::Equals) => {
                call.compared.push(name);
                arg
            }
            (Expr::Identifier(_), FunctionArgOperator::RightArrow | FunctionArgOperator::Assignment) => arg,
            (name, _) => {
                call.arguments.push(name);
                arg
            }
        },
    };
    match arg {
        FunctionArgExpr::Expr(Expr::Wildcard(_)) | FunctionArgExpr::Wildcard | FunctionArgExpr::WildcardWithOptions(_) => call.star = true,
        FunctionArgExpr::Expr(Expr::QualifiedWildcard(name, _)) | FunctionArgExpr::QualifiedWildcard(name) => call.stars_of.push(name),
        FunctionArgExpr::Expr(e) => call.arguments.push(e),
    }
}

fn take_clause<'a>(call: &mut Call<'a>, clause: &'a FunctionArgumentClause) {
    match clause {
        FunctionArgumentClause::Where(e) | FunctionArgumentClause::Limit(e) => call.modifiers.push(e),
        FunctionArgumentClause::OrderBy(order) => call.modifiers.extend(order.iter().map(|order| &order.expr)),
        FunctionArgumentClause::Having(bound) => call.modifiers.push(&bound.1),
        FunctionArgumentClause::IgnoreOrRespectNulls(_)
        | FunctionArgumentClause::OnOverflow(_)
        | FunctionArgumentClause::Separator(_)
        | FunctionArgumentClause::JsonNullClause(_)
        | FunctionArgumentClause::JsonReturningClause(_) => {}
    }
}
