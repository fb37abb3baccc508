//! Whether manifest and catalog are still the files that were read before, told without keeping them in memory.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::Workspace;

/// What of the files is looked at first: where it differs, so do they. Where it does not, their bytes say.
pub type Glance = [u64; 4];

/// Bytes that are read at once: they stay in the processor's cache while they are hashed.
const PIECE: usize = 256 << 10;

impl Workspace {
    /// Sizes and times of manifest and catalog.
    pub fn glance(&self) -> Glance {
        let look = |path: &Path| {
            let about = path.metadata().ok();
            let changed = about.as_ref().and_then(|about| about.modified().ok()?.duration_since(UNIX_EPOCH).ok());
            let changed = changed.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
            [about.map_or(u64::MAX, |about| about.len()), changed]
        };
        let ([size, time], [other_size, other_time]) = (look(&self.manifest), look(&self.target.join("catalog.json")));
        [size, time, other_size, other_time]
    }

    /// The hash of the bytes of manifest and catalog, with that of the manifest alone; `None` where one is there and cannot be read.
    pub fn artifacts(&self) -> Option<(blake3::Hash, blake3::Hash)> {
        let manifest = hash(&self.manifest)??;
        Some((both(&manifest, hash(&self.target.join("catalog.json"))?.as_ref()), manifest))
    }
}

/// One hash for the two files.
pub fn both(manifest: &blake3::Hash, catalog: Option<&blake3::Hash>) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(manifest.as_bytes());
    hasher.update(catalog.map_or(&[][..], |catalog| catalog.as_bytes()));
    hasher.finalize()
}

/// `Some(None)`: it is not there.
fn hash(path: &Path) -> Option<Option<blake3::Hash>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Some(None),
        Err(_) => return None,
    };
    let (mut hasher, mut piece) = (blake3::Hasher::new(), vec![0; PIECE]);
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Some(Some(hasher.finalize())),
            Ok(length) => {
                hasher.update(piece.get(..length)?);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}
