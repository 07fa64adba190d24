//! The event stream is cut, stops delivering, delivers too much, or ends repeatedly. The registry is correct soon after
//! the daemon has a stream again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sd_client::api::{Container, CreateContainer, Status};

use crate::daemon::{Daemon, eventually, within};
use crate::docker::{docker, image};
use crate::fault_proxy::{Fault, FaultProxy, reply};

/// Shorter than the interval of full reconciles and the limit of silence.
const SOON: Duration = Duration::from_secs(15);
/// The number of events of any kind that Docker stores.
const REMEMBERED: usize = 256;

async fn behind(proxy: &FaultProxy) -> Daemon {
    let daemon = Daemon::start_at(&proxy.host(), &[]);
    daemon.wait_until_ready().await;
    daemon
}

async fn create(daemon: &Daemon, how_many: usize) -> Vec<String> {
    let wanted = CreateContainer::of_image(image());
    let client = daemon.client();
    let created = futures_util::future::join_all((0..how_many).map(|_| client.create(&wanted))).await;
    created
        .into_iter()
        .map(|created| created.expect("create succeeds").container_id)
        .collect()
}

async fn wait_for_a_new_stream(proxy: &FaultProxy, requested: usize) {
    eventually("the daemon requests events again", async || {
        (proxy.count("GET", "/events") > requested).then_some(())
    })
    .await;
}

fn is(containers: &[Container], id: &str, status: Option<&Status>) -> bool {
    let found = containers.iter().find(|container| container.container_id == id);
    found.map(|container| &container.status) == status
}

#[tokio::test]
async fn changes_during_a_cut_are_followed_soon_after() {
    let proxy = FaultProxy::start();
    let daemon = behind(&proxy).await;
    let ids = create(&daemon, 20).await;
    let (killed, removed, paused) = (&ids[..8], &ids[8..14], &ids[14..20]);
    proxy.refuse();
    proxy.cut_events();
    let all = |command: &[&'static str], ids: &[String]| {
        docker(&[command, &ids.iter().map(String::as_str).collect::<Vec<_>>()].concat());
    };
    all(&["kill"], killed);
    all(&["rm", "--force"], removed);
    all(&["pause"], paused);
    assert!(
        daemon
            .list()
            .await
            .iter()
            .all(|shown| shown.status == Status::Running),
        "unknown is not stopped"
    );
    proxy.heal();
    let requested = proxy.count("GET", "/events");
    wait_for_a_new_stream(&proxy, requested).await;
    within(SOON, "all twenty containers are correct", async || {
        let shown = daemon.list().await;
        let are = |ids: &[String], status: Option<&Status>| ids.iter().all(|id| is(&shown, id, status));
        (are(killed, Some(&Status::Stopped)) && are(removed, None) && are(paused, Some(&Status::Paused)))
            .then_some(())
    })
    .await;
    all(&["unpause"], paused);
    daemon.agrees_with_docker().await;
}

