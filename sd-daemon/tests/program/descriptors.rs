//! The process runs out of file descriptors and recovers.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::program::{PATIENCE, Program, connect, is_answered};

#[tokio::test]
async fn exhausted_descriptors_pause_accepting_without_a_busy_loop() {
    let program = Program::start_with_descriptors(64);
    let mut attack = Vec::new();
    // From several addresses, because the limit of one address is below the number of descriptors.
    for number in 0..100_u8 {
        let mut stream = connect([127, 0, 2, 1 + number % 10], program.api())
            .await
            .unwrap();
        drop(stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: ").await);
        attack.push(stream);
    }
    let warnings = || program.log().matches("failed to accept").count();
    timeout(PATIENCE, async {
        while warnings() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();

    let before = program.processor_ticks();
    is_answered([127, 0, 0, 1], program.api(), "/healthz").await;
    drop(attack);
    is_answered([127, 0, 0, 1], program.api(), "/v1/containers").await;
    let used = program.processor_ticks() - before;
    assert!(used < 100, "the daemon used {used} clock ticks");
    assert!(warnings() <= 2, "{}", program.log());
}
