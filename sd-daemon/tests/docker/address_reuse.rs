//! An address goes to the next container as soon as the last one is stopped. What the new one reports must never
//! count for the old one.

use std::process::Command;

use sd_client::api::{Container, CreateContainer, SignalKind, Status};

use crate::daemon::{Daemon, check_in_from_inside, eventually};
use crate::docker::{docker, image};

/// Each round stops one container and starts the other one at its address.
const ROUNDS: usize = 200;

#[tokio::test]
async fn a_container_never_gets_what_the_next_one_at_its_address_reports() {
    // Nobody connects here, and looks from the host would only take time.
    let daemon = Daemon::start(&["--activity-signals", "check-in"]).await;
    let [mut stopped, mut running] = [quiet(&daemon).await, quiet(&daemon).await];
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
            .expect("it starts");
        reused += usize::from(address_of(&running) == address);
        assert!(
            check_in_from_inside(&running.container_id, 1),
            "round {round}: the report is credited"
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
            .expect("reads always work");
        assert_eq!(
            activity.last_active_signal,
            Some(SignalKind::CheckIn),
            "round {round}: {activity:#?}"
        );
    }
    // Other tests start containers meanwhile, and one of them may come first now and then.
    assert!(
        reused > ROUNDS / 4,
        "the address was reused {reused} times: that proves little"
    );
}

/// A container that publishes nothing, which is quicker to start.
async fn quiet(daemon: &Daemon) -> Container {
    let wanted = CreateContainer::of_image(unpublished());
    daemon.client().create(&wanted).await.expect("it is created")
}

/// The image of the tests without the ports that it exposes.
fn unpublished() -> &'static str {
    static IMAGE: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    IMAGE.get_or_init(|| {
        let with_ports = image();
        let tag = with_ports.replace(":latest", ":unpublished");
        let made = docker(&["create", with_ports]);
        // What is exposed cannot be taken back, so the file system is taken along and the rest said again.
        let flattened = Command::new("sh")
            .args([
                "-c",
                "docker export \"$0\" | docker import --change \"$1\" - \"$2\" && docker rm \"$0\"",
                &made,
            ])
            .args([crate::docker::MAIN_PROCESS, &tag])
            .output()
            .expect("there is a shell");
        assert!(flattened.status.success(), "{flattened:?}");
        tag
    })
}

async fn stop(daemon: &Daemon, container: &Container) {
    daemon
        .client()
        .stop(&container.container_id)
        .await
        .expect("it can be stopped");
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
