//! TLS for the API.

use std::path::PathBuf;

use clap::Args;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::SettingsError;
use super::secret_file::read_secret;
use crate::tls::{self, Tls};

const CERTIFICATE: &str = "tls_cert";
const KEY: &str = "tls_key";

/// TLS for the API.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[command(next_help_heading = "API")]
pub struct TlsOptions {
    /// Serve the API over TLS with the certificate chain in this PEM file.
    #[arg(long, global = true, env = "SD_DAEMON_TLS_CERT", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,

    /// Read the private key of the certificate from this PEM file.
    ///
    /// Only its owner may be able to read the file.
    #[arg(long, global = true, env = "SD_DAEMON_TLS_KEY", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
}

impl TlsOptions {
    /// Reads certificate and key. Returns `None` if neither is set.
    pub(super) fn load(&self) -> Result<Option<Tls>, SettingsError> {
        let missing =
            |key: &str, other: &str| SettingsError::invalid(key, format!("is required if {other} is set"));
        let (certificate, key) = match (&self.tls_cert, &self.tls_key) {
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(missing(KEY, CERTIFICATE)),
            (None, Some(_)) => return Err(missing(CERTIFICATE, KEY)),
            (Some(certificate), Some(key)) => (certificate, key),
        };
        let chain = std::fs::read(certificate)
            .map_err(|source| SettingsError::unreadable(CERTIFICATE, certificate, source))?;
        let secret = read_secret(KEY, key)?;
        let loaded = Tls::from_pem(&chain, secret.expose_secret().as_bytes()).map_err(|invalid| {
            let (setting, path, reason) = match invalid {
                tls::InvalidPem::Certificate(reason) => (CERTIFICATE, certificate, reason),
                tls::InvalidPem::Key(reason) => (KEY, key, reason),
            };
            SettingsError::invalid(setting, format!("{} {reason}", path.display()))
        })?;
        Ok(Some(loaded))
    }
}
