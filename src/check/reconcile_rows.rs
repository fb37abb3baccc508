//! `reconcile_rows`: two relations agree row by row on a key.

use super::Place;
use super::common::{Common, Expect, Part, Request};
use super::judge::{Bad, count, fault, text};
use super::measurement::Measurement;
use super::missing::told;
use super::outcome::{Fault, Judgement, Reason};
use crate::check::common::Severity;
use crate::diagnostic::{At, Finding, Span, codes};

crate::check_args! {
    /// Two relations agree row by row on a key.
    pub struct ReconcileRows {
        /// What is checked.
        pub left: Table,
        /// What it is compared with.
        pub right: Table,
        /// Columns that name a row on both sides.
        pub key: At<Vec<At<String>>>,
        /// Columns that must agree; all of both sides when absent, and then a column that one side alone has is an error.
        #[serde(default)]
        pub columns: Option<At<Vec<At<String>>>>,
        /// Columns that are not compared, of either side.
        #[serde(default)]
        pub exclude: Option<At<Vec<At<String>>>>,
        /// Significant digits by which floats are compared, 1 to 17; bit by bit when absent.
        #[serde(default)]
        pub float_digits: Option<At<u32>>,
        /// How rows are compared; `auto` when absent.
        #[serde(default)]
        pub strategy: Option<At<Strategy>>,
    }
}

/// How rows are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Checksums where the link is slow or the rows are wide, if both engines can; else every row is fetched.
    #[default]
    Auto,
    /// Every row is fetched once and compared here.
    Stream,
    /// Both engines sum up segments of rows, and only rows of segments that differ are fetched.
    Checksums,
}

/// One side of the comparison.
#[derive(Debug, Clone, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The model, or `source.table`.
    #[serde(default)]
    pub model: Option<At<String>>,
    /// A relation that dbt does not know: `schema.table`.
    #[serde(default)]
    pub relation: Option<At<String>>,
    /// SQL predicate that limits the rows of this side.
    #[serde(default, rename = "where")]
    pub filter: Option<At<String>>,
    /// A connection of `presscheck.yml`; the project's own when absent.
    #[serde(default)]
    pub connection: Option<At<String>>,
}

const COLUMNS: [(&str, Expect); 12] = [
    ("differing", Expect::Count),
    ("left_only", Expect::Count),
    ("right_only", Expect::Count),
    ("repeated_keys", Expect::Count),
    ("null_keys", Expect::Count),
    ("left_rows", Expect::Count),
    ("right_rows", Expect::Count),
    ("rows_moved", Expect::Count),
    // 0 where so much differs that the rest was not looked at: the numbers are then the least that they can be.
    ("complete", Expect::Count),
    ("compared_columns", Expect::Text),
    ("excluded_columns", Expect::Text),
    // Which way was taken, and why.
    ("strategy", Expect::Text),
];

/// What is told of each key.
const ITEMS: [(&str, Expect); 3] = [("in_key", Expect::Text), ("state", Expect::Text), ("columns", Expect::Text)];

/// Most keys that are told.
pub const LISTED: usize = 25;

impl Table {
    fn relation(&self) -> At<String> {
        self.model.clone().or_else(|| self.relation.clone()).unwrap_or_else(|| At::nowhere(String::new()))
    }
    fn problem(&self, side: &str, place: Span) -> Option<Finding> {
        match (&self.model, &self.relation) {
            (Some(_), None) | (None, Some(_)) => None,
            (Some(model), Some(_)) => Some(Finding::error(codes::CONTRADICTION, "`model` excludes `relation`").at(model.span)),
            (None, None) => Some(
                Finding::error(codes::CONTRADICTION, format!("the {side} side names no relation"))
                    .at(place)
                    .help("write model: and its name"),
            ),
        }
    }
    fn place(&self, shared: Option<&At<String>>) -> Place {
        Place { connection: self.connection.as_ref().or(shared).cloned(), bare: self.relation.is_some() }
    }
}

