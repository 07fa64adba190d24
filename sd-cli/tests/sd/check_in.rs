//! `sd check-in`, from a container's point of view.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::json;

use crate::support::{Answer, DEADLINE, Request, Run, Server, sd, signal};

const TOKEN: &str = "sd1.a-token-of-a-test";

fn check_in(server: &Server, arguments: &[&str]) -> Run {
    let url = format!("{}/v1/check-in", server.url());
    Run::of(sd(&["check-in"]).args(arguments).env("SD_CHECK_IN_URL", url))
}

/// Starts what does not end by itself.
fn start(mut command: Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_report_carries_the_number_and_no_credentials() {
    let server = Server::always(Answer::no_content);
    check_in(&server, &["--active-connections", "3"]).printed("");
    let request = &server.requests()[0];
    assert_eq!(request.line, "POST /v1/check-in");
    assert_eq!(request.json(), json!({"active-connections": 3}));
    assert!(!request.has_credentials());
}

#[test]
fn settings_of_the_other_commands_are_not_looked_at() {
    let server = Server::always(Answer::no_content);
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
fn connections_from_this_machine_to_a_port_do_not_count() {
    let server = Server::always(Answer::no_content);
    let port = server.port.to_string();
    // The report itself is such a connection.
    check_in(&server, &["--tcp-port", &port]).printed("");
    assert_eq!(server.requests()[0].json(), json!({"active-connections": 0}));
}

#[test]
fn an_unknown_address_is_explained() {
    let server = Server::always(|| Answer::problem(404, "container-not-found", "who are you"));
    check_in(&server, &["-a", "1"]).failed_with(
        4,
        &format!(
            "sd: {} says that this address belongs to no container the daemon runs\n\
             hint: check-ins count only from inside a container made by `sd create`\n",
            server.url()
        ),
    );
}

#[test]
fn a_failure_of_the_daemon_is_not_taken_to_the_next_address() {
    let server = Server::always(|| Answer::problem(503, "engine-unavailable", "registry is full"));
    let run = check_in(&server, &["-a", "1"]);
    assert_eq!(run.code, Some(5), "{run:?}");
    assert!(run.stderr.starts_with("sd: registry is full\n"), "{run:?}");
}

#[test]
fn reporting_goes_on_through_failures_until_the_container_is_stopped() {
    for name in ["TERM", "INT"] {
        let calls = AtomicUsize::new(0);
        let server = Server::always(move || match calls.fetch_add(1, Ordering::SeqCst) {
            0 => Answer::problem(503, "engine-unavailable", "not now"),
            _ => Answer::no_content(),
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
        // The third report begins after the answer to the second was understood.
        for _ in 0..3 {
            assert_eq!(server.next_request().json(), json!({"active-connections": 2}));
        }
        signal(&child, name);
        Run::from(child.wait_with_output().unwrap()).failed_with(
            0,
            "sd: not now; trying again every 1s\nsd: checking in works again\n",
        );
    }
}

#[test]
fn a_wrong_address_ends_even_a_lasting_report() {
    let run = Run::of(sd(&["check-in", "-a", "1", "--every", "1s", "--url", "nonsense"]));
    assert_eq!(run.code, Some(2), "{run:?}");
}

#[test]
fn the_number_may_come_from_a_program() {
    let server = Server::always(Answer::no_content);
    check_in(
        &server,
        &["--", "sh", "-c", "echo $(($1 + 3)); echo noise >&2", "sh", "4"],
    )
    .printed("");
    assert_eq!(server.requests()[0].json(), json!({"active-connections": 7}));
}

#[test]
fn without_a_number_nothing_is_reported() {
    let server = Server::always(Answer::no_content);
    check_in(&server, &["--", "sh", "-c", "echo no database >&2; exit 3"])
        .failed_with(1, "sd: sh ended with status 3; it printed \"no database\"\n");
    check_in(&server, &["--", "echo", "many"]).failed_with(
        1,
        "sd: echo did not print a whole number from 0 to 1000000; it printed \"many\"\n",
    );
    check_in(&server, &["--for", "40m", "--", "/no/such/program"])
        .failed_with(1, "sd: cannot run /no/such/program: No such file or directory\n");
    assert!(server.requests().is_empty());
}

#[test]
fn a_program_that_fails_is_said_once_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::always(Answer::no_content);
    // What it prints differs each time. The third time it works.
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
        "sd: sh ended with status 1; it printed \"try 1\"; trying again every 1s\nsd: checking in works again\n",
    );
}

#[test]
fn a_program_that_runs_is_ended_with_the_report() {
    for (name, every, code) in [
        ("TERM", Some("1s"), 0),
        ("HUP", Some("1s"), 0),
        ("INT", None, 130),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::always(Answer::no_content);
        // sd ignores a hang-up where it was started to, and so it would in tests that are run by nohup.
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
            until("it has ended", || !runs(pid));
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

/// One that has ended and is not yet buried has no program any more.
fn runs(pid: &str) -> bool {
    let command = Path::new("/proc").join(pid).join("cmdline");
    fs::read(command).is_ok_and(|command| !command.is_empty())
}

#[test]
fn how_long_it_is_busy_is_reported_with_or_without_a_number() {
    let server = Server::always(Answer::no_content);
    check_in(&server, &["--for", "40m"]).printed("");
    check_in(&server, &["--for", "90", "-a", "2"]).printed("");
    let bodies: Vec<_> = server.requests().iter().map(Request::json).collect();
    assert_eq!(
        bodies,
        [json!({"for": 2400}), json!({"for": 90, "active-connections": 2})]
    );
}

#[test]
fn a_daemon_that_allows_less_than_was_asked_for_is_quoted() {
    let server =
        Server::always(|| Answer::no_content().with_header("sd-keep-until", "2026-03-01T14:02:11.250Z"));
    check_in(&server, &["--for", "365d"]).failed_with(
        0,
        "sd: the daemon allows less than 365d: this container is kept up until 2026-03-01T14:02:11.250Z for now\n",
    );
}

#[test]
fn the_token_is_sent_and_shown_nowhere() {
    let server = Server::always(Answer::no_content);
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
fn a_token_that_is_not_accepted_is_told_in_one_sentence() {
    let server = Server::always(|| Answer::problem(401, "unknown-token", "not one of this daemon"));
    let run = Run::of(sd(&["check-in", "-a", "1", "--url", &server.url()]).env("SD_CHECK_IN_TOKEN", TOKEN));
    run.failed_with(
        3,
        &format!(
            "sd: {} does not accept the token in SD_CHECK_IN_TOKEN\n\
             hint: a container has the right one from its beginning, from the daemon that made it\n",
            server.url()
        ),
    );
}

#[test]
fn a_token_of_a_container_that_does_not_run_is_explained() {
    let server = Server::always(|| Answer::problem(404, "unknown-caller", "not running"));
    let run = Run::of(sd(&["check-in", "-a", "1", "--url", &server.url()]).env("SD_CHECK_IN_TOKEN", TOKEN));
    assert_eq!(run.code, Some(4), "{run:?}");
    let said = format!(
        "sd: {} says that the container of this token does not run\n",
        server.url()
    );
    assert!(run.stderr.starts_with(&said), "{run:?}");
}

#[test]
fn what_cannot_be_a_token_is_not_repeated() {
    let server = Server::always(Answer::no_content);
    let run =
        Run::of(sd(&["check-in", "-a", "1", "--url", &server.url()]).env("SD_CHECK_IN_TOKEN", "two words"));
    run.failed_with(2, "sd: what stands in SD_CHECK_IN_TOKEN cannot be a token\n");
    assert!(server.requests().is_empty());
}

#[test]
fn an_interval_that_is_too_long_for_the_container_is_refused() {
    let server = Server::always(|| Answer::no_content().with_header("sd-idle-timeout", "60"));
    check_in(&server, &["-a", "1", "--every", "1m"]).failed_with(
        2,
        "sd: a report every 1m comes too late: this container is stopped after 1m without use\n",
    );
}

#[test]
fn an_idle_timeout_that_is_shortened_later_is_followed() {
    let calls = AtomicUsize::new(0);
    let server = Server::always(move || {
        let timeout = match calls.fetch_add(1, Ordering::SeqCst) {
            0 => "9000",
            _ => "1",
        };
        Answer::no_content().with_header("sd-idle-timeout", timeout)
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
        "sd: this container is stopped after 1s without use: reporting twice in that time, and not every 2s\n",
    );
}
