//! `presscheck completions SHELL`.

use clap::{Args, CommandFactory};

use super::Ended;

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell to complete for
    shell: clap_complete::Shell,
}

impl Completions {
    pub(super) fn run<Program: CommandFactory>(&self) -> Ended {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Program::command(), "presscheck", &mut script);
        super::draw::print(&String::from_utf8_lossy(&script));
        Ok(0)
    }
}
