//! `presscheck publish`: writes what a stored decision certifies, if it still counts. The same work is a stage of a run: see [`carry_out`].

use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;

use super::arguments::{Place, Reach, Which};
use super::load::Loaded;
use super::prepare::{self, Prepared};
use super::verify::{made_of_this, newest, read, sound, young};
use super::{Ended, Stopped, connect, draw, store};
use crate::calendar::Age;
use crate::contract::{Hook, Publish as Keys};
use crate::dbt::relation_name::RelationName;
use crate::diagnostic::{At, Finding, codes};
use crate::history::{History, Lock, Locked, RunKey, Step};
use crate::macros::exact_identifier;
use crate::publish::{self, Engine, Means, Order, Published, Relation, State};
use crate::record::Document;
use crate::tell::{self, Routes, Wire};
use crate::warehouse::writer;

/// Longest that writing may take, unless presscheck.yml says how long a statement may.
const LIMIT: Duration = Duration::from_secs(300);
/// Longest to wait for another publication of the same contract.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, Args)]
pub(super) struct Publish {
    /// Contracts, by name or file; all that say `publish:` when none is given
    #[arg(value_name = "CONTRACT")]
    contracts: Vec<String>,
    /// Oldest decision that is published: 45m, 12h, 1d
    #[arg(long, value_name = "AGE", default_value = "12h")]
    max_age: Age,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    reach: Reach,
}

impl Publish {
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        let (loaded, prepared) = prepare::plans(&self.place, &Which::all_of(&self.contracts, None), &self.reach, Timestamp::now(), look)?;
        let named = !self.contracts.is_empty();
        let publishing: Vec<&Prepared> = prepared.iter().filter(|one| named || keys(one).is_some()).collect();
        if publishing.is_empty() {
            let finding = Finding::error(codes::NOTHING_TO_PUBLISH, "no contract of the project says what is published");
            return Err(Stopped::usage(finding.help("add `publish:` with `snapshot:` or `status:` to a contract")));
        }
        let targets: Vec<(String, bool)> = publishing.iter().map(|one| (one.plan.contract.clone(), keys(one).is_some())).collect();
        if let Some((contract, _)) = targets.iter().find(|(_, publishes)| !publishes) {
            let finding = Finding::error(codes::NOTHING_TO_PUBLISH, format!("{contract} does not say what is published"));
            return Err(Stopped::usage(finding.help("add `publish:` with `snapshot:` or `status:` to the contract")));
        }
        let target = loaded.workspace.target.clone();
        drop((prepared, loaded));
        let mut failed = false;
        for (contract, _) in targets {
            failed |= !self.one(&contract, &store::path(&target, &contract), look)?;
        }
        Ok(if failed { 3 } else { 0 })
    }

    /// Publishes the stored decision of one contract; whether all of it is done.
    fn one(&self, contract: &str, file: &Path, look: &draw::Look) -> Result<bool, Stopped> {
        if !file.is_file() {
            let finding = Finding::error(codes::NO_DECISION, format!("no decision of `{contract}` is stored"));
            return Err(Stopped::unreadable(finding.in_file(file).help("run `presscheck check` first")));
        }
        let document = read(file, true)?;
        let refused = |why: String| not_published(&document, &why).in_file(file);
        sound(&document)
            .and_then(|()| young(&document, Timestamp::now(), self.max_age.seconds))
            .map_err(|why| Stopped::unreadable(refused(why)))?;
        let which = Which { as_of: Some(document.decided_at), ..Which::all_of(&[], None) };
        let (loaded, prepared) = prepare::plans(&self.place, &which, &self.reach, document.decided_at, look)?;
        let one = prepared.iter().find(|one| one.plan.contract == document.contract);
        let one = one.ok_or_else(|| Stopped::unreadable(refused("the project has no contract of this name".to_owned())))?;
        made_of_this(&document, &loaded, one)
            .and_then(|()| newest(&document, &loaded, one))
            .map_err(|why| Stopped::unreadable(refused(why)))?;
        let unusable = |why: String| Stopped::unreadable(refused(why));
        let mut history = super::shared::open(&loaded.workspace, unusable)?;
        let of = RunKey { run: run_id(&document), contract: document.contract.clone(), interval: span(&document) };
        let version = env!("CARGO_PKG_VERSION").to_owned();
        history.append(&of, Timestamp::now(), &Step::Started { version, publishes: true, resumes: None }).map_err(unusable)?;
        let published = carry_out(&loaded, one, &self.reach, &mut history, &of, &document)?;
        let Some(published) = published else { return Err(unusable("the contract does not say what is published".to_owned())) };
        let said = said(&document, &published);
        let done = published.state == State::Done;
        let sealed = Step::Sealed { exit_code: if done { 0 } else { 3 }, said: said.clone() };
        history.append(&of, Timestamp::now(), &sealed).map_err(unusable)?;
        match &published.state {
            State::Done if look.quiet => {}
            State::Done => draw::say(&said),
            State::Refused(_) | State::Failed(_) => draw::findings(&[refused(said)]),
        }
        Ok(done)
    }
}

