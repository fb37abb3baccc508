//! A plan without a contract: what dbt alone says of an exposure. One metric for each model that it depends on and for each of its
//! semantic-layer metrics; the checks are the dbt tests upstream of them and the freshness of their sources.

use std::collections::BTreeSet;

use crate::check::common::Common;
use crate::dbt::{Exposure, NodeKind, Project};
use crate::diagnostic::{At, Finding, codes};
use crate::lineage::{Lineage, Part};

use super::build::assemble;
use super::ground::{Ground, written};
use super::metrics::{self, Traced};
use super::{Expected, Options, Plan, dbt_tests, sources};

/// Plans an exposure that no contract guards.
///
/// # Errors
/// An exposure that depends on nothing that could be checked.
pub fn for_exposure(project: &Project, exposure: &Exposure, lineage: &Lineage, options: &Options<'_>) -> Result<Plan, Vec<Finding>> {
    let ground = Ground::new(project, lineage, options);
    let metrics = traced(&ground, exposure);
    if metrics.is_empty() {
        let message = format!("the exposure {} depends on no model and no metric, so there is nothing to decide", exposure.name);
        return Err(vec![Finding::error(codes::NOTHING_TO_CHECK, message).help("give it depends_on: in dbt, or write a contract")]);
    }
    let upstream: BTreeSet<String> = metrics.iter().flat_map(|traced| traced.upwards.relations(&ground)).collect();
    let landed = project.nodes.values().filter(|node| node.kind == NodeKind::Source && upstream.contains(&node.unique_id));
    let mut drafts: Vec<_> = landed.filter_map(|node| sources::of_dbt(&ground, node)).collect();
    drafts.extend(dbt_tests::selected(&ground, &metrics, &At::nowhere("upstream".to_owned()), &Common::default(), None)?);
    let mut plan = assemble(&ground, Expected::default(), metrics, drafts, Vec::new())?;
    plan.contract = exposure.name.clone();
    plan.report = exposure.label.clone().unwrap_or_else(|| exposure.name.clone());
    plan.business_owner =
        exposure.owner_name.clone().or_else(|| exposure.owner_email.clone()).map(|name| (name, exposure.owner_email.clone()));
    Ok(plan)
}

fn traced(ground: &Ground<'_>, exposure: &Exposure) -> Vec<Traced> {
    let models = exposure.depends_on.iter().filter_map(|id| ground.project.nodes.get(id)).map(|node| {
        let nodes = ground.nodes_of(&node.unique_id);
        let rows = [Part::RowsLost, Part::RowsAdded].map(|part| ground.node(&node.unique_id, part));
        let targets =
            if rows.iter().all(Option::is_some) { Ok(nodes.to_vec()) } else { Err(format!("lineage does not know `{}`", written(node))) };
        metrics::traced(ground, &written(node), &written(node), None, false, targets)
    });
    let semantic = exposure.depends_on.iter().filter_map(|id| ground.project.metrics.get(id)).map(|metric| {
        let title = metric.label.as_deref().unwrap_or(&metric.name);
        metrics::traced(ground, &metric.name, title, None, false, metrics::semantic(ground, &metric.name))
    });
    models.chain(semantic).collect()
}
