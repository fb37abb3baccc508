//! What `presscheck rule` prints of a code: what it means, why it matters, what triggers it, how to mend it.

use serde_json::{Value, json};

use crate::diagnostic::{codes, guide};

/// One rule, for a person.
pub fn rule(code: &codes::Code) -> String {
    let mut out = format!("{} {}\n{}\n", code.code, code.name, code.meaning);
    if let Some(guide) = guide::of(code.code) {
        let example: String = guide.example.lines().map(|line| format!("  {line}\n")).collect();
        out += &format!("\nWhy\n  {}\n\nFor example\n{example}\nTo mend it\n  {}\n", guide.why, guide.mend);
    }
    out += &format!("\n{}\n", ignored(code.code));
    out
}

fn ignored(code: &str) -> String {
    if codes::ADVICE.contains(&code) {
        format!(
            "A warning of this rule is set aside by a comment on its line, or on a line of its own before it:\n  # presscheck: ignore {code} because ..."
        )
    } else {
        "It cannot be ignored.".to_owned()
    }
}

/// All rules, one line each.
pub fn rules() -> String {
    let width = codes::ALL.iter().map(|code| code.name.len()).max().unwrap_or_default();
    codes::ALL.iter().map(|code| format!("{}  {:width$}  {}\n", code.code, code.name, code.meaning)).collect()
}

/// Rules for a program, version 1.
pub fn rules_json(wanted: &[&codes::Code]) -> String {
    let one = |code: &&codes::Code| {
        let guide = guide::of(code.code);
        json!({
            "code": code.code,
            "name": code.name,
            "meaning": code.meaning,
            "why": guide.map(|guide| guide.why),
            "example": guide.map(|guide| guide.example),
            "mend": guide.map(|guide| guide.mend),
            "can_be_ignored": codes::ADVICE.contains(&code.code),
        })
    };
    let rules: Vec<Value> = wanted.iter().map(one).collect();
    format!("{:#}", json!({"format": 1, "rules": rules}))
}
