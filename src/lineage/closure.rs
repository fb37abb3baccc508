//! For every node at once: which of some nodes are upstream of it. A walk from each node would pass the same way again and again.
//!
//! Nodes that influence each other (a model that reads itself, a source over a seed) have one answer together. Not for paths (see `graph`).

use super::graph::{Graph, NodeIndex};

/// For each node of a graph, the set of its upstream nodes among the chosen ones.
pub(super) struct Closure {
    /// For each node its group of nodes that influence each other.
    group: Vec<u32>,
    /// For each group its set, as bits.
    sets: Vec<Box<[u64]>>,
    chosen: Vec<NodeIndex>,
}

impl Closure {
    /// Walks the whole graph once. A node is upstream of itself.
    pub(super) fn new(graph: &Graph, chosen: Vec<NodeIndex>) -> Self {
        let mut bit: Vec<Option<usize>> = vec![None; graph.len()];
        for (at, &node) in chosen.iter().enumerate() {
            bit[node as usize] = Some(at);
        }
        let mut closure = Closure { group: vec![u32::MAX; graph.len()], sets: Vec::new(), chosen };
        let words = closure.chosen.len().div_ceil(64);
        for members in groups(graph) {
            let number = u32::try_from(closure.sets.len()).unwrap_or(u32::MAX);
            members.iter().for_each(|&member| closure.group[member as usize] = number);
            let mut set = vec![0_u64; words].into_boxed_slice();
            for &member in &members {
                if let Some(at) = bit[member as usize] {
                    set[at / 64] |= 1 << (at % 64);
                }
                for (from, _) in graph.influences(member) {
                    let other = closure.group[*from as usize];
                    if other != number
                        && let Some(upstream) = closure.sets.get(other as usize)
                    {
                        set.iter_mut().zip(upstream.iter()).for_each(|(mine, theirs)| *mine |= theirs);
                    }
                }
            }
            closure.sets.push(set);
        }
        closure
    }

    /// The chosen nodes that are upstream of any of these.
    pub(super) fn of(&self, nodes: &[NodeIndex]) -> impl Iterator<Item = NodeIndex> + '_ {
        let mut all = vec![0_u64; self.chosen.len().div_ceil(64)];
        for &node in nodes {
            let set = &self.sets[self.group[node as usize] as usize];
            all.iter_mut().zip(set.iter()).for_each(|(all, word)| *all |= word);
        }
        self.chosen.iter().enumerate().filter(move |(at, _)| all[at / 64] >> (at % 64) & 1 == 1).map(|(_, &node)| node)
    }
}

/// The strongly connected components, upstream before downstream (Tarjan 1972), without recursion.
fn groups(graph: &Graph) -> Vec<Vec<NodeIndex>> {
    const NEW: u32 = u32::MAX;
    let (mut order, mut low) = (vec![NEW; graph.len()], vec![0_u32; graph.len()]);
    let (mut stacked, mut stack, mut groups, mut next) = (vec![false; graph.len()], Vec::new(), Vec::new(), 0_u32);
    for root in (0..graph.len()).filter_map(|at| NodeIndex::try_from(at).ok()) {
        if order[root as usize] != NEW {
            continue;
        }
        // A node and how many of its influences were looked at.
        let mut walk: Vec<(NodeIndex, usize)> = vec![(root, 0)];
        while let Some((node, seen)) = walk.last_mut() {
            let at = *node as usize;
            if *seen == 0 && order[at] == NEW {
                (order[at], low[at], stacked[at]) = (next, next, true);
                next += 1;
                stack.push(*node);
            }
            if let Some(&(from, _)) = graph.influences(*node).get(*seen) {
                *seen += 1;
                if order[from as usize] == NEW {
                    walk.push((from, 0));
                } else if stacked[from as usize] {
                    low[at] = low[at].min(order[from as usize]);
                }
                continue;
            }
            let node = *node;
            walk.pop();
            if let Some((parent, _)) = walk.last() {
                low[*parent as usize] = low[*parent as usize].min(low[at]);
            }
            if low[at] == order[at] {
                let mut members = Vec::new();
                while let Some(member) = stack.pop() {
                    stacked[member as usize] = false;
                    members.push(member);
                    if member == node {
                        break;
                    }
                }
                groups.push(members);
            }
        }
    }
    groups
}
