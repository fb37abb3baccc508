//! Wildcards as dbt takes them from Python: `*`, `?`, `[a-z]`, `[!a-z]` in names, and `**` between the parts of a path.

use globset::{GlobBuilder, GlobMatcher};

use crate::diagnostic::{Finding, codes};

/// A pattern over names: `*` crosses everything.
#[allow(clippy::result_large_err, reason = "read once per run")]
pub fn name(pattern: &str) -> Result<GlobMatcher, Finding> {
    built(pattern, false)
}

/// A pattern over paths: `*` stays within one part.
#[allow(clippy::result_large_err, reason = "read once per run")]
pub fn path(pattern: &str) -> Result<GlobMatcher, Finding> {
    built(pattern, true)
}

#[allow(clippy::result_large_err, reason = "read once per run")]
fn built(pattern: &str, within_parts: bool) -> Result<GlobMatcher, Finding> {
    // Braces are plain characters in Python's patterns.
    let plain = pattern.replace('{', "[{]").replace('}', "[}]");
    let glob = GlobBuilder::new(&plain).literal_separator(within_parts).backslash_escape(false).build();
    glob.map(|glob| glob.compile_matcher())
        .map_err(|error| Finding::error(codes::BAD_SELECTOR, format!("`{pattern}` is not a pattern: {}", error.kind())))
}

/// Whether a text has wildcards.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', ']'])
}
