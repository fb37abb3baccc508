//! `reconcile`: two aggregates agree within a tolerance, key by key.

use serde_json::json;

use super::argument::{Number, Percentage, number_json};
use super::common::{Common, Expect, Grammar, Part, Request, Sql};
use super::judge::{Bad, count, fault, no_filter, text};
use super::measurement::Measurement;
use super::outcome::{Fault, Judgement, Reason};
use crate::diagnostic::{At, Finding, codes};

crate::check_args! {
    /// Two aggregates agree within a tolerance, key by key. A key on one side only, NULL, NaN and infinity are failures.
    pub struct Reconcile {
        /// What is checked.
        pub left: Side,
        /// What it is compared with: the reference that a relative tolerance is a share of.
        pub right: Side,
        /// Columns that both sides have, by which they are grouped; without them there is one number on each side.
        #[serde(default)]
        pub by: Vec<At<String>>,
        /// How far apart two numbers may be; exactly equal when absent.
        #[serde(default)]
        pub tolerance: Option<Tolerance>,
    }
}

/// One side of a reconciliation.
#[derive(Debug, Clone, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// The model, or `source.table`.
    #[serde(default)]
    pub model: Option<At<String>>,
    /// A relation that dbt does not know: `schema.table`.
    #[serde(default)]
    pub relation: Option<At<String>>,
    /// The aggregate: `sum(net_revenue)`.
    pub value: At<String>,
    /// SQL predicate that limits the rows of this side; may use `{{ interval.start }}` and `{{ interval.end }}`.
    #[serde(default, rename = "where")]
    pub filter: Option<At<String>>,
    /// A connection of `presscheck.yml`; the project's own when absent.
    #[serde(default)]
    pub connection: Option<At<String>>,
}

/// How far apart two numbers may be: the larger of both allowances, itself included.
#[derive(Debug, Clone, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tolerance {
    /// A share of the right side: `0.5%`.
    #[serde(default)]
    pub relative: Option<At<Percentage>>,
    /// A number in the unit of the value.
    #[serde(default)]
    pub absolute: Option<At<Number>>,
}

const COLUMNS: [(&str, Expect); 8] = [
    ("beyond", Expect::Count),
    ("left_only", Expect::Count),
    ("right_only", Expect::Count),
    ("not_finite", Expect::Count),
    ("zero_base", Expect::Count),
    ("left_total", Expect::Text),
    ("right_total", Expect::Text),
    ("worst_difference", Expect::Text),
];

impl Side {
    fn relation(&self) -> At<String> {
        self.model.clone().or_else(|| self.relation.clone()).unwrap_or_else(|| At::nowhere(String::new()))
    }
    fn problems(&self, side: &str) -> Vec<Finding> {
        let place = self.value.span;
        let named = match (&self.model, &self.relation) {
            (Some(_), None) | (None, Some(_)) => None,
            (Some(model), Some(_)) => Some(Finding::error(codes::CONTRADICTION, "`model` excludes `relation`").at(model.span)),
            (None, None) => Some(
                Finding::error(codes::CONTRADICTION, format!("the {side} side names no relation"))
                    .at(place)
                    .help("write model: and its name"),
            ),
        };
        let empty =
            self.value.value.trim().is_empty().then(|| Finding::error(codes::BAD_CHECK, format!("the {side} side has no value")).at(place));
        named.into_iter().chain(empty).collect()
    }
    fn executed(&self) -> Result<(), String> {
        match (&self.relation, &self.connection) {
            (None, None) => Ok(()),
            (_, Some(connection)) => Err(format!("comparing across connections (`{connection}`) is not executed by this version")),
            (Some(relation), None) => Err(format!("`{relation}` is not a dbt model, and other relations are not read by this version")),
        }
    }
}

impl Tolerance {
    fn problems(&self) -> Vec<Finding> {
        let mut problems = Vec::new();
        if self.relative.is_none() && self.absolute.is_none() {
            problems.push(Finding::error(codes::BAD_CHECK, "the tolerance is empty").help("write relative: 0.5%, absolute: 100 or both"));
        }
        if let Some(relative) = self.relative.as_ref().filter(|relative| relative.0.is_sign_negative() && !relative.0.is_zero()) {
            problems.push(Finding::error(codes::BAD_CHECK, "a tolerance cannot be negative").at(relative.span));
        }
        if let Some(relative) = self.relative.as_ref().filter(|relative| relative.share().is_none()) {
            problems.push(Finding::error(codes::BAD_CHECK, "this tolerance has too many digits").at(relative.span));
        }
        if let Some(absolute) = self.absolute.as_ref().filter(|absolute| absolute.0.is_sign_negative() && !absolute.0.is_zero()) {
            problems.push(Finding::error(codes::BAD_CHECK, "a tolerance cannot be negative").at(absolute.span));
        }
        problems
    }
}

