//! Which daemon, which user, which format: flag over environment over file over default.
//!
//! [`resolve`] decides, and is a function of what was said where. Reading the environment, the file
//! and the password happens around it. Two rules keep credentials where they belong: those in the
//! file are only sent to the address beside them, and the default password never leaves this machine.

use clap::ValueEnum;
use sd_client::Client;
use url::Url;

use super::environment::Environment;
use super::file::{ConfigFile, Server};
use super::password::{Password, Source};
use crate::args::GlobalArgs;
use crate::error::CliError;
use crate::output::Format;

const DEFAULT_URL: &str = "http://127.0.0.1:8080";
const DEFAULT_USER: &str = "admin";

/// What was decided.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    url: String,
    user: String,
    password: Source,
    /// How data is written.
    pub(crate) format: Format,
}

impl Settings {
    /// A client with these settings, and what there is to warn of. Nothing is sent yet.
    pub(crate) fn connect(self) -> Result<(Client, Option<String>), CliError> {
        let client = Client::new(&self.url).map_err(CliError::Call)?;
        if self.password == Source::Default && !client.is_loopback() {
            return Err(CliError::NoPassword { url: self.url });
        }
        let Password { text, warning } = self.password.read()?;
        Ok((client.with_credentials(self.user, text), warning))
    }
}

/// The settings of this run, and what there is to warn of.
pub(crate) fn load(flags: &GlobalArgs) -> Result<(Settings, Option<String>), CliError> {
    let environment = Environment::read()?;
    let (file, warning) = ConfigFile::read()?;
    Ok((resolve(flags, &environment, &file)?, warning))
}

/// One place that may say something about the daemon; an earlier one wins over a later one.
#[derive(Default)]
struct Layer {
    url: Option<String>,
    user: Option<String>,
    password: Option<Source>,
    /// The only address that user and password may be sent to; any, when they were given for this run.
    only_for: Option<String>,
}

impl Layer {
    fn of_flags(flags: &GlobalArgs) -> Self {
        Self {
            url: flags.url.clone(),
            user: flags.user.clone(),
            password: flags.password_file.clone().map(Source::File),
            only_for: None,
        }
    }

    fn of_environment(environment: &Environment) -> Self {
        Self {
            url: environment.url.clone(),
            user: environment.user.clone(),
            password: environment
                .password
                .clone()
                .map(Source::Text)
                .or_else(|| environment.password_file.clone().map(Source::File)),
            only_for: None,
        }
    }

    fn of_server(server: &Server) -> Self {
        Self {
            url: server.url.clone(),
            user: server.user.clone(),
            password: server.password(),
            only_for: Some(server.url.clone().unwrap_or_else(|| DEFAULT_URL.to_owned())),
        }
    }

    fn may_speak_to(&self, url: &str) -> bool {
        self.only_for
            .as_deref()
            .is_none_or(|only| is_same_origin(only, url))
    }
}

fn resolve(flags: &GlobalArgs, environment: &Environment, file: &ConfigFile) -> Result<Settings, CliError> {
    let named = |name: &Option<String>| name.as_deref().map(|name| file.server(name)).transpose();
    // A server named by the flag replaces the one named by the environment, which then need not exist.
    let from_environment = if flags.server.is_some() {
        &None
    } else {
        &environment.server
    };
    let layers: Vec<Layer> = [
        Some(Layer::of_flags(flags)),
        named(&flags.server)?.map(Layer::of_server),
        Some(Layer::of_environment(environment)),
        named(from_environment)?.map(Layer::of_server),
        Some(Layer::of_server(file.default_server())),
    ]
    .into_iter()
    .flatten()
    .collect();

    let url = layers
        .iter()
        .find_map(|layer| layer.url.clone())
        .unwrap_or_else(|| DEFAULT_URL.to_owned());
    let speaking = || layers.iter().filter(|layer| layer.may_speak_to(&url));
    Ok(Settings {
        user: speaking()
            .find_map(|layer| layer.user.clone())
            .unwrap_or_else(|| DEFAULT_USER.to_owned()),
        password: speaking()
            .find_map(|layer| layer.password.clone())
            .unwrap_or(Source::Default),
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
            .map_err(|_| CliError::Usage(format!("SD_FORMAT is {text:?}, and may be table, json or jsonl"))),
        None => Ok(file.format.unwrap_or_default()),
    }
}

/// Scheme, host and port decide who receives a password; the rest of an address does not.
fn is_same_origin(one: &str, other: &str) -> bool {
    match (Url::parse(one), Url::parse(other)) {
        (Ok(one), Ok(other)) => one.origin() == other.origin(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
