//! A project as bytes, for the next run: what [`super::manifest`] and [`super::catalog`] made of two files, without the texts that only reading SQL needs.
//!
//! Bytes in, bytes out; who stores them, and which files they are of, is not this room's business. They begin with a hash of the code that wrote them
//! and a checksum, so that what another version wrote, or half of a file, is nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::Deserializer;
use serde::{Deserialize, Serialize, Serializer};

use super::Project;
use super::late::Pack;

/// Hash of the sources that this is written with, made when the program is built.
const CODE: &str = env!("PRESSCHECK_LINEAGE_CODE");
const HASH: usize = 32;

/// A project that was kept. It has no SQL, no hooks, no macros and no configuration for templates: whoever needs these reads the manifest.
#[derive(Debug)]
pub struct Kept {
    /// The project.
    pub project: Project,
    /// Whether a model was not compiled: see [`Project::has_templates`].
    pub has_templates: bool,
    /// Where columns and metadata are read from, once somebody asks for them.
    pub pack: Arc<Pack>,
}

/// The project as bytes, with a hash of the files that it was read from, which have `size` bytes. `None`: it cannot be kept.
pub fn pack(project: &Project, of: &blake3::Hash, size: usize) -> Option<Vec<u8>> {
    // SQL and documentation are most of a manifest, and are left out.
    let mut room = Vec::with_capacity(2 * HASH + size / 6);
    room.resize(2 * HASH, 0);
    let mut bytes = postcard::to_extend(&(project.has_templates(), project), room).ok()?;
    let sum = blake3::hash(bytes.get(2 * HASH..)?);
    bytes.get_mut(..HASH)?.copy_from_slice(head(of).as_bytes());
    bytes.get_mut(HASH..2 * HASH)?.copy_from_slice(sum.as_bytes());
    Some(bytes)
}

/// What [`pack`] wrote of files with this hash, after so many other bytes; `None` for anything else.
pub fn unpack(bytes: Vec<u8>, after: usize, of: &blake3::Hash) -> Option<Kept> {
    let rest = bytes.get(after..)?.strip_prefix(head(of).as_bytes().as_slice())?;
    let (sum, body) = rest.split_first_chunk::<HASH>()?;
    if blake3::hash(body).as_bytes() != sum {
        return None;
    }
    let pack = Pack::new(bytes);
    let (has_templates, mut project): (bool, Project) = postcard::from_bytes(pack.bytes().get(after + 2 * HASH..)?).ok()?;
    for node in project.nodes.values_mut() {
        node.columns.settle(&pack);
        node.catalog_columns.iter_mut().for_each(|columns| columns.settle(&pack));
        node.meta.settle(&pack);
    }
    for test in project.tests.values_mut() {
        test.kwargs.settle(&pack);
        test.meta.settle(&pack);
    }
    project.exposures.values_mut().for_each(|exposure| exposure.meta.settle(&pack));
    project.metrics.values_mut().for_each(|metric| metric.meta.settle(&pack));
    Some(Kept { project, has_templates, pack })
}

fn head(of: &blake3::Hash) -> blake3::Hash {
    blake3::hash(format!("presscheck project 1\n{CODE}\n{of}").as_bytes())
}

/// A map in the order of its keys: made at once, which is cheaper than one key after the other.
pub(super) fn in_order<S: Serializer, V: Serialize>(map: &BTreeMap<String, V>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(map)
}

/// See [`in_order`].
pub(super) fn ordered<'de, D: Deserializer<'de>, V: Deserialize<'de>>(deserializer: D) -> Result<BTreeMap<String, V>, D::Error> {
    Vec::deserialize(deserializer).map(|entries: Vec<(String, V)>| entries.into_iter().collect())
}
