//! All settings as they are written, by concern.

use clap::Args;
use serde::Serialize;

use super::layers::{File, GivenKeys};
use super::limits::ImageRuleOptions;
use super::{
    ActivityOptions, CheckInOptions, EngineOptions, LimitOptions, LogOptions, ServerOptions, SettingsError,
    StateOptions, TlsOptions, WebhookOptions,
};

/// All settings as they are written. `check-config` prints them as a settings file.
#[derive(Clone, Debug, Args, Serialize)]
pub struct Options {
    /// The listener of the API, and its clients.
    #[command(flatten)]
    #[serde(flatten)]
    pub server: ServerOptions,
    /// TLS for the API.
    #[command(flatten)]
    #[serde(flatten)]
    pub tls: TlsOptions,
    /// Where the registry is.
    #[command(flatten)]
    #[serde(flatten)]
    pub state: StateOptions,
    /// Properties of new containers.
    #[command(flatten)]
    #[serde(flatten)]
    pub engine: EngineOptions,
    /// Limits of containers.
    #[command(flatten)]
    #[serde(flatten)]
    pub limits: LimitOptions,
    /// Signals that count as activity.
    #[command(flatten)]
    #[serde(flatten)]
    pub activity: ActivityOptions,
    /// The listener for check-ins.
    #[command(flatten)]
    #[serde(flatten)]
    pub check_in: CheckInOptions,
    /// The receiver of events.
    #[command(flatten)]
    #[serde(flatten)]
    pub webhook: WebhookOptions,
    /// The log.
    #[command(flatten)]
    #[serde(flatten)]
    pub log: LogOptions,
    /// Limits for the containers of certain images. Only the file can contain these tables, at its end.
    #[arg(skip)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub image_rules: Vec<ImageRuleOptions>,
}

impl Options {
    /// Replaces defaults with the values in the file.
    pub(super) fn overlay(&mut self, mut file: File, given: &GivenKeys) -> Result<(), SettingsError> {
        file.overlay(&mut self.server, given)?;
        file.overlay(&mut self.tls, given)?;
        file.overlay(&mut self.state, given)?;
        file.overlay(&mut self.engine, given)?;
        file.overlay(&mut self.limits, given)?;
        file.overlay(&mut self.activity, given)?;
        file.overlay(&mut self.check_in, given)?;
        file.overlay(&mut self.webhook, given)?;
        file.overlay(&mut self.log, given)?;
        self.image_rules = file.take_tables("image_rules")?.unwrap_or_default();
        file.finish()
    }
}