impl ReconcileRows {
    fn compare(&self, measurement: &Measurement) -> Result<Judgement, Fault> {
        let [differing, left_only, right_only, repeated, null] =
            [count(measurement, 0)?, count(measurement, 1)?, count(measurement, 2)?, count(measurement, 3)?, count(measurement, 4)?];
        let parts = [
            (differing, "with other values"),
            (left_only, "missing on the right"),
            (right_only, "missing on the left"),
            (repeated, "there more than once"),
            (null, "with a NULL in the key"),
        ];
        let too_many = || fault(Reason::OutOfRange, "there are more differences than can be counted");
        let bad = parts.iter().try_fold(0_i128, |sum, (number, _)| sum.checked_add(*number)).ok_or_else(too_many)?;
        let mut facts: Vec<(String, String)> = Vec::new();
        for (index, (name, _)) in COLUMNS.iter().enumerate() {
            facts.extend(text(measurement, index).map(|value| ((*name).to_owned(), value)));
        }
        let complete = match count(measurement, 8)? {
            1 => true,
            0 => false,
            other => return Err(fault(Reason::OutOfRange, format!("`complete` is {other}"))),
        };
        let mut first = Vec::new();
        for (at, item) in measurement.items.iter().enumerate() {
            let [key, state, columns] = [0, 1, 2].map(|index| told(item, index));
            let told = if columns.is_empty() { state.replace('_', " ") } else { format!("{} ({columns})", state.replace('_', " ")) };
            facts.push((format!("key_{}", at + 1), format!("{key}: {told}")));
            if first.len() < 3 {
                first.push(key);
            }
        }
        let said: Vec<String> = parts
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| if *number == bad { (*what).to_owned() } else { format!("{number} {what}") })
            .collect();
        let said = if said.len() > 1 { format!("in disagreement: {}", said.join(", ")) } else { said.concat() };
        let least = if complete { "" } else { " or more" };
        let wrong = if first.is_empty() { format!("{said}{least}") } else { format!("{said}{least}: {}", first.join(", ")) };
        let common = self.shared();
        let judgement =
            Bad { common: &common, rows_seen: measurement.rows_seen, bad, among_rows: false, unit: "keys", wrong: &wrong, facts }.judge();
        match judgement {
            // More of them could cross what these did not.
            Judgement::Pass(_) | Judgement::Fail { asks: Severity::Warn, .. } if !complete && common.hold_if.is_some() => {
                Err(unfinished(bad))
            }
            Judgement::Pass(_) if !complete => Err(unfinished(bad)),
            Judgement::Pass(measured) => Ok(Judgement::Pass(measured)),
            Judgement::Fail { asks, measured, why } => Ok(Judgement::Fail { asks, measured, why }),
            Judgement::Error(fault) => Err(fault),
        }
    }
}

fn unfinished(bad: i128) -> Fault {
    fault(Reason::BudgetExceeded, format!("at least {bad} keys disagree, and so much differs that the rest was not looked at"))
}

impl super::Kind for ReconcileRows {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        vec![self.left.relation(), self.right.relation()]
    }
    fn places(&self) -> Vec<Place> {
        [&self.left, &self.right].map(|side| side.place(self.shared().connection.as_ref())).into()
    }
    fn filters(&self) -> Vec<Option<At<String>>> {
        vec![self.left.filter.clone(), self.right.filter.clone()]
    }
    fn subject(&self) -> Vec<Part> {
        let Some(columns) = &self.columns else {
            let but = self.exclude.as_ref().map(|exclude| exclude.value.clone()).unwrap_or_default();
            return [0, 1].map(|relation| Part::Everything { relation, but: but.clone() }).into();
        };
        let side = |relation: usize| {
            let named = self.key.iter().chain(columns.iter()).map(move |column| Part::Column { relation, column: column.clone() });
            named.chain([Part::RowsLost { relation }, Part::RowsAdded { relation }]).collect::<Vec<_>>()
        };
        side(0).into_iter().chain(side(1)).collect()
    }
    fn request(&self) -> Request<'_> {
        Request { columns: COLUMNS.to_vec(), items: ITEMS.to_vec(), ..Request::default() }
    }
    fn judge(&self, measurement: &Measurement) -> Judgement {
        self.compare(measurement).unwrap_or_else(Judgement::Error)
    }
    fn problems(&self) -> Vec<Finding> {
        let none = |list: &At<Vec<At<String>>>| {
            list.value.is_empty().then(|| Finding::error(codes::CONTRADICTION, "no column is named").at(list.span))
        };
        let empty = none(&self.key).into_iter().chain(self.columns.as_ref().and_then(none)).chain(self.exclude.as_ref().and_then(none));
        let place = self.key.span;
        let sides = [(&self.left, "left"), (&self.right, "right")].into_iter().filter_map(|(table, side)| table.problem(side, place));
        let filter = super::judge::no_filter(&self.shared(), "write where: under left and right");
        let digits = self.float_digits.as_ref().filter(|digits| !(1..=17).contains(&digits.value));
        let digits = digits.map(|digits| Finding::error(codes::BAD_CHECK, "floats have 1 to 17 significant digits").at(digits.span));
        let both = self.exclude.as_ref().filter(|_| self.columns.is_some());
        let both = both.map(|exclude| Finding::error(codes::CONTRADICTION, "`columns` excludes `exclude`").at(exclude.span));
        let named = self.columns.iter().chain(&self.exclude).flat_map(|columns| columns.iter());
        let twice = named.filter(|column| self.key.iter().any(|key| key.eq_ignore_ascii_case(column)));
        let twice: Vec<Finding> =
            twice.map(|column| Finding::error(codes::CONTRADICTION, format!("`{column}` is part of the key")).at(column.span)).collect();
        sides.chain(empty).chain(filter).chain(digits).chain(both).chain(twice).collect()
    }
}
