//! TLS for the API: a certificate chain and its private key.

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The server side of TLS with one certificate. Cheap to clone.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tls")
    }
}

/// Why a certificate and a key cannot be used: the file at fault, and the reason.
#[derive(Debug, PartialEq, Eq)]
pub enum InvalidPem {
    /// The certificate chain.
    Certificate(String),
    /// The private key.
    Key(String),
}

impl Tls {
    /// Reads a certificate chain, the server's certificate first, and its private key, both in PEM.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, InvalidPem> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.map_err(|error| InvalidPem::Certificate(format!("is not PEM ({error})")))?;
        if chain.is_empty() {
            return Err(InvalidPem::Certificate("contains no certificate".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| InvalidPem::Key(format!("contains no private key in PEM ({error})")))?;
        let invalid =
            |error: rustls::Error| InvalidPem::Key(format!("cannot be used with the certificate ({error})"));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(invalid)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(invalid)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Does the handshake with a client. The caller limits its duration.
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
    fn error_names_the_file_at_fault() {
        let key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let certificate = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let rejected = |certificate: &[u8], key: &[u8]| Tls::from_pem(certificate, key).unwrap_err();
        assert!(matches!(rejected(b"", key), InvalidPem::Certificate(_)));
        assert!(matches!(rejected(key, key), InvalidPem::Certificate(_)));
        assert!(matches!(rejected(certificate, b""), InvalidPem::Key(_)));
        assert!(matches!(rejected(certificate, certificate), InvalidPem::Key(_)));
        assert!(matches!(rejected(certificate, key), InvalidPem::Key(_)));
    }
}
