//! Checks of keys that share one pass: a key is unique, is found in another table, and is looked for from there.
//!
//! The pass only proves; what it cannot prove is asked check by check. Whether a dialect has such a pass its template says.

use serde_json::{Value, json};

use super::fuse::Member;
use crate::diagnostic::Finding;
use crate::macros::{Call, Macros};

/// What a check asks of the keys of whole tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Keys {
    /// Every two rows differ in these.
    Unique(Vec<String>),
    /// Every value of the column is one of the other's.
    Refers { column: String, to: String },
}

/// One pass: which members it answers.
pub(super) struct Pass {
    pub answers: Vec<Answer>,
    pub relations: Vec<String>,
    pub sql: String,
}

/// Where a pass answers one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    /// The member, by position.
    pub member: usize,
    /// Whether the rows that are seen are those of the other side.
    pub of_other: bool,
    /// Which of the pass's doubts is its own.
    pub doubt: usize,
}

impl Pass {
    /// Whether it answers the member at this position.
    pub fn answers(&self, member: usize) -> bool {
        self.answers.iter().any(|answer| answer.member == member)
    }
}

impl Keys {
    /// From the arguments of a check's template.
    pub fn of(kind: &str, arguments: &serde_json::Map<String, Value>) -> Option<Keys> {
        let text = |name: &str| arguments.get(name).and_then(Value::as_str).map(str::to_owned);
        match kind {
            "unique" => {
                let columns = arguments.get("columns")?.as_array()?;
                columns.iter().map(|column| column.as_str().map(str::to_owned)).collect::<Option<_>>().map(Keys::Unique)
            }
            "relationships" => Some(Keys::Refers { column: text("column")?, to: text("to")? }),
            _ => None,
        }
    }
}

/// The passes that pay off: a key of two columns, or a unique key that other checks go by.
pub(super) fn passes(members: &[Member<'_>], macros: &Macros) -> Result<Vec<Pass>, Finding> {
    let mut passes: Vec<Pass> = Vec::new();
    for (at, member) in members.iter().enumerate() {
        let Some(Keys::Unique(columns)) = &member.keys else { continue };
        let (key, within) = match columns.as_slice() {
            [key] => (key, None),
            [key, within] => (key, Some(within)),
            _ => continue,
        };
        let taken = |at: &usize| passes.iter().any(|pass| pass.answers(*at));
        if taken(&at) {
            continue;
        }
        let here = &member.relations[0];
        // The other side: that of the first check that goes by this key.
        let others = members.iter().enumerate().filter(|(other, _)| !taken(other)).filter_map(|(other, member)| {
            let Some(Keys::Refers { column, to }) = &member.keys else { return None };
            let [child, parent] = member.relations.as_slice() else { return None };
            if child == here && column == key && parent != here {
                Some((other, parent.clone(), to.clone(), true))
            } else if parent == here && to == key && child != here {
                Some((other, child.clone(), column.clone(), false))
            } else {
                None
            }
        });
        let others: Vec<(usize, String, String, bool)> =
            others.filter(|(other, ..)| members[*other].connection == member.connection).collect();
        let side = others.first().map(|(_, relation, key, _)| (relation.clone(), key.clone()));
        let beside = |forward: bool| {
            let same =
                |(_, relation, key, way): &&(usize, String, String, bool)| *way == forward && side == Some((relation.clone(), key.clone()));
            others.iter().find(same).map(|(other, ..)| *other)
        };
        let (forward, backward) = (beside(true), beside(false));
        let render = |forward: bool, backward: bool, side: Option<&(String, String)>| {
            let arguments = [
                ("key", json!(key)),
                ("within", json!(within)),
                ("unique", json!(true)),
                ("forward", json!(forward)),
                ("backward", json!(backward)),
                ("other_key", json!(side.map(|(_, key)| key))),
            ];
            let arguments = arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            let relations: Vec<String> = std::iter::once(here.clone()).chain(side.map(|(relation, _)| relation.clone())).collect();
            let call = Call { kind: "keys", columns: &[], arguments: &arguments, relations: &relations, interval: None, lists: false };
            Ok(macros.pass(&call)?.map(|sql| (sql, relations)))
        };
        let (mut forward, mut backward) = (forward, backward);
        let mut rendered = render(forward.is_some(), backward.is_some(), side.as_ref())?;
        if rendered.is_none() && side.is_some() {
            (forward, backward) = (None, None);
            rendered = render(false, false, None)?;
        }
        let Some((sql, relations)) = rendered else { continue };
        let asked = [Some((at, false)), forward.map(|other| (other, false)), backward.map(|other| (other, true))];
        // Whoever asks the same of the same keys has the same answer.
        let alike = |first: usize| {
            let others = members.iter().enumerate().filter(move |(_, member)| member.asks_the_same_of_keys(&members[first]));
            others.map(|(other, _)| other).filter(|other| !taken(other))
        };
        let answers = asked.into_iter().flatten().enumerate();
        let answers = answers.flat_map(|(doubt, (first, of_other))| alike(first).map(move |member| Answer { member, of_other, doubt }));
        let answers = answers.collect();
        passes.push(Pass { answers, relations, sql });
    }
    Ok(passes)
}
