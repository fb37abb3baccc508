//! What must have landed: each source of the contract becomes a freshness check, and its other promises become checks of their own, so that
//! none of them passes silently.

use std::collections::BTreeMap;

use crate::calendar::Age;
use crate::check::Spec;
use crate::check::argument::Scalar;
use crate::check::baseline::Earlier;
use crate::check::common::{Common, Severity, Tells};
use crate::check::date_coverage::DateCoverage;
use crate::check::freshness::Freshness;
use crate::check::groups_present::GroupsPresent;
use crate::check::outcome::{Fault, Reason};
use crate::check::row_count::RowCount;
use crate::contract;
use crate::dbt::Node;
use crate::diagnostic::{At, Finding, codes};
use crate::lineage::Part;

use super::changed;
use super::draft::{Draft, Way};
use super::ground::{Ground, written};
use super::reach::Subject;

/// A column, and the groups of it that must be there; all that are when `None`.
type Groups<'a> = (&'a At<String>, Option<&'a At<Vec<At<String>>>>);

/// The checks of one source of the contract, and what people should know of them.
pub(super) fn of_contract(ground: &Ground<'_>, source: &contract::Source, notes: &mut Vec<String>) -> Result<Vec<Draft>, Finding> {
    let node = ground.relation(&source.source)?;
    let severity = source.severity.clone();
    let common = common_of(source);
    let landed = Common { allow_empty: source.allow_empty.clone(), ..common.clone() };
    let groups = source.group_by.as_ref().map(|column| (column, source.expect.as_ref()));
    let stated = source.freshness.as_ref().map(|freshness| &freshness.value);
    let mut drafts = vec![landing(ground, node, stated, groups, source.groups_by_date(), landed, notes)?];
    let asks = severity.map_or(Severity::Hold, |severity| severity.value);
    let date = source.date.clone();
    let path = |column: &At<String>| At { value: format!("{}.{column}", written(node)), span: column.span };
    let expect = |expect: &At<Vec<At<String>>>| {
        let group = |text: &At<String>| At { value: Scalar::Text(text.value.clone()), span: text.span };
        At { value: expect.iter().map(group).collect::<Vec<_>>(), span: expect.span }
    };
    let skipped = |what: &str, kind: &str, column: Option<&At<String>>| {
        let column = column.map(|column| Part::Column(column.to_lowercase().into()));
        let parts: Vec<Part> = column.into_iter().chain([Part::RowsLost]).collect();
        let detail = format!("nothing says which column of `{}` is the date of a row: add date: to the source", written(node));
        let draft = later(ground, node, what, kind, asks, &parts, String::new());
        Draft { way: Way::Skipped(Fault { reason: Reason::MissingColumn, detail }), ..draft }
    };
    match (&source.complete_through, &date) {
        (Some(_), Some(date)) => {
            let by = source.group_by.iter().cloned().collect();
            let groups = source.expect.as_ref().map(expect);
            let spec = DateCoverage::new(common, path(date), by, groups, None, Vec::new(), timezone_of(source), Vec::new());
            drafts.push(asked(ground, node, "coverage", Spec::date_coverage(Box::new(spec)))?);
        }
        (Some(_), None) => drafts.push(skipped("coverage", "date_coverage", source.group_by.as_ref())),
        (None, Some(_) | None) => {}
    }
    if let (Some(column), Some(groups), None) = (&source.group_by, &source.expect, &source.complete_through) {
        // Without a date, each group's freshness is what shows that it landed.
        match &date {
            Some(date) => {
                let spec =
                    GroupsPresent::new(common_of(source), path(column), expect(groups), Some(date.clone()), timezone_of(source), None);
                drafts.push(asked(ground, node, "groups", Spec::groups_present(Box::new(spec)))?);
            }
            None if grouped(&drafts) => {}
            None => drafts.push(skipped("groups", "groups_present", Some(column))),
        }
    }
    Ok(drafts)
}

fn common_of(source: &contract::Source) -> Common {
    Common { severity: source.severity.clone(), ..Common::default() }
}

fn timezone_of(source: &contract::Source) -> Option<At<String>> {
    source.freshness.as_ref().and_then(|freshness| freshness.timezone.clone())
}

