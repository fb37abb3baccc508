//! Names and texts as each dialect quotes them. Whatever comes in, nothing gets out of the quotes.

/// A column name, quoted. A name that the user has quoted already stays as it is; Snowflake's plain names stay bare, because quoting
/// would change their case there, and PostgreSQL's plain names are lower-cased first, as the server does with bare names.
/// `None` when no column can have this name.
pub fn identifier(name: &str, dialect: &str) -> Option<String> {
    let mark = match dialect {
        "bigquery" | "databricks" | "spark" | "mysql" => '`',
        _ => '"',
    };
    let bare = name.trim();
    let already = bare.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark)).filter(|inner| !inner.is_empty());
    let inner = already.map_or_else(|| bare.to_owned(), |inner| inner.replace(&format!("{mark}{mark}"), &mark.to_string()));
    if inner.is_empty() || inner.chars().any(char::is_control) || (mark == '`' && inner.contains(['`', '\\'])) {
        return None;
    }
    let plain =
        inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && inner.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let inner = match (dialect, plain, already.is_none()) {
        ("snowflake", true, true) => return Some(inner),
        ("postgres" | "redshift", true, true) => inner.to_lowercase(),
        _ => inner,
    };
    Some(format!("{mark}{}{mark}", inner.replace(mark, &format!("{mark}{mark}"))))
}

/// A name as the engine keeps it, quoted: nothing about it is folded. `None` when it cannot be quoted.
pub fn exact_identifier(name: &str, dialect: &str) -> Option<String> {
    let mark = match dialect {
        "bigquery" | "databricks" | "spark" | "mysql" => '`',
        _ => '"',
    };
    let unsound = name.is_empty() || name.chars().any(char::is_control) || (mark == '`' && name.contains(['`', '\\']));
    (!unsound).then(|| format!("{mark}{}{mark}", name.replace(mark, &format!("{mark}{mark}"))))
}

/// A text literal; `None` when the text holds a NUL, which no engine takes.
pub fn literal(value: &str, dialect: &str) -> Option<String> {
    (!value.contains('\0')).then(|| text(value, dialect))
}

pub(super) fn text(value: &str, dialect: &str) -> String {
    match dialect {
        // These read a backslash as the start of an escape.
        "bigquery" | "databricks" | "spark" | "mysql" => {
            format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n"))
        }
        "snowflake" | "clickhouse" => format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''")),
        _ => format!("'{}'", value.replace('\'', "''")),
    }
}
