//! A tree for the terminal: each node is unfolded once, where it is nearest to what was asked.

use std::collections::VecDeque;
use std::fmt::Write;

use super::view::View;

/// What influences the targets of the view, one node a line: `name  [how it influences]  <- checks`. Influences that are unfolded in another place
/// are named together.
pub fn tree(view: &View) -> String {
    let mut drawing = Drawing { view, unfolded_at: unfolded_at(view), text: String::new() };
    for &target in &view.targets {
        drawing.line("", target, "");
        drawing.below("", target);
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
    fn line(&mut self, prefix: &str, index: usize, words: &str) {
        let node = &self.view.nodes[index];
        let _ = write!(self.text, "{prefix}{}", node.label());
        if !words.is_empty() {
            let _ = write!(self.text, "  [{words}]");
        }
        if let Some(checks) = node.checks() {
            let _ = write!(self.text, "  <- {checks}");
        }
        self.text.push('\n');
    }

    fn below(&mut self, indent: &str, index: usize) {
        let node = &self.view.nodes[index];
        let (here, elsewhere): (Vec<_>, Vec<_>) = node.above.iter().partition(|(from, _)| self.unfolded_at[*from] == Some(index));
        let named: Vec<String> = elsewhere.iter().map(|(from, words)| format!("{} [{words}]", self.view.nodes[*from].label())).collect();
        let mut lines = here.len() + usize::from(!named.is_empty()) + usize::from(node.cut > 0);
        let mut branch = || {
            lines -= 1;
            if lines == 0 { ("└─ ", "   ") } else { ("├─ ", "│  ") }
        };
        for (from, words) in here {
            let (branch, more) = branch();
            self.line(&format!("{indent}{branch}"), *from, words);
            self.below(&format!("{indent}{more}"), *from);
        }
        if !named.is_empty() {
            let _ = writeln!(self.text, "{indent}{}see also {}", branch().0, named.join(", "));
        }
        if node.cut > 0 {
            let _ = writeln!(self.text, "{indent}{}... {} more (--depth)", branch().0, node.cut);
        }
    }
}
