//! Grouping: which expressions are the keys, and what that makes of the rows.

use std::collections::BTreeSet;

use sqlparser::ast::{
    Expr, FunctionArguments, GroupByExpr, GroupByWithModifier, Select, SelectItem, SelectItemQualifiedWildcardKind, Spanned,
    WildcardAdditionalOptions, WindowType,
};

use super::anatomy;
use super::functions::{self, Sort};
use super::influence::Influences;
use super::parse::{Read, Unclear};
use super::resolve::{Place, Reader, bare, object_parts};
use super::scope::{Groups, Scope, Sight, Spot};
use super::select::rows_of_groups;

/// What grouping says of the result's rows.
#[derive(Default)]
pub(super) struct Grouped {
    /// Number of keys.
    pub(super) keys: usize,
    /// Whether no two rows of the result have the same keys. Not so with ROLLUP and the like, or when a key is uncertain.
    pub(super) tells_rows_apart: bool,
}

impl Reader<'_> {
    /// Makes a scope of groups out of a scope of rows, if the SELECT groups.
    pub(super) fn group<'a>(&mut self, select: &'a Select, scope: &mut Scope<'a>) -> Read<Grouped> {
        let mut found = Keys::default();
        let explicit = match &select.group_by {
            GroupByExpr::All(modifiers) => {
                found.rolled = !modifiers.is_empty();
                self.all_keys(select, scope, &mut found)?;
                true
            }
            GroupByExpr::Expressions(list, modifiers) => {
                for expression in list {
                    collect(expression, select, scope, &mut found)?;
                }
                for modifier in modifiers {
                    found.rolled = true;
                    if let GroupByWithModifier::GroupingSets(expression) = modifier {
                        collect(expression, select, scope, &mut found)?;
                    }
                }
                !list.is_empty() || !modifiers.is_empty()
            }
        };
        let aggregates = || {
            let listed = select.projection.iter().any(|item| match item {
                SelectItem::UnnamedExpr(expression)
                | SelectItem::ExprWithAlias { expr: expression, .. }
                | SelectItem::ExprWithAliases { expr: expression, .. } => has_aggregate(expression),
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => false,
            });
            listed || select.having.is_some() || select.qualify.as_ref().is_some_and(has_aggregate)
        };
        if !explicit && !aggregates() {
            return Ok(Grouped::default());
        }
        let mut groups = Groups { rows: scope.rows.clone(), ..Groups::default() };
        let mut by = Influences::default();
        for &spot in &found.spots {
            by.add(&scope.field(spot).from);
        }
        for key in found.expressions {
            let value = self.value(key, scope, Place::Row)?;
            let value = self.mark(key, value);
            groups.keys.push((bare(key), value.from, value.spot));
        }
        let apart = !found.rolled && !found.uncertain;
        let told = if apart { told_by_others(&groups.keys, scope) } else { BTreeSet::new() };
        let tell = groups.keys.iter().filter(|(_, _, spot)| !spot.is_some_and(|spot| told.contains(&spot)));
        tell.for_each(|(_, from, _)| by.add(from));
        groups.spots = groups.keys.iter().filter_map(|(_, _, spot)| *spot).chain(found.spots.iter().copied()).collect();
        let keys = groups.keys.len();
        scope.keys.clear();
        if keys == 0 && found.spots.is_empty() && !found.rolled {
            // One row, whatever goes into it.
            scope.rows = Default::default();
            scope.keys.push(BTreeSet::new());
        } else {
            scope.rows = rows_of_groups(&scope.rows, &by);
        }
        scope.groups = Some(groups);
        Ok(Grouped { keys, tells_rows_apart: !found.rolled && !found.uncertain && found.spots.is_empty() })
    }

    /// GROUP BY ALL: everything in the select list that is no aggregate.
    fn all_keys<'a>(&mut self, select: &'a Select, scope: &Scope<'a>, found: &mut Keys<'a>) -> Read<()> {
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } => {
                    if !has_aggregate(expression) {
                        found.expressions.push(expression);
                    }
                }
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                    let tables = scope.tables.iter().enumerate().filter(|(_, table)| table.visible);
                    found.spots.extend(tables.flat_map(|(at, table)| (0..table.fields.len()).map(move |field| (at, field))));
                    if scope.tables.iter().any(|table| !table.open.is_empty()) {
                        return Err(Unclear::at("GROUP BY ALL over a star whose columns are not completely known", item.span()));
                    }
                }
                SelectItem::ExprWithAliases { .. } => return Err(Unclear::at("an expression with several names", item.span())),
            }
        }
        Ok(())
    }
}

/// The keys that hang on other keys, as a location's name on its id: they make no group of their own.
fn told_by_others(keys: &[(&Expr, Influences, Option<Spot>)], scope: &Scope<'_>) -> BTreeSet<Spot> {
    let all: BTreeSet<Spot> = keys.iter().filter_map(|(_, _, spot)| *spot).collect();
    let mut left = all.clone();
    for key in &scope.determining {
        // What is left tells all that was taken out before, so it stays enough.
        if key.is_subset(&left) {
            left.retain(|spot| key.contains(spot) || key.iter().all(|of| of.0 != spot.0));
        }
    }
    all.difference(&left).copied().collect()
}

