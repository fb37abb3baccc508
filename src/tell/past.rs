//! What was told before, read for one cause: whether it is open, since when, how often it came and went, and what each destination heard last.

use jiff::{SignedDuration, Timestamp};

use crate::history::{Line, What};

/// How far back coming and going counts.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);
/// How long a cause that came back must stay before it is told again; doubled with each return.
const SETTLING: i64 = 30 * 60;

/// The lines of one cause, the oldest first.
#[derive(Debug, Clone)]
pub(super) struct Past<'a> {
    lines: Vec<&'a Line>,
}

/// What one destination heard of a cause since it last heard that it was over.
#[derive(Debug, Clone)]
pub(super) struct Heard<'a> {
    /// Messages that were taken.
    pub messages: Vec<&'a Line>,
    /// When the cause was first seen since.
    pub since: Option<Timestamp>,
}

impl<'a> Past<'a> {
    pub fn of(told: &'a [Line], incident: &str) -> Past<'a> {
        Past { lines: told.iter().filter(|line| line.incident == incident).collect() }
    }

    /// The line with which the cause was opened last, if it was not closed since.
    pub fn open(&self) -> Option<&'a Line> {
        self.lines
            .iter()
            .rev()
            .find(|line| matches!(line.what, What::Opened | What::Closed))
            .copied()
            .filter(|line| line.what == What::Opened)
    }

    /// The line with which it was opened last, closed since or not.
    pub fn opened(&self) -> Option<&'a Line> {
        self.lines.iter().rev().find(|line| line.what == What::Opened).copied()
    }

    /// When it was closed last, if it is.
    pub fn closed(&self) -> Option<Timestamp> {
        let last = self.lines.iter().rev().find(|line| matches!(line.what, What::Opened | What::Closed))?;
        (last.what == What::Closed).then_some(last.at)
    }

    /// How often it was closed before a moment, within the time that counts.
    pub fn returns(&self, before: Timestamp) -> usize {
        let from = before.checked_sub(REMEMBERED).unwrap_or(Timestamp::MIN);
        self.lines.iter().filter(|line| line.what == What::Closed && line.at >= from && line.at < before).count()
    }

    /// How often it was closed ever: what tells one coming from the next.
    pub fn episodes(&self) -> usize {
        self.lines.iter().filter(|line| line.what == What::Closed).count()
    }

    pub fn heard(&self, route: &str) -> Heard<'a> {
        let to_it = |line: &&&Line| line.route == route;
        let over = self.lines.iter().rposition(|line| line.what == What::Recovered && line.route == route).map_or(0, |at| at + 1);
        let since = self.lines.iter().skip(over).find(|line| line.what == What::Opened).map(|line| line.at);
        Heard { messages: self.lines.iter().skip(over).filter(to_it).filter(|line| line.what == What::Done).copied().collect(), since }
    }

    /// Every destination that heard of it and has not heard that it is over.
    pub fn waiting(&self) -> Vec<&'a str> {
        let mut routes: Vec<&str> = Vec::new();
        for line in self.lines.iter().filter(|line| line.what == What::Done) {
            if !routes.contains(&line.route.as_str()) && !self.heard(&line.route).messages.is_empty() {
                routes.push(&line.route);
            }
        }
        routes
    }
}

/// How long a cause that comes and goes must last, or stay away, before it is said: nothing the first time.
pub(super) fn settling(returns: usize) -> SignedDuration {
    let Some(doublings) = returns.checked_sub(1) else { return SignedDuration::ZERO };
    let factor = 1_i64 << doublings.min(6);
    SignedDuration::from_secs(SETTLING.saturating_mul(factor)).min(REMEMBERED)
}
