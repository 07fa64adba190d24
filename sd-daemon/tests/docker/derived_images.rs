//! Images that are built from the test image.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::docker::{image, random};

/// Builds an image from the test image and lines of a Dockerfile. It is removed with the test image.
pub(crate) fn derived_image(lines: &str) -> String {
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
    let mut input = build.stdin.take().expect("the input is piped");
    write!(input, "FROM {}\n{lines}\n", image()).expect("docker reads the file");
    drop(input);
    assert!(
        build.wait().expect("docker was started").success(),
        "the build fails: {lines}"
    );
    tag
}
