//! `presscheck tell [CONTRACT]`: tells who has to know of the latest decisions, and of reports that are due and not decided. Made to be run every few minutes.

mod setup;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;

use super::arguments::Place;
use super::{Ended, Stopped, draw, load, store};
use crate::contract;
use crate::diagnostic::{Finding, Level, codes};
use crate::history::{History, Lock, Locked};
use crate::project::{TextFile, Workspace};
use crate::record::Document;
use crate::tell::{self, Means, Message, PutOff, Routes, Situation, Telling, Wire};

#[derive(Debug, Args)]
pub(super) struct Tell {
    /// Contracts, by name or file; all of the project's when none is given
    #[arg(value_name = "CONTRACT")]
    contracts: Vec<String>,
    #[command(flatten)]
    place: Place,
    /// Print what would be sent to whom; send nothing and keep nothing
    #[arg(long)]
    preview: bool,
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// Tell as if it were this moment (RFC 3339)
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For a person
    Text,
    /// For a program, with the bodies of all messages
    Json,
}

/// What is told as JSON.
#[derive(Debug, Serialize)]
struct Told {
    /// Number of this format: 1.
    format: u32,
    exit_code: u8,
    messages: Vec<ToldMessage>,
    waiting: Vec<Waiting>,
    /// Routes that lead nowhere.
    unreachable: Vec<Unreachable>,
}

#[derive(Debug, Serialize)]
struct ToldMessage {
    contract: String,
    route: String,
    key: String,
    occasion: &'static str,
    heading: String,
    /// `null` in a preview.
    delivered: Option<bool>,
    /// Why it was not delivered.
    fault: Option<String>,
    body: serde_json::Value,
}

#[derive(Debug, Serialize)]
struct Waiting {
    contract: String,
    route: String,
    heading: String,
    why: String,
    until: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct Unreachable {
    contract: String,
    route: String,
    why: String,
}

impl Tell {
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        let now = self.as_of.unwrap_or_else(Timestamp::now);
        let (workspace, findings) = load::workspace(&self.place)?;
        let mut findings = findings;
        findings.extend(route_faults(&workspace));
        if findings.iter().any(|finding| finding.level == Level::Error) {
            return Err(Stopped { findings, exit_code: 2 });
        }
        let folder = workspace.history();
        // Two at once would both find that a message was not sent yet.
        let _lock = if self.preview { None } else { Some(locked(&folder)?) };
        let mut told = Told { format: 1, exit_code: 0, messages: Vec::new(), waiting: Vec::new(), unreachable: Vec::new() };
        for file in workspace.contracts(&self.contracts)? {
            // A contract that is broken keeps nobody from being told of the others.
            if let Err(stopped) = self.one(&workspace, &file, now, &mut told) {
                draw::findings(&stopped.findings);
                told.exit_code = worse(told.exit_code, stopped.exit_code);
            }
        }
        if !told.unreachable.is_empty() || told.messages.iter().any(|message| message.delivered == Some(false)) {
            told.exit_code = worse(told.exit_code, 3);
        }
        self.print(&told, look)?;
        Ok(told.exit_code)
    }

    fn one(&self, workspace: &Workspace, file: &TextFile, now: Timestamp, told: &mut Told) -> Result<(), Stopped> {
        let read = contract::parse(&file.text, &file.path);
        let Some(contract) = read.value.filter(|_| read.findings.iter().all(|finding| finding.level < Level::Error)) else {
            return Err(Stopped { findings: read.findings, exit_code: 2 });
        };
        let document = self.document(workspace, &contract.contract)?;
        let setup = setup::setup(workspace, &contract)?;
        let overdue = setup::overdue(workspace, &contract, document.as_ref(), now)?;
        let situation = Situation { document: document.as_ref(), overdue: overdue.as_ref(), now };
        let folder = workspace.history();
        let unkept = |why: String| Stopped::unreadable(Finding::error(codes::UNTOLD, why).help("nothing more was sent of this contract"));
        let known = History::read(&folder).map_err(unkept)?;
        let past = known.map_or_else(|| Ok(Vec::new()), |history| history.told(&contract.contract)).map_err(unkept)?;
        let telling = tell::messages(&situation, &setup, &past);
        self.note(&setup.contract, &telling, told);
        if self.preview {
            told.messages.extend(telling.messages.iter().map(|message| told_message(message, now, None, None)));
            return Ok(());
        }
        if telling.seen.is_empty() && telling.messages.is_empty() {
            return Ok(());
        }
        let env = |name: &str| std::env::var(name).ok();
        let wire = Wire { env: &env, mail: setup.routes.mail.as_ref(), at: now };
        let mut history = History::open(&folder).map_err(unkept)?;
        for one in tell::deliver(&telling, &mut history, &wire).map_err(unkept)? {
            told.messages.push(told_message(&one.message, now, Some(one.fault.is_none()), one.fault));
        }
        Ok(())
    }

