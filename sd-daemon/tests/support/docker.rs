//! The real Docker engine for tests: one small image per test process, which is removed at its end.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use sd_daemon::domain::OperationId;

/// The main process of the image. It exits with code 0 on SIGTERM.
pub(crate) const MAIN_PROCESS: &str =
    r#"CMD ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"]"#;

/// The configuration of the image. The volume is anonymous, so that each container gets its own.
const CHANGES: [&str; 4] = [
    "EXPOSE 22 8000",
    "VOLUME /data",
    "LABEL spin-docker.app-port=8000",
    MAIN_PROCESS,
];

/// An image with busybox that exposes the ports 22 and 8000. Created at the first call, and removed with all its containers
/// when the test process exits, even by a signal.
pub(crate) fn image() -> &'static str {
    static IMAGE: OnceLock<(String, Child)> = OnceLock::new();
    let (tag, _) = IMAGE.get_or_init(|| {
        let tag = format!("spin-docker-test-{}:latest", &random()[..12]);
        import(&tag);
        let remover = spawn_remover(&tag);
        (tag, remover)
    });
    tag
}

/// Runs `docker`, and returns its output. Panics if the command fails.
pub(crate) fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker")
        .args(arguments)
        .output()
        .expect("the docker client is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {arguments:?} failed: {errors}");
    String::from_utf8(output.stdout)
        .expect("docker prints text")
        .trim()
        .to_owned()
}

/// 32 hex digits.
pub(crate) fn random() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the kernel has random numbers");
    OperationId::from_bytes(bytes).to_string()
}

fn import(tag: &str) {
    let root = tempfile::tempdir().expect("a temporary directory can be created");
    let bin = root.path().join("bin");
    std::fs::create_dir(&bin).expect("the directory is new");
    std::fs::copy("/bin/busybox", bin.join("busybox")).expect("busybox-static is installed");
    for applet in ["sh", "sleep", "kill", "true"] {
        std::os::unix::fs::symlink("busybox", bin.join(applet)).expect("the directory is new");
    }
    let archive = Command::new("tar")
        .arg("-C")
        .arg(root.path())
        .args(["-c", "."])
        .output();
    let archive = archive.expect("tar is installed").stdout;
    let mut docker = Command::new("docker")
        .arg("import")
        .args(CHANGES.iter().flat_map(|change| ["--change", change]))
        .args(["-", tag])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the docker client is installed");
    let mut input = docker.stdin.take().expect("the stream is piped");
    input.write_all(&archive).expect("docker reads the archive");
    drop(input);
    assert!(
        docker.wait().expect("docker was started").success(),
        "docker import failed"
    );
}

/// Starts a process that removes the image and its containers when this process exits, even by a signal: its standard input
/// ends at that moment.
fn spawn_remover(tag: &str) -> Child {
    // Images derived from this one have the same name and another tag.
    let script = "cat; docker images --format '{{.Repository}}:{{.Tag}}' \"${0%:*}\" | while read -r image; do \
                  docker ps --all --quiet --filter ancestor=\"$image\" \
                  | while read -r id; do docker rm --force --volumes \"$id\"; done; docker rmi --force \"$image\"; done";
    Command::new("sh")
        .args(["-c", script, tag])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh is installed")
}
