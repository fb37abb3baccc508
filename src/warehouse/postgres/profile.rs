//! The keys of a dbt-postgres target. Pure.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::check::outcome::Fault;
use crate::warehouse::unreachable;

/// Seconds that dbt-postgres waits for a connection where the profile does not say.
const CONNECT: u64 = 10;
/// Times that dbt-postgres tries again to connect where the profile does not say.
const RETRIES: u32 = 1;

/// How a server is reached.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) database: String,
    pub(super) connect_timeout: Duration,
    pub(super) retries: u32,
    pub(super) keepalives_idle: Option<Duration>,
    /// Taken on inside of the transaction.
    pub(super) role: Option<String>,
    /// As SQL has it: `finance, public`. Empty where the profile says nothing: relations are named in full.
    pub(super) search_path: String,
    pub(super) tls: Tls,
}

/// What `sslmode` and the files beside it ask for, in libpq's meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tls {
    pub(super) mode: TlsMode,
    pub(super) root: Option<PathBuf>,
    /// Certificate and key.
    pub(super) own: Option<(PathBuf, PathBuf)>,
}

/// libpq's modes; `allow` is taken as `prefer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TlsMode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// Reads a target; relative paths are taken against `folder`.
pub(super) fn read(fields: &Map<String, Value>, folder: &Path) -> Result<Options, Fault> {
    let text = |keys: &[&str]| {
        let value = keys.iter().find_map(|key| fields.get(*key)).filter(|value| !value.is_null());
        value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).filter(|text| !text.is_empty())
    };
    let needed = |keys: &[&str]| {
        text(keys).ok_or_else(|| unreachable(format!("the PostgreSQL profile has no `{}`: add it to profiles.yml", keys[0])))
    };
    let number = |key: &str| match text(&[key]) {
        None => Ok(None),
        Some(text) => {
            text.trim().parse::<u64>().map(Some).map_err(|_| unreachable(format!("`{key}` of the PostgreSQL profile is no whole number")))
        }
    };
    let file = |key: &str| text(&[key]).map(|path| folder.join(path));
    let mode = match text(&["sslmode"]).as_deref() {
        Some("disable") => TlsMode::Disable,
        None | Some("allow" | "prefer") => TlsMode::Prefer,
        Some("require") => TlsMode::Require,
        Some("verify-ca") => TlsMode::VerifyCa,
        Some("verify-full") => TlsMode::VerifyFull,
        Some(other) => {
            return Err(unreachable(format!(
                "`sslmode: {other}` of the PostgreSQL profile is not known: disable, allow, prefer, require, verify-ca or verify-full"
            )));
        }
    };
    let own = match (file("sslcert"), file("sslkey")) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => return Err(unreachable("the PostgreSQL profile has `sslcert` without `sslkey`")),
        (None, Some(_)) => return Err(unreachable("the PostgreSQL profile has `sslkey` without `sslcert`")),
    };
    let root = text(&["sslrootcert"]).filter(|path| path != "system").map(|path| folder.join(path));
    let port = number("port")?.unwrap_or(5432);
    Ok(Options {
        host: needed(&["host"])?,
        port: u16::try_from(port).map_err(|_| unreachable(format!("`port: {port}` of the PostgreSQL profile is no port")))?,
        user: needed(&["user"])?,
        password: text(&["password", "pass"]),
        database: needed(&["dbname", "database"])?,
        connect_timeout: Duration::from_secs(number("connect_timeout")?.filter(|&seconds| seconds > 0).unwrap_or(CONNECT)),
        retries: number("retries")?.map_or(RETRIES, |retries| u32::try_from(retries).unwrap_or(RETRIES).min(10)),
        keepalives_idle: number("keepalives_idle")?.filter(|&seconds| seconds > 0).map(Duration::from_secs),
        role: text(&["role"]),
        search_path: text(&["search_path"]).unwrap_or_default(),
        tls: Tls { mode, root, own },
    })
}
