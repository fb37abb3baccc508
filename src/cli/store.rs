//! What is kept in the project's target folder: the last decision of each contract, and what was read of artifacts and models. Files are replaced whole.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// File of what was read of all models; like the others safe to delete.
pub(super) const LINEAGE: &str = "lineage.cache";
/// File of what `lint` read of some models.
pub(super) const MODELS: &str = "models.cache";
/// File of what was read of manifest and catalog.
pub(super) const PROJECT: &str = "project.cache";

/// The file of a contract's last decision.
pub(super) fn path(target: &Path, contract: &str) -> PathBuf {
    let name: String = contract.chars().map(|c| if c.is_alphanumeric() || c == '_' || c == '-' { c } else { '_' }).collect();
    target.join("presscheck").join(format!("{name}.json"))
}

/// Writes the text so that it is there whole, and still there after a crash; what was there before is lost only then.
pub(super) fn store(path: &Path, text: &str) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("the decision cannot be stored as {}: {error}", path.display());
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(wrong)?;
    let draft = path.with_extension(format!("json.{}", std::process::id()));
    let written = File::create(&draft).and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    let moved = written.and_then(|()| fs::rename(&draft, path)).and_then(|()| File::open(folder).and_then(|folder| folder.sync_all()));
    if moved.is_err() {
        drop(fs::remove_file(&draft));
    }
    moved.map_err(wrong)
}

/// Takes a stored decision away, as far as that can be done.
pub(super) fn discard(path: &Path) {
    drop(fs::remove_file(path));
}

/// What an earlier run kept in a file of this name; nothing, when there is nothing that can be read.
pub(super) fn kept(target: &Path, name: &str) -> Vec<u8> {
    fs::read(target.join("presscheck").join(name)).unwrap_or_default()
}

/// The same with the time at which it was written, if the file begins with these bytes.
pub(super) fn kept_if(target: &Path, name: &str, start: &[u8]) -> Option<(Vec<u8>, SystemTime)> {
    let mut file = File::open(target.join("presscheck").join(name)).ok()?;
    let mut bytes = vec![0; start.len()];
    file.read_exact(&mut bytes).ok().filter(|()| bytes == start)?;
    let about = file.metadata().ok()?;
    bytes.reserve_exact(usize::try_from(about.len()).ok()?.saturating_sub(start.len()));
    file.read_to_end(&mut bytes).ok()?;
    Some((bytes, about.modified().ok()?))
}

/// Says of what was kept that it was written just now.
pub(super) fn renew(target: &Path, name: &str) {
    let file = fs::OpenOptions::new().write(true).open(target.join("presscheck").join(name));
    drop(file.and_then(|file| file.set_modified(SystemTime::now())));
}

/// Keeps what was read, in one file. It only saves time, so a folder that cannot be written to is no fault. Of two processes the last one wins: each writes
/// a whole file of its own and moves it into place.
pub(super) fn keep(target: &Path, name: &str, parts: &[&[u8]]) {
    let folder = target.join("presscheck");
    // A repository may hold a link of this name; nothing is written where it leads.
    if fs::symlink_metadata(&folder).is_ok_and(|about| about.is_symlink()) {
        return;
    }
    let draft = folder.join(format!("{name}.{}", std::process::id()));
    let Ok(mut file) = fs::create_dir_all(&folder).and_then(|()| fs::OpenOptions::new().write(true).create_new(true).open(&draft)) else {
        return;
    };
    let written = parts.iter().try_for_each(|part| file.write_all(part));
    if written.and_then(|()| fs::rename(&draft, folder.join(name))).is_err() {
        drop(fs::remove_file(&draft));
    }
}

/// The files of all last decisions, in order of name; of one contract only, when named.
pub(super) fn all(target: &Path, contract: Option<&str>) -> Vec<PathBuf> {
    if let Some(contract) = contract {
        return Some(path(target, contract)).filter(|path| path.is_file()).into_iter().collect();
    }
    let entries = target.join("presscheck").read_dir().into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect();
    files.sort();
    files
}

/// A decision's text.
pub(super) fn read(path: &Path) -> std::io::Result<String> {
    fs::read_to_string(path)
}
