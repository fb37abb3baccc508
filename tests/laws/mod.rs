//! The nine laws of the decision, each over a hundred thousand random worlds. Every law was seen to fail: its comment names a bug that was
//! planted in `src/decide` and that it caught.

mod nine;
pub mod world;

use std::cell::{Cell, RefCell};

use presscheck::check::outcome::Outcome;
use presscheck::decide::{Context, Decision, decide};
use presscheck::lineage::Graph;
use presscheck::plan::Expected;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use nine::LAWS;
use world::{LENGTH, Tape, World, now};

/// Worlds in all; each law is checked in each.
const WORLDS: u32 = 100_000;
/// Worlds are divided among so many threads, each with its own seed.
const THREADS: u8 = 2;

/// Whether a law is looked at; PRESSCHECK_LAW names one to see it alone.
fn wanted(name: &str) -> bool {
    std::env::var("PRESSCHECK_LAW").map_or(true, |only| only == name)
}

/// A world with all that follows from it.
pub struct Ground {
    pub world: World,
    pub graph: Graph,
    pub expected: Expected,
    pub outcomes: std::collections::BTreeMap<String, Outcome>,
    pub context: Context,
    pub decision: Decision,
}

impl Ground {
    fn of(world: World) -> Ground {
        let graph = world.graph();
        let (expected, outcomes, context) = (world.expected_over(&graph), world.outcomes(), world.context());
        let decision = decide(&expected, &outcomes, &context, now());
        Ground { world, graph, expected, outcomes, context, decision }
    }
}

/// No metric may do better after than before.
fn never_lower(before: &Decision, after: &Decision) -> Result<(), TestCaseError> {
    for (before, after) in before.metrics.iter().zip(&after.metrics) {
        prop_assert!(after.verdict >= before.verdict, "{} went from {:?} to {:?}", before.id, before.verdict, after.verdict);
    }
    Ok(())
}

/// Checks every law in this thread's share of the worlds and says in how many each had something to say.
fn share(thread: u8) -> Result<Vec<u32>, String> {
    let seed = [thread; 32];
    println!("{} worlds from the seed [{thread}; 32]", WORLDS / u32::from(THREADS));
    let config = Config { cases: WORLDS / u32::from(THREADS), failure_persistence: None, max_shrink_iters: 50_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let applied: Vec<Cell<u32>> = LAWS.iter().map(|_| Cell::new(0)).collect();
    let wanted: Vec<bool> = LAWS.iter().map(|(name, _)| wanted(name)).collect();
    let shrunk = RefCell::new(None);
    let outcome = runner.run(&proptest::collection::vec(any::<u8>(), LENGTH), |bytes| {
        let mut tape = Tape(bytes.iter());
        let ground = Ground::of(World::read(&mut tape));
        for ((name, law), applied) in LAWS.iter().zip(&applied).zip(&wanted).filter(|(_, wanted)| **wanted).map(|(law, _)| law) {
            let holds = law(&ground, &mut Tape(tape.0.clone()));
            let applies = holds.map_err(|why| {
                let why = format!("the law `{name}` is broken: {why}");
                shrunk.replace(Some((why.clone(), format!("{:?}", ground.world))));
                TestCaseError::fail(why)
            })?;
            applied.set(applied.get() + u32::from(applies));
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        return Err(shrunk.into_inner().map_or_else(|| failure.to_string(), |(why, world)| format!("{why}, in the world\n{world}")));
    }
    Ok(applied.into_iter().map(Cell::into_inner).collect())
}

#[test]
fn nine_laws_hold() {
    let shares: Vec<Vec<u32>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..=THREADS).map(|thread| scope.spawn(move || share(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().unwrap_or_else(|broken| panic!("{broken}"))).collect()
    });
    for (at, (name, _)) in LAWS.iter().enumerate().filter(|(_, (name, _))| wanted(name)) {
        let applied: u32 = shares.iter().map(|share| share[at]).sum();
        println!("the law `{name}` had something to say in {applied} of {WORLDS} worlds");
        assert!(applied > WORLDS / 20, "the law `{name}` applied to {applied} worlds only: it proves too little");
    }
}
