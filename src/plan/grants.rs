//! The least grants with which a role can answer a project's plans, as SQL of one engine. Text in, text out: nothing is asked or changed here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::reads::{ReadRelation, Sort};
use crate::dbt::relation_name::{RelationName, identifier};

/// Whose SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Engine {
    Postgres,
    Snowflake,
    Bigquery,
    Redshift,
    Databricks,
    Duckdb,
}

impl Engine {
    /// As dbt calls its adapter.
    pub fn adapter(self) -> &'static str {
        match self {
            Engine::Postgres => "postgres",
            Engine::Snowflake => "snowflake",
            Engine::Bigquery => "bigquery",
            Engine::Redshift => "redshift",
            Engine::Databricks => "databricks",
            Engine::Duckdb => "duckdb",
        }
    }

    fn quoted(self, name: &str) -> String {
        match self {
            Engine::Postgres | Engine::Snowflake | Engine::Redshift | Engine::Duckdb => format!("\"{}\"", name.replace('"', "\"\"")),
            Engine::Databricks => format!("`{}`", name.replace('`', "``")),
            // A quoted name of BigQuery has the escapes of a text.
            Engine::Bigquery => format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`").replace('\n', "\\n").replace('\r', "\\r")),
        }
    }

    fn path(self, parts: &[Option<&str>]) -> String {
        parts.iter().flatten().map(|part| self.quoted(part)).collect::<Vec<_>>().join(".")
    }
}

/// What is to be granted.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// Who gets it, as typed.
    pub role: &'a str,
    /// The adapter by whose rules the relations' names are written.
    pub adapter: &'a str,
    /// Contracts, for the heading.
    pub contracts: Vec<&'a str>,
    /// What the plans read.
    pub relations: &'a [ReadRelation],
    /// What stands below views among them.
    pub below_views: &'a [ReadRelation],
    /// Checks that may read more.
    pub unsure: &'a [String],
    /// Relations that `publish` writes, as the contracts name them.
    pub written: &'a [String],
    /// Whether the role is to write them.
    pub writes: bool,
}

/// The grants, one statement a line, with comments.
///
/// # Errors
/// A role that cannot be meant, in one sentence.
pub fn sql(engine: Engine, wanted: &Wanted<'_>) -> Result<String, String> {
    let role = role(engine, wanted.role)?;
    let mut out = String::new();
    let _ = writeln!(out, "-- What presscheck needs to read for: {}.", comment(&wanted.contracts.join(", ")));
    let write = if wanted.writes { format!("{} to write", wanted.written.len()) } else { "nothing to write".to_owned() };
    let _ = writeln!(out, "-- {} relations, {write}. Run it as their owner.", wanted.relations.len());
    if wanted.adapter != engine.adapter() {
        let adapter = comment(wanted.adapter);
        let _ = writeln!(
            out,
            "-- The artifacts are of dbt-{adapter}: names are written as that engine has them; look whether they are the same here."
        );
    }
    for check in wanted.unsure {
        let _ = writeln!(out, "-- The query of the check {} was not understood; it may read more.", comment(check));
    }
    let mut named = Vec::new();
    for relation in wanted.relations {
        match RelationName::read(&relation.rendered, wanted.adapter) {
            Some(name) if name.schema().is_some() => named.push((name, relation)),
            _ if engine == Engine::Duckdb => {}
            _ => {
                let _ = writeln!(out, "-- Not a name that can be granted: {} ({})", comment(&relation.rendered), comment(&relation.name));
            }
        }
    }
    match engine {
        Engine::Duckdb => duckdb(&mut out, wanted.relations),
        Engine::Bigquery => bigquery(&mut out, &role, &named, wanted),
        Engine::Postgres | Engine::Redshift => postgres(&mut out, engine, &role, &named),
        Engine::Snowflake => snowflake(&mut out, &role, &named),
        Engine::Databricks => databricks(&mut out, &role, &named),
    }
    if wanted.writes {
        writing(&mut out, engine, &role, wanted)?;
    } else if !wanted.written.is_empty() {
        let _ = writeln!(
            out,
            "\n-- presscheck publish writes {}: what that takes, --publish prints. Another role is best.",
            comment(&wanted.written.join(", "))
        );
    }
    if engine != Engine::Duckdb {
        after_builds(&mut out, engine, wanted.role);
    }
    Ok(out)
}

/// What `publish` needs beside what is read.
fn writing(out: &mut String, engine: Engine, role: &str, wanted: &Wanted<'_>) -> Result<(), String> {
    if wanted.written.is_empty() {
        return Err("these contracts publish nothing: add `publish:` with `snapshot:` or `status:`".to_owned());
    }
    let names: Vec<RelationName> = wanted.written.iter().filter_map(|name| RelationName::read(name, engine.adapter())).collect();
    match engine {
        Engine::Duckdb => {
            out.push_str("-- presscheck publish writes into the file, so that the account it runs as must be able to write it. It makes these tables:\n");
            wanted.written.iter().for_each(|name| {
                let _ = writeln!(out, "--   {}", comment(name));
            });
        }
        Engine::Postgres => {
            out.push_str("\n-- presscheck publish writes these, in one transaction for each report. It makes a table that is missing; then the role owns it.\n");
            let schemas: BTreeSet<&str> = names.iter().filter_map(RelationName::schema).collect();
            for schema in schemas {
                let _ = writeln!(out, "CREATE SCHEMA IF NOT EXISTS {};", engine.quoted(schema));
                let _ = writeln!(out, "GRANT USAGE, CREATE ON SCHEMA {} TO {role};", engine.quoted(schema));
            }
            out.push_str("-- Of tables that are there already:\n");
            for name in &names {
                let path = engine.path(&[name.schema(), Some(name.name())]);
                let _ = writeln!(out, "-- GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE {path} TO {};", comment(role));
            }
        }
        Engine::Snowflake | Engine::Bigquery | Engine::Redshift | Engine::Databricks => {
            return Err(format!("this version publishes to DuckDB and PostgreSQL, and not to {}", engine.adapter()));
        }
    }
    Ok(())
}

/// dbt replaces tables when it builds, and grants with them.
fn after_builds(out: &mut String, engine: Engine, role: &str) {
    let role = comment(role).replace('\'', "''");
    out.push_str("\n-- dbt makes tables anew, and a new table has no grants of an old one. ");
    let _ = match engine {
        Engine::Redshift => writeln!(out, "Grant again after a build, or let a post-hook do it."),
        Engine::Bigquery => {
            writeln!(out, "Below `models:` and `seeds:` of dbt_project.yml:\n--   +grants: {{roles/bigquery.dataViewer: ['{role}']}}")
        }
        Engine::Postgres | Engine::Snowflake | Engine::Databricks | Engine::Duckdb => {
            writeln!(out, "Below `models:` and `seeds:` of dbt_project.yml:\n--   +grants: {{select: ['{role}']}}")
        }
    };
}

type Named<'a> = [(RelationName, &'a ReadRelation)];

/// Text that stays in its comment.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || ['\u{2028}', '\u{2029}'].contains(&c) { ' ' } else { c }).collect()
}

/// The grantee as SQL of the engine.
fn role(engine: Engine, typed: &str) -> Result<String, String> {
    let typed = typed.trim();
    if typed.is_empty() || typed.chars().any(char::is_control) {
        return Err("the role has no name: write --role presscheck".to_owned());
    }
    if engine == Engine::Bigquery {
        let (kind, who) = match typed.split_once(':') {
            Some((kind, who)) => (kind, who),
            None if typed.ends_with(".gserviceaccount.com") => ("serviceAccount", typed),
            None => ("", typed),
        };
        if !["user", "serviceAccount", "group"].contains(&kind) || who.is_empty() || who.contains(['"', '\\', ' ']) {
            return Err(
                "BigQuery grants to accounts: write --role serviceAccount:NAME@PROJECT.iam.gserviceaccount.com, user:... or group:..."
                    .to_owned(),
            );
        }
        return Ok(format!("\"{kind}:{who}\""));
    }
    // As the engine would keep it, so that the role is the one that CREATE ROLE with the same text made.
    let name = identifier(typed, engine.adapter()).unwrap_or_else(|| typed.to_owned());
    if name.eq_ignore_ascii_case("public") || engine == Engine::Databricks && name.eq_ignore_ascii_case("account users") {
        return Err(format!("`{typed}` is everybody: name a role of presscheck's own"));
    }
    Ok(engine.quoted(&name))
}

/// Relations of one database, by schema.
type Schemas<'a> = BTreeMap<&'a str, Vec<(&'a RelationName, Sort)>>;

/// Relations by database and schema, each once.
fn by_schema<'a>(named: &'a Named<'a>) -> BTreeMap<Option<&'a str>, Schemas<'a>> {
    let mut found: BTreeMap<Option<&str>, Schemas<'_>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (name, relation) in named {
        if seen.insert((name.database(), name.schema(), name.name())) {
            let schema = name.schema().unwrap_or_default();
            found.entry(name.database()).or_default().entry(schema).or_default().push((name, relation.sort));
        }
    }
    found
}

fn postgres(out: &mut String, engine: Engine, role: &str, named: &Named<'_>) {
    for (database, schemas) in by_schema(named) {
        out.push('\n');
        if let Some(database) = database {
            let _ = writeln!(out, "-- In the database {}:", comment(database));
            if engine == Engine::Postgres {
                let _ = writeln!(out, "GRANT CONNECT ON DATABASE {} TO {role};", engine.quoted(database));
            }
        }
        let to = if engine == Engine::Redshift { format!("ROLE {role}") } else { role.to_owned() };
        for (schema, relations) in schemas {
            let _ = writeln!(out, "GRANT USAGE ON SCHEMA {} TO {to};", engine.quoted(schema));
            for (name, _) in relations {
                let _ = writeln!(out, "GRANT SELECT ON TABLE {} TO {to};", engine.path(&[Some(schema), Some(name.name())]));
            }
        }
    }
    if engine == Engine::Redshift {
        out.push_str("\n-- External schemas (Spectrum) take USAGE alone: leave out SELECT on their tables.\n");
    }
}

fn snowflake(out: &mut String, role: &str, named: &Named<'_>) {
    let engine = Engine::Snowflake;
    let _ =
        writeln!(out, "\n-- And the virtual warehouse that the checks run on:\n-- GRANT USAGE ON WAREHOUSE ... TO ROLE {};", comment(role));
    for (database, schemas) in by_schema(named) {
        out.push('\n');
        if let Some(database) = database {
            let _ = writeln!(out, "GRANT USAGE ON DATABASE {} TO ROLE {role};", engine.quoted(database));
        }
        for (schema, relations) in schemas {
            let _ = writeln!(out, "GRANT USAGE ON SCHEMA {} TO ROLE {role};", engine.path(&[database, Some(schema)]));
            for (name, sort) in relations {
                let (word, doubt) = match sort {
                    Sort::Table => ("TABLE", ""),
                    Sort::View => ("VIEW", ""),
                    Sort::MaterializedView => ("MATERIALIZED VIEW", ""),
                    Sort::DynamicTable => ("DYNAMIC TABLE", ""),
                    Sort::Unknown => ("TABLE", " -- VIEW, if it is one"),
                };
                let path = engine.path(&[database, Some(schema), Some(name.name())]);
                let _ = writeln!(out, "GRANT SELECT ON {word} {path} TO ROLE {role};{doubt}");
            }
        }
    }
}

fn databricks(out: &mut String, role: &str, named: &Named<'_>) {
    let engine = Engine::Databricks;
    for (catalog, schemas) in by_schema(named) {
        out.push('\n');
        // Without Unity Catalog there is no privilege on the catalog, and that on schemas has another name.
        let unity = catalog.filter(|catalog| *catalog != "hive_metastore");
        if let Some(catalog) = unity {
            let _ = writeln!(out, "GRANT USE CATALOG ON CATALOG {} TO {role};", engine.quoted(catalog));
        }
        let usage = if unity.is_some() { "USE SCHEMA" } else { "USAGE" };
        for (schema, relations) in schemas {
            let _ = writeln!(out, "GRANT {usage} ON SCHEMA {} TO {role};", engine.path(&[catalog, Some(schema)]));
            for (name, _) in relations {
                let _ = writeln!(out, "GRANT SELECT ON TABLE {} TO {role};", engine.path(&[catalog, Some(schema), Some(name.name())]));
            }
        }
    }
}

fn bigquery(out: &mut String, role: &str, named: &Named<'_>, wanted: &Wanted<'_>) {
    let engine = Engine::Bigquery;
    let one = |out: &mut String, name: &RelationName, sort: Sort| {
        let (word, doubt) = match sort {
            Sort::View => ("VIEW", ""),
            Sort::Table | Sort::MaterializedView | Sort::DynamicTable => ("TABLE", ""),
            Sort::Unknown => ("TABLE", " -- VIEW or EXTERNAL TABLE, if it is one"),
        };
        let path = engine.path(&[name.database(), name.schema(), Some(name.name())]);
        let _ = writeln!(out, "GRANT `roles/bigquery.dataViewer` ON {word} {path} TO {role};{doubt}");
    };
    out.push_str("\n-- And the right to run queries, in the project that pays for them: roles/bigquery.jobUser (IAM of the project).\n\n");
    for (name, relation) in named {
        one(out, name, relation.sort);
    }
    let below: Vec<(RelationName, Sort)> =
        wanted.below_views.iter().filter_map(|below| Some((RelationName::read(&below.rendered, wanted.adapter)?, below.sort))).collect();
    if !below.is_empty() {
        out.push_str("\n-- Views are read with the rights of the reader, down to the tables; an authorized view needs none of these:\n");
        for (name, sort) in &below {
            one(out, name, *sort);
        }
    }
}

fn duckdb(out: &mut String, relations: &[ReadRelation]) {
    out.push_str("\n-- DuckDB has no roles and no grants: whoever may read a file may read all of it.\n");
    out.push_str(
        "-- presscheck opens it read-only. Give the account that it runs as the right to read the files, and not to write them:\n",
    );
    out.push_str("--   chmod o-w,o+r FILE.duckdb (or a group of its own)\n-- What is read of it:\n");
    for relation in relations {
        let _ = writeln!(out, "--   {}", comment(&relation.rendered));
    }
}
