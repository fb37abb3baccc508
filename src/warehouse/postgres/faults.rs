//! What PostgreSQL says when it cannot answer, as one of the closed list of reasons. Not for values: see `cells`.

use tokio_postgres::Error;
use tokio_postgres::error::{ErrorPosition, SqlState};

use crate::check::outcome::{Fault, Reason};

/// Longest engine text that is kept, in characters.
const LONGEST: usize = 400;

/// The fault behind a statement that failed.
pub(super) fn of_statement(error: &Error) -> Fault {
    let Some(said) = error.as_db_error() else {
        // Without an answer of the server the connection is what failed, or its protocol.
        return Fault {
            reason: Reason::Unreachable,
            detail: format!("the connection to PostgreSQL failed: {}", shortened(&with_causes(error))),
        };
    };
    let reason = match said.code() {
        &SqlState::UNDEFINED_TABLE | &SqlState::INVALID_SCHEMA_NAME | &SqlState::UNDEFINED_DATABASE => Reason::MissingRelation,
        // "cross-database references are not implemented"
        &SqlState::FEATURE_NOT_SUPPORTED if said.message().contains("cross-database") => Reason::MissingRelation,
        &SqlState::UNDEFINED_COLUMN => Reason::MissingColumn,
        &SqlState::QUERY_CANCELED if said.message().contains("statement timeout") => Reason::TimedOut,
        &SqlState::QUERY_CANCELED => Reason::Cancelled,
        &SqlState::NUMERIC_VALUE_OUT_OF_RANGE => Reason::OutOfRange,
        &SqlState::DIVISION_BY_ZERO => Reason::ZeroDenominator,
        code if is_authentication(code) => Reason::AuthenticationFailed,
        code if is_connection(code) => Reason::Unreachable,
        _ => Reason::QueryError,
    };
    let mut detail = shortened(said.message());
    if let Some(ErrorPosition::Original(position)) = said.position() {
        detail.push_str(&format!(" (at character {position} of the statement)"));
    }
    match said.code() {
        &SqlState::INSUFFICIENT_PRIVILEGE => detail.push_str(": grant the role of the profile SELECT on it, and USAGE on its schema"),
        _ => {
            if let Some(hint) = said.hint() {
                detail.push_str(&format!(": {}", shortened(hint)));
            }
        }
    }
    Fault { reason, detail }
}

/// The fault behind a connection that cannot be made, with what to do. `place` is `host:port`.
pub(super) fn of_connecting(error: &Error, place: &str, user: &str) -> Fault {
    let cannot = |why: String| Fault { reason: Reason::Unreachable, detail: format!("PostgreSQL at {place} cannot be reached: {why}") };
    match error.as_db_error() {
        Some(said) if is_authentication(said.code()) => Fault {
            reason: Reason::AuthenticationFailed,
            detail: format!("PostgreSQL at {place} refuses the user {user}: {}", shortened(said.message())),
        },
        Some(said) => cannot(shortened(said.message())),
        None => {
            let why = shortened(&with_causes(error));
            let remedy = remedy_of_certificate(&why);
            cannot(why + remedy)
        }
    }
}

/// What to do about a certificate that is not trusted.
fn remedy_of_certificate(why: &str) -> &'static str {
    if why.contains("UnknownIssuer") {
        ": name the file of the authority that signed the server's certificate with `sslrootcert`"
    } else if why.contains("not valid for name") {
        ": set `host` to a name that the certificate is for, or `sslmode: verify-ca`"
    } else if why.contains("certificate expired") {
        ": renew the server's certificate"
    } else {
        ""
    }
}

fn is_authentication(code: &SqlState) -> bool {
    code.code().starts_with("28")
}

/// Broken connections, a server that shuts down or starts, no free connection, a session ended by the server, a standby that must move on.
fn is_connection(code: &SqlState) -> bool {
    code.code().starts_with("08")
        || code.code().starts_with("57P")
        || [
            &SqlState::TOO_MANY_CONNECTIONS,
            &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            &SqlState::T_R_SERIALIZATION_FAILURE,
            &SqlState::T_R_DEADLOCK_DETECTED,
        ]
        .contains(&code)
}

fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text.push_str(&format!(": {said}"));
        }
        cause = inner.source();
    }
    text
}

/// On one line, not too long.
fn shortened(text: &str) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(cut);
        line.push('…');
    }
    line
}
