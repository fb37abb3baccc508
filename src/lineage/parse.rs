//! Text -> syntax tree, on guard: SQL from a pull request is hostile.
//!
//! Text is capped in bytes, tokens and nesting; parsing, walking and dropping happen on a thread with a large stack ([`with_large_stack`]);
//! a panic of the parser is an error. Texts that the parser is known to misread without a word are refused. Not for meaning.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use sqlparser::ast::{Expr, Query, Statement};
use sqlparser::dialect::Dialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::dialect::Manners;
use super::spelling::{self, Spelling};

/// Bytes of one statement.
const MOST_BYTES: usize = 2 << 20;
/// Tokens of one statement, spaces not counted.
const MOST_TOKENS: usize = 100_000;
/// Brackets and CASEs inside each other. Parsers go back and forth over brackets, so this is what bounds their time.
const DEEPEST: usize = 64;
/// How deep the parser may recurse: more than [`DEEPEST`] needs, because one bracket is several rules.
const PARSER_DEPTH: usize = 400;
/// Stack of the thread that parses, in bytes: reserved, not used, on every system that we know.
pub(super) const STACK: usize = 512 << 20;

/// Why a text was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unclear {
    /// One clause, no full stop.
    pub(super) message: String,
    /// Line and column, from 1.
    pub(super) place: Option<(u32, u32)>,
}

impl Unclear {
    /// Not understood, place unknown.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Unclear { message: message.into(), place: None }
    }
    /// Not understood, at a place.
    pub(super) fn at(message: impl Into<String>, span: sqlparser::tokenizer::Span) -> Self {
        let place = u32::try_from(span.start.line).ok().zip(u32::try_from(span.start.column).ok()).filter(|&(line, _)| line > 0);
        Unclear { message: message.into(), place }
    }
}

/// What reading gives.
pub(super) type Read<T> = Result<T, Unclear>;