/// Whether the landing is measured for each group.
fn grouped(drafts: &[Draft]) -> bool {
    drafts.iter().any(|draft| match &draft.way {
        Way::Measured(Spec::freshness(freshness)) => freshness.group_by.is_some(),
        Way::Measured(_) | Way::Skipped(_) => false,
    })
}

/// A promise of a source besides its freshness, as a check of the contract.
fn asked(ground: &Ground<'_>, node: &Node, what: &str, spec: Spec) -> Result<Draft, Finding> {
    let id = format!("{what}:{}", written(node));
    let draft = Draft::of(ground, id, &spec).map_err(|findings| {
        let none = || Finding::error(codes::BAD_CHECK, format!("the {what} of `{}` cannot be planned", written(node)));
        findings.into_iter().next().unwrap_or_else(none)
    })?;
    Ok(Draft { title: format!("{} {what}", written(node)), ..draft })
}

/// The freshness check of a source as dbt alone configures it; `None` when it configures none.
pub(super) fn of_dbt(ground: &Ground<'_>, node: &Node) -> Option<Draft> {
    node.freshness.as_ref()?;
    let landed = landing(ground, node, None, None, false, Common::default(), &mut Vec::new());
    Some(landed.unwrap_or_else(|finding| unmeasured(ground, node, Severity::Hold, finding.message)))
}

/// Freshness from the contract, else from dbt; where neither has one, at least one row. Of its groups something else says that each is there where
/// they are looked for `by_date`.
fn landing(
    ground: &Ground<'_>,
    node: &Node,
    stated: Option<&contract::Freshness>,
    groups: Option<Groups<'_>>,
    by_date: bool,
    common: Common,
    notes: &mut Vec<String>,
) -> Result<Draft, Finding> {
    let (name, dialect) = (written(node), ground.options.macros.dialect());
    let at = |text: &str| At::nowhere(text.to_owned());
    let dbt = node.freshness.as_ref();
    let stated_ages = stated.is_some_and(|stated| stated.warn_after.is_some() || stated.hold_after.is_some());
    let age = |seconds: Option<u64>| seconds.map(|seconds| At::nowhere(Age { seconds }));
    let (warn_after, hold_after) = match (stated, stated_ages) {
        (Some(stated), true) => (stated.warn_after.clone(), stated.hold_after.clone()),
        (Some(_) | None, _) => (age(dbt.and_then(|dbt| dbt.warn_after)), age(dbt.and_then(|dbt| dbt.error_after))),
    };
    let metadata = stated.and_then(|stated| stated.metadata.as_ref());
    let told = metadata.is_some_and(|metadata| metadata.value);
    let loaded_at = stated.and_then(|stated| stated.loaded_at.clone()).or_else(|| node.loaded_at_field.as_deref().map(at));
    let loaded_at = if told { None } else { loaded_at };
    // As dbt does where nothing says when a row was loaded.
    let by_metadata = told || (metadata.is_none() && node.loaded_at_query.is_none() && changed::kept(dialect));
    let asked = warn_after.is_some() || hold_after.is_some();
    let source = at(&name);
    // dbt's filter belongs to dbt's thresholds; a contract that states its own looks at every row.
    let filter = if stated_ages { None } else { dbt.and_then(|dbt| dbt.filter.as_deref()).map(at) };
    let severity = common.severity.as_ref().map_or(Severity::Hold, |severity| severity.value);
    Ok(match loaded_at {
        Some(loaded_at) if asked => {
            let timezone = stated.and_then(|stated| stated.timezone.clone());
            let (group_by, expect) = groups.map_or((None, None), |(column, expect)| (Some(column.clone()), expect.cloned()));
            let freshness = Freshness::new(
                Common { filter, ..common },
                None,
                Some(source),
                loaded_at,
                None,
                warn_after,
                hold_after,
                timezone,
                group_by,
                expect,
                None,
            );
            made(ground, node, format!("freshness:{name}"), Spec::freshness(Box::new(freshness)))
        }
        None if asked && !by_metadata && node.loaded_at_query.is_some() => {
            let timezone = stated.and_then(|stated| stated.timezone.clone());
            by_query(ground, node, (warn_after, hold_after), timezone, groups.is_some(), common)
        }
        None if asked && by_metadata && (filter.is_some() || (groups.is_some() && !by_date)) => {
            let detail =
                format!("the warehouse knows when `{name}` was changed, not which rows of it; give loaded_at: under its freshness");
            unmeasured(ground, node, severity, detail)
        }
        None if asked && by_metadata => {
            let asked = metadata.cloned().unwrap_or_else(|| At::nowhere(true));
            let (none, unsaid) = (None, at(""));
            let freshness = Freshness::new(common, None, Some(source), unsaid, Some(asked), warn_after, hold_after, none, None, None, None);
            let bound = changed::bound(ground, &freshness)?;
            made(ground, node, format!("freshness:{name}"), Spec::freshness(Box::new(bound)))
        }
        None if asked => {
            let kept =
                if changed::kept(dialect) { String::new() } else { format!(", and {dialect} does not keep when a table was changed") };
            let detail = format!("`{name}` has freshness thresholds and no load time{kept}; give loaded_at: under its freshness");
            unmeasured(ground, node, severity, detail)
        }
        Some(_) | None => {
            notes.push(format!("neither the contract nor dbt says how fresh {name} must be; it is only checked to have rows"));
            let landed = RowCount::new(common, source, None, None, Earlier::default());
            Draft { tells: Tells::Stale, ..made(ground, node, format!("landed:{name}"), Spec::row_count(Box::new(landed))) }
        }
    })
}

