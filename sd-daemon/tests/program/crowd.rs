//! Many connections, and slow ones: nobody else has to wait for them, and they come to an end.

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
/// Half of a request.
const HALF: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: loc";

/// Connections on which a request was begun. Those that are closed at once count as well.
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
        assert_eq!(closed.unwrap(), "", "half a request has no answer");
    }
}

/// The shortest time of several.
async fn quickest_answer(program: &Program, path: &str) -> Duration {
    let mut quickest = PATIENCE;
    for _ in 0..20 {
        let began = Instant::now();
        let answer = exchange(HERE, program.api(), get(path)).await;
        assert_eq!(status(&answer), Some(200), "{answer:?}");
        quickest = quickest.min(began.elapsed());
    }
    quickest
}

/// A stream of events that has begun.
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
async fn four_hundred_half_open_connections_keep_nobody_waiting_and_are_all_closed() {
    let program = Program::start(&[]);
    let listener = listen_to_events(&program).await;
    let attack = half_open(ATTACKER, program.api(), 400).await;

    let quickest = quickest_answer(&program, "/v1/containers").await;
    assert!(quickest < Duration::from_millis(500), "{quickest:?}");
    // There is room for who asks from the same address as well.
    is_answered(ATTACKER, program.api(), "/healthz").await;
    until_all_closed(attack).await;

    // Who has shown the credentials was no part of the crowd, and still listens.
    let mut waiting = vec![0; 64 * 1024];
    let mut is_open = || match listener.try_read(&mut waiting) {
        Ok(0) => false,
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
    };
    assert!(is_open() && is_open(), "the stream of events was closed");
}

#[tokio::test]
async fn from_many_addresses_they_do_not_either() {
    let program = Program::start(&[]);
    let mut attack = Vec::new();
    for last in 1..=20 {
        attack.extend(half_open([127, 0, 9, last], program.api(), 32).await);
    }
    is_answered(HERE, program.api(), "/healthz").await;
    until_all_closed(attack).await;
}

#[tokio::test]
async fn without_a_crowd_a_slow_peer_has_its_time_and_no_more() {
    let program = Program::start(&[]);
    let slow = half_open(ATTACKER, program.api(), 1).await;
    let silent = connect(ATTACKER, program.api()).await.unwrap();
    // A byte now and then is no reason to stay.
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
async fn a_head_a_body_or_a_value_that_is_too_large_is_refused() {
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
    // There is no engine to ask about the image.
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
async fn thirty_clients_at_once_are_all_answered() {
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
