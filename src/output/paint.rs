//! Colour, weight, width: how a word looks on a terminal. Without colour every function gives its text back.

use crate::record::Verdict;

/// Paints or does not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    pub(super) colour: bool,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
    pub(super) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }
    pub(super) fn faint(self, text: &str) -> String {
        self.with("2", text)
    }
    /// A text in the colour of a verdict.
    pub(super) fn verdict(self, verdict: Verdict, text: &str) -> String {
        match verdict {
            Verdict::Publish => self.with("32", text),
            Verdict::Warn => self.with("33", text),
            Verdict::Hold => self.with("1;31", text),
        }
    }
}

/// The word for a verdict.
pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Publish => "publish",
        Verdict::Warn => "warn",
        Verdict::Hold => "hold",
    }
}

/// Breaks text at blanks so that no line is wider than `width` characters, later lines indented by `indent` blanks.
pub(super) fn wrap(text: &str, width: usize, indent: usize) -> String {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let room = width.saturating_sub(indent).max(20);
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

/// Fills a text up to a width in characters.
pub(super) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.chars().count())))
}
