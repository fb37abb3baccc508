//! Name -> what it depends on: bare and dotted names, aliases of the select list, fields of columns, whole rows.
//!
//! Where a name is seen is the business of `scope`; expressions around it are read in `resolve`.

use sqlparser::ast::Ident;

use super::functions;
use super::graph::EdgeKind;
use super::hierarchy;
use super::influence::Influences;
use super::parse::{Read, Unclear};
use super::relation::ANY_COLUMN;
use super::resolve::{Place, Reader, Value};
use super::scope::{Scope, Sight};
use super::shape::{Open, Shape};

impl Reader<'_> {
    /// A name without qualifier.
    pub(super) fn bare_name(&mut self, name: &Ident, scope: &Scope<'_>, place: Place) -> Read<Value> {
        let lower = name.value.to_lowercase();
        if self.parameters.contains(&lower) {
            return Ok(Value::default());
        }
        let bound = self.bound_to(&lower);
        if let Some(value) = self.seen(&scope.bare(&lower), &lower, name, scope, place)? {
            return Ok(bound.map_or(value.clone(), |bound| value.from.with(&bound).into()));
        }
        if let Some(bound) = bound {
            return Ok(bound.into());
        }
        if let Some(whole) = scope.table(std::slice::from_ref(&lower)) {
            return self.whole_row(whole, scope, place).map(|from| from.through(EdgeKind::Transformation).into());
        }
        if scope.hierarchic && hierarchy::TELLS.contains(&lower.as_str()) {
            return Ok(scope.rows.any().through(EdgeKind::Transformation).into());
        }
        if let Some(outer) = scope.outer {
            // A place in the SELECT around is none in this one.
            return self.bare_name(name, outer, Place::Group).map(|value| value.from.into());
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
                    return Ok(Some(value));
                }
                let mut other = Influences::default();
                if let Some(whole) = scope.table(&[lower.to_owned()]) {
                    other.add(&self.whole_row(whole, scope, place)?);
                }
                let mut outer = scope.outer;
                while let Some(around) = outer {
                    let sight = around.bare(lower);
                    other.add(&self.sighted(&sight, lower, around, Place::Group).from);
                    outer = around.outer.filter(|_| matches!(sight, Sight::Maybe(_) | Sight::Nowhere));
                }
                if !other.is_empty() {
                    value = value.from.with(&other.through(EdgeKind::Assumed)).into();
                }
                Ok(Some(value))
            }
            Sight::Nowhere => self.alias(lower, scope, place),
        }
    }

    /// The expression that the select list gives this name to.
    fn alias(&mut self, lower: &str, scope: &Scope<'_>, place: Place) -> Read<Option<Value>> {
        let Some(&(_, expression)) = scope.aliases.iter().find(|(alias, _)| alias == lower) else { return Ok(None) };
        let address = std::ptr::from_ref(expression).addr();
        if self.resolving.contains(&address) {
            return Ok(None);
        }
        self.resolving.push(address);
        let value = self.value(expression, scope, place);
        self.resolving.pop();
        value.map(|value| Some(self.mark(expression, value)))
    }

    /// `t.c`, `s.t.c`, `t.c.field`, `c.field`: the longest qualifier that is a table of this SELECT or of one around it, else a field of a column.
    pub(super) fn dotted_name(&mut self, names: &[Ident], scope: &Scope<'_>, place: Place) -> Read<Value> {
        let lower: Vec<String> = names.iter().map(|name| name.value.to_lowercase()).collect();
        let Some(first) = names.first() else { return Err(Unclear::new("an empty name")) };
        if self.parameters.contains(&lower[0]) {
            return Ok(Value::default());
        }
        let (mut around, mut table_without, here) = (Some((scope, place)), None, scope);
        while let Some((scope, place)) = around {
            for split in (1..names.len()).rev() {
                let Some(table) = scope.table(&lower[..split]) else { continue };
                let sight = scope.within(table, &lower[split]);
                if sight != Sight::Nowhere {
                    let value = self.sighted(&sight, &lower[split], scope, place);
                    let own = std::ptr::eq(scope, here);
                    return Ok(if split + 1 == names.len() && own {
                        value
                    } else if split + 1 == names.len() {
                        value.from.into()
                    } else {
                        value.from.through(EdgeKind::Transformation).into()
                    });
                }
                table_without.get_or_insert((table, scope, place));
            }
            if let sight @ (Sight::At(_) | Sight::Several(_) | Sight::Merged(_)) = scope.bare(&lower[0]) {
                return Ok(self.sighted(&sight, &lower[0], scope, place).from.through(EdgeKind::Transformation).into());
            }
            around = scope.outer.map(|outer| (outer, Place::Group));
        }
        let written: Vec<&str> = names.iter().map(|name| name.value.as_str()).collect();
        let unclear = Unclear::at(format!("no column is called {}", written.join(".")), first.span);
        match table_without {
            // The table is there; what is known of its columns is not all, so any of them may be meant.
            Some((table, scope, place)) => {
                self.doubts.push(unclear);
                let row = self.whole_row(table, scope, place)?;
                Ok(row.through(EdgeKind::Assumed).with(&self.anything()).into())
            }
            None => Err(unclear),
        }
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
            if let Some(relation) = open.relation {
                from.add(&self.nodes.column(relation, lower, kind));
            }
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
}
