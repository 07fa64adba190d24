//! Waits until a container accepts connections.
//!
//! Docker's proxy accepts connections to a published port as soon as the container runs, and closes
//! them if no program listens in the container. A port counts as ready if a connection stays open for
//! a moment, or if the program sends data.

use std::fmt;
use std::time::Duration;

use sd_client::Client;
use sd_client::api::{Activity, Container, EventKind, HistoryEntry, Reason, Status};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use url::Url;

use crate::error::CliError;
use crate::output::shown_name;

/// A connection that is open for this long leads to a program. Docker's proxy closes others sooner.
const MIN_OPEN_TIME: Duration = Duration::from_millis(250);
/// Timeout of one connection attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Time between two attempts: short, because the user waits for it.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// The port to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// The application, at this host port.
    Application(u16),
    /// SSH, at this host port.
    Ssh(u16),
}

impl Endpoint {
    /// The application, or SSH if the image exposes nothing else. Returns `None` without either.
    pub(super) fn of(container: &Container) -> Option<Self> {
        let ssh = container.ssh_port.map(Self::Ssh);
        container.app_port.map(Self::Application).or(ssh)
    }

    fn port(self) -> u16 {
        match self {
            Self::Application(port) | Self::Ssh(port) => port,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application(port) => write!(formatter, "the application on port {port}"),
            Self::Ssh(port) => write!(formatter, "SSH on port {port}"),
        }
    }
}

/// Returns when the endpoint accepts connections on the host of the daemon. Fails if the container
/// stops first.
pub(super) async fn wait_until_accepting(
    container: &Container,
    endpoint: Endpoint,
    client: &Client,
) -> Result<(), CliError> {
    let host = host_of(client.url());
    let mut endpoint = Some(endpoint);
    loop {
        if let Some(endpoint) = endpoint
            && accepts(&host, endpoint.port(), MIN_OPEN_TIME).await
        {
            return Ok(());
        }
        sleep(RETRY_INTERVAL).await;
        let current = client
            .container(&container.container_id)
            .await
            .map_err(|error| CliError::of_call(client, error))?;
        if matches!(current.status, Status::Stopped | Status::Stopping) {
            return Err(CliError::Failed(stopped_message(&current, client).await));
        }
        // The host ports change if the container is restarted meanwhile.
        endpoint = Endpoint::of(&current);
    }
}

/// The message about a container that stopped too early, with the reason from its history.
async fn stopped_message(container: &Container, client: &Client) -> String {
    let name = shown_name(container);
    // The reason is only a detail: a failure of this request must not hide the stop.
    let activity = client.activity(&container.container_id).await.ok();
    let stop = activity.as_ref().and_then(latest_stop);
    match (stop, &container.stop_reason) {
        (
            Some(HistoryEntry {
                reason: Some(Reason::Exited { code }),
                ..
            }),
            _,
        ) => format!("{name} exited with code {code} before it accepted connections"),
        (Some(HistoryEntry { why, .. }), _) => {
            format!("{name} stopped before it accepted connections: {why}")
        }
        (None, Some(reason)) => format!("{name} stopped ({reason}) before it accepted connections"),
        (None, None) => format!("{name} stopped before it accepted connections"),
    }
}

/// The latest stop with a reason. Returns `None` if the history contains none.
fn latest_stop(activity: &Activity) -> Option<&HistoryEntry> {
    activity
        .history
        .iter()
        .rev()
        .find(|entry| matches!(entry.what, EventKind::Stopping | EventKind::Stopped) && !entry.why.is_empty())
}

async fn accepts(host: &str, port: u16, min_open_time: Duration) -> bool {
    match timeout(CONNECT_TIMEOUT, TcpStream::connect((host, port))).await {
        Ok(Ok(connection)) => stays_open(connection, min_open_time).await,
        Ok(Err(_)) | Err(_) => false,
    }
}

async fn stays_open(mut connection: TcpStream, min_open_time: Duration) -> bool {
    let mut greeting = [0];
    match timeout(min_open_time, connection.read(&mut greeting)).await {
        Ok(Ok(0) | Err(_)) => false,
        Ok(Ok(_)) | Err(_) => true,
    }
}

/// The host of the daemon, without the brackets of an IPv6 address.
fn host_of(url: &str) -> String {
    let url = Url::parse(url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or("127.0.0.1");
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Longer than a delayed thread of a test.
    const LONG: Duration = Duration::from_secs(30);

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(work)
    }

    fn listener() -> (TcpListener, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    #[test]
    fn connection_closed_by_the_proxy_is_not_ready() {
        let (listener, port) = listener();
        let proxy = thread::spawn(move || drop(listener.accept().unwrap()));
        assert!(!block_on(accepts("127.0.0.1", port, LONG)));
        proxy.join().unwrap();
    }

    #[test]
    fn closed_port_is_not_ready() {
        // The local port of a connection has no listener, and cannot be assigned to another process.
        let (_listener, port) = listener();
        let connection = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let closed = connection.local_addr().unwrap().port();
        assert!(!block_on(accepts("127.0.0.1", closed, LONG)));
    }

    #[test]
    fn silent_application_is_ready() {
        let (_listener, port) = listener();
        assert!(block_on(accepts("127.0.0.1", port, MIN_OPEN_TIME)));
    }

    #[test]
    fn application_that_sends_a_greeting_is_ready() {
        let (listener, port) = listener();
        let greeter = thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            connection.write_all(b"SSH-2.0\r\n").unwrap();
        });
        assert!(block_on(accepts("127.0.0.1", port, LONG)));
        greeter.join().unwrap();
    }

    #[test]
    fn host_is_that_of_the_daemon() {
        for (url, host) in [
            ("http://127.0.0.1:8080", "127.0.0.1"),
            ("https://lab.example.org/sd", "lab.example.org"),
            ("http://[::1]:8080", "::1"),
        ] {
            assert_eq!(host_of(url), host);
        }
    }
}
