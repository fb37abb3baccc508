//! What must have landed: each source of the contract becomes a freshness check, and its other promises become checks of their own, so that
//! none of them passes silently.

use crate::calendar::Age;
use crate::check::Spec;
use crate::check::common::{Common, Severity, Tells};
use crate::check::freshness::Freshness;
use crate::check::outcome::{Fault, Reason};
use crate::check::row_count::RowCount;
use crate::contract;
use crate::dbt::Node;
use crate::diagnostic::{At, Finding};
use crate::lineage::Part;

use super::draft::{Draft, Way};
use super::ground::{Ground, written};
use super::reach::Subject;

/// The checks of one source of the contract, and what people should know of them.
pub(super) fn of_contract(ground: &Ground<'_>, source: &contract::Source, notes: &mut Vec<String>) -> Result<Vec<Draft>, Finding> {
    let node = ground.relation(&source.source)?;
    let severity = source.severity.clone();
    let common = Common { severity: severity.clone(), allow_empty: source.allow_empty.clone(), ..Common::default() };
    let mut drafts = vec![landing(ground, node, source.freshness.as_ref().map(|freshness| &freshness.value), common, notes)];
    let asks = severity.map_or(Severity::Hold, |severity| severity.value);
    if let Some(through) = &source.complete_through {
        let detail = format!("date coverage (`complete_through: {through}`) is not executed by this version");
        drafts.push(later(ground, node, "coverage", "date_coverage", asks, &[Part::RowsLost], detail));
    }
    if source.group_by.is_some() || source.expect.is_some() {
        let detail = "group coverage (`group_by`, `expect`) is not executed by this version".to_owned();
        let column = source.group_by.iter().map(|column| Part::Column(column.to_lowercase().into()));
        let parts: Vec<Part> = column.chain([Part::RowsLost]).collect();
        drafts.push(later(ground, node, "groups", "groups_present", asks, &parts, detail));
    }
    Ok(drafts)
}

/// The freshness check of a source as dbt alone configures it; `None` when it configures none.
pub(super) fn of_dbt(ground: &Ground<'_>, node: &Node) -> Option<Draft> {
    node.freshness.as_ref()?;
    Some(landing(ground, node, None, Common::default(), &mut Vec::new()))
}

/// Freshness from the contract, else from dbt; where neither has one, at least one row.
fn landing(ground: &Ground<'_>, node: &Node, stated: Option<&contract::Freshness>, common: Common, notes: &mut Vec<String>) -> Draft {
    let name = written(node);
    let at = |text: &str| At::nowhere(text.to_owned());
    let dbt = node.freshness.as_ref();
    let stated_ages = stated.is_some_and(|stated| stated.warn_after.is_some() || stated.hold_after.is_some());
    let age = |seconds: Option<u64>| seconds.map(|seconds| At::nowhere(Age { seconds }));
    let (warn_after, hold_after) = match (stated, stated_ages) {
        (Some(stated), true) => (stated.warn_after.clone(), stated.hold_after.clone()),
        (Some(_) | None, _) => (age(dbt.and_then(|dbt| dbt.warn_after)), age(dbt.and_then(|dbt| dbt.error_after))),
    };
    let loaded_at = stated.and_then(|stated| stated.loaded_at.clone()).or_else(|| node.loaded_at_field.as_deref().map(at));
    let asked = warn_after.is_some() || hold_after.is_some();
    let source = at(&name);
    match loaded_at {
        Some(loaded_at) if asked => {
            // dbt's filter belongs to dbt's thresholds; a contract that states its own looks at every row.
            let filter = if stated_ages { None } else { dbt.and_then(|dbt| dbt.filter.as_deref()).map(at) };
            let timezone = stated.and_then(|stated| stated.timezone.clone());
            let freshness = Freshness::new(Common { filter, ..common }, None, Some(source), loaded_at, warn_after, hold_after, timezone);
            made(ground, node, format!("freshness:{name}"), Spec::freshness(Box::new(freshness)))
        }
        None if asked && node.loaded_at_query.is_some() => {
            let detail = format!("`{name}` has a loaded_at_query, which this version does not run; give loaded_at: under its freshness");
            let severity = common.severity.map_or(Severity::Hold, |severity| severity.value);
            Draft { tells: Tells::Stale, ..later(ground, node, "freshness", "freshness", severity, &[Part::RowsLost], detail) }
        }
        None if asked => {
            let detail = format!("`{name}` has freshness thresholds and no load time; give loaded_at: under its freshness");
            let severity = common.severity.map_or(Severity::Hold, |severity| severity.value);
            let skipped = later(ground, node, "freshness", "freshness", severity, &[Part::RowsLost], String::new());
            Draft { tells: Tells::Stale, way: Way::Skipped(Fault { reason: Reason::MissingColumn, detail }), ..skipped }
        }
        Some(_) | None => {
            notes.push(format!("neither the contract nor dbt says how fresh {name} must be; it is only checked to have rows"));
            let landed = RowCount::new(common, source, None);
            Draft { tells: Tells::Stale, ..made(ground, node, format!("landed:{name}"), Spec::row_count(Box::new(landed))) }
        }
    }
}

fn made(ground: &Ground<'_>, node: &Node, id: String, spec: Spec) -> Draft {
    let mut subject = Subject::default();
    subject.add(ground, &node.unique_id, Part::RowsLost);
    let what = if id.starts_with("landed:") { "landing" } else { "freshness" };
    Draft {
        title: format!("{} {what}", written(node)),
        kind: spec.kind_name().to_owned(),
        about: written(node),
        severity: spec.kind().severity(),
        unit: None,
        recover: None,
        tells: spec.kind().tells(),
        relations: vec![node.unique_id.clone()],
        subject,
        affects: Vec::new(),
        affects_only: None,
        way: Way::Measured(spec),
        dbt_test: None,
        id,
    }
}

fn later(ground: &Ground<'_>, node: &Node, what: &str, kind: &str, severity: Severity, parts: &[Part], detail: String) -> Draft {
    let mut subject = Subject::default();
    parts.iter().for_each(|part| subject.add(ground, &node.unique_id, part.clone()));
    Draft {
        id: format!("{what}:{}", written(node)),
        title: format!("{} {what}", written(node)),
        kind: kind.to_owned(),
        about: written(node),
        severity,
        unit: None,
        recover: None,
        tells: Tells::Partial,
        relations: vec![node.unique_id.clone()],
        subject,
        affects: Vec::new(),
        affects_only: None,
        way: Way::Skipped(Fault { reason: Reason::NotExecutedYet, detail }),
        dbt_test: None,
    }
}
