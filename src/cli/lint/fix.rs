//! `lint --fix`: makes the edits that findings offer, and writes each file whole.

use jiff::Timestamp;

use super::super::load::{self, Loaded};
use super::super::{Stopped, draw};
use super::findings_of;
use crate::diagnostic::{Finding, codes};
use crate::lint::fix;
use crate::macros::Macros;
use crate::project::{TextFile, replace_text};

/// A mended key shows what is wrong below it, so that one round is not enough; more than a few are no slips of the pen.
const ROUNDS: usize = 8;

/// Mends the files and says what was edited.
///
/// # Errors
/// A file cannot be written, or was changed meanwhile; those before it are mended.
pub(super) fn files(loaded: &Loaded, macros: &Macros, wanted: &[String], now: Timestamp, look: &draw::Look) -> Result<(), Stopped> {
    for file in loaded.workspace.contracts(wanted)? {
        let before = file.text.clone();
        let all = |file: &TextFile| findings_of(loaded, macros, &load::read_contract(loaded, file.clone()), now);
        write(file, &before, &all, look)?;
    }
    Ok(())
}

/// Mends one file with what `all` finds in it.
pub(super) fn write(mut file: TextFile, before: &str, all: &dyn Fn(&TextFile) -> Vec<Finding>, look: &draw::Look) -> Result<(), Stopped> {
    let mut said = Vec::new();
    for _ in 0..ROUNDS {
        let (text, made) = fix::apply(&file.text, &all(&file));
        if made.is_empty() {
            break;
        }
        let line =
            |made: fix::Made| format!("fixed: {}:{}: {}", file.path.display(), made.finding.span.map_or(1, |span| span.line), made.said);
        said.extend(made.into_iter().map(line));
        file.text = text;
    }
    if file.text == before {
        return Ok(());
    }
    replace_text(&file.path, before, &file.text).map_err(|message| {
        let finding = Finding::error(codes::NOT_WRITTEN, format!("this file was not fixed: {message}")).in_file(&file.path);
        Stopped::usage(finding.help("run it again"))
    })?;
    if !look.quiet {
        said.iter().for_each(|line| draw::say(line));
    }
    Ok(())
}
