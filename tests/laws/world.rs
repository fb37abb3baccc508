//! Small random worlds: a lineage graph, a contract over it, answers, and the expected set that follows. A world is read from a tape of
//! bytes, so that a failing one shrinks by shrinking its tape; a zero byte always means the plainest, best thing.

use std::collections::BTreeMap;

use presscheck::check::Spec;
use presscheck::check::common::{Common, Expect, Severity};
use presscheck::check::dbt_test::DbtTest;
use presscheck::check::measurement::Measurement;
use presscheck::check::outcome::{Evidence, Fault, Measured, Outcome, Reason};
use presscheck::decide::{Context, Decision, FactName, FactState, decide, outcomes};
use presscheck::diagnostic::At;
use presscheck::execute::{self, Answers};
use presscheck::lineage::{Certainty, Edge, EdgeKind, Graph, Node, NodeIndex, Part};
use presscheck::plan::{ActiveCaveat, ActiveWaiver, Asked, Expected, GuardedMetric, GuardingCheck, Plan, Reach, Step, Upstream};
use presscheck::record::Meta;

/// Bytes of a tape.
pub const LENGTH: usize = 176;

pub struct Tape<'a>(pub std::slice::Iter<'a, u8>);

impl Tape<'_> {
    pub fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }
    /// 0 to n - 1.
    pub fn below(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n
    }
    /// True `of` times in 256, and never on a zero byte.
    pub fn rarely(&mut self, of: u8) -> bool {
        self.byte() > 255 - of
    }
}

/// A relation: parts 0 and 1 are its rows lost and added, the others its columns.
#[derive(Debug, Clone)]
pub struct Relation {
    pub parts: usize,
    pub parents: Vec<usize>,
    /// From a part of a parent to a part of this relation.
    pub edges: Vec<(usize, usize, usize)>,
    /// Whether its SQL was not understood.
    pub blind: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    /// The measured number.
    Number(usize),
    /// Fewer rows than count as evidence.
    TooFewRows,
    Error,
    NoBaseline,
    Skipped,
    Absent,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    pub subject: (usize, usize),
    /// Fails when the number is above; at least one is there.
    pub warn_above: Option<usize>,
    pub hold_above: Option<usize>,
    pub answer: Answer,
    /// What too little history asks for, of a check that needs some.
    pub without_baseline: Option<Severity>,
    /// What anything but a pass asks for, of one metric.
    pub severity_for: Option<(usize, Severity)>,
    pub freshness: bool,
    pub affects: Option<usize>,
}

#[derive(Debug, Clone)]
pub struct Waiver {
    pub check: usize,
    pub minutes_left: i64,
    pub covers_error: bool,
    pub covers_skipped: bool,
}

#[derive(Debug, Clone)]
pub struct World {
    pub relations: Vec<Relation>,
    /// Relation, part, and whether it was resolved.
    pub metrics: Vec<(usize, usize, bool)>,
    pub checks: Vec<Check>,
    pub caveats: Vec<(Option<usize>, Option<i64>)>,
    pub waivers: Vec<Waiver>,
    /// Minutes until the latest safe publication time.
    pub ready_in: Option<i64>,
    pub late_holds: bool,
    pub facts: [FactState; 7],
    pub stray: bool,
}

