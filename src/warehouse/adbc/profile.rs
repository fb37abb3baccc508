//! dbt's profile types as ADBC drivers and their options: which key of a target becomes which option. Pure.
//!
//! A target is taken whole or refused: what this cannot express is an error, never left out. No key names a file to load: see `driver`. The session's
//! time zone is left as the server or the profile has it, so that a day is the day that dbt's own models saw.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::fields::Fields;
use crate::check::outcome::Fault;
use crate::warehouse::unreachable;

/// What one target asks for. Holds secrets, so it has no `Debug`.
pub(super) struct Target {
    /// Chooses the macro variants.
    pub(super) dialect: &'static str,
    /// The profile's type, for messages.
    pub(super) kind: &'static str,
    /// Names of the driver, the first that is found is taken.
    pub(super) driver: Vec<String>,
    /// Options of the database, in order.
    pub(super) options: Vec<(String, String)>,
    /// Options of each statement.
    pub(super) limits: Vec<(String, i64)>,
    /// Statements that each session runs first.
    pub(super) greeting: Vec<String>,
    /// Files that hold the data, where it is in files of this machine.
    pub(super) files: Vec<PathBuf>,
    /// Texts that no message may hold.
    pub(super) secrets: Vec<String>,
}

/// The profile types that are reached through ADBC.
pub const KINDS: [&str; 8] = ["snowflake", "bigquery", "databricks", "spark", "trino", "redshift", "sqlite", "flightsql"];

/// Dialects that a `flightsql` target may name, because the protocol does not tell what stands behind it.
const DIALECTS: [&str; 9] = ["duckdb", "postgres", "snowflake", "bigquery", "databricks", "spark", "trino", "redshift", "sqlite"];

/// Reads a target of one of [`KINDS`]; relative paths are taken against `folder`.
pub(super) fn read(kind: &str, values: &Map<String, Value>, folder: &Path) -> Result<Target, Fault> {
    let mut fields = Fields::new(kind, values);
    let mut target = match kind {
        "snowflake" => snowflake(&mut fields),
        "bigquery" => bigquery(&mut fields, folder),
        "databricks" => databricks(&mut fields),
        "spark" => spark(&mut fields),
        "trino" => trino(&mut fields),
        "redshift" => redshift(&mut fields),
        "sqlite" => sqlite(&mut fields, folder),
        "flightsql" => flightsql(&mut fields),
        other => Err(unreachable(format!("a profile of type `{other}` is not reached through ADBC"))),
    }?;
    if let Some(name) = values.get("adbc_driver").filter(|name| !name.is_null()) {
        let plain = |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        let name = name.as_str().filter(plain).ok_or_else(|| {
            fields.wrong("adbc_driver", "is no name of a driver (letters, digits, `_`, `-`): name folders in ADBC_DRIVER_PATH, not here")
        })?;
        target.driver = vec![name.to_owned()];
    }
    target.secrets = fields.end()?;
    Ok(target)
}

fn target(dialect: &'static str, kind: &'static str, driver: &[&str]) -> Target {
    let driver = driver.iter().map(|name| (*name).to_owned()).collect();
    Target { dialect, kind, driver, options: Vec::new(), limits: Vec::new(), greeting: Vec::new(), files: Vec::new(), secrets: Vec::new() }
}

impl Target {
    fn option(&mut self, name: &str, value: Option<String>) {
        self.options.extend(value.map(|value| (name.to_owned(), value)));
    }
}

