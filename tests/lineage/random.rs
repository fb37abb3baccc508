//! Random chains of models on DuckDB: nothing that the lineage does not claim may be seen to matter.
//!
//! For each chain, sources are changed one at a time (values of one column; rows deleted; rows repeated), and what changes in every model must be
//! claimed. A few hundred chains in every run of the tests; `PRESSCHECK_RANDOM_LINEAGE=10000` runs more, `PRESSCHECK_RANDOM_SEED` starts elsewhere. What
//! fails is made simpler and written as a case file to `target/lineage_failures/`.

use std::collections::{BTreeMap, BTreeSet};

use presscheck::lineage::{self, Part};
use serde_json::{Value, json};

use super::engine::{Difference, Model, Output, Stage};
use super::generator::{self, Draws};
use super::observe::{Influence, both_ways, claimed, column, covers};
use super::shrink;
use super::world::{Change, SHUFFLES, Variant, World, sources, tables};
use crate::dice::Dice;

/// Chains in every run of the tests.
const CHAINS: u64 = 400;
/// Chains on one data set.
const ON_ONE: u64 = 100;
/// Variants tried for each chain.
const TRIED: usize = 12;
/// More rows than this in a model, and the chain is left out.
const MOST_ROWS: usize = 80;
/// Every so many chains, every variant is tried, to see how many claims show.
const MEASURED: u64 = 16;
/// Attempts to make a failure simpler.
const ATTEMPTS: usize = 2_500;
/// Failures that are made simpler and shown.
const SHOWN: usize = 12;

/// A chain that runs.
struct Chain<'w> {
    models: Vec<Model>,
    stage: Stage<'w>,
    before: Vec<Output>,
    claims: BTreeSet<Influence>,
    problems: Vec<String>,
}

/// Why a chain is left out.
enum LeftOut {
    Refused(String),
    TooLarge,
    Empty,
    Unstable,
}

fn path(variant: Option<&Variant>) -> String {
    variant.map_or_else(|| "base,main".into(), |variant| format!("{},base,main", variant.schema))
}

fn lineage_of(models: &[Model]) -> (BTreeSet<Influence>, Vec<String>) {
    let described = sources();
    let names: Vec<Vec<&str>> = described.iter().map(|(_, columns)| columns.iter().map(|column| column.0).collect()).collect();
    let sources: Vec<(&str, Option<&[&str]>)> =
        described.iter().zip(&names).map(|((name, _), columns)| (*name, Some(columns.as_slice()))).collect();
    let models: Vec<(&str, &str)> = models.iter().map(|model| (model.name.as_str(), model.sql.as_str())).collect();
    let mut project = super::project(&sources, &models);
    described.iter().for_each(|(name, columns)| super::give_types(&mut project, name, columns.iter().map(|column| column.1)));
    let lineage = lineage::trace(&project);
    let problems = lineage.problems.iter().map(|problem| problem.message.clone()).collect();
    (claimed(&lineage, &project), problems)
}

