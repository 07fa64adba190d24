//! Floods of check-ins from one address and from thousands.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::program::{Program, connect, exchange, get, number_after, size, status, wait_until};

const REPORT: &[u8] = b"POST /v1/check-in HTTP/1.1\r\nhost: localhost\r\n\
    content-type: application/x-www-form-urlencoded\r\ncontent-length: 8\r\n\r\nactive=1";

/// Sends check-ins on one connection and counts the responses by status code.
async fn report(check_in: SocketAddr, from: [u8; 4], count: usize) -> BTreeMap<u16, usize> {
    let mut stream = connect(from, check_in).await.unwrap();
    let mut answers = BTreeMap::new();
    let mut buffer = vec![0; 4096];
    for _ in 0..count {
        stream.write_all(REPORT).await.unwrap();
        // A response is small enough to arrive in one segment.
        let length = stream.read(&mut buffer).await.unwrap();
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if text.starts_with("HTTP/1.1 429") {
            assert!(text.contains("\r\nretry-after: 1\r\n"), "{text}");
        }
        *answers.entry(status(&Ok(text)).unwrap()).or_default() += 1;
    }
    answers
}

#[tokio::test]
async fn frequent_check_ins_of_one_address_get_429() {
    let program = Program::start(&[]);
    let answers = report(program.check_in(), [127, 7, 0, 1], 500).await;
    assert!(answers[&404] >= 60, "{answers:?}");
    assert!(answers[&429] >= 100, "{answers:?}");
    let answers = report(program.check_in(), [127, 7, 0, 2], 10).await;
    assert_eq!(answers, BTreeMap::from([(404, 10)]));
}

#[tokio::test]
async fn check_ins_from_thousands_of_addresses_use_no_memory_or_disk() {
    const CONNECTIONS: u16 = 4096;
    const AT_ONCE: usize = 64;
    let program = Program::start(&[]);
    let written = || {
        let registry: u64 = std::fs::read_dir(program.state())
            .unwrap()
            .map(|file| size(&file.unwrap().path()))
            .sum();
        (registry, number_after(&program.proc("io"), "write_bytes:"))
    };
    // The daemon logs that it waits for the engine, and then nothing for a while.
    wait_until("the daemon waits for its engine", || {
        program.log().contains("waiting for the container engine")
    });
    // Warms up what is allocated once.
    report(program.check_in(), [127, 8, 0, 1], 10).await;
    let (before, memory) = (written(), program.memory());

    let mut flood = JoinSet::new();
    for number in 0..CONNECTIONS {
        let [high, low] = number.to_be_bytes();
        let check_in = program.check_in();
        flood.spawn(async move { report(check_in, [127, 9, high, low.max(1)], 3).await });
        if flood.len() >= AT_ONCE {
            flood.join_next().await.unwrap().unwrap();
        }
        if number == CONNECTIONS / 2 {
            let health = exchange([127, 0, 0, 1], program.api(), get("/healthz")).await;
            assert_eq!(status(&health), Some(200), "{health:?}");
        }
    }
    while let Some(done) = flood.join_next().await {
        done.unwrap();
    }
    assert_eq!(written(), before, "reports were written to the disk");
    let grown = program.memory().saturating_sub(memory);
    assert!(grown < 16 * 1024, "{grown} KiB more than before");
}
