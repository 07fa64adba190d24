//! The `sd` command: parse, run, exit code. Everything else is in the library.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use sd_cli::{Cli, Exit};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => {
            // Help whose reader left is help enough.
            drop(answer.print());
            return if answer.use_stderr() {
                Exit::Usage
            } else {
                Exit::Ok
            }
            .into();
        }
    };
    // One thread: `sd` mostly waits, and starting workers would cost more than a whole call.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            drop(writeln!(
                io::stderr(),
                "sd: the system gives no event queue: {error}"
            ));
            return Exit::Failed.into();
        }
    };
    let exit = runtime.block_on(sd_cli::run(cli));
    // An interrupted question leaves a thread behind that still reads the terminal: do not wait for it.
    runtime.shutdown_background();
    exit.into()
}
