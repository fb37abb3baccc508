//! DuckDB: PIVOT statements, ASOF and POSITIONAL joins, prefix names, FROM before SELECT.
//!
//! Where the parser has no words for a meaning, words stand for it that DuckDB does not have, so nothing else can be meant by them: `OUTER APPLY`
//! for POSITIONAL JOIN, a MATCH_CONDITION of true or false for ASOF and ASOF LEFT, [`GROUPED`] for the GROUP BY inside a PIVOT. Not for
//! meaning (see `join`, `pivot`).

use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use super::comprehension::comprehension;
use super::meaningless::meaningless;
use super::of_duckdb_rows::{begins, sampled, star_by_name, summary};
use super::{closing, is, is_any, word};

/// A function that no warehouse has: its arguments are the groups of a PIVOT.
pub(in super::super) const GROUPED: &str = "presscheck_grouped_by";

/// Rewrites a text of DuckDB. One without such a spelling, as most are, comes back as it is.
pub(super) fn known(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    if !has_spelling(&tokens) {
        return tokens;
    }
    let tokens: Vec<TokenWithSpan> = tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    query(&tokens)
}

/// Whether any of the spellings may be in a text.
fn has_spelling(tokens: &[TokenWithSpan]) -> bool {
    let mut before: Option<&TokenWithSpan> = None;
    for token in tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))) {
        let special = match &token.token {
            Token::Colon => true,
            _ if begins(token, before) => true,
            Token::Word(word) if word.quote_style.is_none() => match word.value.len() {
                4 if is(token, "from") => before
                    .is_none_or(|before| before.token == Token::LParen || is_any(before, &["union", "all", "except", "intersect", "name"])),
                3 => is(token, "for"),
                4 => is(token, "asof") || is(token, "ties"),
                5 if before.is_some_and(|before| is(before, "exclude")) => true,
                5 => is(token, "pivot") || is(token, "nulls") && before.is_some_and(|before| is_any(before, &["ignore", "respect"])),
                2 | 6 if before.is_some_and(|before| is(before, "exclude")) => true,
                7 => is(token, "unpivot") || before.is_some_and(|before| is(before, "exclude")),
                10..=13 => is_any(token, &["materialized", "positional", "pivot_wider", "pivot_longer"]),
                _ => false,
            },
            _ => false,
        };
        if special {
            return true;
        }
        before = Some(token);
    }
    false
}

/// Tokens of one query: brackets inside are queries or lists of their own.
fn query(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let start = after_ctes(tokens);
    let mut out = inner(&tokens[..start]);
    let body = &tokens[start..];
    let rewritten = match body.first() {
        Some(first) if is_any(first, &["pivot", "pivot_wider"]) => pivot(body),
        Some(first) if is_any(first, &["unpivot", "pivot_longer"]) => unpivot(body),
        _ => summary(body),
    };
    match rewritten {
        Some(body) => out.extend(inner(&body)),
        None => {
            for part in between_set_operators(body) {
                out.extend(inner(&prefix_names(&from_first(&sampled(part).unwrap_or_else(|| part.to_vec())))));
            }
        }
    }
    out
}

/// Joins and pivots of these tokens, and everything in brackets.
fn inner(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let tokens = joins(&factor_groups(tokens));
    let mut out = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let end = if tokens[at].token == Token::LParen { closing(&tokens, at) } else { None };
        match (&tokens[at].token, end) {
            (Token::LParen, Some(end)) => {
                out.push(tokens[at].clone());
                out.extend(query(&tokens[at + 1..end]));
                out.push(tokens[end].clone());
                at = end + 1;
            }
            (Token::Mul, _) if star_by_name(&tokens, at).is_some() => {
                let (count, columns) = star_by_name(&tokens, at).unwrap_or_default();
                out.extend(columns);
                at += count;
            }
            (Token::LBracket, _) => match comprehension(&tokens, at) {
                Some((end, rewritten)) => {
                    out.extend(inner(&rewritten));
                    at = end + 1;
                }
                None => {
                    out.push(tokens[at].clone());
                    at += 1;
                }
            },
            (Token::Word(_), _) if meaningless(&tokens, at) > 0 => at += meaningless(&tokens, at),
            _ => {
                out.push(tokens[at].clone());
                at += 1;
            }
        }
    }
    out
}

