//! What `sd` says when something goes wrong, and how it ends.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::{fs, path::Path};

use serde_json::json;

use crate::support::{Answer, ClosedPort, Run, Server, ask, container, sd, signal};

#[test]
fn a_daemon_that_is_not_there_is_one_line_that_says_what_to_do() {
    let closed = ClosedPort::new();
    let url = format!("http://127.0.0.1:{}", closed.number());
    Run::of(sd(&["ls"]).env("SD_URL", &url)).failed_with(
        5,
        &format!(
            "sd: cannot reach the daemon at {url} (Connection refused): is sd-daemon running there? \
             --url or SD_URL says where it is\n"
        ),
    );
}

#[test]
fn wrong_credentials_name_the_user_and_where_to_set_the_password() {
    let server = Server::always(|| Answer::problem(401, "unauthorized", "Give credentials"));
    let run = ask(&server, &["ls", "--user", "eve"]);
    run.failed_with(
        3,
        &format!(
            "sd: {} does not accept the password of user eve\n\
             hint: set the user with --user or SD_USER and the password with SD_PASSWORD or --password-file\n",
            server.url()
        ),
    );
}

#[test]
fn a_missing_container_is_exit_4() {
    let server =
        Server::always(|| Answer::problem(404, "container-not-found", "Container 1337 doesn't exist"));
    ask(&server, &["start", "1337"]).failed_with(
        4,
        "sd: Container 1337 doesn't exist\nhint: `sd ls` lists the containers\n",
    );
}

#[test]
fn an_engine_that_is_away_is_exit_5_with_the_reason_of_the_daemon() {
    let server = Server::always(|| Answer::problem(503, "engine-unavailable", "Docker does not answer"));
    ask(&server, &["create", "web"]).failed_with(
        5,
        "sd: Docker does not answer\nhint: start Docker on the daemon's machine, then try again\n",
    );
}

#[test]
fn control_characters_of_an_error_do_not_reach_the_terminal() {
    let server =
        Server::always(|| Answer::problem(502, "engine-rejected", "bad \u{1b}[2J\u{9b}1m\u{202e}\nname"));
    ask(&server, &["create", "web"]).failed_with(1, "sd: bad \\u{1b}[2J\\u{9b}1m\\u{202e}\\nname\n");
}

#[test]
fn an_answer_of_another_program_is_recognised_as_such() {
    let server = Server::always(|| Answer::json(&json!({"hello": "world"})));
    let run = ask(&server, &["ls"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.stderr.contains("gave an answer that is not of this API"),
        "{run:?}"
    );
    assert!(
        run.stderr.contains("hint: is this the address of sd-daemon?"),
        "{run:?}"
    );
}

#[test]
fn the_default_password_is_not_sent_to_another_machine() {
    // 0.0.0.0 leads to this very listener, but it is not a loopback address.
    let server = Server::always(|| Answer::json(&json!([])));
    let url = format!("http://0.0.0.0:{}", server.port);
    Run::of(sd(&["ls", "--url", &url])).failed_with(
        3,
        &format!(
            "sd: no password is set for {url}\n\
             hint: set SD_PASSWORD or --password-file; the default password is never sent to another machine\n"
        ),
    );
    assert!(server.requests().is_empty());

    let run = Run::of(sd(&["ls", "-q", "--url", &url]).env("SD_PASSWORD", "chosen"));
    run.printed("");
    assert!(server.requests()[0].has_credentials());
}

#[test]
fn the_default_password_is_sent_to_this_machine() {
    let server = Server::always(|| Answer::json(&json!([])));
    ask(&server, &["ls", "-q"]).printed("");
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
fn the_file_of_the_user_is_read_and_a_readable_password_is_warned_of() {
    let server = Server::always(|| Answer::json(&json!([])));
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
            .starts_with("sd: warning: others can read the password in "),
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
fn an_unknown_key_of_the_file_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    write_config(folder.path(), "pasword = \"p\"");
    let run = Run::of(sd(&["ls"]).env("XDG_CONFIG_HOME", folder.path()));
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(
        run.stderr
            .contains("config.toml is not right: line 1: unknown field `pasword`"),
        "{run:?}"
    );
}

#[test]
fn a_create_whose_answer_is_lost_says_that_the_container_may_exist() {
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
    assert!(run.stderr.contains("went away before it answered"), "{run:?}");
    assert!(
        run.stderr.contains("hint: the container may have been created"),
        "{run:?}"
    );
}

#[test]
fn ctrl_c_says_what_goes_on_and_exits_130() {
    for (arguments, goes_on) in [
        (
            &["create", "web"][..],
            "sd: interrupted; the daemon goes on with the create: the container will appear in `sd ls`\n",
        ),
        (
            &["stop", "web", "--wait"],
            "sd: interrupted; nothing more will be stopped; what the daemon has begun goes on\n",
        ),
        (&["ls"], ""),
    ] {
        // An answer that never comes: the thread waits for a sender that is gone with the test.
        let (_alive, never) = std::sync::mpsc::channel::<()>();
        let never = std::sync::Mutex::new(never);
        let server = Server::always(move || {
            let _ = never.lock().unwrap().recv();
            Answer::json(&container("web", "running"))
        });
        let mut command = sd(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.env("SD_URL", server.url()).spawn().unwrap();
        server.next_request();
        signal(&child, "INT");
        Run::from(child.wait_with_output().unwrap()).failed_with(130, goes_on);
    }
}
