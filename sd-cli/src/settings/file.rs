//! The optional `config.toml` in the config directory of the user. Unknown keys are errors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use directories::ProjectDirs;
use secrecy::SecretString;
use serde::Deserialize;

use super::password::{PasswordSource, deserialize_secret, exposure_warning};
use crate::error::CliError;
use crate::output::Format;

const NAME: &str = "config.toml";

/// The content of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "Layout")]
pub(super) struct ConfigFile {
    default_server: Server,
    servers: BTreeMap<String, Server>,
    pub(super) format: Option<Format>,
}

/// One daemon in the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    pub(super) url: Option<String>,
    pub(super) user: Option<String>,
    #[serde(default, deserialize_with = "deserialize_secret")]
    password: Option<SecretString>,
    password_file: Option<PathBuf>,
}

/// The layout of the file: the keys of the default server, then the named servers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Layout {
    url: Option<String>,
    user: Option<String>,
    #[serde(default, deserialize_with = "deserialize_secret")]
    password: Option<SecretString>,
    password_file: Option<PathBuf>,
    format: Option<Format>,
    #[serde(default)]
    servers: BTreeMap<String, Server>,
}

impl TryFrom<Layout> for ConfigFile {
    type Error = String;

    fn try_from(layout: Layout) -> Result<Self, String> {
        let default_server = Server {
            url: layout.url,
            user: layout.user,
            password: layout.password,
            password_file: layout.password_file,
        };
        default_server.check("the file")?;
        for (name, server) in &layout.servers {
            server.check(&format!("servers.{name}"))?;
            if server.url.is_none() {
                return Err(format!("servers.{name} has no url"));
            }
        }
        Ok(Self {
            default_server,
            servers: layout.servers,
            format: layout.format,
        })
    }
}

impl Server {
    /// The password of this server. Returns `None` if the file sets none.
    pub(super) fn password(&self) -> Option<PasswordSource> {
        let text = self.password.clone().map(PasswordSource::Text);
        text.or_else(|| self.password_file.clone().map(PasswordSource::File))
    }

    fn check(&self, place: &str) -> Result<(), String> {
        match (&self.password, &self.password_file) {
            (Some(_), Some(_)) => Err(format!("{place} has both password and password_file")),
            _ => Ok(()),
        }
    }
}

impl ConfigFile {
    /// Reads the file of the user, and returns a warning if other users can read its passwords. A
    /// missing file is the same as an empty one.
    pub(super) fn read() -> Result<(Self, Option<String>), CliError> {
        match ProjectDirs::from("", "", "spin-docker") {
            Some(directories) => Self::read_from(&directories.config_dir().join(NAME)),
            // No home directory, for example in a container without users.
            None => Ok((Self::default(), None)),
        }
    }

    pub(super) fn read_from(path: &Path) -> Result<(Self, Option<String>), CliError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if is_absent(&error) => return Ok((Self::default(), None)),
            Err(error) => {
                return Err(CliError::Usage(format!(
                    "failed to read {}: {error}",
                    path.display()
                )));
            }
        };
        let mut file = Self::parse(&text)
            .map_err(|reason| CliError::Usage(format!("failed to read {}: {reason}", path.display())))?;
        for server in file.servers_mut() {
            server.password_file = server.password_file.take().map(|given| beside(path, &given));
        }
        let holds_password = file.servers_mut().any(|server| server.password.is_some());
        let metadata = fs::metadata(path).ok().filter(|_| holds_password);
        let warning = metadata.and_then(|metadata| exposure_warning(path, &metadata));
        Ok((file, warning))
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let line = error
                .span()
                .and_then(|span| text.get(..span.start))
                .map(|before| before.matches('\n').count() + 1);
            match line {
                // An error of the whole file points to its first line, which is misleading.
                Some(line) if line > 1 || error.message().starts_with("unknown field") => {
                    format!("line {line}: {}", error.message())
                }
                _ => error.message().to_owned(),
            }
        })
    }

    /// The server that is used if no server is selected.
    pub(super) fn default_server(&self) -> &Server {
        &self.default_server
    }

    /// The server with this name.
    pub(super) fn server(&self, name: &str) -> Result<&Server, CliError> {
        self.servers.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.servers.keys().map(String::as_str).collect();
            let known = if known.is_empty() {
                "it defines no servers".to_owned()
            } else {
                format!("it defines {}", known.join(", "))
            };
            CliError::Usage(format!("no server {name:?} in {NAME}; {known}"))
        })
    }

    fn servers_mut(&mut self) -> impl Iterator<Item = &mut Server> {
        std::iter::once(&mut self.default_server).chain(self.servers.values_mut())
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Resolves a path in the config file, which is relative to the directory of that file.
fn beside(file: &Path, path: &Path) -> PathBuf {
    file.parent()
        .map_or_else(|| path.to_owned(), |folder| folder.join(path))
}
