//! The command line: what can be said, and how it is explained.
//!
//! Options that every command takes are here; those of one command are beside what it does, in
//! `commands/`. Settings are not decided here: an option that is absent stays absent, and
//! [`settings`](crate::settings) decides what holds then.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    check_in, completions, create, events, extend, hold, images, ls, rm, show, start, stop, why,
};
use crate::help;
use crate::output::Format;

const EXAMPLES: &str = "\
Examples:
  sd images                           what can be run
  sd create sd-postgres --wait        run it, and wait until it is ready
  sd ls                               what there is, and until when
  sd why db                           why it is still up, or was stopped
  sd extend db 2h                     stop it later
  sd stop web 2cd8                    stop two, by name or id
  sd rm $(sd ls -q --status stopped)  remove all that are stopped";

/// Containers on demand, put away when nobody uses them
#[derive(Debug, Parser)]
#[command(
    name = "sd",
    version,
    before_help = EXAMPLES,
    after_help = help::ending(),
    help_template = help::TEMPLATE,
    subcommand_value_name = "COMMAND",
    subcommand_help_heading = "Commands"
)]
pub struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help texts, shown as they are"
)]
#[derive(Debug, Default, Args)]
pub(crate) struct GlobalArgs {
    /// Address of the daemon [env: SD_URL] [default: http://127.0.0.1:8080]
    #[arg(long, global = true, value_name = "URL", help_heading = "Connection")]
    pub(crate) url: Option<String>,
    /// User of the daemon [env: SD_USER] [default: admin]
    #[arg(long, global = true, value_name = "NAME", help_heading = "Connection")]
    pub(crate) user: Option<String>,
    /// File that holds the password [env: SD_PASSWORD_FILE, or the password itself in SD_PASSWORD]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        value_hint = clap::ValueHint::FilePath,
        help_heading = "Connection"
    )]
    pub(crate) password_file: Option<PathBuf>,
    /// A server named in config.toml [env: SD_SERVER]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        conflicts_with = "url",
        help_heading = "Connection"
    )]
    pub(crate) server: Option<String>,
    /// How data is written: table, json or jsonl [env: SD_FORMAT] [default: table]
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        value_enum,
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub(crate) format: Option<Format>,
    /// Short for --format json
    #[arg(long, global = true, conflicts_with = "format", help_heading = "Output")]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Daemon(DaemonCommand),
    Hold(hold::Args),
    CheckIn(check_in::Args),
    Completions(completions::Args),
}

/// The commands that ask the daemon for something in the user's name.
#[derive(Debug, Subcommand)]
pub(crate) enum DaemonCommand {
    Images(images::Args),
    Ls(ls::Args),
    Show(show::Args),
    Why(why::Args),
    Create(create::Args),
    Start(start::Args),
    Stop(stop::Args),
    Rm(rm::Args),
    Extend(extend::Args),
    Events(events::Args),
}

impl DaemonCommand {
    /// What goes on at the daemon when the user presses Ctrl-C, where something does.
    pub(crate) fn after_interrupt(&self) -> Option<&'static str> {
        match self {
            Self::Images(_)
            | Self::Ls(_)
            | Self::Show(_)
            | Self::Why(_)
            | Self::Extend(_)
            | Self::Events(_) => None,
            Self::Create(_) => {
                Some("the daemon goes on with the create: the container will appear in `sd ls`")
            }
            Self::Start(_) => Some("nothing more will be started; what the daemon has begun goes on"),
            Self::Stop(_) => Some("nothing more will be stopped; what the daemon has begun goes on"),
            Self::Rm(_) => Some("nothing more will be removed; what the daemon has begun goes on"),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_examples_that_fit_any_terminal() {
        let main = Cli::command();
        for command in main.get_subcommands().chain([&main]) {
            let examples = command
                .get_before_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(examples.starts_with("Examples:\n"), "{}", command.get_name());
            assert!(examples.lines().all(|line| line.len() <= 80), "{examples}");
        }
    }
}
