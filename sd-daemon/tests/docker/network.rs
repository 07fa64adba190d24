//! The network of containers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use sd_client::Error;
use sd_client::api::{Container, CreateContainer, Status};

use crate::daemon::{Daemon, check_in_from_inside, eventually, runs_inside};
use crate::docker::{docker, image, random};

/// A network of the test. Dropping it removes it and its containers.
struct TestNetwork(String);

impl TestNetwork {
    fn new() -> Self {
        let network = Self(format!("spin-docker-test-{}", &random()[..12]));
        network.create();
        network
    }

    fn create(&self) {
        docker(&["network", "create", &self.0]);
    }

    fn remove(&self) {
        docker(&["network", "rm", &self.0]);
    }
}

impl Drop for TestNetwork {
    fn drop(&mut self) {
        let script = "docker ps --all --quiet --filter network=\"$0\" | xargs --no-run-if-empty docker rm --force \
                      --volumes; docker network rm \"$0\"";
        drop(Command::new("sh").args(["-c", script, &self.0]).output());
    }
}

/// Creates a container with a server on port 8000.
async fn create_server(daemon: &Daemon) -> Container {
    let wanted = CreateContainer {
        cmd: [
            "/bin/busybox",
            "nc",
            "-ll",
            "-p",
            "8000",
            "-e",
            "/bin/busybox",
            "echo",
            "hello",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..CreateContainer::of_image(image())
    };
    daemon.client().create(&wanted).await.expect("create succeeds")
}

fn address_of(container: &Container) -> String {
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    docker(&["inspect", "--format", format, &container.container_id])
}

fn networks_of(container: &Container) -> String {
    let format = "{{range $name, $network := .NetworkSettings.Networks}}{{$name}} {{end}}";
    docker(&["inspect", "--format", format, &container.container_id])
}

/// The greeting of the server at an address.
fn greeting(address: SocketAddr) -> Option<String> {
    let mut connection = TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok()?;
    connection.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    connection.write_all(b"\n").ok()?;
    let mut text = String::new();
    connection.read_to_string(&mut text).ok()?;
    Some(text).filter(|text| !text.is_empty())
}

#[tokio::test]
async fn containers_on_the_managed_network_are_isolated() {
    let daemon = Daemon::start(&[]).await;
    let (first, second) = (create_server(&daemon).await, create_server(&daemon).await);
    assert_eq!(networks_of(&first), "spin-docker");
    let format = "{{.Driver}} {{index .Options \"com.docker.network.bridge.enable_icc\"}} \
                  {{index .Labels \"spin-docker.network\"}}";
    assert_eq!(
        docker(&["network", "inspect", "--format", format, "spin-docker"]),
        "bridge false made by sd-daemon"
    );
    // The host reaches it at its own address and at the published one.
    let address = address_of(&first);
    for reached in [
        format!("{address}:8000"),
        format!("127.0.0.1:{}", first.app_port.expect("the port is published")),
    ] {
        let reached = reached.parse().expect("the address is valid");
        let text = eventually("the server responds", async || greeting(reached)).await;
        assert_eq!(text, "hello\n");
    }
    let connect =
        |address: &str| format!("echo | /bin/busybox nc -w 3 {address} 8000 | /bin/busybox grep hello");
    eventually("the container reaches itself", async || {
        runs_inside(&second.container_id, &connect(&address_of(&second))).then_some(())
    })
    .await;
    assert!(
        !runs_inside(&second.container_id, &connect(&address)),
        "the container reaches another container"
    );
}

#[tokio::test]
async fn daemons_share_the_network_and_leave_it_in_place() {
    let (first, second) = (Daemon::start(&[]).await, Daemon::start(&[]).await);
    let containers = [first.create().await, second.create().await];
    assert_eq!(
        containers.each_ref().map(networks_of),
        ["spin-docker", "spin-docker"]
    );
    let mut daemons = [first, second];
    for daemon in &mut daemons {
        assert_eq!(daemon.terminate(), Some(0));
    }
    let named = docker(&["network", "ls", "--quiet", "--filter", "name=^spin-docker$"]);
    assert_eq!(named.lines().count(), 1, "{named}");
}

#[tokio::test]
async fn containers_on_a_former_network_still_check_in() {
    // A fixed port, so that the address stays the same after the restart.
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port is free")
        .port();
    let listen = format!("gateway:{port}");
    let old = ["--network", "bridge", "--check-in-listen", &listen];
    let mut daemon = Daemon::start(&old).await;
    let older = daemon.create().await;
    assert_eq!(networks_of(&older), "bridge");
    daemon.kill();
    daemon.restart_with(&["--check-in-listen", &listen]).await;
    let newer = daemon.create().await;
    assert_eq!(networks_of(&newer), "spin-docker");
    for container in [&older, &newer] {
        let id = &container.container_id;
        eventually("the check-in succeeds", async || {
            check_in_from_inside(id, 3).then_some(())
        })
        .await;
        assert_eq!(daemon.show(id).await.active, 3);
    }
}

/// `docker network prune` removes a network if all its containers are stopped.
#[tokio::test]
async fn container_starts_after_its_network_was_recreated() {
    let network = TestNetwork::new();
    let daemon = Daemon::start(&["--network", &network.0]).await;
    let container = daemon.create().await;
    let id = &container.container_id;
    daemon.client().stop(id).await.expect("stop succeeds");
    daemon.becomes(id, Status::Stopped).await;
    network.remove();
    network.create();
    let started = daemon.client().start(id).await.expect("start succeeds");
    assert_eq!((started.status, started.ports.len()), (Status::Running, 2));
    assert_eq!(networks_of(&container), network.0);
    eventually("the container checks in at the new gateway", async || {
        let gateway = "$(/bin/busybox route -n | /bin/busybox awk '$1 == \"0.0.0.0\" { print $2 }')";
        let url = format!("http://{gateway}:${{SD_CHECK_IN_URL##*:}}");
        let report = format!(
            "case $SD_CHECK_IN_URL in *:*:*) url={url} ;; *) url=http://{gateway}/v1/check-in ;; esac; \
             /bin/busybox wget -O - --post-data active-connections=1 $url"
        );
        runs_inside(id, &report).then_some(())
    })
    .await;
}

#[tokio::test]
async fn missing_or_unsuitable_network_is_reported() {
    let missing = format!("missing-{}", &random()[..12]);
    for (name, remedy) in [
        (missing.as_str(), "docker network create"),
        ("host", "containers need a bridge"),
    ] {
        let daemon = Daemon::start(&["--network", name, "--check-in-listen", "127.0.0.1:0"]).await;
        let error = daemon
            .client()
            .create(&CreateContainer::of_image(image()))
            .await
            .expect_err("there is no network");
        let Error::Problem(problem) = error else {
            panic!("{error}")
        };
        assert_eq!((problem.status, problem.suffix()), (503, "not-ready"));
        assert!(
            problem.detail.contains(name) && problem.detail.contains(remedy),
            "{}",
            problem.detail
        );
        assert!(daemon.agrees_with_docker().await.is_empty());
    }
}
