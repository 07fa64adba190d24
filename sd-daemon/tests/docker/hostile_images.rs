//! Images with hostile or careless settings, one for each attack.

use sd_client::Error;
use sd_client::api::{Container, CreateContainer, RemoveMode, Status};

use crate::daemon::{Daemon, runs_inside};
use crate::derived_images::derived_image;
use crate::docker::docker;

async fn created_from(daemon: &Daemon, lines: &str) -> Container {
    let wanted = CreateContainer::of_image(derived_image(lines));
    daemon.client().create(&wanted).await.expect("create succeeds")
}

fn inspected(container: &Container, format: &str) -> String {
    docker(&["inspect", "--format", format, &container.container_id])
}

#[tokio::test]
async fn image_that_exposes_every_port_is_refused() {
    let daemon = Daemon::start(&[]).await;
    let image = derived_image("EXPOSE 1-65535");
    let error = daemon
        .client()
        .create(&CreateContainer::of_image(image.clone()))
        .await
        .expect_err("create is refused");
    let Error::Problem(problem) = error else {
        panic!("{error}")
    };
    assert_eq!((problem.status, problem.suffix()), (422, "malformed-request"));
    assert_eq!(
        problem.detail,
        format!("Image {image} cannot be used: it exposes 65535 ports, and an image may expose 1024")
    );
    assert!(daemon.agrees_with_docker().await.is_empty());
}

#[tokio::test]
async fn at_most_16_exposed_ports_are_published() {
    let daemon = Daemon::start(&[]).await;
    let container = created_from(&daemon, "EXPOSE 9000-9099").await;
    assert_eq!(container.ports.len(), 16);
    assert!(container.ssh_port.is_some() && container.app_port.is_some());
    let bound = inspected(
        &container,
        "{{len .HostConfig.PortBindings}} {{.HostConfig.PublishAllPorts}}",
    );
    assert_eq!(bound, "16 false");
}

#[tokio::test]
async fn anonymous_volumes_are_removed_with_the_container() {
    let daemon = Daemon::start(&[]).await;
    let container = created_from(&daemon, "VOLUME /one /two /three").await;
    let volumes = inspected(&container, "{{range .Mounts}}{{.Name}} {{end}}");
    let volumes: Vec<_> = volumes.split_whitespace().collect();
    assert_eq!(volumes.len(), 4, "these and the one of the base image");
    let exists = |volume: &&&str| {
        let listed = docker(&["volume", "ls", "--quiet"]);
        listed.lines().any(|other| other == **volume)
    };
    assert_eq!(volumes.iter().filter(exists).count(), 4);
    let client = daemon.client();
    let removed = client.remove(&container.container_id, RemoveMode::Graceful).await;
    removed.expect("remove succeeds");
    assert_eq!(volumes.iter().filter(exists).count(), 0);
}

#[tokio::test]
async fn container_that_ignores_its_stop_signal_is_killed() {
    let daemon = Daemon::start(&[]).await;
    let lines = "STOPSIGNAL SIGWINCH\nCMD [\"/bin/sleep\", \"3600\"]";
    let container = created_from(&daemon, lines).await;
    let stopping = daemon.client().stop(&container.container_id).await;
    assert_eq!(stopping.expect("stop succeeds").status, Status::Stopping);
    daemon.becomes(&container.container_id, Status::Stopped).await;
    assert_eq!(inspected(&container, "{{.State.ExitCode}}"), "137");
}

/// Each health check costs the engine a process, and an image can request a thousand a second.
#[tokio::test]
async fn health_checks_of_images_are_not_run() {
    let daemon = Daemon::start(&[]).await;
    let lines = "HEALTHCHECK --interval=1ms --timeout=1s CMD [\"/bin/busybox\", \"touch\", \"/checked\"]";
    let container = created_from(&daemon, lines).await;
    assert_eq!(inspected(&container, "{{.Config.Healthcheck.Test}}"), "[NONE]");
    daemon.becomes(&container.container_id, Status::Running).await;
    assert!(runs_inside(
        &container.container_id,
        "/bin/sleep 1; ! [ -e /checked ]"
    ));
    assert_eq!(inspected(&container, "{{json .State.Health}}"), "null");
}

#[tokio::test]
async fn image_labels_do_not_override_daemon_labels() {
    let mut daemon = Daemon::start(&[]).await;
    let forged = "0123456789abcdef0123456789abcdef";
    let lines = format!("LABEL spin-docker.operation={forged} spin-docker.instance={forged}");
    let container = created_from(&daemon, &lines).await;
    let instance = inspected(&container, "{{index .Config.Labels \"spin-docker.instance\"}}");
    assert_eq!(instance, daemon.instance());
    let operation = inspected(&container, "{{index .Config.Labels \"spin-docker.operation\"}}");
    assert_ne!(operation, forged);
    // The daemon finds the container by its labels.
    daemon.kill();
    daemon.restart().await;
    assert_eq!(daemon.agrees_with_docker().await.len(), 1);
}
