//! `not_null`: no NULL in a column, or in any of several.

use serde_json::json;

use super::argument::ColumnsOf;
use super::common::{Common, Expect, Part, Request};
use super::judge::{Bad, count, fault};
use super::measurement::Measurement;
use super::outcome::{Fault, Judgement, Reason};
use crate::diagnostic::{At, Finding, codes};

crate::check_args! {
    /// No NULL in a column, or in any of several.
    pub struct NotNull {
        /// `model.column`.
        #[serde(default)]
        pub column: Option<At<String>>,
        /// The relation of `columns`.
        #[serde(default)]
        pub model: Option<At<String>>,
        /// Several columns of `model`; a row is bad when any of them is NULL.
        #[serde(default)]
        pub columns: Option<At<Vec<At<String>>>>,
        /// Count the distinct values of this column among the bad rows, instead of the rows: `sku`.
        #[serde(default)]
        pub count: Option<At<String>>,
    }
}

impl NotNull {
    fn columns_of(&self) -> ColumnsOf<'_> {
        ColumnsOf { column: self.column.as_ref(), model: self.model.as_ref(), columns: self.columns.as_ref() }
    }
    fn numbers(&self, measurement: &Measurement) -> Result<(i128, i128), Fault> {
        let bad = count(measurement, 0)?;
        if self.count.is_none() {
            return Ok((bad, bad));
        }
        let distinct = count(measurement, 1)?;
        // Bad rows never count as nothing, and there cannot be more values than rows.
        if distinct > bad || (bad > 0 && distinct == 0) {
            return Err(fault(Reason::OutOfRange, format!("{distinct} distinct values among {bad} bad rows cannot be")));
        }
        Ok((bad, distinct))
    }
}

impl super::Kind for NotNull {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        vec![self.columns_of().relation()]
    }
    fn subject(&self) -> Vec<Part> {
        self.columns_of().names().into_iter().map(|column| Part::Column { relation: 0, column }).collect()
    }
    fn request(&self) -> Request<'_> {
        let names: Vec<String> = self.columns_of().names().into_iter().map(|name| name.value).collect();
        let mut request = Request {
            columns: vec![("bad", Expect::Count)],
            arguments: [("columns", json!(names)), ("count", json!(self.count.as_ref().map(|count| &count.value)))].into(),
            ..Request::default()
        };
        if self.count.is_some() {
            request.columns.push(("distinct_bad", Expect::Count));
        }
        request
    }
    fn has_failing_rows(&self) -> bool {
        true
    }
    fn judge(&self, measurement: &Measurement) -> Judgement {
        let (rows, judged) = match self.numbers(measurement) {
            Ok(numbers) => numbers,
            Err(fault) => return Judgement::Error(fault),
        };
        // More bad rows than rows must be caught even where something else than rows is judged.
        if rows > measurement.rows_seen {
            return Judgement::Error(fault(Reason::OutOfRange, format!("{rows} bad of {} rows cannot be", measurement.rows_seen)));
        }
        let common = self.shared();
        let names: Vec<String> = self.columns_of().names().into_iter().map(|name| name.value).collect();
        Bad {
            common: &common,
            rows_seen: measurement.rows_seen,
            bad: judged,
            among_rows: true,
            unit: self.count.as_ref().map_or("rows", |_| "values"),
            wrong: &format!("without {}", names.join(" or ")),
            facts: self.count.iter().map(|_| ("bad_rows".to_owned(), rows.to_string())).collect(),
        }
        .judge()
    }
    fn problems(&self) -> Vec<Finding> {
        let mut problems = self.columns_of().problems();
        if self.count.is_some() {
            let common = self.shared();
            for limit in common.warn_if.iter().chain(&common.hold_if).filter(|limit| limit.percent) {
                problems.push(
                    Finding::error(codes::BAD_CHECK, "a percentage is one of rows, and `count` counts something else")
                        .at(limit.span)
                        .help("write a number, or leave `count` out"),
                );
            }
        }
        problems
    }
}
