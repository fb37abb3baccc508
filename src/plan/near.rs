//! Which dbt tests can have anything to do with a metric, told from names alone: of ten thousand tests of a project a report has a hundred.
//!
//! Says yes too often, and never no where [`super::reach`] would say yes: a test vouches for nodes of the relations that it depends on and of those that
//! its query names, and the last part of a relation's name is in every text that names it.

use std::collections::{BTreeSet, HashSet};

use crate::dbt::{Node, Test};

use super::ground::Ground;
use super::metrics::Traced;

/// The relations upstream of some metrics, and what texts that name one of them have in them.
pub(super) struct Near {
    relations: BTreeSet<String>,
    words: HashSet<String>,
    /// Names that are more than a word.
    odd: Vec<String>,
    /// Whether any text may name any relation.
    everything: bool,
}

impl Near {
    pub(super) fn of(ground: &Ground<'_>, metrics: &[Traced]) -> Self {
        let relations: BTreeSet<String> = metrics.iter().flat_map(|traced| traced.upwards.relations(ground)).collect();
        // What a macro of the project reads is not in the text that calls it.
        let mut near = Near { words: HashSet::new(), odd: Vec::new(), everything: !ground.project.on_run_start.is_empty(), relations };
        for node in near.relations.iter().filter_map(|id| ground.project.nodes.get(id)).collect::<Vec<_>>() {
            near.name(node);
        }
        near
    }

    fn name(&mut self, node: &Node) {
        let rendered = node.relation_name.as_deref().unwrap_or_default();
        for name in [node.identifier.as_str(), node.name.as_str(), rendered] {
            let last = name.trim_end_matches(['"', '`', '\'', ']']);
            let last = last.rsplit(['.', '[', '"', '`', '\'']).next().unwrap_or(last).to_lowercase();
            if last.is_empty() {
                self.everything |= !name.is_empty();
            } else if last.chars().all(is_of_word) {
                self.words.insert(last);
            } else {
                self.odd.push(last);
            }
        }
    }

    /// Whether a test may reach one of the metrics.
    pub(super) fn may_reach(&self, test: &Test) -> bool {
        let depends = test.attached_node.iter().chain(&test.depends_on).any(|id| self.relations.contains(id));
        depends || test.compiled_code.as_deref().is_some_and(|sql| self.everything || self.is_named_in(sql))
    }

    fn is_named_in(&self, sql: &str) -> bool {
        let lower = sql.to_lowercase();
        // dbt puts an ephemeral model into the text as a CTE of this name.
        let mut words = lower.split(|letter| !is_of_word(letter)).map(|word| word.strip_prefix("__dbt__cte__").unwrap_or(word));
        words.any(|word| self.words.contains(word)) || self.odd.iter().any(|name| lower.contains(name.as_str()))
    }
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}