fn not_published(document: &Document, why: &str) -> Finding {
    let finding = Finding::error(codes::NOT_PUBLISHED, format!("{} is not published: {why}", document.contract));
    finding.help("mend it and run `presscheck publish` again; if the data changed, run `presscheck check` before")
}

/// Identifies one publication among all.
fn run_id(document: &Document) -> String {
    let text = format!("{} {} {}", document.run, Timestamp::now(), std::process::id());
    blake3::hash(text.as_bytes()).to_hex().chars().take(16).collect()
}

/// The interval as the journal names it.
fn span(document: &Document) -> String {
    document.interval.as_ref().map_or_else(String::new, |interval| format!("{}/{}", interval.start, interval.end))
}

/// What was done, in one sentence.
pub(super) fn said(document: &Document, published: &Published) -> String {
    let of = |what: &str| {
        let those = published.shown.iter().filter(|shown| shown.shown == what);
        let title =
            |id: &str| document.metrics.iter().find(|metric| metric.id == id).map_or_else(|| id.to_owned(), |metric| metric.title.clone());
        those.map(|shown| title(&shown.metric)).collect::<Vec<_>>().join(", ")
    };
    let parts = [("certified", "certified"), ("last_safe", "held at the last safe value"), ("blank", "held and blank")];
    let parts = parts.into_iter().map(|(what, words)| (of(what), words)).filter(|(titles, _)| !titles.is_empty());
    let parts: Vec<String> = parts.map(|(titles, words)| format!("{words}: {titles}")).collect();
    let shown = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join("; ")) };
    match &published.state {
        State::Done if published.before => format!("{}: this decision was published before{shown}", document.contract),
        State::Done => format!("{}: published{shown}", document.contract),
        State::Refused(why) | State::Failed(why) => why.clone(),
    }
}

fn keys(one: &Prepared) -> Option<&Keys> {
    one.contract.as_ref().and_then(wanted)
}

/// What a contract publishes, where it publishes something.
pub(super) fn wanted(contract: &crate::contract::Contract) -> Option<&Keys> {
    let publish = contract.publish.as_ref()?;
    let hooks = !publish.on_publish.is_empty() || !publish.on_hold.is_empty();
    Some(publish).filter(|publish| publish.snapshot.is_some() || publish.status.is_some() || hooks)
}

