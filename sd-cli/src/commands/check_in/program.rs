//! A program that counts: it is run, and what it prints is the number.
//!
//! It is somebody else's and may do anything, so it gets a limited time and a limited say. Whatever becomes of
//! it or of this process, nothing that it started stays behind in its process group.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use sd_client::api::MAX_ACTIVE_CONNECTIONS;
use tokio::time::timeout;

use super::process_group::{Ended, Running};
use crate::error::{CliError, without_number};
use crate::output::human;

/// How long it may take. Far longer than counting takes, and short enough for somebody to notice.
pub(super) const LIMIT: Duration = Duration::from_secs(30);
/// How much of a complaint is shown.
const SHOWN_CHARACTERS: usize = 300;

/// Runs a program, given with its arguments, and reads the number that it prints.
pub(super) async fn count(program: &[OsString], limit: Duration) -> Result<u32, CliError> {
    let name = program.first().map(|name| name.to_string_lossy());
    let name = name.as_deref().unwrap_or_default();
    let failed = |error| no_count(format!("cannot run {name}: {}", reason(&error)));
    let mut running = Running::start(program).map_err(failed)?;
    let is_in_time = timeout(limit, running.until_it_ends()).await.is_ok();
    let ended = running.end().map_err(failed)?;
    let over = match ended.by_itself {
        Some(status) => Over::Ended(status),
        None if is_in_time => Over::TooTalkative,
        None => Over::TooSlow(limit),
    };
    judge(name, &over, &ended)
}

/// How a run came to its end.
enum Over {
    Ended(ExitStatus),
    TooSlow(Duration),
    TooTalkative,
}

fn judge(name: &str, over: &Over, ended: &Ended) -> Result<u32, CliError> {
    let what = match over {
        Over::Ended(status) if status.success() => match number(&ended.stdout) {
            Some(count) => return Ok(count),
            None => {
                return Err(CliError::NoCount {
                    what: format!("{name} did not print a whole number from 0 to {MAX_ACTIVE_CONNECTIONS}"),
                    printed: Some(shown(&ended.stdout)),
                });
            }
        },
        Over::Ended(status) => match (status.code(), status.signal()) {
            (None, Some(signal)) => format!("{name} was ended by signal {signal}"),
            (code, _) => format!("{name} ended with status {}", code.unwrap_or_default()),
        },
        Over::TooSlow(limit) => format!(
            "{name} did not end within {}, and was killed",
            human::duration(*limit)
        ),
        Over::TooTalkative => format!("{name} printed more than a number, and was killed"),
    };
    // What is wrong is said on stderr, by most programs.
    let complaint = [&ended.stderr, &ended.stdout].map(|printed| shown(printed));
    Err(CliError::NoCount {
        what,
        printed: complaint.into_iter().find(|printed| !printed.is_empty()),
    })
}

fn number(printed: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(printed).ok()?.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| text.parse().ok()).flatten()?;
    (number <= MAX_ACTIVE_CONNECTIONS).then_some(number)
}

/// The beginning of what was printed.
fn shown(printed: &[u8]) -> String {
    let text = String::from_utf8_lossy(printed);
    let text = text.trim();
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn no_count(what: String) -> CliError {
    CliError::NoCount { what, printed: None }
}

fn reason(error: &std::io::Error) -> String {
    without_number(&error.to_string()).to_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use super::*;
    use crate::exit::Exit;

    /// Nothing here takes this long, unless it is broken.
    const PATIENCE: Duration = Duration::from_secs(30);

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

    fn complaint_of(script: &str) -> String {
        let error = count_by(script, PATIENCE).unwrap_err();
        assert_eq!(error.exit(), Exit::Failed);
        error.to_string()
    }

    #[test]
    fn what_it_prints_is_the_number() {
        assert_eq!(count_by("echo 3", PATIENCE).unwrap(), 3);
        assert_eq!(
            count_by("printf ' 1000000\\n\\n'; echo warning >&2", PATIENCE).unwrap(),
            1_000_000
        );
    }

    #[test]
    fn anything_but_one_whole_number_is_told_as_it_was_printed() {
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
                complaint_of(script),
                format!("sh did not print a whole number from 0 to 1000000; it printed {printed}"),
                "{script}"
            );
        }
    }

    #[test]
    fn a_failure_is_told_with_the_complaint() {
        for (script, complaint) in [
            (
                "echo no database >&2; exit 3",
                "sh ended with status 3; it printed \"no database\"",
            ),
            ("echo 5; exit 1", "sh ended with status 1; it printed \"5\""),
            ("exit 1", "sh ended with status 1"),
            ("kill -ABRT $$", "sh was ended by signal 6"),
        ] {
            assert_eq!(complaint_of(script), complaint);
        }
    }

    #[test]
    fn a_long_complaint_is_cut_between_characters() {
        let long = "ö".repeat(SHOWN_CHARACTERS + 1);
        let cut = "ö".repeat(SHOWN_CHARACTERS) + "…";
        assert_eq!(shown(long.as_bytes()), cut);
    }

    #[test]
    fn a_program_that_is_not_there_is_said() {
        let error = run(&[OsString::from("/no/such/program")], PATIENCE).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot run /no/such/program: No such file or directory"
        );
    }

    #[test]
    fn one_that_hangs_is_killed_with_everything_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        // Neither of the two ends by itself, nor at a polite request.
        let script = format!(
            "trap '' TERM INT HUP; sleep 1000 & echo $$ $! >{}; wait; wait",
            pids.display()
        );
        let error = count_by(&script, Duration::from_secs(5)).unwrap_err();
        assert_eq!(error.to_string(), "sh did not end within 5s, and was killed");
        for pid in fs::read_to_string(&pids).unwrap().split_whitespace() {
            is_gone(pid);
        }
    }

    #[test]
    fn what_a_program_leaves_behind_is_killed_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        // It holds the output open as well.
        let script = format!("sleep 1000 & echo $! >{}; echo 4", pid.display());
        assert_eq!(count_by(&script, Duration::from_secs(900)).unwrap(), 4);
        is_gone(fs::read_to_string(&pid).unwrap().trim());
    }

    #[test]
    fn one_that_never_stops_printing_is_killed() {
        let error = count_by("while :; do echo 1; done", Duration::from_secs(900)).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("sh printed more than a number, and was killed; it printed \"1\\n1"),
            "{text}"
        );
    }

    #[test]
    fn one_that_complains_at_length_is_listened_to() {
        // More than a pipe holds.
        let script = "i=0; while [ $i -lt 3000 ]; do echo a line of fifty characters, more or less, each >&2; i=$((i+1)); done; echo 6";
        assert_eq!(count_by(script, PATIENCE).unwrap(), 6);
    }

    /// Waits until a process has ended; who ends it has the right to be slow.
    #[track_caller]
    fn is_gone(pid: &str) {
        let began = Instant::now();
        // One that is ended and not yet buried has no program any more.
        while fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|command| !command.is_empty()) {
            assert!(began.elapsed() < PATIENCE, "process {pid} still runs");
            std::thread::yield_now();
        }
    }
}
