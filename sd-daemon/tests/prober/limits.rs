//! The limits of a probe.

use std::time::Duration;

use sd_daemon::prober::host::{Bounds, HostProber, ProcessorTime};
use sd_daemon::prober::{ProbeError, Prober, Target};

use crate::container::{Container, PORT, take_sample};

fn bounded(bounds: Bounds) -> HostProber {
    HostProber::with_bounds(bounds, ProcessorTime::Ignored).expect("tests run as root")
}

/// Whether each container is probed in one pass.
async fn pass(prober: &HostProber, targets: &[Target]) -> Vec<bool> {
    let samples = prober.probe(targets.to_vec()).await;
    samples.iter().map(Result::is_ok).collect()
}

#[tokio::test]
async fn postponed_container_is_next_and_loses_no_traffic() {
    let containers = [Container::start(), Container::start()];
    let targets = containers.each_ref().map(Container::target);
    // Enough time for one list in each pass.
    let prober = bounded(Bounds {
        listing: Duration::ZERO,
        containers: 2,
    });
    let first = prober.probe(targets.to_vec()).await;
    assert!(
        matches!(&first[1], Err(ProbeError::Failed(reason)) if reason.contains("next probe")),
        "{first:?}"
    );
    assert_eq!(pass(&prober, &targets).await, [true, true]);

    let mut connections = containers
        .each_ref()
        .map(|container| container.listen(PORT).connect());
    for connection in &mut connections {
        connection.send_to_server(b"?");
    }
    let mut received = [0, 0];
    for pass in 1..=2 {
        for (received, sample) in received.iter_mut().zip(prober.probe(targets.to_vec()).await) {
            let sample = sample.expect("the container was probed before");
            *received += sample
                .open
                .iter()
                .map(|traffic| traffic.received.bytes)
                .sum::<u64>();
        }
        assert_eq!(received.iter().sum::<u64>(), pass, "one list in each pass");
    }
    assert_eq!(received, [1, 1]);
}

#[tokio::test]
async fn containers_are_limited_by_open_files() {
    let containers = [Container::start(), Container::start()];
    let targets = containers.each_ref().map(Container::target);
    let prober = bounded(Bounds {
        listing: Duration::MAX,
        containers: 1,
    });
    for _ in 0..2 {
        let samples = prober.probe(targets.to_vec()).await;
        assert!(samples[0].is_ok(), "{samples:?}");
        assert!(
            matches!(&samples[1], Err(ProbeError::Failed(reason)) if reason.contains("nofile")),
            "{samples:?}"
        );
    }
    prober.retain(vec![containers[1].id()]).await;
    take_sample(&prober, &targets[1]).await;
}

#[tokio::test]
async fn suspended_process_is_probed_like_any_other() {
    let container = Container::start();
    let prober = bounded(Bounds::of_this_process());
    let target = container.target();
    take_sample(&prober, &target).await;
    let connection = container.listen(PORT).connect();
    container.signal("STOP");
    assert_eq!(take_sample(&prober, &target).await.open.len(), 1);
    let other = bounded(Bounds::of_this_process());
    assert_eq!(take_sample(&other, &target).await.open.len(), 1);
    drop(connection);
}
