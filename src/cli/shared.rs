//! The history of a project: the file in its folder, or that file as a copy of a log in PostgreSQL which machines share that forget. Commands that may connect open it here.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::Stopped;
use super::arguments::Reach;
use super::connect;
use crate::check::measurement::Cell;
use crate::dbt::profiles::Profile;
use crate::diagnostic::{Finding, codes};
use crate::history::{History, Shared};
use crate::project::Workspace;
use crate::warehouse::writer::{self, Refused, Step};

/// Longest that adding to the log may take.
const LIMIT: Duration = Duration::from_secs(60);
/// Longest that a run may keep other machines out.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The log of batches in a schema of PostgreSQL.
#[derive(Debug, Clone)]
struct Log {
    profile: Profile,
    root: std::path::PathBuf,
    schema: String,
}

/// Opens the project's history, to add to it.
///
/// # Errors
/// A setting that is wrong; or it cannot be used, which `lost` tells as this command does.
pub(super) fn open(workspace: &Workspace, lost: impl FnOnce(String) -> Stopped) -> Result<History, Stopped> {
    let opened = match log(workspace)? {
        None => History::open(&workspace.history()),
        Some(log) => History::open_shared(&workspace.history(), Box::new(log)),
    };
    opened.map_err(lost)
}

/// Takes what other machines added, where the history is shared; for commands that then only read.
///
/// # Errors
/// A setting that is wrong; or the log cannot be read, so that what is known here may be old, which `lost` tells as this command does.
pub(super) fn refresh(workspace: &Workspace, lost: impl FnOnce(String) -> Stopped) -> Result<(), Stopped> {
    match log(workspace)? {
        None => Ok(()),
        Some(log) => History::open_shared(&workspace.history(), Box::new(log)).map(drop).map_err(lost),
    }
}

