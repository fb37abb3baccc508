//! Words of DuckDB that change neither values nor rows beyond what is claimed anyway: they are left out of the text. Not for words with a meaning.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{is, is_any};

/// How many tokens at a position say nothing here; 0 for all others.
pub(super) fn meaningless(tokens: &[TokenWithSpan], at: usize) -> usize {
    let Some(token) = tokens.get(at) else { return 0 };
    if is_any(token, &["ignore", "respect"]) && ends_with_nulls(tokens, at) {
        // `f(x ignore nulls)`: which values count is decided by the values, which all count.
        2
    } else if is(token, "exclude") {
        // The frame of a window may leave rows out: all of its rows count anyway.
        excluded(tokens.get(at + 1..).unwrap_or_default()).map_or(0, |words| 1 + words)
    } else if at > 0 && is(&tokens[at - 1], "as") {
        kept_or_inlined(&tokens[at..])
    } else {
        0
    }
}

/// `MATERIALIZED` or `NOT MATERIALIZED` between AS and the bracket of a CTE.
fn kept_or_inlined(tokens: &[TokenWithSpan]) -> usize {
    match tokens {
        [not, hint, open, ..] if is(not, "not") && is(hint, "materialized") && open.token == Token::LParen => 2,
        [hint, open, ..] if is(hint, "materialized") && open.token == Token::LParen => 1,
        _ => 0,
    }
}

/// How many tokens of `CURRENT ROW`, `NO OTHERS`, `GROUP` or `TIES` stand at the start, right before the end of a window.
fn excluded(tokens: &[TokenWithSpan]) -> Option<usize> {
    let ends = |at: usize| tokens.get(at).is_none_or(|token| token.token == Token::RParen);
    match tokens {
        [one, two, ..] if (is(one, "current") && is(two, "row") || is(one, "no") && is(two, "others")) && ends(2) => Some(2),
        [one, ..] if is_any(one, &["group", "ties"]) && ends(1) => Some(1),
        _ => None,
    }
}

fn ends_with_nulls(tokens: &[TokenWithSpan], at: usize) -> bool {
    at > 0
        && tokens.get(at + 1).is_some_and(|next| is(next, "nulls"))
        && tokens.get(at + 2).is_none_or(|next| next.token == Token::RParen || is_any(next, &["over", "order", "filter"]))
}