impl<'w> Chain<'w> {
    fn of(world: &'w World, models: Vec<Model>) -> Result<Chain<'w>, LeftOut> {
        let before = world.engine.run(&path(None), &models).map_err(LeftOut::Refused)?;
        if before.iter().any(|output| output.rows.len() > MOST_ROWS) {
            return Err(LeftOut::TooLarge);
        }
        if before.iter().any(|output| output.rows.is_empty()) {
            return Err(LeftOut::Empty);
        }
        for shuffle in 0..SHUFFLES {
            let again = world.engine.run(&format!("s{shuffle},main"), &models).map_err(LeftOut::Refused)?;
            if !before.iter().zip(&again).all(|(one, other)| one.same(other)) {
                return Err(LeftOut::Unstable);
            }
        }
        let (claims, problems) = lineage_of(&models);
        let names: Vec<&str> = sources().iter().map(|(name, _)| *name).collect();
        let stage = Stage::of(&world.engine, &names, &models).map_err(LeftOut::Refused)?;
        let names = before.into_iter().map(|output| output.names);
        let rows = stage.outputs(None).map_err(LeftOut::Refused)?;
        let before = names.zip(rows).map(|(names, output)| Output { names, rows: output.rows }).collect();
        Ok(Chain { models, stage, before, claims, problems })
    }
    /// What a variant was seen to change; nothing when it does not run.
    fn seen(&self, variant: &Variant) -> BTreeSet<Influence> {
        let mut seen = BTreeSet::new();
        let Ok(after) = self.stage.outputs(Some((&variant.source, &format!("from {}.{}", variant.schema, variant.source)))) else {
            return seen;
        };
        for (model, (before, after)) in self.models.iter().zip(self.before.iter().zip(&after)) {
            let after = Output { names: before.names.clone(), rows: after.rows.clone() };
            let difference = Difference::between(before, &after, &[]);
            match &variant.change {
                Change::Deleted => both_ways(&variant.source, &model.name, &before.names, &difference, true, &mut seen),
                Change::Repeated => both_ways(&variant.source, &model.name, &before.names, &difference, false, &mut seen),
                Change::Values(changed) => {
                    let columns = difference.columns.iter().map(|&at| column(&before.names[at]));
                    let rows = (difference.lost || difference.added).then_some([Part::RowsLost, Part::RowsAdded]).into_iter().flatten();
                    for part in columns.chain(rows) {
                        seen.insert((model.name.clone(), part, variant.source.clone(), column(changed)));
                    }
                }
            }
        }
        seen
    }
    /// Observed and not claimed. A changed value that changes the number of rows may do so either way: one side must be claimed.
    fn missed(&self, seen: &BTreeSet<Influence>) -> Vec<Influence> {
        let other = |(model, part, source, from): &Influence| {
            let part = if *part == Part::RowsLost { Part::RowsAdded } else { Part::RowsLost };
            (model.clone(), part, source.clone(), from.clone())
        };
        let value = |influence: &Influence| !matches!(influence.1, Part::Column(_)) && matches!(influence.3, Part::Column(_));
        seen.iter()
            .filter(|influence| !(covers(&self.claims, influence) || value(influence) && self.claims.contains(&other(influence))))
            .cloned()
            .collect()
    }
    /// Whether the base and the variant give the same rows in whatever order the sources are.
    fn stable(&self, world: &World, variant: &Variant) -> bool {
        [None, Some(variant)].into_iter().all(|variant| {
            let Ok(first) = world.engine.run(&path(variant), &self.models) else { return false };
            (0..6).all(|turn| {
                world.shuffle(variant, turn);
                let again = world.engine.run("shuffled,main", &self.models);
                again.is_ok_and(|again| first.iter().zip(&again).all(|(one, other)| one.same(other)))
            })
        })
    }
    fn used(&self, source: &str) -> bool {
        self.models.iter().any(|model| model.sql.contains(source))
    }
    fn failure(&self, world: &World, variant: &Variant) -> Vec<Influence> {
        let missed = self.missed(&self.seen(variant));
        if missed.is_empty() || !self.stable(world, variant) { Vec::new() } else { missed }
    }
    /// As a case file, with all that was seen.
    fn case(&self, world: &World, id: &str) -> Value {
        let mut told = serde_json::Map::new();
        for (name, columns) in sources().into_iter().filter(|(name, _)| self.used(name)) {
            let columns: Vec<Value> =
                columns.into_iter().map(|(name, sql, _, domain, _)| json!({"name": name, "type": sql, "domain": domain})).collect();
            told.insert(name.into(), json!({"n": 6, "columns": columns}));
        }
        let star = |part: &Part| match part {
            Part::Column(name) => name.to_string(),
            Part::RowsLost | Part::RowsAdded => "*".into(),
        };
        let seen: BTreeSet<_> =
            world.variants.iter().filter(|variant| self.used(&variant.source)).flat_map(|variant| self.seen(variant)).collect();
        let seen: BTreeSet<_> = seen.into_iter().map(|(model, part, source, from)| (model, star(&part), source, star(&from))).collect();
        let influences: Vec<Value> = seen
            .into_iter()
            .map(|(model, column, source, from)| json!({"model": model, "column": column, "upstream_relation": source, "upstream_column": from, "stable": true}))
            .collect();
        let models: Vec<Value> = self.models.iter().map(|model| json!({"name": model.name, "sql": model.sql})).collect();
        json!({"id": id, "title": "found by random chains", "sources": told, "models": models, "truth": {"influences": influences}})
    }
}

/// What all chains together showed.
#[derive(Default)]
struct Tally {
    drawn: u64,
    refused: u64,
    large: u64,
    unstable: u64,
    assumed: u64,
    empty: u64,
    runs: usize,
    claimed: usize,
    right: usize,
    reasons: BTreeMap<String, (u64, String)>,
    refusals: BTreeMap<String, (u64, String)>,
    failures: Vec<String>,
}

impl Tally {
    fn of(from: u64, count: u64) -> Tally {
        let mut tally = Tally::default();
        let mut world = World::new(from - from % ON_ONE);
        for seed in from..from + count {
            if seed > from && seed % ON_ONE == 0 || !world.engine.works() {
                world = World::new(seed - seed % ON_ONE);
            }
            if seed.is_multiple_of(ON_ONE) {
                // Should DuckDB itself break, this tells where.
                println!("chains from {seed}");
            }
            tally.drawn += 1;
            let (models, draws) = generator::chain(Draws::new(seed), &tables());
            let sql = models.iter().map(|model| model.sql.clone()).collect::<Vec<_>>().join(";\n  ");
            match Chain::of(&world, models) {
                Ok(chain) => tally.check(&world, &chain, seed, &draws),
                Err(LeftOut::TooLarge) => tally.large += 1,
                Err(LeftOut::Empty) => tally.empty += 1,
                Err(LeftOut::Unstable) => tally.unstable += 1,
                Err(LeftOut::Refused(why)) => {
                    tally.refused += 1;
                    let start: String = why.lines().next().unwrap_or_default().chars().take(60).collect();
                    tally.refusals.entry(start).or_insert((0, format!("{why}\n  {sql}"))).0 += 1;
                }
            }
        }
        tally
    }
    fn add(&mut self, other: Tally) {
        self.drawn += other.drawn;
        self.refused += other.refused;
        self.large += other.large;
        self.unstable += other.unstable;
        self.assumed += other.assumed;
        self.empty += other.empty;
        self.runs += other.runs;
        self.claimed += other.claimed;
        self.right += other.right;
        other.reasons.into_iter().for_each(|(reason, (count, example))| self.reasons.entry(reason).or_insert((0, example)).0 += count);
        other.refusals.into_iter().for_each(|(start, (count, example))| self.refusals.entry(start).or_insert((0, example)).0 += count);
        self.failures.extend(other.failures);
    }
    fn check(&mut self, world: &World, chain: &Chain<'_>, seed: u64, draws: &[u32]) {
        let assumed = !chain.problems.is_empty();
        self.assumed += u64::from(assumed);
        let sql = || chain.models.iter().map(|model| model.sql.clone()).collect::<Vec<_>>().join(";\n  ");
        chain.problems.iter().for_each(|problem| self.reasons.entry(problem.clone()).or_insert_with(|| (0, sql())).0 += 1);
        let measured = seed.is_multiple_of(MEASURED) && !assumed;
        let mut variants: Vec<&Variant> = world.variants.iter().filter(|variant| chain.used(&variant.source)).collect();
        let mut dice = Dice(seed);
        (1..variants.len()).rev().for_each(|end| variants.swap(end, dice.below(end + 1)));
        if !measured {
            variants.retain(|variant| chain.may_break(variant));
            variants.truncate(TRIED);
        }
        let mut shown = BTreeSet::new();
        for variant in variants {
            self.runs += 1;
            let seen = chain.seen(variant);
            if !chain.missed(&seen).is_empty() && !chain.failure(world, variant).is_empty() {
                if self.failures.len() < SHOWN {
                    self.failures.push(simplify(world, variant, seed, draws));
                } else {
                    self.failures.push(String::new());
                }
                return;
            }
            shown.extend(seen);
        }
        if measured {
            let pairs = chain.claims.iter().filter(|claim| matches!((&claim.1, &claim.3), (Part::Column(_), Part::Column(_))));
            let right = pairs.clone().filter(|claim| shown.contains(*claim)).count();
            (self.claimed, self.right) = (self.claimed + pairs.count(), self.right + right);
        }
    }
}

impl Chain<'_> {
    /// Whether a variant can show anything that is not claimed.
    fn may_break(&self, variant: &Variant) -> bool {
        let sides: Vec<Part> = match &variant.change {
            Change::Values(changed) => vec![column(changed)],
            Change::Deleted | Change::Repeated => vec![Part::RowsLost, Part::RowsAdded],
        };
        self.models.iter().zip(&self.before).any(|(model, output)| {
            let parts = output.names.iter().map(|name| column(name)).chain([Part::RowsLost, Part::RowsAdded]);
            parts.into_iter().any(|part| {
                sides.iter().any(|side| !covers(&self.claims, &(model.name.clone(), part.clone(), variant.source.clone(), side.clone())))
            })
        })
    }
}

