//! TLS for the API: a certificate and its key.

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What this machine shows of itself, and proves with its key. Cheap to clone.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tls")
    }
}

/// What is wrong with one of the two files.
#[derive(Debug, PartialEq, Eq)]
pub enum Unusable {
    /// The certificate.
    Certificate(String),
    /// The key.
    Key(String),
}

impl Tls {
    /// Reads a certificate, with those between it and its authority, and its key; both as PEM.
    pub fn read(certificates: &[u8], key: &[u8]) -> Result<Self, Unusable> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.map_err(|error| Unusable::Certificate(format!("is not PEM ({error})")))?;
        if chain.is_empty() {
            return Err(Unusable::Certificate("contains no certificate".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| Unusable::Key(format!("contains no private key as PEM ({error})")))?;
        let unusable =
            |error: rustls::Error| Unusable::Key(format!("cannot be used with the certificate ({error})"));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Agrees with a client on keys. For how long to wait for it is the caller's affair.
    pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> std::io::Result<TlsStream<S>> {
        self.0.accept(stream).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_and_what_is_no_key_is_told_apart() {
        let key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let certificate = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let refused = |certificate: &[u8], key: &[u8]| Tls::read(certificate, key).unwrap_err();
        assert!(matches!(refused(b"", key), Unusable::Certificate(_)));
        assert!(matches!(refused(key, key), Unusable::Certificate(_)));
        assert!(matches!(refused(certificate, b""), Unusable::Key(_)));
        assert!(matches!(refused(certificate, certificate), Unusable::Key(_)));
        assert!(matches!(refused(certificate, key), Unusable::Key(_)));
    }
}
