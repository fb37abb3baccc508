//! Contract against project, without data: one rule is one function and one row in the list.
//!
//! Says which names do not exist in the dbt project, which SQL cannot be what it must be, and what is legal but unwise. Not for what contradicts
//! itself inside a contract: that is [`crate::contract::parse`]. What each code means is told by [`crate::diagnostic::guide`].

mod advice;
mod baseline;
mod bounds;
pub mod fix;
mod ignore;
mod metrics;
mod moments;
mod reach;
mod relations;
mod secrets;
mod settings;
mod sql;
mod tables;
mod twice;

use jiff::Timestamp;

use crate::calendar::{self, Weekday};
use crate::contract::Contract;
use crate::dbt::Project;
use crate::dbt::files;
use crate::dbt::graph::Missing;
use crate::diagnostic::{At, Finding, Level, Span, codes, nearest};
use crate::lineage::{Lineage, NodeIndex};
use crate::macros::Macros;
use crate::plan::{self, MetricId, Plan};

pub use advice::exposures;
pub use baseline::Baseline;
pub use ignore::Ignores;
pub use relations::is_foreign;
pub use settings::{Routes, connections, routes};

/// A rule: what it is called, what it says, and what looks for it.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Short name.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    look: Looks,
}

/// What a rule has to see.
#[derive(Clone, Copy)]
enum Looks {
    /// Contract and project: what it finds is said by every command.
    Names(fn(&mut Look<'_>)),
    /// Contract, project and the moment: advice, of `lint` alone.
    Advises(fn(&mut Look<'_>, Timestamp)),
    /// Beside these the days of the contract's calendar: advice, of `lint` alone.
    Dates(fn(&mut Look<'_>, &Surroundings<'_>)),
    /// Beside these the plan, so that the contract must be right: advice, of `lint` alone.
    Plans(fn(&mut Look<'_>, &Planned<'_>)),
}
use Looks::{Advises, Dates, Names, Plans};

/// A contract as it would be asked.
struct Planned<'a> {
    plan: &'a Plan,
    /// What each metric is made of, or why it is not resolved.
    targets: &'a [(MetricId, Result<Vec<NodeIndex>, String>)],
}

/// What advice depends on besides the contract.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The dbt project.
    pub project: &'a Project,
    /// Its lineage.
    pub lineage: &'a Lineage,
    /// The templates of the project's dialect.
    pub macros: &'a Macros,
    /// The moment: waivers expire.
    pub now: Timestamp,
    /// The days of the contract's calendar, where it names one that can be read.
    pub closed: Option<&'a calendar::Closed>,
}

/// Every rule, in the order of a contract's sections.
pub const RULES: &[Rule] = &[
    Rule { name: "exposure", about: "The exposure exists and is enabled.", look: Names(metrics::exposure) },
    Rule {
        name: "sources",
        about: "Every source exists, is a source, and has the columns that are named.",
        look: Names(relations::sources),
    },
    Rule { name: "metrics", about: "Every metric's model, column or semantic-layer metric exists.", look: Names(metrics::origins) },
    Rule {
        name: "check-relations",
        about: "Every relation of a check exists, is enabled and is in the warehouse.",
        look: Names(relations::of_checks),
    },
    Rule { name: "check-columns", about: "Every column of a check exists.", look: Names(relations::columns_of_checks) },
    Rule {
        name: "sql",
        about: "Every piece of SQL is one expression or one read-only query, over columns that exist.",
        look: Names(sql::parses),
    },
    Rule {
        name: "waivers",
        about: "A waiver of a dbt test or of a source's freshness names one that exists.",
        look: Names(metrics::waivers),
    },
    Rule { name: "owners", about: "Somebody answers for every metric.", look: Names(advice::owners) },
    Rule { name: "freshness", about: "Something says when each source is late.", look: Names(advice::freshness) },
    Rule { name: "report", about: "The contract names the exposure that it guards.", look: Advises(advice::no_exposure) },
    Rule { name: "secrets", about: "Nothing in the file looks like a secret.", look: Advises(secrets::written) },
    Rule { name: "thresholds", about: "Every threshold can be crossed, and can be kept.", look: Advises(bounds::thresholds) },
    Rule { name: "tables", about: "SQL names models, not tables.", look: Advises(tables::hard_coded) },
    Rule { name: "waivers-live", about: "No waiver is expired, and each has an owner.", look: Advises(moments::waivers) },
    Rule { name: "deadline-clock", about: "The deadline is at a time that every day has once.", look: Advises(moments::clock) },
    Rule {
        name: "deadline-day",
        about: "The deadline is on days that there are, and on which something is due.",
        look: Dates(moments::days),
    },
    Rule { name: "deadline-time", about: "The deadline leaves time to refresh.", look: Plans(moments::early) },
    Rule {
        name: "checked",
        about: "Every metric has a check that is sure to look at it, and one that can hold it.",
        look: Plans(reach::metrics),
    },
    Rule { name: "known", about: "Every metric's lineage is read from SQL.", look: Plans(reach::lineage) },
    Rule { name: "sources-used", about: "The sources of the contract are those that its metrics stand on.", look: Plans(reach::sources) },
    Rule { name: "checks-used", about: "Every check reaches a metric.", look: Plans(reach::idle) },
    Rule { name: "narrowed", about: "Nothing takes metrics away from a check in silence.", look: Plans(reach::narrowed) },
    Rule { name: "asked-once", about: "No check asks what a dbt test asks.", look: Plans(twice::duplicated) },
];

/// Names that do not exist, expressions that do not parse, owners and freshness that nobody gave: in the order of the file.
pub fn references(contract: &Contract, project: &Project, lineage: &Lineage) -> Vec<Finding> {
    let mut look = Look { contract, project, lineage, found: Vec::new() };
    for rule in RULES {
        match rule.look {
            Names(names) => names(&mut look),
            Advises(_) | Dates(_) | Plans(_) => {}
        }
    }
    placed(contract, look.found)
}

/// What is legal but unwise, in the order of the file. Rules that need the plan are silent where the contract cannot be planned; what keeps it
/// from being planned is said, unless `said` has it.
pub fn advice(contract: &Contract, around: &Surroundings<'_>, said: &[Finding]) -> Vec<Finding> {
    let mut look = Look { contract, project: around.project, lineage: around.lineage, found: Vec::new() };
    for rule in RULES {
        match rule.look {
            Advises(advises) => advises(&mut look, around.now),
            Dates(dates) => dates(&mut look, around),
            Names(_) | Plans(_) => {}
        }
    }
    if said.iter().all(|finding| finding.level < Level::Error) {
        let options = plan::Options {
            interval: interval(contract, around.now),
            selection: None,
            macros: around.macros,
            given: plan::Given { closed: around.closed.cloned(), ..plan::Given::default() },
        };
        match plan::build(contract, around.project, around.lineage, &options) {
            Ok(plan) => {
                let targets = plan::targets(contract, around.project, around.lineage, &options);
                let planned = Planned { plan: &plan, targets: &targets };
                for rule in RULES {
                    match rule.look {
                        Plans(plans) => plans(&mut look, &planned),
                        Names(_) | Advises(_) | Dates(_) => {}
                    }
                }
            }
            Err(findings) => look.found.extend(findings),
        }
    }
    placed(contract, look.found)
}

/// [`references`] where there is no manifest: of the rules only those that need names. `names` come from the project's files; where these leave a
/// doubt, a name that was not found is a warning.
pub fn names(contract: &Contract, names: &files::Names) -> Vec<Finding> {
    let mut lineage = Lineage::default();
    let documented = names.project.nodes.iter().map(|(id, node)| {
        let names = node.columns.iter().map(|column| column.name.clone()).collect();
        (id.clone(), crate::lineage::Columns { names, complete: false })
    });
    lineage.columns.extend(documented);
    let mut look = Look { contract, project: &names.project, lineage: &lineage, found: Vec::new() };
    for rule in [metrics::exposure, relations::sources, metrics::origins, relations::of_checks, relations::columns_of_checks] {
        rule(&mut look);
    }
    let unknown = [codes::UNKNOWN_RELATION, codes::UNKNOWN_EXPOSURE, codes::UNKNOWN_SEMANTIC_METRIC];
    look.found.retain(|finding| match finding.code {
        // One of several of a name may be disabled, which is not known here.
        codes::UNKNOWN_RELATION => finding.help.as_deref() != Some(SAY_WHICH),
        // Few document every column, so that only what looks like a slip is worth a word.
        codes::DOUBTFUL_COLUMN => finding.help.as_deref().is_some_and(|help| help.starts_with("did you mean")),
        _ => true,
    });
    for finding in look.found.iter_mut().filter(|finding| unknown.contains(&finding.code) && !names.doubts.is_empty()) {
        *finding = Finding { level: Level::Warning, fix: None, ..finding.clone() };
        finding.message += " in the files that could be read";
    }
    placed(contract, look.found)
}

/// The newest interval of the contract's schedule that has ended; `None` without a schedule, or where none can be computed.
fn interval(contract: &Contract, now: Timestamp) -> Option<calendar::Interval> {
    let schedule = contract.schedule.as_ref()?;
    let zone = moments::zone(contract)?;
    let starts = schedule.starts.as_ref().map_or(Weekday::Monday, |starts| starts.value);
    calendar::latest_interval(schedule.interval.value, starts, &zone, now).ok()
}

/// Names the file and puts the findings into its order.
fn placed(contract: &Contract, found: Vec<Finding>) -> Vec<Finding> {
    if contract.origin.file.as_os_str().is_empty() {
        return found;
    }
    let mut found: Vec<Finding> = found.into_iter().map(|finding| finding.in_file(&contract.origin.file)).collect();
    crate::yaml::sort(&mut found);
    found.dedup();
    found
}

/// What a rule looks at, and where it reports.
struct Look<'c> {
    contract: &'c Contract,
    project: &'c Project,
    lineage: &'c Lineage,
    found: Vec<Finding>,
}

impl<'c> Look<'c> {
    /// The unique id of the relation that a name means; reports why there is none.
    fn relation(&mut self, name: &At<String>) -> Option<&'c str> {
        if name.trim().is_empty() {
            return None; // reported as missing when the contract was read
        }
        let finding = match self.project.resolve(name) {
            Ok(node) => return Some(&node.unique_id),
            Err(Missing::Unknown(near)) => {
                let finding = Finding::error(codes::UNKNOWN_RELATION, format!("there is no model or source `{name}`"));
                let help = match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "write a model, or source.table; run `dbt parse` if it is new".to_owned(),
                };
                let names = self.project.names();
                finding.help(help).rename(name, names.iter().map(String::as_str))
            }
            Err(Missing::Disabled(id)) => disabled(name, &id),
            Err(Missing::Ambiguous(ids)) => {
                let finding = Finding::error(codes::UNKNOWN_RELATION, format!("`{name}` can be {}", ids.join(" or ")));
                finding.help(SAY_WHICH)
            }
        };
        self.found.push(finding.at(name.span));
        None
    }

    /// Reports a column that the relation does not have.
    fn column(&mut self, relation: &str, column: &str, span: Span) {
        let Some(columns) = self.lineage.columns_of(relation) else { return };
        if columns.names.iter().any(|name| name.eq_ignore_ascii_case(column)) || (columns.names.is_empty() && !columns.complete) {
            return;
        }
        let name = self.project.nodes.get(relation).map_or_else(|| relation.to_owned(), crate::dbt::Node::spoken_name);
        let near = nearest(column, columns.names.iter().map(String::as_str));
        let help = near.map_or_else(|| format!("its columns are {}", columns.names.join(", ")), |near| format!("did you mean `{near}`?"));
        let finding = if columns.complete {
            Finding::error(codes::UNKNOWN_COLUMN, format!("`{name}` has no column `{column}`"))
        } else {
            Finding::warning(
                codes::DOUBTFUL_COLUMN,
                format!("no column `{column}` of `{name}` is known, but its list of columns is not complete"),
            )
        };
        // Where the list is not complete, the column may be one that is not listed.
        let finding = if columns.complete { finding.rename(column, columns.names.iter().map(String::as_str)) } else { finding };
        self.found.push(finding.at(span).help(help));
    }
}

/// What to do about a name that several nodes have.
const SAY_WHICH: &str = "write package.name";

/// Says that a dbt node is there, but disabled.
fn disabled(name: &At<String>, id: &str) -> Finding {
    Finding::error(codes::DISABLED, format!("`{name}` is disabled in dbt ({id})")).help("enable it, or take it out of the contract")
}
