//! Nobody reads the log.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::program::{PATIENCE, address_in, command, connect, wait_until};

/// Asks so many times on one connection, and is answered each time.
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
    assert!(answered.is_ok(), "nobody reads the log, and the API waits for it");
}

#[tokio::test]
async fn a_log_that_nobody_reads_stops_nothing_and_tells_afterwards_what_is_missing() {
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

    // Each request is a line. There is room for 64 KiB in the pipe and for a thousand lines in the process.
    ask(api, 4000).await;

    // Once somebody reads it again it tells what is missing.
    while !line.contains("log output was blocked") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0);
    }

    // And nobody reads it while the daemon is told to stop.
    ask(api, 2000).await;
    let told_to = std::process::Command::new("kill")
        .arg(child.id().to_string())
        .status();
    assert!(told_to.unwrap().success());
    let mut status = None;
    wait_until("it ends", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(status.unwrap().code(), Some(0));
    let mut rest = Vec::new();
    log.read_to_end(&mut rest).unwrap();
    assert!(!rest.is_empty());
}
