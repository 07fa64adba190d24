//! Runs the program that counts clients, and reads the number that it prints.
//!
//! The program is written by the user, so its time and its output are limited. All processes of its
//! group are killed when it exits, when it takes too long and when `sd` exits.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use sd_client::api::MAX_ACTIVE_CONNECTIONS;
use tokio::time::timeout;

use super::process_group::{Finished, ProcessGroup};
use crate::call_error::without_number;
use crate::error::CliError;
use crate::output::human;

/// Longest run of the program. Counting takes far less.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);
/// Characters of its output that an error message quotes.
const MAX_QUOTED: usize = 300;

/// Runs the program with its arguments and returns the number that it prints.
pub(super) async fn count(program: &[OsString], limit: Duration) -> Result<u32, CliError> {
    let name = program.first().map(|name| name.to_string_lossy());
    let name = name.as_deref().unwrap_or_default();
    let failed = |error| start_error(name, &error);
    let mut group = ProcessGroup::start(program).map_err(failed)?;
    let is_in_time = timeout(limit, group.wait()).await.is_ok();
    let finished = group.finish().map_err(failed)?;
    let end = match finished.exit_status {
        Some(status) => End::Exited(status),
        None if is_in_time => End::TooMuchOutput,
        None => End::TimedOut(limit),
    };
    count_or_error(name, &end, &finished)
}

/// How a run ended.
enum End {
    Exited(ExitStatus),
    TimedOut(Duration),
    TooMuchOutput,
}

fn count_or_error(name: &str, end: &End, finished: &Finished) -> Result<u32, CliError> {
    let problem = match end {
        End::Exited(status) if status.success() => match number(&finished.stdout) {
            Some(count) => return Ok(count),
            None => {
                return Err(CliError::CountFailed {
                    problem: format!(
                        "{name} did not print a whole number from 0 to {MAX_ACTIVE_CONNECTIONS}"
                    ),
                    output: Some(quoted(&finished.stdout)),
                });
            }
        },
        End::Exited(status) => match (status.code(), status.signal()) {
            (None, Some(signal)) => format!("{name} was killed by signal {signal}"),
            (code, _) => format!("{name} exited with code {}", code.unwrap_or_default()),
        },
        End::TimedOut(limit) => format!(
            "{name} was killed because it ran for more than {}",
            human::duration(*limit)
        ),
        End::TooMuchOutput => format!("{name} was killed because it printed more than a number"),
    };
    // Most programs print errors to stderr.
    let outputs = [&finished.stderr, &finished.stdout].map(|output| quoted(output));
    Err(CliError::CountFailed {
        problem,
        output: outputs.into_iter().find(|output| !output.is_empty()),
    })
}

fn number(output: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(output).ok()?.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| text.parse().ok()).flatten()?;
    (number <= MAX_ACTIVE_CONNECTIONS).then_some(number)
}

/// The beginning of the output.
fn quoted(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let text = text.trim();
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn start_error(name: &str, error: &std::io::Error) -> CliError {
    let reason = error.to_string();
    CliError::CountFailed {
        problem: format!("failed to run {name}: {}", without_number(&reason)),
        output: None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use super::*;
    use crate::exit::Exit;

    /// Longer than any of these programs takes.
    const LONG: Duration = Duration::from_secs(30);

    fn count_by(script: &str, limit: Duration) -> Result<u32, CliError> {
        let program = ["sh", "-c", script].map(OsString::from);
        run(&program, limit)
    }

    fn run(program: &[OsString], limit: Duration) -> Result<u32, CliError> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(count(program, limit))
    }

    fn message_of(script: &str) -> String {
        let error = count_by(script, LONG).unwrap_err();
        assert_eq!(error.exit(), Exit::Failed);
        error.to_string()
    }

    #[test]
    fn printed_number_is_the_count() {
        assert_eq!(count_by("echo 3", LONG).unwrap(), 3);
        assert_eq!(
            count_by("printf ' 1000000\\n\\n'; echo warning >&2", LONG).unwrap(),
            1_000_000
        );
    }

    #[test]
    fn other_output_is_an_error_that_quotes_it() {
        for (script, printed) in [
            ("echo many", "\"many\""),
            ("true", "nothing"),
            ("echo -1", "\"-1\""),
            ("echo +1", "\"+1\""),
            ("echo 1.5", "\"1.5\""),
            ("echo 1 2", "\"1 2\""),
            ("echo 1000001", "\"1000001\""),
            ("echo 99999999999999999999", "\"99999999999999999999\""),
            ("printf '1\\n2\\n'", "\"1\\n2\""),
        ] {
            assert_eq!(
                message_of(script),
                format!(
                    "failed to count connections: sh did not print a whole number from 0 to 1000000; \
                     it printed {printed}"
                ),
                "{script}"
            );
        }
    }

    #[test]
    fn failed_program_is_reported_with_its_output() {
        for (script, message) in [
            (
                "echo no database >&2; exit 3",
                "sh exited with code 3; it printed \"no database\"",
            ),
            ("echo 5; exit 1", "sh exited with code 1; it printed \"5\""),
            ("exit 1", "sh exited with code 1"),
            ("kill -ABRT $$", "sh was killed by signal 6"),
        ] {
            assert_eq!(
                message_of(script),
                format!("failed to count connections: {message}")
            );
        }
    }

    #[test]
    fn long_output_is_cut_between_characters() {
        let long = "ö".repeat(MAX_QUOTED + 1);
        let cut = "ö".repeat(MAX_QUOTED) + "…";
        assert_eq!(quoted(long.as_bytes()), cut);
    }

    #[test]
    fn missing_program_is_reported() {
        let error = run(&[OsString::from("/no/such/program")], LONG).unwrap_err();
        assert_eq!(
            error.to_string(),
            "failed to count connections: failed to run /no/such/program: No such file or directory"
        );
    }

    #[test]
    fn hanging_program_is_killed_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        // Neither process exits by itself or on SIGTERM.
        let script = format!(
            "trap '' TERM INT HUP; sleep 1000 & echo $$ $! >{}; wait; wait",
            pids.display()
        );
        let error = count_by(&script, Duration::from_secs(5)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "failed to count connections: sh was killed because it ran for more than 5s"
        );
        for pid in fs::read_to_string(&pids).unwrap().split_whitespace() {
            assert_exits(pid);
        }
    }

    #[test]
    fn child_left_behind_is_killed_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        // The child holds the output open.
        let script = format!("sleep 1000 & echo $! >{}; echo 4", pid.display());
        assert_eq!(count_by(&script, Duration::from_secs(900)).unwrap(), 4);
        assert_exits(fs::read_to_string(&pid).unwrap().trim());
    }

    #[test]
    fn endless_output_kills_the_program() {
        let error = count_by("while :; do echo 1; done", Duration::from_secs(900)).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("failed to count connections: sh was killed because it printed more than a number; it printed \"1\\n1"),
            "{text}"
        );
    }

    #[test]
    fn long_stderr_does_not_block_the_program() {
        // More than the capacity of a pipe.
        let script = "i=0; while [ $i -lt 3000 ]; do echo a line of about fifty characters for the test >&2; i=$((i+1)); done; echo 6";
        assert_eq!(count_by(script, LONG).unwrap(), 6);
    }

    /// Waits until a process has exited. The kernel may take a while to kill it.
    #[track_caller]
    fn assert_exits(pid: &str) {
        let began = Instant::now();
        // A zombie has an empty command line.
        while fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|command| !command.is_empty()) {
            assert!(began.elapsed() < LONG, "process {pid} still runs");
            std::thread::yield_now();
        }
    }
}
