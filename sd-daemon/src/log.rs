//! The log: lines on standard error, written by a thread of their own.
//!
//! Whoever should read them may stop to. Then the pipe is full, and the next line waits in the kernel for as long as it
//! takes. It must not be the API that waits: lines that find no room are counted and left out, and the log says how
//! many they were as soon as it can.

use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait to be written. More than any burst that somebody reads.
const WAITING: usize = 1024;
/// The last lines are waited for this long.
const PATIENCE: Duration = Duration::from_secs(1);
/// Pause before another try to hand over the last line.
const PAUSE: Duration = Duration::from_millis(10);

/// Writes a panic into the log, under the id of the request that met it.
pub fn tell_of_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let payload = panic.payload();
    let written = payload.downcast_ref::<&str>().copied();
    let formatted = || payload.downcast_ref::<String>().map(String::as_str);
    let message = written.or_else(formatted).unwrap_or("without words");
    tracing::error!(message = "panicked", at = place, said = ?message);
}

/// Where lines of the log go. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Log {
    lines: SyncSender<Entry>,
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Entry {
    Line(Vec<u8>),
    /// Everything before this has been written when the receiver hears of it.
    End(SyncSender<()>),
}

impl Log {
    /// Begins to write to `output`.
    pub fn to(output: impl Write + Send + 'static) -> io::Result<Self> {
        let (lines, entries) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        let writer = move || write(&entries, &counted, output);
        std::thread::Builder::new().name("log".to_owned()).spawn(writer)?;
        Ok(Self { lines, lost })
    }

    /// Writes a last line, where there is one, and waits until everything has been written, but not for ever.
    pub fn finish(self, last_line: Option<&str>) {
        let deadline = Instant::now() + PATIENCE;
        let (written, is_written) = sync_channel(1);
        let line = last_line.map(|line| Entry::Line(format!("{line}\n").into_bytes()));
        for mut entry in line.into_iter().chain([Entry::End(written)]) {
            while let Err(TrySendError::Full(refused)) = self.lines.try_send(entry) {
                if Instant::now() >= deadline {
                    return;
                }
                entry = refused;
                std::thread::sleep(PAUSE);
            }
        }
        match is_written.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            // Nobody reads it: that is no reason to stay.
            Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

fn write(entries: &Receiver<Entry>, lost: &AtomicU64, mut output: impl Write) {
    while let Ok(first) = entries.recv() {
        let mut next = Ok(first);
        loop {
            match next {
                // Where the log cannot be written there is nobody to tell.
                Ok(Entry::Line(line)) => drop(output.write_all(&line)),
                Ok(Entry::End(written)) => drop(written.try_send(())),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
            next = entries.try_recv();
        }
        // Only now is there room for this.
        let count = lost.swap(0, Ordering::Relaxed);
        if count > 0 {
            tracing::warn!(
                count,
                "nobody read the log in time: so many lines of it are missing"
            );
        }
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Each write is a whole line; it never waits and never fails.
impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lines.try_send(Entry::Line(line.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn lines_come_in_order_and_the_last_ones_as_well() {
        let (mut reader, writer) = UnixStream::pair().unwrap();
        let mut log = Log::to(writer).unwrap();
        for number in 0..WAITING / 2 {
            writeln!(log, "{number}").unwrap();
        }
        log.finish(Some("the end"));
        let lines: Vec<_> = (0..WAITING / 2).map(|number| format!("{number}\n")).collect();
        let expected = lines.concat() + "the end\n";
        let mut written = vec![0; expected.len()];
        io::Read::read_exact(&mut reader, &mut written).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }

    #[test]
    fn a_line_that_nobody_reads_keeps_nobody_waiting() {
        // Nothing is read from the other end, which stays open.
        let (_reader, writer) = UnixStream::pair().unwrap();
        let log = Log::to(writer).unwrap();
        let mut output = log.clone();
        let line = [b'x'; 1000];
        while log.lost.load(Ordering::Relaxed) < 10 {
            assert_eq!(output.write(&line).unwrap(), line.len());
        }
        log.finish(Some("the end"));
    }
}
