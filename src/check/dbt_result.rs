//! One data test of dbt whose result is read from `run_results.json`. The result says how the test ended; what makes it evidence is measured here: that
//! its relations have rows, and that their sources landed before dbt built them. Made by the planner; a contract cannot write it.

use jiff::Timestamp;

use super::common::{Common, Expect, Part, Request, Severity};
use super::judge::{counted, enough, fault};
use super::measurement::{Cell, Measurement};
use super::outcome::{Fault, Judgement, Measured, Reason};
use crate::diagnostic::At;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct DbtResult {
    /// Title, least rows and severity, as of the test itself.
    pub common: Common,
    /// The relations that the test is about; then the sources behind them whose landing is looked at.
    pub relations: Vec<At<String>>,
    /// How many of them the test is about.
    pub about: usize,
    /// Of each source the column or expression that says when a row was loaded, and the name of its measurement.
    pub landed: Vec<Landing>,
    /// How dbt says that the test ended.
    pub ended: Ended,
    /// Failing rows as dbt counted them.
    pub failures: u64,
    /// When dbt began to build the first of the relations and of what they stand on.
    pub built_from: Timestamp,
    /// The invocation that said so.
    pub invocation: String,
}

/// When a source landed.
#[derive(Debug, Clone, PartialEq)]
pub struct Landing {
    /// `landed_1`, `landed_2`, ...
    pub measure: String,
    /// The source, for people.
    pub source: String,
    /// Column or SQL expression.
    pub loaded_at: At<String>,
    /// Zone of a time that has none.
    pub timezone: Option<String>,
}

/// How a test ended that dbt ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Ended {
    Pass,
    Warn,
    Fail,
}

impl DbtResult {
    fn compare(&self, measurement: &Measurement) -> Result<Judgement, Fault> {
        if let Some(too_few) = enough(&self.common, measurement.rows_seen)? {
            return Ok(too_few);
        }
        if measurement.cells.len() != self.landed.len() {
            return Err(fault(Reason::Internal, "not every source was looked at"));
        }
        for (landing, cell) in self.landed.iter().zip(&measurement.cells) {
            let newest = landing.instant(cell)?;
            if newest > self.built_from {
                let (source, built) = (&landing.source, self.built_from);
                let detail = format!("rows of {source} landed at {newest}, after dbt began to build at {built}: run `dbt build` again");
                return Err(fault(Reason::StaleArtifact, detail));
            }
        }
        let facts = vec![("invocation".to_owned(), self.invocation.clone()), ("built_from".to_owned(), self.built_from.to_string())];
        let failures = i128::from(self.failures);
        let measured = Measured { rows_seen: measurement.rows_seen, value: failures.to_string(), unit: "results".to_owned(), facts };
        let asks = match self.ended {
            Ended::Pass => return Ok(Judgement::Pass(measured)),
            Ended::Warn => Severity::Warn,
            Ended::Fail => super::judge::severity(&self.common),
        };
        Ok(Judgement::Fail { asks, measured, why: format!("{} found by the dbt test", counted(failures, "results")) })
    }
}

impl Landing {
    fn instant(&self, cell: &Cell) -> Result<Timestamp, Fault> {
        let source = &self.source;
        match cell {
            Cell::Instant(instant) => Ok(*instant),
            Cell::Local(local) => {
                let none =
                    || fault(Reason::TimestampWithoutZone, format!("when {source} landed has no zone: say `timezone:` in its freshness"));
                let zone = self.timezone.as_deref().ok_or_else(none)?;
                local
                    .in_tz(zone)
                    .map(|zoned| zoned.timestamp())
                    .map_err(|_| fault(Reason::OutOfRange, format!("when {source} landed is no time of its zone")))
            }
            Cell::Null => Err(fault(Reason::Null, format!("no row of {source} says when it landed"))),
            Cell::InfiniteTime | Cell::NotFinite => Err(fault(Reason::NotFinite, format!("when {source} landed is infinite"))),
            Cell::Int(_) | Cell::Decimal(_) | Cell::OutOfRange(_) | Cell::Bool(_) | Cell::Text(_) | Cell::Unsupported(_) => {
                Err(fault(Reason::WrongType, format!("when {source} landed is no time")))
            }
        }
    }
}

impl super::Kind for DbtResult {
    fn common(&self) -> Common {
        self.common.clone()
    }
    fn relations(&self) -> Vec<At<String>> {
        self.relations.clone()
    }
    fn filters(&self) -> Vec<Option<At<String>>> {
        Vec::new()
    }
    fn subject(&self) -> Vec<Part> {
        Vec::new() // the planner states it
    }
    fn request(&self) -> Request<'_> {
        let loaded: Vec<&str> = self.landed.iter().map(|landing| landing.loaded_at.as_str()).collect();
        Request {
            columns: self.landed.iter().map(|landing| (landing.measure.as_str(), Expect::Time)).collect(),
            arguments: [("about", serde_json::json!(self.about)), ("loaded_at", serde_json::json!(loaded))].into(),
            ..Request::default()
        }
    }
    fn judge(&self, measurement: &Measurement) -> Judgement {
        self.compare(measurement).unwrap_or_else(Judgement::Error)
    }
}
