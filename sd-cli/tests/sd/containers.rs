//! Commands that change containers: create, start, stop, rm.

use std::net::{TcpListener, TcpStream};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::support::{Answer, ClosedPort, Request, Server, ask, container};

/// Answers for the container that the last part of the path names; `lost` does not exist.
fn by_name(request: &Request, status: &str) -> Answer {
    let target = request.line.split('?').next().unwrap();
    let name = target.rsplit('/').next().unwrap();
    if name == "lost" {
        return Answer::problem(404, "container-not-found", "Container lost doesn't exist");
    }
    Answer::json(&container(name, status))
}

fn sorted_lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn of_many_references_each_is_done_and_each_failure_reported() {
    let server = Server::answering(|request| by_name(request, "running"));
    let run = ask(&server, &["start", "web", "lost", "db"]);
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
fn the_worst_failure_decides() {
    let server = Server::answering(|request| match request.line.rsplit('/').next() {
        Some("broken") => Answer::problem(503, "engine-unavailable", "Docker does not answer"),
        Some("refused") => Answer::problem(502, "engine-rejected", "port taken"),
        _ => by_name(request, "running"),
    });
    let run = ask(&server, &["start", "lost", "broken", "refused", "web"]);
    assert_eq!(run.code, Some(5), "{run:?}");
    assert_eq!(run.stdout, "web\n");
    assert_eq!(
        sorted_lines(&run.stderr),
        [
            "hint: `sd ls` lists the containers",
            "hint: start Docker on the daemon's machine, then try again",
            "sd: Container lost doesn't exist",
            "sd: broken: Docker does not answer",
            "sd: refused: port taken",
        ]
    );
}

#[test]
fn many_references_are_worked_on_at_the_same_time() {
    // No answer before all eight requests have arrived: one after the other would wait for ever.
    let all_here = Barrier::new(8);
    let server = Server::answering(move |request| {
        all_here.wait();
        by_name(request, "stopping")
    });
    let run = ask(&server, &["stop", "a", "b", "c", "d", "e", "f", "g", "h"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(
        sorted_lines(&run.stdout),
        ["a", "b", "c", "d", "e", "f", "g", "h"]
    );
}

#[test]
fn json_of_many_references_is_one_array_in_their_order() {
    let server = Server::answering(|request| by_name(request, "running"));
    let run = ask(&server, &["start", "web", "db", "--json"]);
    assert_eq!(
        run.json(),
        json!([container("web", "running"), container("db", "running")])
    );
    let run = ask(&server, &["start", "lost", "--json"]);
    assert_eq!((run.code, run.json()), (Some(4), json!([])));
}

#[test]
fn a_reference_is_one_segment_of_the_path_whatever_it_holds() {
    let server = Server::answering(|request| by_name(request, "running"));
    ask(&server, &["start", "../images/x?y"]);
    assert_eq!(server.lines(), ["PATCH /v1/containers/..%2Fimages%2Fx%3Fy"]);
}

#[test]
fn stop_waits_until_the_container_has_stopped() {
    let looks = AtomicUsize::new(0);
    let server = Server::answering(move |request| {
        let is_look = request.line.starts_with("GET ");
        let looked = if is_look {
            looks.fetch_add(1, Ordering::SeqCst)
        } else {
            0
        };
        let status = if looked < 2 { "stopping" } else { "stopped" };
        Answer::json(&container("web", status))
    });
    ask(&server, &["stop", "web", "--wait"]).printed("web\n");
    assert_eq!(server.requests().len(), 4);
    assert_eq!(server.requests()[0].json(), json!({"status": "stopped"}));
}

#[test]
fn stop_gives_up_waiting_after_a_while() {
    let server = Server::always(|| Answer::json(&container("web", "stopping")));
    ask(&server, &["stop", "web", "--wait", "--wait-timeout", "1s"])
        .failed_with(5, "sd: web has not stopped within 1s\n");
}

#[test]
fn stop_does_not_wait_for_what_was_started_again() {
    let server = Server::answering(|request| {
        let status = if request.line.starts_with("GET ") {
            "running"
        } else {
            "stopping"
        };
        Answer::json(&container("web", status))
    });
    ask(&server, &["stop", "web", "--wait"]).failed_with(1, "sd: web was started again\n");
}

#[test]
fn rm_prints_what_is_gone() {
    let server = Server::always(Answer::no_content);
    ask(&server, &["rm", "web"]).printed("web\n");
    ask(&server, &["rm", "web", "db", "--force", "--json"]).printed("[\n  \"web\",\n  \"db\"\n]\n");
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
fn rm_all_without_a_terminal_needs_force_and_asks_nobody() {
    let server = Server::always(Answer::no_content);
    let run = ask(&server, &["rm", "--all"]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(server.requests().is_empty());
}

#[test]
fn rm_all_with_force_removes_everything() {
    let server = Server::answering(|request| {
        if request.line.starts_with("GET ") {
            Answer::json(&json!([container("web", "running"), container("db", "stopped")]))
        } else {
            Answer::no_content()
        }
    });
    let run = ask(&server, &["rm", "--all", "--force"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.stdout.lines().count(), 2);
    assert_eq!(server.requests().len(), 3);
    let nothing = Server::always(|| Answer::json(&json!([])));
    ask(&nothing, &["rm", "--all", "--force", "--json"]).printed("[]\n");
}

fn with_app_port(mut container: Value, port: u16) -> Value {
    container["app_port"] = json!(port.to_string());
    container
}

#[test]
fn create_sends_what_was_said_and_prints_what_came() {
    let server = Server::always(|| Answer::json(&container("web", "running")));
    let run = ask(
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
fn create_prints_only_the_id_when_quiet() {
    let server = Server::always(|| Answer::json(&container("web", "running")));
    let run = ask(&server, &["create", "sd-web", "-q"]);
    assert_eq!(run.stdout.trim_end().len(), 64, "{run:?}");
}

#[test]
fn create_waits_until_the_application_stops_hanging_up() {
    let application = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = application.local_addr().unwrap().port();
    // As Docker's proxy does while nothing listens in the container; after that, a silent application.
    let proxy = thread::spawn(move || {
        for _ in 0..2 {
            drop(application.accept().unwrap());
        }
        application
    });
    let server = Server::always(move || Answer::json(&with_app_port(container("web", "running"), port)));
    let run = ask(&server, &["create", "sd-web", "--wait", "-q"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    // A proxy that was slow to hang up was taken for the application: it must not wait for another one for ever.
    for _ in 0..2 {
        drop(TcpStream::connect(("127.0.0.1", port)).unwrap());
    }
    drop(proxy.join().unwrap());
}

#[test]
fn create_gives_up_waiting_but_keeps_the_id() {
    let closed = ClosedPort::new();
    let port = closed.number();
    let server = Server::always(move || Answer::json(&with_app_port(container("web", "running"), port)));
    let run = ask(
        &server,
        &["create", "sd-web", "--wait", "--wait-timeout", "1s", "-q"],
    );
    run.failed_with(5, "sd: web accepts no connections within 1s\n");
    assert_eq!(run.stdout.trim_end().len(), 64);
}

#[test]
fn create_does_not_wait_for_a_container_that_ended() {
    let closed = ClosedPort::new();
    let port = closed.number();
    let server = Server::answering(move |request| {
        let status = if request.line.starts_with("GET ") {
            "stopped"
        } else {
            "running"
        };
        let mut answer = with_app_port(container("web", status), port);
        answer["stop_reason"] = json!("exited");
        Answer::json(&answer)
    });
    ask(&server, &["create", "sd-web", "--wait", "-q"])
        .failed_with(1, "sd: web ended (exited) before it accepted connections\n");
}

#[test]
fn create_has_nothing_to_wait_for_without_an_application_port() {
    let server = Server::always(|| Answer::json(&container("web", "running")));
    let run = ask(&server, &["create", "sd-web", "--wait", "-q"]);
    run.failed_with(
        0,
        "sd: this image exposes no application port: there is nothing to wait for\n",
    );
}
