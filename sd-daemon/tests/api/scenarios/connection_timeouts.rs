//! Timeouts of idle, incomplete and unread connections.

use std::time::Duration;

use sd_daemon::server::ConnectionLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{Setup, TestDaemon, with_timeout};

const SHORT: Duration = Duration::from_millis(300);
/// Long enough for one request of these tests on a busy machine.
const PATIENT: Duration = Duration::from_secs(3);
const FOR_EVER: Duration = Duration::from_secs(3600);
const CREDENTIALS: &str = "authorization: Basic YWRtaW46c3BpbmRvY2tlcg==\r\n";

fn daemon(limits: ConnectionLimits) -> TestDaemon {
    TestDaemon::with_setup(Setup {
        limits,
        ..Setup::default()
    })
}

fn long_limits() -> ConnectionLimits {
    ConnectionLimits {
        headers: FOR_EVER,
        keep_alive: FOR_EVER,
        unread: FOR_EVER,
        ..ConnectionLimits::default()
    }
}

/// Sends a request and reads the first part of the response.
async fn request(daemon: &TestDaemon, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(daemon.api()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{CREDENTIALS}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = vec![0; 4096];
    let length = with_timeout(stream.read(&mut response)).await.unwrap();
    assert!(response[..length].starts_with(b"HTTP/1.1 200"));
    stream
}

/// Reads until the daemon closes the connection, by end of file or reset.
async fn until_closed(mut stream: TcpStream) {
    let mut rest = Vec::new();
    drop(with_timeout(stream.read_to_end(&mut rest)).await);
}

#[tokio::test]
async fn idle_keep_alive_connection_is_closed() {
    let daemon = daemon(ConnectionLimits {
        keep_alive: SHORT,
        ..long_limits()
    });
    until_closed(request(&daemon, "/v1/images").await).await;
}

#[tokio::test]
async fn incomplete_second_request_is_closed_at_the_head_limit() {
    let daemon = daemon(ConnectionLimits {
        headers: PATIENT,
        ..long_limits()
    });
    let mut stream = request(&daemon, "/v1/images").await;
    stream.write_all(b"GET /v1/ima").await.unwrap();
    until_closed(stream).await;
}

#[tokio::test]
async fn silent_event_stream_stays_open() {
    let daemon = daemon(ConnectionLimits {
        keep_alive: SHORT,
        unread: SHORT,
        ..long_limits()
    });
    let mut events = request(&daemon, "/v1/events").await;
    // Witnesses: idle connections that are opened later and closed at the limit.
    for _ in 0..3 {
        until_closed(request(&daemon, "/v1/images").await).await;
    }
    daemon.create().await;
    let mut text = String::new();
    while !text.contains("event: created") {
        let mut piece = vec![0; 4096];
        let length = with_timeout(events.read(&mut piece)).await.unwrap();
        assert!(length > 0, "it was closed after {text:?}");
        text.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
}

#[tokio::test]
async fn client_that_reads_nothing_is_disconnected() {
    let daemon = daemon(ConnectionLimits {
        unread: SHORT,
        ..long_limits()
    });
    let socket = TcpSocket::new_v4().unwrap();
    // The buffers of the kernel must not take the whole response.
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(daemon.api()).await.unwrap();
    let request = format!("GET /v1/images HTTP/1.1\r\nhost: localhost\r\n{CREDENTIALS}\r\n");
    let requests = request.repeat(100);
    with_timeout(async { while stream.write_all(requests.as_bytes()).await.is_ok() {} }).await;
}

#[tokio::test]
async fn slow_reader_receives_every_response() {
    let daemon = daemon(ConnectionLimits {
        unread: Duration::from_secs(2),
        ..long_limits()
    });
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(daemon.api()).await.unwrap();
    let request = format!("GET /v1/images HTTP/1.1\r\nhost: localhost\r\n{CREDENTIALS}\r\n");
    let last = request.replace("localhost", "localhost\r\nconnection: close");
    let requests = request.repeat(50) + &last;
    stream.write_all(requests.as_bytes()).await.unwrap();
    let mut responses = Vec::new();
    let mut piece = vec![0; 512];
    loop {
        let length = with_timeout(stream.read(&mut piece)).await.unwrap();
        if length == 0 {
            break;
        }
        responses.extend_from_slice(&piece[..length]);
        tokio::task::yield_now().await;
    }
    let responses = String::from_utf8(responses).unwrap();
    assert_eq!(responses.matches("HTTP/1.1 200").count(), 51);
}
