//! `sd check-in`, from a container's point of view.

use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::support::{Answer, Run, Server, sd, signal};

fn check_in(server: &Server, arguments: &[&str]) -> Run {
    let url = format!("{}/v1/check-in", server.url());
    Run::of(sd(&["check-in"]).args(arguments).env("SD_CHECK_IN_URL", url))
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
        let mut command = sd(&["check-in", "-a", "2", "--every", "1s", "--url", &server.url()]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
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