fn snowflake(fields: &mut Fields<'_>) -> Result<Target, Fault> {
    let mut target = target("snowflake", "snowflake", &["adbc_driver_snowflake", "snowflake"]);
    let sql = |name: &str| format!("adbc.snowflake.sql.{name}");
    let client = |name: &str| format!("adbc.snowflake.sql.client_option.{name}");
    target.option(&sql("account"), Some(fields.needed(&["account"])?));
    target.option("username", fields.text("user")?);
    target.option(&sql("db"), Some(fields.needed(&["database"])?));
    for (key, name) in [
        ("schema", "schema"),
        ("warehouse", "warehouse"),
        ("role", "role"),
        ("host", "uri.host"),
        ("port", "uri.port"),
        ("protocol", "uri.protocol"),
    ] {
        target.option(&sql(name), fields.text(key)?);
    }
    target.option("password", fields.secret("password")?);
    let (path, key) = (fields.text("private_key_path")?, fields.secret("private_key")?);
    let (phrase, token) = (fields.secret("private_key_passphrase")?, fields.secret("token")?);
    let by_key = path.is_some() || key.is_some();
    let authenticator = fields.text("authenticator")?.map(|name| if name.starts_with("https://") { name } else { name.to_lowercase() });
    let method = match authenticator.as_deref() {
        None | Some("snowflake") if by_key => "auth_jwt",
        Some("snowflake_jwt") => "auth_jwt",
        None | Some("snowflake") => "auth_snowflake",
        Some("oauth") => "auth_oauth",
        Some("externalbrowser") => "auth_ext_browser",
        Some("username_password_mfa") => "auth_mfa",
        Some("programmatic_access_token") => "auth_pat",
        Some(okta) if okta.starts_with("https://") => {
            target.option(&client("okta_url"), Some(okta.to_owned()));
            "auth_okta"
        }
        Some(_) => return Err(fields.wrong("authenticator", "is not supported by this version of presscheck")),
    };
    target.option(&sql("auth_type"), Some(method.to_owned()));
    target.option(&client("auth_token"), token);
    match (path, key) {
        (Some(_), Some(_)) => return Err(fields.wrong("private_key", "and `private_key_path` exclude each other")),
        // The driver reads an encrypted key as text only, and dbt's targets with a path mostly hold an open one.
        (Some(_), None) if phrase.is_some() => {
            return Err(fields.wrong("private_key_passphrase", "is supported with `private_key`, not with `private_key_path`"));
        }
        (path, key) => {
            target.option(&client("jwt_private_key"), path);
            target.option(&client("jwt_private_key_pkcs8_value"), key);
            target.option(&client("jwt_private_key_pkcs8_password"), phrase);
        }
    }
    target.option(&client("app_name"), Some("presscheck".to_owned()));
    // Decimals as decimals, and a timestamp that does not fit nanoseconds is an error and not another time.
    target.option(&client("use_high_precision"), Some("true".to_owned()));
    target.option(&client("max_timestamp_precision"), Some("nanoseconds_error_on_overflow".to_owned()));
    let seconds = fields.text("connect_timeout")?.filter(|seconds| seconds.parse::<u32>().is_ok());
    target.option(&client("login_timeout"), seconds.map(|seconds| format!("{seconds}s")));
    fields.harmless(&["client_session_keep_alive", "query_tag", "reuse_connections", "platform_detection_timeout_seconds"]);
    Ok(target)
}

fn bigquery(fields: &mut Fields<'_>, folder: &Path) -> Result<Target, Fault> {
    let mut target = target("bigquery", "bigquery", &["adbc_driver_bigquery", "bigquery"]);
    let name = |name: &str| format!("adbc.bigquery.sql.{name}");
    let project = fields.needed(&["project", "database"])?;
    let paying = fields.text("execution_project")?;
    target.option(&name("project_id"), Some(paying.unwrap_or(project)));
    target.option(&name("dataset_id"), Some(fields.needed(&["dataset", "schema"])?));
    target.option(&name("location"), fields.text("location")?);
    let method = fields.needed(&["method"])?;
    let mode = |mode: &str| Some(name(&format!("auth_type.{mode}")));
    let credentials = match method.as_str() {
        "oauth" => {
            target.option(&name("auth_type"), mode("app_default_credentials"));
            None
        }
        "service-account" => {
            target.option(&name("auth_type"), mode("json_credential_file"));
            Some(folder.join(fields.needed(&["keyfile"])?).to_string_lossy().into_owned())
        }
        "service-account-json" => {
            target.option(&name("auth_type"), mode("json_credential_string"));
            let key = fields.raw("keyfile_json").ok_or_else(|| unreachable("the bigquery profile has no `keyfile_json`"))?;
            let text = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
            let parts = key.as_object().into_iter().flat_map(|key| key.values()).filter_map(Value::as_str);
            fields.secrets.extend(parts.filter(|part| part.len() > 40).map(str::to_owned).chain([text.clone()]));
            Some(text)
        }
        "oauth-secrets" => {
            target.option(&name("auth_type"), mode("user_authentication"));
            for (key, option) in [("client_id", "client_id"), ("client_secret", "client_secret"), ("refresh_token", "refresh_token")] {
                let value = fields.secret(key)?;
                let missing = fields.wrong(key, "is needed with `method: oauth-secrets`; a `token` alone is not supported");
                target.option(&name(&format!("auth.{option}")), Some(value.ok_or(missing)?));
            }
            None
        }
        _ => return Err(fields.wrong("method", "is not supported by this version of presscheck")),
    };
    target.option(&name("auth_credentials"), credentials);
    target.option(&name("auth.quota_project"), fields.text("quota_project")?);
    target.option(&name("impersonate.target_principal"), fields.text("impersonate_service_account")?);
    if let Some(bytes) = fields.text("maximum_bytes_billed")? {
        let bytes = bytes.parse().map_err(|_| fields.wrong("maximum_bytes_billed", "is no whole number"))?;
        target.limits.push((name("query.max_bytes_billed"), bytes));
    }
    fields.harmless(&[
        "priority",
        "job_retries",
        "job_retry_deadline_seconds",
        "job_creation_timeout_seconds",
        "job_execution_timeout_seconds",
        "timeout_seconds",
        "token_uri",
        "scopes",
        "gcs_bucket",
        "dataproc_region",
        "dataproc_cluster_name",
        "dataproc_batch",
    ]);
    Ok(target)
}

