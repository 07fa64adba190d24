//! The command check-in.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::json;

use crate::support::{DEADLINE, Request, Response, Run, Server, sd, signal};

const TOKEN: &str = "sd1.a-token-of-a-test";

fn check_in(server: &Server, arguments: &[&str]) -> Run {
    let url = format!("{}/v1/check-in", server.url());
    Run::of(sd(&["check-in"]).args(arguments).env("SD_CHECK_IN_URL", url))
}

/// Starts a command that does not exit by itself.
fn start(mut command: Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn report_contains_the_number_and_no_credentials() {
    let server = Server::always(Response::no_content);
    check_in(&server, &["--active-connections", "3"]).printed("");
    let request = &server.requests()[0];
    assert_eq!(request.line, "POST /v1/check-in");
    assert_eq!(request.json(), json!({"active-connections": 3}));
    assert!(!request.has_credentials());
}

#[test]
fn settings_of_other_commands_are_ignored() {
    let server = Server::always(Response::no_content);
    let run = Run::of(
        sd(&["check-in", "-a", "0", "--url", &server.url()])
            .env("SD_URL", "nonsense")
            .env("SD_PASSWORD", "secret")
            .env("SD_FORMAT", "nonsense"),
    );
    run.printed("");
    assert!(!server.requests()[0].has_credentials());
}

#[test]
fn local_connections_do_not_count() {
    let server = Server::always(Response::no_content);
    let port = server.port.to_string();
    // The report itself is such a connection.
    check_in(&server, &["--tcp-port", &port]).printed("");
    assert_eq!(server.requests()[0].json(), json!({"active-connections": 0}));
}

#[test]
fn unknown_address_is_explained() {
    let server = Server::always(|| Response::problem(404, "container-not-found", "who are you"));
    check_in(&server, &["-a", "1"]).failed_with(
        4,
        &format!(
            "sd: failed to check in to {}: the address of this machine belongs to no running container\n\
             hint: run `sd check-in` inside a container that `sd create` created\n",
            server.url()
        ),
    );
}

#[test]
fn daemon_failure_is_not_retried_at_the_next_address() {
    let server = Server::always(|| Response::problem(503, "engine-unavailable", "registry is full"));
    let run = check_in(&server, &["-a", "1"]);
    assert_eq!(run.code, Some(5), "{run:?}");
    assert!(run.stderr.starts_with("sd: registry is full\n"), "{run:?}");
}

#[test]
fn reporting_continues_after_failures_until_a_signal() {
    for name in ["TERM", "INT"] {
        let calls = AtomicUsize::new(0);
        let server = Server::always(move || match calls.fetch_add(1, Ordering::SeqCst) {
            0 => Response::problem(503, "engine-unavailable", "not now"),
            _ => Response::no_content(),
        });
        let child = start(sd(&[
            "check-in",
            "-a",
            "2",
            "--every",
            "1s",
            "--url",
            &server.url(),
        ]));
        // The third report starts after the response to the second was read.
        for _ in 0..3 {
            assert_eq!(server.next_request().json(), json!({"active-connections": 2}));
        }
        signal(&child, name);
        Run::from(child.wait_with_output().unwrap())
            .failed_with(0, "sd: not now; retrying every 1s\nsd: check-in works again\n");
    }
}

#[test]
fn invalid_url_ends_periodic_reporting() {
    let run = Run::of(sd(&["check-in", "-a", "1", "--every", "1s", "--url", "nonsense"]));
    assert_eq!(run.code, Some(2), "{run:?}");
}

#[test]
fn program_output_is_reported() {
    let server = Server::always(Response::no_content);
    check_in(
        &server,
        &["--", "sh", "-c", "echo $(($1 + 3)); echo noise >&2", "sh", "4"],
    )
    .printed("");
    assert_eq!(server.requests()[0].json(), json!({"active-connections": 7}));
}

#[test]
fn no_report_is_sent_without_a_number() {
    let server = Server::always(Response::no_content);
    check_in(&server, &["--", "sh", "-c", "echo no database >&2; exit 3"]).failed_with(
        1,
        "sd: failed to count connections: sh exited with code 3; it printed \"no database\"\n",
    );
    check_in(&server, &["--", "echo", "many"]).failed_with(
        1,
        "sd: failed to count connections: echo did not print a whole number from 0 to 1000000; it printed \"many\"\n",
    );
    check_in(&server, &["--for", "40m", "--", "/no/such/program"]).failed_with(
        1,
        "sd: failed to count connections: failed to run /no/such/program: No such file or directory\n",
    );
    assert!(server.requests().is_empty());
}

#[test]
fn failing_program_is_printed_once_and_retried() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::always(Response::no_content);
    // It prints another text each time, and succeeds the third time.
    let script =
        "echo >>tries; tries=$(wc -l <tries); [ $tries -ge 3 ] || { echo try $tries; exit 1; }; echo 5";
    let mut command = sd(&[
        "check-in",
        "--every",
        "1s",
        "--url",
        &server.url(),
        "--",
        "sh",
        "-c",
        script,
    ]);
    command.current_dir(&folder).env("PATH", "/usr/bin:/bin");
    let child = start(command);
    for _ in 0..2 {
        assert_eq!(server.next_request().json(), json!({"active-connections": 5}));
    }
    signal(&child, "TERM");
    Run::from(child.wait_with_output().unwrap()).failed_with(
        0,
        "sd: failed to count connections: sh exited with code 1; it printed \"try 1\"; retrying every 1s\nsd: check-in works again\n",
    );
}

