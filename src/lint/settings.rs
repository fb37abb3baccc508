//! Names that a contract may use because `presscheck.yml` defines them.

use crate::check::Spec;
use crate::contract::{Contract, Hook};
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

/// What `presscheck.yml` says of telling.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routes<'a> {
    /// Each route: by what means (`slack`, `webhook`, `command`), and its name.
    pub named: Vec<(&'static str, &'a str)>,
    /// Whether there is a server for e-mail.
    pub mail: bool,
}

/// Routes of escalation and hooks of publishing that `presscheck.yml` does not define. Nothing where it defines none at all: then nobody is told by
/// presscheck, and a contract may say so before anybody sets it up.
pub fn routes(contract: &Contract, known: &Routes<'_>) -> Vec<Finding> {
    if known.named.is_empty() && !known.mail {
        return Vec::new();
    }
    let steps = contract.escalation.iter().flat_map(|step| &step.to);
    let told = steps.filter_map(|to| to.split_once(':').map(|(way, name)| (to, way.to_owned(), name.to_owned())));
    let hooks = contract.publish.iter().flat_map(|publish| publish.on_publish.iter().chain(&publish.on_hold)).map(|hook| match hook {
        Hook::Webhook(name) => (name, "webhook".to_owned(), name.value.clone()),
        Hook::Command(name) => (name, "command".to_owned(), name.value.clone()),
    });
    told.chain(hooks)
        .filter_map(|(written, way, name)| undefined(known, written, &way, &name))
        .map(|finding| finding.in_file(&contract.origin.file))
        .collect()
}

/// What is wrong with one route, which stands in the contract as `written`.
fn undefined(known: &Routes<'_>, written: &At<String>, way: &str, name: &str) -> Option<Finding> {
    let finding = |message: String| Finding::error(codes::UNKNOWN_ROUTE, message).at(written.span);
    if way == "email" {
        let help = "add `mail:` with its host and sender, or tell them by another route";
        return (!known.mail).then(|| finding(format!("presscheck.yml names no `mail:` server for `{}`", written.value)).help(help));
    }
    if !["slack", "webhook", "command"].contains(&way) || known.named.contains(&(way, name)) {
        return None; // another way was reported when the contract was read
    }
    if let Some((other, _)) = known.named.iter().find(|(_, known)| *known == name) {
        return Some(finding(format!("the route `{name}` of presscheck.yml is no {way}")).help(format!("it is a {other} there")));
    }
    let names = || known.named.iter().filter(|(known, _)| *known == way).map(|(_, name)| *name);
    let help = nearest(name, names())
        .map_or_else(|| format!("add it under `routes:` in presscheck.yml, with `{way}:`"), |near| format!("did you mean `{near}`?"));
    let whole: Vec<String> = names().map(|known| written.value.replace(name, known)).collect();
    Some(finding(format!("presscheck.yml has no {way} `{name}`")).help(help).rename(written, whole.iter().map(String::as_str)))
}
