//! DuckDB: USING SAMPLE, SUMMARIZE and conditions on the names of a star, as SQL with the same lineage. Not for joins and pivots (see `of_duckdb`).

use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use super::of_duckdb::outside;
use super::{is, is_any, word};

/// A function that no warehouse has: as a condition, it takes rows out by chance.
pub(in super::super) const SAMPLED: &str = "presscheck_sampled";
/// Columns of SUMMARIZE that hang on the values of what is summarized.
const SUMMARY: [&str; 10] = ["min", "max", "approx_unique", "avg", "std", "q25", "q50", "q75", "count", "null_percentage"];
/// Words after which `summarize` is a name.
const OPERATORS: &str = "and as asc between collate desc else end filter in is like not or order over then using when";

/// Whether one of these spellings may begin at a token.
pub(super) fn begins(token: &TokenWithSpan, before: Option<&TokenWithSpan>) -> bool {
    let after = |word: &str| before.is_some_and(|before| is(before, word));
    let star = before.is_some_and(|before| before.token == Token::Mul);
    is(token, "summarize") || is(token, "sample") && after("using") || star && is_any(token, &["like", "ilike", "not", "similar"])
}

/// `... USING SAMPLE 3 ROWS` -> `... WHERE presscheck_sampled()`: of one SELECT, the rows of its FROM.
pub(super) fn sampled(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
    let positions = outside(tokens);
    let first = |words: &[&str], from: usize| positions.iter().copied().find(|&at| at >= from && is_any(&tokens[at], words));
    let using =
        positions.iter().copied().find(|&at| is(&tokens[at], "using") && tokens.get(at + 1).is_some_and(|next| is(next, "sample")))?;
    let end = first(&["order", "limit", "offset"], using).unwrap_or(tokens.len());
    let span = tokens[using].span;
    let symbol = |token| TokenWithSpan { token, span };
    let call = [word(SAMPLED, span), symbol(Token::LParen), symbol(Token::RParen)];
    let clauses = ["group", "having", "window", "qualify"];
    let (head, tail) = (&tokens[..using], &tokens[end..]);
    let mut out = match first(&["where"], 0).filter(|&at| at < using) {
        Some(at) => {
            let ends = first(&clauses, at).unwrap_or(using).min(using);
            let condition = head[at + 1..ends].iter().cloned();
            let mut out = head[..=at].to_vec();
            out.push(symbol(Token::LParen));
            out.extend(condition.chain([symbol(Token::RParen), word("AND", span)]).chain(call));
            out.extend_from_slice(&head[ends..]);
            out
        }
        None => {
            let ends = first(&clauses, 0).unwrap_or(using).min(using);
            let mut out = head[..ends].to_vec();
            out.push(word("WHERE", span));
            out.extend(call);
            out.extend_from_slice(&head[ends..]);
            out
        }
    };
    out.extend_from_slice(tail);
    Some(out)
}

/// `SUMMARIZE t` -> a row for each column of `t`, whose numbers hang on every column: two rows that nothing tells apart stand for all of them.
pub(super) fn summary(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
    let (first, source) = tokens.split_first().filter(|(first, _)| is(first, "summarize"))?;
    let next = source.first().filter(|next| matches!(next.token, Token::Word(_)))?;
    if OPERATORS.split(' ').any(|operator| is(next, operator)) {
        return None;
    }
    let span = first.span;
    let symbol = |token| TokenWithSpan { token, span };
    let texts = |texts: &[&str]| -> Vec<TokenWithSpan> {
        texts
            .iter()
            .map(|text| match *text {
                "(" => symbol(Token::LParen),
                ")" => symbol(Token::RParen),
                "," => symbol(Token::Comma),
                "." => symbol(Token::Period),
                "*" => symbol(Token::Mul),
                "''" => symbol(Token::SingleQuotedString(String::new())),
                name => word(name, span),
            })
            .collect()
    };
    let mut out = texts(&["SELECT", "*", "FROM", "(", "VALUES", "(", "''", ",", "''", ")", ",", "(", "''", ",", "''", ")", ")"]);
    out.extend(texts(&["AS", "presscheck_columns", "(", "column_name", ",", "column_type", ")"]));
    out.extend(texts(&["CROSS", "JOIN", "(", "SELECT"]));
    for (at, column) in SUMMARY.iter().enumerate() {
        out.extend(texts(if at > 0 { &[","] } else { &[] }));
        // The number of rows hangs on no value.
        let (of, argument) = if *column == "count" { ("count", "*") } else { ("max", "presscheck_rows") };
        out.extend(texts(&[of, "(", argument, ")", "AS", column]));
    }
    out.extend(texts(&["FROM", "("]));
    if !is_any(next, &["select", "with", "from", "values"]) {
        out.extend(texts(&["SELECT", "*", "FROM"]));
    }
    out.extend_from_slice(source);
    out.extend(texts(&[")", "AS", "presscheck_rows", ")", "AS", "presscheck_numbers"]));
    Some(out)
}

/// `* [NOT] LIKE 'a%'` -> `COLUMNS(c -> c [NOT] LIKE 'a%')`, and `* SIMILAR TO 'a'` -> `COLUMNS('a')`. Gives how many tokens that were.
pub(super) fn star_by_name(tokens: &[TokenWithSpan], at: usize) -> Option<(usize, Vec<TokenWithSpan>)> {
    let star = tokens.get(at).filter(|token| token.token == Token::Mul)?;
    let begins_item = at == 0 || tokens[at - 1].token == Token::Comma || is_any(&tokens[at - 1], &["select", "distinct", "all"]);
    let rest = tokens.get(at + 1..)?;
    let operator = match rest {
        [not, like, ..] if is(not, "not") && is_any(like, &["like", "ilike"]) => 2,
        [similar, to, ..] if is(similar, "similar") && is(to, "to") => 2,
        [like, ..] if is_any(like, &["like", "ilike"]) => 1,
        _ => return None,
    };
    let pattern = rest.get(operator).filter(|pattern| matches!(pattern.token, Token::SingleQuotedString(_)))?;
    let ends = |next: &TokenWithSpan| next.token == Token::Comma || is(next, "from");
    if !begins_item || !rest.get(operator + 1).is_none_or(ends) {
        return None;
    }
    Some((2 + operator, condition_on_names(star.span, rest, operator, pattern)))
}

fn condition_on_names(span: Span, rest: &[TokenWithSpan], operator: usize, pattern: &TokenWithSpan) -> Vec<TokenWithSpan> {
    let symbol = |token| TokenWithSpan { token, span };
    let mut out = vec![word("COLUMNS", span), symbol(Token::LParen)];
    if !is(&rest[0], "similar") {
        out.extend([word("presscheck_name", span), symbol(Token::Arrow), word("presscheck_name", span)]);
        out.extend_from_slice(&rest[..operator]);
    }
    out.extend([pattern.clone(), symbol(Token::RParen)]);
    out
}
