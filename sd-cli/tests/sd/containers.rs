//! The commands create, start, stop and rm.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::support::{ClosedPort, Request, Response, Run, Server, activity, container, run_sd, sd, signal};

/// Responds with the container in the last segment of the path. `lost` does not exist.
fn by_name(request: &Request, status: &str) -> Response {
    let target = request.line.split('?').next().unwrap();
    let name = target.rsplit('/').next().unwrap();
    if name == "lost" {
        return Response::problem(404, "container-not-found", "Container lost doesn't exist");
    }
    Response::json(&container(name, status))
}

fn sorted_lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn every_reference_is_processed_and_every_failure_printed() {
    let server = Server::responding_with(|request| by_name(request, "running"));
    let run = run_sd(&server, &["start", "web", "lost", "db"]);
    run.failed_with(
        4,
        "sd: Container lost doesn't exist\nhint: `sd ls` lists the containers\n",
    );
    assert_eq!(sorted_lines(&run.stdout), ["db", "web"]);
    assert_eq!(
        server.lines(),
        [
            "PATCH /v1/containers/db",
            "PATCH /v1/containers/lost",
            "PATCH /v1/containers/web"
        ]
    );
}

#[test]
fn most_severe_failure_determines_the_exit_code() {
    let server = Server::responding_with(|request| match request.line.rsplit('/').next() {
        Some("broken") => Response::problem(503, "engine-unavailable", "Docker does not respond"),
        Some("refused") => Response::problem(502, "engine-rejected", "port taken"),
        _ => by_name(request, "running"),
    });
    let run = run_sd(&server, &["start", "lost", "broken", "refused", "web"]);
    assert_eq!(run.code, Some(5), "{run:?}");
    assert_eq!(run.stdout, "web\n");
    assert_eq!(
        sorted_lines(&run.stderr),
        [
            "hint: `sd ls` lists the containers",
            "hint: start Docker on the machine of the daemon, then try again",
            "sd: Container lost doesn't exist",
            "sd: broken: Docker does not respond",
            "sd: refused: port taken",
        ]
    );
}

