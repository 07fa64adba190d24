//! The static `sd` of the sample images: it reports from a bare image, and holds a container from outside.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use sd_client::api::{Container, CreateContainer, SignalKind, Status, TimeLimit};

use crate::daemon::{Daemon, eventually};
use crate::docker::{docker, random};

/// The static `sd`, copied from a sample image that script/test has built.
struct Sd {
    folder: tempfile::TempDir,
}

impl Sd {
    fn of_samples() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory can be created");
        let container = docker(&["create", "spin-docker-samples/sd-base", "true"]);
        let program = folder.path().join("sd");
        docker(&[
            "cp",
            &format!("{container}:/usr/local/bin/sd"),
            &program.display().to_string(),
        ]);
        docker(&["rm", &container]);
        Self { folder }
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("sd")
    }
}

/// An image that contains only `sd`. Removed on drop.
struct BareImage {
    tag: String,
}

impl BareImage {
    fn holding(sd: &Sd) -> Self {
        let tag = format!("spin-docker-test-{}:bare", &random()[..12]);
        let imported = Command::new("sh")
            .args([
                "-c",
                "tar --create --directory \"$0\" sd | docker import --change 'EXPOSE 8000' - \"$1\"",
            ])
            .arg(sd.folder.path())
            .arg(&tag)
            .output()
            .expect("sh is installed");
        assert!(imported.status.success(), "{imported:?}");
        Self { tag }
    }
}

impl Drop for BareImage {
    fn drop(&mut self) {
        // Fails if a failed test has left a container. script/test reports leftovers at its end.
        drop(
            Command::new("docker")
                .args(["image", "rm", "--force", &self.tag])
                .output(),
        );
    }
}

#[tokio::test]
async fn check_ins_from_a_bare_image_survive_a_daemon_crash() {
    let sd = Sd::of_samples();
    let image = BareImage::holding(&sd);
    // Only check-ins count as activity. The port is fixed, so that the container reaches the daemon after the crash as well.
    let listen = format!("gateway:{}", free_port());
    let mut daemon = Daemon::start(&["--activity-signals", "check-in", "--check-in-listen", &listen]).await;
    let report = "/sd check-in --active-connections 3 --for 40m --every 1s";
    let wanted = CreateContainer {
        cmd: report.split(' ').map(str::to_owned).collect(),
        ..CreateContainer::of_image(&image.tag)
    };
    let container = daemon
        .client()
        .create(&wanted)
        .await
        .expect("the create succeeds");
    let reported = async |daemon: &Daemon, what: &str| {
        eventually(what, async || {
            let shown = daemon.client().activity(&container.container_id).await.ok()?;
            let is_reported = shown.last_active_signal == Some(SignalKind::CheckIn);
            (is_reported && shown.keep_until.is_some()).then_some(shown.last_active_at)
        })
        .await
    };
    let before = reported(&daemon, "the check-in is credited").await;
    assert_eq!(daemon.show(&container.container_id).await.active, 3);
    daemon.kill();
    daemon.restart().await;
    eventually("a later check-in is credited", async || {
        let now = reported(&daemon, "a check-in is credited").await;
        (now > before).then_some(())
    })
    .await;
    let shown = daemon.show(&container.container_id).await;
    assert_eq!(
        shown.started_at, container.started_at,
        "the container was never stopped"
    );
}

#[tokio::test]
async fn hold_survives_a_daemon_crash_and_returns_the_exit_code() {
    let sd = Sd::of_samples();
    let mut daemon = Daemon::start(&["--idle-timeout", "15s"]).await;
    let (held, idle) = (daemon.create().await, daemon.create().await);
    let mut holding = tokio::process::Command::new(sd.program())
        .args(["hold", &held.container_id, "--", "sh", "-c", "read end; exit 7"])
        .env("SD_URL", format!("http://{}", daemon.address()))
        .stdin(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("sd starts");
    eventually("the container is held", async || {
        let activity = daemon.client().activity(&held.container_id).await;
        activity.expect("the read succeeds").keep_until.map(drop)
    })
    .await;
    daemon.becomes(&idle.container_id, Status::Stopped).await;
    daemon.kill();
    daemon.restart().await;
    // Idle containers are stopped after the restart as well.
    let second = quick_to_stop(&daemon).await;
    daemon.becomes(&second.container_id, Status::Stopped).await;
    let shown = daemon.show(&held.container_id).await;
    assert_eq!(
        (shown.status, shown.started_at),
        (Status::Running, held.started_at)
    );
    // The command exits at the end of its input.
    drop(holding.stdin.take());
    let status = holding.wait().await.expect("the process was started");
    assert_eq!(status.code(), Some(7));
}

/// An unused port.
fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    free.local_addr().expect("the listener is bound").port()
}

async fn quick_to_stop(daemon: &Daemon) -> Container {
    let wanted = CreateContainer {
        idle_timeout: Some(TimeLimit::After(Duration::from_secs(2))),
        ..CreateContainer::of_image(crate::docker::image())
    };
    daemon
        .client()
        .create(&wanted)
        .await
        .expect("the create succeeds")
}
