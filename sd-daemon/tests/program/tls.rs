//! The API over TLS, with a certificate created by `openssl`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use sd_client::Client;
use sd_client::api::ContainerQuery;
use tokio::io::AsyncWriteExt;

use crate::program::{PATIENCE, Program, command, connect, exchange, get, status, until_closed};

/// The URL of the daemon, for the copy of this test that runs as a client.
const URL: &str = "SPIN_DOCKER_TEST_URL";

/// Creates a self-signed certificate for localhost and its key.
fn certificate(directory: &Path) -> (PathBuf, PathBuf) {
    let (certificate, key) = (directory.join("certificate.pem"), directory.join("key.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("openssl is installed");
    assert!(made.status.success(), "{made:?}");
    (certificate, key)
}

fn start(directory: &Path) -> (Program, PathBuf) {
    let (certificate, key) = certificate(directory);
    let mut command = command();
    command
        .arg("--tls-cert")
        .arg(&certificate)
        .arg("--tls-key")
        .arg(key);
    (Program::start_as(command), certificate)
}

fn curl(program: &Program, options: &[&str]) -> Output {
    let url = format!("https://{}/v1/containers", program.api());
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--user", "admin:spindocker"])
        .args(options);
    curl.arg(url).output().expect("curl is installed")
}

/// Trusted certificates are read at the start of a process, so the test runs itself as the client.
#[tokio::test]
async fn client_trusts_only_the_file_named_by_ssl_cert_file() {
    if let Ok(url) = std::env::var(URL) {
        let client = Client::new(&url).unwrap().with_credentials("admin", "spindocker");
        client.containers(&ContainerQuery::default()).await.unwrap();
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (program, certificate) = start(directory.path());
    let as_client = |trusted: Option<&Path>| {
        let mut client = Command::new(std::env::current_exe().unwrap());
        let name = "tls::client_trusts_only_the_file_named_by_ssl_cert_file";
        client
            .args(["--exact", name])
            .env(URL, format!("https://{}", program.api()));
        client.env_remove("SSL_CERT_DIR").env_remove("SSL_CERT_FILE");
        if let Some(file) = trusted {
            client.env("SSL_CERT_FILE", file);
        }
        let output = client.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("running 1 test"), "{text}");
        (output.status.success(), text)
    };
    let (is_trusted, text) = as_client(Some(&certificate));
    assert!(is_trusted, "{text}");
    let (is_trusted, text) = as_client(None);
    assert!(!is_trusted, "{text}");
}

#[tokio::test]
async fn api_is_served_over_tls_only() {
    let directory = tempfile::tempdir().unwrap();
    let (program, certificate) = start(directory.path());
    let trusted = curl(&program, &["--cacert", certificate.to_str().unwrap()]);
    assert_eq!(String::from_utf8_lossy(&trusted.stdout), "[]", "{trusted:?}");
    for version in ["--tlsv1.2", "--tlsv1.3"] {
        let answer = curl(&program, &["--insecure", version]);
        assert!(answer.status.success(), "{version}: {answer:?}");
    }
    let old = curl(&program, &["--insecure", "--tls-max", "1.1"]);
    assert!(!old.status.success(), "{old:?}");

    let clear = exchange([127, 0, 0, 1], program.api(), get("/healthz")).await;
    assert_eq!(status(&clear), None, "{clear:?}");
    // Check-ins stay plain HTTP, because their network does not leave the host.
    let report =
        "POST /v1/check-in HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let report = exchange([127, 0, 0, 1], program.check_in(), report.to_owned()).await;
    assert_eq!(status(&report), Some(422), "{report:?}");
}

#[tokio::test]
async fn incomplete_tls_handshakes_are_closed() {
    let directory = tempfile::tempdir().unwrap();
    let (program, _) = start(directory.path());
    let mut attack = Vec::new();
    for _ in 0..200 {
        let mut stream = connect([127, 0, 0, 9], program.api()).await.unwrap();
        // The start of a TLS record whose length announces more bytes.
        drop(stream.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]).await);
        attack.push(stream);
    }
    let answer = tokio::task::spawn_blocking(move || (curl(&program, &["--insecure"]), program));
    let (answer, _program) = tokio::time::timeout(PATIENCE, answer).await.unwrap().unwrap();
    assert!(answer.status.success(), "{answer:?}");
    for stream in attack {
        assert_eq!(until_closed(stream).await, "");
    }
}

/// Starts the daemon with a listen address. Returns its log if it exits with code 2 instead of serving.
fn starts(listen: &str, options: &[&str]) -> Result<(), String> {
    let state = tempfile::tempdir().unwrap();
    let log = state.path().join("log");
    let mut child = Command::new(env!("CARGO_BIN_EXE_sd-daemon"))
        .args([
            "--listen",
            listen,
            "--check-in-listen",
            "off",
            "--log-format",
            "json",
        ])
        .args(options)
        .env("SD_DAEMON_STATE_DIR", state.path().join("state"))
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let text = || std::fs::read_to_string(&log).unwrap();
    let deadline = std::time::Instant::now() + PATIENCE;
    let outcome = loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert_eq!(status.code(), Some(2), "{}", text());
            assert!(!text().contains("serving"), "{}", text());
            return Err(text());
        }
        if text().contains("serving the API") {
            break Ok(());
        }
        assert!(std::time::Instant::now() < deadline, "{}", text());
        std::thread::sleep(Duration::from_millis(10));
    };
    child.kill().unwrap();
    child.wait().unwrap();
    outcome
}

#[test]
fn public_listen_address_requires_password_and_tls_or_opt_in() {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(directory.path());
    let password = directory.path().join("password");
    std::fs::write(&password, "correct horse").unwrap();
    std::fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let password = ["--password-file".to_owned(), path(&password)];
    let tls = [
        "--tls-cert".to_owned(),
        path(&certificate),
        "--tls-key".to_owned(),
        path(&key),
    ];
    let consent = ["--insecure-http".to_owned()];
    for listen in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"] {
        for choice in 0..8 {
            let (has_password, has_tls, has_consent) = (choice & 1 != 0, choice & 2 != 0, choice & 4 != 0);
            let mut options = Vec::new();
            options.extend(password.iter().filter(|_| has_password));
            options.extend(tls.iter().filter(|_| has_tls));
            options.extend(consent.iter().filter(|_| has_consent));
            let options: Vec<_> = options.into_iter().map(String::as_str).collect();
            let outcome = starts(listen, &options);
            let is_local = listen.starts_with("127") || listen.starts_with("[::1]");
            if is_local || (has_password && (has_tls || has_consent)) {
                assert_eq!(outcome, Ok(()), "{listen} {options:?}");
                continue;
            }
            let text = outcome.expect_err("the daemon is open to other hosts");
            let remedies = if has_password {
                ["tls_cert", "insecure_http"]
            } else {
                ["password_file", "127.0.0.1"]
            };
            assert!(
                remedies.iter().all(|remedy| text.contains(remedy)),
                "{listen} {options:?}: {text}"
            );
        }
    }

    let broken = |options: &[&str], expected: &str| {
        let text = starts("127.0.0.1:0", options).expect_err(expected);
        assert!(text.contains(expected), "{text}");
    };
    let (certificate, key) = (path(&certificate), path(&key));
    broken(&["--tls-cert", &certificate], "tls_key: is required");
    broken(&["--tls-key", &key], "tls_cert: is required");
    broken(
        &["--tls-cert", &key, "--tls-key", &key],
        "contains no certificate",
    );
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    broken(&["--tls-cert", &certificate, "--tls-key", &key], "chmod 600");
}
