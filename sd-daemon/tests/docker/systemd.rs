//! What systemd hears of the program, through a socket like its own.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use crate::daemon::Daemon;
use crate::docker::random;
use crate::registry_damage::file;

/// The time after which a program without a sign of life is taken for dead.
const WATCHDOG: Duration = Duration::from_millis(400);

/// Plays systemd.
struct Listener {
    socket: UnixDatagram,
}

impl Listener {
    fn at(address: &SocketAddr) -> Self {
        let socket = UnixDatagram::bind_addr(address).expect("the address is free");
        Self { socket }
    }

    /// The next message, if one comes in time.
    fn hears(&self, patience: Duration) -> Option<String> {
        self.socket
            .set_read_timeout(Some(patience))
            .expect("it is not zero");
        let mut message = [0; 1024];
        let length = self.socket.recv(&mut message).ok()?;
        Some(String::from_utf8_lossy(&message[..length]).into_owned())
    }

    /// Reads until one message comes that begins like this, and gives those before it.
    fn waits_for(&self, wanted: &str) -> Vec<String> {
        let mut others = Vec::new();
        loop {
            let message = self.hears(Duration::from_secs(30)).expect("it goes on telling");
            if message.starts_with(wanted) {
                return others;
            }
            others.push(message);
        }
    }

    fn forgets_what_is_there(&self) {
        while self.hears(Duration::from_millis(1)).is_some() {}
    }

    /// Counts the signs of life of a while, after those that are there already.
    fn signs_of_life_in(&self, a_while: Duration) -> usize {
        self.forgets_what_is_there();
        let end = Instant::now() + a_while;
        let left = || {
            end.saturating_duration_since(Instant::now())
                .max(Duration::from_millis(1))
        };
        std::iter::from_fn(|| self.hears(left()))
            .filter(|message| message == "WATCHDOG=1")
            .count()
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
async fn it_hears_when_the_daemon_serves_lives_and_ends() {
    let state = tempfile::tempdir().expect("there is room for a state directory");
    let path = state.path().join("notify");
    let listener = Listener::at(&SocketAddr::from_pathname(&path).expect("it is short"));
    let variables = environment(&path.display().to_string());
    let mut daemon = Daemon::start_in(state, &variables, &[]).await;
    assert!(
        listener.waits_for("READY=1\nSTATUS=").is_empty(),
        "it is the first thing that is told"
    );
    listener.waits_for("WATCHDOG=1");
    // What does not fit in is not told, and while the daemon began nobody read.
    listener.forgets_what_is_there();
    assert_eq!(daemon.terminate(), Some(0));
    let before = listener.waits_for("STOPPING=1");
    assert!(before.iter().all(|message| message == "WATCHDOG=1"), "{before:?}");
}

/// Somebody holds the database, and the registry waits for it: what hangs there would look alike from outside.
#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_sign_of_life_while_the_registry_does_not_answer() {
    let name = format!("spin-docker-test-{}", random());
    let listener = Listener::at(&SocketAddr::from_abstract_name(&name).expect("it is short"));
    let state = tempfile::tempdir().expect("there is room for a state directory");
    let daemon = Daemon::start_in(state, &environment(&format!("@{name}")), &[]).await;
    let id = daemon.create().await.container_id;
    assert!(listener.signs_of_life_in(WATCHDOG * 5) > 0);

    let other = rusqlite::Connection::open(file(daemon.state())).expect("it is there");
    other.execute_batch("begin immediate").expect("it is free");
    let client = daemon.client();
    let mut stops = tokio::task::JoinSet::new();
    stops.spawn(async move { client.stop(&id).await });
    // The job may still be on its way; once there, it waits for up to five seconds.
    let is_silent = (0..3).any(|_| listener.signs_of_life_in(WATCHDOG * 3) == 0);
    assert!(is_silent, "it must be taken for dead");
    other.execute_batch("rollback").expect("it was begun");
    let stopped = stops.join_all().await.remove(0);
    stopped.expect("the registry goes on");
    listener.waits_for("WATCHDOG=1");
}
