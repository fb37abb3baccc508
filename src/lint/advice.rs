//! What is legal but unwise: warnings that change no decision.

use super::Look;
use crate::dbt::NodeKind;
use crate::diagnostic::{Finding, codes};

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

pub(super) fn narrowed(look: &mut Look<'_>) {
    let contract = look.contract;
    for check in &contract.checks {
        let common = check.kind().common();
        if let Some(only) = common.affects_only.as_ref().and_then(|only| only.first()) {
            let because = common.because.map_or_else(String::new, |because| format!(": {because}"));
            let finding = Finding::warning(codes::NARROWED, format!("this check can hold only the metrics that are listed{because}"));
            look.found.push(finding.at(only.span).help("every other metric publishes even if the check fails"));
        }
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
