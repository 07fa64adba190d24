//! The calls that the daemon makes: only these, and each with the full id of one of its containers. Also engines that are
//! slow for one container or send too long responses.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use sd_client::api::{ContainerQuery, CreateContainer, RemoveMode, Status};

use crate::daemon::{Daemon, eventually, within};
use crate::docker::{docker, image};
use crate::fault_proxy::{Fault, FaultProxy, Request, reply};

/// Every call, if the network of containers exists.
const CALLS: [&str; 12] = [
    "DELETE /containers/{id}?v=true&force=true&link=false",
    "GET /containers/json?all=true&filters={}",
    "GET /containers/{id}/json",
    "GET /events?since={}&filters={}",
    "GET /images/json",
    "GET /images/{image}/json",
    "GET /info",
    "GET /networks/spin-docker",
    "POST /containers/create",
    "POST /containers/create?name={}&platform=",
    "POST /containers/{id}/start",
    "POST /containers/{id}/stop?t=10",
];

/// Calls that are made if the network is missing, and after a time without events.
const OCCASIONAL_CALLS: [&str; 2] = ["POST /networks/create", "GET /events?since={}&until={}"];

async fn behind(proxy: &FaultProxy) -> Daemon {
    let daemon = Daemon::start_at(&proxy.host(), &[]);
    daemon.wait_until_ready().await;
    daemon
}

/// A request with placeholders for its variable parts.
fn template(request: &Request, ours: &BTreeSet<String>) -> String {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let part = |part: &str| match part {
        part if ours.contains(part) => "{id}".to_owned(),
        part if image().replace(':', "%3A") == part || image() == part => "{image}".to_owned(),
        part => part.to_owned(),
    };
    let path = path.split('/').map(part).collect::<Vec<_>>().join("/");
    let value = |pair: &str| match pair.split_once('=') {
        Some((name @ ("filters" | "since" | "until" | "name"), _)) => format!("{name}={{}}"),
        _ => pair.to_owned(),
    };
    let query = query.split('&').map(value).collect::<Vec<_>>().join("&");
    let call = format!("{} {path}?{query}", request.method);
    call.trim_end_matches('?').to_owned()
}

/// Requests an audit and ignores its result.
async fn audit(daemon: &Daemon) {
    let query = ContainerQuery {
        audit: true,
        ..ContainerQuery::default()
    };
    drop(daemon.client().containers(&query).await);
}

#[tokio::test]
async fn daemon_makes_only_these_engine_calls() {
    let proxy = FaultProxy::start();
    let mut daemon = behind(&proxy).await;
    let client = daemon.client();
    client.images().await.expect("the engine is available");
    let named = CreateContainer {
        name: Some(format!("named-{}", &crate::docker::random()[..12])),
        ..CreateContainer::of_image(image())
    };
    let mut ours = BTreeSet::new();
    for wanted in [CreateContainer::of_image(image()), named] {
        let created = client.create(&wanted).await.expect("create succeeds");
        let id = created.container_id;
        client.stop(&id).await.expect("stop succeeds");
        daemon.becomes(&id, Status::Stopped).await;
        client
            .start(created.name.trim_start_matches('/'))
            .await
            .expect("start succeeds");
        ours.insert(id);
    }
    audit(&daemon).await;
    // References with other API paths match no container.
    for path in ["json?all=1", "../images/json", "..%2Finfo", "prune"] {
        client.stop(path).await.expect_err("no container matches");
        client
            .remove(path, RemoveMode::Force)
            .await
            .expect_err("no container matches");
    }
    daemon.kill();
    daemon.restart().await;
    for (id, mode) in ours.iter().zip([RemoveMode::Graceful, RemoveMode::Force]) {
        daemon.client().remove(id, mode).await.expect("remove succeeds");
    }
    let known: BTreeSet<_> = CALLS.map(str::to_owned).into();
    let requests = proxy.requests();
    let made: BTreeSet<_> = requests.iter().map(|request| template(request, &ours)).collect();
    let unknown: Vec<_> = made
        .difference(&known)
        .filter(|call| !OCCASIONAL_CALLS.contains(&call.as_str()))
        .collect();
    assert!(unknown.is_empty(), "unexpected calls: {unknown:#?}");
    let missing: Vec<_> = known.difference(&made).collect();
    assert!(missing.is_empty(), "missing calls: {missing:#?}");
}

