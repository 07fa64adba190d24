//! Failed requests: message, hint and exit code for each [`sd_client::Error`].

use sd_client::api::Problem;
use sd_client::{Error as CallError, RequestSent};

use crate::exit::Exit;

/// The message for the user: one line, with what to do about an unreachable daemon.
pub(crate) fn message(error: &CallError) -> String {
    match error {
        CallError::Unreachable {
            url,
            reason,
            sent: RequestSent::No,
        } if reason.contains("certificate") => format!(
            "failed to connect to the daemon at {url}: its certificate is not trusted ({reason}); \
             set SSL_CERT_FILE to a file with the certificates to trust"
        ),
        CallError::Unreachable {
            url,
            reason,
            sent: RequestSent::No,
        } => format!(
            "failed to connect to the daemon at {url}: {}; start sd-daemon there, or set --url or SD_URL",
            without_number(reason)
        ),
        CallError::Unreachable { url, reason, .. } => {
            format!("failed to get a response from {url}: {}", without_number(reason))
        }
        _ => error.to_string(),
    }
}

/// The exit code.
pub(crate) fn exit(error: &CallError) -> Exit {
    match error {
        CallError::BadUrl { .. } => Exit::Usage,
        CallError::Unreachable { .. } | CallError::Timeout { .. } => Exit::Unreachable,
        _ => match status(error) {
            Some(401) => Exit::Credentials,
            // A 404 without a problem comes from another server, which has no containers.
            Some(404) if error.problem().is_some() => Exit::NotFound,
            Some(503 | 504) => Exit::Unreachable,
            _ => Exit::Failed,
        },
    }
}

/// The remedy for the user. Returns `None` if the message contains it.
pub(crate) fn hint(error: &CallError) -> Option<&'static str> {
    match error {
        CallError::Problem(problem) => hint_of_problem(problem),
        CallError::Decode { .. } => Some("check that --url or SD_URL is the address of sd-daemon"),
        CallError::Timeout { .. } => Some("the daemon may still be working on the request; check `sd ls`"),
        CallError::Unreachable {
            sent: RequestSent::Unknown,
            ..
        } => Some("the daemon may have executed the request; check `sd ls`"),
        _ => None,
    }
}

fn hint_of_problem(problem: &Problem) -> Option<&'static str> {
    match problem.suffix() {
        "container-not-found" => Some("`sd ls` lists the containers"),
        "image-not-found" => Some("`sd images` lists the images that the daemon can run"),
        "ambiguous-reference" => Some("give more digits of the id, or the name"),
        "engine-unavailable" => Some("start Docker on the machine of the daemon, then try again"),
        _ => None,
    }
}

/// The HTTP status of the response. Returns `None` if there was no response.
pub(crate) fn status(error: &CallError) -> Option<u16> {
    match error {
        CallError::Problem(problem) => Some(problem.status),
        CallError::Decode { status, .. } => Some(*status),
        _ => None,
    }
}

/// `Connection refused (os error 111)` without the error number.
pub(crate) fn without_number(reason: &str) -> &str {
    reason.split(" (os error").next().unwrap_or(reason)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sd_client::Client;

    use super::*;
    use crate::error::CliError;

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
    fn every_failed_call_has_its_exit_code() {
        let client = Client::new("http://127.0.0.1:8080").unwrap();
        let decode = |status| CallError::Decode {
            url: String::new(),
            status,
            reason: String::new(),
        };
        let timeout = CallError::Timeout {
            url: String::new(),
            limit: Duration::from_secs(1),
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
    fn untrusted_certificate_message_names_ssl_cert_file() {
        let error = CliError::Call(CallError::Unreachable {
            url: "https://sd.example.org".to_owned(),
            reason: "invalid peer certificate: UnknownIssuer".to_owned(),
            sent: RequestSent::No,
        });
        assert_eq!(
            error.message().unwrap(),
            "failed to connect to the daemon at https://sd.example.org: its certificate is not trusted \
             (invalid peer certificate: UnknownIssuer); \
             set SSL_CERT_FILE to a file with the certificates to trust"
        );
    }

    #[test]
    fn unreachable_daemon_message_is_one_line_with_the_remedy() {
        let error = CliError::Call(unreachable(RequestSent::No));
        assert_eq!(
            error.message().unwrap(),
            "failed to connect to the daemon at http://127.0.0.1:8080: Connection refused; \
             start sd-daemon there, or set --url or SD_URL"
        );
        assert_eq!(error.hint(), None);
    }

    #[test]
    fn lost_create_response_hints_that_the_container_may_exist() {
        let client = Client::new("http://127.0.0.1:8080").unwrap();
        let lost = CliError::of_create(&client, unreachable(RequestSent::Unknown));
        assert!(lost.hint().unwrap().contains("the container may exist"));
        let never_sent = CliError::of_create(&client, unreachable(RequestSent::No));
        assert_eq!(never_sent.hint(), None);
    }
}
