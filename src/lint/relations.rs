//! Relations and columns that a contract names.

use super::Look;
use crate::check::Spec;
use crate::check::common::Part;
use crate::dbt::NodeKind;
use crate::diagnostic::{At, Finding, codes};

pub(super) fn sources(look: &mut Look<'_>) {
    let contract = look.contract;
    for source in &contract.sources {
        let Some(id) = look.relation(&source.source) else { continue };
        if look.project.nodes.get(id).is_some_and(|node| node.kind != NodeKind::Source) {
            let finding = Finding::error(codes::UNKNOWN_RELATION, format!("`{}` is not a source", source.source)).at(source.source.span);
            look.found.push(finding.help("sources are written source.table; a check on a model goes under `checks:`"));
            continue;
        }
        if let Some(column) = &source.group_by {
            look.column(id, column, column.span);
        }
    }
}

pub(super) fn of_checks(look: &mut Look<'_>) {
    let contract = look.contract;
    for check in &contract.checks {
        for (index, relation) in check.kind().relations().iter().enumerate() {
            if is_foreign(check, index) {
                continue;
            }
            let Some(id) = look.relation(relation) else { continue };
            if look.project.nodes.get(id).is_some_and(|node| node.relation_name.is_none()) {
                let finding = Finding::error(codes::EPHEMERAL, format!("`{relation}` is ephemeral: there is no relation to check"));
                look.found.push(finding.at(relation.span).help("check a model that reads it, or materialise it"));
            }
        }
    }
}

pub(super) fn columns_of_checks(look: &mut Look<'_>) {
    let contract = look.contract;
    for check in &contract.checks {
        let relations = check.kind().relations();
        let mut columns: Vec<(usize, At<String>)> = Vec::new();
        for part in check.kind().subject() {
            match part {
                Part::Column { relation, column } => columns.push((relation, column)),
                Part::Expression { .. }
                | Part::RowsLost { .. }
                | Part::RowsAdded { .. }
                | Part::Query { .. }
                | Part::DbtTests
                | Part::Everything { .. }
                | Part::Metric { .. }
                | Part::Rendered => {}
            }
        }
        if let Spec::not_null(spec) = &check.value {
            columns.extend(spec.count.iter().map(|count| (0, count.clone())));
        }
        // The rows of a query have columns of their own.
        let samples = check.kind().common().samples.filter(|_| !matches!(check.value, Spec::sql(_)));
        columns.extend(samples.iter().flat_map(|samples| samples.columns.iter().map(|column| (0, column.clone()))));
        for (index, column) in columns {
            let known = relations.get(index).filter(|_| !is_foreign(check, index)).and_then(|name| look.project.find(name));
            if let Some(node) = known {
                look.column(&node.unique_id, &column, column.span);
            }
        }
    }
}

/// Whether a relation of a check is one that dbt does not know: a bare relation, or one of another connection.
pub fn is_foreign(check: &Spec, relation: usize) -> bool {
    let side = |left: (bool, bool), right: (bool, bool)| {
        let (bare, elsewhere) = if relation == 0 { left } else { right };
        bare || elsewhere
    };
    let shared = check.kind().common().connection.is_some();
    shared
        || match check {
            Spec::reconcile(spec) => side(
                (spec.left.relation.is_some(), spec.left.connection.is_some()),
                (spec.right.relation.is_some(), spec.right.connection.is_some()),
            ),
            Spec::reconcile_rows(spec) => side(
                (spec.left.relation.is_some(), spec.left.connection.is_some()),
                (spec.right.relation.is_some(), spec.right.connection.is_some()),
            ),
            Spec::freshness(_)
            | Spec::row_count(_)
            | Spec::not_null(_)
            | Spec::unique(_)
            | Spec::accepted_values(_)
            | Spec::range(_)
            | Spec::matches(_)
            | Spec::relationships(_)
            | Spec::expression(_)
            | Spec::sql(_)
            | Spec::date_coverage(_)
            | Spec::groups_present(_)
            | Spec::schema(_)
            | Spec::aggregate(_)
            | Spec::change(_)
            | Spec::dbt_tests(_)
            | Spec::dbt_test(_)
            | Spec::dbt_result(_)
            | Spec::own(_) => false,
        }
}
