//! The network that containers are on.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use sd_client::Error;
use sd_client::api::{Container, CreateContainer, Status};

use crate::daemon::{Daemon, check_in_from_inside, eventually, runs_inside};
use crate::docker::{docker, image, random};

/// A network of the test, removed with what is on it when the test ends.
struct TestNetwork(String);

impl TestNetwork {
    fn new() -> Self {
        let network = Self(format!("spin-docker-test-{}", &random()[..12]));
        network.make();
        network
    }

    fn make(&self) {
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

/// A container that answers on port 8000.
async fn answering(daemon: &Daemon) -> Container {
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
    daemon.client().create(&wanted).await.expect("it is created")
}

fn address_of(container: &Container) -> String {
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    docker(&["inspect", "--format", format, &container.container_id])
}

fn networks_of(container: &Container) -> String {
    let format = "{{range $name, $network := .NetworkSettings.Networks}}{{$name}} {{end}}";
    docker(&["inspect", "--format", format, &container.container_id])
}

/// What somebody who connects is told.
fn greeting(address: SocketAddr) -> Option<String> {
    let mut connection = TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok()?;
    connection.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    connection.write_all(b"\n").ok()?;
    let mut text = String::new();
    connection.read_to_string(&mut text).ok()?;
    Some(text).filter(|text| !text.is_empty())
}

#[tokio::test]
async fn containers_are_on_a_network_of_ours_and_do_not_reach_each_other() {
    let daemon = Daemon::start(&[]).await;
    let (first, second) = (answering(&daemon).await, answering(&daemon).await);
    assert_eq!(networks_of(&first), "spin-docker");
    let format = "{{.Driver}} {{index .Options \"com.docker.network.bridge.enable_icc\"}} \
                  {{index .Labels \"spin-docker.network\"}}";
    assert_eq!(
        docker(&["network", "inspect", "--format", format, "spin-docker"]),
        "bridge false made by sd-daemon"
    );
    // From the host it answers, at its own address and at the published one.
    let address = address_of(&first);
    for reached in [
        format!("{address}:8000"),
        format!("127.0.0.1:{}", first.app_port.expect("it is published")),
    ] {
        let reached = reached.parse().expect("it is an address");
        let told = eventually("it answers", async || greeting(reached)).await;
        assert_eq!(told, "hello\n");
    }
    let connect =
        |address: &str| format!("echo | /bin/busybox nc -w 3 {address} 8000 | /bin/busybox grep hello");
    eventually("it reaches itself", async || {
        runs_inside(&second.container_id, &connect(&address_of(&second))).then_some(())
    })
    .await;
    assert!(
        !runs_inside(&second.container_id, &connect(&address)),
        "it reaches its neighbour"
    );
}

#[tokio::test]
async fn two_daemons_share_the_network_and_it_stays_when_they_go() {
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
async fn containers_that_were_made_on_another_network_go_on_checking_in() {
    // A port of its own, which the next start finds free again.
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("there is a free port")
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
        eventually("the report is credited", async || {
            check_in_from_inside(id, 3).then_some(())
        })
        .await;
        assert_eq!(daemon.show(id).await.active, 3);
    }
}

/// `docker network prune` takes a network when all containers on it are at rest.
#[tokio::test]
async fn a_container_starts_again_after_its_network_was_removed_and_remade() {
    let network = TestNetwork::new();
    let daemon = Daemon::start(&["--network", &network.0]).await;
    let container = daemon.create().await;
    let id = &container.container_id;
    daemon.client().stop(id).await.expect("it can be stopped");
    daemon.becomes(id, Status::Stopped).await;
    network.remove();
    network.make();
    let started = daemon.client().start(id).await.expect("it starts again");
    assert_eq!((started.status, started.ports.len()), (Status::Running, 2));
    assert_eq!(networks_of(&container), network.0);
    eventually("it checks in at the new gateway", async || {
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
async fn a_network_that_is_missing_or_no_bridge_is_told_and_nothing_is_made() {
    let missing = format!("missing-{}", &random()[..12]);
    for (name, told) in [
        (missing.as_str(), "docker network create"),
        ("host", "a bridge only"),
    ] {
        let daemon = Daemon::start(&["--network", name, "--check-in-listen", "127.0.0.1:0"]).await;
        let error = daemon
            .client()
            .create(&CreateContainer::of_image(image()))
            .await
            .expect_err("there is nowhere to put it");
        let Error::Problem(problem) = error else {
            panic!("{error}")
        };
        assert_eq!((problem.status, problem.suffix()), (503, "not-ready"));
        assert!(
            problem.detail.contains(name) && problem.detail.contains(told),
            "{}",
            problem.detail
        );
        assert!(daemon.agrees_with_docker().await.is_empty());
    }
}
