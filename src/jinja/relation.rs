//! Relations and columns as templates see them: what `ref`, `source`, `this` and `api.Relation.create` give.
//!
//! Only what the artifacts say of them; whether a relation exists is for the warehouse to know.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{DynObject, Kwargs, Object, from_args};
use minijinja::{Error, ErrorKind, State, Value};

use super::value::{Dict, fault, unknown};
use crate::dbt::{self, Node, NodeKind};

/// A relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Relation {
    /// Database, schema, identifier.
    pub(super) parts: [Option<String>; 3],
    /// The same, as they stand in SQL; empty parts are left out.
    pub(super) quoted: [Option<String>; 3],
    /// An ephemeral model, whose SQL dbt puts in as a common table expression.
    pub(super) cte: bool,
    /// Its columns, where the catalog has them.
    pub(super) columns: Option<Arc<Vec<dbt::Column>>>,
}

impl Relation {
    /// A node's relation, as `ref` and `source` give it.
    pub(super) fn of(node: &Node, mark: Option<char>) -> Relation {
        let columns = node.catalog_columns.as_deref().cloned().map(Arc::new);
        let parts = [node.database.clone(), Some(node.schema.clone()).filter(|schema| !schema.is_empty()), Some(node.identifier.clone())];
        match &node.relation_name {
            _ if node.materialized == "ephemeral" && node.kind == NodeKind::Model => {
                let name = Some(format!("__dbt__cte__{}", node.name));
                Relation { parts: [None, None, name.clone()], quoted: [None, None, name], cte: true, columns }
            }
            Some(name) => Relation { quoted: split(name, &parts), parts, cte: false, columns },
            None => Relation { columns, ..Relation::new(parts, mark) },
        }
    }

    /// A relation of these parts, quoted as the adapter does.
    pub(super) fn new(parts: [Option<String>; 3], mark: Option<char>) -> Relation {
        let quoted =
            |part: &Option<String>| part.as_ref().map(|part| mark.map_or_else(|| part.clone(), |mark| format!("{mark}{part}{mark}")));
        Relation { quoted: [quoted(&parts[0]), quoted(&parts[1]), quoted(&parts[2])], parts, cte: false, columns: None }
    }

    fn text(&self) -> String {
        self.quoted.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(".")
    }
}

/// `"a"."b"."c"` by its parts: the last is the identifier. A text that does not split as the parts do stays whole.
fn split(name: &str, parts: &[Option<String>; 3]) -> [Option<String>; 3] {
    let (mut pieces, mut quote, mut start): (Vec<&str>, Option<char>, usize) = (Vec::new(), None, 0);
    for (at, letter) in name.char_indices() {
        match (quote, letter) {
            (None, '"' | '`') => quote = Some(letter),
            (None, '[') => quote = Some(']'),
            (Some(open), letter) if letter == open => quote = None,
            (None, '.') => {
                pieces.push(&name[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(&name[start..]);
    let bare = |piece: &str| piece.trim_matches(['"', '`', '[', ']']).to_owned();
    let mut quoted = [None, None, None];
    let ends = parts.iter().rev().zip(pieces.iter().rev());
    if pieces.len() > 3 || ends.clone().any(|(part, piece)| part.as_deref().is_none_or(|part| !part.eq_ignore_ascii_case(&bare(piece)))) {
        return [None, None, Some(name.to_owned())];
    }
    for (slot, piece) in quoted.iter_mut().rev().zip(pieces.iter().rev()) {
        *slot = Some((*piece).to_owned());
    }
    quoted
}

impl Object for Relation {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let part = |at: usize| self.parts[at].as_deref().map_or(Value::from(()), Value::from);
        Some(match key.as_str()? {
            "database" => part(0),
            "schema" => part(1),
            "identifier" | "name" | "table" | "alias" => part(2),
            "is_cte" => Value::from(self.cte),
            "type" if self.cte => Value::from("cte"),
            "metadata" => Dict::value([(Value::from("type"), Value::from("Relation"))]),
            // Methods are not values.
            "render" | "include" | "get" | "without_identifier" => return None,
            other => unknown(format!("`.{other}` of a relation is not known without the warehouse")),
        })
    }
    fn is_true(self: &Arc<Self>) -> bool {
        true
    }
    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let without = |keep: [bool; 3]| {
            let mut relation = Relation::clone(self);
            for (at, keep) in keep.into_iter().enumerate().filter(|_| !self.cte) {
                relation.quoted[at] = relation.quoted[at].take().filter(|_| keep);
            }
            Value::from_object(relation)
        };
        match method {
            "render" => from_args::<()>(args).map(|()| Value::from(self.text())),
            "without_identifier" => from_args::<()>(args).map(|()| without([true, true, false])),
            "include" => {
                let (named,): (Kwargs,) = from_args(args)?;
                let keep = |name| named.get::<Option<bool>>(name).map(|keep| keep.unwrap_or(true));
                let made = without([keep("database")?, keep("schema")?, keep("identifier")?]);
                named.assert_all_used()?;
                Ok(made)
            }
            "get" => {
                let (key, default): (Value, Option<Value>) = from_args(args)?;
                let known = ["database", "schema", "identifier", "name", "table", "metadata", "is_cte"];
                let value = self.get_value(&key).filter(|_| key.as_str().is_some_and(|key| known.contains(&key)));
                Ok(value.or(default).unwrap_or_else(|| Value::from(())))
            }
            other => Err(fault(format!("`.{other}()` of a relation is not rendered without the warehouse"))),
        }
    }
    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        other.downcast_ref::<Relation>().map(|other| self.text().cmp(&other.text()))
    }
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// A column of the catalog.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) data_type: String,
    pub(super) mark: char,
}

const TEXTS: [&str; 8] = ["text", "character varying", "character", "varchar", "string", "nvarchar", "char", "bpchar"];
const WHOLE: [&str; 14] = [
    "smallint",
    "integer",
    "bigint",
    "smallserial",
    "serial",
    "bigserial",
    "int2",
    "int4",
    "int8",
    "int",
    "tinyint",
    "hugeint",
    "int64",
    "long",
];
const REAL: [&str; 6] = ["real", "float4", "float", "double precision", "float8", "double"];

impl Object for Column {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "name" | "column" => Value::from(self.name.as_str()),
            "data_type" | "dtype" => Value::from(self.data_type.as_str()),
            "quoted" => Value::from(format!("{0}{1}{0}", self.mark, self.name)),
            _ => return None,
        })
    }
    fn is_true(self: &Arc<Self>) -> bool {
        true
    }
    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let () = from_args(args)?;
        let kind = self.data_type.to_lowercase();
        let kind = kind.split('(').next().unwrap_or_default().trim();
        let number = ["numeric", "decimal", "number"].contains(&kind);
        match method {
            "is_string" => Ok(Value::from(TEXTS.contains(&kind))),
            "is_integer" => Ok(Value::from(WHOLE.contains(&kind))),
            "is_float" => Ok(Value::from(REAL.contains(&kind))),
            "is_numeric" => Ok(Value::from(number)),
            "is_number" => Ok(Value::from(number || WHOLE.contains(&kind) || REAL.contains(&kind))),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
