//! `sd rm`: remove containers for good.

use std::io::{self, IsTerminal};

use sd_client::Client;
use sd_client::api::{Container, ContainerQuery, RemoveMode, Status};

use super::references;
use crate::error::CliError;
use crate::output::Printer;

const EXAMPLES: &str = "\
Examples:
  sd rm web
  sd rm $(sd ls -q --status stopped)
  sd rm --force web db               kill them instead of waiting for their end
  sd rm --all --force                all there are, without being asked";

/// Remove containers and their anonymous volumes
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    /// Containers: names, ids, or the beginning of an id
    #[arg(value_name = "REF", required_unless_present = "all")]
    references: Vec<String>,
    /// Kill what runs instead of stopping it gracefully; with --all also: do not ask
    #[arg(short, long)]
    force: bool,
    /// Remove all containers; asks first, and needs --force where it cannot ask
    #[arg(long, conflicts_with = "references")]
    all: bool,
}

pub(crate) async fn run(args: Args, client: &Client, out: &mut Printer<'_>) -> Result<(), CliError> {
    let mode = if args.force {
        RemoveMode::Force
    } else {
        RemoveMode::Graceful
    };
    let references = if args.all {
        everything(mode, client, out).await?
    } else {
        args.references
    };
    references::each(&references, "removing", out, async |reference| {
        match client.remove(reference, mode).await {
            Ok(()) => Ok(reference),
            Err(error) => Err(CliError::of_call(client, error)),
        }
    })
    .await
}

/// The ids of all containers, once the user has agreed to lose them.
async fn everything(
    mode: RemoveMode,
    client: &Client,
    out: &mut Printer<'_>,
) -> Result<Vec<String>, CliError> {
    let must_ask = mode == RemoveMode::Graceful;
    if must_ask && !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(CliError::Usage(
            "--all asks before it removes, and there is no terminal to ask on: say --force if you mean it"
                .to_owned(),
        ));
    }
    let containers = client
        .containers(&ContainerQuery::default())
        .await
        .map_err(|error| CliError::of_call(client, error))?;
    if must_ask && !containers.is_empty() {
        out.ask(&question(&containers));
        if !is_yes(&answer().await?) {
            return Err(CliError::Failed("nothing was removed".to_owned()));
        }
    }
    Ok(containers
        .into_iter()
        .map(|container| container.container_id)
        .collect())
}

fn question(containers: &[Container]) -> String {
    let running = containers
        .iter()
        .filter(|container| container.status == Status::Running)
        .count();
    let all = match containers.len() {
        1 => "the only container".to_owned(),
        count => format!("all {count} containers"),
    };
    let running = match running {
        0 => String::new(),
        count => format!(", {count} of them running,"),
    };
    format!("Remove {all}{running} and what is in them? [y/N]")
}

/// Read on a thread of its own, so that Ctrl-C is heard meanwhile.
async fn answer() -> Result<String, CliError> {
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    });
    match line.await {
        Ok(Ok(line)) => Ok(line),
        Ok(Err(error)) => Err(CliError::Failed(format!("cannot read the answer: {error}"))),
        Err(error) => Err(CliError::Failed(format!("cannot read the answer: {error}"))),
    }
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        for answer in ["y\n", "Y", " yes \n", "YES"] {
            assert!(is_yes(answer), "{answer:?}");
        }
        for answer in ["", "\n", "n\n", "yep", "all"] {
            assert!(!is_yes(answer), "{answer:?}");
        }
    }
}
