//! Idle stops of real databases and SSH servers: a container with a silent session is stopped, one with a session that is
//! used is not.
//!
//! script/test has built the images of `images/`.

use std::process::Command;
use std::time::{Duration, Instant};

use sd_client::api::{
    Container, CreateContainer, EventKind, SignalKind, Status, StopReason, TimeLimit, UpdateContainer,
};

use crate::daemon::{Daemon, eventually, within};
use crate::login_sessions::{PASSWORD, Session, new_key};

/// The prefix of the sample images that script/test builds.
const SAMPLES: &str = "spin-docker-samples/";
/// Set when all sessions are open. A used session sends several commands within it, also on a busy machine.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
const COMMAND_INTERVAL: Duration = Duration::from_secs(2);

/// The options that enable one activity signal only, so that each is tested by itself.
const HOST_ACTIVITY: &[&str] = &["--activity-signals", "connections", "--probe-interval", "2s"];
const CHECK_INS: &[&str] = &["--activity-signals", "check-in"];

fn database() -> CreateContainer {
    CreateContainer {
        env: [
            ("POSTGRES_PASSWORD".to_owned(), PASSWORD.to_owned()),
            ("SD_CHECK_IN_EVERY".to_owned(), "2s".to_owned()),
        ]
        .into(),
        ..CreateContainer::of_image(format!("{SAMPLES}sd-postgres"))
    }
}

fn login_server(public_key: &str) -> CreateContainer {
    CreateContainer {
        env: [
            ("AUTHORIZED_KEYS".to_owned(), public_key.to_owned()),
            ("SD_CHECK_IN_EVERY".to_owned(), "2s".to_owned()),
        ]
        .into(),
        ..CreateContainer::of_image(format!("{SAMPLES}sd-ssh"))
    }
}

/// Two containers with an open session each: one session is silent, the other one is used.
struct TwoSessions {
    silent: (Container, Session),
    used: (Container, Session),
}

impl TwoSessions {
    async fn of_databases(daemon: &Daemon) -> Self {
        let (first, second) = (
            created(daemon, &database()).await,
            created(daemon, &database()).await,
        );
        let session = async |container: &Container| {
            Session::psql(container.app_port.expect("the port is published")).await
        };
        Self {
            silent: (first.clone(), session(&first).await),
            used: (second.clone(), session(&second).await),
        }
    }

    async fn of_login_servers(daemon: &Daemon, keys: &std::path::Path) -> Self {
        let (key, public) = new_key(keys);
        let wanted = login_server(&public);
        let (first, second) = (created(daemon, &wanted).await, created(daemon, &wanted).await);
        let session = async |container: &Container| {
            Session::ssh(container.ssh_port.expect("the port is published"), &key).await
        };
        Self {
            silent: (first.clone(), session(&first).await),
            used: (second.clone(), session(&second).await),
        }
    }

    /// Uses one session until the container of the silent one is stopped, and for one more timeout. Checks that the used
    /// container keeps running, and returns the stopped one.
    async fn only_silent_one_is_stopped(mut self, daemon: &Daemon) -> Container {
        for (container, _) in [&self.silent, &self.used] {
            eventually("the session counts as activity", async || {
                let activity = daemon.client().activity(&container.container_id).await;
                let signal = activity.expect("the read succeeds").last_active_signal;
                signal.filter(|signal| *signal != SignalKind::Started)
            })
            .await;
        }
        self.used.1.run_command().await;
        for (container, _) in [&self.silent, &self.used] {
            limit(daemon, container).await;
        }
        let mut stopped_at = None;
        let stopped = within(
            Duration::from_secs(120),
            "the container of the silent session is stopped",
            async || {
                Some(daemon.show(&self.silent.0.container_id).await)
                    .filter(|shown| shown.status == Status::Stopped)
            },
        );
        let use_session = async {
            let mut ticks = tokio::time::interval(COMMAND_INTERVAL);
            loop {
                ticks.tick().await;
                self.used.1.run_command().await;
                if stopped_at.is_some_and(|at: Instant| at.elapsed() > IDLE_TIMEOUT) {
                    return;
                }
                let silent = daemon.show(&self.silent.0.container_id).await;
                if silent.status == Status::Stopped {
                    stopped_at.get_or_insert_with(Instant::now);
                }
            }
        };
        let (stopped, ()) = tokio::join!(stopped, use_session);
        assert_eq!(stopped.stop_reason, Some(StopReason::Idle));
        let used = daemon.show(&self.used.0.container_id).await;
        assert_eq!(used.status, Status::Running);
        assert_eq!(
            used.started_at, self.used.0.started_at,
            "the used container was never stopped"
        );
        assert!(self.used.1.is_open());
        // Without a session it is stopped as well.
        drop(self.used.1);
        let left = daemon.becomes(&used.container_id, Status::Stopped).await;
        assert_eq!(left.stop_reason, Some(StopReason::Idle));
        stopped
    }
}

