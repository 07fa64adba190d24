//! The output of main processes.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt};
use sd_daemon::domain::{ContainerId, Timestamp};
use sd_daemon::engine::{EngineError, LogChunk, LogQuery, OutputStream};

use super::support::{GRACE, in_time, missing, start_with_command};
use crate::harness::Harness;

/// A time after the end of every test, in the year 2100.
const FUTURE: Timestamp = Timestamp::from_millis(4_102_444_800_000);

fn texts(chunks: &[LogChunk]) -> BTreeSet<(bool, String)> {
    let text = |chunk: &LogChunk| {
        let text = String::from_utf8(chunk.bytes.to_vec()).unwrap();
        (chunk.stream == OutputStream::Stderr, text)
    };
    chunks.iter().map(text).collect()
}

/// Starts a container that has written one line to each output.
async fn start_printing(harness: &impl Harness) -> ContainerId {
    let id = start_with_command(harness, harness.printing_command()).await;
    let query = LogQuery {
        follow: true,
        ..LogQuery::default()
    };
    let lines = harness.engine().logs(id, query).await.unwrap();
    let lines: Vec<LogChunk> = in_time(lines.take(2).try_collect()).await.unwrap();
    assert_eq!(lines.len(), 2);
    id
}

async fn read(harness: &impl Harness, id: ContainerId, query: LogQuery) -> Vec<LogChunk> {
    let lines = harness.engine().logs(id, query).await.unwrap();
    in_time(lines.try_collect()).await.unwrap()
}

pub(crate) async fn logs_have_both_outputs_and_times(harness: &impl Harness) {
    let id = start_printing(harness).await;
    let lines = read(harness, id, LogQuery::default()).await;
    let expected = [(false, "out\n".to_owned()), (true, "err\n".to_owned())];
    assert_eq!(texts(&lines), expected.into());
    assert!(lines.iter().all(|line| line.at.is_some()), "{lines:?}");
}

pub(crate) async fn log_query_selects_the_latest_lines(harness: &impl Harness) {
    let id = start_printing(harness).await;
    let query = LogQuery::default();
    let tail = LogQuery {
        tail: Some(1),
        ..query
    };
    assert_eq!(read(harness, id, tail).await.len(), 1);
    let since = LogQuery {
        since: Some(FUTURE),
        ..query
    };
    assert_eq!(read(harness, id, since).await, []);
}

pub(crate) async fn followed_logs_end_when_the_container_stops(harness: &impl Harness) {
    let id = start_printing(harness).await;
    let query = LogQuery {
        follow: true,
        ..LogQuery::default()
    };
    let lines = harness.engine().logs(id, query).await.unwrap();
    harness.engine().stop(id, GRACE).await.unwrap();
    let lines: Vec<LogChunk> = in_time(lines.try_collect()).await.unwrap();
    assert_eq!(lines.len(), 2, "{lines:?}");
}

pub(crate) async fn missing_container_has_no_logs(harness: &impl Harness) {
    let lines = harness.engine().logs(missing(), LogQuery::default()).await;
    assert_eq!(lines.err(), Some(EngineError::NoSuchContainer));
}
