//! What a look may cost.

use std::time::Duration;

use sd_daemon::prober::host::{Bounds, HostProber, ProcessorTime};
use sd_daemon::prober::{ProbeError, Prober, Target};

use crate::container::{Container, PORT, see};

fn bounded(bounds: Bounds) -> HostProber {
    HostProber::within(bounds, ProcessorTime::Ignored).expect("tests run as root")
}

/// Which of them are seen in one pass.
async fn seen(prober: &HostProber, targets: &[Target]) -> Vec<bool> {
    let samples = prober.look(targets.to_vec()).await;
    samples.iter().map(Result::is_ok).collect()
}

#[tokio::test]
async fn who_has_to_wait_has_the_next_turn_and_loses_nothing() {
    let containers = [Container::start(), Container::start()];
    let targets = containers.each_ref().map(Container::target);
    // Time for one look, which is taken whatever it costs.
    let prober = bounded(Bounds {
        close_looks: Duration::ZERO,
        watches: 2,
    });
    let first = prober.look(targets.to_vec()).await;
    assert!(
        matches!(&first[1], Err(ProbeError::Failed(reason)) if reason.contains("next look")),
        "{first:?}"
    );
    assert_eq!(seen(&prober, &targets).await, [true, true]);

    let mut connections = containers
        .each_ref()
        .map(|container| container.listen(PORT).connect());
    for connection in &mut connections {
        connection.ask(b"?");
    }
    let mut told = [0, 0];
    for pass in 1..=2 {
        for (told, sample) in told.iter_mut().zip(prober.look(targets.to_vec()).await) {
            let sample = sample.expect("it was seen before");
            *told += sample
                .open
                .iter()
                .map(|traffic| traffic.received.bytes)
                .sum::<u64>();
        }
        assert_eq!(told.iter().sum::<u64>(), pass, "one look in each pass");
    }
    assert_eq!(told, [1, 1]);
}

#[tokio::test]
async fn no_more_is_held_than_the_files_allow() {
    let containers = [Container::start(), Container::start()];
    let targets = containers.each_ref().map(Container::target);
    let prober = bounded(Bounds {
        close_looks: Duration::MAX,
        watches: 1,
    });
    for _ in 0..2 {
        let samples = prober.look(targets.to_vec()).await;
        assert!(samples[0].is_ok(), "{samples:?}");
        assert!(
            matches!(&samples[1], Err(ProbeError::Failed(reason)) if reason.contains("nofile")),
            "{samples:?}"
        );
    }
    prober.retain(vec![containers[1].id()]).await;
    see(&prober, &targets[1]).await;
}

#[tokio::test]
async fn a_process_that_stands_still_is_seen_like_any_other() {
    let container = Container::start();
    let prober = bounded(Bounds::of_this_process());
    let target = container.target();
    see(&prober, &target).await;
    let connection = container.listen(PORT).connect();
    container.signal("STOP");
    assert_eq!(see(&prober, &target).await.open.len(), 1);
    let another = bounded(Bounds::of_this_process());
    assert_eq!(see(&another, &target).await.open.len(), 1);
    drop(connection);
}
