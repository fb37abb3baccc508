//! `presscheck verify`: whether a stored decision still counts, asked by a later job; nothing is asked of the warehouse, nothing is decided.
//!
//! The exit code of an earlier job authorises nothing: it may be lost on the way, or be of another week. What counts is the stored decision, if it is
//! young, unchanged, the newest of its interval, and made from the contract, manifest and SQL that are there now.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::{Timestamp, Zoned};

use super::arguments::{Place, Reach, Which};
use super::load::Loaded;
use super::prepare::{self, Prepared};
use super::{Ended, Stopped, draw, store};
use crate::calendar::Age;
use crate::diagnostic::{Finding, codes, nearest};
use crate::history::History;
use crate::project::read_text;
use crate::record::{Class, Document, FORMAT, FailOn, Verdict};

/// Seconds by which the warehouse's clock, which made the decision, may be ahead of the local one.
const SKEW: i64 = 60;
/// Largest decision that is read.
const LARGEST: u64 = 256 << 20;

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// A stored decision: a contract's name, or the file; those of all contracts when none is given
    #[arg(value_name = "DECISION")]
    decision: Option<String>,
    /// Oldest decision that counts: 45m, 12h, 1d
    #[arg(long, value_name = "AGE", default_value = "12h")]
    max_age: Age,
    /// Whether this metric is held, whatever the others are
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    reach: Reach,
}

impl Verify {
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        let (workspace, _) = super::load::workspace(&self.place)?;
        super::shared::refresh(&workspace, super::shared::unusable)?;
        let mut codes = Vec::new();
        for (file, named) in self.files(&workspace.target)? {
            let document = read(&file, named)?;
            codes.push(self.verified(&file, &document, look)?);
        }
        Ok([2, 1, 3].into_iter().find(|code| codes.contains(code)).unwrap_or(0))
    }

    /// The files of the decisions, and whether a contract was named, so that there must be one.
    fn files(&self, target: &Path) -> Result<Vec<(PathBuf, bool)>, Stopped> {
        let missing = |what: String| {
            Stopped::unreadable(
                Finding::error(codes::NO_DECISION, what).in_file(target.join("presscheck")).help("run `presscheck check` first"),
            )
        };
        let Some(written) = &self.decision else {
            let contracts = super::load::workspace(&self.place)?.0.contracts(&[])?;
            let name =
                |file: &crate::project::TextFile| crate::contract::parse(&file.text, &file.path).value.map(|read| read.contract.value);
            // A contract that nobody decided is no reason to go on without it.
            let each = contracts.iter().map(|file| {
                let path = name(file).map(|name| store::path(target, &name));
                path.filter(|path| path.is_file()).ok_or_else(|| missing(format!("no decision of {} is stored", file.path.display())))
            });
            return each.map(|path| path.map(|path| (path, true))).collect();
        };
        let file = Path::new(written);
        if file.is_file() {
            return Ok(vec![(file.to_owned(), false)]);
        }
        let path = store::path(target, written);
        if path.is_file() { Ok(vec![(path, true)]) } else { Err(missing(format!("no decision of `{written}` is stored"))) }
    }

    /// The exit code of one decision: what it says, if it counts.
    fn verified(&self, file: &Path, document: &Document, look: &draw::Look) -> Result<u8, Stopped> {
        let held = self.held(document)?;
        let refused = |why: String| {
            let finding = Finding::error(codes::NOT_VERIFIED, format!("the decision about {} does not count: {why}", document.contract));
            Err(Stopped::unreadable(finding.in_file(file).help("run `presscheck check` again, and verify what it stores")))
        };
        if let Err(why) = sound(document).and_then(|()| young(document, Timestamp::now(), self.max_age.seconds)) {
            return refused(why);
        }
        let which = Which { as_of: Some(document.decided_at), ..Which::all_of(&[], None) };
        let (loaded, prepared) = prepare::plans(&self.place, &which, &self.reach, document.decided_at, look)?;
        let one = prepared.iter().find(|one| one.plan.contract == document.contract);
        let Some(one) = one else { return refused("the project has no contract of this name".to_owned()) };
        if let Err(why) = made_of_this(document, &loaded, one).and_then(|()| newest(document, &loaded, one)) {
            return refused(why);
        }
        if !look.quiet {
            let said = if held == 0 { "counts" } else { "counts, and holds" };
            draw::say(&format!("{}: the decision of {} {said}. {}", document.contract, document.decided_at, document.summary));
        }
        Ok(held)
    }

    /// What the decision says of the metric that is asked for, or of all: 0, 1, 2 or 3.
    fn held(&self, document: &Document) -> Result<u8, Stopped> {
        let Some(name) = &self.metric else { return Ok(document.exit_code(FailOn::Hold)) };
        let Some(metric) = document.metrics.iter().find(|metric| metric.id == *name) else {
            let names: Vec<&str> = document.metrics.iter().map(|metric| metric.id.as_str()).collect();
            let help = nearest(name, names.iter().copied())
                .map_or_else(|| format!("decided were: {}", names.join(", ")), |name| format!("did you mean `{name}`?"));
            let finding = Finding::error(codes::UNKNOWN_NAME, format!("{} has no metric `{name}`", document.contract));
            return Err(Stopped::usage(finding.help(help)));
        };
        Ok(match (document.nothing_to_check, metric.verdict, metric.class) {
            (true, _, _) => 2,
            (false, Verdict::Publish | Verdict::Warn, _) => 0,
            (false, Verdict::Hold, Some(Class::DataIsWrong)) => 1,
            (false, Verdict::Hold, Some(Class::CouldNotDecide) | None) => 3,
        })
    }
}

