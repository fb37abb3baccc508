//! One SELECT -> shape: FROM, WHERE, groups, the select list, HAVING, QUALIFY, DISTINCT, and the LIMIT that follows it. The select list's stars
//! are in `star`, grouping in `group`.

use std::collections::BTreeSet;

use sqlparser::ast::{
    Distinct, Expr, Function, LateralView, OrderByKind, Select, SelectFlavor, SelectItem, Spanned, ValueTableMode, WindowType,
};

use super::graph::EdgeKind;
use super::influence::{Influences, Rows};
use super::join::{conjuncts, first_of, is_one};
use super::output::{Output, assemble, number_duplicates};
use super::parse::{Read, Unclear};
use super::query::ordinal;
use super::resolve::{Place, Reader, Value, bare, object_parts, part_text};
use super::scope::{Scope, Sight, Spot, Table};
use super::shape::{Field, Open, Shape, add_key};
use super::spelling::{SAMPLED, Spelling};

/// Longest select list: names are looked up in it, so this bounds the time that a hostile text can take.
const MOST_COLUMNS: usize = 2_000;

/// What follows the SELECT in its query.
#[derive(Clone, Copy, Default)]
pub(super) struct Tail<'a> {
    /// ORDER BY: matters only where rows are chosen by it.
    pub(super) order: Option<&'a OrderByKind>,
    /// Whether LIMIT or the like takes some of the rows.
    pub(super) limited: bool,
}