impl Reconcile {
    fn compare(&self, measurement: &Measurement) -> Result<Judgement, Fault> {
        let keys = measurement.rows_seen;
        let [beyond, left_only, right_only, not_finite, zero_base] =
            [count(measurement, 0)?, count(measurement, 1)?, count(measurement, 2)?, count(measurement, 3)?, count(measurement, 4)?];
        let bad = [beyond, left_only, right_only, not_finite].iter().try_fold(0_i128, |sum, part| sum.checked_add(*part));
        let impossible = || fault(Reason::OutOfRange, format!("more keys disagree than the {keys} that there are"));
        let bad = bad.filter(|bad| bad.checked_add(zero_base).is_some_and(|all| all <= keys)).ok_or_else(impossible)?;
        let mut facts: Vec<(String, String)> = Vec::new();
        for (index, (name, _)) in COLUMNS.iter().enumerate() {
            facts.extend(text(measurement, index).map(|value| ((*name).to_owned(), value)));
        }
        let parts = [(beyond, "beyond the tolerance"), (left_only, "missing on the right"), (right_only, "missing on the left")];
        let parts = parts.into_iter().chain([(not_finite, "without a finite number")]).filter(|(number, _)| *number > 0);
        let wrong: Vec<String> =
            parts.map(|(number, what)| if number == bad { what.to_owned() } else { format!("{number} {what}") }).collect();
        let wrong = if wrong.len() > 1 { format!("in disagreement: {}", wrong.join(", ")) } else { wrong.concat() };
        let common = self.shared();
        let by: Vec<&str> = self.by.iter().map(|column| column.as_str()).collect();
        let unit = if by.is_empty() { "totals" } else { "keys" };
        let judgement = Bad { common: &common, rows_seen: keys, bad, among_rows: true, unit, wrong: &wrong, facts }.judge();
        // A share of nothing is no number. A failure that is there anyway is said first: the data is wrong, whatever the share.
        match judgement {
            Judgement::Pass(_) if zero_base > 0 => Err(fault(
                Reason::ZeroDenominator,
                format!(
                    "{zero_base} of {keys} {unit} have 0 on the right and something else on the left; a share of 0 is no tolerance (add absolute:)"
                ),
            )),
            Judgement::Pass(measured) => Ok(Judgement::Pass(measured)),
            Judgement::Fail { asks, measured, why } => Ok(Judgement::Fail { asks, measured, why }),
            Judgement::Error(fault) => Err(fault),
        }
    }
}

impl super::Kind for Reconcile {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        vec![self.left.relation(), self.right.relation()]
    }
    fn filters(&self) -> Vec<Option<At<String>>> {
        vec![self.left.filter.clone(), self.right.filter.clone()]
    }
    fn subject(&self) -> Vec<Part> {
        let side = |relation: usize, side: &Side| {
            let read = [Some(side.value.clone()), side.filter.clone()].into_iter().flatten();
            let read = read.map(move |sql| Part::Expression { relation, sql });
            let keys = self.by.iter().map(move |column| Part::Column { relation, column: column.clone() });
            read.chain(keys).chain([Part::RowsLost { relation }, Part::RowsAdded { relation }]).collect::<Vec<_>>()
        };
        side(0, &self.left).into_iter().chain(side(1, &self.right)).collect()
    }
    fn request(&self) -> Request {
        let tolerance = self.tolerance.as_ref();
        let relative = tolerance.and_then(|tolerance| tolerance.relative.as_ref()).and_then(|relative| relative.share());
        let absolute = tolerance.and_then(|tolerance| tolerance.absolute.as_ref()).map(|absolute| absolute.0);
        let by: Vec<&str> = self.by.iter().map(|column| column.as_str()).collect();
        Request {
            columns: COLUMNS.to_vec(),
            items: Vec::new(),
            arguments: [("by", json!(by)), ("relative", json!(relative.map(number_json))), ("absolute", json!(absolute.map(number_json)))]
                .into(),
            sql: vec![
                ("left_value", Sql { text: self.left.value.clone(), grammar: Grammar::Expression }),
                ("right_value", Sql { text: self.right.value.clone(), grammar: Grammar::Expression }),
            ],
        }
    }
    fn judge(&self, measurement: &Measurement) -> Judgement {
        self.compare(measurement).unwrap_or_else(Judgement::Error)
    }
    fn problems(&self) -> Vec<Finding> {
        let tolerance = self.tolerance.iter().flat_map(Tolerance::problems);
        let filter = no_filter(&self.shared(), "write where: under left and right");
        self.left.problems("left").into_iter().chain(self.right.problems("right")).chain(tolerance).chain(filter).collect()
    }
    fn executed(&self) -> Result<(), String> {
        self.left.executed().and_then(|()| self.right.executed())
    }
}
