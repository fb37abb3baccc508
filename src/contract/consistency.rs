//! What contradicts itself in a contract, without looking at any project. One rule is one function and one row in the list.

mod checks;
mod exceptions;
mod metrics;
mod promise;
mod sources;

use std::collections::{BTreeMap, BTreeSet};

use super::{Contract, names};
use crate::diagnostic::{At, Finding, codes, nearest};

/// What a rule looks at, and where it reports.
pub(super) struct Look<'c> {
    /// The contract, without what was wrong in its structure.
    pub contract: &'c Contract,
    /// What was cut off: see [`crate::yaml::Read::cut`].
    cut: &'c BTreeMap<String, BTreeSet<String>>,
    /// What was found.
    pub found: Vec<Finding>,
}

/// Every rule, in the order of the file's sections.
const RULES: &[fn(&mut Look<'_>)] = &[
    promise::language_version,
    promise::contract_name,
    promise::schedule,
    promise::routes,
    promise::recovery,
    promise::plain_text,
    sources::each_once,
    sources::groups,
    sources::coverage,
    sources::freshness,
    metrics::names,
    metrics::origin,
    metrics::held_values,
    checks::names,
    checks::severities,
    checks::reach,
    checks::templates,
    checks::own_problems,
    exceptions::caveats,
    exceptions::waivers,
    exceptions::publish,
];

/// Everything that the rules find.
pub(super) fn problems(contract: &Contract, cut: &BTreeMap<String, BTreeSet<String>>) -> Vec<Finding> {
    let mut look = Look { contract, cut, found: Vec::new() };
    RULES.iter().for_each(|rule| rule(&mut look));
    look.found
}

impl Look<'_> {
    fn report(&mut self, finding: Finding) {
        self.found.push(finding);
    }
    /// Whether something was cut off at or under a route.
    fn was_cut(&self, route: &str) -> bool {
        self.cut.keys().any(|key| key.strip_prefix(route).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '['])))
    }
    /// Reports a name that is not one of `known`, unless it stands in a part that was cut off.
    fn must_be_one_of(&mut self, name: &At<String>, known: &[String], code: &'static str, what: &str) {
        if known.contains(&name.value) || self.cut.values().any(|texts| texts.contains(&name.value)) {
            return;
        }
        let near = nearest(name, known.iter().map(String::as_str));
        let help = near.map_or_else(
            || if known.is_empty() { format!("the contract has no {what}") } else { format!("the contract has {}", known.join(", ")) },
            |near| format!("did you mean `{near}`?"),
        );
        // No edit is offered: the slip may be where the name is given.
        self.report(Finding::error(code, format!("the contract has no {what} `{name}`")).at(name.span).help(help));
    }
    fn must_be_identifier(&mut self, name: &At<String>, what: &str) {
        if name.span.line > 0 && !names::is_identifier(name) {
            let finding = Finding::error(codes::BAD_IDENTIFIER, format!("`{name}` cannot be the name of a {what}")).at(name.span);
            self.report(finding.help(format!("use letters, digits and `_`: `{}`", names::as_identifier(name))));
        }
    }
    fn must_say_something(&mut self, text: &At<String>, key: &str) {
        if text.trim().is_empty() && text.span.line > 0 {
            self.report(Finding::error(codes::DEAD_EXCEPTION, format!("`{key}` says nothing")).at(text.span).help("write one sentence"));
        }
    }
    fn metric_names(&self) -> Vec<String> {
        self.contract.metrics.keys().map(|key| key.value.clone()).collect()
    }
    fn check_names(&self) -> Vec<String> {
        self.contract.checks.iter().map(|check| names::check_name(check)).collect()
    }
}