impl Reader<'_> {
    /// What one SELECT gives.
    pub(super) fn select<'a>(&mut self, select: &'a Select, outer: Option<&'a Scope<'a>>, tail: Tail<'a>) -> Read<Shape> {
        refuse(select)?;
        let around = std::mem::take(&mut self.multiplied);
        let mut scope = self.tables(&select.from, outer)?;
        if select.from.is_empty() {
            scope.keys = vec![BTreeSet::new()];
        }
        for view in &select.lateral_views {
            self.lateral_view(view, &mut scope)?;
        }
        self.hierarchy(&select.connect_by, &mut scope)?;
        scope.windows = &select.named_window;
        scope.aliases = aliases(&select.projection);
        for condition in select.prewhere.iter().chain(&select.selection) {
            self.filter(condition, &mut scope)?;
        }
        let grouped = self.group(select, &mut scope)?;
        let (mut outputs, mut open) = self.select_list(select, &scope)?;
        let qualify = self.qualified_to_one(select.qualify.as_ref(), &mut scope, &mut outputs, &mut open)?;
        for condition in select.having.iter().chain(qualify) {
            let by = self.value(condition, &scope, Place::Group)?.from.through(EdgeKind::Filter);
            scope.rows.decided_by(&by);
        }
        for part in qualify.iter().copied().flat_map(conjuncts) {
            if let Some(key) = self.numbered_first(part, &scope) {
                add_key(&mut scope.keys, key);
            }
        }
        let multiplied = std::mem::replace(&mut self.multiplied, around);
        let spots: Vec<Option<Spot>> = outputs.iter().map(|output| output.spot).collect();
        let mut shape = assemble(&scope, outputs, open, &grouped, multiplied, select.selection.is_some() || select.prewhere.is_some());
        if self.manners.spelling == Spelling::DuckDb {
            number_duplicates(&mut shape.fields);
        }
        self.distinct(select.distinct.as_ref(), tail, &scope, (&mut shape, &spots))?;
        let limited = tail.limited || select.top.is_some();
        let order = match self.order(tail.order, &scope, &shape) {
            Err(error) if limited => return Err(error),
            Err(_) => self.everything(&shape).through(EdgeKind::Sort),
            Ok(order) => order,
        };
        if limited {
            let by = order.clone().with(&shape.rows.any()).with(&scope.order);
            shape.rows.decided_by(&by);
        }
        if limited || select.distinct.is_some() || select.qualify.is_some() {
            shape.thinned();
        }
        shape.order = order.with(&scope.order);
        if select.value_table_mode == Some(ValueTableMode::AsValue) {
            shape.opened();
        }
        Ok(shape)
    }

    /// Rows that do not fulfil the condition go. Of those that a number 1 chooses from, the first choice is made of whole partitions.
    fn filter(&mut self, condition: &Expr, scope: &mut Scope<'_>) -> Read<()> {
        let mut parts = conjuncts(condition);
        if parts.iter().any(|part| is_sampled(part)) {
            // Which rows a sample takes hangs on which there are, and in which order.
            let any = scope.rows.any().with(&scope.order);
            scope.rows.decided_by(&any);
            scope.tables.iter_mut().for_each(Table::thinned);
        }
        let chosen = |part: &&Expr| if scope.tables.len() == 1 { first_of(part, scope).filter(|(_, whole)| *whole) } else { None };
        if let Some((at, (key, _))) = parts.iter().enumerate().find_map(|(at, part)| Some((at, chosen(part)?))) {
            let by = self.value(parts.remove(at), scope, Place::Row)?.from.through(EdgeKind::Filter);
            self.one_of_each(&key, &by, scope);
        }
        for part in parts.into_iter().filter(|part| !is_sampled(part)) {
            let by = self.value(part, scope, Place::Row)?.from.through(EdgeKind::Filter);
            scope.rows.decided_by(&by);
            if let Some((key, _)) = first_of(part, scope).filter(|_| scope.tables.len() == 1) {
                add_key(&mut scope.keys, key);
            }
        }
        Ok(())
    }

    /// Of the rows that are alike in the key, one stays: which rows there are depends on the key, and what else they hold on what chooses.
    fn one_of_each(&mut self, key: &BTreeSet<Spot>, by: &Influences, scope: &mut Scope<'_>) {
        let mut of_key = Influences::default();
        key.iter().for_each(|spot| of_key.add(&scope.field(*spot).from));
        for (at, table) in scope.tables.iter_mut().enumerate() {
            let others = table.fields.iter_mut().enumerate().filter(|(field, _)| !key.contains(&(at, *field)));
            others.for_each(|(_, field)| field.from.add(by));
            table.open.iter_mut().for_each(|open| open.with.add(by));
        }
        scope.rows.decided_by(&of_key.through(EdgeKind::GroupBy));
        add_key(&mut scope.keys, key.clone());
    }

    /// Hive's `LATERAL VIEW explode(c) t AS x`: more rows, and a table with the named columns.
    fn lateral_view(&mut self, view: &LateralView, scope: &mut Scope<'_>) -> Read<()> {
        let from = self.value(&view.lateral_view, scope, Place::Row)?.from;
        self.multiplied = Influences::default();
        scope.rows.decided_by(&from.through(EdgeKind::Filter));
        scope.keys.clear();
        let fields = view.lateral_col_alias.iter().map(|name| Field::new(&name.value, from.clone())).collect();
        if view.lateral_col_alias.is_empty() {
            return Err(Unclear::at("a lateral view without column names", view.lateral_view.span()));
        }
        scope.tables.push(Table {
            names: object_parts(&view.lateral_view_name),
            fields,
            open: Vec::new(),
            keys: Vec::new(),
            visible: true,
        });
        Ok(())
    }

    fn select_list(&mut self, select: &Select, scope: &Scope<'_>) -> Read<(Vec<Output>, Vec<Open>)> {
        let (mut outputs, mut open) = (Vec::new(), Vec::new());
        if select.projection.is_empty() && select.flavor == SelectFlavor::FromFirstNoSelect {
            self.star(None, &Default::default(), scope, &mut outputs, &mut open)?;
        }
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expression) => {
                    let name = self.name_of(expression);
                    self.output(expression, None, &name, scope, &mut outputs)?;
                }
                SelectItem::ExprWithAlias { expr, alias } => self.output(expr, Some(&alias.value), &alias.value, scope, &mut outputs)?,
                SelectItem::Wildcard(options) => self.star(None, options, scope, &mut outputs, &mut open)?,
                SelectItem::QualifiedWildcard(of, options) => self.star(Some(of), options, scope, &mut outputs, &mut open)?,
                SelectItem::ExprWithAliases { .. } => return Err(Unclear::at("an expression with several names", item.span())),
            }
        }
        Ok((outputs, open))
    }

    /// The output that an expression makes; more than one with a COLUMNS() in it, called as its columns are, if not by an alias.
    fn output(&mut self, expression: &Expr, alias: Option<&str>, name: &str, scope: &Scope<'_>, outputs: &mut Vec<Output>) -> Read<()> {
        for (column, value) in self.each_of_columns(expression, scope, Place::Group)? {
            if column.is_some() && alias.is_some_and(|alias| alias.contains('\\')) {
                return Err(Unclear::at("an alias made by a pattern", expression.span()));
            }
            // One expression, but a value of its own for each column.
            let value = if column.is_some() { value } else { self.mark(expression, value) };
            let name = column.filter(|_| alias.is_none()).unwrap_or_else(|| name.to_owned());
            let output = self.one_output(expression, &name, value, scope);
            outputs.push(output);
        }
        Ok(())
    }

    fn one_output(&mut self, expression: &Expr, name: &str, value: Value, scope: &Scope<'_>) -> Output {
        let kind = value.spot.map_or_else(|| self.kind(expression, scope), |spot| scope.field(spot).kind);
        let keys = scope.groups.iter().flat_map(|groups| &groups.keys);
        let key = keys.enumerate().find(|(_, (key, _, spot))| *key == bare(expression) || (spot.is_some() && *spot == value.spot));
        Output {
            field: Field::new(name, value.from).of(kind),
            spot: value.spot,
            key: key.map(|(at, _)| at),
            partition: self.partition_of(expression, scope),
        }
    }

    /// What a warehouse calls an expression without a name. A guess where warehouses differ; a reference to another name is then unclear.
    fn name_of(&self, expression: &Expr) -> String {
        match expression {
            Expr::Identifier(name) => name.value.clone(),
            Expr::CompoundIdentifier(names) => names.last().map(|name| name.value.clone()).unwrap_or_default(),
            Expr::Nested(inner) => self.name_of(inner),
            Expr::Cast { expr, .. } if self.manners.function_names => self.name_of(expr),
            Expr::Function(function) if self.manners.function_names => function.name.0.last().map(part_text).unwrap_or_default(),
            Expr::Function(function) if function.to_string().eq_ignore_ascii_case("count(*)") => "count_star()".into(),
            other => other.to_string().to_lowercase(),
        }
    }

    /// The partition of a `row_number()`, where all of it is plain fields.
    fn partition_of(&mut self, expression: &Expr, scope: &Scope<'_>) -> Option<BTreeSet<Spot>> {
        let Expr::Function(Function { name, over: Some(WindowType::WindowSpec(spec)), .. }) = bare(expression) else { return None };
        if object_parts(name) != ["row_number"] || spec.window_name.is_some() {
            return None;
        }
        spec.partition_by.iter().map(|part| self.value(part, scope, Place::Group).ok()?.spot).collect()
    }

    /// `row_number() over (partition by k) = 1`, the number written out or by its alias: unique in k.
    fn numbered_first(&mut self, part: &Expr, scope: &Scope<'_>) -> Option<BTreeSet<Spot>> {
        let Expr::BinaryOp { left, op: sqlparser::ast::BinaryOperator::Eq, right } = part else { return None };
        let number = if is_one(right) {
            bare(left)
        } else if is_one(left) {
            bare(right)
        } else {
            return None;
        };
        match number {
            Expr::Identifier(name) => {
                let lower = name.value.to_lowercase();
                let (_, expression) = scope.aliases.iter().find(|(alias, _)| *alias == lower)?;
                (scope.bare(&lower) == Sight::Nowhere).then(|| self.partition_of(expression, scope))?
            }
            other => self.partition_of(other, scope),
        }
    }

    /// `qualify row_number() over (partition by k order by o) = 1` and nothing else. Gives back what remains to be read of the condition.
    fn qualified_to_one<'a>(
        &mut self,
        qualify: Option<&'a Expr>,
        scope: &mut Scope<'_>,
        outputs: &mut [Output],
        open: &mut [Open],
    ) -> Read<Option<&'a Expr>> {
        let Some(condition) = qualify else { return Ok(None) };
        let key = match conjuncts(condition).as_slice() {
            [part] if scope.groups.is_none() => self.numbered_first(part, scope),
            _ => None,
        };
        let Some(key) = key else { return Ok(qualify) };
        let by = self.value(condition, scope, Place::Group)?.from.through(EdgeKind::Filter);
        outputs
            .iter_mut()
            .filter(|output| !output.spot.is_some_and(|spot| key.contains(&spot)))
            .for_each(|output| output.field.from.add(&by));
        open.iter_mut().for_each(|open| open.with.add(&by));
        self.one_of_each(&key, &by, scope);
        Ok(None)
    }

    fn distinct(
        &mut self,
        distinct: Option<&Distinct>,
        tail: Tail<'_>,
        scope: &Scope<'_>,
        (shape, spots): (&mut Shape, &[Option<Spot>]),
    ) -> Read<()> {
        match distinct {
            None | Some(Distinct::All) => {}
            Some(Distinct::Distinct) => {
                let by = self.everything(shape).through(EdgeKind::GroupBy);
                shape.rows.decided_by(&by);
                if shape.open.is_empty() {
                    shape.unique_in((0..shape.fields.len()).collect());
                }
            }
            Some(Distinct::On(expressions)) => {
                let (mut by, mut keys) = (Influences::default(), Vec::new());
                for key in expressions {
                    let (from, spot) = match ordinal(bare(key), usize::MAX) {
                        None => self.distinct_key(key, scope)?,
                        Some(at) if at < spots.len() => (shape.fields[at].from.clone(), spots[at]),
                        // DuckDB counts on into columns that only ORDER BY names.
                        Some(_) => (self.all_of(scope)?, None),
                    };
                    by.add(&from.through(EdgeKind::GroupBy));
                    keys.push(spot);
                }
                let order = self.order(tail.order, scope, shape)?;
                let any = shape.rows.any().with(&scope.order);
                shape.rows.decided_by(&by);
                let chosen = by.with(&order).with(&any);
                for (field, spot) in shape.fields.iter_mut().zip(spots) {
                    if spot.is_none() || !keys.contains(spot) {
                        field.from.add(&chosen);
                    }
                }
                shape.open.iter_mut().for_each(|open| open.with.add(&chosen));
                shape.keys.clear();
            }
        }
        Ok(())
    }

    /// A key of DISTINCT ON. A name that both the input and the select list have may mean either: both count, and neither is the key for sure.
    fn distinct_key(&mut self, key: &Expr, scope: &Scope<'_>) -> Read<(Influences, Option<Spot>)> {
        let value = self.value(key, scope, Place::Group)?;
        let Expr::Identifier(name) = bare(key) else { return Ok((value.from, value.spot)) };
        let lower = name.value.to_lowercase();
        let alias = scope.aliases.iter().find(|(alias, _)| *alias == lower).map(|(_, expression)| *expression);
        let Some(alias) = alias.filter(|alias| bare(alias) != bare(key)) else { return Ok((value.from, value.spot)) };
        let named = self.value(alias, scope, Place::Group)?;
        let same = value.spot.is_some() && named.spot == value.spot;
        Ok((value.from.with(&named.from), value.spot.filter(|_| same)))
    }

    fn all_of(&mut self, scope: &Scope<'_>) -> Read<Influences> {
        let mut all = Influences::default();
        for table in 0..scope.tables.len() {
            all.add(&self.whole_row(table, scope, Place::Group)?);
        }
        Ok(all)
    }

    /// What the order of the rows depends on. A name means a column of the result first; where the input has it too, both count.
    fn order(&mut self, order: Option<&OrderByKind>, scope: &Scope<'_>, shape: &Shape) -> Read<Influences> {
        let list = match order {
            None => return Ok(Influences::default()),
            Some(OrderByKind::All(_)) => return Ok(self.everything(shape).through(EdgeKind::Sort)),
            Some(OrderByKind::Expressions(list)) => list,
        };
        let mut by = Influences::default();
        for item in list {
            if let Some(field) = ordinal(&item.expr, shape.fields.len()) {
                by.add(&shape.fields[field].from.through(EdgeKind::Sort));
                continue;
            }
            let named: Vec<&Field> = match &item.expr {
                Expr::Identifier(name) => shape.fields.iter().filter(|field| *field.name == *name.value.to_lowercase()).collect(),
                _ => Vec::new(),
            };
            named.iter().for_each(|field| by.add(&field.from.through(EdgeKind::Sort)));
            match self.value(&item.expr, scope, Place::Group) {
                Ok(value) => by.add(&value.from.through(EdgeKind::Sort)),
                Err(error) if named.is_empty() => return Err(error),
                Err(_) => {}
            }
        }
        Ok(by)
    }
}

