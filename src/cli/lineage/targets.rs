//! What was typed -> nodes of the lineage, and the checks of the contracts that watch nodes.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::load::{self, Loaded};
use super::super::{Stopped, draw, prepare};
use crate::contract::Contract;
use crate::diagnostic::{Finding, codes, nearest};
use crate::lineage::{Node, NodeIndex, Part};
use crate::plan::{self, Watch};

/// What is drawn.
pub(super) struct Asked {
    pub targets: Vec<NodeIndex>,
    /// Names of the checks on each node.
    pub guards: BTreeMap<NodeIndex, Vec<String>>,
    /// Steps upstream that a tree shows when nobody says how many.
    pub depth_of_tree: usize,
}

/// Of a metric or column.
const DEPTH: usize = 4;
/// Of a whole model, which has a tree for each column.
const DEPTH_OF_MODEL: usize = 2;

/// The nodes of a model, of a column, or of a metric of a contract.
pub(super) fn find(loaded: &mut Loaded, of: &str, look: &draw::Look) -> Result<Asked, Stopped> {
    let quiet = look.quietly();
    if let Some(targets) = node_targets(loaded, of)? {
        // Lineage does not need contracts, but a picture without checks must not look as if there were none.
        let no_contract = loaded.workspace.contracts(&[]).is_err();
        let guards = match watches(loaded, &quiet) {
            Ok(watches) => guards(&watches),
            Err(_) if no_contract => BTreeMap::new(),
            Err(_) => {
                draw::say("note: checks are not shown, because a contract has faults: presscheck lint");
                BTreeMap::new()
            }
        };
        let depth_of_tree = if loaded.project.find(of).is_some() { DEPTH_OF_MODEL } else { DEPTH };
        return Ok(Asked { targets, guards, depth_of_tree });
    }
    if loaded.workspace.contracts(&[]).is_err() {
        return Err(unknown(loaded, of, &[]));
    }
    let watches = watches(loaded, &quiet)?;
    for (contract, watch) in &watches {
        match watch.metrics.iter().find(|(id, _)| id == of) {
            Some((_, Ok(targets))) => return Ok(Asked { targets: targets.clone(), guards: watch.guards(), depth_of_tree: DEPTH }),
            Some((_, Err(why))) => {
                let name = &contract.contract;
                let message = format!("the metric `{of}` of {name} is not resolved to columns: {why}");
                return Err(Stopped::usage(Finding::error(codes::UNRESOLVED_METRIC, message)));
            }
            None => {}
        }
    }
    Err(unknown(loaded, of, &watches))
}

/// Every contract of the project with what it watches.
pub(super) fn watches(loaded: &mut Loaded, look: &draw::Look) -> Result<Vec<(Contract, Watch)>, Stopped> {
    let contracts = load::sound_contracts(loaded, &[], look)?;
    let macros = load::macros(loaded)?;
    let one = |(contract, file): (Contract, crate::project::TextFile)| {
        let interval = contract.schedule.as_ref().map(|schedule| prepare::interval(schedule, Timestamp::now())).transpose()?;
        let options = plan::Options { interval, selection: None, macros: &macros, given: plan::Given::default() };
        match plan::watch(&contract, &loaded.project, &loaded.lineage, &options) {
            Ok(watch) => Ok((contract, watch)),
            Err(findings) => {
                let findings = findings.into_iter().map(|finding| prepare::placed(finding, &file.path)).collect();
                Err(Stopped { findings, exit_code: 2 })
            }
        }
    };
    contracts.into_iter().map(one).collect()
}

fn guards(watches: &[(Contract, Watch)]) -> BTreeMap<NodeIndex, Vec<String>> {
    let mut guards: BTreeMap<NodeIndex, Vec<String>> = BTreeMap::new();
    for (node, checks) in watches.iter().flat_map(|(_, watch)| watch.guards()) {
        guards.entry(node).or_default().extend(checks);
    }
    guards
}

/// Nothing of this name, and what is called nearly so.
pub(super) fn unknown(loaded: &Loaded, of: &str, watches: &[(Contract, Watch)]) -> Stopped {
    let models = loaded.project.nodes.keys().map(|id| loaded.name(id));
    let metrics = watches.iter().flat_map(|(_, watch)| watch.metrics.iter().map(|(id, _)| id.clone()));
    let names: Vec<String> = models.chain(metrics).collect();
    let help = nearest(of, names.iter().map(String::as_str))
        .map_or_else(|| "name a metric of a contract, a model, or MODEL.COLUMN".to_owned(), |name| format!("did you mean `{name}`?"));
    Stopped::usage(Finding::error(codes::UNKNOWN_NAME, format!("there is no metric and no model `{of}`")).help(help))
}

/// The nodes of `model`, `model.column` or `source.table[.column]`; `None` when the project has no such relation.
pub(in crate::cli) fn node_targets(loaded: &Loaded, of: &str) -> Result<Option<Vec<NodeIndex>>, Stopped> {
    let graph = &loaded.lineage.graph;
    let node = |relation: &str, part: Part| graph.find(&Node { relation: relation.into(), part });
    let column_of = |relation: &str, name: &str| node(relation, Part::Column(name.to_lowercase().as_str().into()));
    let rows = |relation: &str| [Part::RowsLost, Part::RowsAdded].into_iter().filter_map(|part| node(relation, part)).collect::<Vec<_>>();
    let columns = |id: &str| loaded.lineage.columns.get(id).map(|columns| columns.names.clone()).unwrap_or_default();
    if let Some(found) = loaded.project.find(of) {
        let id = &found.unique_id;
        let mut targets: Vec<NodeIndex> = columns(id).iter().filter_map(|column| column_of(id, column)).collect();
        targets.extend(rows(id));
        return Ok(Some(targets));
    }
    let Some((found, column)) = of.rsplit_once('.').and_then(|(relation, column)| Some((loaded.project.find(relation)?, column))) else {
        return Ok(None);
    };
    let id = &found.unique_id;
    if let Some(target) = column_of(id, column) {
        return Ok(Some([target].into_iter().chain(rows(id)).collect()));
    }
    let columns = columns(id);
    let help = nearest(column, columns.iter().map(String::as_str))
        .map_or_else(|| format!("its columns: {}", columns.join(", ")), |name| format!("did you mean `{name}`?"));
    Err(Stopped::usage(Finding::error(codes::UNKNOWN_NAME, format!("`{}` has no column `{column}`", loaded.name(id))).help(help)))
}
