//! `sd check-in`: a container reports how many connections it serves.
//!
//! Runs inside containers, where it knows no user and no password and needs none: the daemon
//! recognises the container by its address. The settings of the other commands are not read.

use std::net::Ipv4Addr;
use std::time::Duration;

use sd_client::api::{CheckIn, MAX_ACTIVE_CONNECTIONS, route};
use sd_client::{Client, Error as CallError, Sent};
use tokio::signal::unix::{SignalKind, signal};

use crate::error::{CliError, Exit, without_number};
use crate::output::Printer;
use crate::{connections, gateway, human};

const EXAMPLES: &str = "\
Examples:
  sd check-in --active-connections 3
  sd check-in --tcp-port 5432
  sd check-in --tcp-port 5432 --tcp-port 22 --every 60s";

/// Set by the daemon in containers that it creates.
const URL_VARIABLE: &str = "SD_CHECK_IN_URL";
/// A check-in takes no time; a daemon that is stuck should not hold up the next one.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

#[expect(
    clippy::doc_markdown,
    reason = "the comments are help texts, shown as they are"
)]
/// Report activity, from inside a container
///
/// Goes to SD_CHECK_IN_URL when that is set, then to the container's default gateway. Needs no
/// credentials; --user, --password-file and --server are not used, and --url replaces both addresses.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    #[command(flatten)]
    count: Count,
    /// Stay, and report again and again
    #[arg(long, value_name = "DURATION", value_parser = human::parse_duration)]
    every: Option<Duration>,
}

/// Where the number comes from.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Count {
    /// Report this many active connections
    #[arg(
        short,
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(..=i64::from(MAX_ACTIVE_CONNECTIONS))
    )]
    active_connections: Option<u32>,
    /// Count the established connections to this port of the container; may be repeated
    #[arg(
        short = 'p',
        long = "tcp-port",
        value_name = "PORT",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    tcp_ports: Vec<u16>,
}

impl Count {
    fn take(&self) -> Result<CheckIn, CliError> {
        let active_connections = match self.active_connections {
            Some(count) => count,
            None => connections::count(&self.tcp_ports)
                .map(|count| u32::try_from(count).unwrap_or(MAX_ACTIVE_CONNECTIONS))
                .map_err(|error| CliError::Failed(format!("cannot count connections: {error}")))?
                .min(MAX_ACTIVE_CONNECTIONS),
        };
        Ok(CheckIn::connections(active_connections))
    }
}

pub(crate) async fn run(args: Args, url: Option<&str>, out: &mut Printer<'_>) -> Result<(), CliError> {
    match args.every {
        None => tokio::select! {
            outcome = report(&args.count, url) => outcome,
            outcome = end_signal() => outcome.and(Err(CliError::Interrupted(None))),
        },
        Some(every) => tokio::select! {
            outcome = keep_reporting(&args.count, every, url, out) => outcome,
            outcome = end_signal() => outcome,
        },
    }
}

/// Reports until the process is ended. A daemon that is away is said once and waited for.
async fn keep_reporting(
    count: &Count,
    every: Duration,
    url: Option<&str>,
    out: &mut Printer<'_>,
) -> Result<(), CliError> {
    let mut last_failure = None;
    loop {
        match report(count, url).await {
            Ok(()) if last_failure.is_some() => {
                out.note("checking in works again");
                last_failure = None;
            }
            Ok(()) => {}
            // A wrong setting does not become right by waiting.
            Err(error) if error.exit() == Exit::Usage => return Err(error),
            Err(error) => {
                let message = error.to_string();
                if last_failure.as_ref() != Some(&message) {
                    out.note(&format!(
                        "{message}; trying again every {}",
                        human::duration(every)
                    ));
                    last_failure = Some(message);
                }
            }
        }
        tokio::time::sleep(jittered(every, random())).await;
    }
}

/// Counts and reports once.
async fn report(count: &Count, url: Option<&str>) -> Result<(), CliError> {
    let check_in = count.take()?;
    let from_environment = std::env::var(URL_VARIABLE).ok().filter(|value| !value.is_empty());
    let bases = candidates(url, from_environment.as_deref(), gateway::default_gateway());
    send(&check_in, &bases).await
}

/// Sends a report to the first of these that lets itself be connected to.
async fn send(check_in: &CheckIn, bases: &[String]) -> Result<(), CliError> {
    let mut refusals = Vec::new();
    for base in bases {
        let client = Client::new(base)
            .map_err(CliError::Call)?
            .with_answer_limit(ANSWER_LIMIT);
        match client.check_in(check_in).await {
            Err(CallError::Unreachable {
                url,
                reason,
                sent: Sent::No,
            }) => refusals.push(format!(
                "at {url}{} ({})",
                route::CHECK_IN,
                without_number(&reason)
            )),
            outcome => return outcome.map(drop).map_err(|error| refusal(&client, error)),
        }
    }
    Err(CliError::NoWay(if refusals.is_empty() {
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

fn refusal(client: &Client, error: CallError) -> CliError {
    match &error {
        CallError::Problem(problem) if problem.status == 404 => CliError::NotAContainer {
            url: client.url().to_owned(),
        },
        _ => CliError::Call(error),
    }
}

/// The interval, a tenth more or less: containers that were started together should not all speak at once.
fn jittered(every: Duration, random: u32) -> Duration {
    let share = f64::from(random) / f64::from(u32::MAX);
    every.mul_f64(0.9 + share * 0.2)
}

fn random() -> u32 {
    // Without randomness the middle will do: it is about spreading load, not about secrets.
    getrandom::u32().unwrap_or(u32::MAX / 2)
}

/// Returns when the process is asked to end, by a terminal or by whoever stops the container.
async fn end_signal() -> Result<(), CliError> {
    let listen =
        |kind| signal(kind).map_err(|error| CliError::Failed(format!("cannot listen for signals: {error}")));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use super::*;

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

    fn send_to(bases: &[String]) -> Result<(), CliError> {
        let check_in = CheckIn::connections(1);
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(send(&check_in, bases))
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
    fn the_interval_varies_by_a_tenth() {
        let every = Duration::from_secs(60);
        assert_eq!(jittered(every, 0), Duration::from_secs(54));
        assert_eq!(jittered(every, u32::MAX).as_secs(), 66);
    }
}
