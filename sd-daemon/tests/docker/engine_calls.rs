//! What the daemon asks of Docker: these calls and no other, each about a container of its own by its full id.
//! And what it makes of an engine that is slow about one container, or says more than there is room for.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use sd_client::api::{ContainerQuery, CreateContainer, RemoveMode, Status};

use crate::daemon::{Daemon, eventually, within};
use crate::docker::{docker, image};
use crate::fault_proxy::{Fault, FaultProxy, Request, reply};

/// Everything that is ever asked, once there is a network for the containers.
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

/// Asked once on each engine, by the first daemon, and after a time without events.
const ASKED_SOMETIMES: [&str; 2] = ["POST /networks/create", "GET /events?since={}&until={}"];

async fn behind(proxy: &FaultProxy) -> Daemon {
    let daemon = Daemon::start_at(&proxy.host(), &[]);
    daemon.wait_until_ready().await;
    daemon
}

/// A request with what differs from time to time taken out of it.
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

/// Has everything looked at. What comes of that is nobody's answer.
async fn audit(daemon: &Daemon) {
    let query = ContainerQuery {
        audit: true,
        ..ContainerQuery::default()
    };
    drop(daemon.client().containers(&query).await);
}

#[tokio::test]
async fn in_the_life_of_a_container_these_are_all_calls_that_are_made() {
    let proxy = FaultProxy::start();
    let mut daemon = behind(&proxy).await;
    let client = daemon.client();
    client.images().await.expect("the engine is there");
    let named = CreateContainer {
        name: Some(format!("named-{}", &crate::docker::random()[..12])),
        ..CreateContainer::of_image(image())
    };
    let mut ours = BTreeSet::new();
    for wanted in [CreateContainer::of_image(image()), named] {
        let created = client.create(&wanted).await.expect("it is created");
        let id = created.container_id;
        client.stop(&id).await.expect("it can be stopped");
        daemon.becomes(&id, Status::Stopped).await;
        client
            .start(created.name.trim_start_matches('/'))
            .await
            .expect("it can be started");
        ours.insert(id);
    }
    audit(&daemon).await;
    // What others ask for under names that lead astray comes to nothing.
    for astray in ["json?all=1", "../images/json", "..%2Finfo", "prune"] {
        client.stop(astray).await.expect_err("there is no such container");
        client
            .remove(astray, RemoveMode::Force)
            .await
            .expect_err("there is no such container");
    }
    daemon.kill();
    daemon.restart().await;
    for (id, mode) in ours.iter().zip([RemoveMode::Graceful, RemoveMode::Force]) {
        daemon.client().remove(id, mode).await.expect("it can be removed");
    }
    let known: BTreeSet<_> = CALLS.map(str::to_owned).into();
    let requests = proxy.requests();
    let asked: BTreeSet<_> = requests.iter().map(|request| template(request, &ours)).collect();
    let unknown: Vec<_> = asked
        .difference(&known)
        .filter(|call| !ASKED_SOMETIMES.contains(&call.as_str()))
        .collect();
    assert!(unknown.is_empty(), "asked as well: {unknown:#?}");
    let missing: Vec<_> = known.difference(&asked).collect();
    assert!(missing.is_empty(), "never asked: {missing:#?}");
}

#[tokio::test]
async fn one_container_that_cannot_be_inspected_is_unknown_and_no_other() {
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
        "the other one is seen to be stopped",
        async || (daemon.show(&other.container_id).await.status == Status::Stopped).then_some(()),
    )
    .await;
    daemon
        .client()
        .stop(&third.container_id)
        .await
        .expect("it is none of its business");
    daemon.becomes(&third.container_id, Status::Stopped).await;
    daemon
        .client()
        .start(&other.container_id)
        .await
        .expect("it is none of its business");
    let begin = Instant::now();
    assert_eq!(
        daemon.show(&hung.container_id).await,
        hung,
        "what is unknown is not dead"
    );
    assert!(begin.elapsed() < Duration::from_secs(12), "reads do not wait");
    daemon.client().ready().await.expect("the engine answers");
    proxy.heal();
    // The inspection that hangs has a limit of 15 seconds, and everything is looked at when somebody asks for it.
    audit(&daemon).await;
    within(Duration::from_secs(25), "it is seen to be stopped", async || {
        (daemon.show(&hung.container_id).await.status == Status::Stopped).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_inspection_that_makes_no_sense_is_no_end() {
    let proxy = FaultProxy::start();
    let daemon = behind(&proxy).await;
    let before = daemon.create().await;
    let path = format!("/containers/{}/json", before.container_id);
    let stopped_by_nobody = b"{\"Id\":\"x\",\"State\":{\"Status\":\"exited\"";
    for nonsense in [
        Fault::ReplyReplaced(reply("200 OK", b"null")),
        Fault::ReplyReplaced(reply("200 OK", b"{}")),
        Fault::ReplyReplaced(reply("200 OK", stopped_by_nobody)),
        Fault::ReplyReplaced(reply("404 Not Found", b"page not found")),
        Fault::ReplyReplaced(reply("500 Oh", b"{\"message\":\"No such container: x\"}")),
        Fault::ReplyCut,
        Fault::ReplyLost,
    ] {
        proxy.always("GET", &path, nonsense);
        audit(&daemon).await;
        assert_eq!(daemon.show(&before.container_id).await, before);
        proxy.heal();
    }
    assert_eq!(daemon.agrees_with_docker().await, [before]);
}

#[tokio::test]
async fn a_reply_without_end_is_not_read_to_it() {
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
    daemon.client().images().await.expect_err("it never ends");
    for _ in 0..3 {
        drop(daemon.client().create(&CreateContainer::of_image(image())).await);
    }
    proxy.once("GET", "/events", Fault::Endless);
    proxy.cut_events();
    eventually("everything was asked", async || {
        (proxy.count("GET", "/events") >= 3).then_some(())
    })
    .await;
    let of_endless = daemon.peak_memory() - before;
    assert!(
        of_endless < 128 << 20,
        "replies without end took {of_endless} bytes"
    );
    assert_eq!(daemon.show(&container.container_id).await, container);
    daemon.agrees_with_docker().await;
}
