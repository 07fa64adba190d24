//! The program with a receiver that is told what happens.

use std::time::{Duration, Instant};

use tokio::net::TcpListener;

use crate::daemon::Daemon;

#[tokio::test]
async fn a_receiver_that_never_answers_does_not_delay_the_end() {
    let receiver = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
    let address = receiver.local_addr().expect("it is bound");
    let mut daemon = Daemon::start(&["--webhook-url", &format!("http://{address}/hook")]).await;
    daemon.create().await;
    let _post = receiver.accept().await.expect("it is told");
    let told_to_end = Instant::now();
    assert_eq!(daemon.terminate(), Some(0));
    let took = told_to_end.elapsed();
    assert!(took < Duration::from_secs(5), "it waited for an answer: {took:?}");
}