impl World {
    pub fn read(tape: &mut Tape<'_>) -> World {
        let relations: Vec<Relation> = (0..2 + tape.below(3)).fold(Vec::new(), |mut known: Vec<Relation>, index| {
            let parts = 3 + tape.below(2);
            let mut parents = Vec::new();
            let mut edges = Vec::new();
            for (parent, above) in known.iter().enumerate().take(index) {
                if tape.below(3) != 1 {
                    parents.push(parent);
                    for _ in 0..1 + tape.below(3) {
                        let from = tape.below(above.parts);
                        edges.push((parent, from, tape.below(parts)));
                    }
                }
            }
            let blind = tape.rarely(30) && !parents.is_empty();
            known.push(Relation { parts, parents, edges, blind });
            known
        });
        let part = |tape: &mut Tape<'_>| {
            let relation = tape.below(relations.len());
            (relation, (2 + tape.below(relations[relation].parts)) % relations[relation].parts)
        };
        let metrics: Vec<_> = (0..1 + tape.below(3))
            .map(|_| {
                let (relation, column) = part(tape);
                (relation, column.max(2), !tape.rarely(10))
            })
            .collect();
        let checks: Vec<_> = (0..1 + tape.below(5))
            .map(|_| Check {
                subject: part(tape),
                hold_above: [Some(0), Some(1), None][tape.below(3)],
                warn_above: [Some(0), None][tape.below(2)],
                answer: if tape.rarely(170) {
                    Answer::Number(0)
                } else {
                    [
                        Answer::Number(0),
                        Answer::Number(1),
                        Answer::Number(2),
                        Answer::Error,
                        Answer::NoBaseline,
                        Answer::Skipped,
                        Answer::Absent,
                        Answer::TooFewRows,
                    ][tape.below(8)]
                },
                severity_for: tape.rarely(60).then(|| (tape.below(metrics.len()), [Severity::Warn, Severity::Hold][tape.below(2)])),
                without_baseline: [None, Some(Severity::Warn), Some(Severity::Hold)][tape.below(3)],
                freshness: tape.rarely(40),
                affects: tape.rarely(25).then(|| tape.below(metrics.len())),
            })
            .map(|check| match (check.warn_above, check.hold_above) {
                (None, None) => Check { hold_above: Some(0), ..check },
                (Some(_), _) | (_, Some(_)) => check,
            })
            .collect();
        let minutes = |tape: &mut Tape<'_>| [1, 60, -1, 0][tape.below(4)];
        let caveats = (0..tape.below(8).saturating_sub(6))
            .map(|_| (tape.rarely(200).then(|| tape.below(metrics.len())), tape.rarely(128).then(|| minutes(tape))))
            .collect();
        let waivers = (0..tape.below(6).saturating_sub(3))
            .map(|_| Waiver {
                check: tape.below(checks.len()),
                minutes_left: minutes(tape),
                covers_error: tape.rarely(90),
                covers_skipped: tape.rarely(90),
            })
            .collect();
        let ready_in = tape.rarely(150).then(|| [1, 0, 60, 30, -1][tape.below(5)]);
        let late_holds = tape.rarely(100);
        let mut facts = [FactState::Holds; 7];
        if tape.rarely(60) {
            facts[tape.below(7)] = [FactState::DoesNotApply, FactState::Broken, FactState::Unknown][tape.below(3)];
        }
        World { relations, metrics, checks, caveats, waivers, ready_in, late_holds, facts, stray: tape.rarely(6) }
    }

    pub fn graph(&self) -> Graph {
        let mut graph = Graph::default();
        for (at, relation) in self.relations.iter().enumerate() {
            for part in 0..relation.parts {
                graph.node(node(at, part));
            }
        }
        for (at, relation) in self.relations.iter().enumerate() {
            if relation.blind {
                for &parent in &relation.parents {
                    for from in 0..self.relations[parent].parts {
                        for to in 0..relation.parts {
                            let edge = Edge { certainty: Certainty::Assumed, kind: EdgeKind::Assumed };
                            graph.draw(self.index(parent, from), self.index(at, to), edge);
                        }
                    }
                }
            } else {
                for &(parent, from, to) in &relation.edges {
                    let edge = Edge { certainty: Certainty::Known, kind: EdgeKind::Transformation };
                    graph.draw(self.index(parent, from), self.index(at, to), edge);
                }
            }
        }
        graph
    }

    /// Nodes are drawn relation by relation.
    pub fn index(&self, relation: usize, part: usize) -> NodeIndex {
        let before: usize = self.relations[..relation].iter().map(|relation| relation.parts).sum();
        NodeIndex::try_from(before + part).unwrap()
    }

    /// What the planner makes of the world: may and knows by two walks for each metric.
    pub fn expected(&self) -> Expected {
        self.expected_over(&self.graph())
    }

    /// See [`World::expected`]; `graph` is [`World::graph`].
    pub fn expected_over(&self, graph: &Graph) -> Expected {
        let mut checks: Vec<GuardingCheck> = self.checks.iter().enumerate().map(|(at, check)| check.guarding(at)).collect();
        let mut metrics = Vec::new();
        for (at, &(relation, part, resolved)) in self.metrics.iter().enumerate() {
            let id = format!("m{at}");
            let targets = [self.index(relation, 0), self.index(relation, 1), self.index(relation, part)];
            let may = graph.upstream_of(&targets, false);
            let assumed = may.keys().any(|&node| graph.influences(node).iter().any(|(_, edge)| edge.certainty == Certainty::Assumed));
            let knows = if assumed { graph.upstream_of(&targets, true) } else { may.clone() };
            for (check, guarding) in self.checks.iter().zip(&mut checks) {
                let subject = self.index(check.subject.0, check.subject.1);
                let walk =
                    [(&knows, Certainty::Known), (&may, Certainty::Assumed)].into_iter().find(|(walk, _)| walk.contains_key(&subject));
                if check.affects == Some(at) {
                    guarding.reach.insert(id.clone(), Reach { certainty: Certainty::Known, path: Vec::new() });
                } else if let Some((walk, certainty)) = walk {
                    guarding.reach.insert(id.clone(), Reach { certainty, path: path(graph, walk, subject) });
                }
            }
            let upstream = match (resolved, assumed) {
                (false, _) => Upstream::Unresolved("no such metric".into()),
                (true, false) => Upstream::Known,
                (true, true) => assumed_in(graph, &may),
            };
            metrics.push(GuardedMetric { id, title: String::new(), owner: None, last_safe: false, upstream });
        }
        Expected {
            metrics,
            checks,
            caveats: self
                .caveats
                .iter()
                .map(|(metric, ends)| ActiveCaveat {
                    metric: metric.map(|metric| format!("m{metric}")),
                    text: "provisional".into(),
                    ends: ends.map(in_minutes),
                })
                .collect(),
            waivers: self.waivers.iter().map(Waiver::active).collect(),
            ready_by: self.ready_in.map(in_minutes),
            late_holds: self.late_holds,
        }
    }

    pub fn outcomes(&self) -> BTreeMap<String, Outcome> {
        let mut outcomes = BTreeMap::new();
        for (at, check) in self.checks.iter().enumerate() {
            if let Some(outcome) = check.outcome() {
                outcomes.insert(check_id(at), outcome);
            }
        }
        if self.stray {
            outcomes.insert("stray".into(), pass());
        }
        outcomes
    }

    pub fn context(&self) -> Context {
        let facts = FactName::ALL.into_iter().zip(self.facts).filter(|(_, state)| *state != FactState::Unknown);
        facts.fold(Context::unknown(), |context, (name, state)| context.with(name, state, ""))
    }

    pub fn decide(&self) -> Decision {
        decide(&self.expected(), &self.outcomes(), &self.context(), now())
    }
}

