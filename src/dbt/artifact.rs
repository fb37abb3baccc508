//! What all JSON artifacts of dbt have in common: a kind and schema version that are checked, and what is said of a file that is none.
//!
//! Not for the values inside: see the `json` file beside this one.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::diagnostic::{Finding, Span, codes};

/// Why an artifact could not be used: it is something else, damaged, or of a version that is not read. Exit code 3, undecided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFault {
    /// What is wrong, where, and what to do.
    pub finding: Box<Finding>,
}

impl fmt::Display for ReadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.finding.fmt(f)
    }
}
impl std::error::Error for ReadFault {}

impl ReadFault {
    fn new(finding: Finding, file: &Path) -> Self {
        ReadFault { finding: Box::new(finding.in_file(file)) }
    }

    /// Damaged, or not as dbt writes it.
    pub(super) fn unreadable(message: impl Into<String>, help: impl Into<String>, file: &Path) -> Self {
        ReadFault::new(Finding::error(codes::UNREADABLE_ARTIFACT, message).help(help), file)
    }
}

/// The artifacts that are read, and which of their schema versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Manifest,
    Catalog,
    RunResults,
    Sources,
}

impl Kind {
    /// As in `dbt_schema_version`.
    fn word(self) -> &'static str {
        match self {
            Kind::Manifest => "manifest",
            Kind::Catalog => "catalog",
            Kind::RunResults => "run-results",
            Kind::Sources => "sources",
        }
    }
    /// The name of the file that dbt writes.
    fn file_name(self) -> &'static str {
        match self {
            Kind::Manifest => "manifest.json",
            Kind::Catalog => "catalog.json",
            Kind::RunResults => "run_results.json",
            Kind::Sources => "sources.json",
        }
    }
    /// The commands that write it.
    fn written_by(self) -> &'static str {
        match self {
            Kind::Manifest => "dbt compile",
            Kind::Catalog => "dbt docs generate",
            Kind::RunResults => "dbt build",
            Kind::Sources => "dbt source freshness",
        }
    }
    /// Schema versions that are read, oldest first.
    fn versions(self) -> &'static [u32] {
        match self {
            Kind::Manifest => &[9, 10, 11, 12],
            Kind::Catalog => &[1],
            Kind::RunResults => &[4, 5, 6],
            Kind::Sources => &[3],
        }
    }
    /// Version 20 was the name of the manifest's version 12 in early previews of dbt 2.
    fn reads(self, version: u32) -> bool {
        self.versions().contains(&version) || (self == Kind::Manifest && version == 20)
    }
    fn oldest_dbt(self) -> &'static str {
        match self {
            Kind::Manifest => "1.5",
            Kind::Catalog | Kind::RunResults | Kind::Sources => "1.2",
        }
    }
}

/// `metadata` of every artifact.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// `https://schemas.getdbt.com/dbt/manifest/v12.json`.
    pub dbt_schema_version: Option<String>,
    /// `1.12.6`, `2.0.0-preview.196`.
    pub dbt_version: Option<String>,
    /// RFC 3339.
    pub generated_at: Option<String>,
    /// The invocation that wrote it.
    pub invocation_id: Option<String>,
    /// Manifests only.
    pub project_name: Option<String>,
    /// Manifests only.
    pub adapter_type: Option<String>,
}

impl Metadata {
    /// Kind and version out of `dbt_schema_version`.
    fn schema(&self) -> Option<(&str, u32)> {
        let mut parts = self.dbt_schema_version.as_deref()?.rsplit('/');
        let version = parts.next()?.strip_suffix(".json")?.strip_prefix('v')?.parse().ok()?;
        Some((parts.next()?, version))
    }
    /// When it was written, as far as that can be read.
    pub fn generated_at(&self) -> Option<jiff::Timestamp> {
        self.generated_at.as_deref().and_then(|text| text.parse().ok())
    }
}

/// What an artifact's own struct must tell: its metadata, `None` when the file has none.
pub(super) trait Artifact: for<'de> Deserialize<'de> {
    const KIND: Kind;
    fn metadata(&self) -> Option<&Metadata>;
}

/// Reads an artifact and the schema version that it is in. The file's name is only for messages.
pub(super) fn read<T: Artifact>(bytes: &[u8], file: &Path) -> Result<(T, u32), ReadFault> {
    let bytes = json_bytes(bytes, T::KIND, file)?;
    match serde_json::from_slice::<T>(bytes) {
        Ok(artifact) => {
            let version = match artifact.metadata().and_then(Metadata::schema) {
                Some((kind, version)) if kind == T::KIND.word() && T::KIND.reads(version) => version,
                Some(_) | None => return Err(misfit(bytes, T::KIND, file).unwrap_or_else(|| unmarked(T::KIND, "a JSON object", file))),
            };
            Ok((artifact, version))
        }
        Err(error) => Err(misfit(bytes, T::KIND, file).unwrap_or_else(|| damaged(bytes, &error, T::KIND, file))),
    }
}

