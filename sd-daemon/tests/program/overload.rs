//! Many and slow connections: other clients are served, and stalled connections are closed.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::program::{
    CREDENTIALS, PATIENCE, Program, connect, exchange, get, is_answered, status, until_closed,
};

const HERE: [u8; 4] = [127, 0, 0, 1];
const ATTACKER: [u8; 4] = [127, 0, 0, 9];
/// The first half of a request.
const HALF: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: loc";

/// Opens connections and sends half a request on each. The daemon may close some of them immediately.
async fn half_open(from: [u8; 4], to: SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut opened = Vec::new();
    for _ in 0..count {
        let mut stream = connect(from, to).await.unwrap();
        drop(stream.write_all(HALF).await);
        opened.push(stream);
    }
    opened
}

async fn until_all_closed(connections: Vec<TcpStream>) {
    let mut closing: JoinSet<_> = connections.into_iter().map(until_closed).collect();
    while let Some(closed) = closing.join_next().await {
        assert_eq!(closed.unwrap(), "", "half a request got a response");
    }
}

/// The shortest response time of twenty requests.
async fn shortest_response_time(program: &Program, path: &str) -> Duration {
    let mut shortest = PATIENCE;
    for _ in 0..20 {
        let began = Instant::now();
        let answer = exchange(HERE, program.api(), get(path)).await;
        assert_eq!(status(&answer), Some(200), "{answer:?}");
        shortest = shortest.min(began.elapsed());
    }
    shortest
}

/// Opens an event stream and reads the status line.
async fn listen_to_events(program: &Program) -> TcpStream {
    let mut stream = connect(ATTACKER, program.api()).await.unwrap();
    let request = format!("GET /v1/events HTTP/1.1\r\nhost: localhost\r\n{CREDENTIALS}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut beginning = [0; 12];
    stream.read_exact(&mut beginning).await.unwrap();
    assert_eq!(&beginning, b"HTTP/1.1 200");
    stream
}

#[tokio::test]
async fn half_open_connections_of_one_address_are_closed() {
    let program = Program::start(&[]);
    let listener = listen_to_events(&program).await;
    let attack = half_open(ATTACKER, program.api(), 400).await;

    let shortest = shortest_response_time(&program, "/v1/containers").await;
    assert!(shortest < Duration::from_millis(500), "{shortest:?}");
    // The same address can still send complete requests.
    is_answered(ATTACKER, program.api(), "/healthz").await;
    until_all_closed(attack).await;

    // The authenticated event stream of the same address stays open.
    let mut waiting = vec![0; 64 * 1024];
    let mut is_open = || match listener.try_read(&mut waiting) {
        Ok(0) => false,
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
    };
    assert!(is_open() && is_open(), "the stream of events was closed");
}

#[tokio::test]
async fn half_open_connections_of_many_addresses_are_closed() {
    let program = Program::start(&[]);
    let mut attack = Vec::new();
    for last in 1..=20 {
        attack.extend(half_open([127, 0, 9, last], program.api(), 32).await);
    }
    is_answered(HERE, program.api(), "/healthz").await;
    until_all_closed(attack).await;
}

#[tokio::test]
async fn slow_requests_without_overload_get_the_full_timeout() {
    let program = Program::start(&[]);
    let slow = half_open(ATTACKER, program.api(), 1).await;
    let silent = connect(ATTACKER, program.api()).await.unwrap();
    // Single bytes do not extend the timeout of the headers.
    let trickling = async {
        let mut stream = connect(ATTACKER, program.api()).await.unwrap();
        drop(stream.write_all(b"GET / HTTP/1.1\r\nx: ").await);
        let trickle = async {
            while stream.write_all(b"y").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        timeout(PATIENCE, trickle).await.unwrap();
    };
    let body = format!(
        "POST /v1/containers HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: 10\r\n{CREDENTIALS}\r\n{{"
    );
    let half_a_body = async {
        let answer = timeout(PATIENCE, exchange(ATTACKER, program.api(), body))
            .await
            .unwrap();
        assert_eq!(status(&answer), Some(408), "{answer:?}");
    };
    let began = Instant::now();
    tokio::join!(
        until_all_closed(slow),
        until_all_closed(vec![silent]),
        trickling,
        half_a_body
    );
    assert!(began.elapsed() > Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test]
async fn oversized_headers_bodies_and_values_are_rejected() {
    let program = Program::start(&[]);
    let answer = async |text: String| exchange(HERE, program.api(), text).await;

    let head = format!(
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n",
        "x".repeat(16 * 1024)
    );
    assert_eq!(status(&answer(head).await), Some(431));
    let lines = "x: y\r\n".repeat(200);
    let head = format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\n{lines}\r\n");
    assert_eq!(status(&answer(head).await), Some(431));

    let post = |path: &str, body: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n{CREDENTIALS}\r\n{body}",
            body.len()
        )
    };
    let cmd = |length: usize| format!(r#"{{"image":"x","cmd":["{}"]}}"#, "x".repeat(length));
    // The body is accepted; the missing engine fails the request.
    assert_eq!(
        status(&answer(post("/v1/containers", &cmd(60_000))).await),
        Some(503)
    );
    assert_eq!(
        status(&answer(post("/v1/containers", &cmd(64 * 1024))).await),
        Some(413)
    );
    let report = |length: usize| format!(r#"{{"active":1{}}}"#, " ".repeat(length));
    assert_eq!(
        status(&answer(post("/v1/check-in", &report(1000))).await),
        Some(404)
    );
    assert_eq!(
        status(&answer(post("/v1/check-in", &report(1024))).await),
        Some(413)
    );
    let nested = format!("{}{}", r#"{"env":"#.repeat(5000), "}".repeat(5000));
    assert_eq!(status(&answer(post("/v1/containers", &nested)).await), Some(400));
}

#[tokio::test]
async fn thirty_concurrent_clients_are_served() {
    let program = Program::start(&[]);
    let mut clients = JoinSet::new();
    for _ in 0..30 {
        let api = program.api();
        clients.spawn(async move {
            for _ in 0..20 {
                let answer = exchange(HERE, api, get("/v1/containers")).await;
                assert_eq!(status(&answer), Some(200), "{answer:?}");
            }
        });
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
}