/// Whether it is at most so many seconds old, and not of the future.
pub(super) fn young(document: &Document, now: Timestamp, longest: u64) -> Result<(), String> {
    let age = now.as_second().saturating_sub(document.decided_at.as_second());
    if age < -SKEW {
        return Err(format!("it was made {} s in the future, by this machine's clock", age.saturating_neg()));
    }
    let old = u64::try_from(age.max(0)).map_err(|_| "its age cannot be told".to_owned())?;
    if old > longest {
        return Err(format!("it is {old} s old, and at most {longest} s are allowed (--max-age)"));
    }
    Ok(())
}

/// One stored decision.
pub(super) fn read(file: &Path, named: bool) -> Result<Document, Stopped> {
    let wrong = |why: String| {
        let finding = Finding::error(codes::UNREADABLE_DECISION, why).in_file(file).help("run `presscheck check` again");
        if named { Stopped::unreadable(finding) } else { Stopped::usage(finding) }
    };
    let text = read_text(file, LARGEST)?.text;
    serde_json::from_str(&text).map_err(|error| wrong(format!("this is not a decision of this version: {error}")))
}

/// Whether the document says the truth about itself, and is one that may authorise anything.
pub(super) fn sound(document: &Document) -> Result<(), String> {
    if document.presscheck.format != FORMAT {
        return Err(format!("it has format {}, and this version reads {FORMAT}", document.presscheck.format));
    }
    if document.rehearsal {
        return Err("it is a rehearsal: its time was given with --as-of".to_owned());
    }
    let wrong = document.contradictions();
    if !wrong.is_empty() {
        return Err(format!("its verdicts do not follow from its outcomes ({}): it was edited", wrong.join(", ")));
    }
    if !document.is_itself() {
        return Err("its identifier is not that of what it says: it was edited, or another version wrote it".to_owned());
    }
    Ok(())
}

/// Whether contract, manifest and SQL are still those that it was made from.
pub(super) fn made_of_this(document: &Document, loaded: &Loaded, one: &Prepared) -> Result<(), String> {
    let hash = |path: Option<&Path>| {
        loaded.inputs.iter().find(|(input, _)| Some(input.as_path()) == path).map(|(_, hash)| hash.to_hex().to_string())
    };
    if document.artifacts.contract_hash.is_none() || document.artifacts.contract_hash != hash(one.file.as_deref()) {
        return Err("the contract was changed since".to_owned());
    }
    if Some(&document.artifacts.manifest_hash) != hash(Some(&loaded.workspace.manifest)).as_ref() {
        return Err("the manifest is another one: dbt has run since".to_owned());
    }
    if document.expected_hash != one.plan.expected_hash() {
        return Err(
            "other checks would be asked now, or with other SQL (a macro, a setting, the catalog or presscheck itself was changed)"
                .to_owned(),
        );
    }
    let stale = loaded.stale_models(&one.plan);
    if !stale.is_empty() {
        return Err(format!("the files of {} hold other SQL than was checked", stale.join(", ")));
    }
    Ok(())
}

/// Whether it is the last decision of its interval, and its interval the last one that has ended.
pub(super) fn newest(document: &Document, loaded: &Loaded, one: &Prepared) -> Result<(), String> {
    let begins = match &document.interval {
        None => None,
        Some(interval) => {
            let start: Zoned = interval.start.parse().map_err(|_| format!("`{}` is no moment", interval.start))?;
            Some(start.timestamp())
        }
    };
    if let Some(schedule) = one.contract.as_ref().and_then(|contract| contract.schedule.as_ref()) {
        let latest = prepare::interval(schedule, Timestamp::now()).map_err(|_| "the interval that is due now cannot be told".to_owned())?;
        if begins != Some(latest.start.timestamp()) {
            return Err(format!("it is about another interval than the one that is due, which begins {}", latest.start.date()));
        }
    }
    let history = History::read(&loaded.workspace.history())?;
    let Some(history) = history else {
        return Err("the project's history is not there, so nobody knows whether it is the newest".to_owned());
    };
    history.verify()?;
    match history.newest(&document.contract, begins)? {
        Some(run) if run == document.run => Ok(()),
        Some(run) => Err(format!("the newest decision of this interval is {run}, and this one is {}", document.run)),
        None => Err("the project's history does not know it".to_owned()),
    }
}