impl Check {
    pub fn severity(&self) -> Severity {
        if self.hold_above.is_some() { Severity::Hold } else { Severity::Warn }
    }
    fn outcome(&self) -> Option<Outcome> {
        match self.answer {
            Answer::Absent => None,
            Answer::Error => Some(error()),
            Answer::NoBaseline => Some(Outcome::Error(Fault { reason: Reason::NoBaseline, detail: String::new() })),
            Answer::Skipped => Some(skipped()),
            Answer::TooFewRows => Some(too_few_rows()),
            Answer::Number(number) if self.hold_above.is_some_and(|limit| number > limit) => Some(fail(Severity::Hold)),
            Answer::Number(number) if self.warn_above.is_some_and(|limit| number > limit) => Some(fail(Severity::Warn)),
            Answer::Number(_) => Some(pass()),
        }
    }
    /// How the outcome follows from a measurement, by a real check: a dbt test with these thresholds.
    pub fn judged(&self, measurement: Result<Measurement, Fault>) -> Outcome {
        let above = |limit: Option<usize>| limit.map(|limit| At::nowhere(format!("> {limit}").parse().unwrap()));
        let common = Common { warn_if: above(self.warn_above), hold_if: above(self.hold_above), ..Common::default() };
        let test = DbtTest { common, relations: Vec::new(), query: String::new(), fail_calc: String::new() };
        let spec = Spec::dbt_test(Box::new(test));
        let asked = Asked::Measured { spec, statement: 0, rows_seen: 0, first: 1, columns: vec![Expect::Count], proof: false };
        let expected = Expected { checks: vec![self.guarding(0)], ..Expected::default() };
        let answer = execute::Answer { measurement, sql_hash: "sql".into(), attempts: 1 };
        let answers = Answers { by_check: BTreeMap::from([(check_id(0), answer)]), snapshot: "snapshot".into(), ..Answers::default() };
        let judged = outcomes(&plan(expected, BTreeMap::from([(check_id(0), asked)])), &answers, now());
        judged.into_values().next().unwrap()
    }
    fn guarding(&self, at: usize) -> GuardingCheck {
        GuardingCheck {
            id: check_id(at),
            kind: String::new(),
            title: String::new(),
            severity: self.severity(),
            without_baseline: self.without_baseline,
            severity_for: self.severity_for.iter().map(|(metric, severity)| (format!("m{metric}"), *severity)).collect(),
            about: String::new(),
            unit: None,
            recover: None,
            freshness: self.freshness,
            coverage: false,
            narrowed: None,
            reach: BTreeMap::new(),
        }
    }
}