/// A freshness that is promised and that nothing can measure.
fn unmeasured(ground: &Ground<'_>, node: &Node, severity: Severity, detail: String) -> Draft {
    let skipped = later(ground, node, "freshness", "freshness", severity, &[Part::RowsLost], String::new());
    Draft { tells: Tells::Stale, way: Way::Skipped(Fault { reason: Reason::MissingColumn, detail }), ..skipped }
}

/// Freshness by dbt's `loaded_at_query`, which knows nothing of groups. Of dbt's templates it may use `{{ this }}`.
fn by_query(
    ground: &Ground<'_>,
    node: &Node,
    (warn_after, hold_after): (Option<At<Age>>, Option<At<Age>>),
    timezone: Option<At<String>>,
    grouped: bool,
    common: Common,
) -> Draft {
    let name = written(node);
    let this = node.relation_name.as_deref().unwrap_or_default();
    let query = node.loaded_at_query.as_deref().unwrap_or_default().trim().trim_end_matches(';');
    let query = ["{{ this }}", "{{this}}"].iter().fold(query.to_owned(), |query, template| query.replace(template, this));
    if grouped || query.contains("{{") || query.contains("{%") {
        let why = if grouped { "does not say how fresh each group is" } else { "has templates besides {{ this }}" };
        let detail = format!("the loaded_at_query of `{name}` {why}; give loaded_at: under its freshness");
        return unmeasured(ground, node, common.severity.map_or(Severity::Hold, |severity| severity.value), detail);
    }
    let at = |text: &str| At::nowhere(text.to_owned());
    let (source, loaded_at) = (Some(at(&name)), at("loaded_at_query"));
    let query = Some(at(&query));
    let freshness = Freshness::new(common, None, source, loaded_at, None, warn_after, hold_after, timezone, None, None, query);
    made(ground, node, format!("freshness:{name}"), Spec::freshness(Box::new(freshness)))
}

fn made(ground: &Ground<'_>, node: &Node, id: String, spec: Spec) -> Draft {
    let mut subject = Subject::default();
    subject.add(ground, &node.unique_id, Part::RowsLost);
    if let Spec::freshness(freshness) = &spec {
        freshness.group_by.iter().for_each(|column| subject.add_column(ground, &node.unique_id, column));
    }
    let what = if id.starts_with("landed:") { "landing" } else { "freshness" };
    Draft {
        title: format!("{} {what}", written(node)),
        kind: spec.kind_name().to_owned(),
        about: written(node),
        severity: spec.kind().severity(),
        without_baseline: spec.kind().without_baseline(),
        severity_for: BTreeMap::new(),
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
        without_baseline: None,
        severity_for: BTreeMap::new(),
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