/// The positions of tokens that stand in no bracket.
pub(super) fn outside(tokens: &[TokenWithSpan]) -> Vec<usize> {
    let (mut depth, mut positions) = (0_usize, Vec::new());
    for (at, token) in tokens.iter().enumerate() {
        match token.token {
            Token::LParen | Token::LBracket | Token::LBrace => {
                if depth == 0 {
                    positions.push(at);
                }
                depth += 1;
            }
            Token::RParen | Token::RBracket | Token::RBrace => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    positions.push(at);
                }
            }
            _ if depth == 0 => positions.push(at),
            _ => {}
        }
    }
    positions
}

/// Where the query after `WITH ...` begins: at the first word after a bracket that no comma and no AS follows.
fn after_ctes(tokens: &[TokenWithSpan]) -> usize {
    if !tokens.first().is_some_and(|first| is(first, "with")) {
        return 0;
    }
    let positions = outside(tokens);
    let ends = positions.windows(2).filter(|pair| tokens[pair[0]].token == Token::RParen);
    let begins = ends.map(|pair| pair[1]).find(|&at| !matches!(tokens[at].token, Token::Comma) && !is_any(&tokens[at], &["as", "using"]));
    begins.unwrap_or(0)
}

/// `a UNION b EXCEPT c` as `a`, `UNION`, `b`, `EXCEPT`, `c`.
fn between_set_operators(tokens: &[TokenWithSpan]) -> Vec<&[TokenWithSpan]> {
    let (mut parts, mut from, mut next) = (Vec::new(), 0, 0);
    for at in outside(tokens) {
        if at < next || at == 0 || !is_any(&tokens[at], &["union", "except", "intersect"]) || !begins_operand(tokens, at) {
            continue;
        }
        next = at + 1;
        while tokens.get(next).is_some_and(|token| is_any(token, &["all", "distinct", "by", "name"])) {
            next += 1;
        }
        parts.extend([&tokens[from..at], &tokens[at..next]]);
        from = next;
    }
    parts.push(&tokens[from..]);
    parts
}

/// Whether an EXCEPT and the like is one between queries, not the one after a star.
fn begins_operand(tokens: &[TokenWithSpan], at: usize) -> bool {
    tokens.iter().skip(at + 1).find(|token| !is_any(token, &["all", "distinct", "by", "name"])).is_some_and(|token| {
        is_any(token, &["select", "from", "with", "values", "table"]) || token.token == Token::LParen && tokens[at - 1].token != Token::Mul
    })
}

/// `FROM t SELECT a WHERE b` -> `SELECT a FROM t WHERE b`; `FROM t` -> `SELECT * FROM t`.
fn from_first(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let Some(first) = tokens.first().filter(|first| is(first, "from")) else { return tokens.to_vec() };
    let positions = outside(tokens);
    let Some(select) = positions.iter().copied().find(|&at| is(&tokens[at], "select")) else {
        return [word("SELECT", first.span), TokenWithSpan { token: Token::Mul, span: first.span }]
            .into_iter()
            .chain(tokens.iter().cloned())
            .collect();
    };
    let ends = ["where", "group", "having", "window", "qualify", "order", "limit", "offset"];
    let end = positions.iter().copied().find(|&at| at > select && is_any(&tokens[at], &ends)).unwrap_or(tokens.len());
    let (from, list, rest) = (&tokens[..select], &tokens[select..end], &tokens[end..]);
    [list, from, rest].concat()
}

/// `SELECT total: sum(x), y` -> `SELECT sum(x) AS total, y`; and the same for tables in FROM.
fn prefix_names(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let positions = outside(tokens);
    let (mut out, mut begins, mut named): (Vec<TokenWithSpan>, bool, Option<TokenWithSpan>) = (Vec::new(), false, None);
    let ends = ["from", "where", "group", "having", "window", "qualify", "order", "limit", "offset", "join", "on", "using", "union"];
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        let top = positions.binary_search(&at).is_ok();
        if top && named.is_some() && (token.token == Token::Comma || is_any(token, &ends)) {
            out.extend(named.take().into_iter().flat_map(|name| [word("AS", name.span), name]));
        }
        if begins && matches!(token.token, Token::Word(_)) && tokens.get(at + 1).is_some_and(|next| next.token == Token::Colon) {
            named = Some(token.clone());
            at += 2;
        } else {
            out.push(token.clone());
            at += 1;
        }
        begins = top && (token.token == Token::Comma || is_any(token, &["select", "distinct", "from", "join"]));
    }
    out.extend(named.into_iter().flat_map(|name| [word("AS", name.span), name]));
    out
}

