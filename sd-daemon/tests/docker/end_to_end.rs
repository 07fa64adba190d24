//! What users do, and what they get.

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
async fn a_container_that_nobody_uses_is_stopped_and_can_be_started_again() {
    let daemon = Daemon::start(&[]).await;
    let container = daemon
        .client()
        .create(&with_idle_timeout(2))
        .await
        .expect("it is created");
    let stopped = daemon.becomes(&container.container_id, Status::Stopped).await;
    assert_eq!(stopped.stop_reason, Some(StopReason::Idle));
    let started = daemon
        .client()
        .start(&container.container_id)
        .await
        .expect("it starts");
    assert_eq!(started.status, Status::Running);
    assert!(
        started.stops_at > container.stops_at,
        "a new run has a fresh clock"
    );
}

#[tokio::test]
async fn a_container_that_reports_connections_stays_and_one_that_reports_none_goes() {
    let daemon = Daemon::start(&["--idle-timeout", "15s"]).await;
    let used = daemon.create().await.container_id;
    let unused = daemon.create().await.container_id;
    let stopped = within(
        Duration::from_secs(120),
        "the unused one is stopped",
        async || {
            eventually("the report is credited", async || {
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
async fn a_deadline_survives_a_restart_of_the_daemon() {
    let mut daemon = Daemon::start(&[]).await;
    let container = daemon
        .client()
        .create(&with_idle_timeout(1200))
        .await
        .expect("it is created");
    daemon.kill();
    daemon.restart().await;
    assert_eq!(
        daemon.show(&container.container_id).await.stops_at,
        container.stops_at
    );
}

#[tokio::test]
async fn a_name_environment_command_and_limits_arrive_at_the_engine() {
    let daemon = Daemon::start(&[]).await;
    let name = format!("named-{}", &crate::docker::random()[..8]);
    let wanted = CreateContainer {
        name: Some(name.clone()),
        env: [("GREETING".to_owned(), "hello = world".to_owned())].into(),
        cmd: ["/bin/sh", "-c", "echo $GREETING; sleep 600"]
            .map(str::to_owned)
            .into(),
        memory: Some("64m".parse().expect("it is a size")),
        cpus: Some("0.5".parse().expect("it is a number of cores")),
        ..CreateContainer::of_image(image())
    };
    let container = daemon.client().create(&wanted).await.expect("it is created");
    assert_eq!(container.name, format!("/{name}"));
    let format = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.Privileged}}";
    assert_eq!(
        docker(&["inspect", "--format", format, &name]),
        "67108864 500000000 false"
    );
    eventually("the environment arrives", async || {
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
async fn a_command_that_cannot_be_run_is_said_and_leaves_nothing() {
    let daemon = Daemon::start(&[]).await;
    let wanted = CreateContainer {
        cmd: vec!["/no/such/program".to_owned()],
        ..CreateContainer::of_image(image())
    };
    let error = daemon.client().create(&wanted).await.expect_err("it cannot run");
    let Error::Problem(problem) = error else {
        panic!("{error}")
    };
    assert_eq!((problem.status, problem.suffix()), (502, "engine-rejected"));
    assert!(problem.detail.contains("/no/such/program"), "{}", problem.detail);
    assert!(daemon.agrees_with_docker().await.is_empty());
}

#[tokio::test]
async fn a_container_that_ends_at_once_is_created_and_stopped() {
    let daemon = Daemon::start(&[]).await;
    let wanted = CreateContainer {
        cmd: vec!["/bin/true".to_owned()],
        ..CreateContainer::of_image(image())
    };
    let container = daemon.client().create(&wanted).await.expect("it is created");
    let stopped = daemon.becomes(&container.container_id, Status::Stopped).await;
    assert_eq!(stopped.stop_reason, Some(StopReason::Exited));
}

#[tokio::test]
async fn fifty_clients_that_hang_up_leave_no_container_behind() {
    let daemon = Daemon::start(&[]).await;
    let hasty = daemon.client().with_answer_limit(Duration::from_millis(50));
    let mut creates = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let hasty = hasty.clone();
        creates.spawn(async move { hasty.create(&CreateContainer::of_image(image())).await });
    }
    let hung_up = creates
        .join_all()
        .await
        .iter()
        .filter(|created| created.is_err())
        .count();
    assert!(hung_up > 25, "only {hung_up} clients hung up: nothing is proven");
    daemon.agrees_with_docker().await;
}

#[tokio::test]
async fn the_daemon_stops_when_asked_and_containers_keep_running() {
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
