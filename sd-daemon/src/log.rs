//! The log: lines on standard error, written by a thread of their own.
//!
//! If the reader of standard error stops reading, writes to it block. The threads that serve requests must not block
//! with them, so lines go through a bounded queue (`tracing_appender`). Lines that do not fit are dropped and counted,
//! and the log reports their number as soon as it can be written again.

use std::io::{self, IsTerminal, Write};
use std::panic::PanicHookInfo;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::settings::LogFormat;

/// Lines that the queue holds: more than the daemon writes while a working reader is busy.
const QUEUE_LENGTH: usize = 1024;
/// How long the last line may wait for space in the queue.
const LAST_LINE_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause between two attempts to queue the last line.
const RETRY_INTERVAL: Duration = Duration::from_millis(10);

/// The writer of the log.
#[derive(Debug)]
pub struct Log {
    queue: NonBlocking,
    guard: WorkerGuard,
}

impl Log {
    /// Starts to log on standard error, at the level that `RUST_LOG` sets, and reports panics.
    pub fn start(format: LogFormat) -> Self {
        let log = Self::to(io::stderr());
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(log.queue.clone())
            // An error of the log cannot be reported anywhere else.
            .log_internal_errors(false);
        match format {
            LogFormat::Text => subscriber.with_ansi(io::stderr().is_terminal()).init(),
            LogFormat::Json => subscriber.json().flatten_event(true).init(),
        }
        std::panic::set_hook(Box::new(log_panic));
        log
    }

    fn to(output: impl Write + Send + 'static) -> Self {
        let dropped = Arc::new(OnceLock::new());
        let output = ReportingWriter {
            output,
            dropped: Arc::clone(&dropped),
            reported: 0,
        };
        let builder = NonBlockingBuilder::default().lossy(true).thread_name("log");
        let (queue, guard) = builder.buffered_lines_limit(QUEUE_LENGTH).finish(output);
        dropped.get_or_init(|| queue.error_counter());
        Self { queue, guard }
    }

    /// Writes a last line, if there is one, and waits for a bounded time until the queue is empty.
    pub fn finish(mut self, last_line: Option<&str>) {
        let line = last_line.map_or_else(String::new, |line| format!("{line}\n"));
        if self.enqueue(line.as_bytes()) {
            drop(self.guard);
        } else {
            // Standard error is blocked. The guard would print a warning to standard output, which is reserved for
            // the commands.
            std::mem::forget(self.guard);
        }
    }

    /// Waits for space in the queue. Returns whether the line was queued. No other thread logs any more.
    fn enqueue(&mut self, line: &[u8]) -> bool {
        let dropped = self.queue.error_counter();
        let deadline = Instant::now() + LAST_LINE_TIMEOUT;
        loop {
            let before = dropped.dropped_lines();
            if self.queue.write_all(line).is_ok() && dropped.dropped_lines() == before {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(RETRY_INTERVAL);
        }
    }
}

/// Writes lines, and reports how many were dropped whenever the queue has become empty, which is when it is flushed.
struct ReportingWriter<W> {
    output: W,
    dropped: Arc<OnceLock<ErrorCounter>>,
    reported: usize,
}

impl<W: Write> Write for ReportingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let dropped = self.dropped.get().map_or(0, ErrorCounter::dropped_lines);
        let count = dropped - self.reported;
        if count > 0 {
            self.reported = dropped;
            // This goes through the queue, which has space now.
            tracing::warn!(count, "log output was blocked; dropped {count} lines");
        }
        self.output.flush()
    }
}

/// Logs a panic with the id of the request that caused it.
pub fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    let payload = panic.payload();
    let literal = payload.downcast_ref::<&str>().copied();
    let formatted = || payload.downcast_ref::<String>().map(String::as_str);
    let message = literal.or_else(formatted).unwrap_or("no message");
    tracing::error!(message = "panicked", at = location, reason = ?message);
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn lines_are_written_in_order_up_to_the_last() {
        let (mut reader, writer) = UnixStream::pair().unwrap();
        let mut log = Log::to(writer);
        for number in 0..QUEUE_LENGTH / 2 {
            writeln!(log.queue, "{number}").unwrap();
        }
        log.finish(Some("last line"));
        let lines: Vec<_> = (0..QUEUE_LENGTH / 2)
            .map(|number| format!("{number}\n"))
            .collect();
        let expected = lines.concat() + "last line\n";
        let mut written = vec![0; expected.len()];
        reader.read_exact(&mut written).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }

    #[test]
    fn unread_output_blocks_neither_writers_nor_the_end() {
        let (_unread, writer) = UnixStream::pair().unwrap();
        let log = Log::to(writer);
        let mut queue = log.queue.clone();
        let line = [b'x'; 1000];
        while queue.error_counter().dropped_lines() < 10 {
            assert_eq!(queue.write(&line).unwrap(), line.len());
        }
        log.finish(Some("last line"));
    }
}
