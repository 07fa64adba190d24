//! The restrictions of containers protect the host.

use std::path::PathBuf;

use sd_client::Error;
use sd_client::api::{Container, CreateContainer, Reason, RemoveMode, Status, StopReason};

use crate::daemon::{Daemon, eventually};
use crate::docker::{docker, image};

async fn running(daemon: &Daemon, script: &str) -> Container {
    let wanted = CreateContainer {
        cmd: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        ..CreateContainer::of_image(image())
    };
    daemon.client().create(&wanted).await.expect("create succeeds")
}

/// Capabilities that no container has, with their bits.
const FORBIDDEN: [(&str, u32); 6] = [
    ("NET_ADMIN", 12),
    ("NET_RAW", 13),
    ("SYS_MODULE", 16),
    ("SYS_PTRACE", 19),
    ("SYS_ADMIN", 21),
    ("MKNOD", 27),
];

#[tokio::test]
async fn container_has_few_capabilities_and_cannot_gain_more() {
    let daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    let status = docker(&["exec", &id, "/bin/busybox", "cat", "/proc/1/status"]);
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.expect("every process has this field").trim().to_owned()
    };
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:"] {
        let bits = u64::from_str_radix(&field(set), 16).expect("the field is a number");
        for (name, bit) in FORBIDDEN {
            assert_eq!(bits >> bit & 1, 0, "{set} {name}");
        }
    }
    assert_eq!(field("NoNewPrivs:"), "1");
}

#[tokio::test]
async fn fork_bomb_is_limited_and_removable() {
    const MAX: usize = 512;
    let daemon = Daemon::start(&[]).await;
    let bomb = "(while :; do sleep 3600 & done) & exec sleep 3600";
    let id = running(&daemon, bomb).await.container_id;
    let processes = || docker(&["top", &id, "-o", "pid"]).lines().skip(1).count();
    let most = eventually("the container reaches the limit of processes", async || {
        Some(processes()).filter(|count| *count >= MAX - 2)
    })
    .await;
    assert!(most <= MAX, "{most} processes");
    // Other containers are not affected.
    daemon.create().await;
    daemon
        .client()
        .remove(&id, RemoveMode::Force)
        .await
        .expect("remove succeeds");
    daemon.agrees_with_docker().await;
}

#[tokio::test]
async fn out_of_memory_container_is_stopped_with_the_reason() {
    let daemon = Daemon::start(&["--memory-limit", "32m"]).await;
    let hog = "text=x; while :; do text=$text$text; done";
    let mut histories = Vec::new();
    // Docker receives the exit and its cause separately, and omits the cause if the exit arrives first.
    for _ in 0..3 {
        let id = running(&daemon, hog).await.container_id;
        let stopped = daemon.becomes(&id, Status::Stopped).await;
        let activity = daemon.client().activity(&id).await.expect("reads succeed");
        if docker(&["inspect", "--format", "{{.State.OOMKilled}}", &id]) == "true" {
            assert_eq!(stopped.stop_reason, Some(StopReason::Exited));
            let mut history = activity.history.iter();
            assert!(
                history.any(|entry| entry.reason == Some(Reason::OutOfMemory)),
                "{:#?}",
                activity.history
            );
            return;
        }
        histories.push(activity.history);
    }
    panic!("Docker never reported the cause: {histories:#?}");
}

#[tokio::test]
async fn log_of_a_container_takes_at_most_30_megabytes() {
    const MAX: u64 = 30_000_000;
    let daemon = Daemon::start(&[]).await;
    let id = running(&daemon, "exec /bin/busybox yes 'all work and no play'")
        .await
        .container_id;
    let log = docker(&["inspect", "--format", "{{.LogPath}}", &id]);
    let size = |suffix: &str| {
        let file = std::fs::metadata(PathBuf::from(format!("{log}{suffix}")));
        file.ok().map(|file| file.len())
    };
    let oldest_of = || {
        std::fs::metadata(format!("{log}.2"))
            .ok()
            .map(|file| std::os::unix::fs::MetadataExt::ino(&file))
    };
    let first = eventually("Docker creates the third file", async || oldest_of()).await;
    eventually("Docker deletes the oldest file", async || {
        oldest_of().filter(|oldest| *oldest != first)
    })
    .await;
    let total: u64 = ["", ".1", ".2"].into_iter().filter_map(size).sum();
    assert_eq!(size(".3"), None);
    // Each file includes the line that exceeded the limit.
    assert!(total <= MAX + MAX / 100, "{total} bytes");
}

#[tokio::test]
async fn engine_messages_have_no_control_characters() {
    let daemon = Daemon::start(&[]).await;
    let wanted = CreateContainer {
        cmd: vec!["/bin/\u{1b}[31mred\u{1b}]0;title\u{7}\u{9b}2J\r\n\u{85}x".to_owned()],
        ..CreateContainer::of_image(image())
    };
    let error = daemon
        .client()
        .create(&wanted)
        .await
        .expect_err("the program is missing");
    let Error::Problem(problem) = error else {
        panic!("{error}")
    };
    assert_eq!((problem.status, problem.suffix()), (502, "engine-rejected"));
    assert!(
        problem.detail.contains("red"),
        "the engine quotes the command: {}",
        problem.detail
    );
    assert!(!problem.detail.contains(char::is_control), "{:?}", problem.detail);
    let log = daemon.log();
    let bad = log.chars().find(|char| char.is_control() && *char != '\n');
    assert_eq!(bad, None, "{log:?}");
    assert!(daemon.agrees_with_docker().await.is_empty());
}
