//! Checks the dependencies between modules that `docs/architecture.md` describes.

use std::fs;
use std::path::{Path, PathBuf};

/// Path and text of every source file, relative to `src`.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &mut found);
    found
        .into_iter()
        .map(|path| {
            let name = path
                .strip_prefix(&root)
                .expect("the path is below src")
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

fn is_in(name: &str, module: &str) -> bool {
    name == format!("{module}.rs") || name.starts_with(&format!("{module}/"))
}

/// The code of a file without comments and unit tests, which may refer to any module.
fn code(source: &str) -> String {
    let before_tests = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = before_tests
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Fails with every line that contains one of the words in a file where they are forbidden.
fn assert_absent(words: &[&str], mut is_forbidden: impl FnMut(&str) -> bool) {
    let mut violations = Vec::new();
    for (name, source) in sources() {
        if !is_forbidden(&name) {
            continue;
        }
        for line in code(&source).lines() {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                violations.push(format!("src/{name} uses {word}: {}", line.trim()));
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn domain_uses_only_the_standard_library() {
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
fn bollard_is_used_only_by_the_docker_engine() {
    assert_absent(&["bollard"], |name| !is_in(name, "engine/docker"));
}

/// One file decides every Docker option of a container; none comes from a request.
#[test]
fn docker_options_are_set_only_by_the_policy() {
    let options = ["HostConfig", "host_config", "ContainerCreateBody"];
    assert_absent(&options, |name| !is_in(name, "engine/docker/policy"));
}

#[test]
fn sqlite_is_used_only_by_the_registry() {
    assert_absent(&["rusqlite"], |name| !is_in(name, "registry"));
}

#[test]
fn netlink_and_namespaces_are_used_only_by_the_prober() {
    let interfaces = [
        "netlink",
        "rustix::thread",
        "rustix::net",
        "move_into_link_name_space",
    ];
    assert_absent(&interfaces, |name| !is_in(name, "prober"));
}

#[test]
fn axum_is_used_only_by_http_and_server() {
    assert_absent(&["axum"], |name| !is_in(name, "http") && !is_in(name, "server"));
}

#[test]
fn wire_types_are_used_only_by_http_and_wire() {
    // Settings and image labels read quantities, which have one parser for the whole project.
    assert_absent(&["sd_client::api", "sd_client::{"], |name| {
        !is_in(name, "http") && !is_in(name, "wire")
    });
}

#[test]
fn http_and_wire_use_nothing_below_the_service() {
    // `problem` maps the errors of engine and registry to responses. It calls neither of them.
    let is_checked = |name: &str| is_in(name, "wire") || (is_in(name, "http") && name != "http/problem.rs");
    assert_absent(&["crate::engine", "crate::registry"], is_checked);
}

#[test]
fn service_uses_nothing_of_the_api() {
    let api = ["crate::http", "crate::server", "crate::wire", "crate::tasks"];
    assert_absent(&api, |name| is_in(name, "service"));
}

#[test]
fn server_uses_no_handler() {
    let above = [
        "crate::http",
        "crate::wire",
        "crate::service",
        "crate::domain",
        "crate::registry",
        "crate::engine",
        "sd_client",
    ];
    assert_absent(&above, |name| is_in(name, "server"));
}

#[test]
fn wire_uses_no_handler() {
    assert_absent(&["crate::http", "crate::server"], |name| is_in(name, "wire"));
}

#[test]
fn engine_prober_and_registry_are_independent() {
    assert_absent(&["crate::registry", "crate::service"], |name| {
        is_in(name, "engine")
    });
    assert_absent(&["crate::engine", "crate::service"], |name| {
        is_in(name, "registry")
    });
    let others = ["crate::engine", "crate::registry", "crate::service"];
    assert_absent(&others, |name| is_in(name, "prober"));
}

#[test]
fn app_is_used_only_by_commands() {
    assert_absent(&["crate::app", "app::"], |name| {
        !is_in(name, "app") && !is_in(name, "commands")
    });
}

#[test]
fn webhook_uses_only_the_service_and_is_used_only_by_app() {
    let below = [
        "crate::engine",
        "crate::registry",
        "crate::prober",
        "crate::tasks",
        "crate::settings",
    ];
    assert_absent(&below, |name| is_in(name, "webhook"));
    // The settings contain the receiver.
    let users = ["webhook", "app", "settings", "commands"];
    assert_absent(&["crate::webhook", "hyper_rustls"], |name| {
        !users.iter().any(|module| is_in(name, module))
    });
}

#[test]
fn tasks_use_only_the_service() {
    assert_absent(&["crate::registry", "crate::http"], |name| is_in(name, "tasks"));
}
