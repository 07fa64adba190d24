//! The daemon that a check-in is sent to: its possible addresses, the token, and what a refusal means.

use std::env;
use std::net::Ipv4Addr;
use std::time::Duration;

use sd_client::api::{CheckIn, route};
use sd_client::names::{CHECK_IN_TOKEN_VARIABLE, CHECK_IN_URL_VARIABLE};
use sd_client::{CheckInResponse, Client, Error as CallError, RequestSent};
use secrecy::SecretString;

use super::gateway;
use crate::call_error::{status, without_number};
use crate::error::CliError;

/// The daemon sets this variable in the containers that it creates.
/// Timeout of a check-in: an overloaded daemon must not delay the next report.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// The daemon to report to.
#[derive(Debug)]
pub(super) struct CheckInTarget {
    flag: Option<String>,
    environment: Option<String>,
    token: Option<Token>,
}

impl CheckInTarget {
    /// The target of `--url`, or else of the environment, or else the default gateway.
    pub(super) fn new(flag: Option<&str>) -> Result<Self, CliError> {
        Ok(Self {
            flag: flag.map(str::to_owned),
            environment: env::var(CHECK_IN_URL_VARIABLE)
                .ok()
                .filter(|value| !value.is_empty()),
            token: Token::from_environment()?,
        })
    }

    /// Sends a report.
    pub(super) async fn send(&self, report: &CheckIn) -> Result<CheckInResponse, CliError> {
        // Read for each report: a running container can be moved to another network.
        let gateway = gateway::default_gateway();
        let bases = candidates(self.flag.as_deref(), self.environment.as_deref(), gateway);
        send(report, &bases, self.token.as_ref()).await
    }
}

/// Identifies this container to the daemon.
#[derive(Debug)]
struct Token(SecretString);

impl Token {
    fn from_environment() -> Result<Option<Self>, CliError> {
        match env::var(CHECK_IN_TOKEN_VARIABLE) {
            Ok(text) => Self::parse(&text),
            Err(env::VarError::NotPresent) => Ok(None),
            Err(env::VarError::NotUnicode(_)) => Err(Self::invalid()),
        }
    }

    /// Accepts what a header can carry. Returns `None` for an empty text.
    fn parse(text: &str) -> Result<Option<Self>, CliError> {
        let text = text.trim();
        if text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok((!text.is_empty()).then(|| Self(text.into())))
        } else {
            Err(Self::invalid())
        }
    }

    fn invalid() -> CliError {
        CliError::Usage(format!(
            "failed to read {CHECK_IN_TOKEN_VARIABLE}: not a token; use the value that the daemon set"
        ))
    }
}

/// Sends a report to the first address that accepts the connection.
async fn send(
    report: &CheckIn,
    bases: &[String],
    token: Option<&Token>,
) -> Result<CheckInResponse, CliError> {
    let mut attempts = Vec::new();
    for base in bases {
        let mut client = Client::new(base)
            .map_err(CliError::Call)?
            .with_response_timeout(RESPONSE_TIMEOUT);
        if let Some(Token(token)) = token {
            client = client.with_token(token.clone());
        }
        match client.check_in(report).await {
            Err(CallError::Unreachable {
                url,
                reason,
                sent: RequestSent::No,
            }) => attempts.push(format!("{url}{} ({})", route::CHECK_IN, without_number(&reason))),
            outcome => return outcome.map_err(|error| refusal(&client, token, error)),
        }
    }
    Err(CliError::NoEndpoint(if attempts.is_empty() {
        format!("no default gateway, and {CHECK_IN_URL_VARIABLE} is not set")
    } else {
        format!("cannot connect to {}", attempts.join(" or "))
    }))
}

/// The addresses to try, in this order, as base URLs of the API.
fn candidates(flag: Option<&str>, environment: Option<&str>, gateway: Option<Ipv4Addr>) -> Vec<String> {
    if let Some(url) = flag {
        return vec![base_of(url)];
    }
    let gateway = gateway.map(|address| format!("http://{address}"));
    environment.map(base_of).into_iter().chain(gateway).collect()
}

/// The base URL of a check-in address. A base URL is returned unchanged.
fn base_of(url: &str) -> String {
    let url = url.trim_end_matches('/');
    url.strip_suffix(route::CHECK_IN).unwrap_or(url).to_owned()
}

