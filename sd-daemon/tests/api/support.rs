//! Starts a whole daemon inside the test process: the real router on a real port, a real registry in a temporary
//! directory, an engine in memory, and a clock that stands still until the test moves it.
//!
//! A test arranges, sends one request and compares one response. [`TestDaemon::until`] and its siblings wait for
//! background work.

mod daemon;
mod process;
mod requests;
mod response;
mod setup;
mod wait;

use std::net::IpAddr;
use std::time::Duration;

use sd_client::api::Container;
use sd_daemon::domain::{ContainerId, Timestamp};

pub(crate) use daemon::TestDaemon;
pub(crate) use response::{
    Response, assert_json, assert_lines, assert_response, redacted, redacted_text, send, snapshot_settings,
};
pub(crate) use setup::Setup;

/// The time of the clock at the start of every test.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_772_373_731_250);
/// Polls without the expected probe, after which the clock is nudged.
const POLLS_BEFORE_NUDGE: u32 = 100;
/// The shortest pause of a background task.
const NUDGE: Duration = Duration::from_millis(200);
/// The default idle timeout.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(9000);
/// The grace after a start of the daemon, during which no idle container is stopped.
pub(crate) const GRACE: Duration = Duration::from_secs(600);
/// The interval of the activity prober.
pub(crate) const PROBE_INTERVAL: Duration = Duration::from_secs(15);
/// The time between the warning and the idle stop.
pub(crate) const WARNING: Duration = Duration::from_secs(300);
/// The longest `busy-for` that a container may report.
pub(crate) const BUSY_LIMIT: Duration = Duration::from_secs(14_400);
/// The maximum number of containers.
pub(crate) const MAX_CONTAINERS: u32 = 2000;
/// An image that exposes port 22 and one other port.
pub(crate) const IMAGE: &str = "sd-postgres";

const USER: &str = "admin";
const PASSWORD: &str = "spindocker";

/// The interval between two polls of a value that cannot notify.
pub(crate) const TICK: Duration = Duration::from_millis(20);
/// Bounds every wait; longer than any of them takes on a busy machine.
const HANG_LIMIT: Duration = Duration::from_secs(30);

/// The id of a container in the type of the engine.
pub(crate) fn id(container: &Container) -> ContainerId {
    container.container_id.parse().unwrap()
}

/// Awaits a future and fails the test if it hangs.
pub(crate) async fn with_timeout<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(HANG_LIMIT, future).await.unwrap()
}

/// A client with this source address.
pub(crate) fn http_client(from: IpAddr) -> reqwest::Client {
    // No test uses TLS, but the client cannot be built without a crypto provider.
    drop(rustls::crypto::ring::default_provider().install_default());
    let builder = reqwest::Client::builder()
        .local_address(from)
        .no_proxy()
        .tls_certs_only([]);
    builder.timeout(HANG_LIMIT).build().unwrap()
}
