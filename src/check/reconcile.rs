//! `reconcile`: two aggregates agree within a tolerance, key by key; as a bridge also step by step.

use serde_json::json;

use super::Place;
use super::argument::{Number, Percentage, number_json};
use super::common::{Common, Expect, Grammar, Part, Request, Sql};
use super::judge::{Bad, count, fault, no_filter, text};
use super::keyed::{self, Allowed, Keyed};
use super::measurement::{Cell, Measurement};
use super::missing::told;
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
        /// The steps of a bridge, which add up to the value on each side: each step must agree, and on each side nothing may be left unexplained.
        #[serde(default)]
        pub steps: Vec<BridgeStep>,
    }
}

/// One step of a bridge, with its sign: `-sum(refunds)`.
#[derive(Debug, Clone, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BridgeStep {
    /// What people call it: `refunds`.
    pub name: At<String>,
    /// The aggregate on the left side, with the sign with which it is added.
    pub left: At<String>,
    /// The same on the right side.
    pub right: At<String>,
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

/// What is told of each step and of each key that disagrees.
const ITEMS: [(&str, Expect); 6] = [
    ("step", Expect::Count),
    ("in_key", Expect::Text),
    ("left", Expect::Text),
    ("right", Expect::Text),
    ("difference", Expect::Text),
    ("state", Expect::Text),
];

/// Most rows of that.
const LISTED: usize = 25;

