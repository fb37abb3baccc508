//! Parquet files that the project's sources name: which of them may be read, and how SQL finds them.
//!
//! Only a file that a source names, that is Parquet, and that really lies (whatever links lead there) below the project or below a folder of the
//! profile's `file_search_path`. The engine is allowed that one path; to the name in SQL a temporary view stands. Not for folders and patterns: a
//! folder that may be read is, for DuckDB, one that may be written to.
#![expect(clippy::disallowed_methods, reason = "looks where files really are")]

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde_json::{Map, Value};

use super::profile::ReadableFile;

/// Bytes at the end of a Parquet file that are looked at for changes.
const END: u64 = 64 * 1024;

/// Where each of these names leads. `folder` is where dbt runs.
pub(super) fn resolved(names: &[String], fields: &Map<String, Value>, folder: &Path) -> Vec<ReadableFile> {
    let settings = fields.get("settings").and_then(Value::as_object).into_iter().flatten();
    let said = settings.filter(|(key, _)| key.eq_ignore_ascii_case("file_search_path")).filter_map(|(_, value)| value.as_str());
    let search = said.flat_map(|list| list.split(',')).map(str::trim).filter(|each| !each.is_empty()).map(|each| folder.join(each));
    // dbt runs in the project's folder, which the engine looks into first.
    let folders: Vec<PathBuf> = std::iter::once(folder.to_owned()).chain(search).collect();
    let real: Vec<PathBuf> = folders.iter().filter_map(|folder| folder.canonicalize().ok()).collect();
    names.iter().map(|name| ReadableFile { name: name.clone(), path: place(name, &folders, &real) }).collect()
}

fn place(name: &str, folders: &[PathBuf], real: &[PathBuf]) -> Result<PathBuf, String> {
    let refused = |why: &str| format!("the file '{name}', which a source names, is not read: {why}");
    if name.contains("://") || name.split_once(':').is_some_and(|(scheme, _)| scheme.len() > 1) {
        return Err(refused("it is not a local file"));
    }
    if name.contains(['*', '?', '[', '(', '\'', '\0']) {
        return Err(refused("it is a pattern or an expression; presscheck reads single files, named as they are"));
    }
    if !Path::new(name).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet")) {
        return Err(refused("only Parquet files are (a name that ends in .parquet)"));
    }
    let Some(found) = folders.iter().map(|folder| folder.join(name)).find(|path| path.exists()) else {
        return Err(format!("there is no file '{name}', which a source names, in {}", shown(folders)));
    };
    let found = found.canonicalize().map_err(|error| refused(&error.to_string()))?;
    if !real.iter().any(|folder| found.starts_with(folder)) {
        let why = format!("it lies outside of {}; `file_search_path` under `settings` of the profile can name its folder", shown(folders));
        return Err(refused(&why));
    }
    if !found.is_file() {
        return Err(refused("it is no file"));
    }
    Ok(found)
}

fn shown(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// What makes the name mean the file, for one connection.
pub(super) fn view(name: &str, path: &Path) -> String {
    format!("CREATE OR REPLACE TEMP VIEW \"{}\" AS SELECT * FROM read_parquet({})", name.replace('"', "\"\""), literal(path))
}

/// A path as SQL text.
pub(super) fn literal(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', "''"))
}

/// Another text when the file was written again.
pub(super) fn fingerprint(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let about = file.metadata()?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&about.len().to_le_bytes());
    let written = about.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    hasher.update(&written.to_le_bytes());
    file.seek(SeekFrom::Start(about.len().saturating_sub(END)))?;
    hasher.update_reader(file)?;
    Ok(hasher.finalize().to_hex()[..16].to_owned())
}
