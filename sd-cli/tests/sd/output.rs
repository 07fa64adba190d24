//! The formats of data on stdout, and a stdout that is closed or full.

use std::io;

use serde_json::json;

use crate::support::{Response, Run, Server, container, run_sd, sd};

fn server_of_three() -> Server {
    Server::always(|| {
        Response::json(&json!([
            container("web", "stopped"),
            container("db", "stopped"),
            container("cache", "stopped")
        ]))
    })
}

#[test]
fn list_is_a_table_by_default() {
    run_sd(&server_of_three(), &["ls"]).printed(
        "\
CONTAINER ID  NAME   IMAGE                STATUS   ACTIVE  SSH  APP  STOPS IN
776562000000  web    atbaker/sd-postgres  stopped  0       -    -    -
646200000000  db     atbaker/sd-postgres  stopped  0       -    -    -
636163686500  cache  atbaker/sd-postgres  stopped  0       -    -    -
",
    );
}

#[test]
fn json_is_the_unchanged_response_of_the_api() {
    let wire = json!([
        container("web", "stopped"),
        container("db", "stopped"),
        container("cache", "stopped")
    ]);
    let server = server_of_three();
    assert_eq!(run_sd(&server, &["ls", "--json"]).json(), wire);
    assert_eq!(run_sd(&server, &["--format", "json", "ls"]).json(), wire);

    let lines = run_sd(&server, &["ls", "--format", "jsonl"]).stdout;
    let values: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(json!(values), wire);
}

#[test]
fn empty_list_is_an_empty_array_or_a_header() {
    let server = Server::always(|| Response::json(&json!([])));
    run_sd(&server, &["ls", "--json"]).printed("[]\n");
    run_sd(&server, &["ls", "--format", "jsonl"]).printed("");
    run_sd(&server, &["ls", "-q"]).printed("");
    run_sd(&server, &["ls"]).printed("CONTAINER ID  NAME  IMAGE  STATUS  ACTIVE  SSH  APP  STOPS IN\n");
}

#[test]
fn format_is_read_from_the_environment() {
    let server = Server::always(|| Response::json(&json!([])));
    let run = Run::of(sd(&["ls"]).env("SD_URL", server.url()).env("SD_FORMAT", "json"));
    run.printed("[]\n");
}

#[test]
fn quiet_prints_complete_ids_only() {
    let run = run_sd(&server_of_three(), &["ls", "-q"]);
    assert!(run.stdout.lines().all(|line| line.len() == 64), "{run:?}");
    assert_eq!(run.stdout.lines().count(), 3);
    let ids = run_sd(&server_of_three(), &["ls", "-q", "--json"]).json();
    assert_eq!(
        ids,
        json!(["web", "db", "cache"].map(|name| container(name, "stopped")["container_id"].clone()))
    );
}

#[test]
fn filters_are_sent_in_the_query() {
    let server = Server::always(|| Response::json(&json!([])));
    run_sd(
        &server,
        &[
            "ls", "--status", "running", "--filter", "name=web", "--image", "a/b:c", "--audit",
        ],
    )
    .printed("CONTAINER ID  NAME  IMAGE  STATUS  ACTIVE  SSH  APP  STOPS IN\n");
    assert_eq!(
        server.lines(),
        ["GET /v1/containers?status=running&image=a%2Fb%3Ac&name=web&audit=true"]
    );
}

#[test]
fn images_are_printed_one_per_line() {
    let server = Server::always(|| Response::json(&json!(["a/b:1", "c\u{1b}[2J:2"])));
    run_sd(&server, &["images"]).printed("IMAGE\na/b:1\nc\\u{1b}[2J:2\n");
    run_sd(&server, &["images", "-q"]).printed("a/b:1\nc\\u{1b}[2J:2\n");
    assert_eq!(
        run_sd(&server, &["images", "--json"]).json(),
        json!(["a/b:1", "c\u{1b}[2J:2"])
    );
}

#[test]
fn closed_stdout_is_success() {
    let server = server_of_three();
    for arguments in [&["ls"][..], &["ls", "--json"], &["ls", "--watch"]] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let run = Run::of(sd(arguments).env("SD_URL", server.url()).stdout(writer));
        run.printed("");
    }
}

#[test]
fn full_disk_is_a_failure() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let server = server_of_three();
    let run = Run::of(sd(&["ls"]).env("SD_URL", server.url()).stdout(full));
    run.failed_with(
        1,
        "sd: failed to write the output: No space left on device (os error 28)\n",
    );
}

#[test]
fn completions_need_neither_daemon_nor_settings() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = Run::of(sd(&["completions", shell]).env("SD_FORMAT", "nonsense"));
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
        assert!(run.stdout.contains("check-in"), "{shell}");
    }
}
