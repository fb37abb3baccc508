//! Random expressions of a wanted type over what a SELECT sees. See `generator`.

use super::generator::{Column, Generator, Scope, Type, written};

impl Scope<'_> {
    /// Every way to name a column of a type here; the outer queries' after the own.
    fn named(&self, of: Type, outer: bool) -> Vec<String> {
        let in_sight = || self.tables.iter().chain(&self.beside).flat_map(|table| &table.columns);
        let count = |name: &str| in_sight().filter(|column| column.name == name).count();
        let mut names = Vec::new();
        for table in &self.tables {
            for column in table.columns.iter().filter(|column| column.of == of) {
                names.push(format!("{}.{}", written(&table.name), written(&column.name)));
                if count(&column.name) == 1 {
                    names.push(written(&column.name));
                }
            }
        }
        names.extend(self.merged.iter().filter(|column| column.of == of).map(|column| written(&column.name)));
        if names.is_empty() || outer {
            names.extend(self.outer.iter().flat_map(|outer| outer.named(of, true)));
        }
        names
    }
    /// Every column, qualified: an order by all of them is total as far as it matters.
    pub fn everything(&self) -> String {
        let columns = self.tables.iter().flat_map(|table| {
            table.columns.iter().map(|column| format!("{}.{}", written(&table.name), written(&column.name))).collect::<Vec<_>>()
        });
        columns.collect::<Vec<_>>().join(", ")
    }
    pub fn has(&self, name: &str) -> bool {
        self.tables.iter().any(|table| table.columns.iter().any(|column| column.name == name))
    }
}

impl Generator {
    /// A column of the type, if there is one.
    pub fn leaf(&mut self, of: Type, scope: &Scope<'_>) -> String {
        let outer = scope.outer.is_some() && self.once_in(3);
        let names = scope.named(of, outer);
        let aliases: Vec<String> =
            scope.aliases.iter().filter(|alias| alias.of == of && !scope.has(&alias.name)).map(|alias| written(&alias.name)).collect();
        if !aliases.is_empty() && self.once_in(3) {
            return self.of(&aliases);
        }
        if names.is_empty() || self.once_in(20) { self.literal(of) } else { self.of(&names) }
    }

    /// A column of the type in the scope's own tables.
    pub fn column(&mut self, of: Type, scope: &Scope<'_>) -> Option<String> {
        let names = Scope { outer: None, ..scope.clone() }.named(of, false);
        if names.is_empty() { None } else { Some(self.of(&names)) }
    }

    pub fn literal(&mut self, of: Type) -> String {
        match of {
            Type::Number => self.below(5).to_string(),
            Type::Text => self.text(&["'x'", "'y'", "'z'", "''"]),
            Type::Date => self.text(&["date '2024-01-01'", "date '2024-01-02'", "date '2024-02-01'"]),
            Type::Flag => self.text(&["true", "true", "false"]),
            Type::List => self.text(&["[1, 2]", "[3]", "[1]"]),
            Type::Pair => self.text(&["{'x': 1, 'y': 'x'}", "{'x': 2, 'y': 'z'}"]),
            Type::Json => self.text(&["'{\"x\": 1, \"y\": \"z\"}'::json"]),
        }
    }

    /// A condition that some rows meet, more often than any flag would.
    pub fn condition(&mut self, scope: &Scope<'_>, depth: usize) -> String {
        match self.choose(&[3, 2, 2]) {
            0 => {
                let of = self.of(&[Type::Number, Type::Text, Type::Date]);
                let sign = self.text(&["is distinct from", "<>", ">="]);
                format!("{} {sign} {}", self.leaf(of, scope), self.literal(of))
            }
            1 => format!("({} or {})", self.expression(Type::Flag, scope, depth), self.expression(Type::Flag, scope, depth)),
            _ => self.expression(Type::Flag, scope, depth),
        }
    }

    pub fn expression(&mut self, of: Type, scope: &Scope<'_>, depth: usize) -> String {
        if depth == 0 || self.choose(&[3, 4]) == 0 {
            return self.leaf(of, scope);
        }
        if self.once_in(6) {
            return self.any_type(of, scope, depth - 1);
        }
        let depth = depth - 1;
        match of {
            Type::Number => self.number(scope, depth),
            Type::Text => self.string(scope, depth),
            Type::Date => {
                let date = self.expression(of, scope, depth);
                match self.choose(&[2, 2]) {
                    0 => format!("date_trunc('month', {date})::date"),
                    _ => format!("({date} + {}::int)", self.leaf(Type::Number, scope)),
                }
            }
            Type::Flag => self.flag(scope, depth),
            Type::List => {
                let list = self.expression(of, scope, depth);
                match self.choose(&[6, 6, 6, 1]) {
                    0 => format!("list_transform({list}, lambda x: x + {})", self.expression(Type::Number, scope, depth)),
                    1 => format!("list_filter({list}, lambda q: q > {})", self.leaf(Type::Number, scope)),
                    2 => format!("[{}, {}]", self.leaf(Type::Number, scope), self.expression(Type::Number, scope, depth)),
                    _ => format!("[i * 2 for i in {list} if i <> {}]", self.leaf(Type::Number, scope)),
                }
            }
            Type::Pair => {
                let (x, y) = (self.expression(Type::Number, scope, depth), self.expression(Type::Text, scope, depth));
                if self.once_in(2) { format!("struct_pack(x := {x}, y := {y})") } else { format!("{{'x': {x}, 'y': {y}}}") }
            }
            Type::Json => {
                let (x, y) = (self.expression(Type::Number, scope, depth), self.expression(Type::Text, scope, depth));
                if self.once_in(2) { format!("json_object('x', {x}, 'y', {y})") } else { format!("to_json({{'x': {x}, 'y': {y}}})") }
            }
        }
    }

