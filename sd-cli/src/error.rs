//! What can go wrong in `sd`: the sentence, the hint and the exit code of each.
//!
//! This is the only table of exit codes; help and manual page are made from it. It prints nothing:
//! [`Printer`](crate::output::Printer) does, and escapes what came from outside. Longer than most files here, because
//! half of it are the sentences word for word, as tests.

use std::io;

use sd_client::api::Problem;
use sd_client::{Client, Error as CallError, RequestSent};

use crate::exit::Exit;

/// Why a command did not do what it was asked to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The command line or the settings make no sense.
    #[error("{0}")]
    Usage(String),
    /// The default password is for this machine only, and no other is known.
    #[error("no password is set for {url}")]
    NoPassword { url: String },
    /// The daemon does not accept the credentials.
    #[error("{url} does not accept the password of user {user}")]
    Credentials { url: String, user: String },
    /// The daemon gave no answer, or one that says no.
    #[error("{}", sentence(.0))]
    Call(CallError),
    /// A create was sent and its answer was lost.
    #[error("{}", sentence(.0))]
    UnconfirmedCreate(CallError),
    /// The daemon does not accept the token of the container that checks in.
    #[error("{url} does not accept the token in SD_CHECK_IN_TOKEN")]
    Token { url: String },
    /// The daemon does not know the container that checks in.
    #[error("{said}")]
    NotAContainer { said: String },
    /// A program that counts did not give a number.
    #[error("{what}{}", quoted(.printed.as_deref()))]
    NoCount {
        /// What is wrong.
        what: String,
        /// What it printed.
        printed: Option<String>,
    },
    /// There is no way to a daemon from here.
    #[error("{0}")]
    NoEndpoint(String),
    /// What was waited for can no longer happen.
    #[error("{0}")]
    Failed(String),
    /// What was waited for did not happen in time.
    #[error("{0}")]
    TimedOut(String),
    /// The data could not be written.
    #[error("cannot write the output: {0}")]
    Output(io::Error),
    /// Several things failed, and each has been reported.
    #[error("some of it failed")]
    Reported(Exit),
    /// Ctrl-C, with what goes on at the daemon nevertheless.
    #[error("interrupted{}", .0.map_or_else(String::new, |goes_on| format!("; {goes_on}")))]
    Interrupted(Option<&'static str>),
}

impl CliError {
    /// The error of a call that this client made.
    pub(crate) fn of_call(client: &Client, error: CallError) -> Self {
        if status(&error) == Some(401) {
            return Self::Credentials {
                url: client.url().to_owned(),
                user: client.user().unwrap_or("(none)").to_owned(),
            };
        }
        Self::Call(error)
    }

    /// The error of a create: when the answer was lost, the container may exist all the same.
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

    /// How `sd` ends because of this.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::NoPassword { .. } | Self::Credentials { .. } | Self::Token { .. } => Exit::Credentials,
            Self::Call(error) => exit_of_call(error),
            Self::NotAContainer { .. } => Exit::NotFound,
            Self::UnconfirmedCreate(_) | Self::NoEndpoint(_) | Self::TimedOut(_) => Exit::Unreachable,
            Self::Failed(_) | Self::NoCount { .. } | Self::Output(_) => Exit::Failed,
            Self::Reported(exit) => *exit,
            Self::Interrupted(_) => Exit::Interrupted,
        }
    }

    /// The sentence for the user; none when everything has been said.
    pub(crate) fn message(&self) -> Option<String> {
        match self {
            Self::Reported(_) | Self::Interrupted(None) => None,
            _ => Some(self.to_string()),
        }
    }

    /// What to do about it, when that is not obvious from the sentence.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoPassword { .. } => Some(
                "set SD_PASSWORD or --password-file; the default password is never sent to another machine",
            ),
            Self::Credentials { .. } => Some(
                "set the user with --user or SD_USER and the password with SD_PASSWORD or --password-file",
            ),
            Self::Call(error) => hint_of_call(error),
            Self::UnconfirmedCreate(_) => Some(
                "the container may have been created: look with `sd ls`, or repeat safely by using --idempotency-key",
            ),
            Self::Token { .. } => {
                Some("a container has the right one from its beginning, from the daemon that made it")
            }
            Self::NotAContainer { .. } => {
                Some("check-ins count only from inside a container made by `sd create`")
            }
            Self::NoEndpoint(_) => Some("set SD_CHECK_IN_URL to the address that takes check-ins"),
            Self::Usage(_)
            | Self::Failed(_)
            | Self::NoCount { .. }
            | Self::TimedOut(_)
            | Self::Output(_)
            | Self::Reported(_)
            | Self::Interrupted(_) => None,
        }
    }
}

/// What a program printed, behind a sentence about it.
fn quoted(printed: Option<&str>) -> String {
    match printed {
        None => String::new(),
        Some("") => "; it printed nothing".to_owned(),
        Some(text) => format!("; it printed {text:?}"),
    }
}

/// The HTTP status of the answer, when there was one.
pub(crate) fn status(error: &CallError) -> Option<u16> {
    match error {
        CallError::Problem(problem) => Some(problem.status),
        CallError::Decode { status, .. } => Some(*status),
        _ => None,
    }
}

fn exit_of_call(error: &CallError) -> Exit {
    match error {
        CallError::BadUrl { .. } => Exit::Usage,
        CallError::Unreachable { .. } | CallError::Timeout { .. } => Exit::Unreachable,
        _ => match status(error) {
            Some(401) => Exit::Credentials,
            // Only the daemon can say that a container does not exist; another server's 404 says nothing.
            Some(404) if error.problem().is_some() => Exit::NotFound,
            Some(503 | 504) => Exit::Unreachable,
            _ => Exit::Failed,
        },
    }
}