#[test]
fn references_are_processed_in_parallel() {
    // The server responds when all eight requests have arrived: sequential requests would never end.
    let all_here = Barrier::new(8);
    let server = Server::responding_with(move |request| {
        all_here.wait();
        by_name(request, "stopping")
    });
    let run = run_sd(&server, &["stop", "a", "b", "c", "d", "e", "f", "g", "h"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(
        sorted_lines(&run.stdout),
        ["a", "b", "c", "d", "e", "f", "g", "h"]
    );
}

#[test]
fn json_of_references_is_one_array_in_their_order() {
    let server = Server::responding_with(|request| by_name(request, "running"));
    let run = run_sd(&server, &["start", "web", "db", "--json"]);
    assert_eq!(
        run.json(),
        json!([container("web", "running"), container("db", "running")])
    );
    let run = run_sd(&server, &["start", "lost", "--json"]);
    assert_eq!((run.code, run.json()), (Some(4), json!([])));
}

#[test]
fn reference_is_escaped_as_one_path_segment() {
    let server = Server::responding_with(|request| by_name(request, "running"));
    run_sd(&server, &["start", "../images/x?y"]);
    assert_eq!(server.lines(), ["PATCH /v1/containers/..%2Fimages%2Fx%3Fy"]);
}

#[test]
fn stop_waits_until_the_container_has_stopped() {
    let polls = AtomicUsize::new(0);
    let server = Server::responding_with(move |request| {
        let is_poll = request.line.starts_with("GET ");
        let polled = if is_poll {
            polls.fetch_add(1, Ordering::SeqCst)
        } else {
            0
        };
        let status = if polled < 2 { "stopping" } else { "stopped" };
        Response::json(&container("web", status))
    });
    run_sd(&server, &["stop", "web", "--wait"]).printed("web\n");
    assert_eq!(server.requests().len(), 4);
    assert_eq!(server.requests()[0].json(), json!({"status": "stopped"}));
}

#[test]
fn stop_wait_timeout_exits_5() {
    let server = Server::always(|| Response::json(&container("web", "stopping")));
    run_sd(&server, &["stop", "web", "--wait", "--wait-timeout", "1s"])
        .failed_with(5, "sd: web did not stop within 1s\n");
}

#[test]
fn stop_fails_if_the_container_is_started_again() {
    let server = Server::responding_with(|request| {
        let status = if request.line.starts_with("GET ") {
            "running"
        } else {
            "stopping"
        };
        Response::json(&container("web", status))
    });
    run_sd(&server, &["stop", "web", "--wait"])
        .failed_with(1, "sd: web was started again while it was stopping\n");
}

#[test]
fn rm_prints_removed_references() {
    let server = Server::always(Response::no_content);
    run_sd(&server, &["rm", "web"]).printed("web\n");
    run_sd(&server, &["rm", "web", "db", "--force", "--json"]).printed("[\n  \"web\",\n  \"db\"\n]\n");
    assert_eq!(
        server.lines(),
        [
            "DELETE /v1/containers/db?force=true",
            "DELETE /v1/containers/web",
            "DELETE /v1/containers/web?force=true"
        ]
    );
}

#[test]
fn rm_all_without_a_terminal_requires_force() {
    let server = Server::always(Response::no_content);
    let run = run_sd(&server, &["rm", "--all"]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(server.requests().is_empty());
}

#[test]
fn rm_all_with_force_removes_all_containers() {
    let server = Server::responding_with(|request| {
        if request.line.starts_with("GET ") {
            Response::json(&json!([container("web", "running"), container("db", "stopped")]))
        } else {
            Response::no_content()
        }
    });
    let run = run_sd(&server, &["rm", "--all", "--force"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.stdout.lines().count(), 2);
    assert_eq!(server.requests().len(), 3);
    let nothing = Server::always(|| Response::json(&json!([])));
    run_sd(&nothing, &["rm", "--all", "--force", "--json"]).printed("[]\n");
}

fn with_app_port(mut container: Value, port: u16) -> Value {
    container["app_port"] = json!(port.to_string());
    container
}

#[test]
fn create_sends_its_options_and_prints_the_container() {
    let server = Server::always(|| Response::json(&container("web", "running")));
    let run = run_sd(
        &server,
        &[
            "create",
            "sd-web",
            "--name",
            "web",
            "-e",
            "A=1",
            "--env",
            "B=x=y",
            "--memory",
            "512m",
            "--cpus",
            "0.5",
            "--idle-timeout",
            "6h",
            "--idempotency-key",
            "k-1",
            "--json",
            "--",
            "sh",
            "-c",
            "true",
        ],
    );
    assert_eq!(run.json(), container("web", "running"));
    let request = &server.requests()[0];
    assert_eq!(
        request.json(),
        json!({
            "image": "sd-web", "name": "web", "env": {"A": "1", "B": "x=y"}, "cmd": ["sh", "-c", "true"],
            "memory": 536_870_912, "cpus": 0.5, "idle_timeout": 21_600,
        })
    );
    assert!(request.headers.contains(&"idempotency-key: k-1".to_owned()));
}

#[test]
fn quiet_create_prints_only_the_id() {
    let server = Server::always(|| Response::json(&container("web", "running")));
    let run = run_sd(&server, &["create", "sd-web", "-q"]);
    assert_eq!(run.stdout.trim_end().len(), 64, "{run:?}");
}

#[test]
fn create_waits_until_connections_stay_open() {
    let application = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = application.local_addr().unwrap().port();
    // Closes connections like Docker's proxy without a listener in the container, then keeps them open.
    let proxy = thread::spawn(move || {
        for _ in 0..2 {
            drop(application.accept().unwrap());
        }
        application
    });
    let server = Server::always(move || Response::json(&with_app_port(container("web", "running"), port)));
    let run = run_sd(&server, &["create", "sd-web", "--wait", "-q"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    // If a close was late, sd took the proxy for the application: let the thread accept the rest.
    for _ in 0..2 {
        drop(TcpStream::connect(("127.0.0.1", port)).unwrap());
    }
    drop(proxy.join().unwrap());
}

#[test]
fn create_wait_timeout_still_prints_the_id() {
    let closed = ClosedPort::new();
    let port = closed.number();
    let server = Server::always(move || Response::json(&with_app_port(container("web", "running"), port)));
    let run = run_sd(
        &server,
        &["create", "sd-web", "--wait", "--wait-timeout", "1s", "-q"],
    );
    run.failed_with(5, "sd: web did not accept connections within 1s\n");
    assert_eq!(run.stdout.trim_end().len(), 64);
}

#[test]
fn create_wait_ends_when_the_container_stops() {
    let closed = ClosedPort::new();
    let port = closed.number();
    let server = Server::responding_with(move |request| {
        let status = if request.line.starts_with("GET ") {
            "stopped"
        } else {
            "running"
        };
        let mut response = with_app_port(container("web", status), port);
        response["stop_reason"] = json!("exited");
        Response::json(&response)
    });
    // The server has no activity of the container, so that the reason has no details.
    run_sd(&server, &["create", "sd-web", "--wait", "-q"])
        .failed_with(1, "sd: web stopped (exited) before it accepted connections\n");
}

#[test]
fn create_wait_reports_the_reason_of_the_stop() {
    let exited = json!({"kind": "exited", "code": 3});
    for (reason, message) in [
        (
            exited,
            "sd: web exited with code 3 before it accepted connections\n",
        ),
        (
            Value::Null,
            "sd: web stopped before it accepted connections: its main process failed\n",
        ),
    ] {
        let closed = ClosedPort::new();
        let port = closed.number();
        let server = Server::responding_with(move |request| {
            if request.line.ends_with("/activity") {
                let mut activity = activity();
                activity["history"][1]["why"] = json!("its main process failed");
                activity["history"][1]["reason"] = reason.clone();
                return Response::json(&activity);
            }
            let status = if request.line.starts_with("GET ") {
                "stopped"
            } else {
                "running"
            };
            Response::json(&with_app_port(container("web", status), port))
        });
        run_sd(&server, &["create", "sd-web", "--wait", "-q"]).failed_with(1, message);
    }
}

#[test]
fn create_waits_for_ssh_without_an_application_port() {
    let ssh = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = ssh.local_addr().unwrap().port();
    let daemon = thread::spawn(move || {
        let (mut connection, _) = ssh.accept().unwrap();
        connection.write_all(b"SSH-2.0-OpenSSH_9.6\r\n").unwrap();
    });
    let server = Server::always(move || {
        let mut container = container("web", "running");
        container["ssh_port"] = json!(port.to_string());
        Response::json(&container)
    });
    let run = run_sd(&server, &["create", "sd-web", "--wait", "-q"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    daemon.join().unwrap();
}

#[test]
fn interrupted_create_wait_names_the_running_container() {
    let closed = ClosedPort::new();
    let port = closed.number();
    let server = Server::always(move || Response::json(&with_app_port(container("web", "running"), port)));
    let child = sd(&["create", "sd-web", "--wait", "-q"])
        .env("SD_URL", server.url())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The second request polls the container, so that the wait has started.
    server.next_request();
    server.next_request();
    signal(&child, "INT");
    Run::from(child.wait_with_output().unwrap()).failed_with(
        130,
        "sd: stopped waiting; web is running. `sd rm web` removes it\n",
    );
}

#[test]
fn create_does_not_wait_without_a_tcp_port() {
    let server = Server::always(|| Response::json(&container("web", "running")));
    let run = run_sd(&server, &["create", "sd-web", "--wait", "-q"]);
    run.failed_with(0, "sd: not waiting: the image exposes no TCP port\n");
}
