//! Names: which are well formed, and which a check gets that has none.

use crate::check::Spec;
use crate::check::common::Part;

/// The check's identifier: its `name`, or `<kind>_<relation>_<column>` with everything but letters and digits as `_`.
pub fn check_name(spec: &Spec) -> String {
    let kind = spec.kind();
    if let Some(name) = kind.common().name {
        return name.value;
    }
    let mut parts = vec![spec.kind_name().to_owned()];
    parts.extend(kind.relations().first().map(|relation| relation.value.clone()));
    parts.extend(kind.subject().into_iter().filter_map(|part| match part {
        Part::Column { relation: 0, column } => Some(column.value),
        Part::Metric { metric } => Some(metric.value),
        Part::Column { .. }
        | Part::Expression { .. }
        | Part::RowsLost { .. }
        | Part::RowsAdded { .. }
        | Part::Query { .. }
        | Part::DbtTests
        | Part::Everything { .. }
        | Part::Rendered => None,
    }));
    let joined = parts.join("_").to_lowercase();
    joined.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect::<String>().trim_matches('_').to_owned()
}

/// Letters, digits and `_`, not beginning with a digit.
pub(super) fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The nearest well-formed name.
pub(super) fn as_identifier(text: &str) -> String {
    let plain: String = text.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    if plain.starts_with(|c: char| c.is_ascii_digit()) { format!("_{plain}") } else { plain }
}