/// Makes a chain that fails simpler, writes it as a case and tells it.
fn simplify(world: &World, variant: &Variant, seed: u64, draws: &[u32]) -> String {
    let chain_of = |draws: &[u32]| {
        let (models, used) = generator::chain(Draws::of(draws), &tables());
        Chain::of(world, models).ok().map(|chain| (chain, used))
    };
    let simplest = shrink::simplest(draws.to_vec(), ATTEMPTS, |draws| {
        let (chain, used) = chain_of(draws)?;
        (!chain.failure(world, variant).is_empty()).then_some(used)
    });
    let (chain, _) = chain_of(&simplest).expect("a chain that failed before");
    let case = chain.case(world, &format!("random_{seed}"));
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("lineage_failures");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("random_{seed}.json")), format!("{case:#}\n")).unwrap();
    let sql = chain.models.iter().map(|model| format!("  {}: {}\n", model.name, model.sql)).collect::<String>();
    let missed: Vec<String> = chain
        .failure(world, variant)
        .iter()
        .map(|(model, part, source, from)| format!("  {model} {part:?} <- {source} {from:?}\n"))
        .collect();
    format!("chain {seed}, {:?} of {}, assumed: {:?}\n{sql}{}", variant.change, variant.source, chain.problems, missed.concat())
}

