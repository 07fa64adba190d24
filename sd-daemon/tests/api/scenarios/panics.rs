//! A panic fails only the request that caused it.

use std::io::{self, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use reqwest::Method;
use sd_client::api::{CreateContainer, RemoveMode, Status};
use sd_daemon::engine::fake::{Action, Point};
use sd_daemon::log::log_panic;
use tracing::Level;

use crate::support::{IMAGE, TestDaemon, id, send};

#[tokio::test]
async fn panic_in_a_handler_fails_one_request_with_500() {
    let daemon = TestDaemon::start();
    daemon.engine.panic_next(Point::Before(Action::Images));
    let list = async || send(daemon.request(Method::GET, "/v1/images")).await;
    let failed = list().await;
    assert_eq!(failed.status, 500);
    assert_eq!(failed.json()["type"], "urn:spin-docker:problem:internal");
    assert_eq!(list().await.status, 200);
}

/// A log in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn panic_is_logged_with_the_request_id_of_the_response() {
    // Panics of other tests are still reported.
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        log_panic(panic);
        others(panic);
    }));
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt().json().with_max_level(Level::ERROR);
    // The daemon runs on other threads, so the subscriber is global.
    log.with_writer(move || writer.clone()).init();

    for (method, path, point) in [
        (Method::GET, "/v1/images", Point::Before(Action::Images)),
        (Method::POST, "/v1/containers", Point::Before(Action::Create)),
    ] {
        let daemon = TestDaemon::start();
        daemon.engine.panic_next(point);
        let wanted = CreateContainer::of_image(IMAGE);
        let failed = send(daemon.request(method, path).json(&wanted)).await;
        assert_eq!(failed.status, 500, "{path}");
        let id = failed.json()["request_id"].as_str().unwrap().to_owned();
        let log = String::from_utf8(lines.0.lock().clone()).unwrap();
        let is_cause = |line: &&str| line.contains("\"panicked\"") && line.contains(&id);
        assert!(log.lines().any(|line| is_cause(&line)), "{id} is not in {log}");
    }
}

#[tokio::test]
async fn panic_during_create_leaves_no_container() {
    for point in [
        Point::Before(Action::Create),
        Point::After(Action::Create),
        Point::After(Action::Start),
    ] {
        let daemon = TestDaemon::start();
        daemon.engine.panic_next(point);
        let wanted = CreateContainer::of_image(IMAGE);
        let failed = send(daemon.request(Method::POST, "/v1/containers").json(&wanted)).await;
        assert_eq!(failed.status, 500, "{point:?}");
        let next = daemon.create().await;
        assert_eq!(daemon.get(&next).await.status, Status::Running);
        // Started creates are completed; unacknowledged containers are removed.
        daemon
            .advance_until(|snapshot| {
                snapshot.creations().count() == 0
                    && snapshot
                        .records()
                        .all(|record| !record.lifecycle().is_unfinished())
            })
            .await;
    }
}

#[tokio::test]
async fn panic_during_removal_releases_the_container_lock() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.panic_next(Point::Before(Action::Remove));
    let path = format!("/v1/containers/{}", container.container_id);
    let failed = send(daemon.request(Method::DELETE, &path)).await;
    assert_eq!(failed.status, 500);
    // The removal is recorded: this request or the daemon completes it.
    drop(
        daemon
            .client
            .remove(&container.container_id, RemoveMode::Force)
            .await,
    );
    daemon
        .advance_until(|snapshot| snapshot.get(id(&container)).is_none())
        .await;
}