/// Does every act of publishing a stored decision that is not done yet: a stage of a run, and all that `presscheck publish` does. Every act has its intent in the
/// journal before it and its end after it; called again after whatever happened, it goes on where it stopped, and does nothing twice. No session may read a DuckDB
/// file meanwhile in this process. Nothing where the contract publishes nothing.
///
/// # Errors
/// The profile cannot be used, or the history cannot be written; then no further act was done. What the world refuses is in the answer.
pub(super) fn carry_out(
    loaded: &Loaded,
    one: &Prepared,
    reach: &Reach,
    history: &mut History,
    of: &RunKey,
    document: &Document,
) -> Result<Option<Published>, Stopped> {
    let Some(keys) = keys(one) else { return Ok(None) };
    let stopped = |why: String| Stopped::unreadable(not_published(document, &why));
    let _alone = alone(loaded, document).map_err(stopped)?;
    let profile = connect::writing(&loaded.workspace, reach)?;
    let adapter = profile.kind.as_str();
    let engine = Engine::of(adapter)
        .ok_or_else(|| stopped(format!("this version publishes to DuckDB and PostgreSQL, and the target is of type `{adapter}`")))?;
    let relation =
        |name: &At<String>| relation(name, adapter).ok_or_else(|| stopped(format!("`{}` cannot be the name of a relation", name.value)));
    let snapshot = keys.snapshot.as_ref().map(|table| relation(&table.relation)).transpose()?;
    let status = keys.status.as_ref().map(|table| relation(&table.relation)).transpose()?;
    let (on_publish, on_hold) = (names(&keys.on_publish), names(&keys.on_hold));
    let order = Order {
        document,
        values: &one.plan.publishing.values,
        engine,
        snapshot: snapshot.as_ref(),
        status: status.as_ref(),
        on_publish: &on_publish,
        on_hold: &on_hold,
    };
    let files = connect::files(&loaded.project);
    let limit = loaded.workspace.settings.timeouts.statement.as_ref().map_or(LIMIT, |age| Duration::from_secs(age.seconds));
    let root = &loaded.workspace.root;
    let routes = Routes { named: loaded.workspace.settings.routes.clone(), mail: None };
    let means = Means {
        write: &|ready, steps, agree| writer::write((adapter, profile.fields(), root, &files), (ready, steps), limit, agree),
        call: &|name, key, text| call(&routes, name, key, text),
        now: &Timestamp::now,
    };
    publish::publish(history, of, &order, &means).map(Some).map_err(stopped)
}

/// Calls a hook by the route of presscheck.yml.
fn call(routes: &Routes, name: &str, key: &str, text: &str) -> Result<(), String> {
    let env = |name: &str| std::env::var(name).ok();
    let wire = Wire { env: &env, mail: None, at: Timestamp::now() };
    let to = routes.destination(name)?;
    tell::call(&to, key, text, &wire).map_err(|undelivered| undelivered.why)
}

/// Keeps other publications of the contract out, in whatever process; waits a while for one that goes on.
fn alone(loaded: &Loaded, document: &Document) -> Result<Lock, String> {
    let begun = Instant::now();
    loop {
        let holder = format!("publish of {} by process {}", document.contract, std::process::id());
        match Lock::take(&loaded.workspace.history(), &format!("publish {}", document.contract), &holder)? {
            Locked::Held(lock) => return Ok(lock),
            Locked::Elsewhere(who) if begun.elapsed() >= PATIENCE => return Err(format!("another publication goes on: {who}")),
            Locked::Elsewhere(_) => std::thread::sleep(LOOK),
        }
    }
}

fn names(hooks: &[Hook]) -> Vec<String> {
    let name = |hook: &Hook| match hook {
        Hook::Webhook(name) => format!("webhook:{}", name.value),
        Hook::Command(name) => format!("command:{}", name.value),
    };
    hooks.iter().map(name).collect()
}

/// A relation that a contract names, for SQL.
pub(super) fn relation(name: &At<String>, adapter: &str) -> Option<Relation> {
    let read = RelationName::read(name, adapter)?;
    let parts = [read.database(), read.schema(), Some(read.name())].into_iter().flatten();
    let quoted = parts.map(|part| exact_identifier(part, adapter)).collect::<Option<Vec<_>>>()?;
    Some(Relation {
        written: name.value.clone(),
        rendered: quoted.join("."),
        schema: read.schema().map(str::to_owned),
        name: read.name().to_owned(),
    })
}