impl Waiver {
    fn active(&self) -> ActiveWaiver {
        ActiveWaiver {
            check: check_id(self.check),
            reason: String::new(),
            approved_by: String::new(),
            ends: in_minutes(self.minutes_left),
            covers_error: self.covers_error,
            covers_skipped: self.covers_skipped,
        }
    }
}

pub fn plan(expected: Expected, asks: BTreeMap<String, Asked>) -> Plan {
    Plan {
        contract: String::new(),
        report: String::new(),
        technical_owner: None,
        business_owner: None,
        interval: None,
        expected,
        asks,
        statements: Vec::new(),
        samples: BTreeMap::new(),
        not_executed: Vec::new(),
        blind: Vec::new(),
        notes: Vec::new(),
        stands_on: BTreeMap::new(),
        landings: BTreeMap::new(),
        publishing: presscheck::plan::Publishing::default(),
    }
}

pub fn meta() -> Meta {
    Meta {
        promise: None,
        rehearsal: false,
        dbt_version: String::new(),
        schema_version: 12,
        generated_at: None,
        manifest_hash: String::new(),
        contract_hash: None,
        notes: Vec::new(),
    }
}

pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::UNIX_EPOCH
}

fn in_minutes(minutes: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(minutes * 60).unwrap()
}

pub fn check_id(at: usize) -> String {
    format!("c{at}")
}

fn node(relation: usize, part: usize) -> Node {
    let part = match part {
        0 => Part::RowsLost,
        1 => Part::RowsAdded,
        column => Part::Column(format!("k{column}").into()),
    };
    Node { relation: format!("r{relation}").into(), part }
}

fn assumed_in(graph: &Graph, may: &BTreeMap<NodeIndex, Option<(NodeIndex, Edge)>>) -> Upstream {
    let blind = |index: &&NodeIndex| graph.influences(**index).iter().any(|(_, edge)| edge.certainty == Certainty::Assumed);
    let mut models: Vec<String> = may.keys().filter(blind).map(|&index| graph.at(index).relation.to_string()).collect();
    models.dedup();
    Upstream::Assumed(models)
}

/// The way from the check's subject to the metric, as the walk found it.
fn path(graph: &Graph, walk: &BTreeMap<NodeIndex, Option<(NodeIndex, Edge)>>, from: NodeIndex) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut at = Some(from);
    while let Some(index) = at {
        let next = walk[&index];
        steps.push(Step { node: name(graph.at(index)), edge: next.map(|(_, edge)| (edge.kind, edge.certainty)) });
        at = next.map(|(index, _)| index);
    }
    steps
}

pub fn name(node: &Node) -> String {
    match &node.part {
        Part::Column(column) => format!("{}.{column}", node.relation),
        Part::RowsLost => format!("{} rows lost", node.relation),
        Part::RowsAdded => format!("{} rows added", node.relation),
    }
}

pub fn pass() -> Outcome {
    let measured = Measured { rows_seen: 1, value: "0".into(), unit: String::new(), facts: Vec::new() };
    Outcome::Pass(Evidence::of(measured, "sql".into(), "snapshot".into(), 1).unwrap())
}
pub fn fail(asks: Severity) -> Outcome {
    let measured = Measured { rows_seen: 1, value: "1".into(), unit: String::new(), facts: Vec::new() };
    Outcome::Fail { asks, measured, why: String::new() }
}
/// Holds, whatever the severity of the check.
pub fn too_few_rows() -> Outcome {
    let measured = Measured { rows_seen: 0, value: "0".into(), unit: String::new(), facts: Vec::new() };
    Outcome::Fail { asks: Severity::Hold, measured: measured.of_too_few_rows(), why: String::new() }
}
pub fn error() -> Outcome {
    Outcome::Error(Fault { reason: Reason::QueryError, detail: String::new() })
}
pub fn skipped() -> Outcome {
    Outcome::Skipped(Fault { reason: Reason::Cancelled, detail: String::new() })
}
