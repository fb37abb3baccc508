//! `freshness`: the newest row of a relation is young enough, and not from the future.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

use super::common::{Common, Expect, Grammar, Part, Request, Severity, Sql, Tells};
use super::judge::{enough, fault, no_thresholds};
use super::measurement::{Cell, Measurement};
use super::outcome::{Fault, Judgement, Measured, Reason};
use crate::calendar::Age;
use crate::diagnostic::{At, Finding, codes};

/// How far in the future the newest row may be: clocks differ a little.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

crate::check_args! {
    /// The newest row is young enough at the time of the decision. Without rows, without a load time, or from the future, it is not.
    pub struct Freshness {
        /// The model, or `source.table`.
        #[serde(default)]
        pub model: Option<At<String>>,
        /// `source.table`; the same as `model`.
        #[serde(default)]
        pub source: Option<At<String>>,
        /// Column (or SQL expression) with the load time.
        pub loaded_at: At<String>,
        /// Older than this warns.
        #[serde(default)]
        pub warn_after: Option<At<Age>>,
        /// Older than this holds.
        #[serde(default)]
        pub hold_after: Option<At<Age>>,
        /// Zone of a load time that has none: `Europe/London`.
        #[serde(default)]
        pub timezone: Option<At<String>>,
    }
}

impl Freshness {
    fn instant(&self, cell: &Cell) -> Result<Option<Timestamp>, Fault> {
        let wrong = |what: &str| Err(fault(Reason::WrongType, format!("`{}` is {what}, not a time", self.loaded_at)));
        match cell {
            Cell::Null => Ok(None),
            Cell::Instant(instant) => Ok(Some(*instant)),
            Cell::Local(local) => self.in_zone(*local).map(Some),
            Cell::InfiniteTime => Err(fault(Reason::NotFinite, format!("the newest `{}` is infinite", self.loaded_at))),
            Cell::NotFinite => Err(fault(Reason::NotFinite, format!("the newest `{}` is not finite", self.loaded_at))),
            Cell::OutOfRange(text) => Err(fault(Reason::OutOfRange, format!("the newest `{}` does not fit: {text}", self.loaded_at))),
            Cell::Int(_) | Cell::Decimal(_) => wrong("a number"),
            Cell::Bool(_) => wrong("a truth value"),
            Cell::Text(_) => wrong("a text"),
            Cell::Unsupported(name) => wrong(name),
        }
    }
    /// The earlier instant where the clock was turned back, and the one before the gap where it was turned forward.
    fn in_zone(&self, local: DateTime) -> Result<Timestamp, Fault> {
        let Some(name) = &self.timezone else {
            let detail = format!("`{}` has no zone; say in which one it is with timezone:", self.loaded_at);
            return Err(fault(Reason::TimestampWithoutZone, detail));
        };
        let zone = TimeZone::get(name).map_err(|_| fault(Reason::TimestampWithoutZone, format!("`{name}` is not a known zone")))?;
        let instant = zone.to_ambiguous_timestamp(local).earlier();
        instant.map_err(|_| fault(Reason::OutOfRange, format!("{local} does not fit")))
    }
    fn compare(&self, measurement: &Measurement) -> Result<Judgement, Fault> {
        let common = self.shared();
        let rows_seen = measurement.rows_seen;
        if let Some(too_few) = enough(&common, rows_seen)? {
            return Ok(too_few);
        }
        let cell = measurement.cells.first().ok_or_else(|| fault(Reason::Internal, "the answer has no newest time"))?;
        let Some(newest) = self.instant(cell)? else {
            let measured = Measured { rows_seen, value: rows_seen.to_string(), unit: "rows".to_owned(), facts: Vec::new() };
            if rows_seen == 0 {
                return Ok(Judgement::Pass(measured)); // allowed to be empty: `enough` has said so
            }
            let why = format!("no row has a time in `{}`", self.loaded_at);
            return Ok(Judgement::Fail { asks: Severity::Hold, measured, why });
        };
        let age = measurement.now.duration_since(newest);
        if age < -SKEW {
            return Err(fault(
                Reason::FutureTimestamp,
                format!("the newest `{}` is {newest}, after the decision at {}", self.loaded_at, measurement.now),
            ));
        }
        // Rounded up to whole seconds, so that comparing with whole limits is exact; a newest row within the skew is just born.
        let whole = age.as_secs().saturating_add(i64::from(age.subsec_nanos() > 0)).max(0);
        let age = u64::try_from(whole).map_err(|_| fault(Reason::Internal, "an age is negative"))?;
        let (value, unit) = readable(age);
        let facts = vec![("newest".to_owned(), newest.to_string()), ("age_seconds".to_owned(), age.to_string())];
        let measured = Measured { rows_seen, value: value.to_string(), unit: unit.to_owned(), facts };
        let beyond = |limit: &Option<At<Age>>| limit.as_ref().map(|limit| limit.value.seconds).filter(|seconds| age > *seconds);
        let asks = common.severity.as_ref().map_or(Severity::Hold, |severity| severity.value);
        let crossed =
            beyond(&self.hold_after).map(|limit| (asks, limit)).or_else(|| beyond(&self.warn_after).map(|limit| (Severity::Warn, limit)));
        Ok(match crossed {
            None => Judgement::Pass(measured),
            Some((asks, limit)) => {
                let why = format!("the newest row is {} old, more than the {} that are allowed", in_words(age), in_words(limit));
                Judgement::Fail { asks, measured, why }
            }
        })
    }
}

