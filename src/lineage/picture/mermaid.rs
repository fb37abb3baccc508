//! A Mermaid flowchart: one box for each relation, dashed arrows where the SQL was not understood.

use std::fmt::Write;

use super::view::View;

/// The view as Mermaid.
pub fn mermaid(view: &View) -> String {
    let mut text = String::from("flowchart LR\n");
    for (number, (relation, nodes)) in view.relations().iter().enumerate() {
        let _ = writeln!(text, "  subgraph r{number}[\"{}\"]", escape(&view.all_names(relation)));
        for &at in nodes {
            let node = &view.nodes[at];
            let checks = node.checks().map(|checks| format!("<br/>checked: {}", escape(&checks))).unwrap_or_default();
            let _ = writeln!(text, "    n{at}[\"{}{checks}\"]", escape(&node.part));
        }
        text.push_str("  end\n");
    }
    for (at, node) in view.nodes.iter().enumerate() {
        for (from, words) in &node.above {
            let arrow = if words.contains("assumed") { "-.->" } else { "-->" };
            let _ = writeln!(text, "  n{from} {arrow}|{words}| n{at}");
        }
        if node.cut > 0 {
            let _ = writeln!(text, "  c{at}[\"... {} more\"] -.- n{at}", node.cut);
        }
    }
    text
}

/// As Mermaid writes characters that mean something to it.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '#' | ';' | '<' | '>' | '`' | '\\' | '&' => {
                let _ = write!(out, "#{};", u32::from(letter));
            }
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}
