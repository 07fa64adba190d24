//! Stopping exactly what nobody uses: real databases and real logins, some of them silent.
//!
//! The images are those of `images/`: script/test has built them.

use std::process::Command;
use std::time::{Duration, Instant};

use sd_client::api::{
    Container, CreateContainer, EventKind, SignalKind, Status, StopReason, TimeLimit, UpdateContainer,
};

use crate::daemon::{Daemon, eventually, within};
use crate::login_sessions::{PASSWORD, Session, new_key};

/// What stands before the names of the sample images that script/test builds.
const SAMPLES: &str = "spin-docker-samples/";
/// Given to the containers once everybody is logged in. Somebody at work does something several times in it, on a
/// busy machine too.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
const PACE: Duration = Duration::from_secs(2);

/// What tells of use; the other one is left out, so that each is proven by itself.
const SEEN_FROM_HOST: &[&str] = &["--activity-signals", "connections", "--probe-interval", "2s"];
const REPORTED: &[&str] = &["--activity-signals", "check-in"];

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

/// Two containers with an open session each. One of the sessions is silent, in the other one somebody works
/// now and then.
struct TwoUsers {
    silent: (Container, Session),
    working: (Container, Session),
}

impl TwoUsers {
    async fn of_databases(daemon: &Daemon) -> Self {
        let (first, second) = (
            created(daemon, &database()).await,
            created(daemon, &database()).await,
        );
        let session =
            async |container: &Container| Session::psql(container.app_port.expect("it is published")).await;
        Self {
            silent: (first.clone(), session(&first).await),
            working: (second.clone(), session(&second).await),
        }
    }

    async fn of_login_servers(daemon: &Daemon, keys: &std::path::Path) -> Self {
        let (key, public) = new_key(keys);
        let wanted = login_server(&public);
        let (first, second) = (created(daemon, &wanted).await, created(daemon, &wanted).await);
        let session = async |container: &Container| {
            Session::ssh(container.ssh_port.expect("it is published"), &key).await
        };
        Self {
            silent: (first.clone(), session(&first).await),
            working: (second.clone(), session(&second).await),
        }
    }

    /// Lets one work and the other not, until the silent one is stopped, and for as long again.
    async fn tell_apart(mut self, daemon: &Daemon) -> Container {
        for (container, _) in [&self.silent, &self.working] {
            eventually("its login is seen", async || {
                let activity = daemon.client().activity(&container.container_id).await;
                let signal = activity.expect("reads always work").last_active_signal;
                signal.filter(|signal| *signal != SignalKind::Started)
            })
            .await;
        }
        self.working.1.works().await;
        for (container, _) in [&self.silent, &self.working] {
            limit(daemon, container).await;
        }
        let mut stopped_at = None;
        let stopped = within(
            Duration::from_secs(120),
            "the silent one is stopped",
            async || {
                Some(daemon.show(&self.silent.0.container_id).await)
                    .filter(|shown| shown.status == Status::Stopped)
            },
        );
        let work = async {
            let mut pace = tokio::time::interval(PACE);
            loop {
                pace.tick().await;
                self.working.1.works().await;
                if stopped_at.is_some_and(|at: Instant| at.elapsed() > IDLE_TIMEOUT) {
                    return;
                }
                let silent = daemon.show(&self.silent.0.container_id).await;
                if silent.status == Status::Stopped {
                    stopped_at.get_or_insert_with(Instant::now);
                }
            }
        };
        let (stopped, ()) = tokio::join!(stopped, work);
        assert_eq!(stopped.stop_reason, Some(StopReason::Idle));
        let working = daemon.show(&self.working.0.container_id).await;
        assert_eq!(working.status, Status::Running);
        assert_eq!(
            working.started_at, self.working.0.started_at,
            "it was never stopped"
        );
        assert!(self.working.1.is_open());
        // When all go home, it goes as well.
        drop(self.working.1);
        let left = daemon.becomes(&working.container_id, Status::Stopped).await;
        assert_eq!(left.stop_reason, Some(StopReason::Idle));
        stopped
    }
}

