//! `sd completions`: prints a completion script for a shell.

use clap_complete::Shell;

use crate::output::Printer;

const EXAMPLES: &str = "\
Examples:
  sd completions bash > ~/.local/share/bash-completion/completions/sd
  sd completions zsh > ~/.zfunc/_sd
  sd completions fish > ~/.config/fish/completions/sd.fish";

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    /// Shell that reads the script
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script for the command line that `definition` describes.
pub(crate) fn run(args: &Args, definition: &mut clap::Command, out: &mut Printer<'_>) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, definition, "sd", &mut script);
    out.text(&String::from_utf8_lossy(&script));
}