/// `ASOF [LEFT] JOIN t ON ...` and `POSITIONAL JOIN t`.
fn joins(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let positions = outside(tokens);
    // Whether a condition is awaited, and whether rows of the left side stay without a partner.
    let mut asof: Option<bool> = None;
    let mut at = 0;
    while at < tokens.len() {
        let (token, top) = (&tokens[at], positions.binary_search(&at).is_ok());
        let next = |ahead: usize, word: &str| tokens.get(at + ahead).is_some_and(|token| is(token, word));
        if top && is(token, "positional") && next(1, "join") {
            out.extend([word("OUTER", token.span), word("APPLY", token.span)]);
            at += 2;
            continue;
        }
        if top && is(token, "asof") && (next(1, "join") || (next(1, "left") || next(1, "inner")) && (next(2, "join") || next(2, "outer"))) {
            asof = Some(next(1, "left"));
            out.push(token.clone());
            at += 1;
            while tokens.get(at).is_some_and(|token| is_any(token, &["left", "inner", "outer"])) {
                at += 1;
            }
            continue;
        }
        if top && is(token, "match_condition") {
            asof = None;
        }
        if top
            && is_any(token, &["on", "using"])
            && let Some(left) = asof.take()
        {
            let symbol = |token_of| TokenWithSpan { token: token_of, span: token.span };
            let kept = if left { "true" } else { "false" };
            out.extend([word("MATCH_CONDITION", token.span), symbol(Token::LParen), word(kept, token.span), symbol(Token::RParen)]);
        }
        out.push(token.clone());
        at += 1;
    }
    out
}

/// `t PIVOT (sum(x) FOR y IN (...) GROUP BY z)`.
fn factor_groups(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        out.push(tokens[at].clone());
        let end =
            tokens.get(at + 1).filter(|next| next.token == Token::LParen && is(&tokens[at], "pivot")).and_then(|_| closing(tokens, at + 1));
        let Some(end) = end else {
            at += 1;
            continue;
        };
        let body = &tokens[at + 2..end];
        let grouped = outside(body).into_iter().find(|&at| is(&body[at], "group"));
        out.push(tokens[at + 1].clone());
        out.extend(body[..grouped.unwrap_or(body.len())].iter().cloned());
        if let Some(grouped) = grouped {
            out.extend(groups(body.get(grouped + 2..).unwrap_or_default(), body[grouped].span));
        }
        out.push(tokens[end].clone());
        at = end + 1;
    }
    out
}

/// `DEFAULT ON NULL (groups(...))`, a place in the parser's PIVOT that holds an expression.
fn groups(keys: &[TokenWithSpan], span: Span) -> Vec<TokenWithSpan> {
    let symbol = |token| TokenWithSpan { token, span };
    let start = ["DEFAULT", "ON", "NULL"].map(|text| word(text, span)).into_iter().chain([
        symbol(Token::LParen),
        word(GROUPED, span),
        symbol(Token::LParen),
    ]);
    start.chain(keys.iter().cloned()).chain([symbol(Token::RParen), symbol(Token::RParen)]).collect()
}

/// The pieces of a PIVOT or UNPIVOT statement: each clause's tokens after its words.
struct Clauses<'t> {
    source: &'t [TokenWithSpan],
    on: &'t [TokenWithSpan],
    using: &'t [TokenWithSpan],
    into: &'t [TokenWithSpan],
    group: &'t [TokenWithSpan],
    /// ORDER BY and LIMIT, with their words.
    rest: &'t [TokenWithSpan],
}

fn clauses(tokens: &[TokenWithSpan]) -> Option<Clauses<'_>> {
    let positions = outside(tokens);
    let find = |words: &[&str]| positions.iter().copied().find(|&at| is_any(&tokens[at], words));
    let rest = find(&["order", "limit"]).unwrap_or(tokens.len());
    let starts = [find(&["on"]), find(&["using"]), find(&["into"]), find(&["group"])];
    let after = |start: usize| starts.into_iter().flatten().chain([rest]).filter(|&other| other > start).min().unwrap_or(tokens.len());
    let clause =
        |start: Option<usize>, words: usize| start.map_or(&[][..], |start| tokens.get(start + words..after(start)).unwrap_or_default());
    let source = tokens.get(1..after(0))?;
    (!source.is_empty()).then_some(Clauses {
        source,
        on: clause(starts[0], 1),
        using: clause(starts[1], 1),
        into: clause(starts[2], 1),
        group: clause(starts[3], 2),
        rest: &tokens[rest..],
    })
}

