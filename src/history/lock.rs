//! Locks between processes: of a contract's interval, and of a project's build. The system lets go of them when the last process that holds the file ends, however
//! it ends, so none is left behind by a crash. Not for threads of one process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// A lock that is held until this value is dropped, or the process ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// What came of asking for a lock.
#[derive(Debug)]
pub enum Locked {
    /// It is held.
    Held(Lock),
    /// Another process holds it: what it wrote about itself.
    Elsewhere(String),
}

impl Lock {
    /// Takes the lock of this name in the history's folder, and writes into it who holds it.
    ///
    /// # Errors
    /// Why there can be no lock, for people.
    pub fn take(folder: &Path, name: &str, holder: &str) -> Result<Locked, String> {
        let path = place(folder, name);
        let wrong = |error: std::io::Error| format!("the lock {} cannot be taken: {error}", path.display());
        std::fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(wrong)?;
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(wrong)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                drop(file.read_to_string(&mut text));
                return Ok(Locked::Elsewhere(text.trim().to_owned()));
            }
            Err(TryLockError::Error(error)) => return Err(wrong(error)),
        }
        // Who holds it is only for people who wait; a full disk is no reason to run unlocked or not at all.
        drop(file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{holder}")));
        Ok(Locked::Held(Lock { file, path }))
    }

    /// Whether some process holds the lock of this name. Where that cannot be told, nobody is known to.
    pub fn is_held(folder: &Path, name: &str) -> bool {
        let Ok(file) = File::open(place(folder, name)) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// The lock as a child's standard input: the child reads nothing from it, and the lock is held until the child has ended, too, should this
    /// process be killed before.
    ///
    /// # Errors
    /// The system gives no second handle.
    pub fn for_child(&self) -> Result<Stdio, String> {
        let mut file = self.file.try_clone().map_err(|error| format!("the lock {} cannot be shared: {error}", self.path.display()))?;
        drop(file.seek(std::io::SeekFrom::End(0)));
        Ok(file.into())
    }
}

/// The file of a lock: names are hashed, since they hold what no file name may.
fn place(folder: &Path, name: &str) -> PathBuf {
    folder.join("locks").join(format!("{}.lock", &blake3::hash(name.as_bytes()).to_hex()[..16]))
}
