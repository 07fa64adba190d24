//! `sd ls`: what containers there are, once or over and over.

use std::time::Duration;

use clap::ValueEnum;
use sd_client::Client;
use sd_client::api::{Container, ContainerQuery};

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Ids;
use crate::output::Printer;

const EXAMPLES: &str = "\
Examples:
  sd ls
  sd ls --status running --image sd-postgres
  sd ls -q --status stopped                  ids only, for other commands
  sd ls --json | jq -r '.[].app_port'
  sd ls --watch";

/// How often a watched list is asked for: often enough to follow a stop, seldom enough to cost nothing.
const WATCH_TIME: Duration = Duration::from_secs(2);

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
/// List containers in all states, newest first
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    /// Only containers of this status
    #[arg(long, value_enum)]
    status: Option<ShownStatus>,
    /// Only containers of this image, as named at creation
    #[arg(long)]
    image: Option<String>,
    /// Only containers that match; keys are status, image and name
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_filter)]
    filter: Vec<Filter>,
    /// Let the daemon ask the engine about every container first
    #[arg(long)]
    audit: bool,
    /// Go on, and show every change until interrupted
    #[arg(long, conflicts_with = "audit")]
    watch: bool,
    /// Show whole ids, and cut nothing to fit the terminal
    #[arg(long)]
    no_trunc: bool,
    /// Print ids only
    #[arg(short, long)]
    quiet: bool,
}

/// The states that can be asked for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ShownStatus {
    Starting,
    Running,
    Paused,
    Stopping,
    Stopped,
}

/// One `--filter`.
#[derive(Clone, Debug)]
enum Filter {
    Status(ShownStatus),
    Image(String),
    Name(String),
}

fn parse_filter(text: &str) -> Result<Filter, String> {
    let (key, value) = text.split_once('=').ok_or("give KEY=VALUE, such as name=web")?;
    match key {
        "status" => ShownStatus::from_str(value, false)
            .map(Filter::Status)
            .map_err(|_| format!("{value:?} is not a status: give {}", all_statuses())),
        "image" => Ok(Filter::Image(value.to_owned())),
        "name" => Ok(Filter::Name(value.to_owned())),
        _ => Err(format!("{key:?} is not a key: give status, image or name")),
    }
}

fn all_statuses() -> String {
    let names: Vec<&str> = ShownStatus::value_variants()
        .iter()
        .copied()
        .map(ShownStatus::name)
        .collect();
    names.join(", ")
}

impl ShownStatus {
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
    let containers = ask(client, &query).await?;
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
            let (key, place, value) = match filter {
                Filter::Status(status) => ("status", &mut query.status, status.name().to_owned()),
                Filter::Image(image) => ("image", &mut query.image, image),
                Filter::Name(name) => ("name", &mut query.name, name),
            };
            // The daemon takes one of each, and a container cannot be two things at once.
            if place.replace(value).is_some() {
                return Err(CliError::Usage(format!("{key} is asked for twice")));
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
            out.words(&ids);
        } else {
            out.containers(containers, ids);
        }
    }
}

async fn ask(client: &Client, query: &ContainerQuery) -> Result<Vec<Container>, CliError> {
    client
        .containers(query)
        .await
        .map_err(|error| CliError::of_call(client, error))
}

/// Shows the list again: on a screen every time, because times go by; elsewhere when it changed.
///
/// A daemon that is away for a while is said once and waited for.
async fn watch(
    mut shown: Vec<Container>,
    args: &Args,
    query: &ContainerQuery,
    client: &Client,
    out: &mut Printer<'_>,
) -> Result<(), CliError> {
    let mut is_away = false;
    show(&shown, args, out);
    while !out.is_closed() {
        tokio::time::sleep(WATCH_TIME).await;
        match ask(client, query).await {
            Ok(containers) => {
                if out.redraws() || containers != shown {
                    shown = containers;
                    show(&shown, args, out);
                }
                is_away = false;
            }
            Err(error) if error.exit() == Exit::Unreachable => {
                if !is_away {
                    out.note(&format!("{error}; still trying"));
                }
                is_away = true;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn show(containers: &[Container], args: &Args, out: &mut Printer<'_>) {
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
            status: Some(ShownStatus::Running),
            image: None,
            filter: filters.iter().map(|text| parse_filter(text).unwrap()).collect(),
            audit: true,
            watch: false,
            no_trunc: false,
            quiet: false,
        }
    }

    #[test]
    fn options_and_filters_make_one_query() {
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
    fn a_key_cannot_be_asked_for_twice() {
        let error = args(&["status=stopped"]).query().unwrap_err();
        assert_eq!(error.to_string(), "status is asked for twice");
    }

    #[test]
    fn a_filter_that_means_nothing_is_refused() {
        for (text, reason) in [
            ("web", "give KEY=VALUE, such as name=web"),
            ("id=1", "\"id\" is not a key: give status, image or name"),
            (
                "status=runing",
                "\"runing\" is not a status: give starting, running, paused, stopping, stopped",
            ),
        ] {
            assert_eq!(parse_filter(text).unwrap_err(), reason);
        }
    }
}
