//! The way from here to a daemon: addresses to try, the token, what a refusal means.

use std::env;
use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use sd_client::api::{CheckIn, route};
use sd_client::{CheckInResponse, Client, Error as CallError, RequestSent};

use super::gateway;
use crate::error::{CliError, status, without_number};

/// Set by the daemon in containers that it creates.
const URL_VARIABLE: &str = "SD_CHECK_IN_URL";
/// A check-in takes no time; a daemon that is stuck should not hold up the next one.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// How a daemon is reached from here.
#[derive(Debug)]
pub(super) struct CheckInTarget {
    flag: Option<String>,
    environment: Option<String>,
    token: Option<Token>,
}

impl CheckInTarget {
    /// By the flag where it is given, else as the environment says, else through the gateway.
    pub(super) fn new(flag: Option<&str>) -> Result<Self, CliError> {
        Ok(Self {
            flag: flag.map(str::to_owned),
            environment: env::var(URL_VARIABLE).ok().filter(|value| !value.is_empty()),
            token: Token::of_environment()?,
        })
    }

    /// Sends a report.
    pub(super) async fn send(&self, report: &CheckIn) -> Result<CheckInResponse, CliError> {
        // Looked up each time: a container may be moved to another network while it runs.
        let gateway = gateway::default_gateway();
        let bases = candidates(self.flag.as_deref(), self.environment.as_deref(), gateway);
        send(report, &bases, self.token.as_ref()).await
    }
}

/// What proves which container this is. It is never shown.
struct Token(String);

impl Token {
    fn of_environment() -> Result<Option<Self>, CliError> {
        match env::var(CheckIn::TOKEN_VARIABLE) {
            Ok(text) => Self::parse(&text),
            Err(env::VarError::NotPresent) => Ok(None),
            Err(env::VarError::NotUnicode(_)) => Err(Self::nonsense()),
        }
    }

    /// An empty text is no token. Others have to fit into a header.
    fn parse(text: &str) -> Result<Option<Self>, CliError> {
        let text = text.trim();
        if text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok((!text.is_empty()).then(|| Self(text.to_owned())))
        } else {
            Err(Self::nonsense())
        }
    }

    fn nonsense() -> CliError {
        CliError::Usage(format!(
            "what stands in {} cannot be a token",
            CheckIn::TOKEN_VARIABLE
        ))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// Sends a report to the first of these that lets itself be connected to.
async fn send(
    report: &CheckIn,
    bases: &[String],
    token: Option<&Token>,
) -> Result<CheckInResponse, CliError> {
    let mut refusals = Vec::new();
    for base in bases {
        let mut client = Client::new(base)
            .map_err(CliError::Call)?
            .with_answer_limit(ANSWER_LIMIT);
        if let Some(Token(token)) = token {
            client = client.with_token(token);
        }
        match client.check_in(report).await {
            Err(CallError::Unreachable {
                url,
                reason,
                sent: RequestSent::No,
            }) => refusals.push(format!(
                "at {url}{} ({})",
                route::CHECK_IN,
                without_number(&reason)
            )),
            outcome => return outcome.map_err(|error| refusal(&client, token, error)),
        }
    }
    Err(CliError::NoEndpoint(if refusals.is_empty() {
        format!("there is no default gateway here, and {URL_VARIABLE} is not set")
    } else {
        format!("no daemon takes check-ins {}", refusals.join(" or "))
    }))
}

/// Where a daemon may take check-ins, as bases of the API: the best first.
fn candidates(flag: Option<&str>, environment: Option<&str>, gateway: Option<Ipv4Addr>) -> Vec<String> {
    if let Some(url) = flag {
        return vec![base_of(url)];
    }
    let gateway = gateway.map(|address| format!("http://{address}"));
    environment.map(base_of).into_iter().chain(gateway).collect()
}

/// The base of a full check-in address; a base stays what it is.
fn base_of(url: &str) -> String {
    let url = url.trim_end_matches('/');
    url.strip_suffix(route::CHECK_IN).unwrap_or(url).to_owned()
}

fn refusal(client: &Client, token: Option<&Token>, error: CallError) -> CliError {
    let url = client.url().to_owned();
    match (&error, token) {
        (_, Some(_)) if status(&error) == Some(401) => CliError::Token { url },
        (CallError::Problem(problem), Some(_)) if problem.status == 404 => CliError::NotAContainer {
            said: format!("{url} says that the container of this token does not run"),
        },
        (CallError::Problem(problem), None) if problem.status == 404 => CliError::NotAContainer {
            said: format!("{url} says that this address belongs to no container the daemon runs"),
        },
        _ => CliError::Call(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use super::*;
    use crate::exit::Exit;

    const GATEWAY: Option<Ipv4Addr> = Some(Ipv4Addr::new(172, 17, 0, 1));

    #[test]
    fn the_address_of_the_environment_comes_before_the_gateway() {
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
    fn the_flag_replaces_both() {
        let variable = Some("http://10.0.0.1:8081/v1/check-in");
        assert_eq!(
            candidates(Some("http://127.0.0.1:8080"), variable, GATEWAY),
            ["http://127.0.0.1:8080"]
        );
    }

    #[test]
    fn a_full_address_and_a_base_mean_the_same() {
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
    fn the_next_address_is_tried_when_connecting_is_refused() {
        let daemon = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = daemon.local_addr().unwrap();
        // Nobody listens on the near end of a connection, and nobody else can be given its port.
        let connection = TcpStream::connect(open).unwrap();
        let closed = connection.local_addr().unwrap();
        let answer = thread::spawn(move || {
            drop(daemon.accept().unwrap());
            let (mut asked, _) = daemon.accept().unwrap();
            // An answer to nothing would be a failure.
            asked.read_exact(&mut [0]).unwrap();
            asked.write_all(b"HTTP/1.1 204 x\r\n\r\n").unwrap();
            // Kept open: closing before the request was read would reset the connection.
            asked
        });
        assert!(send_to(&[format!("http://{closed}"), format!("http://{open}")]).is_ok());
        drop(answer.join().unwrap());
    }

    #[test]
    fn every_address_that_refused_is_named() {
        let daemon = TcpListener::bind("127.0.0.1:0").unwrap();
        let connection = TcpStream::connect(daemon.local_addr().unwrap()).unwrap();
        let base = format!("http://{}", connection.local_addr().unwrap());
        let error = send_to(&[base.clone(), base.clone()]).unwrap_err();
        let place = format!("at {base}/v1/check-in (Connection refused)");
        assert_eq!(
            error.to_string(),
            format!("no daemon takes check-ins {place} or {place}")
        );
        let nowhere = send_to(&[]).unwrap_err();
        assert_eq!(nowhere.exit(), Exit::Unreachable);
        assert!(nowhere.to_string().contains("no default gateway"));
    }

    #[test]
    fn a_token_fits_into_a_header_and_is_never_shown() {
        assert!(Token::parse("").unwrap().is_none());
        let token = Token::parse(" sd1.secret \n").unwrap().unwrap();
        assert_eq!(token.0, "sd1.secret");
        assert_eq!(format!("{token:?}"), "***");
        for text in ["two words", "line\nend", "schlüssel"] {
            let error = Token::parse(text).unwrap_err();
            assert_eq!(error.exit(), Exit::Usage);
            assert!(!error.to_string().contains(text));
        }
    }
}