#[tokio::test]
async fn silent_stream_is_replaced() {
    let proxy = FaultProxy::start();
    let daemon = behind(&proxy).await;
    let ids = create(&daemon, 3).await;
    proxy.silence_events();
    let requested = proxy.count("GET", "/events");
    docker(&["kill", &ids[0], &ids[1]]);
    wait_for_a_new_stream(&proxy, requested).await;
    within(SOON, "the missed changes are visible", async || {
        let shown = daemon.list().await;
        let are_right =
            is(&shown, &ids[0], Some(&Status::Stopped)) && is(&shown, &ids[1], Some(&Status::Stopped));
        are_right.then_some(())
    })
    .await;
    docker(&["kill", &ids[2]]);
    within(SOON, "the new stream delivers events", async || {
        is(&daemon.list().await, &ids[2], Some(&Status::Stopped)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn changes_without_a_stored_event_are_inspected() {
    let proxy = FaultProxy::start();
    let daemon = behind(&proxy).await;
    let ids = create(&daemon, 2).await;
    proxy.silence_events();
    let requested = proxy.count("GET", "/events");
    docker(&["kill", &ids[0]]);
    // Each ignored signal is an event.
    let signals = std::iter::repeat_n(ids[1].as_str(), REMEMBERED);
    let command: Vec<_> = ["kill", "--signal", "URG"].into_iter().chain(signals).collect();
    docker(&command);
    wait_for_a_new_stream(&proxy, requested).await;
    within(SOON, "the missed change is visible", async || {
        is(&daemon.list().await, &ids[0], Some(&Status::Stopped)).then_some(())
    })
    .await;
    daemon.agrees_with_docker().await;
}

#[tokio::test]
async fn stream_that_always_ends_is_cheap_and_loses_no_change() {
    let proxy = FaultProxy::start();
    let daemon = behind(&proxy).await;
    let id = create(&daemon, 1).await.remove(0);
    proxy.always("GET", "/events", Fault::Answered(reply("200 OK", b"")));
    proxy.cut_events();
    proxy.forget();
    // After five attempts the delay has its maximum.
    eventually("the daemon has tried often", async || {
        (proxy.count("GET", "/events") >= 6).then_some(())
    })
    .await;
    proxy.forget();
    let (begin, before) = (Instant::now(), daemon.processor_time());
    docker(&["kill", &id]);
    within(SOON, "stopped", async || {
        is(&daemon.list().await, &id, Some(&Status::Stopped)).then_some(())
    })
    .await;
    eventually("the daemon continues to try", async || {
        (proxy.count("GET", "/events") >= 3).then_some(())
    })
    .await;
    let tries = proxy.count("GET", "/events");
    let used = daemon.processor_time().saturating_sub(before);
    let max = begin.elapsed().as_secs() / 2 + 2;
    assert!(tries as u64 <= max, "{tries} attempts, more than {max}");
    // The test itself requests the list continuously.
    assert!(
        used < Duration::from_secs(1) + begin.elapsed() / 4,
        "{used:?} for {tries} attempts"
    );
}

#[tokio::test]
async fn flood_of_events_hides_no_change() {
    let proxy = FaultProxy::start();
    let daemon = behind(&proxy).await;
    let ids = create(&daemon, 4).await;
    let flood: String = (0..50_000)
        .map(|number| event(&id_in_flood(&ids, number)))
        .collect();
    let chunk = format!("{:x}\r\n{flood}\r\n", flood.len());
    proxy.once("GET", "/events", Fault::Preceded(Arc::from(chunk.into_bytes())));
    let before = daemon.peak_memory();
    proxy.cut_events();
    docker(&["kill", &ids[0]]);
    docker(&["rm", "--force", &ids[1]]);
    within(SOON, "the change is visible", async || {
        let shown = daemon.list().await;
        (is(&shown, &ids[0], Some(&Status::Stopped)) && is(&shown, &ids[1], None)).then_some(())
    })
    .await;
    docker(&["kill", &ids[2]]);
    within(SOON, "a later change is visible", async || {
        is(&daemon.list().await, &ids[2], Some(&Status::Stopped)).then_some(())
    })
    .await;
    let more = daemon.peak_memory() - before;
    assert!(more < 64 << 20, "{more} bytes more");
    assert_eq!(daemon.agrees_with_docker().await.len(), 3);
}

/// Every other event is about an unknown container.
fn id_in_flood(ids: &[String], number: usize) -> String {
    if number.is_multiple_of(2) {
        ids[number / 2 % ids.len()].clone()
    } else {
        format!("{number:064x}")
    }
}

fn event(id: &str) -> String {
    format!(
        "{{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{{\"ID\":\"{id}\",\"Attributes\":{{\"image\":\"x\"}}}},\
         \"scope\":\"local\",\"time\":1772373731,\"timeNano\":1772373731250000000}}\n"
    )
}
