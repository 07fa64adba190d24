//! Merges the sources: the settings file overrides the defaults, and flags and environment override the file.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use clap::Args;
use clap::parser::ValueSource;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::SettingsError;

/// The settings file that is read if none is named.
pub(super) const DEFAULT_FILE: &str = "/etc/spin-docker/sd-daemon.toml";

/// The keys whose value was given by a flag or a variable; the file cannot change those.
#[derive(Clone, Debug, Default)]
pub(super) struct GivenKeys(BTreeSet<String>);

impl GivenKeys {
    pub(super) fn of(matches: &clap::ArgMatches) -> Self {
        let is_given = |id: &&str| {
            let source = matches.value_source(id);
            matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
        };
        let ids = matches.ids().map(clap::Id::as_str);
        Self(ids.filter(is_given).map(str::to_owned).collect())
    }
}

/// The contents of a settings file. Each group of settings takes its keys out of it.
#[derive(Debug, Default)]
pub(super) struct File {
    keys: toml::Table,
    path: String,
}

impl File {
    /// Reads the named file, or the default one if it exists.
    pub(super) fn read(named: Option<&Path>) -> Result<Self, SettingsError> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => Ok(Self::default()),
            Err(source) => Err(SettingsError::unreadable("config", path, source)),
        }
    }

    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, SettingsError> {
        let path = path.display().to_string();
        match text.parse() {
            Ok(keys) => Ok(Self { keys, path }),
            Err(error) => Err(SettingsError::Syntax {
                file: path,
                reason: error.to_string().trim_end().to_owned(),
            }),
        }
    }

    /// Replaces the values of a group with those in the file, except for keys that were given elsewhere.
    pub(super) fn overlay<G>(&mut self, group: &mut G, given: &GivenKeys) -> Result<(), SettingsError>
    where
        G: Args + Serialize + DeserializeOwned,
    {
        let flags = G::augment_args(clap::Command::new("settings"));
        let keys = flags.get_arguments().map(|argument| argument.get_id().as_str());
        let found: Vec<_> = keys.filter_map(|key| self.keys.remove_entry(key)).collect();
        if found.is_empty() {
            return Ok(());
        }
        let mut values = toml::Table::try_from(&*group).map_err(|error| {
            SettingsError::invalid("config", format!("failed to merge settings: {error}"))
        })?;
        for (key, value) in found {
            // Checked even if a flag replaces it, so that a mistake in the file is reported immediately.
            if values.get(&key).is_some_and(toml::Value::is_array) && !value.is_array() {
                let reason = format!("invalid value {value}: must be a list, such as [\"a\", \"b\"]");
                return Err(self.invalid(&key, &reason));
            }
            let is_given = given.0.contains(&key);
            let kept = values.insert(key.clone(), value);
            let merged = self.deserialize(values.clone())?;
            if !is_given {
                *group = merged;
            } else if let Some(kept) = kept {
                values.insert(key, kept);
            } else {
                values.remove(&key);
            }
        }
        Ok(())
    }

    /// Takes tables out of the file that no flag can give.
    pub(super) fn take_tables<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, SettingsError> {
        let Some(value) = self.keys.remove(key) else {
            return Ok(None);
        };
        if !value.is_array() {
            return Err(self.invalid(key, &format!("must be tables, each below a line [[{key}]]")));
        }
        serde_path_to_error::deserialize(value)
            .map(Some)
            .map_err(|error| self.invalid(&format!("{key}{}", Suffix(error.path())), error.inner().message()))
    }

    /// Fails if there are keys left that no group has taken.
    pub(super) fn finish(self) -> Result<(), SettingsError> {
        match self.keys.keys().next() {
            None => Ok(()),
            Some(key) => Err(SettingsError::invalid(
                key,
                format!("unknown key in {}: see sd-daemon --help for the keys", self.path),
            )),
        }
    }

    fn deserialize<G: DeserializeOwned>(&self, values: toml::Table) -> Result<G, SettingsError> {
        serde_path_to_error::deserialize(toml::Value::Table(values))
            .map_err(|error| self.invalid(&error.path().to_string(), error.inner().message()))
    }

    fn invalid(&self, key: &str, reason: &str) -> SettingsError {
        SettingsError::invalid(key, format!("{reason} (in {})", self.path))
    }
}

/// A path inside a value, such as `[0].image`.
struct Suffix<'a>(&'a serde_path_to_error::Path);

impl std::fmt::Display for Suffix<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.0.to_string();
        match path.as_str() {
            "." => Ok(()),
            path if path.starts_with('[') => formatter.write_str(path),
            path => write!(formatter, ".{path}"),
        }
    }
}