#[test]
fn nothing_unclaimed_is_seen_to_matter() {
    let number = |name: &str, otherwise: u64| std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"));
    let (count, seed) = (number("PRESSCHECK_RANDOM_LINEAGE", CHAINS), number("PRESSCHECK_RANDOM_SEED", 0));
    let half = count / 2;
    let mut tally = std::thread::scope(|scope| {
        let other = scope.spawn(|| Tally::of(seed + half, count - half));
        let mut tally = Tally::of(seed, half);
        tally.add(other.join().expect("a tally"));
        tally
    });
    tally.failures.sort();
    println!(
        "{} chains: {} refused, {} too large, {} that depend on physical order, {} with an empty model; {} assumed; {} runs; {} of {} claimed pairs of columns were seen",
        tally.drawn, tally.refused, tally.large, tally.unstable, tally.empty, tally.assumed, tally.runs, tally.right, tally.claimed
    );
    tally.refusals.iter().for_each(|(start, (count, example))| println!("refused {count}: {start}\n    {example}"));
    tally.reasons.iter().for_each(|(reason, (count, example))| println!("assumed {count}: {reason}\n  {example}"));
    assert!(tally.failures.is_empty(), "{} chains show what is not claimed:\n{}", tally.failures.len(), tally.failures.join("\n"));
    assert!(tally.refused * 5 < tally.drawn, "{} of {} chains were refused", tally.refused, tally.drawn);
}
