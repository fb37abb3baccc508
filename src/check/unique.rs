//! `unique`: no key twice, over one or several columns.

use serde_json::json;

use super::argument::{ColumnsOf, Nulls, null_passes};
use super::common::{Common, Expect, Part, Request};
use super::judge::{Bad, count, fault};
use super::measurement::Measurement;
use super::outcome::{Fault, Judgement, Reason};
use crate::diagnostic::{At, Finding};

crate::check_args! {
    /// No key twice, over one or several columns. A key with a NULL in it is bad too, unless `null: pass`.
    pub struct Unique {
        /// `model.column`.
        #[serde(default)]
        pub column: Option<At<String>>,
        /// The relation of `columns`.
        #[serde(default)]
        pub model: Option<At<String>>,
        /// The columns of `model` that make the key together.
        #[serde(default)]
        pub columns: Option<At<Vec<At<String>>>>,
        /// What a NULL in the key counts as: `fail` (default), or `pass`: such rows are left out, as dbt does.
        #[serde(default)]
        pub null: Option<At<Nulls>>,
    }
}

impl Unique {
    fn columns_of(&self) -> ColumnsOf<'_> {
        ColumnsOf { column: self.column.as_ref(), model: self.model.as_ref(), columns: self.columns.as_ref() }
    }
    /// Keys that are there twice, rows that repeat a key, rows with a NULL in the key.
    fn numbers(&self, measurement: &Measurement) -> Result<(i128, i128, i128), Fault> {
        let (keys, repeats, nulls) = (count(measurement, 0)?, count(measurement, 1)?, count(measurement, 2)?);
        let sum = keys.checked_add(repeats).and_then(|sum| sum.checked_add(nulls));
        // Each key that is there twice has at least one repetition, and all of these rows are among those seen.
        if repeats < keys || (keys == 0 && repeats > 0) || sum.is_none_or(|sum| sum > measurement.rows_seen) {
            let rows = measurement.rows_seen;
            return Err(fault(
                Reason::OutOfRange,
                format!("{keys} repeated keys, {repeats} repetitions and {nulls} NULL keys in {rows} rows cannot be"),
            ));
        }
        Ok((keys, repeats, nulls))
    }
}

impl super::Kind for Unique {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        vec![self.columns_of().relation()]
    }
    fn subject(&self) -> Vec<Part> {
        let columns = self.columns_of().names().into_iter().map(|column| Part::Column { relation: 0, column });
        columns.chain([Part::RowsAdded { relation: 0 }]).collect()
    }
    fn request(&self) -> Request<'_> {
        let names: Vec<String> = self.columns_of().names().into_iter().map(|name| name.value).collect();
        Request {
            columns: vec![("repeated_keys", Expect::Count), ("repetitions", Expect::Count), ("null_keys", Expect::Count)],
            arguments: [("columns", json!(names)), ("null_passes", json!(null_passes(self.null.as_ref())))].into(),
            ..Request::default()
        }
    }
    fn has_failing_rows(&self) -> bool {
        true
    }
    fn judge(&self, measurement: &Measurement) -> Judgement {
        let (keys, repeats, nulls) = match self.numbers(measurement) {
            Ok(numbers) => numbers,
            Err(fault) => return Judgement::Error(fault),
        };
        let judged_nulls = if null_passes(self.null.as_ref()) { 0 } else { nulls };
        let common = self.shared();
        let names: Vec<String> = self.columns_of().names().into_iter().map(|name| name.value).collect();
        let names = names.join(", ");
        let wrong = match (keys > 0, judged_nulls > 0) {
            (true, true) => format!("repeated or without a value in {names}"),
            (false, true) => format!("without a value in {names}"),
            (true | false, false) => format!("repeated in {names}"),
        };
        Bad {
            common: &common,
            rows_seen: measurement.rows_seen,
            bad: keys + judged_nulls,
            among_rows: true,
            unit: "keys",
            wrong: &wrong,
            facts: [("repeated_keys", keys), ("repetitions", repeats), ("null_keys", nulls)]
                .map(|(name, n)| (name.to_owned(), n.to_string()))
                .to_vec(),
        }
        .judge()
    }
    fn problems(&self) -> Vec<Finding> {
        self.columns_of().problems()
    }
}
