//! `presscheck explain METRIC`: why, read from the stored decision; nothing is asked again.

use clap::Args;

use super::arguments::Place;
use super::{Ended, Stopped, draw, store};
use crate::diagnostic::{Finding, codes, nearest};
use crate::output;
use crate::project::{Options, Workspace};
use crate::record::Document;

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// A metric of the contract
    metric: String,
    #[command(flatten)]
    place: Place,
    /// The contract, where several have a metric of this name
    #[arg(long, value_name = "NAME")]
    contract: Option<String>,
}

impl Explain {
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        let here = std::env::current_dir().unwrap_or_else(|_| ".".into());
        let options = Options {
            project_dir: self.place.project_dir.clone(),
            manifest: self.place.manifest.clone(),
            target_path: self.place.target_path.clone(),
        };
        let (workspace, _) = Workspace::find(&here, &options, &super::load::target_path)?;
        let documents = self.stored(&workspace)?;
        let found: Vec<&Document> =
            documents.iter().filter(|document| document.metrics.iter().any(|metric| metric.id == self.metric)).collect();
        match found.as_slice() {
            [document] => {
                draw::print(&output::explain(document, &self.metric, draw::Look::colour_on_stdout()));
                if !look.quiet {
                    draw::say(&format!("As decided {}; `presscheck check` decides anew.", document.decided_at));
                }
                Ok(0)
            }
            [] => {
                let names: Vec<&str> =
                    documents.iter().flat_map(|document| document.metrics.iter().map(|metric| metric.id.as_str())).collect();
                let help = nearest(&self.metric, names.iter().copied())
                    .map_or_else(|| format!("decided were: {}", names.join(", ")), |name| format!("did you mean `{name}`?"));
                Err(Stopped::usage(
                    Finding::error(codes::UNKNOWN_NAME, format!("no stored decision has a metric `{}`", self.metric)).help(help),
                ))
            }
            several => {
                let names: Vec<&str> = several.iter().map(|document| document.contract.as_str()).collect();
                let finding = Finding::error(
                    codes::AMBIGUOUS_NAME,
                    format!("several contracts have a metric `{}`: {}", self.metric, names.join(", ")),
                );
                Err(Stopped::usage(finding.help("name one with --contract")))
            }
        }
    }

    fn stored(&self, workspace: &Workspace) -> Result<Vec<Document>, Stopped> {
        let files = store::all(&workspace.target, self.contract.as_deref());
        if files.is_empty() {
            let finding =
                Finding::error(codes::NO_DECISION, "there is no stored decision to explain").in_file(workspace.target.join("presscheck"));
            return Err(Stopped::unreadable(finding.help("run `presscheck check` first")));
        }
        let read = |path: &std::path::PathBuf| {
            let text = store::read(path)
                .map_err(|error| Finding::error(codes::UNREADABLE_DECISION, format!("cannot be read: {error}")).in_file(path))?;
            serde_json::from_str(&text).map_err(|error| {
                Finding::error(codes::UNREADABLE_DECISION, format!("this is not a decision of this version: {error}"))
                    .in_file(path)
                    .help("run `presscheck check` again")
            })
        };
        files.iter().map(|path| read(path).map_err(Stopped::unreadable)).collect()
    }
}
