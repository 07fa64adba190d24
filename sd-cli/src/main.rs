//! The `sd` command: parses the command line, runs it and returns the exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use sd_cli::{Cli, Exit};

fn main() -> ExitCode {
    let cli = match Cli::from_command_line() {
        Ok(cli) => cli,
        Err(message) => {
            // A reader that closes the pipe (`sd --help | head -1`) has read enough.
            drop(message.print());
            return if message.use_stderr() {
                Exit::Usage
            } else {
                Exit::Ok
            }
            .into();
        }
    };
    // One thread: `sd` mostly waits, and starting worker threads would take longer than most commands.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            drop(writeln!(
                io::stderr(),
                "sd: failed to start the async runtime: {error}"
            ));
            return Exit::Failed.into();
        }
    };
    let exit = runtime.block_on(sd_cli::run(cli));
    // After Ctrl-C at a question, a thread may still read the terminal: do not wait for it.
    runtime.shutdown_background();
    exit.into()
}