fn databricks(fields: &mut Fields<'_>) -> Result<Target, Fault> {
    let mut target = target("databricks", "databricks", &["databricks", "adbc_driver_databricks"]);
    target.option("databricks.server_hostname", Some(fields.needed(&["host"])?));
    target.option("databricks.http_path", Some(fields.needed(&["http_path"])?));
    target.option("databricks.catalog", fields.either(&["catalog", "database"])?);
    target.option("databricks.schema", Some(fields.needed(&["schema"])?));
    target.option("databricks.access_token", fields.secret("token")?);
    target.option("databricks.oauth.client_id", fields.text("client_id")?);
    target.option("databricks.oauth.client_secret", fields.secret("client_secret")?);
    let method = fields.text("auth_type")?;
    if !target.options.iter().any(|(name, _)| name.ends_with("access_token") || name.ends_with("client_secret")) {
        let method = if method.is_some() { "auth_type" } else { "token" };
        return Err(fields.wrong(method, "is needed: presscheck logs in with `token`, or with `client_id` and `client_secret`"));
    }
    fields.harmless(&["connect_timeout", "connect_max_idle"]);
    Ok(target)
}

fn spark(fields: &mut Fields<'_>) -> Result<Target, Fault> {
    let mut target = target("spark", "spark", &["adbc_driver_spark"]);
    let mut settings = fields.mapping("server_side_parameters")?;
    let remote = settings.iter().position(|(name, _)| name == "spark.remote").map(|place| settings.remove(place).1);
    let method = fields.text("method")?;
    let connect = unreachable(
        "presscheck reaches Spark through Spark Connect: give the spark profile `method: session` and, under `server_side_parameters`, \
         `spark.remote: sc://HOST:15002` (in a target of its own where dbt uses another method)",
    );
    let Some(uri) = remote.filter(|uri| uri.starts_with("sc://") && method.as_deref() == Some("session")) else {
        return Err(connect);
    };
    fields.secrets.extend(uri.split(';').filter_map(|part| part.strip_prefix("token=")).map(str::to_owned));
    target.option("uri", Some(uri));
    // dbt writes the schema into every name, and asks for a host even where it uses none.
    fields.harmless(&["schema", "host", "connect_timeout", "poll_interval", "query_timeout"]);
    for (name, value) in &settings {
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c)) && !value.contains(['`', '\n', '\r']);
        if !plain {
            return Err(fields.wrong("server_side_parameters", "has a name or a value that cannot be written in a SET statement"));
        }
        target.greeting.push(format!("set `{name}` = `{value}`"));
    }
    Ok(target)
}

fn trino(fields: &mut Fields<'_>) -> Result<Target, Fault> {
    let mut target = target("trino", "trino", &["trino", "adbc_driver_trino"]);
    let method = fields.text("method")?;
    if !matches!(method.as_deref(), None | Some("none" | "ldap")) {
        return Err(fields.wrong("method", "is not supported by this version of presscheck: `none` and `ldap` are"));
    }
    let (host, port) = (fields.needed(&["host"])?, fields.text("port")?);
    let (catalog, schema) = (fields.needed(&["database", "catalog"])?, fields.needed(&["schema"])?);
    let scheme = fields.text("http_scheme")?;
    let secure = match (scheme.as_deref(), method.as_deref()) {
        (Some("https"), _) | (None, Some("ldap")) => true,
        (Some("http"), Some("ldap")) => return Err(fields.wrong("http_scheme", "would send the password in the clear")),
        (Some("http") | None, _) => false,
        (Some(_), _) => return Err(fields.wrong("http_scheme", "is neither `http` nor `https`")),
    };
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    let zone = fields.text("timezone")?.map_or_else(String::new, |zone| format!("&timezone={}", escaped(&zone)));
    let place = format!("{}/{}?SSL={secure}&source=presscheck{zone}", escaped(&catalog), escaped(&schema));
    target.option("uri", Some(format!("trino://{host}{port}/{place}")));
    target.option("username", Some(fields.needed(&["user"])?));
    target.option("password", fields.secret("password")?);
    fields.harmless(&["prepared_statements_enabled", "suppress_cert_warning"]);
    Ok(target)
}

