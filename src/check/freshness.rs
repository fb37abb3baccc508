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
        /// Column (or SQL expression) with the load time; required unless `metadata` is asked.
        #[serde(default = "unsaid")]
        #[schemars(default)]
        pub loaded_at: At<String>,
        /// `true`: when the table was last changed, as the warehouse itself keeps it; Snowflake, BigQuery, Databricks and Redshift do.
        #[serde(default)]
        pub metadata: Option<At<bool>>,
        /// Older than this warns.
        #[serde(default)]
        pub warn_after: Option<At<Age>>,
        /// Older than this holds.
        #[serde(default)]
        pub hold_after: Option<At<Age>>,
        /// Zone of a load time that has none: `Europe/London`.
        #[serde(default)]
        pub timezone: Option<At<String>>,
        /// Column whose every group must be fresh: `platform`.
        #[serde(default)]
        pub group_by: Option<At<String>>,
        /// The groups that must be there and fresh; others may be late. Every group that is there when absent.
        #[serde(default)]
        pub expect: Option<At<Vec<At<String>>>>,
        /// A query that gives the newest load time, as dbt has it; it goes before `loaded_at`.
        #[serde(skip)]
        #[schemars(skip)]
        pub loaded_at_query: Option<At<String>>,
    }
}

fn unsaid() -> At<String> {
    At::nowhere(String::new())
}

impl Freshness {
    /// Where the check stands, for what it lacks.
    fn place(&self) -> crate::diagnostic::Span {
        let named = self.model.as_ref().or(self.source.as_ref()).map(|relation| relation.span);
        named.filter(|_| self.loaded_at.span.line == 0).unwrap_or(self.loaded_at.span)
    }
    /// Whether the warehouse is asked when the table was changed, in place of its rows.
    pub fn by_metadata(&self) -> bool {
        self.metadata.as_ref().is_some_and(|metadata| metadata.value)
    }
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
        if let Some(too_few) = enough(&common, measurement.rows_seen)? {
            return Ok(too_few);
        }
        if self.group_by.is_some() && measurement.rows_seen > 0 {
            return self.compare_groups(measurement);
        }
        let cell = measurement.cells.first().ok_or_else(|| fault(Reason::Internal, "the answer has no newest time"))?;
        self.young(measurement, cell, "the newest row")
    }
    /// Whether the newest time is young enough; `newest` says in words what is that old.
    fn young(&self, measurement: &Measurement, cell: &Cell, newest_row: &str) -> Result<Judgement, Fault> {
        let common = self.shared();
        let rows_seen = measurement.rows_seen;
        let Some(newest) = self.instant(cell)? else {
            let measured = Measured { rows_seen, value: rows_seen.to_string(), unit: "rows".to_owned(), facts: Vec::new() };
            if rows_seen == 0 {
                return Ok(Judgement::Pass(measured)); // allowed to be empty: `enough` has said so
            }
            let why = format!("{} has a time in `{}`", newest_row.replace("the newest row", "no row"), self.loaded_at);
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
                let (age, limit) = apart(age, limit);
                let why = format!("{newest_row} is {age} old, more than the {limit} that are allowed");
                Judgement::Fail { asks, measured, why }
            }
        })
    }
    /// Every group that must be fresh, each by itself; the worst is the judgement, and all that are late are facts.
    fn compare_groups(&self, measurement: &Measurement) -> Result<Judgement, Fault> {
        let groups = super::judge::count(measurement, 1)?;
        if i128::try_from(measurement.items.len()) != Ok(groups) {
            return Err(fault(Reason::OutOfRange, format!("{groups} groups were counted, and {} listed", measurement.items.len())));
        }
        let named = |group: &str| measurement.items.iter().find(|item| super::missing::told(item, 0) == group);
        let mut newest = None;
        for item in &measurement.items {
            newest = newest.max(self.instant(item.get(1).unwrap_or(&Cell::Null))?);
        }
        let whole = measurement.cells.first().ok_or_else(|| fault(Reason::Internal, "the answer has no newest time"))?;
        if self.instant(whole)? != newest {
            return Err(fault(Reason::OutOfRange, "the newest row of all is not the newest row of any group"));
        }
        let there: Vec<String> = measurement.items.iter().map(|item| super::missing::told(item, 0)).collect();
        let mut wanted: Vec<String> = match &self.expect {
            Some(expect) => expect.iter().map(|group| group.value.clone()).collect(),
            None => there.clone(),
        };
        // As they are listed: the oldest first. What is not listed at all comes before.
        wanted.sort_by_key(|group| there.iter().position(|listed| listed == group));
        let mut judged = Vec::new();
        for group in &wanted {
            let newest_row = format!("the newest row of {group}");
            judged.push((
                group,
                match named(group).and_then(|item| item.get(1)) {
                    Some(cell) => self.young(measurement, cell, &newest_row)?,
                    None => {
                        let rows_seen = measurement.rows_seen;
                        let measured = Measured { rows_seen, value: "1".to_owned(), unit: "groups".to_owned(), facts: Vec::new() };
                        let asks = self.shared().severity.as_ref().map_or(Severity::Hold, |severity| severity.value);
                        Judgement::Fail { asks, measured, why: format!("there is no row of {group}") }
                    }
                },
            ));
        }
        let late: Vec<&str> =
            judged.iter().filter(|(_, one)| !matches!(one, Judgement::Pass(_))).map(|(group, _)| group.as_str()).collect();
        let facts = [("groups".to_owned(), wanted.len().to_string()), ("late_groups".to_owned(), late.join(", "))];
        let others = if late.len() > 1 { format!(" (late: {})", late.join(", ")) } else { String::new() };
        // The worst first; among equals the one that is listed first, which is the oldest.
        let rank = |judgement: &Judgement| match judgement {
            Judgement::Error(_) => 0,
            Judgement::Fail { asks: Severity::Hold, .. } => 1,
            Judgement::Fail { asks: Severity::Warn, .. } => 2,
            Judgement::Pass(_) => 3,
        };
        let worst = judged.into_iter().map(|(_, judgement)| judgement).min_by_key(rank);
        match worst.ok_or_else(|| fault(Reason::Internal, "there is no group to judge"))? {
            Judgement::Pass(measured) => Ok(Judgement::Pass(with(measured, &facts))),
            Judgement::Fail { asks, measured, why } => {
                Ok(Judgement::Fail { asks, measured: with(measured, &facts), why: format!("{why}{others}") })
            }
            Judgement::Error(fault) => Err(fault),
        }
    }
}

