//! dbt's command line for a build of exactly these nodes, in the words that Core 1.5 and later and dbt 2 share. Not for running it: see `child`.

use std::path::Path;

use crate::dbt::Node;

/// What a build is told besides its nodes.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct Told {
    pub profiles_dir: Option<String>,
    pub profile: Option<String>,
    pub target: Option<String>,
    pub vars: Option<String>,
    /// Whether dbt's tests run, too: the contract reads their results.
    pub tests: bool,
    /// First and last instant of the interval, where a node is built in batches of time.
    pub event_time: Option<(String, String)>,
}

/// How dbt selects this node and no other.
pub fn selector(node: &Node) -> String {
    if node.fqn.is_empty() { node.name.clone() } else { format!("fqn:{}", node.fqn.join(".")) }
}

/// The arguments that follow the program. `own` is a target folder of its own, so that nobody else's results are taken for those of this build.
pub fn arguments(nodes: &[&Node], project: &Path, own: &Path, told: &Told) -> Vec<String> {
    let mut arguments: Vec<String> = vec!["build".into()];
    let mut option = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            arguments.extend([format!("--{name}"), value]);
        }
    };
    option("project-dir", Some(project.display().to_string()));
    option("target-path", Some(own.display().to_string()));
    option("profiles-dir", told.profiles_dir.clone());
    option("profile", told.profile.clone());
    option("target", told.target.clone());
    option("vars", told.vars.clone());
    if let Some((start, end)) = &told.event_time {
        option("event-time-start", Some(start.clone()));
        option("event-time-end", Some(end.clone()));
    }
    let kinds: &[&str] = if told.tests { &["model", "seed", "snapshot", "test"] } else { &["model", "seed", "snapshot"] };
    kinds.iter().for_each(|kind| option("resource-type", Some((*kind).to_owned())));
    arguments.push("--select".into());
    arguments.extend(nodes.iter().map(|node| selector(node)));
    arguments
}