/// A length of time in its largest plain unit, rounded down.
fn readable(seconds: u64) -> (u64, &'static str) {
    const UNITS: [(u64, u64, &str); 3] = [(172_800, 86_400, "days"), (7_200, 3_600, "hours"), (120, 60, "minutes")];
    UNITS.iter().find(|(least, ..)| seconds >= *least).map_or((seconds, "seconds"), |(_, unit, name)| (seconds / unit, *name))
}

fn in_words(seconds: u64) -> String {
    let (value, unit) = readable(seconds);
    super::judge::counted(i128::from(value), unit)
}

impl super::Kind for Freshness {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        vec![self.model.clone().or_else(|| self.source.clone()).unwrap_or_else(|| At::nowhere(String::new()))]
    }
    fn subject(&self) -> Vec<Part> {
        vec![Part::RowsLost { relation: 0 }]
    }
    fn request(&self) -> Request {
        Request {
            columns: vec![("newest", Expect::Time)],
            sql: vec![("loaded_at", Sql { text: self.loaded_at.clone(), grammar: Grammar::Expression })],
            ..Request::default()
        }
    }
    fn judge(&self, measurement: &Measurement) -> Judgement {
        self.compare(measurement).unwrap_or_else(Judgement::Error)
    }
    fn problems(&self) -> Vec<Finding> {
        let mut problems = no_thresholds(&self.shared(), "write warn_after and hold_after, such as 12h or 7d");
        match (&self.model, &self.source) {
            (Some(_), None) | (None, Some(_)) => {}
            (Some(model), Some(_)) => problems.push(Finding::error(codes::CONTRADICTION, "`model` excludes `source`").at(model.span)),
            (None, None) => problems.push(
                Finding::error(codes::CONTRADICTION, "no relation is named").at(self.loaded_at.span).help("write source: source.table"),
            ),
        }
        match (&self.warn_after, &self.hold_after) {
            (None, None) => {
                problems.push(
                    Finding::error(codes::BAD_CHECK, "no age is asked for")
                        .at(self.loaded_at.span)
                        .help("write warn_after, hold_after or both"),
                );
            }
            (Some(warn), Some(hold)) if warn.value > hold.value => {
                problems
                    .push(Finding::error(codes::BAD_CHECK, "`warn_after` is longer than `hold_after`: it would never warn").at(warn.span));
            }
            (Some(_), Some(_)) | (Some(_), None) | (None, Some(_)) => {}
        }
        if let Some(name) = &self.timezone
            && TimeZone::get(name).is_err()
        {
            problems.push(
                Finding::error(codes::BAD_ZONE, format!("`{name}` is not a zone"))
                    .at(name.span)
                    .help("write an IANA name such as Europe/London"),
            );
        }
        problems
    }
    fn tells(&self) -> Tells {
        Tells::Stale
    }
    fn severity(&self) -> Severity {
        match (&self.shared().severity, &self.hold_after, &self.warn_after) {
            (Some(severity), _, _) => severity.value,
            (None, None, Some(_)) => Severity::Warn,
            (None, Some(_), _) | (None, None, None) => Severity::Hold,
        }
    }
}
