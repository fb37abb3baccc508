//! Posts JSON to an address that is a secret: with TLS (or to this machine), without redirects. Webhooks are signed as Standard Webhooks says.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use ureq::tls::{RootCerts, TlsConfig};

use super::Try;

/// Posts a body that a receiver can verify by the secret and tell from others by the key. Without a secret it is not signed.
pub(super) fn webhook(address: &str, secret: Option<&str>, key: &str, at: Timestamp, body: &str, limit: Duration) -> Try {
    let seconds = at.as_second().to_string();
    let mut headers = vec![("webhook-id", key.to_owned()), ("webhook-timestamp", seconds.clone())];
    match secret.map(|secret| signature(secret, &format!("{key}.{seconds}.{body}"))).transpose() {
        Ok(signature) => headers.extend(signature.map(|signature| ("webhook-signature", signature))),
        Err(why) => return Try::Refused(why),
    }
    post(address, body, &headers, limit)
}

/// `v1,` and the HMAC-SHA256 in base64.
fn signature(secret: &str, signed: &str) -> Result<String, String> {
    let wrong = || "the secret is not as Standard Webhooks writes it: `whsec_` and base64".to_owned();
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).map_err(|_| wrong())?;
    if key.len() < 16 {
        return Err("the secret is shorter than 16 bytes".to_owned());
    }
    let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(&key).map_err(|_| wrong())?;
    mac.update(signed.as_bytes());
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

pub(super) fn post(address: &str, body: &str, headers: &[(&str, String)], limit: Duration) -> Try {
    if !is_safe(address) {
        return Try::Refused("its address is no https:// address".to_owned());
    }
    let config = ureq::Agent::config_builder()
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_global(Some(limit))
        .user_agent(concat!("presscheck/", env!("CARGO_PKG_VERSION")))
        .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
        .build();
    let mut request = config.new_agent().post(address).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    match request.send(body) {
        Ok(answer) => answered(answer.status().as_u16(), answer.headers().get("retry-after").and_then(|value| value.to_str().ok())),
        Err(error) => fault(&error),
    }
}

/// HTTPS, or HTTP that does not leave this machine.
fn is_safe(address: &str) -> bool {
    let host = |rest: &str| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        host.strip_prefix('[')
            .map_or_else(|| host.split(':').next().unwrap_or_default(), |v6| v6.split(']').next().unwrap_or_default())
            .to_owned()
    };
    match address.split_once("://") {
        Some(("https", rest)) => !rest.is_empty(),
        Some(("http", rest)) => ["127.0.0.1", "localhost", "::1"].contains(&host(rest).as_str()),
        Some(_) | None => false,
    }
}

fn answered(status: u16, retry_after: Option<&str>) -> Try {
    let wait = retry_after.and_then(|text| text.trim().parse::<u64>().ok()).map(Duration::from_secs);
    match status {
        200..=299 => Try::Taken,
        300..=399 => Try::Refused(format!("it answered {status}, a redirect, which is not followed")),
        408 | 425 | 429 | 500 | 502 | 503 | 504 => Try::Again(format!("it answered {status}"), wait),
        _ => Try::Refused(format!("it answered {status}")),
    }
}

/// The error itself may hold the address, so only its sort is said.
fn fault(error: &ureq::Error) -> Try {
    let again = |why: &str| Try::Again(why.to_owned(), None);
    match error {
        ureq::Error::Timeout(_) => again("it did not answer in time"),
        ureq::Error::HostNotFound => again("its host was not found"),
        ureq::Error::ConnectionFailed | ureq::Error::Io(_) => again("the connection failed"),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => Try::Refused("its address is not one".to_owned()),
        ureq::Error::Protocol(_) => Try::Refused("what it answered is not HTTP".to_owned()),
        _ => Try::Refused("the connection could not be secured, or was refused".to_owned()),
    }
}
