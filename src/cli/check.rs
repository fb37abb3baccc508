//! `presscheck check`: asks, decides, stores the decision, tells it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;
use jiff::Timestamp;

use super::arguments::{FailOn, Place, Reach, Report, Which};
use super::ask::{Manner, worst};
use super::load::{self, Loaded};
use super::prepare::{self, Prepared};
use super::{Ended, Stopped, draw, report, shared, store};
use crate::decide;
use crate::output::{self, Told};
use crate::record::Document;

#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    reach: Reach,
    #[arg(long, value_enum, default_value_t = Report::Text)]
    format: Report,
    /// Which verdict ends with exit code 1
    #[arg(long, value_enum, default_value_t = FailOn::Hold, value_name = "VERDICT")]
    fail_on: FailOn,
}

impl Check {
    /// The check that the demo runs on the folder that it wrote.
    #[cfg(feature = "duckdb")]
    pub(super) fn of_project(folder: &Path, as_of: Timestamp, format: super::arguments::Format) -> Check {
        Check {
            place: Place { project_dir: Some(folder.to_path_buf()), manifest: None, target_path: None },
            which: Which { contracts: Vec::new(), exposure: None, select: Vec::new(), exclude: Vec::new(), as_of: Some(as_of) },
            reach: Reach { profiles_dir: Some(folder.to_path_buf()), profile: None, target: None, vars: None, threads: None },
            format: format.into(),
            fail_on: FailOn::Hold,
        }
    }

    /// Programs get the findings as JSON, too, when nothing could be decided.
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        let ended = self.ask_and_tell(look);
        match (&ended, self.format) {
            (Ok(_), _) | (Err(_), Report::Text) => {}
            (Err(stopped), format) => report::findings(format, &stopped.findings, stopped.exit_code, &[]),
        }
        ended
    }

    fn ask_and_tell(&self, look: &draw::Look) -> Ended {
        let local = Timestamp::now();
        shared::refresh(&load::workspace(&self.place)?.0, shared::unusable)?;
        let (loaded, prepared) = prepare::plans(&self.place, &self.which, &self.reach, self.which.as_of.unwrap_or(local), look)?;
        let cancel = super::interrupt::flag();
        let mut decisions = Vec::new();
        let mut codes = Vec::new();
        for one in &prepared {
            let (document, code) = self.decide(&loaded, one, &cancel, look)?;
            decisions.push(document);
            codes.push(code);
        }
        let exit_code = worst(&codes);
        let told = Told { exit_code, decisions, findings: Vec::new() };
        let files: Vec<Option<&Path>> = prepared.iter().map(|one| one.file.as_deref()).collect();
        report::decisions(self.format, &told, &files);
        Ok(exit_code)
    }

    /// Asks and decides about one contract; the decision is stored before it is told.
    fn decide(&self, loaded: &Loaded, one: &Prepared, cancel: &Arc<AtomicBool>, look: &draw::Look) -> Result<(Document, u8), Stopped> {
        let manner = Manner {
            reach: &self.reach,
            as_of: self.which.as_of,
            fail_on: self.fail_on.into(),
            cancel,
            look,
            locked: false,
            built_here: false,
            release: &|_| Vec::new(),
        };
        let path = store::path(&loaded.workspace.target, &one.plan.contract);
        let decided = manner.decide(loaded, one, &mut |document, _| {
            let kept = store::store(&path, &output::stored(document)).and_then(|()| self.remember(loaded, one, document));
            // A decision that is half stored must not be found by anybody.
            if kept.is_err() {
                store::discard(&path)
            };
            kept
        })?;
        Ok((decided.document, decided.exit_code))
    }

    /// Adds the decision to the project's history, unless it is no real one: a rehearsal, a part, or an exposure without a contract.
    fn remember(&self, loaded: &Loaded, one: &Prepared, document: &Document) -> Result<(), String> {
        let part = !self.which.select.is_empty() || !self.which.exclude.is_empty();
        if self.which.as_of.is_some() || part || one.contract.is_none() {
            return Ok(());
        }
        let opened = shared::open(&loaded.workspace, shared::unusable);
        let mut history = opened.map_err(|stopped| stopped.findings.first().map_or_else(String::new, |finding| finding.message.clone()))?;
        history.add(&document.without_samples()).map(|_added| ())
    }
}

impl From<FailOn> for decide::FailOn {
    fn from(typed: FailOn) -> Self {
        match typed {
            FailOn::Warn => decide::FailOn::Warn,
            FailOn::Hold => decide::FailOn::Hold,
            FailOn::Never => decide::FailOn::Never,
        }
    }
}
