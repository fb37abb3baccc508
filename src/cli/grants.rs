//! `presscheck grants`: the least that a role must be able to read for the project's contracts, as SQL; offline.

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::arguments::{Place, Reach, Which};
use super::{Ended, Stopped, draw, prepare};
use crate::diagnostic::{Finding, codes};
use crate::plan::grants::{self, Wanted};
use crate::plan::{Plan, reads};

#[derive(Debug, Args)]
pub(super) struct Grants {
    #[command(flatten)]
    place: Place,
    /// Contracts, by name or file; all of the project's when none is given
    #[arg(value_name = "CONTRACT")]
    contracts: Vec<String>,
    /// A dbt exposure that has no contract
    #[arg(long, value_name = "NAME", conflicts_with = "contracts")]
    exposure: Option<String>,
    /// Whose SQL
    #[arg(long = "for", value_enum, value_name = "ENGINE")]
    engine: Engine,
    /// A further connection of presscheck.yml, for what is read there; else the project's own warehouse
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// With what `presscheck publish` needs to write
    #[arg(long, conflicts_with = "connection")]
    publish: bool,
    /// Who gets the grants; for BigQuery serviceAccount:..., user:... or group:...
    #[arg(long, value_name = "ROLE")]
    role: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    Postgres,
    Snowflake,
    Bigquery,
    Redshift,
    Databricks,
    Duckdb,
}

impl From<Engine> for grants::Engine {
    fn from(typed: Engine) -> Self {
        match typed {
            Engine::Postgres => grants::Engine::Postgres,
            Engine::Snowflake => grants::Engine::Snowflake,
            Engine::Bigquery => grants::Engine::Bigquery,
            Engine::Redshift => grants::Engine::Redshift,
            Engine::Databricks => grants::Engine::Databricks,
            Engine::Duckdb => grants::Engine::Duckdb,
        }
    }
}

impl Grants {
    pub(super) fn run(&self, look: &draw::Look) -> Ended {
        let which = Which::all_of(&self.contracts, self.exposure.clone());
        let (loaded, prepared) = prepare::plans(&self.place, &which, &Reach::default(), Timestamp::now(), look)?;
        let plans: Vec<&Plan> = prepared.iter().map(|one| &one.plan).collect();
        let (relations, unsure) = reads::reads(&plans, self.connection.as_deref(), &loaded.project, &loaded.lineage);
        if relations.is_empty() {
            let finding = Finding::error(codes::NOTHING_TO_CHECK, "these contracts read no relation, so there is nothing to grant");
            return Err(Stopped::usage(finding.help("presscheck plan shows which checks are asked, and why others are not")));
        }
        let below_views = reads::below_views(&relations, &loaded.project);
        let engine: grants::Engine = self.engine.into();
        let tables = prepared.iter().filter_map(|one| one.contract.as_ref()?.publish.as_ref());
        let tables = tables.flat_map(|publish| {
            let (snapshot, status) = (publish.snapshot.as_ref(), publish.status.as_ref());
            snapshot.map(|table| table.relation.value.clone()).into_iter().chain(status.map(|table| table.relation.value.clone()))
        });
        let written: Vec<String> =
            tables.collect::<std::collections::BTreeSet<_>>().into_iter().filter(|_| self.connection.is_none()).collect();
        let wanted = Wanted {
            role: &self.role,
            // On a further connection names are written for its own engine.
            adapter: if self.connection.is_some() { engine.adapter() } else { &loaded.project.adapter },
            contracts: plans.iter().map(|plan| plan.contract.as_str()).collect(),
            relations: &relations,
            below_views: &below_views,
            unsure: &unsure,
            written: &written,
            writes: self.publish,
        };
        let sql = grants::sql(engine, &wanted).map_err(|message| Stopped::usage(Finding::error(codes::BAD_ROLE, message)))?;
        draw::print(&sql);
        loaded.say_notes(look);
        Ok(0)
    }
}
