//! The command `sd` as it is shipped in images: in one that has nothing else, and outside, holding a container.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use sd_client::api::{Container, CreateContainer, SignalKind, Status, TimeLimit};

use crate::daemon::{Daemon, eventually};
use crate::docker::{docker, random};

/// The static `sd` of the sample images, which script/test has built.
struct Sd {
    folder: tempfile::TempDir,
}

impl Sd {
    fn of_samples() -> Self {
        let folder = tempfile::tempdir().expect("there is room for a program");
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

/// An image of `sd` and nothing else, removed with this.
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
            .expect("there is a shell");
        assert!(imported.status.success(), "{imported:?}");
        Self { tag }
    }
}

impl Drop for BareImage {
    fn drop(&mut self) {
        // A test that failed may have left a container; what stays is found at the end of script/test.
        drop(
            Command::new("docker")
                .args(["image", "rm", "--force", &self.tag])
                .output(),
        );
    }
}

#[tokio::test]
async fn in_an_image_that_has_nothing_else_it_reports_and_goes_on_after_a_crash_of_the_daemon() {
    let sd = Sd::of_samples();
    let image = BareImage::holding(&sd);
    // Reports alone count. The port is named, so that the container finds the daemon there after the crash as well.
    let listen = format!("gateway:{}", free_port());
    let mut daemon = Daemon::start(&["--activity-signals", "check-in", "--check-in-listen", &listen]).await;
    let report = "/sd check-in --active-connections 3 --for 40m --every 1s";
    let wanted = CreateContainer {
        cmd: report.split(' ').map(str::to_owned).collect(),
        ..CreateContainer::of_image(&image.tag)
    };
    let container = daemon.client().create(&wanted).await.expect("it is created");
    let reported = async |daemon: &Daemon, what: &str| {
        eventually(what, async || {
            let shown = daemon.client().activity(&container.container_id).await.ok()?;
            let is_reported = shown.last_active_signal == Some(SignalKind::CheckIn);
            (is_reported && shown.keep_until.is_some()).then_some(shown.last_active_at)
        })
        .await
    };
    let before = reported(&daemon, "its report is credited").await;
    assert_eq!(daemon.show(&container.container_id).await.active, 3);
    daemon.kill();
    daemon.restart().await;
    eventually("it is credited again", async || {
        let now = reported(&daemon, "it has reported").await;
        (now > before).then_some(())
    })
    .await;
    let shown = daemon.show(&container.container_id).await;
    assert_eq!(shown.started_at, container.started_at, "it was never stopped");
}

#[tokio::test]
async fn what_is_held_stays_up_through_a_crash_of_the_daemon_and_ends_with_its_command() {
    let sd = Sd::of_samples();
    let mut daemon = Daemon::start(&["--idle-timeout", "15s"]).await;
    let (held, witness) = (daemon.create().await, daemon.create().await);
    let mut holding = tokio::process::Command::new(sd.program())
        .args(["hold", &held.container_id, "--", "sh", "-c", "read end; exit 7"])
        .env("SD_URL", format!("http://{}", daemon.address()))
        .stdin(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("sd is static");
    eventually("it is held", async || {
        let activity = daemon.client().activity(&held.container_id).await;
        activity.expect("reads always work").keep_until.map(drop)
    })
    .await;
    daemon.becomes(&witness.container_id, Status::Stopped).await;
    daemon.kill();
    daemon.restart().await;
    // Whatever else is idle is stopped after the start as well.
    let second = quick_to_stop(&daemon).await;
    daemon.becomes(&second.container_id, Status::Stopped).await;
    let shown = daemon.show(&held.container_id).await;
    assert_eq!(
        (shown.status, shown.started_at),
        (Status::Running, held.started_at)
    );
    // The end of its input is the end of the command.
    drop(holding.stdin.take());
    let status = holding.wait().await.expect("it was started");
    assert_eq!(status.code(), Some(7));
}

/// A port that nobody listens at, the next time as well.
fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    free.local_addr().expect("it is bound").port()
}

async fn quick_to_stop(daemon: &Daemon) -> Container {
    let wanted = CreateContainer {
        idle_timeout: Some(TimeLimit::After(Duration::from_secs(2))),
        ..CreateContainer::of_image(crate::docker::image())
    };
    daemon.client().create(&wanted).await.expect("it is created")
}