async fn created(daemon: &Daemon, wanted: &CreateContainer) -> Container {
    let created = daemon.client().create(wanted).await;
    created.expect("script/images --tag-prefix spin-docker-samples/ has built the image")
}

/// Sets the short idle timeout.
async fn limit(daemon: &Daemon, container: &Container) {
    let update = UpdateContainer {
        idle_timeout: Some(TimeLimit::After(IDLE_TIMEOUT)),
        ..UpdateContainer::default()
    };
    let updated = daemon.client().update(&container.container_id, &update).await;
    updated.expect("the update succeeds");
}

/// The reason of the stop in the history.
async fn why(daemon: &Daemon, container: &Container) -> String {
    let activity = daemon
        .client()
        .activity(&container.container_id)
        .await
        .expect("the read succeeds");
    let stop = activity
        .history
        .iter()
        .rfind(|entry| entry.what == EventKind::Stopping);
    stop.expect("the history contains the stop").why.clone()
}

#[tokio::test]
async fn silent_psql_is_stopped_by_host_activity() {
    let daemon = Daemon::start(HOST_ACTIVITY).await;
    let stopped = TwoSessions::of_databases(&daemon)
        .await
        .only_silent_one_is_stopped(&daemon)
        .await;
    let why = why(&daemon, &stopped).await;
    assert!(why.contains("in use (measured from the host)"), "{why}");
    assert!(
        why.contains("its idle timeout is 15s (set for this container)"),
        "{why}"
    );
}

#[tokio::test]
async fn silent_psql_is_stopped_by_check_ins() {
    let daemon = Daemon::start(CHECK_INS).await;
    let stopped = TwoSessions::of_databases(&daemon)
        .await
        .only_silent_one_is_stopped(&daemon)
        .await;
    let activity = daemon
        .client()
        .activity(&stopped.container_id)
        .await
        .expect("the read succeeds");
    assert_eq!(
        activity.last_active_signal,
        Some(SignalKind::CheckIn),
        "{activity:#?}"
    );
}

#[tokio::test]
async fn silent_ssh_is_stopped_by_host_activity() {
    let daemon = Daemon::start(HOST_ACTIVITY).await;
    let keys = tempfile::tempdir().expect("a temporary directory can be created");
    let sessions = TwoSessions::of_login_servers(&daemon, keys.path()).await;
    let stopped = sessions.only_silent_one_is_stopped(&daemon).await;
    let why = why(&daemon, &stopped).await;
    assert!(why.contains("in use (measured from the host)"), "{why}");
}

#[tokio::test]
async fn silent_psql_and_ssh_are_stopped_by_both_signals() {
    let daemon = Daemon::start(&[]).await;
    let keys = tempfile::tempdir().expect("a temporary directory can be created");
    let databases = TwoSessions::of_databases(&daemon).await;
    let servers = TwoSessions::of_login_servers(&daemon, keys.path()).await;
    tokio::join!(
        databases.only_silent_one_is_stopped(&daemon),
        servers.only_silent_one_is_stopped(&daemon)
    );
}

/// The connections are closed before the next probe.
#[tokio::test]
async fn occasional_web_requests_keep_a_container_running() {
    let daemon = Daemon::start(HOST_ACTIVITY).await;
    let wanted = CreateContainer::of_image(format!("{SAMPLES}sd-web"));
    let (idle, requested) = (created(&daemon, &wanted).await, created(&daemon, &wanted).await);
    for container in [&idle, &requested] {
        limit(&daemon, container).await;
    }
    let url = format!(
        "http://127.0.0.1:{}/",
        requested.app_port.expect("the port is published")
    );
    let mut ticks = tokio::time::interval(COMMAND_INTERVAL);
    let mut stopped_at: Option<Instant> = None;
    while stopped_at.is_none_or(|at| at.elapsed() < IDLE_TIMEOUT) {
        ticks.tick().await;
        let answer = Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--retry",
                "5",
                "--retry-all-errors",
                &url,
            ])
            .output();
        assert!(answer.expect("curl is installed").status.success());
        if daemon.show(&idle.container_id).await.status == Status::Stopped {
            stopped_at.get_or_insert_with(Instant::now);
        }
    }
    let requested = daemon.show(&requested.container_id).await;
    assert_eq!((requested.status, requested.stop_reason), (Status::Running, None));
    let why = why(&daemon, &idle).await;
    assert!(why.contains("the last use was its start"), "{why}");
}
