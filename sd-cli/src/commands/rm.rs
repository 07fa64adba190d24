//! `sd rm`: removes containers.

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
  sd rm --force web db               kill them instead of stopping them first
  sd rm --all --force                remove all containers without asking";

/// Remove containers and their anonymous volumes
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    /// Containers: names, ids or unique id prefixes
    #[arg(value_name = "REF", required_unless_present = "all")]
    references: Vec<String>,
    /// Kill running containers instead of stopping them; with --all, skip the question
    #[arg(short, long)]
    force: bool,
    /// Remove all containers; asks first, and requires --force without a terminal
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
        all_ids(mode, client, out).await?
    } else {
        args.references
    };
    references::for_each(&references, "removing …", out, async |reference| {
        match client.remove(reference, mode).await {
            Ok(()) => Ok(reference),
            Err(error) => Err(CliError::of_call(client, error)),
        }
    })
    .await
}

/// The ids of all containers, after the user has confirmed the removal.
async fn all_ids(mode: RemoveMode, client: &Client, out: &mut Printer<'_>) -> Result<Vec<String>, CliError> {
    let must_ask = mode == RemoveMode::Graceful;
    if must_ask && !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(CliError::Usage(
            "failed to ask for confirmation of --all: no terminal; add --force to remove without asking"
                .to_owned(),
        ));
    }
    let containers = client
        .containers(&ContainerQuery::default())
        .await
        .map_err(|error| CliError::of_call(client, error))?;
    if must_ask && !containers.is_empty() {
        out.ask(&question(&containers));
        if !is_yes(&read_answer().await?) {
            return Err(CliError::Failed("canceled; no container was removed".to_owned()));
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
    let (subject, owner) = match containers.len() {
        1 => ("the only container".to_owned(), "its"),
        count => (format!("all {count} containers"), "their"),
    };
    let running = match (running, containers.len()) {
        (0, _) => String::new(),
        (1, 1) => " (running)".to_owned(),
        (count, _) => format!(" ({count} running)"),
    };
    format!("Delete {subject}{running} and {owner} data? This cannot be undone. [y/N]")
}

/// Reads a line on a separate thread, so that Ctrl-C interrupts the question.
async fn read_answer() -> Result<String, CliError> {
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    });
    match line.await {
        Ok(Ok(line)) => Ok(line),
        Ok(Err(error)) => Err(CliError::Failed(format!("failed to read the answer: {error}"))),
        Err(error) => Err(CliError::Failed(format!("failed to read the answer: {error}"))),
    }
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn containers(statuses: &[&str]) -> Vec<Container> {
        let container = |status| {
            serde_json::from_value(json!({
                "container_id": "2cd8", "name": "/db", "image": "sd-postgres", "status": status,
                "active": "0", "ssh_port": "", "app_port": "", "uri": "/v1/containers/2cd8",
            }))
            .unwrap()
        };
        statuses.iter().map(container).collect()
    }

    #[test]
    fn only_y_and_yes_confirm_a_removal() {
        for answer in ["y\n", "Y", " yes \n", "YES"] {
            assert!(is_yes(answer), "{answer:?}");
        }
        for answer in ["", "\n", "n\n", "yep", "all"] {
            assert!(!is_yes(answer), "{answer:?}");
        }
    }

    #[test]
    fn question_counts_all_and_running_containers() {
        for (statuses, text) in [
            (
                &["stopped", "running", "running"][..],
                "all 3 containers (2 running) and their data",
            ),
            (&["stopped", "stopped"], "all 2 containers and their data"),
            (&["running"], "the only container (running) and its data"),
            (&["stopped"], "the only container and its data"),
        ] {
            assert_eq!(
                question(&containers(statuses)),
                format!("Delete {text}? This cannot be undone. [y/N]")
            );
        }
    }
}
