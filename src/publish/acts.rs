//! The acts of publishing a decision, in order: the tables in one transaction, the hooks, and the word that the report is published. Each is done once, however often
//! this is called: an act that was done is left alone, one that may have reached the world is done again with its key.

use std::collections::BTreeMap;

use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};

use super::past::Tables;
use super::table::Relation;
use super::{Engine, STATUS, VALUES, key, status, values};
use crate::check::measurement::Cell;
use crate::check::outcome::Fault;
use crate::history::{ActKind, Claim, History, Intent, RunKey, Step as Journal};
use crate::plan::{MetricId, Values};
use crate::record::{Document, FORMAT, Verdict};
use crate::warehouse::Rows;
use crate::warehouse::writer::{Agree, Refused, Step};

/// What is to be published of a decision.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The decision, as it was stored.
    pub document: &'a Document,
    /// Where each metric stands, by the plan that is made now.
    pub values: &'a BTreeMap<MetricId, Result<Values, String>>,
    /// Whose SQL is written.
    pub engine: Engine,
    /// The table of certified values.
    pub snapshot: Option<&'a Relation>,
    /// The table of the status.
    pub status: Option<&'a Relation>,
    /// Who is called after certified values were written.
    pub on_publish: &'a [String],
    /// Who is called when a metric is held.
    pub on_hold: &'a [String],
}

/// Runs what makes tables ready, then what is written, each in a transaction; the last word before it becomes true is the caller's.
pub type Writes<'w> = dyn Fn(&[Step], &[Step], &mut Agree<'_>) -> Result<Vec<Rows>, Refused> + 'w;

/// Calls a hook: its name, the idempotency key, the text that it gets. Fails with why it was not taken.
pub type Calls<'c> = dyn Fn(&str, &str, &str) -> Result<(), String> + 'c;

/// How the world is reached.
pub struct Means<'a> {
    /// Runs what makes the tables ready, then what is written, each in a transaction; see [`crate::warehouse::writer::write`].
    pub write: &'a Writes<'a>,
    /// Calls a hook (`webhook:name`, `command:name`) with the idempotency key and a text.
    pub call: &'a Calls<'a>,
    /// The local clock.
    pub now: &'a dyn Fn() -> Timestamp,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// How far it came.
    pub state: State,
    /// What the tables show of each metric now; empty where they were not written.
    pub shown: Vec<Shown>,
    /// Whether all had been done before.
    pub before: bool,
}

/// How far it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Everything is done.
    Done,
    /// Nothing was written, and will not be for this decision: why.
    Refused(String),
    /// Something could not be done; it is tried again when this is called again. Until then the report does not count as published.
    Failed(String),
}

/// What is shown of a metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// Key in the contract.
    pub metric: MetricId,
    /// `certified`, `last_safe` or `blank`.
    pub shown: String,
    /// How many rows.
    pub rows: u64,
    /// First instant of the interval that the values are of, UTC; absent for a blank, and without a schedule.
    pub of: Option<String>,
}

impl Published {
    fn refused(why: String) -> Published {
        Published { state: State::Refused(why), shown: Vec::new(), before: false }
    }
}

