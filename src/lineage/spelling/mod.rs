//! Spellings that the parser does not know -> spellings of the same meaning that it knows, token by token. Positions stay those of the text.

mod comprehension;
mod meaningless;
mod of_duckdb;
mod of_duckdb_rows;
mod of_postgres;
mod of_trino;

use sqlparser::tokenizer::{Span, Token, TokenWithSpan, Word};

pub(super) use of_duckdb::GROUPED;
pub(super) use of_duckdb_rows::SAMPLED;

/// Whose spellings a text may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// Only such as the parser knows.
    Plain,
    DuckDb,
    Postgres,
    Trino,
}

/// Rewrites a text. One without such a spelling comes back as it is.
pub(super) fn known(tokens: Vec<TokenWithSpan>, spelling: Spelling) -> Vec<TokenWithSpan> {
    match spelling {
        Spelling::Plain => tokens,
        Spelling::DuckDb => of_duckdb::known(tokens),
        Spelling::Postgres => of_postgres::known(tokens),
        Spelling::Trino => of_trino::known(tokens),
    }
}

/// Whether a token is this word, unquoted.
fn is(token: &TokenWithSpan, word: &str) -> bool {
    matches!(&token.token, Token::Word(Word { value, quote_style: None, .. }) if value.eq_ignore_ascii_case(word))
}

fn is_any(token: &TokenWithSpan, words: &[&str]) -> bool {
    words.iter().any(|word| is(token, word))
}

/// The bracket that closes the one at a position.
fn closing(tokens: &[TokenWithSpan], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// An unquoted word at a place.
fn word(text: &str, span: Span) -> TokenWithSpan {
    TokenWithSpan { token: Token::make_word(text, None), span }
}
