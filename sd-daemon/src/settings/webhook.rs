//! The receiver of events.

use std::path::PathBuf;

use clap::Args;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use url::Url;

use super::SettingsError;
use super::secret_file::read_secret;
use crate::webhook::{Receiver, SigningKey};

const URL: &str = "webhook_url";
const SECRET: &str = "webhook_secret_file";

/// The receiver of events.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Webhook")]
pub struct WebhookOptions {
    /// Send the events of containers to this address.
    #[arg(long, global = true, env = "SD_DAEMON_WEBHOOK_URL", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,

    /// Sign webhook requests with the secret in this file.
    ///
    /// Only its owner may be able to read the file.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_WEBHOOK_SECRET_FILE",
        value_name = "FILE"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_secret_file: Option<PathBuf>,
}

impl WebhookOptions {
    /// Checks the address and reads the secret. Returns `None` if no address is set.
    pub(super) fn load(&self) -> Result<Option<Receiver>, SettingsError> {
        let key = self.signing_key()?;
        match (&self.webhook_url, key) {
            (Some(text), key) => Ok(Some(Receiver {
                url: parse_url(text)?,
                key,
            })),
            (None, Some(_)) => Err(SettingsError::invalid(
                SECRET,
                "has no effect without webhook_url",
            )),
            (None, None) => Ok(None),
        }
    }

    fn signing_key(&self) -> Result<Option<SigningKey>, SettingsError> {
        let Some(path) = &self.webhook_secret_file else {
            return Ok(None);
        };
        let secret = read_secret(SECRET, path)?;
        SigningKey::parse(secret.expose_secret())
            .map(Some)
            .map_err(|error| SettingsError::invalid(SECRET, format!("{}: {error}", path.display())))
    }
}

fn parse_url(text: &str) -> Result<Url, SettingsError> {
    let is_supported = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    let Some(url) = Url::parse(text).ok().filter(is_supported) else {
        let reason = format!(
            "invalid value {text:?}: must be an http:// or https:// URL, such as https://example.org/hook"
        );
        return Err(SettingsError::invalid(URL, reason));
    };
    if !url.username().is_empty() || url.password().is_some() {
        // The log and check-config show the address.
        let reason = "must not contain a name or password; sign requests with webhook_secret_file instead";
        return Err(SettingsError::invalid(URL, reason));
    }
    Ok(url)
}
