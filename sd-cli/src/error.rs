//! The errors of `sd`: message, hint and exit code of each.
//!
//! [`Printer`](crate::output::Printer) prints them, and escapes text from outside.

use std::io;

use sd_client::{Client, Error as CallError, RequestSent};

use crate::call_error;
use crate::exit::Exit;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The command line or the settings are invalid.
    #[error("{0}")]
    Usage(String),
    /// No password is configured, and the default one is not sent to other machines.
    #[error("failed to log in to {url}: no password is set")]
    NoPassword { url: String },
    /// The daemon rejected user and password.
    #[error("failed to log in to {url} as {user}: wrong user or password")]
    Credentials { url: String, user: String },
    /// A request failed, or the daemon refused it.
    #[error("{}", call_error::message(.0))]
    Call(CallError),
    /// A create was sent, but its response was lost.
    #[error("{}", call_error::message(.0))]
    UnconfirmedCreate(CallError),
    /// The daemon rejected the token of the container that checks in.
    #[error("failed to check in to {url}: the daemon rejected the token in SD_CHECK_IN_TOKEN")]
    Token { url: String },
    /// The daemon does not recognise the container that checks in.
    #[error("failed to check in to {url}: {reason}")]
    UnknownContainer { url: String, reason: &'static str },
    /// The program that counts clients did not print a number.
    #[error("failed to count connections: {problem}{}", output_of(.output.as_deref()))]
    CountFailed {
        /// The failure, without the output.
        problem: String,
        /// The output of the program.
        output: Option<String>,
    },
    /// No daemon accepted the connection of a check-in.
    #[error("failed to check in: {0}")]
    NoEndpoint(String),
    /// The command failed for another reason.
    #[error("{0}")]
    Failed(String),
    /// The state that the command waited for was not reached in time.
    #[error("{0}")]
    TimedOut(String),
    /// Data could not be written to stdout.
    #[error("failed to write the output: {0}")]
    Output(io::Error),
    /// At least one request failed, and each failure has been printed.
    #[error("some requests failed")]
    Reported(Exit),
    /// The user pressed Ctrl-C. The note states what continues at the daemon.
    #[error("{}", .0.as_deref().unwrap_or("interrupted"))]
    Interrupted(Option<String>),
}

impl CliError {
    /// The error of a request that this client sent.
    pub(crate) fn of_call(client: &Client, error: CallError) -> Self {
        if call_error::status(&error) == Some(401) {
            return Self::Credentials {
                url: client.url().to_owned(),
                user: client.user().unwrap_or("(none)").to_owned(),
            };
        }
        Self::Call(error)
    }

    /// The error of a create. If its response was lost, the container may exist.
    pub(crate) fn of_create(client: &Client, error: CallError) -> Self {
        match error {
            CallError::Unreachable {
                sent: RequestSent::Unknown,
                ..
            }
            | CallError::Timeout { .. } => Self::UnconfirmedCreate(error),
            _ => Self::of_call(client, error),
        }
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::NoPassword { .. } | Self::Credentials { .. } | Self::Token { .. } => Exit::Credentials,
            Self::Call(error) => call_error::exit(error),
            Self::UnknownContainer { .. } => Exit::NotFound,
            Self::UnconfirmedCreate(_) | Self::NoEndpoint(_) | Self::TimedOut(_) => Exit::Unreachable,
            Self::Failed(_) | Self::CountFailed { .. } | Self::Output(_) => Exit::Failed,
            Self::Reported(exit) => *exit,
            Self::Interrupted(_) => Exit::Interrupted,
        }
    }

    /// The message for the user. Returns `None` if there is nothing left to print.
    pub(crate) fn message(&self) -> Option<String> {
        match self {
            Self::Reported(_) | Self::Interrupted(None) => None,
            _ => Some(self.to_string()),
        }
    }

    /// The remedy for the user. Returns `None` if the message contains it.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoPassword { .. } => {
                Some("set SD_PASSWORD or --password-file; the default password is sent only to this machine")
            }
            Self::Credentials { .. } => Some(
                "set the user with --user or SD_USER, and the password with SD_PASSWORD or --password-file",
            ),
            Self::Call(error) => call_error::hint(error),
            Self::UnconfirmedCreate(_) => Some(
                "the container may exist; check `sd ls`. With --idempotency-key, a create can be repeated safely",
            ),
            Self::Token { .. } => Some("use the token that the daemon set when it created the container"),
            Self::UnknownContainer { .. } => {
                Some("run `sd check-in` inside a container that `sd create` created")
            }
            Self::NoEndpoint(_) => Some("set SD_CHECK_IN_URL to the check-in address of the daemon"),
            Self::Usage(_)
            | Self::Failed(_)
            | Self::CountFailed { .. }
            | Self::TimedOut(_)
            | Self::Output(_)
            | Self::Reported(_)
            | Self::Interrupted(_) => None,
        }
    }
}

/// The output of a program, appended to a message about it.
fn output_of(output: Option<&str>) -> String {
    match output {
        None => String::new(),
        Some("") => "; it printed nothing".to_owned(),
        Some(text) => format!("; it printed {text:?}"),
    }
}