/// The bytes without a byte order mark, or what they are instead of JSON.
fn json_bytes<'a>(bytes: &'a [u8], kind: Kind, file: &Path) -> Result<&'a [u8], ReadFault> {
    let name = kind.file_name();
    let again = format!("write it again with `{}`", kind.written_by());
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let wide = bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") || matches!(bytes, [0, b'{', ..] | [b'{', 0, ..]);
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        _ if wide => Err(ReadFault::unreadable(
            format!("this {name} is UTF-16, not UTF-8"),
            "dbt writes UTF-8: copy the file itself rather than its text (PowerShell's `>` writes UTF-16)",
            file,
        )),
        None => Err(ReadFault::unreadable(format!("this {name} is empty"), again, file)),
        Some(0x1F) => Err(ReadFault::unreadable(format!("this {name} is compressed"), "unpack it first", file)),
        Some(b'<') => Err(ReadFault::unreadable(
            format!("this {name} is HTML or XML, not JSON"),
            "a download most probably answered with a page to sign in; fetch the artifact again",
            file,
        )),
        Some(b'{' | b'[') => Ok(bytes),
        Some(_) => Err(ReadFault::unreadable(format!("this {name} is not a JSON document"), again, file)),
    }
}

/// Something else than the artifact that was wanted, if the file is whole enough to tell.
fn misfit(bytes: &[u8], kind: Kind, file: &Path) -> Option<ReadFault> {
    let head: Head = serde_json::from_slice(bytes).ok()?;
    match head.metadata.as_ref().and_then(Metadata::schema) {
        Some((found, version)) if found == kind.word() => {
            let (oldest, newest) = (kind.versions().first()?, kind.versions().last()?);
            if kind.reads(version) {
                return None;
            }
            let by =
                head.metadata.as_ref().and_then(|m| m.dbt_version.as_deref()).map_or(String::new(), |v| format!(", written by dbt {v}"));
            let message = format!("{} has schema version {version}{by}, which is not read", kind.file_name());
            let help = if version < *oldest {
                format!("version {oldest} and later are read: dbt {} or newer writes them", kind.oldest_dbt())
            } else {
                format!("versions up to {newest} are read: a newer presscheck may know this one")
            };
            Some(ReadFault::new(Finding::error(codes::ARTIFACT_VERSION, message).help(help), file))
        }
        Some((found, _)) => Some(unmarked(kind, &format!("dbt's {found} artifact"), file)),
        None => Some(unmarked(kind, &head.looks_like(), file)),
    }
}

fn unmarked(kind: Kind, what: &str, file: &Path) -> ReadFault {
    let message = format!("this is not dbt's {}: it looks like {what}", kind.file_name());
    let help = format!("`{}` writes target/{}", kind.written_by(), kind.file_name());
    ReadFault::new(Finding::error(codes::NOT_THIS_ARTIFACT, message).help(help), file)
}

fn damaged(bytes: &[u8], error: &serde_json::Error, kind: Kind, file: &Path) -> ReadFault {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let plain = text.strip_suffix(&place).unwrap_or(&text);
    let name = kind.file_name();
    let again = format!("`{}` writes it again", kind.written_by());
    let finding = if plain.contains("EOF while parsing") {
        let help = format!("dbt was still writing it, or could not; {again}");
        Finding::error(codes::UNREADABLE_ARTIFACT, format!("this {name} ends in the middle, after {} bytes", bytes.len())).help(help)
    } else if plain.contains("duplicate ") {
        Finding::error(codes::DUPLICATE_JSON_KEY, format!("this {name} is not one that dbt wrote: {plain}")).help(again)
    } else {
        Finding::error(codes::UNREADABLE_ARTIFACT, format!("this {name} cannot be read: {plain}")).help(again)
    };
    ReadFault::new(finding.at(span(bytes, error.line(), error.column())), file)
}

/// serde_json counts columns in bytes; people count characters.
fn span(bytes: &[u8], line: usize, column: usize) -> Span {
    let starts = std::iter::once(0).chain(bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1));
    let start = starts.take(line).last().unwrap_or(0);
    let offset = (start + column.saturating_sub(1)).min(bytes.len());
    let characters = String::from_utf8_lossy(&bytes[start..offset]).chars().count();
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Span { offset, length: 0, line: number(line), column: number(characters + 1) }
}

/// The metadata and first keys of any JSON document, the rest skipped.
#[derive(Default)]
struct Head {
    metadata: Option<Metadata>,
    keys: Vec<String>,
    /// Not an object at all.
    list: bool,
}

impl Head {
    fn looks_like(&self) -> String {
        let has = |key: &str| self.keys.iter().any(|k| k == key);
        if self.list {
            "a JSON list".to_owned()
        } else if self.keys.is_empty() {
            "an empty JSON object".to_owned()
        } else if has("project_configuration") && has("semantic_models") {
            "dbt's semantic_manifest.json".to_owned()
        } else {
            let shown: Vec<String> =
                self.keys.iter().take(4).map(|key| format!("`{}`", key.chars().take(40).collect::<String>())).collect();
            let more = if self.keys.len() > shown.len() { ", ..." } else { "" };
            format!("a JSON object with {}{more}", shown.join(", "))
        }
    }
}

impl<'de> Deserialize<'de> for Head {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Heads;
        impl<'de> Visitor<'de> for Heads {
            type Value = Head;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object or list")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Head, A::Error> {
                let mut head = Head::default();
                while let Some(key) = map.next_key::<String>()? {
                    if key == "metadata" {
                        // Of any shape in files of others.
                        head.metadata = serde_json::from_value(map.next_value::<Value>()?).ok();
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                    head.keys.push(key);
                }
                Ok(head)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Head, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Head { list: true, ..Head::default() })
            }
        }
        deserializer.deserialize_any(Heads)
    }
}
