//! The settings, complete and checked.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use super::{Options, SettingsError};
use crate::domain::Policy;
use crate::engine::EngineHost;
use crate::password::Password;
use crate::service::Signals;
use crate::tls::Tls;
use crate::webhook::Receiver;

/// The settings, complete and checked, with the contents of the files that they name.
///
/// A setting that is used as it is written is read from `options`. The other fields are made of several settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The settings as they are written, with defaults filled in.
    pub options: Options,
    /// Directory of the registry.
    pub state_dir: PathBuf,
    /// Password of the API.
    pub password: Password,
    /// Certificate and key of the API, if it is served over TLS.
    pub tls: Option<Tls>,
    /// Address on which container ports are published.
    pub publish_address: IpAddr,
    /// When containers are stopped and removed.
    pub policy: Policy,
    /// Signals that count as activity.
    pub signals: Signals,
    /// The receiver of events, if there is one.
    pub webhook: Option<Receiver>,
    /// Address of the Docker engine.
    pub docker_host: EngineHost,
}

impl Settings {
    pub(super) fn new(mut options: Options, docker_host: Option<&str>) -> Result<Self, SettingsError> {
        let tls = options.tls.load()?;
        let password = options.server.password(tls.is_some())?;
        options.activity.resolve(&options.limits, &options.image_rules)?;
        let listen = options.server.listen.ip();
        Ok(Self {
            state_dir: options.state.resolve()?,
            password,
            tls,
            publish_address: *options.engine.publish_address.get_or_insert(listen),
            policy: options.limits.policy(&options.image_rules),
            signals: options.activity.signals(),
            webhook: options.webhook.load()?,
            docker_host: EngineHost::from_variable(docker_host)
                .map_err(|reason| SettingsError::invalid("DOCKER_HOST", reason))?,
            options,
        })
    }

    /// The settings of a file with this text, with defaults for the rest.
    #[cfg(feature = "test-support")]
    pub(crate) fn from_text(text: &str) -> Result<Self, SettingsError> {
        let cli =
            super::Cli::try_read_from(["sd-daemon"]).expect("every option has a default or may be absent");
        let file = super::layers::File::parse(text, std::path::Path::new(super::layers::DEFAULT_FILE))?;
        cli.settings_of(file)
    }
}

/// Prints a settings file. Secrets are masked.
impl fmt::Display for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "# DOCKER_HOST: {}", self.docker_host)?;
        writeln!(formatter, "# password: {:?}", self.password)?;
        if let Some(key) = self.webhook.as_ref().and_then(|webhook| webhook.key.as_ref()) {
            writeln!(formatter, "# webhook secret: {key:?}")?;
        }
        match toml::to_string(&self.options) {
            Ok(text) => formatter.write_str(&text),
            // A path that is not UTF-8 cannot stand in a settings file.
            Err(error) => writeln!(formatter, "# failed to print the settings: {error}"),
        }
    }
}