fn with(measured: Measured, facts: &[(String, String)]) -> Measured {
    Measured { facts: measured.facts.into_iter().chain(facts.iter().cloned()).collect(), ..measured }
}

/// From how many seconds on a unit is used, its seconds, and its name.
const UNITS: [(u64, u64, &str); 3] = [(172_800, 86_400, "days"), (7_200, 3_600, "hours"), (120, 60, "minutes")];

/// A length of time in its largest plain unit, rounded down.
fn readable(seconds: u64) -> (u64, &'static str) {
    UNITS.iter().find(|(least, ..)| seconds >= *least).map_or((seconds, "seconds"), |(_, unit, name)| (seconds / unit, *name))
}

/// Two lengths of time, of which the first is longer, in words that say so: `over 12 hours`, or finer units where the second is no round number.
fn apart(longer: u64, shorter: u64) -> (String, String) {
    let words = |(value, unit): (u64, &str)| super::judge::counted(i128::from(value), unit);
    let plain = (words(readable(longer)), words(readable(shorter)));
    if plain.0 != plain.1 {
        return plain;
    }
    if UNITS.iter().find(|(least, ..)| shorter >= *least).is_none_or(|(_, unit, _)| shorter.is_multiple_of(*unit)) {
        return (format!("over {}", plain.0), plain.1);
    }
    const FINER: [(u64, &str); 3] = [(3_600, "hours"), (60, "minutes"), (1, "seconds")];
    let finer = FINER.iter().map(|(unit, name)| (words((longer / unit, name)), words((shorter / unit, name))));
    finer.into_iter().find(|(longer, shorter)| longer != shorter).unwrap_or(plain)
}

