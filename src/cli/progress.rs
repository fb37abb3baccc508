//! What a person sees while the checks run: one line on standard error, on a terminal only.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::draw::Look;
use crate::execute::Progress;

pub(super) struct Watch {
    bar: ProgressBar,
}

impl Watch {
    /// Watches `total` statements; invisible unless standard error is a terminal.
    pub(super) fn new(look: &Look, total: usize) -> Watch {
        let target = if look.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(u64::try_from(total).ok(), target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} queries {wide_bar} {elapsed} {msg}") {
            bar.set_style(style);
        }
        Watch { bar }
    }
    /// Shows one event.
    pub(super) fn see(&self, event: Progress) {
        match event {
            Progress::Started { .. } => {}
            Progress::Retrying { attempt, .. } => self.bar.set_message(format!("trying again ({attempt})")),
            Progress::Splitting { .. } => self.bar.set_message("a scan failed: splitting it"),
            Progress::Finished { done, .. } => self.bar.set_position(u64::try_from(done).unwrap_or(u64::MAX)),
        }
    }
    /// Takes the line away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
