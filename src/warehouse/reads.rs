//! Whether a statement only reads, by its first word: the second fence, behind grants and read-only transactions. Not a parser of SQL: what
//! it is not sure of does not count as reading.

/// Whether the statement begins with one of `words`. A comment inside of a comment may end elsewhere for the engine, so that it is not sure.
pub(super) fn begins_with(sql: &str, words: &[&str]) -> bool {
    let between = |c: char| c.is_whitespace() || c == '(';
    let mut rest = sql.trim_start_matches(between);
    loop {
        let comment = match (rest.strip_prefix("--"), rest.strip_prefix("/*")) {
            (Some(line), _) => line.split_once('\n').map(|(_, after)| after),
            (None, Some(block)) => block.split_once("*/").filter(|(inside, _)| !inside.contains("/*")).map(|(_, after)| after),
            (None, None) => break,
        };
        let Some(after) = comment else { return false };
        rest = after.trim_start_matches(between);
    }
    let word: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
    words.iter().any(|reading| word.eq_ignore_ascii_case(reading))
}

/// Whether nothing can follow the statement: no `;` anywhere but at the very end.
#[cfg(feature = "duckdb")]
pub(super) fn stands_alone(sql: &str) -> bool {
    !sql.trim_end().trim_end_matches(';').contains(';')
}
