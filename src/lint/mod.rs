//! Contract against project, without data: one rule is one function and one row in the list.
//!
//! Says which names do not exist in the dbt project, which SQL cannot be what it must be, and what is legal but unwise. Not for what contradicts
//! itself inside a contract: that is [`crate::contract::parse`].

mod advice;
mod metrics;
mod relations;
mod settings;
mod sql;

use crate::contract::Contract;
use crate::dbt::Project;
use crate::dbt::graph::Missing;
use crate::diagnostic::{At, Finding, Span, codes, nearest};
use crate::lineage::Lineage;

pub use settings::connections;

/// A rule: what it is called, what it says, and what looks for it.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Short name.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    look: fn(&mut Look<'_>),
}

/// Every rule, in the order of a contract's sections.
pub const RULES: &[Rule] = &[
    Rule { name: "exposure", about: "The exposure exists and is enabled.", look: metrics::exposure },
    Rule { name: "sources", about: "Every source exists, is a source, and has the columns that are named.", look: relations::sources },
    Rule { name: "metrics", about: "Every metric's model, column or semantic-layer metric exists.", look: metrics::origins },
    Rule {
        name: "check-relations",
        about: "Every relation of a check exists, is enabled and is in the warehouse.",
        look: relations::of_checks,
    },
    Rule { name: "check-columns", about: "Every column of a check exists.", look: relations::columns_of_checks },
    Rule { name: "sql", about: "Every piece of SQL is one expression or one read-only query, over columns that exist.", look: sql::parses },
    Rule { name: "waivers", about: "A waiver of a dbt test or of a source's freshness names one that exists.", look: metrics::waivers },
    Rule { name: "owners", about: "Somebody answers for every metric.", look: advice::owners },
    Rule { name: "narrowed", about: "Nothing takes metrics away from a check in silence.", look: advice::narrowed },
    Rule { name: "freshness", about: "Something says when each source is late.", look: advice::freshness },
];

/// Names that do not exist, expressions that do not parse, and what is legal but unwise: all of it, in the order of the file.
pub fn references(contract: &Contract, project: &Project, lineage: &Lineage) -> Vec<Finding> {
    let mut look = Look { contract, project, lineage, found: Vec::new() };
    RULES.iter().for_each(|rule| (rule.look)(&mut look));
    let mut found = look.found;
    if contract.origin.file.as_os_str().is_empty() {
        return found;
    }
    found = found.into_iter().map(|finding| finding.in_file(&contract.origin.file)).collect();
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
                finding.help(help)
            }
            Err(Missing::Disabled(id)) => disabled(name, &id),
            Err(Missing::Ambiguous(ids)) => {
                let finding = Finding::error(codes::UNKNOWN_RELATION, format!("`{name}` can be {}", ids.join(" or ")));
                finding.help("write package.name")
            }
        };
        self.found.push(finding.at(name.span));
        None
    }

    /// Reports a column that the relation does not have.
    fn column(&mut self, relation: &str, column: &str, span: Span) {
        let Some(columns) = self.lineage.columns.get(relation) else { return };
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
        self.found.push(finding.at(span).help(help));
    }
}

/// Says that a dbt node is there, but disabled.
fn disabled(name: &At<String>, id: &str) -> Finding {
    Finding::error(codes::DISABLED, format!("`{name}` is disabled in dbt ({id})")).help("enable it, or take it out of the contract")
}