/// Does every act of publishing that is not done yet.
///
/// # Errors
/// The history cannot be read or written: then no further act was done.
pub fn publish(history: &mut History, of: &RunKey, order: &Order<'_>, means: &Means<'_>) -> Result<Published, String> {
    if let Err(why) = may_be_published(order.document) {
        return Ok(Published::refused(why));
    }
    if let Err(why) = newest(history, order.document)? {
        return Ok(Published::refused(why));
    }
    let mut before = true;
    let mut shown = Vec::new();
    if order.snapshot.is_some() || order.status.is_some() {
        let intent = tables(order);
        match history.intent(of, (means.now)(), &intent)? {
            Claim::Done => shown = was_shown(history, order.document, &intent.key)?,
            Claim::New | Claim::Again => {
                before = false;
                match write(history, order, means) {
                    Ok(rows) => shown = rows,
                    Err(state) => return failed(history, of, means, &intent.key, state),
                }
                let answer = serde_json::to_string(&shown).map_err(|error| error.to_string())?;
                history.append(of, (means.now)(), &Journal::Done { key: intent.key, answer })?;
            }
        }
    }
    let calls = calls(order);
    for name in &calls {
        let key = key(order.document, &format!("hook {name}"));
        let what = format!("call {name} about {}", order.document.contract);
        let body = serde_json::json!({ "decision": order.document.run, "hook": name });
        let intent = Intent { act: ActKind::Hook, key: key.clone(), what, body };
        if history.intent(of, (means.now)(), &intent)? == Claim::Done {
            continue;
        }
        before = false;
        let called = super::hook::payload(order.document, &shown, &key).and_then(|text| (means.call)(name, &key, &text));
        match called {
            Ok(()) => history.append(of, (means.now)(), &Journal::Done { key, answer: String::new() })?,
            Err(error) => {
                let ended = failed(history, of, means, &key, State::Failed(format!("{name} failed: {error}")))?;
                return Ok(Published { shown, ..ended });
            }
        }
    }
    if let (Some(relation), false) = (order.status, calls.is_empty()) {
        let key = key(order.document, "published");
        let what = format!("say in {} that {} is published", relation.rendered, order.document.contract);
        let body = serde_json::json!({ "decision": order.document.run });
        let intent = Intent { act: ActKind::Publish, key: key.clone(), what, body };
        if history.intent(of, (means.now)(), &intent)? != Claim::Done {
            before = false;
            let steps = status::published(&relation.rendered, order.document);
            match (means.write)(&[], &steps, &mut || Ok(())) {
                Ok(_) => history.append(of, (means.now)(), &Journal::Done { key, answer: String::new() })?,
                Err(refused) => {
                    let ended = failed(history, of, means, &key, state(refused))?;
                    return Ok(Published { shown, ..ended });
                }
            }
        }
    }
    Ok(Published { state: State::Done, shown, before })
}

/// Whether the document says the truth about itself, and is one that may authorise anything.
fn may_be_published(document: &Document) -> Result<(), String> {
    if document.presscheck.format != FORMAT {
        return Err(format!("the decision has format {}, and this version reads {FORMAT}", document.presscheck.format));
    }
    if document.rehearsal {
        return Err("the decision is a rehearsal: its time was given with --as-of".to_owned());
    }
    if document.nothing_to_check || document.metrics.is_empty() {
        return Err("there was nothing to decide about".to_owned());
    }
    let wrong = document.contradictions();
    if !wrong.is_empty() {
        return Err(format!("the verdicts of {} do not follow from the outcomes: the decision was edited", wrong.join(", ")));
    }
    if !document.is_itself() {
        return Err("the decision's identifier is not that of what it says: it was edited, or another version wrote it".to_owned());
    }
    Ok(())
}

/// Whether it is the last decision of its interval that the history has; else why not.
fn newest(history: &History, document: &Document) -> Result<Result<(), String>, String> {
    let begins = match &document.interval {
        None => None,
        Some(interval) => match interval.start.parse::<Zoned>() {
            Ok(start) => Some(start.timestamp()),
            Err(_) => return Ok(Err(format!("`{}` is no moment", interval.start))),
        },
    };
    Ok(match history.newest(&document.contract, begins)? {
        Some(run) if run == document.run => Ok(()),
        Some(run) => Err(format!("the newest decision of this interval is {run}, and this one is {}", document.run)),
        None => Err("the project's history does not know this decision".to_owned()),
    })
}

fn tables(order: &Order<'_>) -> Intent {
    let relations: Vec<&str> = [order.snapshot, order.status].into_iter().flatten().map(|relation| relation.rendered.as_str()).collect();
    let certified = order.document.metrics.iter().filter(|metric| metric.verdict != Verdict::Hold);
    let body = Tables {
        decision: order.document.run.clone(),
        snapshot: order.snapshot.map(|relation| relation.written.clone()),
        status: order.status.map(|relation| relation.written.clone()),
        interval: Tables::interval(order.document),
        certified: certified.map(|metric| metric.id.clone()).collect(),
    };
    Intent {
        act: ActKind::Publish,
        key: key(order.document, "tables"),
        what: format!("write {} of {}", relations.join(" and "), order.document.contract),
        body: serde_json::to_value(body).unwrap_or_default(),
    }
}