/// Keys as they are written.
#[derive(Default)]
struct Keys<'a> {
    expressions: Vec<&'a Expr>,
    /// Keys that a star stands for.
    spots: BTreeSet<(usize, usize)>,
    /// ROLLUP, CUBE or GROUPING SETS: rows with less keys besides.
    rolled: bool,
    /// A name that may mean a column or an alias: both are taken.
    uncertain: bool,
}

fn collect<'a>(expression: &'a Expr, select: &'a Select, scope: &Scope<'a>, found: &mut Keys<'a>) -> Read<()> {
    match bare(expression) {
        Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets) => {
            found.rolled = true;
            sets.iter().flatten().try_for_each(|key| collect(key, select, scope, found))
        }
        Expr::Function(function) if ["rollup", "cube"].contains(&object_parts(&function.name).join(".").as_str()) => {
            found.rolled = true;
            anatomy::call(function).arguments.into_iter().try_for_each(|key| collect(key, select, scope, found))
        }
        Expr::Tuple(list) => list.iter().try_for_each(|key| collect(key, select, scope, found)),
        Expr::Identifier(name) => {
            let lower = name.value.to_lowercase();
            let alias = scope.aliases.iter().find(|(alias, _)| *alias == lower).map(|(_, expression)| *expression);
            match (scope.bare(&lower), alias) {
                (Sight::Nowhere, Some(alias)) => found.expressions.push(alias),
                (_, Some(alias)) if bare(alias) != bare(expression) => {
                    let same = matches!(bare(alias), Expr::CompoundIdentifier(names) if names.last().is_some_and(|last| last.value.eq_ignore_ascii_case(&name.value)));
                    found.uncertain |= !same;
                    found.expressions.extend([bare(expression), alias]);
                }
                _ => found.expressions.push(expression),
            }
            Ok(())
        }
        // A text or the like is the same in every row.
        Expr::Value(value) if !matches!(value.value, sqlparser::ast::Value::Number(..)) => Ok(()),
        Expr::Value(_) => {
            let unclear = || Unclear::at("a number in GROUP BY that means no single expression", expression.span());
            let at = match position(bare(expression), select, scope).ok_or_else(unclear)? {
                Listed::Item(at) => at,
                Listed::Field(spot) => {
                    found.spots.insert(spot);
                    return Ok(());
                }
            };
            match &select.projection[at] {
                SelectItem::UnnamedExpr(key) | SelectItem::ExprWithAlias { expr: key, .. } => found.expressions.push(key),
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) | SelectItem::ExprWithAliases { .. } => {
                    return Err(Unclear::at("a number in GROUP BY that means no single expression", expression.span()));
                }
            }
            Ok(())
        }
        _ => {
            found.expressions.push(expression);
            Ok(())
        }
    }
}

/// What a number in GROUP BY means.
enum Listed {
    /// An item of the select list.
    Item(usize),
    /// A column that a star stands for.
    Field(Spot),
}

/// Counts the columns of the select list, those of plain stars among them.
fn position(number: &Expr, select: &Select, scope: &Scope<'_>) -> Option<Listed> {
    let mut left = super::query::ordinal(number, usize::MAX)?;
    for (at, item) in select.projection.iter().enumerate() {
        let tables: Vec<usize> = match item {
            SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. } | SelectItem::ExprWithAliases { .. } => {
                if left == 0 {
                    return Some(Listed::Item(at));
                }
                left -= 1;
                continue;
            }
            SelectItem::Wildcard(options) if is_plain(options) && scope.merged.is_empty() => (0..scope.tables.len()).collect(),
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) if is_plain(options) => {
                vec![scope.table(&object_parts(name))?]
            }
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => return None,
        };
        for table in tables.into_iter().filter(|&table| scope.tables[table].visible) {
            let fields = scope.tables[table].fields.len();
            if left < fields {
                return Some(Listed::Field((table, left)));
            }
            if !scope.tables[table].open.is_empty() {
                return None;
            }
            left -= fields;
        }
    }
    None
}

fn is_plain(options: &WildcardAdditionalOptions) -> bool {
    *options == WildcardAdditionalOptions { wildcard_token: options.wildcard_token.clone(), ..Default::default() }
}

/// Whether an expression sums up rows of this SELECT. Subqueries have rows of their own.
pub(super) fn has_aggregate(expression: &Expr) -> bool {
    match expression {
        Expr::Function(function) => {
            let name = function.name.0.last().map(super::resolve::part_text).unwrap_or_default();
            if function.over.is_none() && functions::sort(&name) == Sort::Aggregate && !matches!(function.args, FunctionArguments::None) {
                return true;
            }
            let call = anatomy::call(function);
            let window = match &function.over {
                Some(WindowType::WindowSpec(spec)) => {
                    spec.partition_by.iter().chain(spec.order_by.iter().map(|order| &order.expr)).any(has_aggregate)
                }
                Some(WindowType::NamedWindow(_)) | None => false,
            };
            window || call.arguments.into_iter().chain(call.modifiers).any(has_aggregate)
        }
        Expr::Nested(inner) => has_aggregate(inner),
        Expr::Lambda(lambda) => has_aggregate(&lambda.body),
        Expr::InSubquery { expr, .. } => has_aggregate(expr),
        other => anatomy::parts(other).is_some_and(|parts| parts.into_iter().any(|(part, _)| has_aggregate(part))),
    }
}
