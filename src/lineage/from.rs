//! FROM -> a scope: each table with its names and fields. How two sides of a join make one is in `join`.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Measure, ObjectName, Query, Spanned, TableAlias, TableFactor,
    TableWithJoins,
};

use super::functions::{self, Sort};
use super::graph::EdgeKind;
use super::influence::Influences;
use super::parse::{Read, Unclear};
use super::pivot::Pivot;
use super::relation::{self, ColumnName, Named};
use super::resolve::{Place, Reader, object_parts};
use super::scope::Scope;
use super::shape::{Field, Shape};

impl Reader<'_> {
    /// The scope of a whole FROM: tables between commas are crossed.
    pub(super) fn tables<'a>(&mut self, from: &'a [TableWithJoins], outer: Option<&'a Scope<'a>>) -> Read<Scope<'a>> {
        let mut scope = Scope::inside(outer);
        for (at, table) in from.iter().enumerate() {
            let left = (at > 0).then_some(&scope);
            let right = self.joined(table, left, outer)?;
            if at == 0 {
                scope = right;
            } else {
                scope.cross(right);
            }
        }
        Ok(scope)
    }

    /// A table with its joins. `left`: the tables before it, which lateral tables may see.
    fn joined<'a>(&mut self, table: &'a TableWithJoins, left: Option<&Scope<'a>>, outer: Option<&'a Scope<'a>>) -> Read<Scope<'a>> {
        let mut scope = self.factor(&table.relation, left, outer)?;
        for join in &table.joins {
            let seen = match left {
                Some(left) => {
                    let mut both = left.clone();
                    both.cross(scope.clone());
                    both
                }
                None => scope.clone(),
            };
            let right = self.factor(&join.relation, Some(&seen), outer)?;
            self.join(&mut scope, right, join)?;
        }
        Ok(scope)
    }

    fn factor<'a>(&mut self, factor: &'a TableFactor, left: Option<&Scope<'a>>, outer: Option<&'a Scope<'a>>) -> Read<Scope<'a>> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                version,
                with_ordinality: false,
                json_path: None,
                sample,
                with_hints: _,
                partitions,
                index_hints: _,
            } if version.is_none() && partitions.is_empty() => {
                if let Some(elements) = self.elements(name, left, alias.as_ref(), outer)? {
                    return Ok(elements);
                }
                let (names, mut shape) = self.table(name)?;
                if sample.is_some() {
                    let any = shape.rows.any();
                    shape.rows.decided_by(&any);
                    shape.thinned();
                }
                let keys = shape.keys.clone();
                let mut scope = self.named(names, shape, alias.as_ref(), outer)?;
                scope.tables.iter_mut().for_each(|table| table.keys.clone_from(&keys));
                Ok(scope)
            }
            TableFactor::Table { name, alias, args: Some(args), version: None, with_ordinality, sample: None, .. } => {
                self.table_function(name, &args.args, *with_ordinality, alias.as_ref(), left, outer)
            }
            TableFactor::Function { name, args, with_ordinality, alias, lateral: _ } => {
                self.table_function(name, args, *with_ordinality, alias.as_ref(), left, outer)
            }
            TableFactor::Derived { lateral, subquery, alias, sample } => {
                let mut scope = self.derived(*lateral, subquery, alias.as_ref(), left, outer)?;
                if sample.is_some() {
                    let any = scope.rows.any();
                    scope.rows.decided_by(&any);
                    scope.tables.iter_mut().for_each(super::scope::Table::thinned);
                }
                Ok(scope)
            }
            TableFactor::UNNEST { alias, array_exprs, with_offset, with_offset_alias, with_ordinality } => {
                let from = self.lateral_values(array_exprs.iter(), left, outer)?;
                let mut names: Vec<String> = vec!["unnest".into(); array_exprs.len()];
                if *with_ordinality {
                    names.push("ordinality".into());
                }
                // A map gives two columns, an array of rows as many as a row has: the alias says how many.
                names.resize(names.len().max(alias.as_ref().map_or(0, |alias| alias.columns.len())), "unnest".into());
                let mut shape = many(&from, names.iter().map(String::as_str));
                if let (Some(alias), true) = (alias, self.manners.double_quoted_strings) {
                    // BigQuery: the alias names the element, which is a column and, for a struct, a table.
                    shape.fields[0] = Field::new(&alias.name.value, from.clone());
                }
                if *with_offset {
                    shape.fields.push(Field::new(with_offset_alias.as_ref().map_or("offset", |name| &name.value), from));
                }
                self.named(Vec::new(), shape, alias.as_ref(), outer)
            }
            TableFactor::Pivot { table, aggregate_functions, value_column, value_source, default_on_null, alias } => {
                let scope = self.factor(table, left, outer)?;
                let parts =
                    Pivot { aggregates: aggregate_functions, by: value_column, values: value_source, default: default_on_null.as_ref() };
                let shape = self.pivot(&scope, &parts, factor)?;
                self.named(Vec::new(), shape, alias.as_ref(), outer)
            }
            TableFactor::Unpivot { table, value, name, columns, alias, null_inclusion } => {
                let scope = self.factor(table, left, outer)?;
                let shape = self.unpivot(&scope, value, name, columns, null_inclusion.as_ref())?;
                self.named(Vec::new(), shape, alias.as_ref(), outer)
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => self.joined(table_with_joins, left, outer),
            TableFactor::TableFunction { expr: Expr::Function(function), alias } => {
                let args = match &function.args {
                    FunctionArguments::List(list) => list.args.as_slice(),
                    FunctionArguments::None | FunctionArguments::Subquery(_) => &[],
                };
                self.table_function(&function.name, args, false, alias.as_ref(), left, outer)
            }
            TableFactor::MatchRecognize { table, partition_by, order_by, measures, pattern: _, symbols, alias, .. } => {
                let scope = self.factor(table, left, outer)?;
                let order = order_by.iter().map(|order| &order.expr);
                let values = measures.iter().map(|measure| &measure.expr).chain(symbols.iter().map(|symbol| &symbol.definition));
                let shape = self.matched(&scope, partition_by.iter().chain(order), values, measures)?;
                self.named(Vec::new(), shape, alias.as_ref(), outer)
            }
            other => Err(Unclear::at(format!("a table that is not understood: {}", kind_of(other)), other.span())),
        }
    }

    /// A named table: a CTE, an ephemeral model that dbt put in as one, or a relation.
    fn table(&mut self, name: &ObjectName) -> Read<(Vec<String>, Shape)> {
        let parts: Vec<String> = object_parts(name).iter().flat_map(|part| part.split('.').map(str::to_owned)).collect();
        if let [only] = parts.as_slice() {
            if let Some(at) = self.relations.find_inlined(only, &self.who.parents) {
                let shape = self.relation(at);
                return Ok((parts, shape));
            }
            if let Some(cte) = self.cte(only) {
                return cte.clone().map(|shape| (parts, (*shape).clone()));
            }
        }
        match self.look_up(&parts.join(".")) {
            Named::One(at) => {
                let shape = self.relation(at);
                Ok((parts, shape))
            }
            Named::Several => Err(Unclear::at(format!("several relations are called {name}"), name.span())),
            Named::None => {
                self.doubts.push(Unclear::at(format!("{name} is not in the project"), name.span()));
                let (relation, shape) = relation::outside(&mut self.nodes, &parts.join("."));
                self.read.insert(relation);
                Ok((parts, shape))
            }
        }
    }

    /// `FROM t, t.items AS item`: the elements of an array of a table before it, where no relation has that name (BigQuery, Redshift).
    fn elements<'a>(
        &mut self,
        name: &ObjectName,
        left: Option<&Scope<'a>>,
        alias: Option<&TableAlias>,
        outer: Option<&'a Scope<'a>>,
    ) -> Read<Option<Scope<'a>>> {
        let parts = object_parts(name);
        let (Some(left), Some((column, table))) = (left, parts.split_last()) else { return Ok(None) };
        let Some(table) = left.table(table).filter(|_| !table.is_empty()) else { return Ok(None) };
        if self.look_up(&parts.join(".")) != Named::None {
            return Ok(None);
        }
        let sight = left.within(table, column);
        if sight == super::scope::Sight::Nowhere {
            return Ok(None);
        }
        let from = self.sighted(&sight, column, left, Place::Row).from.through(EdgeKind::Transformation);
        let element = alias.map_or(column.as_str(), |alias| alias.name.value.as_str());
        self.named(Vec::new(), many(&from, std::iter::once(element)), alias, outer).map(Some)
    }

    fn derived<'a>(
        &mut self,
        lateral: bool,
        query: &Query,
        alias: Option<&TableAlias>,
        left: Option<&Scope<'a>>,
        outer: Option<&'a Scope<'a>>,
    ) -> Read<Scope<'a>> {
        let seen = around(left, outer);
        let shape = match (lateral, self.query(query, if lateral { Some(&seen) } else { outer })) {
            (true, shape) => shape?,
            // Some warehouses see the tables before it even without the word LATERAL.
            (false, Err(error)) if left.is_some() => self.query(query, Some(&seen)).map_err(|_| error)?,
            (false, shape) => shape?,
        };
        self.named(Vec::new(), shape, alias, outer)
    }

    /// `range(1, 8)`, `unnest(t.tags)`: functions that make rows of their arguments alone. Others may read anything.
    fn table_function<'a>(
        &mut self,
        name: &ObjectName,
        args: &[FunctionArg],
        ordinality: bool,
        alias: Option<&TableAlias>,
        left: Option<&Scope<'a>>,
        outer: Option<&'a Scope<'a>>,
    ) -> Read<Scope<'a>> {
        let function = object_parts(name).join(".");
        let seen = around(left, outer);
        if let Some(shape) = self.expand_table(&function, args, &seen) {
            return self.named(vec![function], shape?, alias, outer);
        }
        if functions::sort(&function) != Sort::Many && function != "range" && functions::columns_of(&function).is_none() {
            return Err(Unclear::at(format!("the table function {function} is not understood"), name.span()));
        }
        let mut arguments: Vec<&Expr> = Vec::new();
        for arg in args {
            let (FunctionArg::Named { arg, .. } | FunctionArg::ExprNamed { arg, .. } | FunctionArg::Unnamed(arg)) = arg;
            match arg {
                FunctionArgExpr::Expr(expression) => arguments.push(expression),
                FunctionArgExpr::QualifiedWildcard(_) | FunctionArgExpr::Wildcard | FunctionArgExpr::WildcardWithOptions(_) => {
                    return Err(Unclear::at(format!("a star in {function}"), name.span()));
                }
            }
        }
        let from = self.lateral_values(arguments.into_iter(), left, outer)?;
        if let Some(columns) = functions::columns_of(&function) {
            return self.named(vec![function], many(&from, columns.split_ascii_whitespace()), alias, outer);
        }
        let one_column =
            ["range", "generate_series", "unnest", "explode", "generate_subscripts", "regexp_split_to_table"].contains(&function.as_str());
        let aliased = alias.map_or(0, |alias| alias.columns.len());
        if !one_column && aliased == 0 {
            return Err(Unclear::at(format!("the columns of {function} are not known"), name.span()));
        }
        let mut names = vec![function.as_str(); aliased.max(1)];
        if ordinality {
            names.push("ordinality");
        }
        let mut shape = many(&from, names.into_iter());
        if let (Some(alias), [only]) = (alias, shape.fields.as_mut_slice())
            && alias.columns.is_empty()
            && self.manners.function_names
        {
            // PostgreSQL: `generate_series(...) as d` makes a table d with a column d.
            *only = Field::new(&alias.name.value, from);
        }
        self.named(vec![function], shape, alias, outer)
    }

    /// MATCH_RECOGNIZE: which rows match depends on everything; names of its pattern stand for rows of the table.
    fn matched<'e>(
        &mut self,
        scope: &Scope<'_>,
        keys: impl Iterator<Item = &'e Expr>,
        values: impl Iterator<Item = &'e Expr>,
        measures: &[Measure],
    ) -> Read<Shape> {
        let mut all = self.values(keys, scope, Place::Row, EdgeKind::Window)?;
        for table in 0..scope.tables.len() {
            all.add(&self.whole_row(table, scope, Place::Row)?.through(EdgeKind::Window));
        }
        for value in values {
            if sqlparser::ast::visit_relations(value, |_| ControlFlow::Break(())).is_break() {
                return Err(Unclear::at("a subquery in MATCH_RECOGNIZE", value.span()));
            }
        }
        let mut shape = Shape { rows: scope.rows.clone(), ..Shape::default() };
        shape.rows.decided_by(&all);
        let fields = scope.tables.iter().flat_map(|table| &table.fields);
        shape.fields = fields.map(|field| Field { numbers: None, from: field.from.clone().with(&all), ..field.clone() }).collect();
        shape.fields.extend(measures.iter().map(|measure| Field::new(&measure.alias.value, all.clone().with(&scope.rows.any()))));
        shape.open = scope.tables.iter().flat_map(|table| table.open.clone()).collect();
        shape.open.iter_mut().for_each(|open| open.with.add(&all));
        Ok(shape)
    }

    /// What arguments of a table function depend on; they may see the tables before it.
    fn lateral_values<'e>(
        &mut self,
        list: impl Iterator<Item = &'e Expr>,
        left: Option<&Scope<'_>>,
        outer: Option<&Scope<'_>>,
    ) -> Read<Influences> {
        let seen = around(left, outer);
        self.values(list, &seen, Place::Row, EdgeKind::Transformation)
    }

    /// A table under its alias, with the columns renamed where the alias says so.
    fn named<'a>(
        &mut self,
        names: Vec<String>,
        mut shape: Shape,
        alias: Option<&TableAlias>,
        outer: Option<&'a Scope<'a>>,
    ) -> Read<Scope<'a>> {
        let Some(alias) = alias else { return Ok(Scope::of(names, &shape, outer)) };
        rename(&mut shape, alias.columns.iter().map(|column| &column.name))?;
        if let Some(at) = &alias.at {
            return Err(Unclear::at("an alias with AT", at.span));
        }
        Ok(Scope::of(vec![alias.name.value.to_lowercase()], &shape, outer))
    }
}

