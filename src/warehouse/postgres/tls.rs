//! TLS for PostgreSQL, in libpq's meaning of `sslmode`. Not for anything else that might want TLS.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::profile::{Tls, TlsMode};
use crate::check::outcome::Fault;
use crate::warehouse::unreachable;

/// How strictly the server's certificate is looked at.
#[derive(Debug)]
enum Trust {
    /// Encrypted, whoever answers: `prefer`, and `require` without a root certificate.
    Anyone(Arc<CryptoProvider>),
    /// Signed by a trusted authority, for whatever host.
    Signed(Arc<dyn ServerCertVerifier>),
    /// Signed, and for this host.
    SignedForHost(Arc<dyn ServerCertVerifier>),
}

/// A connector for connections and for requests to cancel.
pub(super) fn connector(tls: &Tls) -> Result<MakeRustlsConnect, Fault> {
    let provider = Arc::new(ring::default_provider());
    let wrong = |error: &dyn std::fmt::Display| unreachable(format!("TLS for PostgreSQL cannot be set up: {error}"));
    let trust = match (tls.mode, &tls.root) {
        (TlsMode::Disable | TlsMode::Prefer, _) | (TlsMode::Require, None) => Trust::Anyone(Arc::clone(&provider)),
        // As libpq: a root certificate makes `require` as strict as `verify-ca`.
        (TlsMode::Require | TlsMode::VerifyCa, root) => Trust::Signed(verifier(root.as_deref(), &provider)?),
        (TlsMode::VerifyFull, root) => Trust::SignedForHost(verifier(root.as_deref(), &provider)?),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(trust));
    let config = match &tls.own {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let key_of = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
            config.with_client_auth_cert(certificates(certificate)?, key_of).map_err(|error| wrong(&error))?
        }
    };
    Ok(MakeRustlsConnect::new(config))
}

/// By the given authorities, or by those that the machine trusts.
fn verifier(root: Option<&Path>, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, Fault> {
    let wrong =
        |error: &dyn std::fmt::Display| unreachable(format!("the certificates that PostgreSQL's is checked by cannot be used: {error}"));
    let Some(root) = root else {
        return Ok(Arc::new(Verifier::new(Arc::clone(provider)).map_err(|error| wrong(&error))?));
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(root)? {
        roots.add(certificate).map_err(|error| wrong(&error))?;
    }
    let built = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    Ok(built.map_err(|error| wrong(&error))?)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let all =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(|error| unreadable(path, &error))?;
    if all.is_empty() { Err(unreachable(format!("{} holds no certificate", path.display()))) } else { Ok(all) }
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Fault {
    unreachable(format!("{} of the PostgreSQL profile cannot be read: {error}", path.display()))
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let elsewhere = |error: &Error| {
            matches!(error, Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }))
        };
        match self {
            Trust::Anyone(_) => Ok(ServerCertVerified::assertion()),
            Trust::Signed(by) => match by.verify_server_cert(end, chain, host, ocsp, now) {
                Err(error) if elsewhere(&error) => Ok(ServerCertVerified::assertion()),
                verified => verified,
            },
            Trust::SignedForHost(by) => by.verify_server_cert(end, chain, host, ocsp, now),
        }
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self {
            Trust::Anyone(provider) => {
                rustls::crypto::verify_tls12_signature(message, certificate, signed, &provider.signature_verification_algorithms)
            }
            Trust::Signed(by) | Trust::SignedForHost(by) => by.verify_tls12_signature(message, certificate, signed),
        }
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self {
            Trust::Anyone(provider) => {
                rustls::crypto::verify_tls13_signature(message, certificate, signed, &provider.signature_verification_algorithms)
            }
            Trust::Signed(by) | Trust::SignedForHost(by) => by.verify_tls13_signature(message, certificate, signed),
        }
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        match self {
            Trust::Anyone(provider) => provider.signature_verification_algorithms.supported_schemes(),
            Trust::Signed(by) | Trust::SignedForHost(by) => by.supported_verify_schemes(),
        }
    }
}
