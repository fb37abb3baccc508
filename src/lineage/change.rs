//! Statements that change a model after its query: the DELETE, UPDATE and INSERT of its hooks.
//!
//! Only what they do to the model itself; a hook that changes another relation is not understood.

use sqlparser::ast::{
    Assignment, AssignmentTarget, Delete, FromTable, Insert, ObjectName, Spanned, Statement, TableFactor, TableObject, TableWithJoins,
    Update, UpdateTableFromKind,
};

use super::graph::EdgeKind;
use super::influence::Influences;
use super::parse::{Read, Unclear};
use super::relation::Named;
use super::resolve::{Place, Reader, object_parts};
use super::scope::Scope;
use super::shape::Shape;

impl Reader<'_> {
    /// What a statement leaves of the model that is made.
    pub(super) fn change(&mut self, statement: &Statement, mut shape: Shape) -> Read<Shape> {
        let before = self.own.replace(shape.clone());
        let changed = match statement {
            Statement::Delete(delete) => self.delete(delete, &mut shape),
            Statement::Update(update) => self.update(update, &mut shape),
            Statement::Insert(insert) => self.insert(insert, &mut shape),
            other => Err(Unclear::at("a statement that is not understood", other.span())),
        };
        self.own = before;
        changed.map(|()| shape)
    }

    /// The names under which a table is the model itself.
    fn itself(&mut self, table: &TableWithJoins) -> Read<Vec<String>> {
        match &table.relation {
            TableFactor::Table { name, alias, args: None, .. } if table.joins.is_empty() => {
                let parts = self.own_name(name)?;
                Ok(alias.as_ref().map_or(parts, |alias| vec![alias.name.value.to_lowercase()]))
            }
            other => Err(Unclear::at("a change of something that is no table", other.span())),
        }
    }

    fn own_name(&mut self, name: &ObjectName) -> Read<Vec<String>> {
        let parts = object_parts(name);
        match (self.look_up(&parts.join(".")), self.who.model) {
            (Named::One(at), Some(model)) if at == model => Ok(parts),
            _ => Err(Unclear::at(format!("{name} is changed by a hook of another model"), name.span())),
        }
    }

    fn delete(&mut self, delete: &Delete, shape: &mut Shape) -> Read<()> {
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        let ([table], true) = (from.as_slice(), delete.limit.is_none()) else {
            return Err(Unclear::at("a DELETE that is not understood", delete.span()));
        };
        let names = self.itself(table)?;
        let mut scope = Scope::of(names, shape, None);
        let mut by = Influences::default();
        if let Some(using) = &delete.using {
            let using = self.tables(using, None)?;
            by.add(&using.rows.any());
            scope.cross(using);
        }
        if let Some(condition) = &delete.selection {
            by.add(&self.value(condition, &scope, Place::Row)?.from.through(EdgeKind::Filter));
        }
        shape.rows.decided_by(&by);
        Ok(())
    }

    fn update(&mut self, update: &Update, shape: &mut Shape) -> Read<()> {
        let names = self.itself(&update.table)?;
        let mut scope = Scope::of(names, shape, None);
        let mut by = Influences::default();
        if let Some(UpdateTableFromKind::BeforeSet(from) | UpdateTableFromKind::AfterSet(from)) = &update.from {
            let from = self.tables(from, None)?;
            by.add(&from.rows.any());
            scope.cross(from);
        }
        if let Some(condition) = &update.selection {
            by.add(&self.value(condition, &scope, Place::Row)?.from.through(EdgeKind::Conditional));
        }
        for Assignment { target, value } in &update.assignments {
            let from = self.value(value, &scope, Place::Row)?.from.through(EdgeKind::Transformation).with(&by);
            let targets = match target {
                AssignmentTarget::ColumnName(name) => std::slice::from_ref(name),
                AssignmentTarget::Tuple(names) => names,
            };
            for name in targets {
                let lower = object_parts(name).pop().unwrap_or_default();
                let field = shape.fields.iter_mut().find(|field| *field.name == *lower);
                let field = field.ok_or_else(|| Unclear::at(format!("no column is called {name}"), name.span()))?;
                field.from.add(&from);
            }
        }
        shape.keys.clear();
        Ok(())
    }

    fn insert(&mut self, insert: &Insert, shape: &mut Shape) -> Read<()> {
        let (TableObject::TableName(name), Some(source), None, true) =
            (&insert.table, &insert.source, &insert.on, insert.assignments.is_empty())
        else {
            return Err(Unclear::at("an INSERT that is not understood", insert.span()));
        };
        self.own_name(name)?;
        let new = self.query(source, None)?;
        let lower: Vec<String> = match insert.columns.as_slice() {
            [] => shape.fields.iter().map(|field| field.name.to_string()).collect(),
            names => names.iter().filter_map(|name| object_parts(name).pop()).collect(),
        };
        if lower.len() != new.fields.len() || !new.open.is_empty() || !shape.open.is_empty() {
            return Err(Unclear::at("an INSERT of columns that do not match", insert.span()));
        }
        for (name, field) in lower.iter().zip(new.fields) {
            let own = shape.fields.iter_mut().find(|own| *own.name == **name);
            own.ok_or_else(|| Unclear::at(format!("no column is called {name}"), insert.span()))?.from.add(&field.from);
        }
        shape.rows.join(&new.rows);
        shape.keys.clear();
        Ok(())
    }
}
