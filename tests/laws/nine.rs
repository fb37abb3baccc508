//! The laws, one function each. `Ok(false)` means that the law has nothing to say of this world.

use std::collections::BTreeMap;

use presscheck::check::common::Severity;
use presscheck::check::measurement::{Cell, Measurement};
use presscheck::check::outcome::{Ended, Fault, Outcome, Reason};
use presscheck::decide::{Cause, Context, Decision, FactName, FactState, Verdict, agree, decide};
use presscheck::execute::{Answer as AnswerOf, Answers};
use presscheck::lineage::{Certainty, Graph, NodeIndex};
use presscheck::plan::{Expected, GuardingCheck, Reach, Step, Upstream};
use presscheck::record::Document;
use proptest::prelude::*;

use super::world::{Answer, Check, Tape, World, check_id, error, fail, meta, name, now, pass, plan, skipped, too_few_rows};
use super::{Ground, never_lower};

type Law = fn(&Ground, &mut Tape<'_>) -> Result<bool, TestCaseError>;

pub const LAWS: [(&str, Law); 11] = [
    ("bad news", bad_news),
    ("ignorance", ignorance),
    ("severity", severity),
    ("evidence", evidence),
    ("values", values),
    ("locality", locality),
    ("determinism", determinism),
    ("explained", explained),
    ("live", live),
    ("scarcity", scarcity),
    ("two roads agree", two_roads),
];

fn any_outcome(tape: &mut Tape<'_>) -> Outcome {
    match tape.below(6) {
        5 => too_few_rows(),
        0 => fail(Severity::Hold),
        1 => fail(Severity::Warn),
        2 => error(),
        3 => skipped(),
        _ => pass(),
    }
}

/// Law 1: Replacing any outcome by a worse one never lowers a verdict. Caught: a `fail(hold)` of a check with severity warn
/// that asked for nothing.
fn bad_news(ground: &Ground, tape: &mut Tape<'_>) -> Result<bool, TestCaseError> {
    let id = check_id(tape.below(ground.world.checks.len()));
    let worse = match ground.outcomes.get(&id).map(Outcome::ended) {
        Some(Ended::Pass) => any_outcome(tape),
        Some(Ended::FailWarn) => fail(Severity::Hold),
        Some(Ended::FailHold) => too_few_rows(),
        Some(Ended::Error | Ended::Skipped) | None => return Ok(false),
    };
    let mut outcomes = ground.outcomes.clone();
    outcomes.insert(id, worse);
    never_lower(&ground.decision, &decide(&ground.expected, &outcomes, &ground.context, now()))?;
    Ok(true)
}

/// Law 2: Making a model's SQL unknown, deleting a result or a context fact, losing a metric's column never lowers a verdict. Caught:
/// an absent result read as a pass; a waiver of skips that also covered lost results. A failure for want of rows asks for more than any
/// severity, so that in its place a lost result is only as bad as the severity says.
fn ignorance(ground: &Ground, tape: &mut Tape<'_>) -> Result<bool, TestCaseError> {
    let less = match tape.below(4) {
        0 => {
            let mut world = ground.world.clone();
            let at = tape.below(world.relations.len());
            world.relations[at].blind = !world.relations[at].parents.is_empty();
            world.decide()
        }
        1 => {
            let mut outcomes = ground.outcomes.clone();
            let at = tape.below(ground.world.checks.len());
            if ground.world.checks[at].answer == Answer::TooFewRows {
                return Ok(false);
            }
            outcomes.remove(&check_id(at));
            decide(&ground.expected, &outcomes, &ground.context, now())
        }
        2 => {
            let context = ground.context.clone().without(FactName::ALL[tape.below(7)]);
            decide(&ground.expected, &ground.outcomes, &context, now())
        }
        _ => {
            let mut expected = ground.expected.clone();
            let at = tape.below(expected.metrics.len());
            expected.metrics[at].upstream = Upstream::Unresolved(String::new());
            decide(&expected, &ground.outcomes, &ground.context, now())
        }
    };
    never_lower(&ground.decision, &less)?;
    Ok(less != ground.decision)
}

/// Law 3: Raising a severity or tightening a threshold never lowers a verdict. Caught: an error of a check with severity hold
/// that asked for less than a warning.
fn severity(ground: &Ground, tape: &mut Tape<'_>) -> Result<bool, TestCaseError> {
    let mut world = ground.world.clone();
    let some = tape.below(world.checks.len());
    let telling = world.checks.iter().position(|check| check.answer != Answer::Number(0));
    let check = &mut world.checks[telling.unwrap_or(some)];
    let before = check.clone();
    match tape.below(4) {
        3 => check.severity_for = check.severity_for.map(|(metric, _)| (metric, Severity::Hold)),
        0 => check.hold_above = Some(check.hold_above.map_or(0, |limit| limit.saturating_sub(1))),
        1 => check.warn_above = Some(check.warn_above.map_or(0, |limit| limit.saturating_sub(1))),
        _ => check.hold_above = Some(check.hold_above.or(check.warn_above).unwrap_or(0)),
    }
    if *check == before {
        return Ok(false);
    }
    let expected = world.expected();
    let stricter = decide(&expected, &world.outcomes(), &ground.context, now());
    never_lower(&ground.decision, &stricter)?;
    Ok(true)
}

/// Law 4: `publish` implies a passed check in knows(m), every check in may(m) passed, known lineage, every context fact, on time, no live
/// caveat. Caught: assumed lineage that was no cause.
fn evidence(ground: &Ground, _: &mut Tape<'_>) -> Result<bool, TestCaseError> {
    let passed = |check: &GuardingCheck| matches!(ground.outcomes.get(&check.id), Some(Outcome::Pass(_)));
    let mut published = false;
    for (metric, decided) in ground.expected.metrics.iter().zip(&ground.decision.metrics) {
        if decided.verdict != Verdict::Publish {
            continue;
        }
        published = true;
        let may: Vec<&GuardingCheck> = ground.expected.checks.iter().filter(|check| check.reach.contains_key(&metric.id)).collect();
        prop_assert!(may.iter().all(|check| passed(check)), "a check did not pass");
        prop_assert!(may.iter().any(|check| passed(check) && check.reach[&metric.id].certainty == Certainty::Known), "nothing verified it");
        prop_assert_eq!(&metric.upstream, &Upstream::Known);
        for fact in FactName::ALL {
            let state = ground.context.fact(fact).state;
            let fine = state == FactState::Holds || state == FactState::DoesNotApply && fact.may_not_apply();
            prop_assert!(fine, "{fact:?} is {state:?}");
        }
        prop_assert!(!ground.world.stray, "a result that nobody expected");
        prop_assert!(ground.expected.ready_by.is_none_or(|ready_by| now() <= ready_by), "late");
        let applies = |named: &Option<String>| named.as_ref().is_none_or(|named| *named == metric.id);
        let live = ground.expected.caveats.iter().any(|caveat| applies(&caveat.metric) && caveat.ends.is_none_or(|ends| ends > now()));
        prop_assert!(!live, "a caveat applies");
        prop_assert!(decided.causes.is_empty());
    }
    Ok(published)
}

/// Law 5: Putting NULL, NaN, infinity or a missing row in the place of any measurement never lowers a verdict. The measurement is judged
/// by a real check. Caught: an error that asked for nothing; a NULL read as 0.
fn values(ground: &Ground, tape: &mut Tape<'_>) -> Result<bool, TestCaseError> {
    let at = tape.below(ground.world.checks.len());
    let check = &ground.world.checks[at];
    let Answer::Number(number) = check.answer else { return Ok(false) };
    let number = Cell::Int(i128::try_from(number).unwrap());
    let row = |rows_seen, cells: Vec<Cell>| Ok(Measurement { rows_seen, cells, items: Vec::new(), now: now() });
    let spoilt = match tape.below(10) {
        0 => row(5, vec![Cell::Null]),
        1 => row(5, vec![Cell::NotFinite]),
        2 => row(5, vec![Cell::OutOfRange("1e99".into())]),
        3 => row(5, vec![Cell::Text("0".into())]),
        4 => row(5, vec![]),
        5 => row(5, vec![Cell::Int(-1)]),
        6 => row(0, vec![Cell::Int(0)]),
        7 => row(-1, vec![Cell::Int(0)]),
        8 => Err(Fault { reason: Reason::NoRows, detail: String::new() }),
        _ => Err(Fault { reason: Reason::SeveralRows, detail: String::new() }),
    };
    let mut outcomes = ground.outcomes.clone();
    outcomes.insert(check_id(at), check.judged(row(5, vec![number])));
    let before = decide(&ground.expected, &outcomes, &ground.context, now());
    prop_assert_eq!(&before.metrics, &ground.decision.metrics, "the world judges otherwise than the check");
    outcomes.insert(check_id(at), check.judged(spoilt));
    never_lower(&before, &decide(&ground.expected, &outcomes, &ground.context, now()))?;
    Ok(true)
}

/// Law 6: A metric that a failure cannot reach is not changed by it. Caught: evidence looked for among the checks of other metrics.
fn locality(ground: &Ground, tape: &mut Tape<'_>) -> Result<bool, TestCaseError> {
    let check = &ground.expected.checks[tape.below(ground.expected.checks.len())];
    if ground.expected.metrics.iter().all(|metric| check.reach.contains_key(&metric.id)) {
        return Ok(false);
    }
    let mut outcomes = ground.outcomes.clone();
    outcomes.insert(check.id.clone(), any_outcome(tape));
    let after = decide(&ground.expected, &outcomes, &ground.context, now());
    for (before, after) in ground.decision.metrics.iter().zip(&after.metrics) {
        prop_assert!(check.reach.contains_key(&before.id) || before == after, "{} changed with {}", before.id, check.id);
    }
    Ok(true)
}

/// Law 7: Same inputs, same decision, whatever the order of completion; the stored document decides the same again. One document in 32 is
/// written twice, with other retries, and compared byte for byte. Caught: attempts written into the document; a replay that took
/// assumed reach for known.
fn determinism(ground: &Ground, tape: &mut Tape<'_>) -> Result<bool, TestCaseError> {
    let backwards: BTreeMap<String, Outcome> = ground.outcomes.iter().rev().map(|(id, outcome)| (id.clone(), outcome.clone())).collect();
    let again = decide(&ground.expected, &backwards, &ground.context, now());
    prop_assert_eq!(&again, &ground.decision);
    let first = document(&ground.expected, &ground.outcomes, &ground.decision, 1);
    for (metric, replayed) in ground.decision.metrics.iter().zip(first.replay()) {
        prop_assert_eq!((&metric.id, metric.verdict), (&replayed.0, replayed.1), "replayed");
    }
    if tape.below(32) == 1 {
        let bytes = first.to_json().unwrap();
        prop_assert_eq!(&bytes, &document(&ground.expected, &backwards, &again, 2).to_json().unwrap());
        prop_assert_eq!(serde_json::from_str::<Document>(&bytes).unwrap(), first);
    }
    Ok(true)
}

fn document(expected: &Expected, outcomes: &BTreeMap<String, Outcome>, decision: &Decision, attempts: u32) -> Document {
    let answer = |id: &String| {
        let measurement = Ok(Measurement { rows_seen: 1, cells: Vec::new(), items: Vec::new(), now: now() });
        (id.clone(), AnswerOf { measurement, sql_hash: "sql".into(), attempts })
    };
    let answers = Answers { by_check: outcomes.keys().map(answer).collect(), snapshot: "snapshot".into(), ..Answers::default() };
    Document::new(&plan(expected.clone(), BTreeMap::new()), &answers, outcomes, decision, &meta())
}

/// Law 8: Every verdict above publish names each cause with a path through the graph; every named path exists; flipping exactly the named
/// facts gives publish, and leaving one of them as it is does not. Caught: a cause without its path; a caveat of another metric named as a
/// cause.
fn explained(ground: &Ground, tape: &mut Tape<'_>) -> Result<bool, TestCaseError> {
    let at = tape.below(ground.decision.metrics.len());
    let decided = &ground.decision.metrics[at];
    if decided.verdict == Verdict::Publish {
        prop_assert!(decided.causes.is_empty());
        return Ok(false);
    }
    prop_assert!(!decided.causes.is_empty(), "held without a cause");
    for cause in &decided.causes {
        if let Cause::Check { check, path, certainty, .. } = cause {
            exists(&ground.world, &ground.graph, at, check, path, *certainty)?;
        }
    }
    prop_assert_eq!(flip(ground, at, &decided.causes).metrics[at].verdict, Verdict::Publish, "after flipping every cause");
    let left = tape.below(decided.causes.len());
    let sole = match &decided.causes[left] {
        Cause::Check { .. } | Cause::Late { .. } | Cause::Caveat { .. } | Cause::Context { .. } | Cause::Unresolved { .. } => true,
        Cause::NoEvidence { .. } | Cause::AssumedLineage { .. } | Cause::Waiver { .. } | Cause::Internal { .. } => false,
    };
    let others: Vec<Cause> = decided.causes.iter().enumerate().filter(|(at, _)| *at != left).map(|(_, cause)| cause.clone()).collect();
    if sole && !others.iter().any(|cause| names_check(cause, &decided.causes[left])) {
        let verdict = flip(ground, at, &others).metrics[at].verdict;
        prop_assert!(verdict >= decided.causes[left].asks(), "{:?} is named but does not matter", decided.causes[left]);
    }
    Ok(true)
}

/// Whether flipping `cause` makes the check of `left` pass too, or lifts the same fact.
fn names_check(cause: &Cause, left: &Cause) -> bool {
    match (cause, left) {
        (Cause::NoEvidence { known, .. }, Cause::Check { check, .. }) => known.contains(check),
        (Cause::Waiver { check, .. }, Cause::Check { check: left, .. }) => check == left,
        (Cause::Context { fact, .. }, Cause::Context { fact: left, .. }) => fact == left,
        (Cause::AssumedLineage { .. }, Cause::Check { certainty, .. }) => *certainty == Certainty::Assumed,
        (Cause::Caveat { .. }, Cause::Caveat { .. }) => true,
        _ => false,
    }
}

/// Every step of the path is a node, every arrow an edge, from the check's subject to the metric.
fn exists(world: &World, graph: &Graph, metric: usize, check: &str, path: &[Step], certainty: Certainty) -> Result<(), TestCaseError> {
    let of = world.checks.iter().enumerate().find(|(at, _)| check_id(*at) == check).map(|(_, check)| check);
    let of = of.ok_or_else(|| TestCaseError::fail("no such check"))?;
    if path.is_empty() {
        prop_assert_eq!(of.affects, Some(metric), "no path");
        return Ok(());
    }
    let names: BTreeMap<String, NodeIndex> =
        (0..graph.len()).map(|at| NodeIndex::try_from(at).unwrap()).map(|at| (name(graph.at(at)), at)).collect();
    let index = |step: &Step| names.get(&step.node).copied();
    let nodes: Vec<NodeIndex> = path.iter().map(index).collect::<Option<_>>().ok_or_else(|| TestCaseError::fail("a step is no node"))?;
    prop_assert_eq!(nodes[0], world.index(of.subject.0, of.subject.1));
    let (relation, part, _) = world.metrics[metric];
    prop_assert!([0, 1, part].iter().any(|part| world.index(relation, *part) == nodes[nodes.len() - 1]), "the path ends elsewhere");
    for (pair, step) in nodes.windows(2).zip(path) {
        let drawn = graph.influences(pair[1]).iter().any(|(from, edge)| *from == pair[0] && Some((edge.kind, edge.certainty)) == step.edge);
        prop_assert!(drawn, "no edge from {}", step.node);
        prop_assert!(
            certainty == Certainty::Assumed || step.edge.is_none_or(|(_, edge)| edge == Certainty::Known),
            "known by an assumed edge"
        );
    }
    Ok(())
}

/// Turns every fact that the causes name, and nothing else.
fn flip(ground: &Ground, metric: usize, causes: &[Cause]) -> Decision {
    let mut expected = ground.expected.clone();
    let models = causes.iter().filter_map(|cause| if let Cause::AssumedLineage { models } = cause { Some(models) } else { None });
    for models in models {
        let mut world = ground.world.clone();
        for relation in models {
            let at: usize = relation.trim_start_matches('r').parse().unwrap();
            world.relations[at].blind = false;
        }
        expected = world.expected();
    }
    let mut outcomes = ground.outcomes.clone();
    let mut context: Context = ground.context.clone();
    for cause in causes {
        match cause {
            Cause::Check { check, .. } | Cause::Waiver { check, .. } => {
                outcomes.insert(check.clone(), pass());
            }
            Cause::NoEvidence { known, .. } => {
                outcomes.extend(known.iter().map(|check| (check.clone(), pass())));
                if known.is_empty() {
                    let mut check = expected.checks[0].clone();
                    check.id = "verifies".into();
                    check.reach = BTreeMap::from([(format!("m{metric}"), Reach { certainty: Certainty::Known, path: Vec::new() })]);
                    expected.checks.push(check);
                    outcomes.insert("verifies".into(), pass());
                }
            }
            Cause::AssumedLineage { .. } => {}
            Cause::Unresolved { .. } => expected.metrics[metric].upstream = Upstream::Known,
            Cause::Context { fact, .. } => {
                context = context.holds(*fact, "");
                if *fact == FactName::ExpectedSetComplete {
                    outcomes.remove("stray");
                }
            }
            Cause::Late { .. } => expected.ready_by = Some(now()),
            Cause::Caveat { .. } => {
                expected.caveats.retain(|caveat| caveat.metric.as_ref().is_some_and(|named| *named != format!("m{metric}")))
            }
            Cause::Internal { .. } => {}
        }
    }
    decide(&expected, &outcomes, &context, now())
}

/// Law 9: All passed, known, on time gives publish. Caught: a decision made exactly at the deadline that counted as late.
fn live(ground: &Ground, _: &mut Tape<'_>) -> Result<bool, TestCaseError> {
    let mut world = ground.world.clone();
    for relation in &mut world.relations {
        relation.blind = false;
    }
    for (_, _, resolved) in &mut world.metrics {
        *resolved = true;
    }
    for &(relation, part, _) in &world.metrics {
        let answer = Answer::Number(0);
        world.checks.push(Check {
            subject: (relation, part),
            warn_above: Some(0),
            hold_above: None,
            answer,
            without_baseline: None,
            severity_for: None,
            freshness: false,
            affects: None,
        });
    }
    for check in &mut world.checks {
        check.answer = Answer::Number(0);
    }
    world.caveats.retain(|(_, ends)| ends.is_some_and(|minutes| minutes <= 0));
    world.ready_in = world.ready_in.map(i64::abs);
    world.facts = [FactState::Holds; 7];
    world.stray = false;
    let decision = world.decide();
    for metric in &decision.metrics {
        prop_assert_eq!(metric.verdict, Verdict::Publish, "{:?}", metric.causes);
    }
    Ok(true)
}

/// Too few rows hold every metric that the check may reach, whatever its severity, and whatever the contract says of single metrics; only a
/// waiver of the check excuses it. Caught: an empty table that only warned of the metric of a `severity_for`.
fn scarcity(ground: &Ground, tape: &mut Tape<'_>) -> Result<bool, TestCaseError> {
    let check = &ground.expected.checks[tape.below(ground.expected.checks.len())];
    let waived = ground.expected.waivers.iter().any(|waiver| waiver.check == check.id && waiver.ends > now());
    let mut outcomes = ground.outcomes.clone();
    outcomes.insert(check.id.clone(), too_few_rows());
    let decision = decide(&ground.expected, &outcomes, &ground.context, now());
    for metric in decision.metrics.iter().filter(|metric| check.reach.contains_key(&metric.id)) {
        let least = if waived { Verdict::Warn } else { Verdict::Hold };
        prop_assert!(metric.verdict >= least, "{} is {:?} though {} saw too few rows", metric.id, metric.verdict, check.id);
    }
    prop_assert_eq!(agree(&ground.expected, &outcomes, &ground.context, &decision), Ok(()));
    Ok(!check.reach.is_empty())
}

/// The naive verdict function says the same of every metric. Caught: evidence by assumed reach; a waiver that outlived its end.
fn two_roads(ground: &Ground, _: &mut Tape<'_>) -> Result<bool, TestCaseError> {
    prop_assert_eq!(agree(&ground.expected, &ground.outcomes, &ground.context, &ground.decision), Ok(()));
    Ok(true)
}
