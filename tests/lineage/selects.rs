//! Random queries: SELECT in its forms, set operations, CTEs. See `generator`.

use super::generator::{Column, Generator, Query, Scope, Table, Type, renamed, told_apart, written};

/// A select list under way.
#[derive(Default)]
struct List {
    items: Vec<String>,
    columns: Vec<Column>,
}

impl List {
    fn push(&mut self, text: String, column: Column) {
        self.items.push(text);
        self.columns.push(column);
    }
}

/// A query behind WITH: one that starts with WITH itself becomes a subquery (in mere parentheses DuckDB forgets the outer names).
fn alone(sql: String) -> String {
    if sql.starts_with("with ") { format!("select * from ({sql}) inner_with") } else { sql }
}

impl Generator {
    /// A query; `wanted`: exactly these columns. `outer`: what it may refer to outside.
    pub fn query(&mut self, depth: usize, outer: Option<&Scope<'_>>, wanted: Option<&[Column]>) -> Query {
        if depth == 0 {
            return self.select(0, outer, wanted);
        }
        match self.choose(&[16, 8, 6, 2, 1]) {
            4 if wanted.is_none() => self.told_by_a_key(),
            1 => self.with(depth, outer, wanted),
            2 => self.set_operation(depth, outer, wanted),
            3 => self.recursive(depth, outer, wanted),
            _ => self.select(depth, outer, wanted),
        }
    }

    fn with(&mut self, depth: usize, outer: Option<&Scope<'_>>, wanted: Option<&[Column]>) -> Query {
        let before = self.relations.len();
        let mut ctes = Vec::new();
        for number in 0..1 + self.choose(&[2, 1]) {
            let (sql, columns) = self.query(depth - 1, None, None);
            let (mut names, mut columns) = (String::new(), told_apart(columns));
            let name = if self.once_in(4) { self.text(&["ta", "tb", "tc", "te"]) } else { format!("c{}{number}", before) };
            if ctes.iter().any(|cte: &String| cte.starts_with(&format!("{name} ")) || cte.starts_with(&format!("{name}("))) {
                continue;
            }
            if self.once_in(4) {
                (names, columns) = renamed(&columns);
            }
            ctes.push(format!("{name}{names} as ({sql})"));
            self.relations.push(Table { name, columns, hidden: Vec::new() });
        }
        let (sql, columns) = self.query(depth - 1, outer, wanted);
        self.relations.truncate(before);
        (format!("with {} {}", ctes.join(", "), alone(sql)), columns)
    }

    fn set_operation(&mut self, depth: usize, outer: Option<&Scope<'_>>, wanted: Option<&[Column]>) -> Query {
        let (left, columns) = self.query(depth - 1, outer, wanted);
        let all = told_apart(columns.clone());
        let words = ["union all", "union", "except", "intersect", "except all", "intersect all", "union all by name", "union by name"];
        let word = self.text(if all == columns { &words } else { &words[..6] });
        let columns = all;
        let mut others: Vec<Column> = if word.ends_with("name") {
            let turn = self.below(columns.len());
            columns[turn..].iter().chain(&columns[..turn]).cloned().collect()
        } else {
            columns.iter().enumerate().map(|(at, column)| Column::new(&format!("o{at}"), column.of)).collect()
        };
        if word.ends_with("name") && wanted.is_none() && others.len() > 1 && self.once_in(3) {
            others.pop();
        }
        let (right, _) = self.query(depth - 1, outer, Some(&others));
        (format!("({left}) {word} ({right})"), columns)
    }