    /// Forms that every type has.
    fn any_type(&mut self, of: Type, scope: &Scope<'_>, depth: usize) -> String {
        let one = self.expression(of, scope, depth);
        match self.choose(&[3, 3, 1, 2]) {
            0 => format!("coalesce({one}, {})", self.expression(of, scope, depth)),
            1 => {
                let condition = self.expression(Type::Flag, scope, depth);
                format!("case when {condition} then {one} else {} end", self.expression(of, scope, depth))
            }
            2 => format!("nullif({one}, {})", self.leaf(of, scope)),
            _ => self.subquery(scope, |generator, inner| {
                let value = generator.expression(of, inner, 1);
                let function = generator.text(&["max", "min", "any_value"]);
                if function == "any_value" {
                    format!("any_value({value} order by {})", inner.everything())
                } else {
                    format!("{function}({value})")
                }
            }),
        }
    }

    /// `(select ... from ... where ...)`, which may look outside.
    fn subquery(&mut self, scope: &Scope<'_>, list: impl FnOnce(&mut Self, &Scope<'_>) -> String) -> String {
        let (from, inner) = self.from(0, Some(scope));
        let list = list(self, &inner);
        let filter = if self.once_in(4) { String::new() } else { format!(" where {}", self.condition(&inner, 1)) };
        format!("(select {list} from {from}{filter})")
    }

    fn number(&mut self, scope: &Scope<'_>, depth: usize) -> String {
        let a = self.expression(Type::Number, scope, depth);
        match self.choose(&[4, 2, 1, 2, 2, 2, 2, 1, 1, 2, 1, 1, 1, 1]) {
            0 => format!("({a} {} {})", self.text(&["+", "-", "*"]), self.expression(Type::Number, scope, depth)),
            1 => format!("abs({a})"),
            2 => format!("greatest({a}, {})", self.leaf(Type::Number, scope)),
            3 => format!("length({})", self.expression(Type::Text, scope, depth)),
            4 => format!("list_sum({})", self.expression(Type::List, scope, depth)),
            5 => format!("({}).x", self.expression(Type::Pair, scope, depth)),
            6 => format!("try_cast({}->>'$.x' as int)", self.leaf(Type::Json, scope)),
            7 => format!("day({})", self.expression(Type::Date, scope, depth)),
            8 => format!("({})::int", self.expression(Type::Flag, scope, depth)),
            9 => self.subquery(scope, |generator, inner| generator.aggregate(Type::Number, inner)),
            10 => format!("({})[1]", self.expression(Type::List, scope, depth)),
            11 => match scope.tables.first() {
                Some(table) => format!("(hash({}) % 7)::int", written(&table.name)),
                None => a,
            },
            12 => {
                let (from, inner) = self.from(0, Some(scope));
                let (value, filter) = (self.expression(Type::Number, &inner, 1), self.condition(&inner, 1));
                format!("(array(select {value} from {from} where {filter} order by {}))[1]", inner.everything())
            }
            _ => format!("date_diff('day', {}, {})", self.leaf(Type::Date, scope), self.leaf(Type::Date, scope)),
        }
    }

    fn string(&mut self, scope: &Scope<'_>, depth: usize) -> String {
        let a = self.expression(Type::Text, scope, depth);
        match self.choose(&[3, 2, 1, 2, 2, 1, 1]) {
            0 => format!("({a} || {})", self.expression(Type::Text, scope, depth)),
            1 => format!("upper({a})"),
            2 => format!("({})::varchar", self.expression(Type::Number, scope, depth)),
            3 => format!("({}).y", self.expression(Type::Pair, scope, depth)),
            4 => format!("({}->>'$.y')", self.leaf(Type::Json, scope)),
            5 => match scope.tables.last() {
                Some(table) => format!("to_json({})::varchar", written(&table.name)),
                None => a,
            },
            _ => format!("({})::varchar", self.expression(Type::List, scope, depth)),
        }
    }

    fn flag(&mut self, scope: &Scope<'_>, depth: usize) -> String {
        let of = self.of(&[Type::Number, Type::Number, Type::Text, Type::Date]);
        let a = self.expression(of, scope, depth);
        match self.choose(&[5, 3, 2, 2, 2, 2, 2, 1, 1, 1, 1]) {
            0 => format!("{a} {} {}", self.text(&["=", "<>", "<", ">=", "is distinct from"]), self.leaf(of, scope)),
            1 => format!("{a} is {}null", self.text(&["not ", ""])),
            2 => format!(
                "({} {} {})",
                self.expression(Type::Flag, scope, depth),
                self.text(&["and", "or"]),
                self.expression(Type::Flag, scope, depth)
            ),
            3 => format!("not ({})", self.expression(Type::Flag, scope, depth)),
            4 => format!("{a} {}in ({}, {})", self.text(&["", "not "]), self.literal(of), self.leaf(of, scope)),
            5 => format!(
                "{a} {}in {}",
                self.text(&["", "not "]),
                self.subquery(scope, |generator, inner| generator.expression(of, inner, 1))
            ),
            6 => format!("{}exists {}", self.text(&["", "not "]), self.subquery(scope, |_, _| "1".into())),
            7 => format!("{a} between {} and {}", self.leaf(of, scope), self.leaf(of, scope)),
            8 => format!("list_contains({}, {})", self.leaf(Type::List, scope), self.leaf(Type::Number, scope)),
            9 => format!(
                "{a} {} {}",
                self.text(&["= any", "<> all"]),
                self.subquery(scope, |generator, inner| generator.expression(of, inner, 1))
            ),
            _ => format!("{} like 'x%'", self.leaf(Type::Text, scope)),
        }
    }

    /// An aggregate of the type.
    pub fn aggregate(&mut self, of: Type, scope: &Scope<'_>) -> String {
        let filter = |generator: &mut Self| {
            if generator.once_in(4) { format!(" filter (where {})", generator.condition(scope, 1)) } else { String::new() }
        };
        let value = self.expression(of, scope, 1);
        let call = match (of, self.choose(&[3, 2, 2, 1, 1])) {
            (Type::Number, 0) => format!("sum({value})"),
            (Type::Number, 1) => "count(*)".into(),
            (Type::Number, 2) => format!("count(distinct {value})"),
            (Type::Number, 3) => format!("count({})", self.leaf(Type::Text, scope)),
            (Type::Text, 0) => format!("string_agg({value}, ',' order by {value})"),
            (Type::List, _) => {
                let number = self.leaf(Type::Number, scope);
                format!("list({number} order by {number})")
            }
            (Type::Flag, _) => format!("bool_or({value})"),
            (Type::Pair | Type::Json, _) => return format!("any_value({value} order by {})", scope.everything()),
            (_, 4) => format!("first({value} order by {})", scope.everything()),
            (_, 2) => format!("min({value})"),
            _ => format!("max({value})"),
        };
        format!("{call}{}", filter(self))
    }

    /// A window function that gives a number; `named`: a window of the SELECT's WINDOW clause.
    pub fn window(&mut self, scope: &Scope<'_>, named: Option<&str>) -> String {
        if let (Some(name), true) = (named, self.once_in(2)) {
            return format!("sum({}) over {name}", self.expression(Type::Number, scope, 1));
        }
        let partition = if self.once_in(2) { format!("partition by {} ", self.expression(Type::Number, scope, 1)) } else { String::new() };
        let of = self.of(&[Type::Number, Type::Text, Type::Date]);
        let order = format!("order by {}{}", self.expression(of, scope, 1), self.text(&["", " desc"]));
        let everything = scope.everything();
        let value = self.expression(Type::Number, scope, 1);
        match self.choose(&[2, 3, 2, 2, 2, 1]) {
            0 => format!("count(*) over ({partition})"),
            1 => format!("row_number() over ({partition}{order}, {everything})"),
            2 => format!("{}() over ({partition}{order})", self.text(&["rank", "dense_rank"])),
            3 => format!("sum({value}) over ({partition}{order})"),
            4 => {
                let frame = self.text(&[
                    "rows between 1 preceding and current row",
                    "rows between 1 following and 2 following",
                    "rows between unbounded preceding and current row exclude current row",
                ]);
                format!("{}({value}) over ({partition}{order}, {everything} {frame})", self.text(&["sum", "max", "first_value"]))
            }
            _ => format!("{}({value}) over ({partition}{order}, {everything})", self.text(&["lag", "lead"])),
        }
    }

    /// Columns of a type for a select list.
    pub fn type_of_item(&mut self) -> Type {
        let weights = [6, 4, 2, 2, 1, 1, 1];
        super::generator::TYPES[self.choose(&weights)]
    }

    /// One of the columns of a scope's tables with the table's name.
    pub fn some_column(&mut self, scope: &Scope<'_>) -> Option<(String, Column)> {
        let all: Vec<(String, Column)> =
            scope.tables.iter().flat_map(|table| table.columns.iter().map(|column| (table.name.clone(), column.clone()))).collect();
        if all.is_empty() { None } else { Some(self.of(&all)) }
    }
}
