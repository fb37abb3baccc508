//! The command line: what was typed becomes values, rooms do the work, findings are drawn. One command is one file.
//!
//! The world enters here: arguments, environment, working directory, clock, terminal. Not for deciding anything.
#![expect(clippy::disallowed_methods, reason = "the clock, the environment and the working directory enter here")]

mod arguments;
mod ask;
mod check;
mod connect;
mod interrupt;
mod prepare;
mod odcs;
mod progress;
mod report;
mod rule;
mod store;
mod timings;
mod completions;
#[cfg(feature = "duckdb")]
mod demo;
mod doctor;
mod diff;
mod draw;
mod estimate;
mod explain;
mod grants;
mod init;
mod lineage;
mod lint;
mod list;
mod load;
mod lsp;
mod manual;
mod openlineage;
mod part;
mod plan;
mod publish;
mod review;
mod run;
mod runs;
mod schema;
mod shared;
mod tell;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::diagnostic::{Finding, codes};

/// presscheck decides, metric by metric, whether a dbt report publishes, warns or holds.
#[derive(Debug, Parser)]
#[command(name = "presscheck", version, about, max_term_width = 110, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    look: draw::Look,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the checks of a contract and decide which metrics may be published
    Check(check::Check),
    /// The whole path of a report: wait for its sources, build what it needs, check, decide, remember
    Run(run::Run),
    /// What was run, how it ended and each of its steps; lets go of what is old
    Runs(runs::Runs),
    /// Show the checks, the metrics that each can hold, and the queries; runs nothing
    Plan(plan::Plan),
    /// Say whether a stored decision still counts, for a later job: its age, its hashes, and that nothing is held
    Verify(verify::Verify),
    /// Write the certified values and the status of a stored decision, and call the hooks; each thing once
    Publish(publish::Publish),
    /// Say why a metric has its verdict: from the measurement through the lineage to the metric
    Explain(explain::Explain),
    /// List every contract: promise, tier, owners, next deadline, last decision, open waivers
    List(list::List),
    /// Answer what a team asks once a week, from the history: what failed, was late or noise, what ends, what is to be made up for
    Review(review::Review),
    /// Send the latest decisions as OpenLineage run events, each once
    #[command(name = "openlineage")]
    OpenLineage(openlineage::OpenLineage),
    /// Tell who has to know: of what is held, late, warned about or recovered; for a timer
    Tell(tell::Tell),
    /// Show what a metric, a model or a column depends on, read from SQL
    Lineage(lineage::Lineage),
    /// Check contract files against the dbt project, offline
    Lint(lint::Lint),
    /// Say what would keep a check from its work, and how to mend it: connection, privileges, artifacts, contracts
    Doctor(doctor::Doctor),
    /// Print the least SQL grants that presscheck needs for the project's contracts, offline
    Grants(grants::Grants),
    /// Write settings and a first contract for each exposure, from what dbt knows
    Init(init::Init),
    /// Show what a change does to promises: loosened, tightened, broken; and whom it reaches
    Diff(diff::Diff),
    /// Explain a rule: what it means, why, an example, how to mend it; or list all
    Rule(rule::Rule),
    /// Begin a contract from a document of another standard
    Import(odcs::Import),
    /// Print a contract as a document of another standard
    Export(odcs::Export),
    /// Print a JSON Schema: of contracts, of presscheck.yml, or of the JSON output
    Schema(schema::Schema),
    /// Write the sample project, build its DuckDB file, and decide its report: no dbt, no server, no network
    #[cfg(feature = "duckdb")]
    Demo(demo::Demo),
    /// Print a completion script for a shell
    Completions(completions::Completions),
    /// Write the man pages of the program and of each command into a folder
    Man(manual::Manual),
    /// Speak the Language Server Protocol on standard input and output, for an editor
    Lsp(lsp::Lsp),
}

/// What the exit code says; one place, shown by `--help` and the README.
const EXIT_CODES: &str = "\
Exit codes:
  0  nothing is held (with or without caveats)
  1  at least one metric is held because the data broke a promise
  2  bad usage, a bad contract, or nothing to check
  3  nothing broke, but something could not be decided, so it is held; of tell: an alert was not delivered";

/// What a command ends with: an exit code, or findings that kept it from its work.
type Ended = Result<u8, Stopped>;

/// A command that could not do its work.
#[derive(Debug)]
struct Stopped {
    findings: Vec<Finding>,
    /// 2: bad input; 3: an artifact or the warehouse could not be read.
    exit_code: u8,
}

impl Stopped {
    fn usage(finding: Finding) -> Self {
        Stopped { findings: vec![finding], exit_code: 2 }
    }
    fn unreadable(finding: Finding) -> Self {
        Stopped { findings: vec![finding], exit_code: 3 }
    }
}

/// Runs the program and returns its exit code. A panic is a bug: it is said as one, and the exit code is 3, never success.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            // A closed pipe while printing help is no news to anybody.
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    cli.look.apply();
    std::panic::set_hook(Box::new(|_| {}));
    let look = cli.look.clone();
    // SQL can be deep: one thread that bears it costs less than one for each piece.
    let ended = crate::lineage::with_large_stack(move || run(cli.command, &look)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(Stopped::unreadable(
            Finding::error(codes::INTERNAL, format!("presscheck itself failed: {}", said.unwrap_or_else(|| "no message".to_owned())))
                .help("this is a bug in presscheck; nothing was decided, so treat every metric as held, and report it"),
        ))
    });
    match ended {
        Ok(0) if draw::lost() => ExitCode::from(3),
        Ok(code) => ExitCode::from(code),
        Err(stopped) => {
            draw::findings(&stopped.findings);
            ExitCode::from(stopped.exit_code)
        }
    }
}

fn run(command: Command, look: &draw::Look) -> Ended {
    match command {
        Command::Check(check) => check.run(look),
        Command::Run(run) => run.run(look),
        Command::Runs(runs) => runs.run(look),
        Command::Plan(plan) => plan.run(look),
        Command::Verify(verify) => verify.run(look),
        Command::Publish(publish) => publish.run(look),
        Command::Explain(explain) => explain.run(look),
        Command::List(list) => list.run(),
        Command::Review(review) => review.run(),
        Command::OpenLineage(openlineage) => openlineage.run(look),
        Command::Tell(tell) => tell.run(look),
        Command::Lineage(lineage) => lineage.run(look),
        Command::Lint(lint) => lint.run(look),
        Command::Doctor(doctor) => doctor.run(look),
        Command::Grants(grants) => grants.run(look),
        Command::Init(init) => init.run(look),
        Command::Diff(diff) => diff.run(look),
        Command::Rule(rule) => rule.run(),
        Command::Import(import) => import.run(look),
        Command::Export(export) => export.run(look),
        Command::Schema(schema) => schema.run(),
        #[cfg(feature = "duckdb")]
        Command::Demo(demo) => demo.run(look),
        Command::Completions(completions) => completions.run::<Cli>(),
        Command::Man(manual) => manual.run::<Cli>(),
        Command::Lsp(lsp) => lsp.run(),
    }
}