    fn recursive(&mut self, depth: usize, outer: Option<&Scope<'_>>, wanted: Option<&[Column]>) -> Query {
        let name = format!("r{}", self.relations.len());
        let columns = vec![Column::new("n", Type::Number), Column::new("g", Type::Text), Column::new("depth", Type::Number)];
        let (from, scope) = self.from(0, None);
        let filter = if self.once_in(2) { format!(" where {}", self.condition(&scope, 1)) } else { String::new() };
        let (n, g) = (self.expression(Type::Number, &scope, 1), self.expression(Type::Text, &scope, 1));
        let anchor = format!("select ({n})::int as n, {g} as g, 0 as depth from {from}{filter}");
        let (from, mut scope) = self.from(0, None);
        let end = Scope { tables: vec![Table { name: name.clone(), columns: columns.clone(), hidden: Vec::new() }], ..Scope::default() };
        let on = format!("{name}.n = {}", self.leaf(Type::Number, &scope));
        scope.tables.extend(end.tables.clone());
        let (n, g) = (self.expression(Type::Number, &scope, 1), self.expression(Type::Text, &scope, 1));
        let word = self.text(&["union all", "union"]);
        let step = format!("select ({n})::int, {g}, {name}.depth + 1 from {name}, {from} where {on} and {name}.depth < 2");
        self.relations.push(Table { name: name.clone(), columns, hidden: Vec::new() });
        let (sql, columns) = self.query(depth - 1, outer, wanted);
        self.relations.pop();
        (format!("with recursive {name} as ({anchor} {word} {step}) {}", alone(sql)), columns)
    }

    /// Groups by a key of a relation and what hangs on it.
    fn told_by_a_key(&mut self) -> Query {
        let (name, (from, scope)) = (format!("told{}", self.relations.len()), self.from(0, None));
        let (key, value) = (self.leaf(Type::Number, &scope), self.expression(Type::Text, &scope, 1));
        let told = format!("select {key} as k, max({value}) as g from {from} group by 1");
        let (from, scope) = self.from(0, None);
        let (on, other) = (self.leaf(Type::Number, &scope), self.leaf(Type::Number, &scope));
        let join = self.text(&["join", "left join", "left join", "right join", "full join"]);
        let equal = self.text(&["=", "=", "is not distinct from"]);
        let groups = self.text(&["1, 2", "2, 1", "rollup (1, 2)"]);
        let sql = format!(
            "with {name} as ({told}) select {name}.k as k, {name}.g as g, count(*) as n, max({other}) as most from {from} {join} {name} on {name}.k {equal} {on} group by {groups}"
        );
        let numbers = ["k", "n", "most"].map(|name| Column::new(name, Type::Number));
        let [k, n, most] = numbers;
        (sql, vec![k, Column::new("g", Type::Text), n, most])
    }

    fn select(&mut self, depth: usize, outer: Option<&Scope<'_>>, wanted: Option<&[Column]>) -> Query {
        let (from, mut scope) = self.from(depth, outer);
        let filter = if self.once_in(2) { format!(" where {}", self.condition(&scope, 2)) } else { String::new() };
        let form = self.choose(&[6, 4, 1, 1, 2]);
        let (mut head, mut tail) = (String::new(), String::new());
        let list = if form == 1 {
            let (list, groups) = self.grouped(&scope, wanted);
            tail.push_str(&groups);
            list
        } else {
            let windows = self.once_in(6).then(|| {
                let key = self.leaf(Type::Number, &scope);
                format!(" window w as (partition by {key} order by {})", scope.everything())
            });
            let list = self.plain(&mut scope, wanted, windows.as_ref().map(|_| "w"), form == 4);
            tail.push_str(&windows.unwrap_or_default());
            list
        };
        match form {
            2 => head.push_str("distinct "),
            3 => {
                scope.aliases.clear();
                let on = format!("({})", self.expression(Type::Number, &scope, 1));
                head = format!("distinct on ({on}) ");
                tail.push_str(&format!(" order by {on}, {}", scope.everything()));
            }
            4 => {
                scope.aliases.clear();
                let window = self.window(&scope, None);
                tail.push_str(&format!(" qualify {window} {}", self.text(&["= 1", "<= 2", "> 1"])));
            }
            _ => {}
        }
        if form != 3 && self.once_in(6) {
            let order = if form == 0 && self.once_in(2) {
                scope.aliases.clear();
                format!("abs({}), {}", self.expression(Type::Number, &scope, 1), scope.everything())
            } else {
                "all".into()
            };
            tail.push_str(&format!(" order by {order} limit {}{}", 1 + self.below(3), self.text(&["", " offset 1"])));
        }
        let items = list.items.join(", ");
        let sql = match self.choose(&[30, 1]) {
            0 => format!("select {head}{items} from {from}{filter}{tail}"),
            _ => format!("from {from} select {head}{items}{filter}{tail}"),
        };
        (sql, list.columns)
    }

