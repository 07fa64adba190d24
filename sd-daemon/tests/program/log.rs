//! A log whose reader stops reading.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::program::{PATIENCE, address_in, command, connect, wait_until};

/// Sends requests on one connection and reads each response.
async fn ask(api: SocketAddr, count: usize) {
    let requests = async {
        let mut stream = connect([127, 0, 0, 1], api).await.unwrap();
        let mut buffer = vec![0; 4096];
        for _ in 0..count {
            let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
            stream.write_all(request).await.unwrap();
            assert!(stream.read(&mut buffer).await.unwrap() > 0);
        }
    };
    let answered = timeout(PATIENCE, requests).await;
    assert!(answered.is_ok(), "the API does not wait for the log");
}

#[tokio::test]
async fn unread_log_blocks_nothing_and_reports_dropped_lines() {
    let state = tempfile::tempdir().unwrap();
    let mut child = command()
        .env("SD_DAEMON_STATE_DIR", state.path())
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .env("RUST_LOG", "debug")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    let api = loop {
        line.clear();
        log.read_line(&mut line).unwrap();
        if let Some(address) = address_in(&line, "serving the API") {
            break address;
        }
    };

    // Each request is a line. The pipe holds 64 KiB and the queue of the log a thousand lines.
    ask(api, 4000).await;

    // As soon as the log is read again, it reports the dropped lines.
    while !line.contains("log output was blocked") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0);
    }

    // The daemon stops although its log is not read.
    ask(api, 2000).await;
    let signalled = std::process::Command::new("kill")
        .arg(child.id().to_string())
        .status();
    assert!(signalled.unwrap().success());
    let mut status = None;
    wait_until("the daemon exits", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(status.unwrap().code(), Some(0));
    let mut rest = Vec::new();
    log.read_to_end(&mut rest).unwrap();
    assert!(!rest.is_empty());
}