/// Names that the select list gives.
fn aliases(projection: &[SelectItem]) -> Vec<(String, &Expr)> {
    projection
        .iter()
        .filter_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } => Some((alias.value.to_lowercase(), expr)),
            SelectItem::UnnamedExpr(_)
            | SelectItem::Wildcard(_)
            | SelectItem::QualifiedWildcard(..)
            | SelectItem::ExprWithAliases { .. } => None,
        })
        .collect()
}

/// DuckDB's USING SAMPLE, as it was put into the WHERE.
fn is_sampled(part: &Expr) -> bool {
    matches!(part, Expr::Function(function) if object_parts(&function.name) == [SAMPLED])
}

/// Clauses whose meaning is not known here.
fn refuse(select: &Select) -> Read<()> {
    let what = if select.into.is_some() {
        "SELECT INTO"
    } else if matches!(select.value_table_mode, Some(ValueTableMode::DistinctAsStruct | ValueTableMode::DistinctAsValue)) {
        "SELECT DISTINCT AS STRUCT"
    } else if select.exclude.is_some() {
        "EXCLUDE after the select list"
    } else if select.projection.len() > MOST_COLUMNS {
        "a select list that is too long"
    } else {
        return Ok(());
    };
    Err(Unclear::at(what, select.span()))
}

/// The rows of a SELECT after grouping: a group is there when any of its rows is.
pub(super) fn rows_of_groups(before: &Rows, keys: &Influences) -> Rows {
    let mut rows = before.clone();
    rows.decided_by(&keys.through(EdgeKind::GroupBy));
    rows
}
