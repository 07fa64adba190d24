//! Docker assigns the address of a stopped container to the next one. A check-in from that address must never be credited
//! to the stopped container.

use std::process::Command;

use sd_client::api::{Container, CreateContainer, SignalKind, Status};

use crate::daemon::{Daemon, check_in_from_inside, eventually};
use crate::docker::{docker, image};

/// Each round stops one container and starts the other one, which gets the same address.
const ROUNDS: usize = 200;

#[tokio::test]
async fn check_in_is_not_credited_to_the_previous_container() {
    // No probes: only check-ins matter here.
    let daemon = Daemon::start(&["--activity-signals", "check-in"]).await;
    let [mut stopped, mut running] = [
        create_unpublished(&daemon).await,
        create_unpublished(&daemon).await,
    ];
    stop(&daemon, &stopped).await;
    let mut reused = 0;
    for round in 0..ROUNDS {
        let address = address_of(&running);
        stop(&daemon, &running).await;
        let before = daemon.show(&running.container_id).await.last_active_at;
        std::mem::swap(&mut stopped, &mut running);
        daemon
            .client()
            .start(&running.container_id)
            .await
            .expect("the start succeeds");
        reused += usize::from(address_of(&running) == address);
        assert!(
            check_in_from_inside(&running.container_id, 1),
            "round {round}: the check-in is credited"
        );
        assert_eq!(
            daemon.show(&stopped.container_id).await.last_active_at,
            before,
            "round {round}"
        );
        let activity = daemon
            .client()
            .activity(&running.container_id)
            .await
            .expect("the read succeeds");
        assert_eq!(
            activity.last_active_signal,
            Some(SignalKind::CheckIn),
            "round {round}: {activity:#?}"
        );
    }
    // Containers of other tests may take the address first in some rounds.
    assert!(reused > ROUNDS / 4, "the address was reused only {reused} times");
}

/// A container without published ports, which starts faster.
async fn create_unpublished(daemon: &Daemon) -> Container {
    let wanted = CreateContainer::of_image(unpublished());
    daemon
        .client()
        .create(&wanted)
        .await
        .expect("the create succeeds")
}

/// The test image without exposed ports.
fn unpublished() -> &'static str {
    static IMAGE: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    IMAGE.get_or_init(|| {
        let with_ports = image();
        let tag = with_ports.replace(":latest", ":unpublished");
        let made = docker(&["create", with_ports]);
        // EXPOSE cannot be undone in a derived image, so the file system is imported into a new one.
        let flattened = Command::new("sh")
            .args([
                "-c",
                "docker export \"$0\" | docker import --change \"$1\" - \"$2\" && docker rm \"$0\"",
                &made,
            ])
            .args([crate::docker::MAIN_PROCESS, &tag])
            .output()
            .expect("sh is installed");
        assert!(flattened.status.success(), "{flattened:?}");
        tag
    })
}

async fn stop(daemon: &Daemon, container: &Container) {
    daemon
        .client()
        .stop(&container.container_id)
        .await
        .expect("the stop succeeds");
    let what = format!("{} is stopped", container.name);
    eventually(&what, async || {
        let shown = daemon.show(&container.container_id).await;
        (shown.status == Status::Stopped).then_some(())
    })
    .await;
}

fn address_of(container: &Container) -> String {
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    docker(&["inspect", "--format", format, &container.container_id])
}
