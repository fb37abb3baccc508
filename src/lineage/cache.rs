//! What was read of models, kept from one run to the next as bytes: a text that was read once need not be parsed again.
//!
//! Bytes in, bytes out; who stores them is not this room's business. They begin with a hash of the code that wrote them and a checksum, so what
//! another version wrote, or half of a file, is nothing. Whether what was kept still holds is judged where names are known (see `trace`).

use std::collections::HashMap;

use super::render::Texts;
use super::traced::Traced;
use crate::dbt::{Node, Project};

/// Hash of the sources of this room and of the locked dependencies, made when the program is built.
const CODE: &str = env!("PRESSCHECK_LINEAGE_CODE");
const MAGIC: &[u8] = b"presscheck lineage 1\n";
const HASH: usize = 32;

/// What a model's lineage is found by.
pub(super) type Key = [u8; HASH];

/// What an earlier run kept.
pub(super) struct Cache<'k> {
    entries: HashMap<Key, &'k [u8]>,
    head: blake3::Hash,
    size: usize,
}

impl<'k> Cache<'k> {
    /// Reads what was kept; anything else is no entry.
    pub(super) fn new(kept: &'k [u8], adapter: &str) -> Self {
        let head = blake3::hash(format!("{CODE}\n{adapter}").as_bytes());
        let entries = read(kept, &head).unwrap_or_default();
        Cache { size: kept.len(), entries, head }
    }

    /// The key of a model: all that its lineage is read from, but for the columns of other relations.
    pub(super) fn key(&self, project: &Project, node: &Node, texts: &Texts<'_>) -> Key {
        let mut bytes: Vec<u8> = Vec::with_capacity(4096);
        let mut take = |text: &str| {
            bytes.extend_from_slice(&text.len().to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        };
        take(&node.unique_id);
        take(&node.materialized);
        project.on_run_start.iter().for_each(|statement| take(statement));
        take(if node.kind == crate::dbt::NodeKind::Snapshot { "snapshot" } else { "model" });
        texts.variants.iter().for_each(|text| take(text));
        take(texts.doubt.as_ref().map_or("", |doubt| &doubt.message));
        for (hook, statements) in &texts.hooks {
            take(hook);
            match statements {
                Ok(statements) => statements.iter().for_each(|sql| take(sql)),
                Err(error) => take(&error.message),
            }
        }
        for id in &node.depends_on {
            take(id);
            if let Some(parent) = project.nodes.get(id) {
                [&parent.name, &parent.identifier, &parent.materialized].into_iter().for_each(|text| take(text));
            }
        }
        match &node.catalog_columns {
            None => {
                take("no catalog");
                node.columns.iter().for_each(|column| take(&column.name));
            }
            Some(columns) => columns.iter().for_each(|column| take(&column.name)),
        }
        *blake3::hash(&bytes).as_bytes()
    }

    /// Adds what was kept elsewhere.
    pub(super) fn with(mut self, entries: impl Iterator<Item = (Key, &'k [u8])>) -> Self {
        self.entries.extend(entries);
        self
    }

    /// What was kept under a key.
    pub(super) fn find(&self, key: &Key) -> Option<Traced> {
        postcard::from_bytes::<Traced>(self.entries.get(key)?).ok().filter(Traced::is_consistent)
    }

    /// What to keep: exactly the models of this run. `None` when that is what was kept.
    pub(super) fn next<'t>(&self, run: impl Iterator<Item = (&'t Key, &'t Traced, bool)>) -> Option<Vec<u8>> {
        let (mut body, mut fresh, mut count) = (Vec::with_capacity(self.size), 0_usize, 0_usize);
        for (key, traced, from_cache) in run {
            count += 1;
            body.extend_from_slice(key);
            let start = body.len();
            body.extend_from_slice(&[0; 4]);
            match self.entries.get(key).filter(|_| from_cache) {
                Some(entry) => body.extend_from_slice(entry),
                None => {
                    fresh += 1;
                    body = postcard::to_extend(traced, body).ok()?;
                }
            }
            let length = u32::try_from(body.len() - start - 4).ok()?;
            body[start..start + 4].copy_from_slice(&length.to_le_bytes());
        }
        if fresh == 0 && count == self.entries.len() {
            return None;
        }
        let mut bytes = Vec::with_capacity(MAGIC.len() + 2 * HASH + body.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(self.head.as_bytes());
        bytes.extend_from_slice(blake3::hash(&body).as_bytes());
        bytes.extend_from_slice(&body);
        Some(bytes)
    }
}

fn read<'k>(kept: &'k [u8], head: &blake3::Hash) -> Option<HashMap<Key, &'k [u8]>> {
    let rest = kept.strip_prefix(MAGIC)?.strip_prefix(head.as_bytes().as_slice())?;
    let (sum, mut body) = rest.split_first_chunk::<HASH>()?;
    if blake3::hash(body).as_bytes() != sum {
        return None;
    }
    let mut entries = HashMap::new();
    while let Some((key, rest)) = body.split_first_chunk::<HASH>() {
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (entry, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        entries.insert(*key, entry);
        body = rest;
    }
    Some(entries)
}
