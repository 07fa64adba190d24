//! Images that are made from the one of the tests.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::docker::{image, random};

/// An image that adds these lines of a Dockerfile. It is removed with the one it is made from.
pub(crate) fn derived(lines: &str) -> String {
    let tag = image().replace(":latest", &format!(":{}", &random()[..12]));
    let mut build = Command::new("docker")
        // The classic builder is part of every engine.
        .env("DOCKER_BUILDKIT", "0")
        .args(["build", "--quiet", "--tag", &tag, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the docker client is installed");
    let mut input = build.stdin.take().expect("it is piped");
    write!(input, "FROM {}\n{lines}\n", image()).expect("docker reads the file");
    drop(input);
    assert!(
        build.wait().expect("docker was started").success(),
        "it cannot be built: {lines}"
    );
    tag
}
