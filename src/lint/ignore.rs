//! `# presscheck: ignore PC221 because ...`: findings that the contract's author sets aside, in place and with a reason.
//!
//! A comment counts for its own line; one that stands alone counts for the next line that says something. Only advice can be ignored
//! ([`codes::ADVICE`]): what makes a contract unsafe to decide stays an error, whatever a comment says.

use std::path::Path;

use crate::diagnostic::{At, Finding, Level, Span, codes, nearest};
use crate::yaml;

/// The comments of one file that set findings aside.
#[derive(Debug, Clone, Default)]
pub struct Ignores {
    wanted: Vec<Wanted>,
    wrong: Vec<Finding>,
}

/// One code of one comment.
#[derive(Debug, Clone)]
struct Wanted {
    code: At<&'static str>,
    /// The comment, as written.
    comment: String,
    /// The line that it counts for, from 1.
    line: u32,
}

impl Ignores {
    /// Reads the comments of a contract.
    pub fn of(text: &str, file: &Path) -> Ignores {
        let mut ignores = Ignores::default();
        if !text.contains("presscheck:") {
            return ignores;
        }
        for comment in yaml::comments(text) {
            let Some(said) = comment.value.strip_prefix("presscheck:") else { continue };
            if let Err(finding) = ignores.take(text, &comment, said.trim()) {
                ignores.wrong.push(finding.at(comment.span).in_file(file));
            }
        }
        ignores
    }

    fn take(&mut self, text: &str, comment: &At<String>, said: &str) -> Result<(), Finding> {
        let form = "write `# presscheck: ignore PC221 because ...`";
        let wrong = |message: String| Finding::error(codes::BAD_IGNORE, message).help(form);
        let Some(rest) = said.strip_prefix("ignore").filter(|rest| rest.starts_with(char::is_whitespace)) else {
            return Err(wrong(format!("`{said}` is nothing that a comment can say to presscheck")));
        };
        let (names, reason) = match rest.split_once(" because") {
            Some((names, reason)) => (names, reason.trim()),
            None => (rest, ""),
        };
        let mut codes_of_it = Vec::new();
        for name in names.split([',', ' ']).map(str::trim).filter(|name| !name.is_empty()) {
            let Some(code) = codes::ALL.iter().find(|code| code.code.eq_ignore_ascii_case(name) || code.name == name) else {
                let near = nearest(name, codes::ADVICE.iter().copied());
                let finding = Finding::error(codes::BAD_IGNORE, format!("there is no rule `{name}`"));
                return Err(
                    finding.help(near.map_or_else(|| form.to_owned(), |near| format!("did you mean {near}? `presscheck rule` lists all")))
                );
            };
            if !codes::ADVICE.contains(&code.code) {
                let finding = Finding::error(codes::BAD_IGNORE, format!("{} ({}) cannot be ignored", code.code, code.name));
                return Err(finding.help("mend what it says: the contract cannot be decided safely with it"));
            }
            codes_of_it.push(code.code);
        }
        if codes_of_it.is_empty() {
            return Err(wrong("this comment names no rule to ignore".to_owned()));
        }
        if reason.is_empty() {
            return Err(wrong("nothing says why this is ignored".to_owned()));
        }
        let line = line_of(text, comment);
        let written = text.get(comment.span.offset..comment.span.offset + comment.span.length).unwrap_or_default();
        let wanted = |code| Wanted { code: At { value: code, span: comment.span }, comment: written.to_owned(), line };
        self.wanted.extend(codes_of_it.into_iter().map(wanted));
        Ok(())
    }

    /// The findings without those that are set aside.
    pub fn apply(&self, findings: Vec<Finding>) -> Vec<Finding> {
        findings.into_iter().filter(|finding| !self.wanted.iter().any(|wanted| wanted.covers(finding))).collect()
    }

    /// What is wrong with the comments, and those that set nothing aside; `findings` are all there are.
    pub fn problems(&self, findings: &[Finding], file: &Path) -> Vec<Finding> {
        let idle = self.wanted.iter().filter(|wanted| !findings.iter().any(|finding| wanted.covers(finding)));
        let of_one_comment = |span: Span| self.wanted.iter().filter(move |wanted| wanted.code.span == span).count();
        let idle = idle.map(|wanted| {
            let finding = Finding::warning(codes::IDLE_IGNORE, format!("{} is not found at line {}", wanted.code, wanted.line));
            let finding = finding.at(wanted.code.span).in_file(file).help("remove the comment: it would hide the next finding");
            // A comment that names other codes, too, is for its author to shorten.
            if of_one_comment(wanted.code.span) == 1 { finding.replace(&wanted.comment, "") } else { finding }
        });
        self.wrong.iter().cloned().chain(idle).collect()
    }
}

impl Wanted {
    fn covers(&self, finding: &Finding) -> bool {
        finding.code == self.code.value && finding.level < Level::Error && finding.span.is_some_and(|span| span.line == self.line)
    }
}

/// The line that a comment counts for.
fn line_of(text: &str, comment: &At<String>) -> u32 {
    let alone = |line: &str| line.trim_start().starts_with('#') || line.trim().is_empty();
    let from = usize::try_from(comment.span.line).unwrap_or(usize::MAX).saturating_sub(1);
    let below = (comment.span.line..).zip(text.lines().skip(from)).find(|(_, line)| !alone(line));
    below.map_or(comment.span.line, |(number, _)| number)
}
