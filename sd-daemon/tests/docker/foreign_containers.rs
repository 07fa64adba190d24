//! Containers that this daemon did not create are inaccessible, even if their labels claim otherwise.

use std::process::Command;

use reqwest::Method;
use sd_client::api::ContainerQuery;

use crate::daemon::Daemon;
use crate::docker::{docker, image, random};

/// A container started with `docker run`. Dropping it removes it.
struct ForeignContainer {
    id: String,
    name: String,
}

impl ForeignContainer {
    fn start(labels: &[String]) -> Self {
        let name = format!("foreign-{}", &random()[..12]);
        let labels = labels.iter().flat_map(|label| ["--label", label]);
        let arguments = ["run", "--detach", "--name", &name].into_iter().chain(labels);
        let id = docker(&arguments.chain([image()]).collect::<Vec<_>>());
        Self { id, name }
    }

    fn state(&self) -> String {
        docker(&[
            "inspect",
            "--format",
            "{{.State.Status}} {{.State.StartedAt}}",
            &self.id,
        ])
    }
}

impl Drop for ForeignContainer {
    fn drop(&mut self) {
        let removed = Command::new("docker")
            .args(["rm", "--force", "--volumes", &self.id])
            .output();
        drop(removed);
    }
}

/// Every request about one container.
fn requests(reference: &str) -> Vec<(Method, String, &'static str)> {
    let path = format!("/v1/containers/{reference}");
    vec![
        (Method::GET, path.clone(), ""),
        (Method::PATCH, path.clone(), "status=stopped"),
        (Method::PATCH, path.clone(), "status=running"),
        (Method::PATCH, path.clone(), "idle_timeout=1"),
        (Method::POST, format!("{path}/extend"), "by=60"),
        (Method::GET, format!("{path}/activity"), ""),
        (Method::DELETE, path.clone(), ""),
        (Method::DELETE, format!("{path}?force=true"), ""),
    ]
}

async fn assert_unknown(daemon: &Daemon, reference: &str) {
    // The client needs a TLS provider even for plain HTTP.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build();
    let client = client.expect("the client needs no certificates");
    for (method, path, body) in requests(reference) {
        let request = client
            .request(method.clone(), format!("http://{}{path}", daemon.address()))
            .basic_auth("admin", Some("spindocker"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let status = request.send().await.expect("the daemon responds").status();
        assert_eq!(status, 404, "{method} {path} {body}");
    }
}

#[tokio::test]
async fn foreign_container_is_inaccessible_with_any_label() {
    let mut daemon = Daemon::start(&[]).await;
    let ours = daemon.create().await;
    let label = |name: &str| {
        let format = format!("{{{{index .Config.Labels \"spin-docker.{name}\"}}}}");
        let value = docker(&["inspect", "--format", &format, &ours.container_id]);
        format!("spin-docker.{name}={value}")
    };
    // One without labels, one with the instance label, one with the labels of an existing container.
    let unlabelled = ForeignContainer::start(&[]);
    let labelled =
        ForeignContainer::start(&[label("instance"), format!("spin-docker.operation={}", random())]);
    let copy = ForeignContainer::start(&[label("instance"), label("operation")]);
    let foreign = [&unlabelled, &labelled, &copy];
    // The shortest prefix that is not one of the daemon's container.
    let prefix = |id: &str| (4..12).find(|length| !ours.container_id.starts_with(&id[..*length]));
    let before = foreign.map(ForeignContainer::state);
    for round in ["before a restart", "after a restart"] {
        for container in foreign {
            let slashed = format!("%2F{}", container.name);
            for reference in [
                &container.id,
                &container.id[..12],
                &container.id[..prefix(&container.id).expect("the ids differ")],
                &container.name,
                &slashed,
            ] {
                assert_unknown(&daemon, reference).await;
            }
        }
        let query = ContainerQuery {
            audit: true,
            ..ContainerQuery::default()
        };
        let listed = daemon
            .client()
            .containers(&query)
            .await
            .expect("the engine is available");
        assert_eq!(listed.len(), 1, "{round}: {listed:#?}");
        assert_eq!(listed[0].container_id, ours.container_id, "{round}");
        assert_eq!(foreign.map(ForeignContainer::state), before, "{round}");
        daemon.kill();
        daemon.restart().await;
    }
}

#[tokio::test]
async fn two_daemons_on_one_engine_do_not_interfere() {
    let (mut first, mut second) = (Daemon::start(&[]).await, Daemon::start(&[]).await);
    let (of_first, of_second) = (first.create().await, second.create().await);
    assert_unknown(&first, &of_second.container_id).await;
    assert_unknown(&first, of_second.name.trim_start_matches('/')).await;
    assert_unknown(&second, &of_first.container_id).await;
    for daemon in [&mut first, &mut second] {
        daemon.kill();
        daemon.restart().await;
    }
    let [first, second] = [
        first.agrees_with_docker().await,
        second.agrees_with_docker().await,
    ];
    let id_of = |containers: &[sd_client::api::Container]| {
        containers
            .iter()
            .map(|container| container.container_id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(id_of(&first), [of_first.container_id]);
    assert_eq!(id_of(&second), [of_second.container_id]);
}

#[tokio::test]
async fn second_daemon_on_a_state_directory_is_refused() {
    let daemon = Daemon::start(&[]).await;
    let (code, output) = daemon.start_another();
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("another sd-daemon uses it"), "{output}");
    // The first daemon is not affected.
    daemon.create().await;
}