/// Keeps other machines from running the same; let go when it is dropped, or when this process or its connection ends.
#[derive(Debug)]
pub(super) struct Held {
    /// The log, and a second lock, whose name nobody else uses: it shows whether the connection that holds both is still there.
    sign: Option<(Log, String)>,
    let_go: Option<mpsc::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Held {
    /// Whether other machines are still kept out.
    ///
    /// # Errors
    /// Why they may not be.
    pub(super) fn holds(&self) -> Result<(), String> {
        let Some((log, sign)) = &self.sign else { return Ok(()) };
        let step = Step::MustBeZero {
            sql: format!("select case when pg_try_advisory_xact_lock(hashtextextended({sign}, 0)) then 1 else 0 end"),
            otherwise: "the connection that keeps other machines out was lost, so another one may have run this report since".to_owned(),
        };
        log.write(&[], &[step], LIMIT, &mut || Ok(())).map(drop).map_err(why)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.let_go.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Takes the lock of this name among all machines that share the history. `Ok(None)` when another one has it.
///
/// # Errors
/// A setting that is wrong; or that cannot be told, and `lost` says why.
pub(super) fn hold(workspace: &Workspace, name: &str, lost: impl FnOnce(String) -> Stopped) -> Result<Option<Held>, Stopped> {
    let Some(log) = log(workspace)? else { return Ok(Some(Held { sign: None, let_go: None, thread: None })) };
    let (let_go, wait) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let key = literal(&format!("presscheck {} {name}", log.schema));
    let unlike = blake3::hash(format!("{name} {} {}", jiff::Timestamp::now().as_nanosecond(), std::process::id()).as_bytes());
    let sign = literal(&format!("presscheck {} alive {unlike}", log.schema));
    let held = |key: &str| Step::MustBeZero {
        sql: format!("select case when pg_try_advisory_xact_lock(hashtextextended({key}, 0)) then 0 else 1 end"),
        otherwise: String::new(),
    };
    let steps = [held(&key), held(&sign)];
    let sign = (log.clone(), sign);
    let thread = std::thread::spawn(move || {
        let mut wait_for_end = || {
            drop(tell.send(Ok(true)));
            match wait.recv_timeout(LONGEST) {
                Ok(()) | Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => Ok(()),
            }
        };
        let ended = log.write(&[], &steps, LONGEST, &mut wait_for_end);
        drop(match ended {
            Err(Refused::Said(_)) => tell.send(Ok(false)),
            Err(Refused::Fault(fault)) => tell.send(Err(fault.detail)),
            Ok(_) => Ok(()),
        });
    });
    let held = Held { sign: Some(sign), let_go: Some(let_go), thread: Some(thread) };
    match told.recv() {
        Ok(Ok(true)) => Ok(Some(held)),
        Ok(Ok(false)) => Ok(None),
        Ok(Err(why)) => Err(lost(why)),
        Err(_) => Err(lost("the thread that asked has ended".to_owned())),
    }
}

/// The log that the settings name. Whatever is wrong with them is wrong before anything is asked.
fn log(workspace: &Workspace) -> Result<Option<Log>, Stopped> {
    let Some(settings) = &workspace.settings.history else { return Ok(None) };
    let Some(target) = &settings.target else { return Ok(None) };
    let text = |named: &Option<crate::diagnostic::At<String>>| named.as_ref().map(|named| named.value.clone());
    let named = |mut stopped: Stopped| {
        stopped.findings.iter_mut().for_each(|finding| finding.message += " (named under `history:` in presscheck.yml)");
        stopped
    };
    let profile =
        connect::read_profile(workspace, &Reach::default(), text(&settings.profile), Some(target.value.clone())).map_err(named)?;
    if profile.kind != "postgres" {
        let what = format!("a history is shared in PostgreSQL, and the target `{}` is of type `{}`", target.value, profile.kind);
        let finding = Finding::error(codes::BAD_VALUE, what).in_file(workspace.root.join("presscheck.yml")).at(target.span);
        return Err(Stopped::usage(finding.help("name a target of type postgres under history:, and its profile where it is another one")));
    }
    let schema = text(&settings.schema).unwrap_or_else(|| "presscheck".to_owned());
    Ok(Some(Log { profile, root: workspace.root.clone(), schema }))
}

impl Log {
    fn table(&self) -> String {
        format!("\"{}\".presscheck_history", self.schema.replace('"', "\"\""))
    }

    /// Makes what the log needs where it is missing.
    fn ready(&self) -> [Step; 2] {
        let (schema, table) = (literal(&self.schema), self.table());
        let name = table.trim_end_matches(".presscheck_history");
        [
            Step::Unless {
                sql: format!("select count(*) from pg_catalog.pg_namespace where nspname = {schema}"),
                then: format!("create schema {name}"),
            },
            Step::Unless {
                sql: format!("select count(*) from pg_catalog.pg_tables where schemaname = {schema} and tablename = 'presscheck_history'"),
                then: format!(
                    "create table {table} (batch bigint primary key, rows text not null, added_at timestamptz not null default current_timestamp)"
                ),
            },
        ]
    }

    fn write(
        &self,
        ready: &[Step],
        steps: &[Step],
        limit: Duration,
        agree: &mut writer::Agree<'_>,
    ) -> Result<Vec<crate::warehouse::Rows>, Refused> {
        writer::write((&self.profile.kind, self.profile.fields(), &self.root, &[]), (ready, steps), limit, agree)
    }
}

impl Shared for Log {
    fn since(&self, batch: i64) -> Result<Vec<(i64, String)>, String> {
        let ask = Step::Tell(format!("select batch, rows from {} where batch > {batch} order by batch", self.table()));
        let told = self.write(&self.ready(), &[ask], LIMIT, &mut || Ok(())).map_err(why)?;
        let read = |row: &Vec<Cell>| match row.as_slice() {
            [Cell::Int(number), Cell::Text(rows)] => {
                i64::try_from(*number).map(|number| (number, rows.clone())).map_err(|error| error.to_string())
            }
            other => Err(format!("the shared history has a row of {} cells that are no batch", other.len())),
        };
        told.iter().flat_map(|rows| &rows.rows).map(read).collect()
    }

    fn add(&self, batch: i64, rows: &str) -> Result<bool, String> {
        self.append(batch, rows, None)
    }

    fn replace(&self, batch: i64, rows: &str) -> Result<bool, String> {
        self.append(batch, rows, Some(Step::Do(format!("delete from {} where batch < {batch}", self.table()))))
    }
}

impl Log {
    /// Adds a batch under the next number, after something else in the same transaction.
    fn append(&self, batch: i64, rows: &str, after: Option<Step>) -> Result<bool, String> {
        let table = self.table();
        let first = Step::MustBeZero {
            sql: format!("select abs(coalesce(max(batch), 0) - {}) from {table}", batch - 1),
            otherwise: "another machine was first".to_owned(),
        };
        let add = Step::Do(format!("insert into {table} (batch, rows) values ({batch}, {})", literal(rows)));
        let steps: Vec<Step> = [first].into_iter().chain(after).chain([add]).collect();
        match self.write(&self.ready(), &steps, LIMIT, &mut || Ok(())) {
            Ok(_) => Ok(true),
            Err(Refused::Said(_)) => Ok(false),
            Err(refused) => Err(why(refused)),
        }
    }
}

fn why(refused: Refused) -> String {
    match refused {
        Refused::Said(why) => why,
        Refused::Fault(fault) => fault.detail,
    }
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A history that cannot be read or kept: nothing is decided on half of what is known.
pub(super) fn unusable(why: String) -> Stopped {
    Stopped::unreadable(Finding::error(codes::UNREADABLE_DECISION, why))
}