#[test]
fn signal_kills_the_running_program() {
    for (name, every, code) in [
        ("TERM", Some("1s"), 0),
        ("HUP", Some("1s"), 0),
        ("INT", None, 130),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::always(Response::no_content);
        // Under nohup, SIGHUP would be ignored: reset it.
        let mut command = Command::new("env");
        command.args(["--default-signal=HUP", env!("CARGO_BIN_EXE_sd")]);
        command.args(["check-in", "--url", &server.url()]);
        command.args(every.iter().flat_map(|every| ["--every", every]));
        command.args([
            "--",
            "sh",
            "-c",
            "trap '' TERM HUP; sleep 1000 & echo $$ $! >new; mv new pids; wait; wait",
        ]);
        command
            .current_dir(&folder)
            .env_clear()
            .env("PATH", "/usr/bin:/bin");
        let child = start(command);
        let pids = folder.path().join("pids");
        until("the program runs", || pids.exists());
        signal(&child, name);
        Run::from(child.wait_with_output().unwrap()).failed_with(code, "");
        for pid in fs::read_to_string(&pids).unwrap().split_whitespace() {
            until("it has exited", || !runs(pid));
        }
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "{what}");
        std::thread::yield_now();
    }
}

/// A zombie has an empty command line.
fn runs(pid: &str) -> bool {
    let command = Path::new("/proc").join(pid).join("cmdline");
    fs::read(command).is_ok_and(|command| !command.is_empty())
}

#[test]
fn busy_duration_is_reported_with_or_without_a_number() {
    let server = Server::always(Response::no_content);
    check_in(&server, &["--for", "40m"]).printed("");
    check_in(&server, &["--for", "90", "-a", "2"]).printed("");
    let bodies: Vec<_> = server.requests().iter().map(Request::json).collect();
    assert_eq!(
        bodies,
        [json!({"for": 2400}), json!({"for": 90, "active-connections": 2})]
    );
}

#[test]
fn hold_limited_by_the_daemon_is_noted() {
    let server =
        Server::always(|| Response::no_content().with_header("sd-keep-until", "2026-03-01T14:02:11.250Z"));
    check_in(&server, &["--for", "365d"]).failed_with(
        0,
        "sd: the daemon limits --for 365d: it keeps this container running until 2026-03-01T14:02:11.250Z\n",
    );
}

#[test]
fn token_is_sent_and_never_printed() {
    let server = Server::always(Response::no_content);
    let mut command = sd(&["check-in", "--every", "1s", "-a", "1", "--url", &server.url()]);
    let child = start({
        command.env("SD_CHECK_IN_TOKEN", TOKEN);
        command
    });
    let headers = server.next_request().headers;
    assert!(
        headers.contains(&format!("authorization: bearer {TOKEN}")),
        "{headers:?}"
    );
    let arguments = fs::read_to_string(format!("/proc/{}/cmdline", child.id())).unwrap();
    assert!(!arguments.contains(TOKEN));
    signal(&child, "TERM");
    Run::from(child.wait_with_output().unwrap()).failed_with(0, "");
}

#[test]
fn rejected_token_exits_3() {
    let server = Server::always(|| Response::problem(401, "unknown-token", "not one of this daemon"));
    let run = Run::of(sd(&["check-in", "-a", "1", "--url", &server.url()]).env("SD_CHECK_IN_TOKEN", TOKEN));
    run.failed_with(
        3,
        &format!(
            "sd: failed to check in to {}: the daemon rejected the token in SD_CHECK_IN_TOKEN\n\
             hint: use the token that the daemon set when it created the container\n",
            server.url()
        ),
    );
}

#[test]
fn token_of_a_stopped_container_is_explained() {
    let server = Server::always(|| Response::problem(404, "unknown-caller", "not running"));
    let run = Run::of(sd(&["check-in", "-a", "1", "--url", &server.url()]).env("SD_CHECK_IN_TOKEN", TOKEN));
    assert_eq!(run.code, Some(4), "{run:?}");
    let message = format!(
        "sd: failed to check in to {}: the container of this token is not running\n",
        server.url()
    );
    assert!(run.stderr.starts_with(&message), "{run:?}");
}

#[test]
fn invalid_token_is_not_printed() {
    let server = Server::always(Response::no_content);
    let run =
        Run::of(sd(&["check-in", "-a", "1", "--url", &server.url()]).env("SD_CHECK_IN_TOKEN", "two words"));
    run.failed_with(
        2,
        "sd: failed to read SD_CHECK_IN_TOKEN: not a token; use the value that the daemon set\n",
    );
    assert!(server.requests().is_empty());
}

#[test]
fn interval_longer_than_the_idle_timeout_is_refused() {
    let server = Server::always(|| Response::no_content().with_header("sd-idle-timeout", "60"));
    check_in(&server, &["-a", "1", "--every", "1m"]).failed_with(
        2,
        "sd: failed to report every 1m: the idle timeout of this container is 1m; choose a shorter interval\n",
    );
}

#[test]
fn shortened_idle_timeout_shortens_the_interval() {
    let calls = AtomicUsize::new(0);
    let server = Server::always(move || {
        let timeout = match calls.fetch_add(1, Ordering::SeqCst) {
            0 => "9000",
            _ => "1",
        };
        Response::no_content().with_header("sd-idle-timeout", timeout)
    });
    let child = start(sd(&[
        "check-in",
        "-a",
        "1",
        "--every",
        "2s",
        "--url",
        &server.url(),
    ]));
    for _ in 0..4 {
        server.next_request();
    }
    signal(&child, "TERM");
    Run::from(child.wait_with_output().unwrap()).failed_with(
        0,
        "sd: reporting every 1s instead of every 2s: the idle timeout of this container is 1s\n",
    );
}
