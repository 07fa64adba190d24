//! Waits until an application accepts connections.
//!
//! A port of a container is open as soon as the container runs: Docker's proxy accepts in the
//! application's place, and hangs up when nothing listens behind it. So a connection counts only when
//! it stays open for a moment, or when the application says something.

use std::time::Duration;

use sd_client::Client;
use sd_client::api::{Container, Status};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use url::Url;

use crate::error::CliError;
use crate::output::shown_name;

/// A proxy that finds nobody behind it hangs up long before this.
const MUST_STAY_OPEN: Duration = Duration::from_millis(250);
/// A host that cannot be connected to for this long is tried again.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// Between two tries: short, because this is what the user waits for.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// Returns when the application of the container accepts connections at its port on the daemon's
/// host; fails when the container can no longer come to that.
pub(crate) async fn until_accepting(container: &Container, client: &Client) -> Result<(), CliError> {
    let host = host_of(client.url());
    let mut port = container.app_port;
    loop {
        if let Some(port) = port
            && accepts(&host, port, MUST_STAY_OPEN).await
        {
            return Ok(());
        }
        sleep(TRY_AGAIN).await;
        let now = client
            .container(&container.container_id)
            .await
            .map_err(|error| CliError::of_call(client, error))?;
        if matches!(now.status, Status::Stopped | Status::Stopping) {
            return Err(CliError::Failed(ended(&now)));
        }
        // A restart behind our back gives other ports.
        port = now.app_port;
    }
}

fn ended(container: &Container) -> String {
    let name = shown_name(container);
    match &container.stop_reason {
        Some(reason) => format!("{name} ended ({reason}) before it accepted connections"),
        None => format!("{name} ended before it accepted connections"),
    }
}

async fn accepts(host: &str, port: u16, must_stay_open: Duration) -> bool {
    match timeout(CONNECT_LIMIT, TcpStream::connect((host, port))).await {
        Ok(Ok(connection)) => stays_open(connection, must_stay_open).await,
        Ok(Err(_)) | Err(_) => false,
    }
}

async fn stays_open(mut connection: TcpStream, for_at_least: Duration) -> bool {
    let mut greeting = [0];
    match timeout(for_at_least, connection.read(&mut greeting)).await {
        Ok(Ok(0) | Err(_)) => false,
        Ok(Ok(_)) | Err(_) => true,
    }
}

/// The daemon's host, as something to connect to; the client has already parsed the address.
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

    /// A thread of a test may be late.
    const LONG: Duration = Duration::from_secs(30);

    fn on_runtime<T>(work: impl Future<Output = T>) -> T {
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
    fn a_proxy_that_hangs_up_is_not_an_application() {
        let (listener, port) = listener();
        let proxy = thread::spawn(move || drop(listener.accept().unwrap()));
        assert!(!on_runtime(accepts("127.0.0.1", port, LONG)));
        proxy.join().unwrap();
    }

    #[test]
    fn a_closed_port_is_not_an_application() {
        // Nobody listens on the near end of a connection, and nobody else can be given its port.
        let (_listener, port) = listener();
        let connection = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let closed = connection.local_addr().unwrap().port();
        assert!(!on_runtime(accepts("127.0.0.1", closed, LONG)));
    }

    #[test]
    fn a_silent_application_accepts() {
        let (_listener, port) = listener();
        assert!(on_runtime(accepts("127.0.0.1", port, MUST_STAY_OPEN)));
    }

    #[test]
    fn an_application_that_greets_and_hangs_up_accepts() {
        let (listener, port) = listener();
        let greeter = thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            connection.write_all(b"SSH-2.0\r\n").unwrap();
        });
        assert!(on_runtime(accepts("127.0.0.1", port, LONG)));
        greeter.join().unwrap();
    }

    #[test]
    fn the_host_is_that_of_the_daemon() {
        for (url, host) in [
            ("http://127.0.0.1:8080", "127.0.0.1"),
            ("https://lab.example.org/sd", "lab.example.org"),
            ("http://[::1]:8080", "::1"),
        ] {
            assert_eq!(host_of(url), host);
        }
    }
}
