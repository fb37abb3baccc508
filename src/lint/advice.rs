//! What is legal but unwise: warnings that change no decision.

use jiff::Timestamp;

use super::Look;
use crate::dbt::{NodeKind, Project};
use crate::diagnostic::{Finding, Level, codes};

pub(super) fn owners(look: &mut Look<'_>) {
    let contract = look.contract;
    let of_report = contract.owners.as_ref().is_some_and(|owners| owners.business.is_some() || owners.technical.is_some());
    let exposure = contract.exposure.as_ref().and_then(|name| look.project.exposure(name));
    if of_report || exposure.is_some_and(|exposure| exposure.owner_name.is_some() || exposure.owner_email.is_some()) {
        return;
    }
    for (name, metric) in contract.metrics.iter().filter(|(_, metric)| metric.owner.is_none()) {
        let title = metric.title.as_ref().map_or(name.as_str(), |title| title.as_str());
        let finding = Finding::warning(codes::NO_OWNER, format!("nobody answers for {title}")).at(name.span);
        look.found.push(finding.help("add `owner:` here, or `owners:` to the contract"));
    }
}

pub(super) fn freshness(look: &mut Look<'_>) {
    let contract = look.contract;
    for source in &contract.sources {
        let own = source.freshness.is_some() || source.complete_through.is_some() || source.group_by.is_some();
        let node = look.project.find(&source.source).filter(|node| node.kind == NodeKind::Source);
        let dbt = node.is_none_or(|node| node.freshness.is_some());
        if !own && !dbt {
            let finding = Finding::warning(codes::NO_FRESHNESS, format!("nothing says when `{}` is late", source.source));
            look.found.push(finding.at(source.source.span).help("add `freshness:` here or in dbt"));
        }
    }
}

pub(super) fn no_exposure(look: &mut Look<'_>, _: Timestamp) {
    let contract = look.contract;
    if contract.exposure.is_none() && !look.project.exposures.is_empty() {
        let names: Vec<&str> = look.project.exposures.values().map(|exposure| exposure.name.as_str()).collect();
        let finding = Finding::warning(codes::NO_EXPOSURE, "dbt does not know which report this contract guards");
        let finding = Finding { level: Level::Note, ..finding }.at(contract.contract.span);
        look.found.push(finding.help(format!("add `exposure:`; the dbt project has {}", names.join(", "))));
    }
}

/// Exposures of the dbt project that none of its contracts guards; each at the file that defines it.
pub fn exposures(project: &Project, guarded: &[&str]) -> Vec<Finding> {
    let open = project.exposures.values().filter(|exposure| exposure.package == project.name && !guarded.contains(&exposure.name.as_str()));
    open.map(|exposure| {
        let what = exposure.label.as_deref().unwrap_or(&exposure.name);
        let finding = Finding::warning(codes::UNGUARDED_EXPOSURE, format!("no contract guards the exposure `{}` ({what})", exposure.name));
        let finding = Finding { level: Level::Note, ..finding }.in_file(&exposure.path);
        finding.help(format!("write one, or decide it from dbt's tests: presscheck check --exposure {}", exposure.name))
    })
    .collect()
}