/// Gives the first fields other names: `t(a, b)`.
pub(super) fn rename<'n>(shape: &mut Shape, names: impl ExactSizeIterator<Item = &'n Ident>) -> Read<()> {
    if names.len() > shape.fields.len() {
        return Err(Unclear::new("an alias names more columns than the table has"));
    }
    if names.len() > 0 && !shape.open.is_empty() {
        return Err(Unclear::new("an alias names columns of a table whose columns are not completely known"));
    }
    for (field, name) in shape.fields.iter_mut().zip(names) {
        let name = ColumnName::new(&name.value);
        (field.written, field.name) = (name.written, name.lower);
    }
    Ok(())
}

/// What a lateral table sees: the tables before it, then the SELECT around.
fn around<'a>(left: Option<&Scope<'a>>, outer: Option<&'a Scope<'a>>) -> Scope<'a> {
    left.cloned().unwrap_or_else(|| Scope::inside(outer))
}

/// Rows made of values: how many there are depends on the values too.
fn many<'n>(from: &Influences, names: impl Iterator<Item = &'n str>) -> Shape {
    let mut shape = Shape { fields: names.map(|name| Field::new(name, from.clone())).collect(), ..Shape::default() };
    shape.rows.decided_by(&from.through(EdgeKind::Filter));
    shape
}

fn kind_of(factor: &TableFactor) -> &'static str {
    match factor {
        TableFactor::Table { .. } => "a table with a version, partition, path or sample",
        TableFactor::Derived { .. } => "a subquery",
        TableFactor::TableFunction { .. } | TableFactor::Function { .. } => "a table function",
        TableFactor::UNNEST { .. } => "UNNEST",
        TableFactor::JsonTable { .. } | TableFactor::OpenJsonTable { .. } => "a JSON table",
        TableFactor::NestedJoin { .. } => "a join in brackets with an alias",
        TableFactor::Pivot { .. } => "PIVOT",
        TableFactor::Unpivot { .. } | TableFactor::UnpivotExpr { .. } => "UNPIVOT",
        TableFactor::MatchRecognize { .. } => "MATCH_RECOGNIZE",
        TableFactor::XmlTable { .. } => "an XML table",
        TableFactor::SemanticView { .. } => "a semantic view",
    }
}
