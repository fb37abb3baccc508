//! Whether manifest and catalog are still the files that were read before, told without keeping them in memory.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Workspace;

/// What the file system says of manifest and catalog: for each its size, when its bytes and when anything of it was changed (nanoseconds since 1970), its
/// number and its device. Where that differs, so may the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance([u64; 10]);

/// Hashes of the bytes of manifest and catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashes {
    /// Of manifest.json.
    pub manifest: blake3::Hash,
    /// Of catalog.json, where there is one.
    pub catalog: Option<blake3::Hash>,
}

/// File systems count time in steps, and a step may be this long: what was written longer before something else than this has another time.
const STEP: Duration = Duration::from_secs(2);

/// Bytes that are read at once: they stay in the processor's cache while they are hashed.
const PIECE: usize = 256 << 10;

impl Workspace {
    /// See [`Glance`].
    pub fn glance(&self) -> Glance {
        let [manifest, catalog] =
            [&self.manifest, &self.target.join("catalog.json")].map(|path| path.metadata().ok().map_or([u64::MAX; 5], look));
        let mut all = [0; 10];
        all.iter_mut().zip(manifest.into_iter().chain(catalog)).for_each(|(to, from)| *to = from);
        Glance(all)
    }

    /// The hashes of the bytes of manifest and catalog; `None` where one is there and cannot be read.
    pub fn hashes(&self) -> Option<Hashes> {
        let manifest = hash(&self.manifest)??;
        Some(Hashes { manifest, catalog: hash(&self.target.join("catalog.json"))? })
    }
}

impl Glance {
    /// Bytes of [`Glance::bytes`].
    pub const LENGTH: usize = 80;

    /// As bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    /// Whether files of which this is true again were not written since something else was, on the same file system: then their bytes are the same, too.
    /// Every change of a file sets the time of its last change, which no program can set at will; so only what was changed in the same step of the clock
    /// can look unchanged. Never on systems that do not tell that time.
    pub fn was_before(&self, written: SystemTime) -> bool {
        let Some(last) = written.checked_sub(STEP).and_then(|time| time.duration_since(UNIX_EPOCH).ok()) else { return false };
        let last = u64::try_from(last.as_nanos()).unwrap_or(0);
        let [_, bytes, any, number, _, size, other_bytes, other_any, ..] = self.0;
        let is_old = |times: [u64; 2]| times.iter().all(|time| *time != 0 && *time < last);
        number != 0 && is_old([bytes, any]) && (size == u64::MAX || is_old([other_bytes, other_any]))
    }
}

#[cfg(unix)]
fn look(about: Metadata) -> [u64; 5] {
    use std::os::unix::fs::MetadataExt;
    let time = |seconds: i64, nanoseconds: i64| {
        let seconds = u64::try_from(seconds).unwrap_or(0);
        seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(nanoseconds).unwrap_or(0))
    };
    [about.len(), time(about.mtime(), about.mtime_nsec()), time(about.ctime(), about.ctime_nsec()), about.ino(), about.dev()]
}

#[cfg(not(unix))]
fn look(about: Metadata) -> [u64; 5] {
    let changed = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    [about.len(), changed.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(0)), 0, 0, 0]
}

impl Hashes {
    /// Bytes of [`Hashes::bytes`].
    pub const LENGTH: usize = 64;

    /// One hash for the two files.
    pub fn both(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.manifest.as_bytes());
        hasher.update(self.catalog.as_ref().map_or(&[][..], |catalog| catalog.as_bytes()));
        hasher.finalize()
    }

    /// As bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let catalog = self.catalog.as_ref().map_or(&[0; 32], |catalog| catalog.as_bytes());
        [self.manifest.as_bytes().as_slice(), catalog].concat()
    }

    /// What [`Hashes::bytes`] made.
    pub fn of(bytes: &[u8]) -> Option<Hashes> {
        let (manifest, catalog) = bytes.split_first_chunk::<32>()?;
        let catalog: [u8; 32] = catalog.try_into().ok()?;
        Some(Hashes { manifest: (*manifest).into(), catalog: (catalog != [0; 32]).then(|| catalog.into()) })
    }
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
