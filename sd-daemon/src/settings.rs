//! Every setting of the daemon: flag over environment over file over default, checked before anything is bound.
//!
//! Each concern has a struct in a file of its own: [`ServerOptions`], [`TlsOptions`], [`EngineOptions`] and so on. A
//! field of such a struct is the whole definition of a setting. From it come the flag with its help and its default,
//! the variable `SD_DAEMON_…`, the key in the file, the man page and what `check-config` prints. **To add a setting, add
//! one field** and use it where it is needed; to reject some of its values, extend the `validate` function of its file.
//!
//! [`Cli`] parses flags, environment and defaults; `layers` puts the values of the file over the defaults; [`Settings`]
//! checks the result and reads the files that it names. Errors name the key.

mod activity;
mod check_in;
mod command_line;
mod engine;
mod error;
mod layers;
mod limits;
mod log;
mod manual;
mod options;
mod resolved;
mod secret_file;
mod server;
mod state;
mod tls;
mod values;
mod webhook;

pub use activity::{ActivityOptions, SignalName};
pub use check_in::{CheckInListen, CheckInOptions};
pub use command_line::{Cli, Command, RecoverArgs};
pub use engine::EngineOptions;
pub use error::SettingsError;
pub use limits::{ImageRuleOptions, LimitOptions};
pub use log::{LogFormat, LogOptions};
pub use manual::MANUAL;
pub use options::Options;
pub use resolved::Settings;
pub use server::{ServerOptions, USER};
pub use state::StateOptions;
pub use tls::TlsOptions;
pub use values::{AddressRange, HostName};
pub use webhook::WebhookOptions;

#[cfg(test)]
mod tests;
