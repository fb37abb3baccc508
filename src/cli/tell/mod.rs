//! `presscheck tell [CONTRACT]`: tells who has to know of the latest decisions, and of reports that are due and not decided. Made to be run every few minutes.

pub(super) mod latest;
pub(super) mod setup;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;

use super::arguments::Place;
use super::{Ended, Stopped, draw, load};
use crate::check::definition::Kinds;
use crate::contract::{self, Contract};
use crate::diagnostic::{Finding, Level, codes};
use crate::history::{History, RunKey};
use crate::project::{TextFile, Workspace};
use crate::record::Document;
use crate::tell::{self, Delivery, Means, Message, PutOff, Routes, Situation, Told, Wire};

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
struct Printed {
    /// Number of this format: 1.
    format: u32,
    exit_code: u8,
    messages: Vec<PrintedMessage>,
    waiting: Vec<Waiting>,
    /// Routes that lead nowhere.
    unreachable: Vec<Unreachable>,
}

#[derive(Debug, Serialize)]
struct PrintedMessage {
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
        super::shared::refresh(&workspace, unkept)?;
        let (_, kinds) = load::kinds(&workspace)?;
        let mut told = Printed { format: 1, exit_code: 0, messages: Vec::new(), waiting: Vec::new(), unreachable: Vec::new() };
        for file in workspace.contracts(&self.contracts)? {
            // A contract that is broken keeps nobody from being told of the others.
            if let Err(stopped) = self.one(&workspace, &file, &kinds, now, &mut told) {
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

    fn one(&self, workspace: &Workspace, file: &TextFile, kinds: &Kinds, now: Timestamp, printed: &mut Printed) -> Result<(), Stopped> {
        let read = contract::parse_with(&file.text, &file.path, kinds);
        let Some(contract) = read.value.filter(|_| read.findings.iter().all(|finding| finding.level < Level::Error)) else {
            return Err(Stopped { findings: read.findings, exit_code: 2 });
        };
        let id = &contract.contract.value;
        let known = History::read(&workspace.history()).map_err(unkept)?;
        let document = latest::decision(workspace, known.as_ref(), id, self.preview)?;
        if self.preview {
            let past = known.as_ref().map_or_else(|| Ok(Vec::new()), |history| history.told(id)).map_err(unkept)?;
            let setup = setup::setup(workspace, &contract)?;
            let overdue = setup::overdue(workspace, &contract, document.as_ref(), known.as_ref(), now)?;
            let situation = Situation { document: document.as_ref(), overdue: overdue.as_ref(), now };
            let telling = tell::messages(&situation, &setup, &past);
            printed.messages.extend(telling.messages.iter().map(|message| printed_message(message, now, None)));
            printed.note(id, telling.put_off, telling.unreachable);
            return Ok(());
        }
        let mut history = super::shared::open(workspace, unkept)?;
        let run = format!("tell {}", document.as_ref().map_or("undecided", |document| document.run.as_str()));
        let interval = document.as_ref().and_then(|document| document.interval.as_ref());
        let interval = interval.map(|interval| format!("{}/{}", interval.start, interval.end)).unwrap_or_default();
        let of = RunKey { run, contract: id.clone(), interval };
        let told = told(workspace, &contract, document.as_ref(), &mut history, &of, now)?;
        printed.messages.extend(told.delivered.iter().map(|one| printed_message(&one.message, now, Some(&one.fate))));
        printed.note(id, told.put_off, told.unreachable);
        Ok(())
    }

    fn print(&self, told: &Printed, look: &draw::Look) -> Result<(), Stopped> {
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

impl Printed {
    fn note(&mut self, contract: &str, put_off: Vec<PutOff>, unreachable: Vec<(String, String)>) {
        let contract = contract.to_owned();
        self.waiting.extend(put_off.into_iter().map(|PutOff { heading, route, why, until }| Waiting {
            contract: contract.clone(),
            route,
            heading,
            why,
            until,
        }));
        self.unreachable.extend(unreachable.into_iter().map(|(route, why)| Unreachable { contract: contract.clone(), route, why }));
    }
}

/// Sends what is due about one contract at this moment, and keeps it in the history as steps of the run `of`: what `tell` and `run` share. Called twice, it
/// sends nothing twice. `document` is the decision that counts now; without one, only that it is overdue can be told.
pub(super) fn told(
    workspace: &Workspace,
    contract: &Contract,
    document: Option<&Document>,
    history: &mut History,
    of: &RunKey,
    now: Timestamp,
) -> Result<Told, Stopped> {
    let setup = setup::setup(workspace, contract)?;
    let overdue = setup::overdue(workspace, contract, document, Some(&*history), now)?;
    let situation = Situation { document, overdue: overdue.as_ref(), now };
    let env = |name: &str| std::env::var(name).ok();
    let wire = Wire { env: &env, mail: setup.routes.mail.as_ref(), at: now };
    tell::tell(history, of, &situation, &setup, &wire).map_err(unkept)
}

/// What is wrong with the routes of presscheck.yml: to be said before anything is done.
pub(super) fn route_faults(workspace: &Workspace) -> Vec<Finding> {
    let routes = Routes { named: workspace.settings.routes.clone(), mail: None };
    let file = workspace.root.join("presscheck.yml");
    let finding = |(name, why): (crate::diagnostic::At<String>, String)| {
        Finding::error(codes::UNKNOWN_ROUTE, format!("the route `{name}`: {why}")).at(name.span).in_file(&file)
    };
    routes.faults().into_iter().map(finding).collect()
}

fn unkept(why: String) -> Stopped {
    Stopped::unreadable(Finding::error(codes::UNTOLD, why).help("nothing more was sent of this contract"))
}

/// A message as it is printed: its body is just what the destination gets, beside a text for people.
fn printed_message(message: &Message, now: Timestamp, fate: Option<&Delivery>) -> PrintedMessage {
    let why = match fate {
        Some(Delivery::Failed(why)) => Some(why.clone()),
        Some(Delivery::Taken | Delivery::Before) | None => None,
    };
    let letter = tell::mail(&message.alert);
    let body = match &message.to.means {
        Means::Slack { .. } => serde_json::json!({"text": letter.text, "slack": tell::blocks(&message.alert)}),
        Means::Email { .. } => serde_json::json!({"subject": letter.subject, "text": letter.text, "html": letter.html}),
        Means::Webhook { .. } | Means::Command(_) => {
            let payload: serde_json::Value = serde_json::from_str(&tell::payload(&message.alert, &message.key, now)).unwrap_or_default();
            serde_json::json!({"text": letter.text, "payload": payload})
        }
    };
    PrintedMessage {
        contract: message.alert.contract.clone(),
        route: message.to.name.clone(),
        key: message.key.clone(),
        occasion: message.alert.occasion.word(),
        heading: message.alert.heading.clone(),
        delivered: fate.map(|fate| matches!(fate, Delivery::Taken | Delivery::Before)),
        fault: why,
        body,
    }
}

/// The worse of two exit codes: 2 before 3 before 0.
fn worse(one: u8, other: u8) -> u8 {
    [2, 3].into_iter().find(|code| [one, other].contains(code)).unwrap_or(0)
}
