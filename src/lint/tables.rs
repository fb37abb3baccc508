//! Tables that SQL of a contract names beside dbt.

use jiff::Timestamp;

use super::Look;
use crate::check::Spec;
use crate::check::common::Grammar;
use crate::contract::{self, Place};
use crate::dbt::Node;
use crate::diagnostic::{At, Finding, codes};
use crate::lineage;

/// Stands for `{{ model }}` while a query is looked at.
const MODEL: &str = "presscheck_the_model";

pub(super) fn hard_coded(look: &mut Look<'_>, _: Timestamp) {
    let contract = look.contract;
    let mut found = Vec::new();
    for written in contract::written(contract).iter().filter(|written| written.grammar == Grammar::Query) {
        let Place::Check(index) = written.place else { continue };
        let own = contract.checks.get(index).and_then(|check| check.kind().relations().into_iter().next());
        let own = own.and_then(|own| look.project.find(&own));
        let filled = written.filled(Some(MODEL));
        let Ok(tables) = lineage::tables(&filled.text, &look.project.adapter) else { continue };
        for (name, line, column) in tables.iter().filter(|(name, ..)| name != MODEL) {
            let known = look.project.nodes.values().find(|node| is(node, name));
            let help = match known {
                Some(node) if own.is_some_and(|own| own.unique_id == node.unique_id) => "write `{{ model }}`".to_owned(),
                Some(node) => format!("this is dbt's {}: join the two in a dbt model, and check that", node.spoken_name()),
                None => "make it a dbt source or model, so that lineage and other targets find it".to_owned(),
            };
            let finding = Finding::warning(codes::HARD_CODED, format!("`{name}` is named as a table, not through dbt"));
            let finding = finding.at(filled.place(contract, written, *line, *column)).help(help);
            // The same relation by another name: what is asked does not change.
            let same = own.is_some_and(|own| {
                own.relation_name.as_deref().is_some_and(|relation| relation.replace(['"', '`'], "").to_lowercase() == *name)
            });
            found.push(if same { finding.replace(name, "{{ model }}") } else { finding });
        }
    }
    for check in &contract.checks {
        let sides: Vec<&At<String>> = match &check.value {
            Spec::reconcile(spec) => [&spec.left, &spec.right]
                .into_iter()
                .filter(|side| side.connection.is_none())
                .filter_map(|side| side.relation.as_ref())
                .collect(),
            Spec::reconcile_rows(spec) => [&spec.left, &spec.right]
                .into_iter()
                .filter(|side| side.connection.is_none())
                .filter_map(|side| side.relation.as_ref())
                .collect(),
            _ => Vec::new(),
        };
        for relation in sides {
            if let Some(node) = look.project.nodes.values().find(|node| is(node, &relation.to_lowercase())) {
                let finding = Finding::warning(codes::HARD_CODED, format!("`{relation}` is named as a table, not through dbt"));
                found.push(finding.at(relation.span).help(format!("write `model: {}`", node.spoken_name())));
            }
        }
    }
    look.found.extend(found);
}

/// Whether a name in small letters is a node's relation: with or without database, and with or without schema.
fn is(node: &Node, name: &str) -> bool {
    let parts = [node.database.as_deref().unwrap_or_default(), &node.schema, &node.identifier].map(str::to_lowercase);
    let bare = name.replace(['"', '`'], "");
    (1..=3).any(|from| bare == parts[3 - from..].join("."))
}
