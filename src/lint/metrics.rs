//! The report: its exposure, where its metrics come from, and waivers of what dbt brings.

use super::{Look, disabled};
use crate::check::argument::split_column;
use crate::diagnostic::{At, Finding, codes, nearest};

pub(super) fn exposure(look: &mut Look<'_>) {
    let Some(name) = &look.contract.exposure else { return };
    if look.project.exposure(name).is_some() {
        return;
    }
    let names = look.project.exposures.values().map(|exposure| exposure.name.as_str());
    let finding = unknown(look, name, "exposure", "exposure.", codes::UNKNOWN_EXPOSURE, names.collect());
    look.found.push(finding);
}

pub(super) fn origins(look: &mut Look<'_>) {
    let contract = look.contract;
    for metric in contract.metrics.values() {
        if let Some((relation, column)) = metric.column.as_ref().and_then(split_column)
            && let Some(id) = look.relation(&relation)
        {
            look.column(id, &column, column.span);
        }
        if let Some(model) = &metric.model {
            look.relation(model);
        }
        if let Some(name) = &metric.metric
            && look.project.metric(name).is_none()
        {
            let names = look.project.metrics.values().map(|metric| metric.name.as_str());
            let finding = unknown(look, name, "metric in dbt's semantic layer", "metric.", codes::UNKNOWN_SEMANTIC_METRIC, names.collect());
            look.found.push(finding);
        }
    }
}

fn unknown(look: &Look<'_>, name: &At<String>, what: &str, prefix: &str, code: &'static str, names: Vec<&str>) -> Finding {
    let off = look.project.disabled.iter().find(|(id, bare)| id.starts_with(prefix) && bare.as_str() == name.as_str());
    if let Some((id, _)) = off {
        return disabled(name, id).at(name.span);
    }
    let help = match (nearest(name, names.iter().copied()), names.is_empty()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, true) => "the dbt project has none".to_owned(),
        (None, false) => format!("the dbt project has {}", names.join(", ")),
    };
    Finding::error(code, format!("there is no {what} `{name}`")).at(name.span).help(help).rename(name, names)
}

pub(super) fn waivers(look: &mut Look<'_>) {
    let contract = look.contract;
    for waiver in &contract.waivers {
        let known: Vec<String> = match waiver.check.split_once(':') {
            Some(("dbt", _)) => {
                let tests = look.project.tests.values();
                tests
                    .flat_map(|test| [test.name.clone(), format!("{}.{}", test.package, test.name), test.unique_id.clone()])
                    .map(|name| format!("dbt:{name}"))
                    .collect()
            }
            Some(("freshness", _)) => {
                let sources = look.project.nodes.values().filter(|node| node.source_name.is_some());
                sources.map(|node| format!("freshness:{}", node.spoken_name())).collect()
            }
            Some(_) | None => continue,
        };
        if !known.contains(&waiver.check.value) {
            let near = nearest(&waiver.check, known.iter().map(String::as_str));
            let help = near.map_or_else(|| "the names are in `presscheck plan`".to_owned(), |near| format!("did you mean `{near}`?"));
            let finding = Finding::error(codes::UNKNOWN_CHECK, format!("there is no check `{}`", waiver.check));
            look.found.push(finding.at(waiver.check.span).help(help).rename(&waiver.check, known.iter().map(String::as_str)));
        }
    }
}