impl super::Kind for Freshness {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        vec![self.model.clone().or_else(|| self.source.clone()).unwrap_or_else(|| At::nowhere(String::new()))]
    }
    fn subject(&self) -> Vec<Part> {
        let group = self.group_by.iter().map(|column| Part::Column { relation: 0, column: column.clone() });
        group.chain([Part::RowsLost { relation: 0 }]).collect()
    }
    fn request(&self) -> Request<'_> {
        let expression = |name, text: &At<String>, grammar| (name, Sql { text: text.clone(), grammar });
        let mut request = Request { columns: vec![("newest", Expect::Time)], ..Request::default() };
        match &self.loaded_at_query {
            Some(query) => request.sql.push(expression("loaded_at_query", query, Grammar::Query)),
            None if self.by_metadata() => {} // the planner asks the engine in its own words
            None => {
                request.sql.push(expression("loaded_at", &self.loaded_at, Grammar::Expression));
                request.arguments.insert("loaded_at_query", serde_json::Value::Null);
            }
        }
        if let Some(group) = &self.group_by {
            request.columns.push(("groups", Expect::Count));
            request.items = vec![("in_group", Expect::Text), ("newest_in_group", Expect::Time)];
            request.arguments.insert("group_by", serde_json::json!(group.value));
        }
        request
    }
    fn judge(&self, measurement: &Measurement) -> Judgement {
        self.compare(measurement).unwrap_or_else(Judgement::Error)
    }
    fn problems(&self) -> Vec<Finding> {
        let mut problems = no_thresholds(&self.shared(), "write warn_after and hold_after, such as 12h or 7d");
        match (&self.metadata, self.loaded_at.span.line > 0 || !self.loaded_at.is_empty()) {
            (Some(metadata), true) if metadata.value => problems.push(
                Finding::error(codes::CONTRADICTION, "the warehouse is asked when the table was changed, so `loaded_at` means nothing")
                    .at(metadata.span)
                    .help("keep one of the two"),
            ),
            (Some(metadata), false) if metadata.value => {
                let grouped = self.group_by.is_some() || self.shared().filter.is_some();
                problems.extend(grouped.then(|| {
                    let finding =
                        Finding::error(codes::CONTRADICTION, "the warehouse knows when a table was changed, not which rows of it");
                    finding.at(metadata.span).help("remove `group_by` and `where`, or write loaded_at")
                }));
            }
            (Some(_) | None, true) => {}
            (Some(_) | None, false) => problems.push(
                Finding::error(codes::BAD_CHECK, "nothing says when a row was loaded")
                    .at(self.place())
                    .help("write loaded_at, a column or SQL"),
            ),
        }
        match (&self.model, &self.source) {
            (Some(_), None) | (None, Some(_)) => {}
            (Some(model), Some(_)) => problems.push(Finding::error(codes::CONTRADICTION, "`model` excludes `source`").at(model.span)),
            (None, None) => problems
                .push(Finding::error(codes::CONTRADICTION, "no relation is named").at(self.place()).help("write source: source.table")),
        }
        match (&self.warn_after, &self.hold_after) {
            (None, None) => {
                problems.push(
                    Finding::error(codes::BAD_CHECK, "no age is asked for").at(self.place()).help("write warn_after, hold_after or both"),
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
        if let (None, Some(expect)) = (&self.group_by, &self.expect) {
            let finding = Finding::error(codes::CONTRADICTION, "`expect` lists groups, but nothing says by which column").at(expect.span);
            problems.push(finding.help("add group_by: and the column"));
        }
        if let Some(expect) = self.expect.as_ref().filter(|expect| expect.is_empty()) {
            problems.push(Finding::error(codes::BAD_CHECK, "no group is expected").at(expect.span));
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