async fn created(daemon: &Daemon, wanted: &CreateContainer) -> Container {
    let created = daemon.client().create(wanted).await;
    created.expect("script/images --tag-prefix spin-docker-samples/ has built it")
}

/// From here on nobody may be away for long.
async fn limit(daemon: &Daemon, container: &Container) {
    let update = UpdateContainer {
        idle_timeout: Some(TimeLimit::After(IDLE_TIMEOUT)),
        ..UpdateContainer::default()
    };
    let updated = daemon.client().update(&container.container_id, &update).await;
    updated.expect("it runs");
}

/// What decided on a stop, as the history tells it.
async fn why(daemon: &Daemon, container: &Container) -> String {
    let activity = daemon
        .client()
        .activity(&container.container_id)
        .await
        .expect("reads always work");
    let stop = activity
        .history
        .iter()
        .rfind(|entry| entry.what == EventKind::Stopping);
    stop.expect("its stop is remembered").why.clone()
}

#[tokio::test]
async fn a_silent_psql_is_stopped_and_a_working_one_is_not_as_seen_from_the_host() {
    let daemon = Daemon::start(SEEN_FROM_HOST).await;
    let stopped = TwoUsers::of_databases(&daemon).await.tell_apart(&daemon).await;
    let why = why(&daemon, &stopped).await;
    assert!(why.contains("seen in use from the host"), "{why}");
    assert!(
        why.contains("its idle timeout is 15s (set for this container)"),
        "{why}"
    );
}

#[tokio::test]
async fn a_silent_psql_is_stopped_and_a_working_one_is_not_as_the_image_reports() {
    let daemon = Daemon::start(REPORTED).await;
    let stopped = TwoUsers::of_databases(&daemon).await.tell_apart(&daemon).await;
    let activity = daemon
        .client()
        .activity(&stopped.container_id)
        .await
        .expect("reads always work");
    assert_eq!(
        activity.last_active_signal,
        Some(SignalKind::CheckIn),
        "{activity:#?}"
    );
}

#[tokio::test]
async fn a_silent_ssh_is_stopped_and_a_working_one_is_not_as_seen_from_the_host() {
    let daemon = Daemon::start(SEEN_FROM_HOST).await;
    let keys = tempfile::tempdir().expect("there is room for a key");
    let users = TwoUsers::of_login_servers(&daemon, keys.path()).await;
    let stopped = users.tell_apart(&daemon).await;
    let why = why(&daemon, &stopped).await;
    assert!(why.contains("seen in use from the host"), "{why}");
}

#[tokio::test]
async fn with_both_signals_a_silent_psql_and_a_silent_ssh_are_stopped() {
    let daemon = Daemon::start(&[]).await;
    let keys = tempfile::tempdir().expect("there is room for a key");
    let databases = TwoUsers::of_databases(&daemon).await;
    let servers = TwoUsers::of_login_servers(&daemon, keys.path()).await;
    tokio::join!(databases.tell_apart(&daemon), servers.tell_apart(&daemon));
}

/// Short connections are gone by the time anybody looks.
#[tokio::test]
async fn a_web_server_that_is_asked_now_and_then_stays_and_one_that_is_not_goes() {
    let daemon = Daemon::start(SEEN_FROM_HOST).await;
    let wanted = CreateContainer::of_image(format!("{SAMPLES}sd-web"));
    let (left, visited) = (created(&daemon, &wanted).await, created(&daemon, &wanted).await);
    for container in [&left, &visited] {
        limit(&daemon, container).await;
    }
    let url = format!("http://127.0.0.1:{}/", visited.app_port.expect("it is published"));
    let mut pace = tokio::time::interval(PACE);
    let mut stopped_at: Option<Instant> = None;
    while stopped_at.is_none_or(|at| at.elapsed() < IDLE_TIMEOUT) {
        pace.tick().await;
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
        if daemon.show(&left.container_id).await.status == Status::Stopped {
            stopped_at.get_or_insert_with(Instant::now);
        }
    }
    let visited = daemon.show(&visited.container_id).await;
    assert_eq!((visited.status, visited.stop_reason), (Status::Running, None));
    let why = why(&daemon, &left).await;
    assert!(why.contains("the last use was its start"), "{why}");
}
