//! What only the warehouse can say: who asks, what they may, what is there, what its clock says.

use std::time::Duration;

use jiff::Timestamp;

use super::report::Report;
use crate::check::outcome::{Fault, Reason};
use crate::dbt::relation_name::RelationName;
use crate::diagnostic::{Finding, codes};
use crate::execute::CLOCKS_AGREE;
use crate::plan::reads::ReadRelation;
use crate::warehouse::{Session, Standing, Warehouse};

/// Longest that one question may take.
const LIMIT: Duration = Duration::from_secs(30);
/// Names that one finding lists.
const LISTED: usize = 5;

/// Which warehouse is looked at, and what of it is read.
pub(super) struct Asked<'a> {
    /// A further connection; `None` is the project's own.
    pub(super) connection: Option<&'a str>,
    /// The adapter by whose rules names are written.
    pub(super) adapter: &'a str,
    /// What the plans' statements read.
    pub(super) read: &'a [ReadRelation],
    /// What contracts name besides.
    pub(super) named: &'a [ReadRelation],
    pub(super) threads: usize,
}

impl Asked<'_> {
    /// What a fact is called: those of further connections by the connection, too.
    fn fact(&self, name: &str) -> String {
        self.connection.map_or_else(|| name.to_owned(), |connection| format!("{connection}: {name}"))
    }
}

/// A warehouse that cannot be used is one finding among others.
pub(super) fn unreached(report: &mut Report, asked: &Asked<'_>, fault: &Fault) {
    report.fact(asked.fact("warehouse"), "not reached");
    let help = match fault.reason {
        Reason::AuthenticationFailed => "correct user and password of the target in profiles.yml (or the variables that it reads)",
        _ => "look whether it runs, and whether profiles.yml names it right: `dbt debug` uses the same target",
    };
    report.stop(Finding::error(codes::NO_WAREHOUSE, fault.detail.clone()).help(help), 3);
}

pub(super) fn examine(report: &mut Report, warehouse: &dyn Warehouse, asked: &Asked<'_>, clock: fn() -> Timestamp) {
    let mut session = match warehouse.session() {
        Ok(session) => session,
        Err(fault) => return unreached(report, asked, &fault),
    };
    if asked.connection.is_none() {
        clocks(report, session.as_mut(), clock);
    }
    let above = about(report, warehouse, asked);
    let all: Vec<(&ReadRelation, bool)> =
        asked.read.iter().map(|one| (one, true)).chain(asked.named.iter().map(|one| (one, false))).collect();
    let names: Vec<Option<RelationName>> = all.iter().map(|(one, _)| RelationName::read(&one.rendered, asked.adapter)).collect();
    let known: Vec<RelationName> = names.iter().flatten().cloned().collect();
    let mut answers = match warehouse.privileges(&known) {
        Ok(standing) => standing.into_iter(),
        Err(fault) => {
            let finding = Finding::warning(codes::NO_WAREHOUSE, format!("what the role may read cannot be asked: {}", fault.detail));
            report.warn(finding.help("a check still says of each relation whether it could be read"));
            vec![Standing::default(); known.len()].into_iter()
        }
    };
    let standing: Vec<(&ReadRelation, bool, Standing)> = all
        .iter()
        .zip(&names)
        .map(|((one, read), name)| {
            let said = match name {
                Some(_) => answers.next().unwrap_or_default(),
                None => tried(session.as_mut(), one),
            };
            (*one, *read, said)
        })
        .collect();
    relations(report, &standing, warehouse.dialect(), asked, above);
}

/// What is no name (a file, a function) is looked at by reading nothing of it.
fn tried(session: &mut dyn Session, relation: &ReadRelation) -> Standing {
    match session.query(&format!("select 1 from {} where 1 = 0", relation.rendered), LIMIT) {
        Ok(_) => Standing { exists: Some(true), ..Standing::default() },
        Err(fault) => Standing { exists: Some(false), detail: Some(fault.detail), ..Standing::default() },
    }
}

fn clocks(report: &mut Report, session: &mut dyn Session, clock: fn() -> Timestamp) {
    match session.now() {
        Ok(theirs) => {
            let ahead = theirs.as_second().saturating_sub(clock().as_second());
            report.fact("clock", format!("the warehouse's differs by {ahead} s from the local one"));
            if ahead.abs() > CLOCKS_AGREE {
                let message = format!("the clocks differ by {ahead} s, more than {CLOCKS_AGREE}, so everything is held");
                report.stop(Finding::error(codes::CLOCKS_DIFFER, message).help("set this machine's clock (NTP), or the server's"), 3);
            }
        }
        Err(fault) => {
            let message = format!("the warehouse's clock cannot be read, so everything is held: {}", fault.detail);
            report
                .stop(Finding::error(codes::CLOCKS_DIFFER, message).help("try again; if it stays, report it with the engine's version"), 3);
        }
    }
}

