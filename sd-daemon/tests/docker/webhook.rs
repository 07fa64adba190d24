//! Shutdown of the daemon with a webhook receiver that does not respond.

use std::time::{Duration, Instant};

use tokio::net::TcpListener;

use crate::daemon::Daemon;

#[tokio::test]
async fn unresponsive_receiver_does_not_delay_shutdown() {
    let receiver = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
    let address = receiver.local_addr().expect("the listener is bound");
    let mut daemon = Daemon::start(&["--webhook-url", &format!("http://{address}/hook")]).await;
    daemon.create().await;
    let _post = receiver.accept().await.expect("the event is posted");
    let signalled_at = Instant::now();
    assert_eq!(daemon.terminate(), Some(0));
    let took = signalled_at.elapsed();
    assert!(
        took < Duration::from_secs(5),
        "the daemon waited for the receiver: {took:?}"
    );
}
