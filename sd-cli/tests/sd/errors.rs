//! Error messages and exit codes.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::{fs, path::Path};

use serde_json::json;

use crate::support::{ClosedPort, Response, Run, Server, container, run_sd, sd, signal};

#[test]
fn unreachable_daemon_is_one_line_with_the_remedy() {
    let closed = ClosedPort::new();
    let url = format!("http://127.0.0.1:{}", closed.number());
    Run::of(sd(&["ls"]).env("SD_URL", &url)).failed_with(
        5,
        &format!(
            "sd: failed to connect to the daemon at {url}: Connection refused; \
             start sd-daemon there, or set --url or SD_URL\n"
        ),
    );
}

#[test]
fn rejected_credentials_name_user_and_remedy() {
    let server = Server::always(|| Response::problem(401, "unauthorized", "Give credentials"));
    let run = run_sd(&server, &["ls", "--user", "eve"]);
    run.failed_with(
        3,
        &format!(
            "sd: failed to log in to {} as eve: wrong user or password\n\
             hint: set the user with --user or SD_USER, and the password with SD_PASSWORD or --password-file\n",
            server.url()
        ),
    );
}

#[test]
fn missing_container_exits_4() {
    let server =
        Server::always(|| Response::problem(404, "container-not-found", "Container 1337 doesn't exist"));
    run_sd(&server, &["start", "1337"]).failed_with(
        4,
        "sd: Container 1337 doesn't exist\nhint: `sd ls` lists the containers\n",
    );
}

#[test]
fn unavailable_engine_exits_5_with_the_reason() {
    let server = Server::always(|| Response::problem(503, "engine-unavailable", "Docker does not respond"));
    run_sd(&server, &["create", "web"]).failed_with(
        5,
        "sd: Docker does not respond\nhint: start Docker on the machine of the daemon, then try again\n",
    );
}

#[test]
fn control_characters_in_errors_are_escaped() {
    let server =
        Server::always(|| Response::problem(502, "engine-rejected", "bad \u{1b}[2J\u{9b}1m\u{202e}\nname"));
    run_sd(&server, &["create", "web"]).failed_with(1, "sd: bad \\u{1b}[2J\\u{9b}1m\\u{202e}\\nname\n");
}

#[test]
fn response_of_another_program_is_recognised() {
    let server = Server::always(|| Response::json(&json!({"hello": "world"})));
    let run = run_sd(&server, &["ls"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.stderr.contains("sd: failed to read the response of "),
        "{run:?}"
    );
    assert!(
        run.stderr
            .contains("hint: check that --url or SD_URL is the address of sd-daemon"),
        "{run:?}"
    );
}

#[test]
fn default_password_is_not_sent_to_other_machines() {
    // 0.0.0.0 connects to the same listener, but is not a loopback address.
    let server = Server::always(|| Response::json(&json!([])));
    let url = format!("http://0.0.0.0:{}", server.port);
    Run::of(sd(&["ls", "--url", &url])).failed_with(
        3,
        &format!(
            "sd: failed to log in to {url}: no password is set\n\
             hint: set SD_PASSWORD or --password-file; the default password is sent only to this machine\n"
        ),
    );
    assert!(server.requests().is_empty());

    let run = Run::of(sd(&["ls", "-q", "--url", &url]).env("SD_PASSWORD", "chosen"));
    run.printed("");
    assert!(server.requests()[0].has_credentials());
}

#[test]
fn default_password_is_sent_to_loopback() {
    let server = Server::always(|| Response::json(&json!([])));
    run_sd(&server, &["ls", "-q"]).printed("");
    // admin:spindocker
    let expected = "authorization: basic ywrtaw46c3bpbmrvy2tlcg==";
    assert!(
        server.requests()[0]
            .headers
            .iter()
            .any(|header| header == expected),
        "{:?}",
        server.requests()
    );
}

fn write_config(folder: &Path, content: &str) {
    let folder = folder.join("spin-docker");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), content).unwrap();
    fs::set_permissions(folder.join("config.toml"), fs::Permissions::from_mode(0o644)).unwrap();
}

#[test]
fn config_file_is_read_and_readable_password_causes_a_warning() {
    let server = Server::always(|| Response::json(&json!([])));
    let folder = tempfile::tempdir().unwrap();
    write_config(
        folder.path(),
        &format!(
            "[servers.lab]\nurl = \"{}\"\nuser = \"u\"\npassword = \"p\"",
            server.url()
        ),
    );
    let run = Run::of(sd(&["ls", "-q", "--server", "lab"]).env("XDG_CONFIG_HOME", folder.path()));
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.stderr
            .starts_with("sd: warning: other users can read the password in "),
        "{run:?}"
    );
    // u:p
    assert!(
        server.requests()[0]
            .headers
            .contains(&"authorization: basic dtpw".to_owned())
    );
}

#[test]
fn unknown_key_in_the_config_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write_config(folder.path(), "pasword = \"p\"");
    let run = Run::of(sd(&["ls"]).env("XDG_CONFIG_HOME", folder.path()));
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(
        run.stderr
            .contains("config.toml: line 1: unknown field `pasword`"),
        "{run:?}"
    );
}

#[test]
fn lost_create_response_warns_of_a_possible_container() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let hang_up = std::thread::spawn(move || {
        use std::io::Read;
        let (mut connection, _) = listener.accept().unwrap();
        let mut some = [0; 16];
        connection.read_exact(&mut some).unwrap();
    });
    let run = Run::of(sd(&["create", "web"]).env("SD_URL", &url));
    hang_up.join().unwrap();
    assert_eq!(run.code, Some(5), "{run:?}");
    assert!(run.stderr.contains("failed to get a response from "), "{run:?}");
    assert!(run.stderr.contains("hint: the container may exist"), "{run:?}");
}

#[test]
fn ctrl_c_exits_130_and_names_the_unfinished_work() {
    for (arguments, note) in [
        (
            &["create", "web"][..],
            "sd: stopped waiting; the daemon finishes the create. `sd ls` lists containers\n",
        ),
        (
            &["stop", "web", "--wait"],
            "sd: stopped waiting; the daemon finishes the stops that it has begun\n",
        ),
        (&["ls"], ""),
    ] {
        // The server never responds: the sender is dropped at the end of the test.
        let (_alive, never) = std::sync::mpsc::channel::<()>();
        let never = std::sync::Mutex::new(never);
        let server = Server::always(move || {
            let _ = never.lock().unwrap().recv();
            Response::json(&container("web", "running"))
        });
        let mut command = sd(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.env("SD_URL", server.url()).spawn().unwrap();
        server.next_request();
        signal(&child, "INT");
        Run::from(child.wait_with_output().unwrap()).failed_with(130, note);
    }
}