/// Facts of the server; whether the role is above grants.
fn about(report: &mut Report, warehouse: &dyn Warehouse, asked: &Asked<'_>) -> bool {
    let threads = asked.threads;
    let about = match warehouse.about() {
        Ok(about) => about,
        Err(fault) => {
            let finding = Finding::warning(codes::NO_WAREHOUSE, format!("the warehouse says nothing of itself: {}", fault.detail));
            report.warn(finding.help("a check does not need it"));
            return false;
        }
    };
    report.fact(asked.fact("engine"), about.engine.unwrap_or_else(|| format!("{}, version unknown", warehouse.dialect())));
    for (name, value) in [("database", &about.database), ("user", &about.user), ("role", &about.role), ("read-only", &about.boundary)] {
        if let Some(value) = value {
            report.fact(asked.fact(name), value.clone());
        }
    }
    let wanted = u64::try_from(threads).unwrap_or(u64::MAX);
    if let Some(most) = about.most_connections {
        let free = about.free_connections.map_or_else(String::new, |free| format!(", {free} of them free now"));
        report.fact(asked.fact("connections"), format!("at most {most}{free}"));
        if wanted > most {
            let message = format!("{threads} threads need as many connections, and the server gives this role at most {most}");
            let help = format!("write `threads: {}` in presscheck.yml, or use --threads", most.max(1));
            report.stop(Finding::error(codes::TOO_FEW_CONNECTIONS, message).help(help), 3);
        } else if let Some(free) = about.free_connections.filter(|free| wanted > *free) {
            let message = format!("{threads} threads need as many connections, and only {free} are free now");
            report.warn(Finding::warning(codes::TOO_FEW_CONNECTIONS, message).help("use fewer threads, or run when less is going on"));
        }
    }
    if let Some(why) = &about.above_grants {
        let role = about.role.as_deref().unwrap_or("of the profile");
        let finding = Finding::warning(codes::MAY_WRITE, format!("no grant limits the role {role}: {why}"));
        report.warn(finding.help(grants_help(warehouse.dialect())));
        return true;
    }
    false
}

fn grants_help(dialect: &str) -> String {
    format!("give presscheck a role of its own that can only read: `presscheck grants --for {dialect} --role NAME` prints the grants")
}

fn relations(report: &mut Report, all: &[(&ReadRelation, bool, Standing)], dialect: &str, asked: &Asked<'_>, above: bool) {
    let said = all.iter().filter(|(_, _, standing)| standing.exists.is_some()).count();
    if said < all.len() {
        report.fact(asked.fact("relations"), format!("{said} of {} looked for; of the others this adapter cannot say", all.len()));
    } else {
        let there = all.iter().filter(|(_, _, standing)| standing.exists == Some(true)).count();
        report.fact(asked.fact("relations"), format!("{there} of {} are there", all.len()));
    }
    for (relation, read, standing) in all.iter().filter(|(_, _, standing)| standing.exists == Some(false)) {
        let why = standing.detail.as_ref().map_or_else(String::new, |detail| format!(": {detail}"));
        let name = if relation.name == relation.rendered { String::new() } else { format!(" ({})", relation.rendered) };
        let mut finding = Finding::error(codes::NO_RELATION, format!("{}{name} is not in the warehouse{why}", relation.name));
        finding = finding.help("run `dbt build` into this target, load the source, or choose another target with --target");
        if *read { report.stop(finding, 3) } else { report.warn(Finding { level: crate::diagnostic::Level::Warning, ..finding }) }
    }
    let there = || all.iter().filter(|(_, _, standing)| standing.exists == Some(true));
    let blind: Vec<&str> = there().filter(|(_, _, s)| s.usage == Some(false)).map(|(relation, ..)| relation.rendered.as_str()).collect();
    if !blind.is_empty() {
        let message = format!("the role has no USAGE on the schema of {}", listed(&blind));
        report.stop(Finding::error(codes::NO_PRIVILEGE, message).help(grants_help(dialect)), 3);
    }
    let unread: Vec<&str> = there().filter(|(_, _, s)| s.select == Some(false)).map(|(relation, ..)| relation.rendered.as_str()).collect();
    if !unread.is_empty() {
        let message = format!("the role has no SELECT on {}", listed(&unread));
        report.stop(Finding::error(codes::NO_PRIVILEGE, message).help(grants_help(dialect)), 3);
    }
    let written: Vec<&str> = there().filter(|(_, _, s)| s.write == Some(true)).map(|(relation, ..)| relation.rendered.as_str()).collect();
    let sayable = there().filter(|(_, _, s)| s.write.is_some()).count();
    if sayable > 0 {
        report.fact(asked.fact("may write"), format!("{} of {sayable} relations", written.len()));
    }
    if !written.is_empty() && !above {
        let message = format!("the role could write {}", listed(&written));
        report.warn(Finding::warning(codes::MAY_WRITE, message).help(grants_help(dialect)));
    }
}

fn listed(names: &[&str]) -> String {
    let first = names.iter().take(LISTED).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
