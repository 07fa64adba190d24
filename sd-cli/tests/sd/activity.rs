//! The commands why, show, events, extend and hold.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::{Request, Response, Run, Server, activity, container, run_sd, sd, signal};

fn event(id: u64, name: &str, what: &str) -> String {
    let event = json!({
        "id": id,
        "event": what,
        "at": "2026-03-01T14:02:11.250Z",
        "container_id": container(name, "running")["container_id"],
        "name": format!("/{name}"),
        "image": "sd-postgres",
        "why": "started by admin",
        "stops_at": null,
    });
    format!("id: {id}\nevent: {what}\ndata: {event}\n\n")
}

#[test]
fn why_prints_a_paragraph_or_the_activity_as_json() {
    let server = Server::always(|| Response::json(&activity()));
    run_sd(&server, &["why", "db"]).printed(
        "db (sd-postgres) was stopped at 16:51 (1h 9m ago): evil \\u{1b}[2J. It had run for 5h 51m. Its files \
         are kept until it is removed; `sd start db` starts it again.\n",
    );
    let run = run_sd(&server, &["why", "db", "--json"]);
    assert_eq!(run.json(), activity());
    assert_eq!(server.lines(), ["GET /v1/containers/db/activity"; 2]);
}

#[test]
fn why_of_a_missing_container_exits_4() {
    let server =
        Server::always(|| Response::problem(404, "container-not-found", "Container db doesn't exist"));
    run_sd(&server, &["why", "db"]).failed_with(
        4,
        "sd: Container db doesn't exist\nhint: `sd ls` lists the containers\n",
    );
}

