//! DuckDB's list comprehensions as calls: `[x + 1 FOR x IN l IF x > 2]` -> `list_transform(list_filter(l, x -> (x > 2)), x -> (x + 1))`.
//!
//! With two parameters, `[x + i FOR x, i IN l]`, and anything else that is not this form stays as it is: the parser will refuse it.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::of_duckdb::outside;
use super::{is, word};

/// The comprehension that begins with the bracket at `open`: where it ends, and the calls that it means.
pub(super) fn comprehension(tokens: &[TokenWithSpan], open: usize) -> Option<(usize, Vec<TokenWithSpan>)> {
    let end = closing(tokens, open)?;
    let (body, span) = (&tokens[open + 1..end], tokens[open].span);
    let positions = outside(body);
    // A CASE has no FOR and no IF as words of their own; `substring(a FOR 2)` stands in a bracket.
    let find = |after: usize, name: &str| positions.iter().copied().find(|&at| at >= after && is(&body[at], name));
    let each = find(0, "for")?;
    let [parameter, within] = body.get(each + 1..each + 3)? else { return None };
    if each == 0 || !matches!(parameter.token, Token::Word(_)) || !is(within, "in") {
        return None;
    }
    let condition = find(each + 3, "if");
    let list = body.get(each + 3..condition.unwrap_or(body.len())).filter(|list| !list.is_empty())?;
    let symbol = |token| TokenWithSpan { token, span };
    let call = |name: &str, list: Vec<TokenWithSpan>, value: &[TokenWithSpan]| {
        let mut call = vec![word(name, span), symbol(Token::LParen)];
        call.extend(list);
        call.extend([symbol(Token::Comma), parameter.clone(), symbol(Token::Arrow), symbol(Token::LParen)]);
        call.extend_from_slice(value);
        call.extend([symbol(Token::RParen), symbol(Token::RParen)]);
        call
    };
    let filtered = match condition {
        Some(at) => call("list_filter", list.to_vec(), body.get(at + 1..).filter(|test| !test.is_empty())?),
        None => list.to_vec(),
    };
    Some((end, call("list_transform", filtered, &body[..each])))
}

/// The square bracket that closes the one at a position.
fn closing(tokens: &[TokenWithSpan], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LBracket => depth += 1,
            Token::RBracket => {
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
