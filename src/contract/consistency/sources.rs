//! Sources: what must have landed.

use super::{Look, promise};
use crate::diagnostic::{Finding, codes};

pub(super) fn each_once(look: &mut Look<'_>) {
    let sources = &look.contract.sources;
    for (index, source) in sources.iter().enumerate() {
        if let Some(first) = sources.iter().take(index).find(|other| other.source == source.source) {
            let finding = Finding::error(codes::DUPLICATE_NAME, format!("the source `{}` stands twice", source.source));
            look.report(finding.at(source.source.span).help(format!("it is already at line {}", first.source.span.line)));
        }
    }
}

pub(super) fn groups(look: &mut Look<'_>) {
    let contract = look.contract;
    for source in &contract.sources {
        match (&source.group_by, &source.expect) {
            (None, Some(expect)) if !look.was_cut("sources") => {
                let finding =
                    Finding::error(codes::CONTRADICTION, "`expect` lists groups, but nothing says by which column").at(expect.span);
                look.report(finding.help("add `group_by:` and the column"));
            }
            (Some(group_by), None) if source.complete_through.is_none() && !look.was_cut("sources") => {
                let finding = Finding::error(codes::CONTRADICTION, "`group_by` alone demands nothing").at(group_by.span);
                look.report(finding.help("add `expect:` with the groups that must land"));
            }
            (_, Some(expect)) => {
                if expect.is_empty() && !look.was_cut("sources") {
                    look.report(Finding::error(codes::CONTRADICTION, "no group is expected").at(expect.span).help("list the groups"));
                }
                for (index, group) in expect.iter().enumerate() {
                    if expect.iter().take(index).any(|other| other == group) {
                        look.report(Finding::error(codes::DUPLICATE_NAME, format!("`{group}` is expected twice")).at(group.span));
                    }
                }
            }
            (None | Some(_), None) => {}
        }
    }
}

pub(super) fn coverage(look: &mut Look<'_>) {
    let contract = look.contract;
    for through in contract.sources.iter().filter_map(|source| source.complete_through.as_ref()) {
        if through.value != "interval.end" {
            let finding = Finding::error(codes::BAD_COVERAGE, format!("data cannot be complete through `{through}`")).at(through.span);
            look.report(finding.help("write `interval.end`"));
        } else if contract.schedule.is_none() && !look.was_cut("schedule") {
            let finding = Finding::error(codes::NO_SCHEDULE, "`interval.end` needs to know what a run covers").at(through.span);
            look.report(finding.help("add `schedule:` with `interval: day`, `week`, `month` or `hour`"));
        }
    }
}

pub(super) fn freshness(look: &mut Look<'_>) {
    let contract = look.contract;
    for (source, freshness) in contract.sources.iter().filter_map(|source| Some((source, source.freshness.as_ref()?))) {
        if let Some(metadata) = freshness.metadata.as_ref().filter(|metadata| metadata.value) {
            let (says, help) = match (&freshness.loaded_at, &source.group_by) {
                (Some(_), _) => ("the warehouse is asked when the table was changed, so `loaded_at` means nothing", "keep one of the two"),
                (None, Some(_)) if !source.groups_by_date() => (
                    "the warehouse knows when a table was changed, not which rows of it",
                    "write loaded_at, or date: with expect: or complete_through:, which look at each group",
                ),
                (None, Some(_) | None) => ("", ""),
            };
            if !says.is_empty() {
                look.report(Finding::error(codes::CONTRADICTION, says).at(metadata.span).help(help));
            }
        }
        match (&freshness.warn_after, &freshness.hold_after) {
            (Some(warn), Some(hold)) if warn.value >= hold.value => {
                let finding = Finding::error(codes::CONTRADICTION, "`warn_after` must be shorter than `hold_after`").at(warn.span);
                look.report(finding.help("it would never warn"));
            }
            (None, None) if !look.was_cut("sources") => {
                let finding = Finding::error(codes::CONTRADICTION, "no age is asked for").at(freshness.span);
                look.report(finding.help("add `warn_after`, `hold_after` or both; without `freshness:` dbt's own counts"));
            }
            (Some(_), Some(_) | None) | (None, Some(_) | None) => {}
        }
        if let Some(zone) = &freshness.timezone {
            promise::known_zone(look, zone);
        }
    }
}