/// The arguments under which templates see the steps of a bridge.
const STEPS: [(&str, &str); 12] = [
    ("left_step_1", "right_step_1"),
    ("left_step_2", "right_step_2"),
    ("left_step_3", "right_step_3"),
    ("left_step_4", "right_step_4"),
    ("left_step_5", "right_step_5"),
    ("left_step_6", "right_step_6"),
    ("left_step_7", "right_step_7"),
    ("left_step_8", "right_step_8"),
    ("left_step_9", "right_step_9"),
    ("left_step_10", "right_step_10"),
    ("left_step_11", "right_step_11"),
    ("left_step_12", "right_step_12"),
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
    /// Where it is; `shared` is the connection of the whole check.
    fn place(&self, shared: Option<&At<String>>) -> Place {
        Place { connection: self.connection.as_ref().or(shared).cloned(), bare: self.relation.is_some() }
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
    /// What two connections answered, as the one statement would have measured it.
    ///
    /// # Errors
    /// As [`keyed::compare`].
    pub fn merged(&self, left: &Keyed, right: &Keyed, now: jiff::Timestamp) -> Result<Measurement, Fault> {
        let tolerance = self.tolerance.as_ref();
        let allowed = Allowed {
            relative: tolerance.and_then(|tolerance| tolerance.relative.as_ref()).and_then(|relative| relative.share()),
            absolute: tolerance.and_then(|tolerance| tolerance.absolute.as_ref()).map(|absolute| absolute.0),
        };
        let by: Vec<String> = self.by.iter().map(|column| column.value.clone()).collect();
        keyed::compare(left, right, &by, self.steps.len(), &allowed, LISTED, now)
    }

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
        let unit = match (self.steps.is_empty(), self.by.is_empty()) {
            (true, true) => "totals",
            (true, false) => "keys",
            (false, _) => "steps",
        };
        let apart = self.listed(measurement, bad, &mut facts)?;
        let wrong = if apart.is_empty() { wrong } else { format!("{wrong}: {apart}") };
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

impl Reconcile {
    /// Puts the totals of the steps and the worst keys among the facts; says in words which steps disagree.
    fn listed(&self, measurement: &Measurement, bad: i128, facts: &mut Vec<(String, String)>) -> Result<String, Fault> {
        let mut keys = 0_usize;
        let mut apart: Vec<String> = Vec::new();
        for item in &measurement.items {
            let step = match item.first() {
                Some(Cell::Int(step)) => usize::try_from(*step).map_err(|_| fault(Reason::OutOfRange, "a step has no number"))?,
                _ => return Err(fault(Reason::WrongType, "a step is not told by its number")),
            };
            let name = self.step_name(step);
            let [in_key, left, right, difference, state] = [1, 2, 3, 4, 5].map(|index| told(item, index));
            if state == "step" {
                facts.push((format!("step {name}"), format!("{left} against {right}, {difference}")));
                continue;
            }
            keys += 1;
            let place = if self.steps.is_empty() { in_key.clone() } else { format!("{in_key}, {name}") };
            facts.push((format!("worst_{keys}"), format!("{place}: {left} against {right} ({})", state.replace('_', " "))));
            if !self.steps.is_empty() && apart.len() < 3 {
                let place = if self.by.is_empty() { name } else { format!("{name} of {in_key}") };
                apart.push(if state == "beyond" { format!("{place} by {}", difference.trim_start_matches('-')) } else { place });
            }
        }
        let room = LISTED.saturating_sub(if self.steps.is_empty() { 0 } else { self.steps.len() + 3 });
        let told = i128::try_from(keys).unwrap_or(i128::MAX);
        if told < bad && keys < room {
            return Err(fault(Reason::OutOfRange, format!("{bad} keys disagree, and {told} are listed")));
        }
        Ok(apart.join(", "))
    }

    /// What people call a step of the statement: the value itself, the steps as written, and each side by itself.
    fn step_name(&self, step: usize) -> String {
        match step.checked_sub(1) {
            None => "total".to_owned(),
            Some(at) => match self.steps.get(at) {
                Some(step) => step.name.value.clone(),
                None if at == self.steps.len() => "unexplained on the left".to_owned(),
                None => "unexplained on the right".to_owned(),
            },
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
    fn places(&self) -> Vec<Place> {
        [&self.left, &self.right].map(|side| side.place(self.shared().connection.as_ref())).into()
    }
    fn filters(&self) -> Vec<Option<At<String>>> {
        vec![self.left.filter.clone(), self.right.filter.clone()]
    }
    fn subject(&self) -> Vec<Part> {
        let side = |relation: usize, side: &Side| {
            let steps = self.steps.iter().map(|step| if relation == 0 { step.left.clone() } else { step.right.clone() });
            let read = [Some(side.value.clone()), side.filter.clone()].into_iter().flatten().chain(steps);
            let read = read.map(move |sql| Part::Expression { relation, sql });
            let keys = self.by.iter().map(move |column| Part::Column { relation, column: column.clone() });
            read.chain(keys).chain([Part::RowsLost { relation }, Part::RowsAdded { relation }]).collect::<Vec<_>>()
        };
        side(0, &self.left).into_iter().chain(side(1, &self.right)).collect()
    }
    fn request(&self) -> Request<'_> {
        let tolerance = self.tolerance.as_ref();
        let relative = tolerance.and_then(|tolerance| tolerance.relative.as_ref()).and_then(|relative| relative.share());
        let absolute = tolerance.and_then(|tolerance| tolerance.absolute.as_ref()).map(|absolute| absolute.0);
        let by: Vec<&str> = self.by.iter().map(|column| column.as_str()).collect();
        let expression = |text: &At<String>| Sql { text: text.clone(), grammar: Grammar::Expression };
        let mut sql = vec![("left_value", expression(&self.left.value)), ("right_value", expression(&self.right.value))];
        for ((left, right), step) in STEPS.iter().zip(&self.steps) {
            sql.extend([(*left, expression(&step.left)), (*right, expression(&step.right))]);
        }
        let steps: Vec<&str> = self.steps.iter().map(|step| step.name.as_str()).collect();
        Request {
            columns: COLUMNS.to_vec(),
            items: ITEMS.to_vec(),
            arguments: [
                ("by", json!(by)),
                ("relative", json!(relative.map(number_json))),
                ("absolute", json!(absolute.map(number_json))),
                ("steps", json!(steps)),
                ("most", json!(LISTED)),
            ]
            .into(),
            sql,
        }
    }
    fn judge(&self, measurement: &Measurement) -> Judgement {
        self.compare(measurement).unwrap_or_else(Judgement::Error)
    }
    fn problems(&self) -> Vec<Finding> {
        let tolerance = self.tolerance.iter().flat_map(Tolerance::problems);
        let filter = no_filter(&self.shared(), "write where: under left and right");
        let steps = self.steps.iter().enumerate().flat_map(|(place, step)| {
            let twice = self.steps.iter().take(place).any(|other| other.name.eq_ignore_ascii_case(&step.name));
            let twice =
                twice.then(|| Finding::error(codes::BAD_CHECK, format!("the step `{}` stands twice", step.name)).at(step.name.span));
            let many = (place == STEPS.len())
                .then(|| Finding::error(codes::BAD_CHECK, format!("a bridge has at most {} steps", STEPS.len())).at(step.name.span));
            let texts = [&step.name, &step.left, &step.right].into_iter().filter(|text| text.trim().is_empty());
            let empty = texts.map(|text| Finding::error(codes::BAD_CHECK, "this says nothing").at(text.span)).next();
            twice.into_iter().chain(many).chain(empty)
        });
        let steps: Vec<Finding> = steps.collect();
        self.left.problems("left").into_iter().chain(self.right.problems("right")).chain(tolerance).chain(steps).chain(filter).collect()
    }
}
