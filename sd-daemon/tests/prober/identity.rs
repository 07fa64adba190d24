//! Who is looked at, and what is held for them.

use std::fs;
use std::time::{Duration, Instant};

use sd_daemon::domain::{ProcessId, RunId};
use sd_daemon::prober::host::{HostProber, ProcessorTime};
use sd_daemon::prober::{ProbeError, Prober, Target};

use crate::container::{Container, PORT, look, look_until, prober, see};

#[tokio::test]
async fn a_process_that_is_not_the_containers_is_not_looked_at() {
    let (one, other) = (Container::start(), Container::start());
    let prober = prober();
    for process in [
        // The number of a process on the engine's host is any process here.
        other.target().process,
        ProcessId::new(std::process::id()).unwrap(),
        ProcessId::new(1).unwrap(),
        // Or none.
        ProcessId::new(u32::MAX / 2).unwrap(),
    ] {
        let target = Target {
            process,
            ..one.target()
        };
        assert_eq!(
            look(&prober, &target).await,
            Err(ProbeError::Elsewhere),
            "{process:?}"
        );
    }
}

#[tokio::test]
async fn the_hosts_own_connections_are_never_shown() {
    let container = Container::start_with(&["--network", "host"], &[]);
    let seen = look(&prober(), &container.target()).await;
    assert!(
        matches!(&seen, Err(ProbeError::Failed(reason)) if reason.contains("host's network")),
        "{seen:?}"
    );
}

#[tokio::test]
async fn another_run_is_looked_at_afresh() {
    let container = Container::start();
    let (prober, before) = (prober(), container.target());
    see(&prober, &before).await;
    assert!(see(&prober, &before).await.since_last.is_some());

    container.restart();
    let gone = look(&prober, &before).await;
    assert!(
        matches!(&gone, Err(ProbeError::Failed(reason)) if reason.contains("has ended")),
        "{gone:?}"
    );
    let connection = container.listen(PORT).connect();
    let sample = see(&prober, &container.target()).await;
    assert_eq!((sample.since_last, sample.open.len()), (None, 1));
    // Even if it were the same process, it would be another run.
    let another = Target {
        run: RunId::new("another"),
        ..container.target()
    };
    assert_eq!(see(&prober, &another).await.since_last, None);
    drop(connection);
}

#[tokio::test]
async fn a_container_that_has_ended_is_said_to_have_ended_and_let_go() {
    let container = Container::start();
    let (prober, target) = (prober(), container.target());
    see(&prober, &target).await;
    container.kill();
    let ended = ProbeError::Failed("its main process has ended".to_owned());
    assert_eq!(look(&prober, &target).await, Err(ended));
    // The number may be another process's by now, or nobody's.
    assert_eq!(look(&prober, &target).await, Err(ProbeError::Elsewhere));
}

#[tokio::test]
async fn what_is_not_retained_is_let_go() {
    let container = Container::start();
    let (prober, target) = (prober(), container.target());
    assert_eq!(held_for(&target), (0, 0));
    for _ in 0..2 {
        // The first look after it was let go is a first look.
        assert_eq!(see(&prober, &target).await.since_last, None);
        prober.retain(vec![container.id()]).await;
        assert!(see(&prober, &target).await.since_last.is_some());
        assert_eq!(held_for(&target), (1, 1));
        prober.retain(vec![]).await;
        nothing_is_held_for(&target);
    }
    see(&prober, &target).await;
    // Its thread ends with the prober.
    drop(prober);
    nothing_is_held_for(&target);
}

/// Waits until that is so. A program that another test starts at this moment has a copy of every file of this
/// process, until its own code begins.
fn nothing_is_held_for(target: &Target) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while held_for(target) != (0, 0) {
        assert!(Instant::now() < deadline, "still held: {:?}", held_for(target));
        std::thread::yield_now();
    }
}

/// What this process holds of a container: its directories in `/proc`, and sockets in its network.
fn held_for(target: &Target) -> (usize, usize) {
    const SOCK_DIAG: &str = "4";
    let directory = format!("/proc/{}", target.process.number());
    let files = fs::read_dir("/proc/self/fd").expect("there is /proc");
    let open = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    let directories = open.filter(|file| file.as_os_str() == &*directory).count();
    let sockets = fs::read_to_string(format!("{directory}/net/netlink")).expect("it runs");
    let of_processes = sockets.lines().filter(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        // The kernel's own end has the number 0.
        fields.next() == Some(SOCK_DIAG) && fields.next() != Some("0")
    });
    (directories, of_processes.count())
}

#[tokio::test]
async fn the_answers_are_in_the_order_of_the_targets() {
    let containers = [Container::start(), Container::start()];
    let connection = containers[1].listen(PORT).connect();
    let prober = prober();
    let nobody = Target {
        process: ProcessId::new(1).unwrap(),
        ..containers[0].target()
    };
    let targets = vec![containers[0].target(), nobody, containers[1].target()];
    for _ in 0..2 {
        let seen = prober.look(targets.clone()).await;
        let connections: Vec<_> = seen
            .iter()
            .map(|seen| seen.as_ref().ok().map(|sample| sample.open.len()))
            .collect();
        assert_eq!(connections, [Some(0), None, Some(1)]);
    }
    drop(connection);
}

#[tokio::test]
async fn processor_time_is_seen_where_it_is_asked_for() {
    let busy = Container::start_with(&[], &["/bin/sh", "-c", "while :; do :; done"]);
    let calm = Container::start();
    let prober = HostProber::new(ProcessorTime::Measured).unwrap();
    assert_eq!(see(&prober, &busy.target()).await.processor_time, None);
    let target = busy.target();
    let mut used = Duration::ZERO;
    look_until(&prober, &target, |sample| {
        used += sample.processor_time.expect("it can be read");
        (used > Duration::from_millis(50)).then_some(())
    })
    .await;
    see(&prober, &calm.target()).await;
    let sample = see(&prober, &calm.target()).await;
    assert!(
        sample
            .processor_time
            .is_some_and(|used| used < Duration::from_millis(50))
    );

    let prober = HostProber::new(ProcessorTime::Ignored).unwrap();
    see(&prober, &target).await;
    assert_eq!(see(&prober, &target).await.processor_time, None);
}
