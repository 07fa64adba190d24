//! Notifications of systemd, received on a socket like that of systemd.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::daemon::Daemon;
use crate::docker::random;
use crate::registry_damage::file;

/// The watchdog timeout: systemd kills a service that sends no notification for this long.
const WATCHDOG: Duration = Duration::from_millis(400);

/// More messages than the daemon sends before the registry blocks.
const MAX_MESSAGES: usize = 30;

/// Receives notifications in place of systemd.
struct Listener {
    socket: UnixDatagram,
}

impl Listener {
    fn at(address: &SocketAddr) -> Self {
        let socket = UnixDatagram::bind_addr(address).expect("the address is unused");
        Self { socket }
    }

    /// The next message, or `None` if there is none within `limit`.
    fn receive(&self, limit: Duration) -> Option<String> {
        self.socket
            .set_read_timeout(Some(limit))
            .expect("the limit is not zero");
        let mut message = [0; 1024];
        let length = self.socket.recv(&mut message).ok()?;
        Some(String::from_utf8_lossy(&message[..length]).into_owned())
    }

    /// Waits for a message with this prefix, and returns the messages before it.
    fn wait_for(&self, wanted: &str) -> Vec<String> {
        let mut others = Vec::new();
        loop {
            let message = self
                .receive(Duration::from_secs(30))
                .expect("the daemon sends notifications");
            if message.starts_with(wanted) {
                return others;
            }
            others.push(message);
        }
    }

    fn discard_pending(&self) {
        while self.receive(Duration::from_millis(1)).is_some() {}
    }

    /// Reads messages until none arrives within the watchdog timeout, which is when systemd kills the service.
    fn wait_for_timeout(&self) {
        let messages = std::iter::from_fn(|| self.receive(WATCHDOG));
        let count = messages.take(MAX_MESSAGES).count();
        assert!(count < MAX_MESSAGES, "the watchdog timeout never passes");
    }
}

fn environment(socket: &str) -> Vec<String> {
    vec![
        "env".to_owned(),
        format!("NOTIFY_SOCKET={socket}"),
        format!("WATCHDOG_USEC={}", WATCHDOG.as_micros()),
    ]
}

#[tokio::test]
async fn systemd_is_notified_of_ready_watchdog_and_stopping() {
    let state = tempfile::tempdir().expect("a temporary directory can be created");
    let path = state.path().join("notify");
    let listener = Listener::at(&SocketAddr::from_pathname(&path).expect("the socket path is valid"));
    let variables = environment(&path.display().to_string());
    let mut daemon = Daemon::start_in(state, &variables, &[]).await;
    assert!(
        listener.wait_for("READY=1\nSTATUS=").is_empty(),
        "READY=1 is the first notification"
    );
    listener.wait_for("WATCHDOG=1");
    // The socket may be full, because it was not read while the daemon started. Full sockets drop notifications.
    listener.discard_pending();
    assert_eq!(daemon.terminate(), Some(0));
    let before = listener.wait_for("STOPPING=1");
    assert!(before.iter().all(|message| message == "WATCHDOG=1"), "{before:?}");
}

/// Another process holds the lock of the database, so that the registry thread blocks.
#[tokio::test(flavor = "multi_thread")]
async fn watchdog_is_silent_while_the_registry_blocks() {
    let name = format!("spin-docker-test-{}", random());
    let listener = Listener::at(&SocketAddr::from_abstract_name(&name).expect("the socket path is valid"));
    let state = tempfile::tempdir().expect("a temporary directory can be created");
    let daemon = Daemon::start_in(state, &environment(&format!("@{name}")), &[]).await;
    let id = daemon.create().await.container_id;
    listener.wait_for("WATCHDOG=1");

    let other = rusqlite::Connection::open(file(daemon.state())).expect("the registry opens");
    other
        .execute_batch("begin immediate")
        .expect("the database is not locked");
    let client = daemon.client();
    let mut stops = tokio::task::JoinSet::new();
    stops.spawn(async move { client.stop(&id).await });
    // The stop reaches the registry within a moment, and then waits for the lock for up to five seconds.
    listener.wait_for_timeout();
    other.execute_batch("rollback").expect("the transaction is open");
    let stopped = stops.join_all().await.remove(0);
    stopped.expect("the stop succeeds after the lock is released");
    listener.wait_for("WATCHDOG=1");
}
