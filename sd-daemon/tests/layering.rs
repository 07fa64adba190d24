//! Who may know whom. `docs/architecture.md` has the picture; this holds it true.

use std::fs;
use std::path::{Path, PathBuf};

/// Every source file below a folder or beside it, by its path under `src`.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &mut found);
    found
        .into_iter()
        .map(|path| {
            let name = path
                .strip_prefix(&root)
                .expect("it is below the root")
                .display()
                .to_string();
            (
                name,
                fs::read_to_string(&path).expect("a source file is readable"),
            )
        })
        .collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder is readable") {
        let path = entry.expect("an entry is readable").path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn is_in(name: &str, room: &str) -> bool {
    name == format!("{room}.rs") || name.starts_with(&format!("{room}/"))
}

/// The code of a file: comments may speak of anything, and tests may use anything.
fn code(source: &str) -> String {
    let before_tests = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = before_tests
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Fails with every line that names a word in a file that must not know it.
fn assert_unknown(words: &[&str], mut may_not: impl FnMut(&str) -> bool) {
    let mut violations = Vec::new();
    for (name, source) in sources() {
        if !may_not(&name) {
            continue;
        }
        for line in code(&source).lines() {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                violations.push(format!("src/{name} knows {word}: {}", line.trim()));
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn the_domain_knows_the_standard_library_only() {
    let foreign = [
        "tokio",
        "serde",
        "tracing",
        "rusqlite",
        "bollard",
        "axum",
        "sd_client",
        "crate::",
        "async ",
    ];
    let is_domain = |name: &str| is_in(name, "domain") && !name.contains("tests");
    let mut violations = Vec::new();
    for (name, source) in sources().into_iter().filter(|(name, _)| is_domain(name)) {
        for line in code(&source).lines() {
            if foreign.iter().any(|word| line.contains(word)) {
                violations.push(format!("src/{name}: {}", line.trim()));
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn only_the_docker_engine_knows_bollard() {
    assert_unknown(&["bollard"], |name| !is_in(name, "engine/docker"));
}

/// What Docker gives a container is decided in one file. Nothing reads such a thing from a request.
#[test]
fn only_the_policy_knows_what_docker_gives_a_container() {
    let of_docker = ["HostConfig", "host_config", "ContainerCreateBody"];
    assert_unknown(&of_docker, |name| !is_in(name, "engine/docker/policy"));
}

#[test]
fn only_the_registry_knows_sqlite() {
    assert_unknown(&["rusqlite"], |name| !is_in(name, "registry"));
}

#[test]
fn only_the_prober_asks_the_kernel_about_others() {
    let of_the_kernel = [
        "netlink",
        "rustix::thread",
        "rustix::net",
        "move_into_link_name_space",
    ];
    assert_unknown(&of_the_kernel, |name| !is_in(name, "prober"));
}

#[test]
fn only_http_and_the_server_know_axum() {
    assert_unknown(&["axum"], |name| !is_in(name, "http") && !is_in(name, "server"));
}

#[test]
fn only_http_and_wire_know_the_wire_types() {
    // Settings and image labels read quantities, which have one parser for the whole project.
    assert_unknown(&["sd_client::api", "sd_client::{"], |name| {
        !is_in(name, "http") && name != "wire.rs"
    });
}

#[test]
fn http_and_wire_know_nothing_below_the_service() {
    // `problem` maps the errors of engine and registry to responses. It calls neither of them.
    let is_checked = |name: &str| name == "wire.rs" || (is_in(name, "http") && name != "http/problem.rs");
    assert_unknown(&["crate::engine", "crate::registry"], is_checked);
}

#[test]
fn the_server_knows_no_handler() {
    let above = [
        "crate::http",
        "crate::wire",
        "crate::service",
        "crate::domain",
        "crate::registry",
        "crate::engine",
        "sd_client",
    ];
    assert_unknown(&above, |name| is_in(name, "server"));
}

#[test]
fn wire_knows_no_handler() {
    assert_unknown(&["crate::http", "crate::server"], |name| name == "wire.rs");
}

#[test]
fn engine_and_registry_do_not_know_each_other() {
    assert_unknown(&["crate::registry", "crate::service"], |name| {
        is_in(name, "engine")
    });
    assert_unknown(&["crate::engine", "crate::service"], |name| {
        is_in(name, "registry")
    });
}

#[test]
fn only_commands_know_the_app() {
    assert_unknown(&["crate::app", "app::"], |name| {
        !is_in(name, "app") && !is_in(name, "commands")
    });
}

#[test]
fn the_webhook_calls_the_service_and_only_the_app_knows_it() {
    let below = [
        "crate::engine",
        "crate::registry",
        "crate::prober",
        "crate::tasks",
        "crate::settings",
    ];
    assert_unknown(&below, |name| is_in(name, "webhook"));
    // Settings name who is told.
    let may_know = ["webhook", "app", "settings", "commands"];
    assert_unknown(&["crate::webhook", "hyper_rustls"], |name| {
        !may_know.iter().any(|room| is_in(name, room))
    });
}

#[test]
fn tasks_call_the_service() {
    assert_unknown(&["crate::registry", "crate::http"], |name| is_in(name, "tasks"));
}
