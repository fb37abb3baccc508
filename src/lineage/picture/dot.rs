//! Graphviz: one cluster for each relation, dashed edges where the SQL was not understood.

use std::fmt::Write;

use super::view::View;

/// The view in the DOT language.
pub fn dot(view: &View) -> String {
    let mut text =
        String::from("digraph lineage {\n  rankdir=LR;\n  node [shape=box, fontname=\"Helvetica\"];\n  edge [fontname=\"Helvetica\"];\n");
    for (number, (relation, nodes)) in view.relations().iter().enumerate() {
        let _ = writeln!(text, "  subgraph cluster_{number} {{\n    label={};", quoted(&view.all_names(relation)));
        for &at in nodes {
            let node = &view.nodes[at];
            let label = match node.checks() {
                Some(checks) => format!("{}\nchecked: {checks}", node.part),
                None => node.part.clone(),
            };
            let _ = writeln!(text, "    n{at} [label={}];", quoted(&label));
        }
        text.push_str("  }\n");
    }
    for (at, node) in view.nodes.iter().enumerate() {
        for (from, words) in &node.above {
            let style = if words.contains("assumed") { ", style=dashed" } else { "" };
            let _ = writeln!(text, "  n{from} -> n{at} [label={}{style}];", quoted(words));
        }
        if node.cut > 0 {
            let _ = writeln!(
                text,
                "  c{at} [label=\"... {} more\", shape=plaintext];\n  c{at} -> n{at} [style=dotted, arrowhead=none];",
                node.cut
            );
        }
    }
    text.push_str("}\n");
    text
}

/// A text of DOT: nothing in it can end it, and no letter after a backslash means anything.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}