fn commas(tokens: &[TokenWithSpan]) -> Vec<&[TokenWithSpan]> {
    let (mut parts, mut from) = (Vec::new(), 0);
    for at in outside(tokens).into_iter().filter(|&at| tokens[at].token == Token::Comma) {
        parts.push(&tokens[from..at]);
        from = at + 1;
    }
    parts.push(&tokens[from..]);
    parts
}

/// `PIVOT t ON c USING sum(x) GROUP BY g` -> `SELECT * FROM t PIVOT (sum(x) FOR (c) IN (ANY) groups(g))`.
fn pivot(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
    let found = clauses(tokens)?;
    let span = tokens.first()?.span;
    let symbol = |token| TokenWithSpan { token, span };
    let count = [word("count", span), symbol(Token::LParen), symbol(Token::Mul), symbol(Token::RParen)];
    let on = commas(found.on);
    let listed = |item: &'_ [TokenWithSpan]| outside(item).into_iter().find(|&at| is(&item[at], "in"));
    let mut columns = Vec::new();
    for (number, item) in on.iter().enumerate() {
        if number > 0 {
            columns.push(symbol(Token::Comma));
        }
        columns.extend_from_slice(&item[..listed(item).unwrap_or(item.len())]);
    }
    let values = match on.as_slice() {
        [only] => {
            listed(only).and_then(|at| only.get(at + 1..)).filter(|list| list.first().is_some_and(|token| token.token == Token::LParen))
        }
        _ => None,
    };
    let mut out = vec![word("SELECT", span), symbol(Token::Mul), word("FROM", span)];
    out.extend_from_slice(found.source);
    out.extend([word("PIVOT", span), symbol(Token::LParen)]);
    out.extend_from_slice(if found.using.is_empty() { &count } else { found.using });
    out.extend([word("FOR", span), symbol(Token::LParen)]);
    out.extend(columns);
    out.extend([symbol(Token::RParen), word("IN", span)]);
    match values {
        Some(list) => out.extend_from_slice(list),
        None => out.extend([symbol(Token::LParen), word("ANY", span), symbol(Token::RParen)]),
    }
    if !found.group.is_empty() {
        out.extend(groups(found.group, span));
    }
    out.push(symbol(Token::RParen));
    out.extend_from_slice(found.rest);
    Some(out)
}

/// `UNPIVOT t ON a, b INTO NAME n VALUE v` -> `SELECT * FROM t UNPIVOT (v FOR n IN (a, b))`.
fn unpivot(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
    let found = clauses(tokens)?;
    let span = tokens.first()?.span;
    let symbol = |token| TokenWithSpan { token, span };
    let at = |name: &str| outside(found.into).into_iter().find(|&at| is(&found.into[at], name));
    let (name, value) = (at("name"), at("value"));
    let named = name.and_then(|at| found.into.get(at + 1)).cloned().unwrap_or_else(|| word("name", span));
    let valued = value.and_then(|at| found.into.get(at + 1..)).filter(|list| !list.is_empty());
    let include = found.source.windows(2).position(|pair| is(&pair[0], "include") && is(&pair[1], "nulls"));
    let mut out = vec![word("SELECT", span), symbol(Token::Mul), word("FROM", span)];
    out.extend_from_slice(&found.source[..include.unwrap_or(found.source.len())]);
    out.push(word("UNPIVOT", span));
    if include.is_some() {
        out.extend([word("INCLUDE", span), word("NULLS", span)]);
    }
    out.extend([symbol(Token::LParen), symbol(Token::LParen)]);
    match valued {
        Some(list) => out.extend_from_slice(list),
        None => out.push(word("value", span)),
    }
    out.extend([symbol(Token::RParen), word("FOR", span), named, word("IN", span), symbol(Token::LParen)]);
    out.extend_from_slice(found.on);
    out.extend([symbol(Token::RParen), symbol(Token::RParen)]);
    out.extend_from_slice(found.rest);
    Some(out)
}