fn refusal(client: &Client, token: Option<&Token>, error: CallError) -> CliError {
    let url = client.url().to_owned();
    match (&error, token) {
        (_, Some(_)) if status(&error) == Some(401) => CliError::Token { url },
        (CallError::Problem(problem), Some(_)) if problem.status == 404 => CliError::UnknownContainer {
            url,
            reason: "the container of this token is not running",
        },
        (CallError::Problem(problem), None) if problem.status == 404 => CliError::UnknownContainer {
            url,
            reason: "the address of this machine belongs to no running container",
        },
        _ => CliError::Call(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use secrecy::ExposeSecret;

    use super::*;
    use crate::exit::Exit;

    const GATEWAY: Option<Ipv4Addr> = Some(Ipv4Addr::new(172, 17, 0, 1));

    #[test]
    fn address_of_the_environment_precedes_the_gateway() {
        let variable = Some("http://10.0.0.1:8081/v1/check-in");
        assert_eq!(
            candidates(None, variable, GATEWAY),
            ["http://10.0.0.1:8081", "http://172.17.0.1"]
        );
        assert_eq!(candidates(None, None, GATEWAY), ["http://172.17.0.1"]);
        assert_eq!(candidates(None, variable, None), ["http://10.0.0.1:8081"]);
        assert!(candidates(None, None, None).is_empty());
    }

    #[test]
    fn url_flag_replaces_environment_and_gateway() {
        let variable = Some("http://10.0.0.1:8081/v1/check-in");
        assert_eq!(
            candidates(Some("http://127.0.0.1:8080"), variable, GATEWAY),
            ["http://127.0.0.1:8080"]
        );
    }

    #[test]
    fn check_in_address_and_base_url_are_equivalent() {
        for url in [
            "http://h:1",
            "http://h:1/",
            "http://h:1/v1/check-in",
            "http://h:1/v1/check-in/",
        ] {
            assert_eq!(base_of(url), "http://h:1");
        }
        assert_eq!(base_of("https://h/sd/v1/check-in"), "https://h/sd");
    }

    fn send_to(bases: &[String]) -> Result<CheckInResponse, CliError> {
        let report = CheckIn::connections(1);
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(send(&report, bases, None))
    }

    #[test]
    fn refused_connection_moves_on_to_the_next_address() {
        let daemon = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = daemon.local_addr().unwrap();
        // The local port of a connection has no listener, and cannot be assigned to another process.
        let connection = TcpStream::connect(open).unwrap();
        let closed = connection.local_addr().unwrap();
        let response = thread::spawn(move || {
            drop(daemon.accept().unwrap());
            let (mut client, _) = daemon.accept().unwrap();
            // A response before the request would be a failure.
            client.read_exact(&mut [0]).unwrap();
            client.write_all(b"HTTP/1.1 204 x\r\n\r\n").unwrap();
            // Returned open: closing it with unread data would reset the connection.
            client
        });
        assert!(send_to(&[format!("http://{closed}"), format!("http://{open}")]).is_ok());
        drop(response.join().unwrap());
    }

    #[test]
    fn error_names_every_address_that_was_tried() {
        let daemon = TcpListener::bind("127.0.0.1:0").unwrap();
        let connection = TcpStream::connect(daemon.local_addr().unwrap()).unwrap();
        let base = format!("http://{}", connection.local_addr().unwrap());
        let error = send_to(&[base.clone(), base.clone()]).unwrap_err();
        let address = format!("{base}/v1/check-in (Connection refused)");
        assert_eq!(
            error.to_string(),
            format!("failed to check in: cannot connect to {address} or {address}")
        );
        let no_address = send_to(&[]).unwrap_err();
        assert_eq!(no_address.exit(), Exit::Unreachable);
        assert!(no_address.to_string().contains("no default gateway"));
    }

    #[test]
    fn token_fits_into_a_header_and_is_never_printed() {
        assert!(Token::parse("").unwrap().is_none());
        let token = Token::parse(" sd1.secret \n").unwrap().unwrap();
        assert_eq!(token.0.expose_secret(), "sd1.secret");
        assert!(!format!("{token:?}").contains("sd1."));
        for text in ["two words", "line\nend", "schlüssel"] {
            let error = Token::parse(text).unwrap_err();
            assert_eq!(error.exit(), Exit::Usage);
            assert!(!error.to_string().contains(text));
        }
    }
}
