//! PostgreSQL: `FROM ONLY t`, the rows of `t` without those of tables that inherit from it. They are among the rows of `t`, so `t` is what is read.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{is, is_any};

/// Rewrites a text of PostgreSQL.
pub(super) fn known(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    if !tokens.iter().any(|token| is(token, "only")) {
        return tokens;
    }
    let tokens: Vec<TokenWithSpan> = tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let begins = out.last().is_some_and(|last| is_any(last, &["from", "join", "using", "update"]) || last.token == Token::Comma);
        if !(begins && is(&tokens[at], "only")) {
            out.push(tokens[at].clone());
            at += 1;
            continue;
        }
        at += 1;
        // `ONLY (t)`: the brackets go, too.
        if tokens.get(at).is_some_and(|next| next.token == Token::LParen)
            && let Some(end) = super::closing(&tokens, at)
        {
            out.extend_from_slice(&tokens[at + 1..end]);
            at = end + 1;
        }
    }
    out
}