#[test]
fn show_prints_a_line_per_property_and_the_history() {
    let server = Server::responding_with(|request| {
        if request.line.ends_with("/activity") {
            return Response::json(&activity());
        }
        let mut container = container("db", "stopped");
        container["stop_reason"] = json!("requested");
        container["ports"] = json!({"5432/tcp": 49156});
        container["created_at"] = Value::Null;
        Response::json(&container)
    });
    let id = container("db", "stopped")["container_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let run = run_sd(&server, &["show", "db"]);
    run.printed(&format!(
        "CONTAINER ID   {id}\n\
         NAME           db\n\
         IMAGE          atbaker/sd-postgres\n\
         STATUS         stopped (requested)\n\
         ACTIVE         0\n\
         PORT           49156 -> 5432/tcp\n\
         IDLE TIMEOUT   2h 30m\n\
         MAX LIFETIME   never\n\
         REMOVE AFTER   never\n\
         \n\
         2026-03-01 11:00:00  started       started by admin\n\
         2026-03-01 16:50:58  stopping      evil \\u{{1b}}[2J\n"
    ));
    let json = run_sd(&server, &["show", "db", "--json"]).json();
    assert_eq!(json["ports"], json!({"5432/tcp": 49156}));
}

#[test]
fn extend_sends_seconds_and_prints_the_container() {
    let server = Server::always(|| {
        let mut container = container("db", "running");
        container["stops_at"] = json!("2026-03-01T18:51:00.000Z");
        Response::json(&container)
    });
    let run = run_sd(&server, &["extend", "db", "2h"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    assert!(
        run.stdout.contains("db    atbaker/sd-postgres  running"),
        "{run:?}"
    );
    assert_eq!(server.lines(), ["POST /v1/containers/db/extend"]);
    assert_eq!(server.requests()[0].json(), json!({"by": 7_200}));
}

#[test]
fn extend_of_a_container_without_idle_timeout_is_noted() {
    let server = Server::always(|| {
        let mut container = container("db", "running");
        container["idle_timeout"] = Value::Null;
        Response::json(&container)
    });
    let run = run_sd(&server, &["extend", "db", "2h"]);
    assert_eq!(run.code, Some(0));
    assert_eq!(run.stderr, "sd: nothing to postpone: db has no idle timeout\n");
}

#[test]
fn events_are_printed_until_stdout_is_closed() {
    let stream = event(7, "db", "started") + &event(8, "web", "stopped");
    let server = Server::always(move || Response::events(&stream));
    let mut child = sd(&["events", "--after", "6"])
        .env("SD_URL", server.url())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(
        lines.next().unwrap().unwrap(),
        "2026-03-01 14:02:11  started       db                started by admin"
    );
    assert!(lines.next().unwrap().unwrap().contains("  stopped       web"));
    // sd requests the stream again when it ends, so there is always another event to print.
    drop(lines);
    assert!(child.wait().unwrap().success());
    assert!(
        server.requests()[0]
            .headers
            .contains(&"last-event-id: 6".to_owned())
    );
}

#[test]
fn events_resume_when_the_daemon_is_back() {
    let requests = AtomicUsize::new(0);
    let server = Server::responding_with(move |_| match requests.fetch_add(1, Ordering::SeqCst) {
        0 => Response::events("id: 6\n\n"),
        1 => Response::problem(503, "not-ready", "the daemon is starting"),
        2 => Response::events(&event(7, "db", "started")),
        _ => Response::problem(401, "unauthorized", "another password now"),
    });
    let run = run_sd(&server, &["events", "--format", "jsonl"]);
    assert_eq!(run.code, Some(3), "{run:?}");
    assert_eq!(run.json()["id"], 7);
    let resumed: Vec<bool> = server
        .requests()
        .iter()
        .map(|request| {
            request
                .headers
                .iter()
                .any(|header| header.starts_with("last-event-id:"))
        })
        .collect();
    assert_eq!(resumed, [false, true, true, true]);
    assert!(
        server.requests()[3]
            .headers
            .contains(&"last-event-id: 7".to_owned())
    );
    assert!(
        run.stderr
            .starts_with("sd: the daemon is starting; reconnecting …\nsd: reconnected to the daemon\n"),
        "{run:?}"
    );
}

#[test]
fn events_are_filtered_by_container_id() {
    let server = Server::responding_with(|request| match request.line.as_str() {
        "GET /v1/containers/db" => Response::json(&container("db", "running")),
        "GET /v1/containers/lost" => {
            Response::problem(404, "container-not-found", "Container lost doesn't exist")
        }
        _ => Response::events(&(event(7, "web", "started") + &event(8, "db", "stopped"))),
    });
    assert_eq!(run_sd(&server, &["events", "db", "lost"]).code, Some(4));
    let mut child = sd(&["events", "db"])
        .env("SD_URL", server.url())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("  stopped       db"));
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

fn held(_: &Request) -> Response {
    Response::json(&container("db", "running"))
}

#[test]
fn hold_precedes_the_command_and_returns_its_exit_code() {
    let server = Server::responding_with(held);
    let run = run_sd(&server, &["hold", "db", "--", "sh", "-c", "echo done; exit 7"]);
    assert_eq!(
        (run.code, run.stdout.as_str(), run.stderr.as_str()),
        (Some(7), "done\n", ""),
        "{run:?}"
    );
    assert_eq!(server.lines(), ["POST /v1/containers/db/extend"]);
    assert_eq!(server.requests()[0].json(), json!({"for": 120}));
    assert_eq!(run_sd(&server, &["hold", "db", "--", "true"]).code, Some(0));
    assert_eq!(
        run_sd(&server, &["hold", "db", "--", "sh", "-c", "kill -9 $$"]).code,
        Some(137)
    );
}

#[test]
fn refused_hold_prevents_the_command() {
    let server = Server::always(|| Response::problem(409, "wrong-state", "Container db is not running"));
    run_sd(&server, &["hold", "db", "--", "echo", "begun"])
        .failed_with(1, "sd: Container db is not running\n");
    let server = Server::responding_with(held);
    run_sd(&server, &["hold", "db", "--", "/nonexistent/tool"]).failed_with(
        1,
        "sd: failed to run /nonexistent/tool: No such file or directory\n",
    );
}

#[test]
fn hold_forwards_signals_to_its_command() {
    let server = Server::responding_with(held);
    let script = "trap 'echo terminated; exit 3' TERM; echo ready; while :; do sleep 0.1; done";
    let mut child = sd(&["hold", "db", "--", "sh", "-c", script])
        .env("SD_URL", server.url())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    // A terminal sends SIGINT to the command as well.
    signal(&child, "INT");
    signal(&child, "TERM");
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "terminated\n");
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn hold_keeps_hangup_ignored_for_its_command() {
    let server = Server::responding_with(held);
    // The command prints whether it ignores SIGHUP, which is the first bit.
    let script = "mask=$(sed -n 's/^SigIgn:.*\\(.\\)$/\\1/p' /proc/self/status); echo $((0x$mask & 1))";
    let nohup = format!(
        "trap '' HUP; exec '{}' hold db -- sh -c \"$SCRIPT\"",
        env!("CARGO_BIN_EXE_sd")
    );
    let run = Run::of(
        std::process::Command::new("sh")
            .args(["-c", &nohup])
            .env("SCRIPT", script)
            .env("SD_URL", server.url())
            .env("XDG_CONFIG_HOME", "/nonexistent"),
    );
    run.printed("1\n");
}