fn write(history: &History, order: &Order<'_>, means: &Means<'_>) -> Result<Vec<Shown>, State> {
    let [start, end] = super::statement::interval(order.document).map_err(State::Refused)?;
    debug_assert!(start.is_some() == end.is_some());
    let mut ready = Vec::new();
    let mut steps = Vec::new();
    let relations = [(order.snapshot, VALUES), (order.status, STATUS)];
    for (relation, table) in relations.into_iter().filter_map(|(relation, table)| Some((relation?, table))) {
        ready.extend(table.ready(order.engine, relation));
        steps.extend(super::statement::alone(order.engine, &relation.rendered).map(Step::Do));
    }
    // Locks are taken in one order, so that two publications never wait for each other.
    steps.sort_by_key(|step| match step {
        Step::Do(sql) => sql.clone(),
        _ => String::new(),
    });
    for relation in [order.snapshot, order.status].into_iter().flatten() {
        steps.push(super::statement::no_newer(&relation.rendered, order.document, start));
    }
    if let Some(relation) = order.snapshot.or(order.status) {
        steps.push(super::statement::enough(&relation.rendered, order.document));
    }
    if let Some(relation) = order.snapshot {
        steps.extend(values::values(order.engine, &relation.rendered, order.document, order.values).map_err(State::Refused)?);
    }
    if let Some(relation) = order.status {
        let published = calls(order).is_empty();
        let snapshot = order.snapshot.map(|relation| relation.rendered.as_str());
        steps.extend(status::status(&relation.rendered, snapshot, order.document, published).map_err(State::Refused)?);
    }
    steps.extend(order.snapshot.map(|relation| values::told(&relation.rendered, order.document)));
    // The last look: while the tables were locked another decision may have been made.
    let mut agree = || newest(history, order.document).and_then(|newest| newest);
    let told = (means.write)(&ready, &steps, &mut agree).map_err(state)?;
    told.iter().flat_map(|rows| &rows.rows).map(|row| shown(row).map_err(State::Failed)).collect()
}

fn state(refused: Refused) -> State {
    match refused {
        Refused::Said(why) => State::Refused(why),
        Refused::Fault(Fault { detail, .. }) => State::Failed(detail),
    }
}

fn failed(history: &mut History, of: &RunKey, means: &Means<'_>, key: &str, state: State) -> Result<Published, String> {
    let error = match &state {
        State::Refused(why) | State::Failed(why) => why.clone(),
        State::Done => String::new(),
    };
    let refused = matches!(state, State::Refused(_));
    history.append(of, (means.now)(), &Journal::Failed { key: key.to_owned(), error, refused })?;
    Ok(Published { state, shown: Vec::new(), before: false })
}

/// The hooks that this decision asks for, each once.
fn calls(order: &Order<'_>) -> Vec<String> {
    let has = |held: bool| order.document.metrics.iter().any(|metric| (metric.verdict == Verdict::Hold) == held);
    let published = order.on_publish.iter().filter(|_| has(false));
    let held = order.on_hold.iter().filter(|_| has(true));
    published.chain(held).fold(Vec::new(), |mut calls, name| {
        if !calls.contains(name) {
            calls.push(name.clone());
        }
        calls
    })
}

/// One row of [`values::told`].
fn shown(row: &[Cell]) -> Result<Shown, String> {
    match row {
        [Cell::Text(metric), Cell::Text(shown), Cell::Int(rows), of] => Ok(Shown {
            metric: metric.clone(),
            shown: shown.clone(),
            rows: u64::try_from(*rows).map_err(|error| error.to_string())?,
            of: match of {
                Cell::Instant(of) => Some(of.to_string()),
                _ => None,
            },
        }),
        other => Err(format!("the table of certified values says {other:?}")),
    }
}

/// What the journal keeps of tables that were written before.
fn was_shown(history: &History, document: &Document, key: &str) -> Result<Vec<Shown>, String> {
    let acts = history.acts(&document.contract, ActKind::Publish, Timestamp::MIN)?;
    let done = acts.into_iter().find(|act| act.intent.key == key).and_then(|act| act.done);
    Ok(done.and_then(|(_, answer)| serde_json::from_str(&answer).ok()).unwrap_or_default())
}
