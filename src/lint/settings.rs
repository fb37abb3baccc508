//! Names that a contract may use because `presscheck.yml` defines them.

use crate::check::Spec;
use crate::contract::Contract;
use crate::diagnostic::{At, Finding, codes, nearest};

/// Connections that the contract names and `presscheck.yml` does not define (`known`).
pub fn connections(contract: &Contract, known: &[&str]) -> Vec<Finding> {
    let mut used: Vec<At<String>> = Vec::new();
    for check in &contract.checks {
        used.extend(check.kind().common().connection);
        match &check.value {
            Spec::reconcile(spec) => used.extend(spec.left.connection.iter().chain(&spec.right.connection).cloned()),
            Spec::reconcile_rows(spec) => used.extend(spec.left.connection.iter().chain(&spec.right.connection).cloned()),
            _ => {}
        }
    }
    let unknown = used.into_iter().filter(|name| !known.contains(&name.as_str()));
    unknown
        .map(|name| {
            let help = nearest(&name, known.iter().copied())
                .map_or_else(|| "add it under `connections:` in presscheck.yml".to_owned(), |near| format!("did you mean `{near}`?"));
            let finding = Finding::error(codes::UNKNOWN_CONNECTION, format!("presscheck.yml has no connection `{name}`"));
            finding.at(name.span).help(help).in_file(&contract.origin.file).rename(&name, known.iter().copied())
        })
        .collect()
}
