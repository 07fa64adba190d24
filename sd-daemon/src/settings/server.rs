//! The listener of the API, and its clients.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Host;

use super::secret_file::read_secret;
use super::{AddressRange, HostName, SettingsError, values};
use crate::password::Password;

/// The user of the API.
pub const USER: &str = "admin";
/// The password if none is set. It is documented, so it is accepted on loopback only.
const DEFAULT_PASSWORD: &str = "spindocker";

/// The listener of the API, and its clients.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[command(next_help_heading = "API")]
pub struct ServerOptions {
    /// Listen on this address for API requests.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080",
        value_parser = values::parse::<SocketAddr>
    )]
    #[serde(deserialize_with = "values::deserialize")]
    pub listen: SocketAddr,

    /// Read the password of the user admin, or its hash, from this file.
    ///
    /// Only its owner may be able to read the file. hash-password prints a hash.
    #[arg(long, global = true, env = "SD_DAEMON_PASSWORD_FILE", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,

    /// Accept requests for these host names, besides IP addresses and localhost.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_ALLOWED_HOSTS",
        value_name = "LIST",
        value_delimiter = ','
    )]
    pub allowed_hosts: Vec<HostName>,

    /// Trust X-Forwarded-For from proxies at these addresses or networks.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_TRUSTED_PROXIES",
        value_name = "LIST",
        value_delimiter = ','
    )]
    pub trusted_proxies: Vec<AddressRange>,

    /// Allow plain HTTP on a non-loopback address, behind a TLS-terminating proxy.
    ///
    /// Ignored if TLS is enabled.
    #[arg(
        long, global = true, env = "SD_DAEMON_INSECURE_HTTP", value_name = "true|false",
        action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_value_t = false, default_missing_value = "true", hide_possible_values = true
    )]
    pub insecure_http: bool,
}

impl ServerOptions {
    /// The host names that clients may use.
    pub fn allowed_hosts(&self) -> Vec<Host> {
        self.allowed_hosts.iter().map(|host| host.0.clone()).collect()
    }

    /// The addresses of trusted proxies.
    pub fn trusted_proxies(&self) -> Vec<IpNet> {
        self.trusted_proxies.iter().map(|range| range.0).collect()
    }

    /// The password of [`USER`]. Fails if it cannot protect the address that the API listens on.
    pub(super) fn password(&self, is_encrypted: bool) -> Result<Password, SettingsError> {
        const KEY: &str = "password_file";
        let password = match &self.password_file {
            None => Password::from(DEFAULT_PASSWORD),
            Some(path) => Password::parse(read_secret(KEY, path)?).map_err(|error| {
                let file = path.display();
                let reason = format!("{file} {error}: make one with sd-daemon hash-password");
                SettingsError::invalid(KEY, reason)
            })?,
        };
        self.validate_exposure(&password, is_encrypted)?;
        Ok(password)
    }

    /// A non-loopback address requires a password other than the default, and TLS unless the operator has allowed
    /// plain HTTP.
    fn validate_exposure(&self, password: &Password, is_encrypted: bool) -> Result<(), SettingsError> {
        if self.listen.ip().is_loopback() {
            return Ok(());
        }
        let problem = if password.is(DEFAULT_PASSWORD) {
            "exposes the API to other machines with the default password; set password_file, or listen on 127.0.0.1"
        } else if !is_encrypted && !self.insecure_http {
            "would send the password over the network in clear text; set tls_cert and tls_key, or listen on \
             127.0.0.1 behind a proxy with TLS, or set insecure_http if the network to that proxy is private"
        } else {
            return Ok(());
        };
        Err(SettingsError::invalid(
            "listen",
            format!("{} {problem}", self.listen),
        ))
    }
}