    fn plain(&mut self, scope: &mut Scope<'_>, wanted: Option<&[Column]>, window: Option<&str>, lateral: bool) -> List {
        let mut list = List::default();
        if let Some(wanted) = wanted {
            for column in wanted {
                let value = if column.of == Type::Number && self.once_in(5) {
                    self.window(scope, window)
                } else {
                    self.expression(column.of, scope, 2)
                };
                list.push(format!("{value} as {}", written(&column.name)), column.clone());
            }
            return list;
        }
        for _ in 0..1 + self.below(4) {
            match self.choose(&[4, 5, 2, 2, 1]) {
                0 => {
                    if let Some((table, column)) = self.some_column(scope) {
                        list.push(format!("{}.{}", written(&table), written(&column.name)), column);
                    }
                }
                2 => self.star(scope, &mut list),
                3 => {
                    let (value, name) = (self.window(scope, window), self.column_name(&list.columns));
                    list.push(format!("{value} as {}", written(&name)), Column::new(&name, Type::Number));
                }
                4 => {
                    let (value, name) = (self.expression(Type::List, scope, 1), self.column_name(&list.columns));
                    list.push(format!("unnest({value}) as {}", written(&name)), Column::new(&name, Type::Number));
                }
                _ => {
                    let of = self.type_of_item();
                    let (value, name) = (self.expression(of, scope, 2), self.column_name(&list.columns));
                    list.push(format!("{value} as {}", written(&name)), Column::new(&name, of));
                    if !lateral {
                        scope.aliases.retain(|alias| alias.name != name);
                        scope.aliases.push(Column::new(&name, of));
                    }
                }
            }
        }
        if list.items.is_empty() {
            list.push("1 as n".into(), Column::new("n", Type::Number));
        }
        list
    }

    fn star(&mut self, scope: &Scope<'_>, list: &mut List) {
        let all: Vec<Column> = scope
            .tables
            .iter()
            .flat_map(|table| table.columns.iter().filter(|column| !table.hidden.contains(&column.name)))
            .cloned()
            .collect();
        let single = |column: &&Column| all.iter().filter(|other| other.name == column.name).count() == 1;
        let singles: Vec<Column> = all.iter().filter(single).cloned().collect();
        let table = self.of(&scope.tables);
        let kind = self.choose(&[8, 6, 4, 4, 2, 1]);
        if matches!(kind, 2..=4) && (singles.is_empty() || all.len() < 2) || kind == 1 && !table.hidden.is_empty() {
            list.items.push("*".into());
            list.columns.extend(all);
            return;
        }
        let chosen = if singles.is_empty() { Column::new("k", Type::Number) } else { self.of(&singles) };
        let name = written(&chosen.name);
        match kind {
            1 => {
                list.items.push(format!("{}.*", written(&table.name)));
                list.columns.extend(table.columns);
            }
            2 => {
                list.items.push(format!("* exclude ({name})"));
                list.columns.extend(all.into_iter().filter(|column| *column != chosen));
            }
            3 => {
                let mut plain = scope.clone();
                plain.aliases.clear();
                list.items.push(format!("* replace ({} as {name})", self.expression(chosen.of, &plain, 1)));
                list.columns.extend(all);
            }
            4 => {
                list.items.push(format!("* rename ({name} as renamed)"));
                list.columns
                    .extend(all.into_iter().map(|column| if column == chosen { Column::new("renamed", column.of) } else { column }));
            }
            5 if all.iter().any(|column| matches!(column.name.as_str(), "k" | "g")) => {
                list.items.push("columns('^[kg]$')".into());
                list.columns.extend(all.into_iter().filter(|column| matches!(column.name.as_str(), "k" | "g")));
            }
            _ => {
                list.items.push("*".into());
                list.columns.extend(all);
            }
        }
    }