thread_local! {
    /// Whether this thread has a large stack already.
    static LARGE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` on a thread whose stack bears the deepest text that is let through, so that what it does with SQL needs no further thread; on this one
/// when none can be started. `Err`: what `work` panicked with.
pub fn with_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> std::thread::Result<T> {
    let mut work = Some(work);
    std::thread::scope(|scope| {
        let run = || {
            LARGE.set(true);
            work.take().map(|work| work())
        };
        let thread = std::thread::Builder::new().name("main".into()).stack_size(STACK).spawn_scoped(scope, run).ok()?;
        thread.join().transpose()
    })
    .or_else(|| work.take().map(|work| catch_unwind(AssertUnwindSafe(work))))
    .unwrap_or_else(|| Err(Box::new("the work was lost")))
}

/// Runs `work` where the stack bears the deepest text that is let through: here, or on a thread. `None` when the thread cannot start or `work` panics.
pub(super) fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    if LARGE.get() {
        return catch_unwind(AssertUnwindSafe(work)).ok();
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("lineage".into()).stack_size(STACK).spawn_scoped(scope, work).ok()?;
        thread.join().ok()
    })
}

/// One query, no other statement beside it.
pub(super) fn query(sql: &str, manners: &Manners) -> Read<Box<Query>> {
    attempt(sql, manners, false, |parser| {
        let mut statements = parser.parse_statements()?;
        match (statements.pop(), statements.is_empty()) {
            (Some(Statement::Query(query)), true) => Ok(query),
            (Some(_), true) => Err(ParserError::ParserError("not a SELECT".into())),
            (Some(_), false) => Err(ParserError::ParserError("more than one statement".into())),
            (None, _) => Err(ParserError::ParserError("no statement".into())),
        }
    })
}

/// Statements of any kind.
pub(super) fn statements(sql: &str, manners: &Manners) -> Read<Vec<Statement>> {
    attempt(sql, manners, false, |parser| parser.parse_statements())
}

/// One expression and nothing after it; comments are refused, because what looks like the end of the expression need not be.
pub(super) fn expression(sql: &str, manners: &Manners) -> Read<Expr> {
    attempt(sql, manners, true, |parser| {
        let expression = parser.parse_expr()?;
        let next = parser.peek_token();
        if next.token == Token::EOF {
            Ok(expression)
        } else {
            Err(ParserError::ParserError(format!("text after the expression: {}{}", next.token, next.span.start)))
        }
    })
}

/// Tries the dialects in order; the error is the first one's, for it is the warehouse's own.
fn attempt<T>(sql: &str, manners: &Manners, bare: bool, parse: impl Fn(&mut Parser<'_>) -> Result<T, ParserError>) -> Read<T> {
    if sql.len() > MOST_BYTES {
        return Err(Unclear::new(format!("the SQL is longer than {MOST_BYTES} bytes")));
    }
    let mut first = None;
    for dialect in &manners.dialects {
        let read = catch_unwind(AssertUnwindSafe(|| one(sql, dialect.as_ref(), (bare, manners.spelling), &parse)));
        match read.unwrap_or_else(|_| Err(Unclear::new("the parser broke"))) {
            Ok(tree) => return Ok(tree),
            Err(error) => {
                first.get_or_insert(error);
            }
        }
    }
    Err(first.unwrap_or_else(|| Unclear::new("no dialect")))
}

fn one<T>(
    sql: &str,
    dialect: &dyn Dialect,
    (bare, spelling): (bool, Spelling),
    parse: &impl Fn(&mut Parser<'_>) -> Result<T, ParserError>,
) -> Read<T> {
    let tokens = Tokenizer::new(dialect, sql)
        .tokenize_with_location()
        .map_err(|error| located(&error.message, error.location.line, error.location.column))?;
    guard(&tokens, bare)?;
    let tokens = spelling::known(tokens, spelling);
    let mut parser = Parser::new(dialect).with_recursion_limit(PARSER_DEPTH).with_tokens_with_locations(tokens);
    parse(&mut parser).map_err(|error| match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => placed(&text),
        ParserError::RecursionLimitExceeded => Unclear::new("nested too deeply"),
    })
}

fn located(message: &str, line: u64, column: u64) -> Unclear {
    let place = u32::try_from(line).ok().zip(u32::try_from(column).ok()).filter(|&(line, _)| line > 0);
    Unclear { message: message.to_owned(), place }
}

/// The parser writes the place into its message: `... at Line: 3, Column: 7`.
fn placed(text: &str) -> Unclear {
    let Some((message, place)) = text.rsplit_once(" at Line: ") else { return Unclear::new(text) };
    let numbers = place.split_once(", Column: ").and_then(|(line, column)| Some((line.parse().ok()?, column.parse().ok()?)));
    Unclear { message: message.to_owned(), place: numbers }
}

/// Refuses what is too large, too deep, or known to be misread.
fn guard(tokens: &[TokenWithSpan], bare: bool) -> Read<()> {
    let (mut count, mut depth) = (0_usize, 0_usize);
    for token in tokens {
        match &token.token {
            Token::Whitespace(space) => {
                if bare
                    && !matches!(
                        space,
                        sqlparser::tokenizer::Whitespace::Space
                            | sqlparser::tokenizer::Whitespace::Newline
                            | sqlparser::tokenizer::Whitespace::Tab
                    )
                {
                    return Err(Unclear::at("a comment inside an expression", token.span));
                }
                continue;
            }
            Token::SemiColon if bare => return Err(Unclear::at("a semicolon inside an expression", token.span)),
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            Token::Word(word) if word.keyword == Keyword::CASE => depth += 1,
            Token::Word(word) if word.keyword == Keyword::END => depth = depth.saturating_sub(1),
            _ => {}
        }
        count += 1;
        if depth > DEEPEST {
            return Err(Unclear::at("nested too deeply", token.span));
        }
        if count > MOST_TOKENS {
            return Err(Unclear::new(format!("more than {MOST_TOKENS} tokens")));
        }
    }
    Ok(())
}
