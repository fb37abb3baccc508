//! What a plain scalar stands for: YAML 1.2's core schema, so `no`, `on`, `012` and `1_000` are text.

use super::tree::Sort;

/// Resolves a scalar that is written without quotes.
pub(super) fn resolve(text: &str) -> Sort {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Sort::Null,
        "true" | "True" | "TRUE" => Sort::Bool(true),
        "false" | "False" | "FALSE" => Sort::Bool(false),
        _ => number(text).unwrap_or(Sort::Text),
    }
}

fn number(text: &str) -> Option<Sort> {
    let (negative, digits) = text.strip_prefix('-').map_or_else(|| (false, text.strip_prefix('+').unwrap_or(text)), |rest| (true, rest));
    if matches!(digits, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(Sort::NotFinite);
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(rest) = digits.strip_prefix(prefix) {
            let clean = rest.starts_with(|c: char| c.is_digit(radix));
            return clean.then(|| i128::from_str_radix(rest, radix).ok()).flatten().map(|n| Sort::Whole(if negative { -n } else { n }));
        }
    }
    let whole_part = digits.split(['.', 'e', 'E']).next().unwrap_or_default();
    let leading_zero = whole_part.len() > 1 && whole_part.starts_with('0');
    if leading_zero || !digits.contains(|c: char| c.is_ascii_digit()) || !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Sort::Whole).or(Some(Sort::NotFinite));
    }
    let real = digits.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    match real.then(|| text.parse::<f64>()) {
        Some(Ok(number)) if number.is_finite() => Some(Sort::Real(number)),
        Some(Ok(_)) => Some(Sort::NotFinite),
        Some(Err(_)) | None => None,
    }
}