    fn note(&self, contract: &str, telling: &Telling, told: &mut Told) {
        let contract = contract.to_owned();
        told.waiting.extend(telling.put_off.iter().cloned().map(|PutOff { heading, route, why, until }| Waiting {
            contract: contract.clone(),
            route,
            heading,
            why,
            until,
        }));
        let unreachable = telling.unreachable.iter().cloned();
        told.unreachable.extend(unreachable.map(|(route, why)| Unreachable { contract: contract.clone(), route, why }));
    }

    /// The contract's latest decision. Of a rehearsal nobody is told, but it can be looked at.
    fn document(&self, workspace: &Workspace, contract: &str) -> Result<Option<Document>, Stopped> {
        let path = store::path(&workspace.target, contract);
        if !path.is_file() {
            return Ok(None);
        }
        let wrong = |why: String| Stopped::unreadable(Finding::error(codes::UNREADABLE_DECISION, why).in_file(&path));
        let text = store::read(&path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let document: Document =
            serde_json::from_str(&text).map_err(|error| wrong(format!("this is not a decision of this version: {error}")))?;
        if document.rehearsal && !self.preview {
            draw::say(&format!("note: the latest decision about {contract} is a rehearsal, of which nobody is told"));
            return Ok(None);
        }
        Ok(Some(document))
    }

    fn print(&self, told: &Told, look: &draw::Look) -> Result<(), Stopped> {
        for one in &told.unreachable {
            draw::say(&format!("! nobody is reached by {} of {}: {}", one.route, one.contract, one.why));
        }
        for one in told.messages.iter().filter(|message| message.delivered == Some(false)) {
            let why = one.fault.as_deref().unwrap_or("it was not taken");
            draw::say(&format!("! not delivered: {} of {}: {why} ({}); it is tried again next time", one.route, one.contract, one.heading));
        }
        if self.format == Form::Json {
            let text = serde_json::to_string_pretty(told)
                .map_err(|error| Stopped::unreadable(Finding::error(codes::INTERNAL, error.to_string())))?;
            draw::print(&text);
            return Ok(());
        }
        let mut out = String::new();
        for one in &told.messages {
            match one.delivered {
                None => {
                    let text = one.body.get("text").and_then(|text| text.as_str()).unwrap_or_default();
                    out += &format!("== to {}\n{}\n\n", one.route, text.trim_end());
                }
                Some(true) => out += &format!("told {}: {}\n", one.route, one.heading),
                Some(false) => {}
            }
        }
        for one in told.waiting.iter().filter(|_| !look.quiet) {
            let until = one.until.map(|until| format!(", until {until}")).unwrap_or_default();
            let route = if one.route.is_empty() { one.contract.as_str() } else { one.route.as_str() };
            out += &format!("waits {route}: {} ({}{until})\n", one.heading, one.why);
        }
        if out.is_empty() && !look.quiet && told.unreachable.is_empty() && told.messages.is_empty() {
            out += "nothing to tell\n";
        }
        if !out.is_empty() {
            draw::print(&out);
        }
        Ok(())
    }
}

/// A message as it is printed: its body is just what the destination gets, beside a text for people.
fn told_message(message: &Message, now: Timestamp, delivered: Option<bool>, fault: Option<String>) -> ToldMessage {
    let letter = tell::mail(&message.alert);
    let body = match &message.to.means {
        Means::Slack { .. } => serde_json::json!({"text": letter.text, "slack": tell::blocks(&message.alert)}),
        Means::Email { .. } => serde_json::json!({"subject": letter.subject, "text": letter.text, "html": letter.html}),
        Means::Webhook { .. } | Means::Command(_) => {
            let payload: serde_json::Value = serde_json::from_str(&tell::payload(&message.alert, &message.key, now)).unwrap_or_default();
            serde_json::json!({"text": letter.text, "payload": payload})
        }
    };
    ToldMessage {
        contract: message.alert.contract.clone(),
        route: message.to.name.clone(),
        key: message.key.clone(),
        occasion: message.alert.occasion.word(),
        heading: message.alert.heading.clone(),
        delivered,
        fault,
        body,
    }
}

fn route_faults(workspace: &Workspace) -> Vec<Finding> {
    let routes = Routes { named: workspace.settings.routes.clone(), mail: None };
    let file = workspace.root.join("presscheck.yml");
    let finding = |(name, why): (crate::diagnostic::At<String>, String)| {
        Finding::error(codes::UNKNOWN_ROUTE, format!("the route `{name}`: {why}")).at(name.span).in_file(&file)
    };
    routes.faults().into_iter().map(finding).collect()
}

fn locked(folder: &std::path::Path) -> Result<Lock, Stopped> {
    let wrong = |why: String| Stopped::unreadable(Finding::error(codes::UNTOLD, why).help("it is tried again in the next run"));
    match Lock::take(folder, "tell", &format!("process {}", std::process::id())).map_err(wrong)? {
        Locked::Held(lock) => Ok(lock),
        Locked::Elsewhere(holder) => Err(wrong(format!("another `presscheck tell` is at it ({holder}), so nothing was told"))),
    }
}

/// The worse of two exit codes: 2 before 3 before 0.
fn worse(one: u8, other: u8) -> u8 {
    [2, 3].into_iter().find(|code| [one, other].contains(code)).unwrap_or(0)
}
