//! `groups_present`: every expected group arrived: platform, region, store.

use serde_json::json;

use super::argument::{Scalar, column_of, column_problem, relation_of};
use super::common::{Common, Expect, Part, Request, Tells};
use super::date_coverage::{slot_json, zone, zone_problem};
use super::judge::{count, fault};
use super::measurement::Measurement;
use super::missing::{LISTED, Missing, never_empty, told};
use super::outcome::{Fault, Judgement, Reason};
use crate::calendar::Slot;
use crate::diagnostic::{At, Finding, codes};

crate::check_args! {
    /// Every expected group arrived: platform, region, store.
    pub struct GroupsPresent {
        /// `model.column`: the group.
        pub column: At<String>,
        /// The groups that must be there.
        pub expect: At<Vec<At<Scalar>>>,
        /// The column with the date or time of a row; with it, only rows of the interval count.
        #[serde(default)]
        pub date: Option<At<String>>,
        /// Zone of times that have none: `UTC`; the contract's when absent.
        #[serde(default)]
        pub timezone: Option<At<String>>,
        /// The interval, where `date` limits the rows to it.
        #[serde(skip)]
        #[schemars(skip)]
        pub within: Option<Slot>,
    }
}

impl GroupsPresent {
    fn compare(&self, measurement: &Measurement) -> Result<Judgement, Fault> {
        let (expected, missing, others) = (count(measurement, 0)?, count(measurement, 1)?, count(measurement, 2)?);
        if i128::try_from(self.expect.len()) != Ok(expected) {
            return Err(fault(Reason::OutOfRange, format!("{expected} groups were looked for where {} are expected", self.expect.len())));
        }
        let listed = measurement.items.iter().map(|item| told(item, 0)).collect();
        let facts = vec![("other_groups".to_owned(), others.to_string())];
        let common = self.shared();
        Missing { common: &common, rows_seen: measurement.rows_seen, expected, missing, listed, unit: "groups", facts }.judge()
    }
}

impl super::Kind for GroupsPresent {
    fn common(&self) -> Common {
        self.shared()
    }
    fn relations(&self) -> Vec<At<String>> {
        vec![relation_of(&self.column)]
    }
    fn subject(&self) -> Vec<Part> {
        let columns = [column_of(&self.column)].into_iter().chain(self.date.clone());
        columns.map(|column| Part::Column { relation: 0, column }).chain([Part::RowsLost { relation: 0 }]).collect()
    }
    fn request(&self) -> Request<'_> {
        let zone = zone(self.timezone.as_ref(), self.within.as_ref());
        let expect: Vec<serde_json::Value> = self.expect.iter().map(|group| group.value.json()).collect();
        Request {
            columns: vec![("expected", Expect::Count), ("missing", Expect::Count), ("others", Expect::Count)],
            items: vec![("missing_group", Expect::Text)],
            arguments: [
                ("column", json!(column_of(&self.column).value)),
                ("expect", json!(expect)),
                ("date", json!(self.date.as_ref().map(|date| date.as_str()))),
                ("within", json!(self.within.as_ref().map(|slot| slot_json(slot, &zone)))),
                ("most", json!(LISTED)),
            ]
            .into(),
            ..Request::default()
        }
    }
    fn judge(&self, measurement: &Measurement) -> Judgement {
        self.compare(measurement).unwrap_or_else(Judgement::Error)
    }
    fn problems(&self) -> Vec<Finding> {
        let mut problems: Vec<Finding> = column_problem(&self.column).into_iter().chain(zone_problem(self.timezone.as_ref())).collect();
        if self.expect.is_empty() {
            problems.push(Finding::error(codes::BAD_CHECK, "no group is expected").at(self.expect.span));
        }
        for (place, group) in self.expect.iter().enumerate() {
            if self.expect.iter().take(place).any(|other| other.value == group.value) {
                problems.push(Finding::error(codes::BAD_CHECK, "a group is expected twice").at(group.span));
            }
        }
        if let (None, Some(zone)) = (&self.date, &self.timezone) {
            let finding = Finding::error(codes::CONTRADICTION, "`timezone` is of the times of `date`, which is not there").at(zone.span);
            problems.push(finding.help("remove it, or name the column with the time under date:"));
        }
        problems.extend(never_empty(&self.shared(), "a group that may be missing is not expected"));
        problems
    }
    fn tells(&self) -> Tells {
        Tells::Partial
    }
}