fn redshift(fields: &mut Fields<'_>) -> Result<Target, Fault> {
    let mut target = target("redshift", "redshift", &["adbc_driver_postgresql", "postgresql"]);
    if !matches!(fields.text("method")?.as_deref(), None | Some("database")) {
        return Err(fields.wrong("method", "is not supported by this version of presscheck: `database` (user and password) is"));
    }
    let (host, port) = (fields.needed(&["host"])?, fields.text("port")?.unwrap_or_else(|| "5439".to_owned()));
    let (user, database) = (fields.needed(&["user", "username"])?, fields.needed(&["dbname", "database"])?);
    let secret = fields.secret("password")?.or(fields.secret("pass")?).unwrap_or_default();
    let mode = fields.text("sslmode")?.unwrap_or_else(|| "prefer".to_owned());
    let seconds = fields.text("connect_timeout")?.unwrap_or_else(|| "30".to_owned());
    fields.secrets.push(escaped(&secret));
    let (place, tail) = (format!("{}:{}", host, port), format!("sslmode={}&connect_timeout={}", escaped(&mode), escaped(&seconds)));
    let who = format!("{}:{}", escaped(&user), escaped(&secret));
    target.option("uri", Some(format!("postgresql://{who}@{place}/{}?{tail}&application_name=presscheck", escaped(&database))));
    let schema = fields.needed(&["schema"])?;
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    target.greeting.extend(fields.text("role")?.map(|role| format!("set role {}", quoted(&role))));
    target.greeting.push(format!("set search_path to {}", fields.text("search_path")?.unwrap_or_else(|| quoted(&schema))));
    fields.harmless(&[
        "keepalives_idle",
        "ra3_node",
        "autocommit",
        "tcp_keepalive",
        "tcp_keepalive_idle",
        "tcp_keepalive_interval",
        "tcp_keepalive_count",
        "datasharing",
    ]);
    Ok(target)
}

fn sqlite(fields: &mut Fields<'_>, folder: &Path) -> Result<Target, Fault> {
    let mut target = target("sqlite", "sqlite", &["adbc_driver_sqlite", "sqlite"]);
    // SQLite reads no extension here: one is a library, and a project must not bring one along.
    fields.harmless(&["database", "schema", "schema_directory", "extensions"]);
    for (schema, path) in fields.mapping("schemas_and_paths")? {
        let path = folder.join(path);
        if !path.is_file() {
            return Err(unreachable(format!(
                "there is no SQLite database at {}: run `dbt build`, or correct `schemas_and_paths`",
                path.display()
            )));
        }
        let uri = format!("file:{}?mode=ro", escaped_path(&path));
        if schema == "main" {
            target.option("uri", Some(uri));
        } else {
            target.greeting.push(format!("attach '{}' as \"{}\"", uri.replace('\'', "''"), schema.replace('"', "\"\"")));
        }
        target.files.push(path);
    }
    if target.options.is_empty() {
        return Err(unreachable("the sqlite profile names no file for `main` under `schemas_and_paths`"));
    }
    target.greeting.push("pragma query_only = on".to_owned());
    Ok(target)
}

fn flightsql(fields: &mut Fields<'_>) -> Result<Target, Fault> {
    let named = fields.needed(&["dialect"])?;
    let Some(dialect) = DIALECTS.into_iter().find(|dialect| *dialect == named) else {
        return Err(fields.wrong("dialect", &format!("is none of {}", DIALECTS.join(", "))));
    };
    let mut target = target(dialect, "flightsql", &["adbc_driver_flightsql", "flightsql"]);
    let uri = fields.needed(&["uri"])?;
    if !["grpc://", "grpc+tls://", "grpc+tcp://"].iter().any(|scheme| uri.starts_with(scheme)) || uri.contains('@') {
        return Err(fields.wrong("uri", "does not begin with grpc:// or grpc+tls://, or holds a password"));
    }
    target.option("uri", Some(uri));
    target.option("username", fields.either(&["user", "username"])?);
    target.option("password", fields.secret("password")?);
    let token = fields.secret("token")?.map(|token| format!("Bearer {token}"));
    target.option("adbc.flight.sql.authorization_header", token);
    fields.harmless(&["database", "schema"]);
    Ok(target)
}

/// A part of a URI.
fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn escaped_path(path: &Path) -> String {
    path.to_string_lossy().split('/').map(escaped).collect::<Vec<_>>().join("/")
}
