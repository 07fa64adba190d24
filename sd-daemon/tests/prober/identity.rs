//! Which processes are probed, and the open files of the prober.

use std::fs;
use std::time::{Duration, Instant};

use sd_daemon::domain::{ProcessId, RunId};
use sd_daemon::prober::host::{HostProber, ProcessorTime};
use sd_daemon::prober::{ProbeError, Prober, Target};

use crate::container::{Container, PORT, probe, probe_until, prober, take_sample};

#[tokio::test]
async fn process_of_another_container_is_not_probed() {
    let (one, other) = (Container::start(), Container::start());
    let prober = prober();
    for process in [
        // With a remote engine, its process ids belong to other processes here.
        other.target().process,
        ProcessId::new(std::process::id()).unwrap(),
        ProcessId::new(1).unwrap(),
        // Or to no process.
        ProcessId::new(u32::MAX / 2).unwrap(),
    ] {
        let target = Target {
            process,
            ..one.target()
        };
        assert_eq!(
            probe(&prober, &target).await,
            Err(ProbeError::NotVisible),
            "{process:?}"
        );
    }
}

#[tokio::test]
async fn connections_of_the_host_are_never_reported() {
    let container = Container::start_with(&["--network", "host"], &[]);
    let seen = probe(&prober(), &container.target()).await;
    assert!(
        matches!(&seen, Err(ProbeError::Failed(reason)) if reason.contains("host's network")),
        "{seen:?}"
    );
}

#[tokio::test]
async fn new_run_starts_a_new_probe() {
    let container = Container::start();
    let (prober, before) = (prober(), container.target());
    take_sample(&prober, &before).await;
    assert!(take_sample(&prober, &before).await.since_last.is_some());

    container.restart();
    let gone = probe(&prober, &before).await;
    assert!(
        matches!(&gone, Err(ProbeError::Failed(reason)) if reason.contains("has exited")),
        "{gone:?}"
    );
    let connection = container.listen(PORT).connect();
    let sample = take_sample(&prober, &container.target()).await;
    assert_eq!((sample.since_last, sample.open.len()), (None, 1));
    // The run decides, even if the process is the same.
    let other_run = Target {
        run: RunId::new("other"),
        ..container.target()
    };
    assert_eq!(take_sample(&prober, &other_run).await.since_last, None);
    drop(connection);
}

#[tokio::test]
async fn exited_container_is_reported_and_released() {
    let container = Container::start();
    let (prober, target) = (prober(), container.target());
    take_sample(&prober, &target).await;
    container.kill();
    let ended = ProbeError::Failed("its main process has exited".to_owned());
    assert_eq!(probe(&prober, &target).await, Err(ended));
    // The process id may belong to another process by now, or to none.
    assert_eq!(probe(&prober, &target).await, Err(ProbeError::NotVisible));
}

#[tokio::test]
async fn container_that_is_not_retained_is_released() {
    let container = Container::start();
    let (prober, target) = (prober(), container.target());
    assert_eq!(open_files(&target), (0, 0));
    for _ in 0..2 {
        // A probe after the release is a first probe.
        assert_eq!(take_sample(&prober, &target).await.since_last, None);
        prober.retain(vec![container.id()]).await;
        assert!(take_sample(&prober, &target).await.since_last.is_some());
        assert_eq!(open_files(&target), (1, 1));
        prober.retain(vec![]).await;
        wait_until_released(&target);
    }
    take_sample(&prober, &target).await;
    // The thread ends when the prober is dropped.
    drop(prober);
    wait_until_released(&target);
}

/// Waits until no file is open. A program that another test starts at the same time inherits every file of this process
/// until it executes its own code.
fn wait_until_released(target: &Target) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while open_files(target) != (0, 0) {
        assert!(Instant::now() < deadline, "still open: {:?}", open_files(target));
        std::thread::yield_now();
    }
}

/// The open files of this process for a container: directories in `/proc`, and sockets in its network.
fn open_files(target: &Target) -> (usize, usize) {
    const SOCK_DIAG: &str = "4";
    let directory = format!("/proc/{}", target.process.number());
    let files = fs::read_dir("/proc/self/fd").expect("/proc is mounted");
    let open = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    let directories = open.filter(|file| file.as_os_str() == &*directory).count();
    let sockets = fs::read_to_string(format!("{directory}/net/netlink")).expect("the container runs");
    let of_processes = sockets.lines().filter(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        // The kernel's own socket has the port 0.
        fields.next() == Some(SOCK_DIAG) && fields.next() != Some("0")
    });
    (directories, of_processes.count())
}

#[tokio::test]
async fn samples_are_in_the_order_of_the_targets() {
    let containers = [Container::start(), Container::start()];
    let connection = containers[1].listen(PORT).connect();
    let prober = prober();
    let other_process = Target {
        process: ProcessId::new(1).unwrap(),
        ..containers[0].target()
    };
    let targets = vec![containers[0].target(), other_process, containers[1].target()];
    for _ in 0..2 {
        let seen = prober.probe(targets.clone()).await;
        let connections: Vec<_> = seen
            .iter()
            .map(|seen| seen.as_ref().ok().map(|sample| sample.open.len()))
            .collect();
        assert_eq!(connections, [Some(0), None, Some(1)]);
    }
    drop(connection);
}

#[tokio::test]
async fn processor_time_is_measured_on_request() {
    let busy = Container::start_with(&[], &["/bin/sh", "-c", "while :; do :; done"]);
    let idle = Container::start();
    let prober = HostProber::new(ProcessorTime::Measured).unwrap();
    assert_eq!(take_sample(&prober, &busy.target()).await.processor_time, None);
    let target = busy.target();
    let mut used = Duration::ZERO;
    probe_until(&prober, &target, |sample| {
        used += sample.processor_time.expect("processor time is readable");
        (used > Duration::from_millis(50)).then_some(())
    })
    .await;
    take_sample(&prober, &idle.target()).await;
    let sample = take_sample(&prober, &idle.target()).await;
    assert!(
        sample
            .processor_time
            .is_some_and(|used| used < Duration::from_millis(50))
    );

    let prober = HostProber::new(ProcessorTime::Ignored).unwrap();
    take_sample(&prober, &target).await;
    assert_eq!(take_sample(&prober, &target).await.processor_time, None);
}
