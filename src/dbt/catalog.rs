//! `catalog.json`: the columns that relations really had when `dbt docs generate` (dbt 2: `dbt compile --write-catalog`) looked.

use std::path::Path;

use serde::Deserialize;

use super::artifact::{self, Artifact, Kind, Metadata, ReadFault};
use super::json::{Keyed, Strict, Text};
use super::{Column, Project};

#[derive(Deserialize)]
struct Catalog {
    metadata: Option<Metadata>,
    nodes: Keyed<Table>,
    #[serde(default)]
    sources: Keyed<Table>,
    errors: Option<Strict>,
}

#[derive(Deserialize)]
struct Table {
    columns: Keyed<TableColumn>,
}

#[derive(Deserialize)]
struct TableColumn {
    name: Option<String>,
    index: i64,
    #[serde(rename = "type")]
    data_type: Option<Text>,
}

impl Artifact for Catalog {
    const KIND: Kind = Kind::Catalog;
    fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }
}

/// Sets [`super::Node::catalog_columns`] of every node that the catalog saw, and notes what it did not see. `file` is only for messages.
///
/// # Errors
/// Not a catalog, damaged, or of another schema version than 1; the project is then as it was.
pub fn apply(project: &mut Project, bytes: &[u8], file: &Path) -> Result<(), ReadFault> {
    let (catalog, _) = artifact::read::<Catalog>(bytes, file)?;
    let mut unknown = 0_usize;
    for (id, table) in catalog.nodes.0.into_iter().chain(catalog.sources.0) {
        let mut columns: Vec<(i64, Column)> = table.columns.0.into_iter().map(|(key, column)| column.numbered(key)).collect();
        columns.sort_by_key(|(index, _)| *index);
        match project.nodes.get_mut(&id) {
            // A relation without columns was not seen.
            Some(node) => {
                node.catalog_columns = (!columns.is_empty()).then(|| columns.into_iter().map(|(_, column)| column).collect());
            }
            None => unknown += 1,
        }
    }
    let unseen = project.nodes.values().filter(|node| node.relation_name.is_some() && node.catalog_columns.is_none()).count();
    if unknown > 0 {
        project
            .notes
            .push(format!("catalog.json knows {unknown} relations that the manifest does not: one of them is older than the other"));
    }
    if unseen > 0 {
        project.notes.push(format!(
            "catalog.json did not see {unseen} of the project's relations: their columns are those that SQL and documentation tell"
        ));
    }
    if catalog.errors.is_some_and(|Strict(errors)| errors.as_array().is_none_or(|list| !list.is_empty()) && !errors.is_null()) {
        project.notes.push("dbt met errors while it wrote catalog.json: relations may be missing in it".to_owned());
    }
    if let (Some(seen), Some(compiled)) = (catalog.metadata.as_ref().and_then(Metadata::generated_at), project.generated_at)
        && compiled.duration_since(seen) > jiff::SignedDuration::from_hours(24)
    {
        project.notes.push(format!("catalog.json is of {seen}, more than a day older than the manifest"));
    }
    Ok(())
}

impl TableColumn {
    fn numbered(self, key: String) -> (i64, Column) {
        (self.index, Column { name: self.name.unwrap_or(key), data_type: self.data_type.map(|Text(text)| text) })
    }
}
