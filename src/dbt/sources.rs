//! `sources.json`: what `dbt source freshness` saw. A source that is absent was not asked, or its query failed: unknown, never fresh.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::artifact::{self, Artifact, Kind, Metadata, ReadFault};
use super::run_results::{Status, moment};

/// One invocation of `dbt source freshness`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sources {
    /// `metadata.invocation_id`.
    pub invocation_id: Option<String>,
    /// When the file was written.
    pub generated_at: Option<jiff::Timestamp>,
    /// By unique id.
    pub results: BTreeMap<String, Landing>,
}

/// What was seen of one source.
#[derive(Debug, Clone, PartialEq)]
pub struct Landing {
    /// Pass, warn, error (too old) or runtime error (could not be asked).
    pub status: Status,
    /// The newest row's load time.
    pub max_loaded_at: Option<jiff::Timestamp>,
    /// The warehouse's clock at that moment.
    pub snapshotted_at: Option<jiff::Timestamp>,
    /// Why it could not be asked.
    pub error: Option<String>,
}

#[derive(Deserialize)]
struct File {
    metadata: Option<Metadata>,
    results: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    unique_id: String,
    status: String,
    max_loaded_at: Option<String>,
    snapshotted_at: Option<String>,
    error: Option<String>,
}

impl Artifact for File {
    const KIND: Kind = Kind::Sources;
    fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }
}

/// Reads the freshness of sources. `file` is only for messages.
///
/// # Errors
/// Another artifact, damaged, of another schema version than 3, with a status that freshness does not have, with a time that cannot be
/// read, or with two results for one source.
pub fn read(bytes: &[u8], file: &Path) -> Result<Sources, ReadFault> {
    let (read, _) = artifact::read::<File>(bytes, file)?;
    let metadata = read.metadata.unwrap_or_default();
    let mut results = BTreeMap::new();
    for entry in read.results {
        let id = entry.unique_id;
        let fault = |what: String| {
            ReadFault::unreadable(format!("this sources.json cannot be used: `{id}` {what}"), "run `dbt source freshness` again", file)
        };
        let status = match Status::read(&entry.status) {
            Some(status @ (Status::Pass | Status::Warn | Status::Error | Status::RuntimeError)) => status,
            Some(Status::Success | Status::Skipped | Status::PartialSuccess | Status::NoOp | Status::Reused | Status::Fail) | None => {
                return Err(fault(format!("has the status `{}`, which freshness does not have", entry.status)));
            }
        };
        let time = |text: Option<String>| {
            text.map(|text| moment(&text).ok_or_else(|| fault(format!("has a time that is none: `{text}`")))).transpose()
        };
        let landing =
            Landing { status, max_loaded_at: time(entry.max_loaded_at)?, snapshotted_at: time(entry.snapshotted_at)?, error: entry.error };
        if results.contains_key(&id) {
            return Err(fault("has two results".to_owned()));
        }
        results.insert(id, landing);
    }
    Ok(Sources { generated_at: metadata.generated_at(), invocation_id: metadata.invocation_id, results })
}
