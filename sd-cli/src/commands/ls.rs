//! `sd ls`: lists containers, once or repeatedly.

use std::time::Duration;

use clap::ValueEnum;
use sd_client::Client;
use sd_client::api::{Container, ContainerQuery};

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Ids, Printer};

const EXAMPLES: &str = "\
Examples:
  sd ls
  sd ls --status running --image sd-postgres
  sd ls -q --status stopped                  print ids, for other commands
  sd ls --json | jq -r '.[].app_port'
  sd ls --watch";

/// Time between two requests with `--watch`: short enough to follow a stop, long enough to be cheap.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
/// List containers in every state, newest first
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    /// List only containers with this status
    #[arg(long, value_enum)]
    status: Option<StatusFilter>,
    /// List only containers of this image, as named at creation
    #[arg(long)]
    image: Option<String>,
    /// List only matching containers; keys: status, image, name
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_filter)]
    filter: Vec<Filter>,
    /// Refresh the state of every container from the engine first
    #[arg(long)]
    audit: bool,
    /// Keep listing, and print every change until interrupted
    #[arg(long, conflicts_with = "audit")]
    watch: bool,
    /// Print complete ids, and shorten nothing to fit the terminal
    #[arg(long)]
    no_trunc: bool,
    /// Print ids only
    #[arg(short, long)]
    quiet: bool,
}

/// The values of `--status`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum StatusFilter {
    Starting,
    Running,
    Paused,
    Stopping,
    Stopped,
}

/// One `--filter`.
#[derive(Clone, Debug)]
enum Filter {
    Status(StatusFilter),
    Image(String),
    Name(String),
}

fn parse_filter(text: &str) -> Result<Filter, String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("expected KEY=VALUE, for example name=web")?;
    match key {
        "status" => StatusFilter::from_str(value, false)
            .map(Filter::Status)
            .map_err(|_| format!("invalid status {value:?}; use {}", all_statuses())),
        "image" => Ok(Filter::Image(value.to_owned())),
        "name" => Ok(Filter::Name(value.to_owned())),
        _ => Err(format!("invalid key {key:?}; use status, image or name")),
    }
}

fn all_statuses() -> String {
    let names: Vec<&str> = StatusFilter::value_variants()
        .iter()
        .copied()
        .map(StatusFilter::name)
        .collect();
    names.join(", ")
}

impl StatusFilter {
    fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }
}

pub(crate) async fn run(args: Args, client: &Client, out: &mut Printer<'_>) -> Result<(), CliError> {
    let query = args.query()?;
    let containers = list(client, &query).await?;
    if args.watch {
        watch(containers, &args, &query, client, out).await
    } else {
        args.print(&containers, out);
        Ok(())
    }
}

impl Args {
    fn query(&self) -> Result<ContainerQuery, CliError> {
        let mut query = ContainerQuery {
            audit: self.audit,
            ..ContainerQuery::default()
        };
        let options = self
            .status
            .map(Filter::Status)
            .into_iter()
            .chain(self.image.clone().map(Filter::Image));
        for filter in options.chain(self.filter.iter().cloned()) {
            let (key, parameter, value) = match filter {
                Filter::Status(status) => ("status", &mut query.status, status.name().to_owned()),
                Filter::Image(image) => ("image", &mut query.image, image),
                Filter::Name(name) => ("name", &mut query.name, name),
            };
            // The API accepts each key once: a container cannot have two statuses.
            if parameter.replace(value).is_some() {
                return Err(CliError::Usage(format!("failed to filter by {key}: given twice")));
            }
        }
        Ok(query)
    }

    fn print(&self, containers: &[Container], out: &mut Printer<'_>) {
        let ids = if self.no_trunc { Ids::Full } else { Ids::Short };
        if self.quiet {
            let ids: Vec<&str> = containers
                .iter()
                .map(|container| container.container_id.as_str())
                .collect();
            out.strings(&ids);
        } else {
            out.containers(containers, ids);
        }
    }
}

async fn list(client: &Client, query: &ContainerQuery) -> Result<Vec<Container>, CliError> {
    client
        .containers(query)
        .await
        .map_err(|error| CliError::of_call(client, error))
}

/// Lists repeatedly. A terminal is redrawn every time, because it shows the time left; other outputs
/// get a new list when it has changed.
///
/// An unreachable daemon is reported once, and requested again.
async fn watch(
    mut shown: Vec<Container>,
    args: &Args,
    query: &ContainerQuery,
    client: &Client,
    out: &mut Printer<'_>,
) -> Result<(), CliError> {
    let mut is_reported = false;
    redraw(&shown, args, out);
    while !out.is_closed() {
        tokio::time::sleep(WATCH_INTERVAL).await;
        match list(client, query).await {
            Ok(containers) => {
                if out.redraws() || containers != shown {
                    shown = containers;
                    redraw(&shown, args, out);
                }
                is_reported = false;
            }
            Err(error) if error.exit() == Exit::Unreachable => {
                if !is_reported {
                    out.note(&format!("{error}; retrying …"));
                }
                is_reported = true;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn redraw(containers: &[Container], args: &Args, out: &mut Printer<'_>) {
    if out.redraws() {
        out.clear_screen();
    }
    args.print(containers, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(filters: &[&str]) -> Args {
        Args {
            status: Some(StatusFilter::Running),
            image: None,
            filter: filters.iter().map(|text| parse_filter(text).unwrap()).collect(),
            audit: true,
            watch: false,
            no_trunc: false,
            quiet: false,
        }
    }

    #[test]
    fn options_and_filters_form_one_query() {
        let query = args(&["image=sd-postgres", "name=a=b"]).query().unwrap();
        let expected = ContainerQuery {
            status: Some("running".to_owned()),
            image: Some("sd-postgres".to_owned()),
            name: Some("a=b".to_owned()),
            audit: true,
        };
        assert_eq!(query, expected);
    }

    #[test]
    fn filtering_twice_by_one_key_is_an_error() {
        let error = args(&["status=stopped"]).query().unwrap_err();
        assert_eq!(error.to_string(), "failed to filter by status: given twice");
    }

    #[test]
    fn invalid_filters_are_refused_with_the_valid_values() {
        for (text, reason) in [
            ("web", "expected KEY=VALUE, for example name=web"),
            ("id=1", "invalid key \"id\"; use status, image or name"),
            (
                "status=runing",
                "invalid status \"runing\"; use starting, running, paused, stopping, stopped",
            ),
        ] {
            assert_eq!(parse_filter(text).unwrap_err(), reason);
        }
    }
}
