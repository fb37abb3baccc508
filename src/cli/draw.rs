//! What people see: findings with the lines they point at, and text on standard output.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, ValueEnum};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

use crate::diagnostic::{Finding, Level, codes};

/// How output looks, whatever the command.
#[derive(Debug, Clone, Args)]
pub(super) struct Look {
    /// When to use colour; `auto` is on a terminal, unless NO_COLOR is set
    #[arg(long, value_enum, default_value_t = Colour::Auto, global = true, value_name = "WHEN")]
    color: Colour,
    /// Say nothing but the decision: no progress, no notes
    #[arg(long, short, global = true)]
    pub(super) quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Colour {
    Auto,
    Always,
    Never,
}

impl Look {
    /// Makes the choice known to everything that prints.
    pub(super) fn apply(&self) {
        match self.color {
            Colour::Auto => {}
            Colour::Always => anstream::ColorChoice::Always.write_global(),
            Colour::Never => anstream::ColorChoice::Never.write_global(),
        }
    }
    /// The same, but silent.
    pub(super) fn quietly(&self) -> Look {
        Look { quiet: true, ..self.clone() }
    }
    /// For who has no terminal: nothing is said but what is asked for.
    pub(super) fn silent() -> Look {
        Look { color: Colour::Never, quiet: true }
    }
    /// Whether standard output gets colour.
    pub(super) fn colour_on_stdout() -> bool {
        anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
    }
    fn colour_on_stderr() -> bool {
        anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
    }
}

/// Whether something could not be printed: then nobody was told, and the exit code must not say that all is well.
static LOST: AtomicBool = AtomicBool::new(false);

/// Whether output was lost.
pub(super) fn lost() -> bool {
    LOST.load(Ordering::SeqCst)
}

/// Prints to standard output; a reader that went away (`| head`) is no error, a full disk is.
pub(super) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(end.as_bytes())).and_then(|()| out.flush());
    if let Err(error) = written
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        LOST.store(true, Ordering::SeqCst);
        say(&format!("the output could not be written: {error}"));
    }
}

/// Prints to standard error.
pub(super) fn say(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// Draws findings on standard error, each with the line of the file that it points at.
pub(super) fn findings(findings: &[Finding]) {
    let mut texts: BTreeMap<Arc<Path>, Option<Arc<str>>> = BTreeMap::new();
    let theme = match (Look::colour_on_stderr(), std::io::IsTerminal::is_terminal(&std::io::stderr())) {
        (true, _) => GraphicalTheme::unicode(),
        (false, true) => GraphicalTheme::unicode_nocolor(),
        (false, false) => GraphicalTheme::none(),
    };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(110).without_cause_chain();
    for finding in findings {
        let source = finding
            .file
            .as_ref()
            .filter(|file| may_be_quoted(file) && finding.code != codes::SECRET)
            .and_then(|file| texts.entry(file.clone()).or_insert_with(|| std::fs::read_to_string(file).ok().map(Into::into)).clone());
        let mut text = String::new();
        let drawn = Drawn { finding, source: source.map(|text| named(finding, &text)) };
        match handler.render_report(&mut text, &drawn) {
            Ok(()) => say(text.trim_end()),
            Err(_) => say(&finding.to_string()),
        }
    }
}

/// Whether lines of a file may be shown: never of one that holds secrets, nor of an artifact, whose lines are as long as models.
fn may_be_quoted(file: &Path) -> bool {
    let name = file.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    !name.starts_with("profiles.") && !name.starts_with(".env") && !name.ends_with(".json")
}

fn named(finding: &Finding, text: &Arc<str>) -> NamedSource<String> {
    NamedSource::new(finding.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default(), text.to_string())
}

/// A finding as miette wants it.
#[derive(Debug)]
struct Drawn<'a> {
    finding: &'a Finding,
    source: Option<NamedSource<String>>,
}

impl std::fmt::Display for Drawn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.finding.file, self.finding.span, &self.source) {
            (Some(file), Some(span), None) => write!(f, "{}:{}:{}: {}", file.display(), span.line, span.column, self.finding.message),
            (Some(file), None, _) => write!(f, "{}: {}", file.display(), self.finding.message),
            _ => f.write_str(&self.finding.message),
        }
    }
}

impl std::error::Error for Drawn<'_> {}

impl Diagnostic for Drawn<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn std::fmt::Display + 'b>> {
        Some(Box::new(self.finding.code))
    }
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.level {
            Level::Note => miette::Severity::Advice,
            Level::Warning => miette::Severity::Warning,
            Level::Error => miette::Severity::Error,
        })
    }
    fn help<'b>(&'b self) -> Option<Box<dyn std::fmt::Display + 'b>> {
        self.finding.help.as_ref().map(|help| Box::new(help) as Box<dyn std::fmt::Display + 'b>)
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.finding.span.and(self.source.as_ref()).map(|source| source as &dyn SourceCode)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.finding.span?;
        let end = self.source.as_ref()?.inner().len();
        let offset = span.offset.min(end);
        let length = span.length.min(end - offset);
        Some(Box::new(std::iter::once(LabeledSpan::at(offset..offset + length, "here"))))
    }
}

/// Characters in a line of the terminal; 100 where there is none.
pub(super) fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    columns.or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))).unwrap_or(100)
}
