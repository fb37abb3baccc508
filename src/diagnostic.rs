//! What is wrong, where, and how to mend it.
//!
//! Rooms report [`Finding`]s; only `cli` draws them. Values read from a user's file carry their place ([`At`]), so that a finding made
//! long after parsing still points at file:line:column. Not for outcomes of checks: those are data, see [`crate::check::outcome`].

pub mod codes;
pub mod guide;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

/// A stretch of a text file. `offset` and `length` are bytes; `line` and `column` count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Bytes before the first character.
    pub offset: usize,
    /// Length in bytes; 0 where only a point is known.
    pub length: usize,
    /// Line of the first character, from 1; 0 when the value was not read from a file.
    pub line: u32,
    /// Column of the first character, from 1.
    pub column: u32,
}

/// A value with the place where the user wrote it. Compares, hashes and derefs as the value alone.
#[derive(Debug, Clone, Default)]
pub struct At<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub span: Span,
}

impl<T> At<T> {
    /// A value that no user wrote (a default, or one derived from dbt).
    pub fn nowhere(value: T) -> Self {
        At { value, span: Span::default() }
    }
    /// The same place, another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> At<U> {
        At { value: f(self.value), span: self.span }
    }
}
impl<T> std::ops::Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}
impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}
impl<T: Eq> Eq for At<T> {}
impl<T: Hash> Hash for At<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}
impl<T: PartialOrd> PartialOrd for At<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}
impl<T: Ord> Ord for At<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.value.cmp(&other.value)
    }
}
impl<T: fmt::Display> fmt::Display for At<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// Name of the struct that [`At`] asks a deserializer for; `yaml` answers with [`AT_FIELDS`]: the value, then four numbers of the span.
pub const AT_STRUCT: &str = "$presscheck::At";
/// See [`AT_STRUCT`].
pub const AT_FIELDS: &[&str] = &["value", "offset", "length", "line", "column"];

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AtVisitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for AtVisitor<T> {
            type Value = At<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value with its place")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<At<T>, A::Error> {
                fn next<'de, A: MapAccess<'de>, V: Deserialize<'de>>(map: &mut A) -> Result<V, A::Error> {
                    map.next_key::<String>()?.ok_or_else(|| de::Error::custom("incomplete place"))?;
                    map.next_value()
                }
                let value = next(&mut map)?;
                let (offset, length) = (next::<A, u64>(&mut map)?, next::<A, u64>(&mut map)?);
                let span = Span {
                    offset: usize::try_from(offset).map_err(de::Error::custom)?,
                    length: usize::try_from(length).map_err(de::Error::custom)?,
                    line: next(&mut map)?,
                    column: next(&mut map)?,
                };
                Ok(At { value, span })
            }
        }
        deserializer.deserialize_struct(AT_STRUCT, AT_FIELDS, AtVisitor(std::marker::PhantomData))
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Worth knowing; changes nothing.
    Note,
    /// Should be looked at; the run goes on.
    Warning,
    /// The run cannot go on: exit code 2 (bad input) or 3 (unreadable artifact).
    Error,
}

/// One thing that is wrong with what the user wrote or gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable code, `PC` and three digits.
    pub code: &'static str,
    /// How bad it is.
    pub level: Level,
    /// One sentence, without the place.
    pub message: String,
    /// The file, as the user would name it.
    pub file: Option<Arc<Path>>,
    /// The place in the file.
    pub span: Option<Span>,
    /// What to do: the nearest right name, the command, the replacement.
    pub help: Option<String>,
    /// The edit that mends it, where only one can be meant.
    pub fix: Option<Fix>,
}

/// An edit at the place of a finding: what stands there once, and what belongs in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What is written, at or inside the finding's place; nowhere else in it.
    pub written: String,
    /// What belongs there; nothing, to take it out.
    pub right: String,
}

impl Finding {
    /// An error without a place; add it with [`Finding::at`] and [`Finding::in_file`].
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Finding { code, level: Level::Error, message: message.into(), file: None, span: None, help: None, fix: None }
    }
    /// A warning without a place.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Finding { level: Level::Warning, ..Finding::error(code, message) }
    }
    /// Points at a place of the file.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = (span.line > 0).then_some(span);
        self
    }
    /// Names the file.
    #[must_use]
    pub fn in_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.file = Some(file.into().into());
        self
    }
    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
    /// Offers the edit from `written` to the one of somebody's names that can be meant, if there is just one ([`certain`]).
    #[must_use]
    pub fn rename<'a>(self, written: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        match certain(written, names, Names::Open) {
            Some(right) => self.replace(written, right),
            None => self,
        }
    }
    /// Offers the edit from `written` to the one of the language's words that is nearest, if there is just one ([`certain`]).
    #[must_use]
    pub fn respell<'a>(self, written: &str, words: impl IntoIterator<Item = &'a str>) -> Self {
        match certain(written, words, Names::Closed) {
            Some(right) => self.replace(written, right),
            None => self,
        }
    }
    /// Offers an edit.
    #[must_use]
    pub fn replace(mut self, written: &str, right: impl Into<String>) -> Self {
        self.fix = Some(Fix { written: written.to_owned(), right: right.into() });
        self
    }
}

impl fmt::Display for Finding {
    /// `file:line:column: error[PC101]: message (help)`, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}", file.display())?;
            if let Some(span) = self.span {
                write!(f, ":{}:{}", span.line, span.column)?;
            }
            f.write_str(": ")?;
        }
        let level = match self.level {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        write!(f, "{level}[{}]: {}", self.code, self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, " ({help})"))
    }
}

/// The candidate that the user most probably meant, if one is near enough.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count().max(wanted.chars().count()) / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Which words can stand in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Names that people give: there may be others that look alike, so that no other candidate may be near.
    Open,
    /// The words of the language: the nearest is meant, if just one is nearest.
    Closed,
}

/// The only candidate that can be meant: one or two slips away, and with the same digits. A program may write this one; [`nearest`] is for people to
/// choose from.
pub fn certain<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>, names: Names) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let slips = if wanted.chars().count() < 8 { 1 } else { 2 };
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let mut near: Vec<(usize, &str)> = Vec::new();
    for candidate in candidates {
        let distance = strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase());
        if distance <= slips + 1 && near.iter().all(|(_, other)| *other != candidate) {
            near.push((distance, candidate));
        }
    }
    near.sort_unstable();
    let alone = match (near.as_slice(), names) {
        ([_], _) => true,
        ([(best, _), (next, _), ..], Names::Closed) => best < next,
        ([] | [_, _, ..], _) => false,
    };
    let (distance, best) = near.first().filter(|_| alone)?;
    (*distance <= slips && digits(best) == digits(&wanted)).then_some(best)
}
