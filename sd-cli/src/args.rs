//! The command line: global options, the list of commands, and their help.
//!
//! The options of one command are defined in its file in `commands/`. An omitted option stays `None`
//! here; [`settings`](crate::settings) applies the environment, the config file and the defaults.

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::{
    check_in, completions, create, events, extend, hold, images, ls, rm, show, start, stop, why,
};
use crate::help;
use crate::output::Format;

const EXAMPLES: &str = "\
Examples:
  sd images                           list the images that the daemon can run
  sd create sd-web --wait             create a container, wait until it is ready
  sd ls                               list containers and when they stop
  sd why db                           explain why it runs or was stopped
  sd extend db 2h                     postpone its stop by two hours
  sd stop web 2cd8                    stop two containers, by name or id
  sd rm $(sd ls -q --status stopped)  remove all stopped containers";

/// Run containers on demand and stop them when they are idle
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
    /// Connect to this daemon [env: SD_URL] [default: http://127.0.0.1:8080]
    #[arg(long, global = true, value_name = "URL", help_heading = "Connection")]
    pub(crate) url: Option<String>,
    /// Log in as this user [env: SD_USER] [default: admin]
    #[arg(long, global = true, value_name = "NAME", help_heading = "Connection")]
    pub(crate) user: Option<String>,
    /// Read the password from this file [env: SD_PASSWORD_FILE]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        value_hint = clap::ValueHint::FilePath,
        help_heading = "Connection"
    )]
    pub(crate) password_file: Option<PathBuf>,
    /// Use a server from config.toml [env: SD_SERVER]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        conflicts_with = "url",
        help_heading = "Connection"
    )]
    pub(crate) server: Option<String>,
    /// Print data as table, json or jsonl [env: SD_FORMAT] [default: table]
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        value_enum,
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub(crate) format: Option<Format>,
    /// Print data as JSON, short for --format json
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

/// The commands that send requests to the daemon as the configured user.
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

impl Cli {
    /// Parses the arguments of this process.
    ///
    /// The error is a usage error, or the text of `--help` or `--version`.
    pub fn from_command_line() -> Result<Self, clap::Error> {
        let mut definition = Self::documented_command();
        let mut matches = definition.try_get_matches_from_mut(std::env::args_os())?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut definition))
    }

    /// The definition behind `--help` and the manual pages.
    ///
    /// Every command takes the global options, but only `sd --help` lists them. The help of a command
    /// refers to that list. Completions are generated from [`command`](CommandFactory::command), which
    /// shows the global options everywhere.
    pub fn documented_command() -> clap::Command {
        let mut definition = Self::command();
        let global: Vec<clap::Arg> = definition
            .get_arguments()
            .filter(|arg| arg.is_global_set())
            .map(|arg| arg.clone().hide(true))
            .collect();
        let names: Vec<String> = definition
            .get_subcommands()
            .map(|command| command.get_name().to_owned())
            .collect();
        for name in names {
            definition = definition.mut_subcommand(name, |command| {
                command.args(&global).after_help(help::GLOBAL_OPTIONS)
            });
        }
        definition
    }
}

impl DaemonCommand {
    /// The note after Ctrl-C: the work that the daemon finishes. Returns `None` if there is none.
    pub(crate) fn interrupt_note(&self) -> Option<&'static str> {
        match self {
            Self::Images(_)
            | Self::Ls(_)
            | Self::Show(_)
            | Self::Why(_)
            | Self::Extend(_)
            | Self::Events(_) => None,
            Self::Create(_) => {
                Some("stopped waiting; the daemon finishes the create. `sd ls` lists containers")
            }
            Self::Start(_) => Some("stopped waiting; the daemon finishes the starts that it has begun"),
            Self::Stop(_) => Some("stopped waiting; the daemon finishes the stops that it has begun"),
            Self::Rm(_) => Some("stopped waiting; the daemon finishes the removals that it has begun"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Enough for any terminal.
    const MAX_WIDTH: usize = 80;

    #[test]
    fn definitions_are_consistent() {
        Cli::command().debug_assert();
        Cli::documented_command().debug_assert();
    }

    #[test]
    fn every_command_shows_examples_of_at_most_80_columns() {
        let main = Cli::command();
        for command in main.get_subcommands().chain([&main]) {
            let examples = command
                .get_before_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(examples.starts_with("Examples:\n"), "{}", command.get_name());
            assert!(examples.lines().all(|line| line.len() <= MAX_WIDTH), "{examples}");
        }
    }

    #[test]
    fn first_help_lines_have_at_most_80_characters() {
        let main = Cli::command();
        for command in main.get_subcommands().chain([&main]) {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let options = command
                .get_arguments()
                .filter_map(|arg| arg.get_help().map(ToString::to_string));
            for help in options.chain([about]) {
                let line = help.lines().next().unwrap_or_default();
                assert!(line.chars().count() <= MAX_WIDTH, "{line}");
            }
        }
    }

    #[test]
    fn global_options_are_parsed_before_and_after_a_command() {
        let parse = |arguments: &[&str]| {
            let mut matches = Cli::documented_command().try_get_matches_from(arguments).unwrap();
            Cli::from_arg_matches_mut(&mut matches).unwrap().global
        };
        for arguments in [
            ["sd", "--url", "http://a", "ls", "--json"],
            ["sd", "ls", "--json", "--url", "http://a"],
        ] {
            let global = parse(&arguments);
            assert_eq!(global.url.as_deref(), Some("http://a"));
            assert!(global.json);
        }
    }
}
