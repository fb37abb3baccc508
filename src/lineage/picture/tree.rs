//! A tree for the terminal: each node is unfolded once, where it is nearest to what was asked.

use std::collections::VecDeque;
use std::fmt::Write;

use super::view::View;

/// Influences from other places of the tree that are named.
const NAMED: usize = 6;

/// What influences the targets of the view, one node a line: `name  [how it influences]  <- checks`. Influences that are unfolded in another place
/// are named together.
pub fn tree(view: &View) -> String {
    let mut drawing = Drawing { view, unfolded_at: unfolded_at(view), text: String::new() };
    for &target in &view.targets {
        drawing.node("", "", target, "");
    }
    if view.cut > 0 {
        let _ = writeln!(drawing.text, "... {} more upstream (--depth)", view.cut);
    }
    for (relation, also) in view.of_several_names() {
        let _ = writeln!(drawing.text, "{relation} and {} are one table", also.join(" and "));
    }
    drawing.text
}

/// For each node the one below which it is unfolded: the first on a shortest way to a target. A target is unfolded by itself.
fn unfolded_at(view: &View) -> Vec<Option<usize>> {
    let mut at = vec![None; view.nodes.len()];
    let mut met = vec![false; view.nodes.len()];
    view.targets.iter().for_each(|&target| met[target] = true);
    let mut queue: VecDeque<usize> = view.targets.iter().copied().collect();
    while let Some(node) = queue.pop_front() {
        for &(from, _) in &view.nodes[node].above {
            if !std::mem::replace(&mut met[from], true) {
                at[from] = Some(node);
                queue.push_back(from);
            }
        }
    }
    at
}

struct Drawing<'a> {
    view: &'a View,
    unfolded_at: Vec<Option<usize>>,
    text: String,
}

impl Drawing<'_> {
    /// A node on its line, and what is unfolded below it.
    fn node(&mut self, before: &str, indent: &str, index: usize, words: &str) {
        let node = &self.view.nodes[index];
        let _ = write!(self.text, "{before}{}", node.label());
        if !words.is_empty() {
            let _ = write!(self.text, "  [{words}]");
        }
        if let Some(checks) = node.checks() {
            let _ = write!(self.text, "  <- {checks}");
        }
        let (here, elsewhere): (Vec<_>, Vec<_>) = node.above.iter().partition(|(from, _)| self.unfolded_at[*from] == Some(index));
        let further = self.further(&elsewhere, node.cut);
        if here.is_empty() && !further.is_empty() {
            let _ = write!(self.text, "  {further}");
        }
        self.text.push('\n');
        let last_is_further = !further.is_empty();
        for (at, (from, words)) in here.iter().enumerate() {
            let last = at + 1 == here.len() && !last_is_further;
            let (branch, more) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.node(&format!("{indent}{branch}"), &format!("{indent}{more}"), *from, words);
        }
        if !here.is_empty() && last_is_further {
            let _ = writeln!(self.text, "{indent}└─ {further}");
        }
    }

    /// Influences that are not unfolded here: those of other places by name, those beyond the depth by number.
    fn further(&self, elsewhere: &[&(usize, String)], cut: usize) -> String {
        let named = elsewhere.iter().take(NAMED).map(|(from, words)| format!("{} [{words}]", self.view.nodes[*from].label()));
        let mut said: Vec<String> = named.collect();
        if elsewhere.len() > NAMED {
            said.push(format!("{} more of this tree (--format json names them)", elsewhere.len() - NAMED));
        }
        let mut further = if said.is_empty() { String::new() } else { format!("see also {}", said.join(", ")) };
        if cut > 0 {
            let _ = write!(further, "{}... {cut} more (--depth)", if further.is_empty() { "" } else { "  " });
        }
        further
    }
}