fn hint_of_call(error: &CallError) -> Option<&'static str> {
    match error {
        CallError::Problem(problem) => hint_of_problem(problem),
        CallError::Decode { .. } => Some("is this the address of sd-daemon? --url or SD_URL sets it"),
        CallError::Timeout { .. } => Some("the daemon may still be at it: look with `sd ls`"),
        CallError::Unreachable {
            sent: RequestSent::Unknown,
            ..
        } => Some("the daemon may have acted on it: look with `sd ls`"),
        _ => None,
    }
}

fn hint_of_problem(problem: &Problem) -> Option<&'static str> {
    match problem.suffix() {
        "container-not-found" => Some("`sd ls` lists the containers"),
        "image-not-found" => Some("`sd images` lists what this server can run"),
        "ambiguous-reference" => Some("give more of the id, or the name"),
        "engine-unavailable" => Some("start Docker on the daemon's machine, then try again"),
        _ => None,
    }
}

/// One sentence for a call that failed; an unreachable daemon is told with what to do about it.
fn sentence(error: &CallError) -> String {
    match error {
        CallError::Unreachable {
            url,
            reason,
            sent: RequestSent::No,
        } if reason.contains("certificate") => format!(
            "the daemon at {url} is not trusted ({reason}): SSL_CERT_FILE names a file with certificates to trust"
        ),
        CallError::Unreachable {
            url,
            reason,
            sent: RequestSent::No,
        } => format!(
            "cannot reach the daemon at {url} ({}): is sd-daemon running there? --url or SD_URL says where it is",
            without_number(reason)
        ),
        CallError::Unreachable { url, reason, .. } => format!(
            "the daemon at {url} went away before it answered ({})",
            without_number(reason)
        ),
        _ => error.to_string(),
    }
}

/// `Connection refused (os error 111)` without the number, which helps nobody.
pub(crate) fn without_number(reason: &str) -> &str {
    reason.split(" (os error").next().unwrap_or(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(status: u16, suffix: &str) -> CallError {
        CallError::Problem(Box::new(Problem {
            kind: format!("{}{suffix}", Problem::URN),
            title: String::new(),
            status,
            detail: "the detail".to_owned(),
            message: String::new(),
            request_id: String::new(),
        }))
    }

    fn unreachable(sent: RequestSent) -> CallError {
        CallError::Unreachable {
            url: "http://127.0.0.1:8080".to_owned(),
            reason: "Connection refused (os error 111)".to_owned(),
            sent,
        }
    }

    #[test]
    fn every_failure_of_a_call_has_its_exit_code() {
        let client = Client::new("http://127.0.0.1:8080").unwrap();
        let decode = |status| CallError::Decode {
            url: String::new(),
            status,
            reason: String::new(),
        };
        let timeout = CallError::Timeout {
            url: String::new(),
            limit: std::time::Duration::from_secs(1),
        };
        let bad_url = CallError::BadUrl {
            url: String::new(),
            reason: String::new(),
        };
        for (error, code) in [
            (problem(400, "malformed-request"), 1),
            (problem(401, "unauthorized"), 3),
            (decode(401), 3),
            (problem(403, "forbidden"), 1),
            (problem(404, "container-not-found"), 4),
            (decode(404), 1),
            (problem(409, "ambiguous-reference"), 1),
            (problem(422, "malformed-request"), 1),
            (problem(429, "limit-reached"), 1),
            (problem(500, "internal"), 1),
            (problem(502, "engine-rejected"), 1),
            (problem(503, "engine-unavailable"), 5),
            (problem(504, "engine-timeout"), 5),
            (unreachable(RequestSent::No), 5),
            (unreachable(RequestSent::Unknown), 5),
            (timeout, 5),
            (bad_url, 2),
        ] {
            let text = error.to_string();
            assert_eq!(CliError::of_call(&client, error).exit().code(), code, "{text}");
        }
    }

    #[test]
    fn a_certificate_that_is_not_trusted_is_told_with_what_to_do() {
        let error = CliError::Call(CallError::Unreachable {
            url: "https://sd.example.org".to_owned(),
            reason: "invalid peer certificate: UnknownIssuer".to_owned(),
            sent: RequestSent::No,
        });
        assert_eq!(
            error.message().unwrap(),
            "the daemon at https://sd.example.org is not trusted (invalid peer certificate: UnknownIssuer): \
             SSL_CERT_FILE names a file with certificates to trust"
        );
    }

    #[test]
    fn an_unreachable_daemon_is_one_line_that_says_what_to_do() {
        let error = CliError::Call(unreachable(RequestSent::No));
        assert_eq!(
            error.message().unwrap(),
            "cannot reach the daemon at http://127.0.0.1:8080 (Connection refused): is sd-daemon running there? \
             --url or SD_URL says where it is"
        );
        assert_eq!(error.hint(), None);
    }

    #[test]
    fn a_create_without_an_answer_says_that_the_container_may_exist() {
        let client = Client::new("http://127.0.0.1:8080").unwrap();
        let lost = CliError::of_create(&client, unreachable(RequestSent::Unknown));
        assert!(lost.hint().unwrap().contains("may have been created"));
        let never_sent = CliError::of_create(&client, unreachable(RequestSent::No));
        assert_eq!(never_sent.hint(), None);
    }
}
