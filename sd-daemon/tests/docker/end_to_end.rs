//! The main operations from end to end: create, idle stop, start, check-in, limits, names and restarts.

use std::time::Duration;

use sd_client::Error;
use sd_client::api::{CreateContainer, RemoveMode, Status, StopReason, TimeLimit};

use crate::daemon::{Daemon, check_in_from_inside, eventually, within};
use crate::docker::{docker, image};

fn with_idle_timeout(seconds: u64) -> CreateContainer {
    let idle_timeout = Some(TimeLimit::After(Duration::from_secs(seconds)));
    CreateContainer {
        idle_timeout,
        ..CreateContainer::of_image(image())
    }
}

#[tokio::test]
async fn idle_container_is_stopped_and_can_be_started_again() {
    let daemon = Daemon::start(&[]).await;
    let container = daemon
        .client()
        .create(&with_idle_timeout(2))
        .await
        .expect("the create succeeds");
    let stopped = daemon.becomes(&container.container_id, Status::Stopped).await;
    assert_eq!(stopped.stop_reason, Some(StopReason::Idle));
    let started = daemon
        .client()
        .start(&container.container_id)
        .await
        .expect("the start succeeds");
    assert_eq!(started.status, Status::Running);
    assert!(
        started.stops_at > container.stops_at,
        "a new run gets a new deadline"
    );
}

#[tokio::test]
async fn reported_connections_keep_a_container_running() {
    let daemon = Daemon::start(&["--idle-timeout", "15s"]).await;
    let used = daemon.create().await.container_id;
    let unused = daemon.create().await.container_id;
    let stopped = within(
        Duration::from_secs(120),
        "the idle container is stopped",
        async || {
            eventually("the check-in is credited", async || {
                check_in_from_inside(&used, 1).then_some(())
            })
            .await;
            let shown = daemon.show(&unused).await;
            if shown.status == Status::Running {
                check_in_from_inside(&unused, 0);
            }
            (shown.status == Status::Stopped).then_some(shown)
        },
    )
    .await;
    assert_eq!(stopped.stop_reason, Some(StopReason::Idle));
    assert_eq!(daemon.show(&used).await.status, Status::Running);
}

#[tokio::test]
async fn deadline_survives_a_daemon_crash() {
    let mut daemon = Daemon::start(&[]).await;
    let container = daemon
        .client()
        .create(&with_idle_timeout(1200))
        .await
        .expect("the create succeeds");
    daemon.kill();
    daemon.restart().await;
    assert_eq!(
        daemon.show(&container.container_id).await.stops_at,
        container.stops_at
    );
}

#[tokio::test]
async fn create_options_reach_the_engine() {
    let daemon = Daemon::start(&[]).await;
    let name = format!("named-{}", &crate::docker::random()[..8]);
    let wanted = CreateContainer {
        name: Some(name.clone()),
        env: [("GREETING".to_owned(), "hello = world".to_owned())].into(),
        cmd: ["/bin/sh", "-c", "echo $GREETING; sleep 600"]
            .map(str::to_owned)
            .into(),
        memory: Some("64m".parse().expect("the size is valid")),
        cpus: Some("0.5".parse().expect("the number of CPUs is valid")),
        ..CreateContainer::of_image(image())
    };
    let container = daemon
        .client()
        .create(&wanted)
        .await
        .expect("the create succeeds");
    assert_eq!(container.name, format!("/{name}"));
    let format = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.Privileged}}";
    assert_eq!(
        docker(&["inspect", "--format", format, &name]),
        "67108864 500000000 false"
    );
    eventually("the container prints its environment", async || {
        docker(&["logs", &name]).contains("hello = world").then_some(())
    })
    .await;
    let taken = daemon
        .client()
        .create(&wanted)
        .await
        .expect_err("the name is taken");
    assert_eq!(
        taken.problem().map(|problem| problem.suffix().to_owned()),
        Some("name-in-use".to_owned())
    );
    daemon
        .client()
        .remove(&name, RemoveMode::Force)
        .await
        .expect("a name is a reference");
    daemon.agrees_with_docker().await;
}

#[tokio::test]
async fn failing_command_is_reported_and_leaves_no_container() {
    let daemon = Daemon::start(&[]).await;
    let wanted = CreateContainer {
        cmd: vec!["/no/such/program".to_owned()],
        ..CreateContainer::of_image(image())
    };
    let error = daemon
        .client()
        .create(&wanted)
        .await
        .expect_err("the command does not exist");
    let Error::Problem(problem) = error else {
        panic!("{error}")
    };
    assert_eq!((problem.status, problem.suffix()), (502, "engine-rejected"));
    assert!(problem.detail.contains("/no/such/program"), "{}", problem.detail);
    assert!(daemon.agrees_with_docker().await.is_empty());
}

#[tokio::test]
async fn container_that_exits_at_once_is_stopped() {
    let daemon = Daemon::start(&[]).await;
    let wanted = CreateContainer {
        cmd: vec!["/bin/true".to_owned()],
        ..CreateContainer::of_image(image())
    };
    let container = daemon
        .client()
        .create(&wanted)
        .await
        .expect("the create succeeds");
    let stopped = daemon.becomes(&container.container_id, Status::Stopped).await;
    assert_eq!(stopped.stop_reason, Some(StopReason::Exited));
}

#[tokio::test]
async fn disconnected_creates_leave_no_orphaned_container() {
    let daemon = Daemon::start(&[]).await;
    let impatient = daemon.client().with_response_timeout(Duration::from_millis(50));
    let mut creates = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let impatient = impatient.clone();
        creates.spawn(async move { impatient.create(&CreateContainer::of_image(image())).await });
    }
    let disconnected = creates
        .join_all()
        .await
        .iter()
        .filter(|created| created.is_err())
        .count();
    assert!(
        disconnected > 25,
        "only {disconnected} clients disconnected before the response"
    );
    daemon.agrees_with_docker().await;
}

#[tokio::test]
async fn daemon_exit_leaves_containers_running() {
    let mut daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    assert_eq!(daemon.terminate(), Some(0));
    assert_eq!(
        docker(&["inspect", "--format", "{{.State.Running}}", &id]),
        "true"
    );
    daemon.restart().await;
    assert_eq!(daemon.show(&id).await.status, Status::Running);
}
