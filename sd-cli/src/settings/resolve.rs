//! Resolves the settings: flag over environment over file over default.
//!
//! [`resolve`] is a pure function of those sources. Two rules protect credentials: user and password
//! in the file are sent only to the address in the same table, and the default password is sent only
//! to this machine.

use clap::ValueEnum;
use sd_client::Client;
use url::Url;

use super::environment::Environment;
use super::file::{ConfigFile, Server};
use super::password::{Password, PasswordSource};
use crate::args::GlobalArgs;
use crate::error::CliError;
use crate::output::Format;

const DEFAULT_URL: &str = "http://127.0.0.1:8080";
const DEFAULT_USER: &str = "admin";

/// The resolved settings.
#[derive(Debug)]
pub(crate) struct Settings {
    url: String,
    user: String,
    password: PasswordSource,
    /// Format of the data on stdout.
    pub(crate) format: Format,
}

impl Settings {
    /// A client with these settings, and a warning for the user. Sends nothing yet.
    pub(crate) fn connect(self) -> Result<(Client, Option<String>), CliError> {
        let client = Client::new(&self.url).map_err(CliError::Call)?;
        if matches!(self.password, PasswordSource::Default) && !client.is_loopback() {
            return Err(CliError::NoPassword { url: self.url });
        }
        let Password { text, warning } = self.password.read()?;
        Ok((client.with_credentials(self.user, text), warning))
    }
}

/// The settings of this run, and a warning for the user.
pub(crate) fn load(flags: &GlobalArgs) -> Result<(Settings, Option<String>), CliError> {
    let environment = Environment::read()?;
    let (file, warning) = ConfigFile::read()?;
    Ok((resolve(flags, &environment, &file)?, warning))
}

/// The settings of one source.
#[derive(Default)]
struct Layer {
    url: Option<String>,
    user: Option<String>,
    password: Option<PasswordSource>,
    /// The only address that user and password may be sent to. `None` for flags and environment, which
    /// are given for this run.
    origin: Option<String>,
}

impl Layer {
    fn from_flags(flags: &GlobalArgs) -> Self {
        Self {
            url: flags.url.clone(),
            user: flags.user.clone(),
            password: flags.password_file.clone().map(PasswordSource::File),
            origin: None,
        }
    }

    fn from_environment(environment: &Environment) -> Self {
        Self {
            url: environment.url.clone(),
            user: environment.user.clone(),
            password: environment
                .password
                .clone()
                .map(PasswordSource::Text)
                .or_else(|| environment.password_file.clone().map(PasswordSource::File)),
            origin: None,
        }
    }

    fn from_server(server: &Server) -> Self {
        Self {
            url: server.url.clone(),
            user: server.user.clone(),
            password: server.password(),
            origin: Some(server.url.clone().unwrap_or_else(|| DEFAULT_URL.to_owned())),
        }
    }

    fn may_be_sent_to(&self, url: &str) -> bool {
        self.origin
            .as_deref()
            .is_none_or(|origin| is_same_origin(origin, url))
    }
}

fn resolve(flags: &GlobalArgs, environment: &Environment, file: &ConfigFile) -> Result<Settings, CliError> {
    let named = |name: &Option<String>| name.as_deref().map(|name| file.server(name)).transpose();
    // A server selected by the flag replaces that of the environment, which then need not exist.
    let from_environment = if flags.server.is_some() {
        &None
    } else {
        &environment.server
    };
    let layers: Vec<Layer> = [
        Some(Layer::from_flags(flags)),
        named(&flags.server)?.map(Layer::from_server),
        Some(Layer::from_environment(environment)),
        named(from_environment)?.map(Layer::from_server),
        Some(Layer::from_server(file.default_server())),
    ]
    .into_iter()
    .flatten()
    .collect();

    let url = layers
        .iter()
        .find_map(|layer| layer.url.clone())
        .unwrap_or_else(|| DEFAULT_URL.to_owned());
    let allowed = || layers.iter().filter(|layer| layer.may_be_sent_to(&url));
    Ok(Settings {
        user: allowed()
            .find_map(|layer| layer.user.clone())
            .unwrap_or_else(|| DEFAULT_USER.to_owned()),
        password: allowed()
            .find_map(|layer| layer.password.clone())
            .unwrap_or(PasswordSource::Default),
        format: format(flags, environment, file)?,
        url,
    })
}

fn format(flags: &GlobalArgs, environment: &Environment, file: &ConfigFile) -> Result<Format, CliError> {
    if flags.json {
        return Ok(Format::Json);
    }
    if let Some(format) = flags.format {
        return Ok(format);
    }
    match &environment.format {
        Some(text) => Format::from_str(text, false)
            .map_err(|_| CliError::Usage(format!("invalid SD_FORMAT {text:?}; use table, json or jsonl"))),
        None => Ok(file.format.unwrap_or_default()),
    }
}

/// Whether two addresses have the same scheme, host and port, and therefore the same recipient.
fn is_same_origin(one: &str, other: &str) -> bool {
    match (Url::parse(one), Url::parse(other)) {
        (Ok(one), Ok(other)) => one.origin() == other.origin(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
