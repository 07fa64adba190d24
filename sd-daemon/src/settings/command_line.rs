//! The command line of `sd-daemon`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::layers::{File, GivenKeys};
use super::{Options, Settings, SettingsError};

/// Run containers on demand and stop them when they are idle.
///
/// Serves the REST API that `sd` uses, on top of a Docker engine. Containers without activity are stopped after
/// their idle timeout. They keep their files and can be started again.
#[derive(Debug, Parser)]
#[command(name = "sd-daemon", version, after_help = AFTER_HELP)]
pub struct Cli {
    /// The subcommand; serves if there is none.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Read settings from this file [default: /etc/spin-docker/sd-daemon.toml, if it exists].
    ///
    /// Every long option below is a key in it, with underscores.
    #[arg(long, global = true, env = "SD_DAEMON_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    options: Options,

    #[arg(skip)]
    given: GivenKeys,
}

const AFTER_HELP: &str = "\
Options take precedence over SD_DAEMON_* variables, those over the file, the file over defaults.
DOCKER_HOST selects the Docker engine. RUST_LOG sets the level of the log (default: info).

Exit status: 0 stopped by a signal, 1 failed, 2 invalid settings.";

/// The subcommand; serves if there is none.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Print the effective settings as a settings file, without secrets.
    CheckConfig,
    /// Recover a damaged registry, or restore a copy of it, while the daemon is stopped.
    ///
    /// Lists the readable content, and the containers in Docker that it lacks. With --yes the readable content
    /// replaces the registry; the old file is renamed, never deleted.
    Recover(RecoverArgs),

    /// Read a password and print its hash for the password file.
    ///
    /// Prompts on a terminal; otherwise reads the first line of standard input.
    HashPassword,
}

/// The source and the mode of the recovery.
#[derive(Clone, Debug, Args)]
pub struct RecoverArgs {
    /// Read this file, such as a backup, instead of the registry in the state directory.
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,

    /// Replace the registry. Without this nothing is changed.
    #[arg(long)]
    pub yes: bool,
}

impl Cli {
    /// Parses arguments, of which the first is the program's name, and the environment.
    pub fn try_read_from<A>(arguments: impl IntoIterator<Item = A>) -> Result<Self, clap::Error>
    where
        A: Into<OsString> + Clone,
    {
        let matches = Self::command().try_get_matches_from(arguments)?;
        let mut cli = Self::from_arg_matches(&matches)?;
        cli.given = GivenKeys::of(&matches);
        Ok(cli)
    }

    /// Reads the settings file and returns the settings, complete and checked.
    ///
    /// `docker_host` is the value of the variable `DOCKER_HOST`.
    pub fn settings(mut self, docker_host: Option<&str>) -> Result<Settings, SettingsError> {
        let file = File::read(self.config.as_deref())?;
        self.options.overlay(file, &self.given)?;
        Settings::new(self.options, docker_host)
    }

    #[cfg(feature = "test-support")]
    pub(super) fn settings_of(mut self, file: File) -> Result<Settings, SettingsError> {
        self.options.overlay(file, &self.given)?;
        Settings::new(self.options, None)
    }
}