#[tokio::test]
async fn failed_inspection_affects_one_container_only() {
    let proxy = FaultProxy::start();
    let daemon = behind(&proxy).await;
    let [hung, other, third] = [
        daemon.create().await,
        daemon.create().await,
        daemon.create().await,
    ];
    let path = format!("/containers/{}/json", hung.container_id);
    proxy.always("GET", &path, Fault::Silent);
    docker(&["kill", &hung.container_id, &other.container_id]);
    within(
        Duration::from_secs(12),
        "the other container is stopped",
        async || (daemon.show(&other.container_id).await.status == Status::Stopped).then_some(()),
    )
    .await;
    daemon
        .client()
        .stop(&third.container_id)
        .await
        .expect("other containers are not affected");
    daemon.becomes(&third.container_id, Status::Stopped).await;
    daemon
        .client()
        .start(&other.container_id)
        .await
        .expect("other containers are not affected");
    let begin = Instant::now();
    assert_eq!(
        daemon.show(&hung.container_id).await,
        hung,
        "unknown is not stopped"
    );
    assert!(
        begin.elapsed() < Duration::from_secs(12),
        "reads do not wait for the engine"
    );
    daemon.client().ready().await.expect("the engine responds");
    proxy.heal();
    // The hanging inspection has a limit of 15 seconds; the audit inspects everything after it.
    audit(&daemon).await;
    within(Duration::from_secs(25), "the container is stopped", async || {
        (daemon.show(&hung.container_id).await.status == Status::Stopped).then_some(())
    })
    .await;
}

#[tokio::test]
async fn invalid_inspection_changes_nothing() {
    let proxy = FaultProxy::start();
    let daemon = behind(&proxy).await;
    let before = daemon.create().await;
    let path = format!("/containers/{}/json", before.container_id);
    let incomplete = b"{\"Id\":\"x\",\"State\":{\"Status\":\"exited\"";
    for fault in [
        Fault::ReplyReplaced(reply("200 OK", b"null")),
        Fault::ReplyReplaced(reply("200 OK", b"{}")),
        Fault::ReplyReplaced(reply("200 OK", incomplete)),
        Fault::ReplyReplaced(reply("404 Not Found", b"page not found")),
        Fault::ReplyReplaced(reply("500 Oh", b"{\"message\":\"No such container: x\"}")),
        Fault::ReplyCut,
        Fault::ReplyLost,
    ] {
        proxy.always("GET", &path, fault);
        audit(&daemon).await;
        assert_eq!(daemon.show(&before.container_id).await, before);
        proxy.heal();
    }
    assert_eq!(daemon.agrees_with_docker().await, [before]);
}

#[tokio::test]
async fn endless_response_is_not_read_completely() {
    let proxy = FaultProxy::start();
    let daemon = behind(&proxy).await;
    let container = daemon.create().await;
    let before = daemon.peak_memory();
    let long = format!(
        "[{{\"RepoTags\":[\"long:latest\"],\"x\":\"{}\"}}]",
        "x".repeat(10 << 20)
    );
    proxy.once(
        "GET",
        "/images/json",
        Fault::ReplyReplaced(reply("200 OK", long.as_bytes())),
    );
    drop(daemon.client().images().await);
    let of_long = daemon.peak_memory() - before;
    assert!(of_long < 64 << 20, "ten megabytes took {of_long} bytes");
    for (method, path) in [
        ("GET", "/images/json"),
        ("GET", "/images/*/json"),
        ("POST", "/containers/create"),
        ("GET", "/containers/json"),
    ] {
        proxy.once(method, path, Fault::Endless);
    }
    daemon
        .client()
        .images()
        .await
        .expect_err("the response is too long");
    for _ in 0..3 {
        drop(daemon.client().create(&CreateContainer::of_image(image())).await);
    }
    proxy.once("GET", "/events", Fault::Endless);
    proxy.cut_events();
    eventually("the daemon requests events repeatedly", async || {
        (proxy.count("GET", "/events") >= 3).then_some(())
    })
    .await;
    let of_endless = daemon.peak_memory() - before;
    assert!(
        of_endless < 128 << 20,
        "endless responses took {of_endless} bytes"
    );
    assert_eq!(daemon.show(&container.container_id).await, container);
    daemon.agrees_with_docker().await;
}
