//! Requests that one program takes for one and another for two. Whoever gets a proxy to send such a thing can put words
//! into the mouth of its next client.

mod corpus;

use std::path::Path;
use std::process::{Child, Command, Stdio};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::program::{CREDENTIALS, PATIENCE, Program, connect};
use corpus::corpus;

/// Sends it all and reads what comes until the connection is closed.
async fn answers(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> (Vec<u16>, String) {
    // Some is refused before it has been sent to its end.
    drop(stream.write_all(request.as_bytes()).await);
    let mut text = Vec::new();
    let until_closed = async {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut piece).await {
            text.extend_from_slice(&piece[..length]);
        }
    };
    let is_closed = timeout(PATIENCE, until_closed).await.is_ok();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(is_closed, "{request:?} is waited for after {text}");
    let statuses = text
        .split("HTTP/1.")
        .skip(1)
        .filter_map(|answer| answer.get(2..5)?.parse().ok());
    (statuses.collect(), text)
}

#[tokio::test]
async fn what_can_be_understood_in_two_ways_is_refused_and_nothing_behind_it_is_read() {
    let program = Program::start(&[]);
    for (what, request, expected) in corpus() {
        let stream = connect([127, 0, 0, 1], program.api()).await.unwrap();
        let (statuses, text) = answers(stream, &request).await;
        assert_eq!(statuses, expected, "{what}: {request:?} was answered with {text}");
    }
}

/// nginx in front of the daemon, which keeps its connections to it.
struct Proxy {
    child: Child,
    socket: std::path::PathBuf,
}

impl Proxy {
    fn start(directory: &Path, program: &Program) -> Self {
        let socket = directory.join("socket");
        let settings = format!(
            "daemon off; user root; worker_processes 1; pid {0}/pid; error_log {0}/log;\n\
             events {{ }}\n\
             http {{\n\
               access_log off; client_body_temp_path {0}/body; proxy_temp_path {0}/proxy;\n\
               fastcgi_temp_path {0}/fastcgi; uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;\n\
               upstream daemon {{ server {1}; keepalive 1; }}\n\
               server {{\n\
                 listen unix:{0}/socket;\n\
                 location / {{\n\
                   proxy_pass http://daemon; proxy_http_version 1.1; proxy_request_buffering off;\n\
                   proxy_set_header Connection ''; proxy_set_header Host localhost;\n\
                 }}\n\
               }}\n\
             }}\n",
            directory.display(),
            program.api()
        );
        let file = directory.join("nginx.conf");
        std::fs::write(&file, settings).unwrap();
        let mut nginx = Command::new("/usr/sbin/nginx");
        nginx
            .arg("-p")
            .arg(directory)
            .arg("-e")
            .arg(directory.join("log"))
            .arg("-c")
            .arg(file);
        let child = nginx
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx is installed");
        let proxy = Self { child, socket };
        crate::program::wait_until("nginx listens", || {
            std::os::unix::net::UnixStream::connect(&proxy.socket).is_ok()
        });
        proxy
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Asked like this it ends its workers as well.
        drop(Command::new("kill").arg(self.child.id().to_string()).status());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn behind_a_proxy_nobody_gets_an_answer_that_is_meant_for_another_or_asks_for_another() {
    let program = Program::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let proxy = Proxy::start(directory.path(), &program);
    for (number, (what, request, _)) in corpus().into_iter().enumerate() {
        // How the proxy understands it is its own affair.
        let mut attacker = UnixStream::connect(&proxy.socket).await.unwrap();
        drop(attacker.write_all(request.as_bytes()).await);
        let mut first = [0; 16];
        drop(timeout(PATIENCE, attacker.read(&mut first)).await.unwrap());

        // Its next client comes along the connection that is kept.
        let path = format!("/v1/victim-{number}");
        let victim =
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{CREDENTIALS}\r\n");
        let stream = UnixStream::connect(&proxy.socket).await.unwrap();
        let (statuses, text) = answers(stream, &victim).await;
        assert_eq!(statuses, [404], "after {what}: {text}");
        assert!(text.contains(&path), "after {what}: {text}");
    }
}