    /// A grouped list with its GROUP BY and HAVING.
    fn grouped(&mut self, scope: &Scope<'_>, wanted: Option<&[Column]>) -> (List, String) {
        let mut list = List::default();
        let mut keys: Vec<(String, Column)> = Vec::new();
        for _ in 0..self.choose(&[1, 4, 2]) {
            let of = self.of(&[Type::Number, Type::Text, Type::Text, Type::Date]);
            let mut key = self.expression(of, scope, 1);
            // Now and then a name that a column has, too.
            let name = if keys.is_empty() && self.once_in(6) { self.text(&["k", "g"]) } else { format!("key{}", keys.len()) };
            if !key.contains(|c: char| c.is_ascii_alphabetic()) || key.starts_with('\'') || key.starts_with("date '") {
                let Some((table, column)) = self.some_column(scope) else { continue };
                key = format!("{}.{}", written(&table), written(&column.name));
                keys.push((key, Column::new(&name, column.of)));
                continue;
            }
            keys.push((key, Column::new(&name, of)));
        }
        let texts: Vec<String> = keys.iter().map(|(key, _)| key.clone()).collect();
        let mut groups = String::new();
        let named = wanted.is_none();
        if !keys.is_empty() {
            let names = keys.iter().map(|(_, column)| column.name.clone()).collect::<Vec<_>>().join(", ");
            let ordinals = (1..=keys.len()).map(|key| key.to_string()).collect::<Vec<_>>().join(", ");
            let sets = texts.iter().map(|text| format!("({text})")).collect::<Vec<_>>().join(", ");
            groups = match self.choose(&[4, 3, 2, 2, 1, 1, 1]) {
                1 if named => format!(" group by {ordinals}"),
                2 if named => format!(" group by {names}"),
                3 if named => " group by all".into(),
                4 => format!(" group by rollup ({})", texts.join(", ")),
                5 => format!(" group by cube ({})", texts.join(", ")),
                6 => format!(" group by grouping sets ({sets}, ())"),
                _ => format!(" group by {}", texts.join(", ")),
            };
        }
        if named {
            for (key, column) in &keys {
                list.push(format!("{key} as {}", column.name), column.clone());
            }
        }
        let all = groups == " group by all";
        let measures: Vec<Column> = match wanted {
            Some(wanted) => wanted.to_vec(),
            None => {
                (0..1 + self.below(3)).map(|_| self.type_of_item()).enumerate().map(|(at, of)| Column::new(&format!("a{at}"), of)).collect()
            }
        };
        for column in measures {
            let value = match self.choose(&[6, 2, 1]) {
                1 if column.of == Type::Number => format!("{} + {}", self.aggregate(column.of, scope), self.aggregate(column.of, scope)),
                2 if column.of == Type::Number && !all => {
                    let order = texts.first().filter(|_| !groups.contains('(')).map_or_else(|| "1".into(), Clone::clone);
                    format!("sum({}) over (order by {order})", self.aggregate(column.of, scope))
                }
                _ => self.aggregate(column.of, scope),
            };
            list.push(format!("{value} as {}", written(&column.name)), column);
        }
        if self.once_in(4) {
            groups.push_str(&format!(
                " having {} {} {}",
                self.aggregate(Type::Number, scope),
                self.text(&[">=", "<>", "<"]),
                self.below(4)
            ));
        }
        (list, groups)
    }
}
