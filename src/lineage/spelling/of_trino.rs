//! Trino: types with brackets in CAST, and the options of its JSON functions. Neither matters to lineage.

use sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

use super::{closing, is, is_any, word};

/// Words that end the value of a JSON function and begin its options, with the number of words of each option.
const OPTIONS: [&[&str]; 12] = [
    &["omit", "quotes"],
    &["keep", "quotes"],
    &["without", "array", "wrapper"],
    &["without", "wrapper"],
    &["with", "unconditional", "array", "wrapper"],
    &["with", "conditional", "array", "wrapper"],
    &["with", "unconditional", "wrapper"],
    &["with", "conditional", "wrapper"],
    &["with", "array", "wrapper"],
    &["with", "wrapper"],
    &["null", "on", "empty"],
    &["null", "on", "error"],
];

/// Rewrites a text of Trino.
pub(super) fn known(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let special = ["array", "map", "row", "json_query", "json_value", "json_exists"];
    if !tokens.iter().any(|token| is_any(token, &special)) {
        return tokens;
    }
    let tokens: Vec<TokenWithSpan> = tokens.into_iter().filter(|token| !is_space(token)).collect();
    let mut out = Vec::with_capacity(tokens.len());
    // Ends of the calls of JSON functions around the token.
    let mut json: Vec<usize> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        json.retain(|&end| end > at);
        let token = &tokens[at];
        let called = tokens.get(at + 1).is_some_and(|next| next.token == Token::LParen);
        if called && is_any(token, &["json_query", "json_value", "json_exists"]) {
            json.extend(closing(&tokens, at + 1));
        }
        if let Some(length) = option(&tokens[at..]).filter(|_| !json.is_empty()) {
            at += length;
            continue;
        }
        // `CAST(x AS array(row(a bigint)))`, `map(varchar, varchar)`, `row(...)`.
        if is(token, "as")
            && tokens.get(at + 1).is_some_and(|next| is_any(next, &["array", "map", "row"]))
            && tokens.get(at + 2).is_some_and(|next| next.token == Token::LParen)
            && let Some(end) = closing(&tokens, at + 2)
            && tokens.get(end + 1).is_some_and(|next| next.token == Token::RParen)
        {
            out.extend([token.clone(), word("VARCHAR", token.span)]);
            at = end + 1;
            continue;
        }
        out.push(token.clone());
        at += 1;
    }
    out
}

fn is_space(token: &TokenWithSpan) -> bool {
    matches!(
        token.token,
        Token::Whitespace(
            Whitespace::Space
                | Whitespace::Newline
                | Whitespace::Tab
                | Whitespace::SingleLineComment { .. }
                | Whitespace::MultiLineComment(_)
        )
    )
}

fn option(tokens: &[TokenWithSpan]) -> Option<usize> {
    OPTIONS
        .iter()
        .find(|words| words.len() <= tokens.len() && words.iter().zip(tokens).all(|(word, token)| is(token, word)))
        .map(|words| words.len())
}
