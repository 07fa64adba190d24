//! `sd events`: what happens to containers, as it happens.

use std::collections::BTreeSet;
use std::time::Duration;

use sd_client::api::Event;
use sd_client::{Client, Error as CallError, EventStream};

use crate::clock;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::When;
use crate::output::{Format, Printer};

const EXAMPLES: &str = "\
Examples:
  sd events
  sd events db web
  sd events --after 0       all that the daemon remembers, then go on
  sd events --format jsonl | while read -r event; do notify \"$event\"; done";

/// A daemon that is away is asked again this often.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Follow what happens to containers, until interrupted
///
/// A daemon that is restarted meanwhile is waited for, and nothing is missed.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    /// Only what happens to these: names, ids, or the beginning of an id
    #[arg(value_name = "REF")]
    references: Vec<String>,
    /// Begin after the event of this number, as far back as the daemon remembers
    #[arg(long, value_name = "ID")]
    after: Option<u64>,
}

pub(crate) async fn run(args: Args, client: &Client, out: &mut Printer<'_>) -> Result<(), CliError> {
    let only = ids(&args.references, client).await?;
    let of_call = |error| CliError::of_call(client, error);
    let mut stream = client.events(args.after).await.map_err(of_call)?;
    loop {
        let failure = follow(&mut stream, &only, out).await.err();
        if out.is_closed() {
            return Ok(());
        }
        let error = failure.map(of_call);
        if let Some(error) = error.filter(|error| error.exit() != Exit::Unreachable) {
            return Err(error);
        }
        stream = reconnect(client, stream.last_id(), out).await?;
    }
}

/// The containers that are meant, by id: their names may go to others while this goes on.
async fn ids(references: &[String], client: &Client) -> Result<BTreeSet<String>, CliError> {
    let mut ids = BTreeSet::new();
    for reference in references {
        let container = client.container(reference).await;
        let container = container.map_err(|error| CliError::of_call(client, error))?;
        ids.insert(container.container_id);
    }
    Ok(ids)
}

/// Prints events until the stream ends or nobody reads them any more.
async fn follow(
    stream: &mut EventStream,
    only: &BTreeSet<String>,
    out: &mut Printer<'_>,
) -> Result<(), CallError> {
    while let Some(event) = stream.next().await {
        let event = event?;
        if only.is_empty() || only.contains(&event.container_id) {
            print(&event, out);
        }
        if out.is_closed() {
            break;
        }
    }
    Ok(())
}

/// Goes on where the stream ended, as soon as the daemon is back.
async fn reconnect(
    client: &Client,
    after: Option<u64>,
    out: &mut Printer<'_>,
) -> Result<EventStream, CliError> {
    let mut is_said = false;
    loop {
        match client.events(after).await {
            Ok(stream) => {
                if is_said {
                    out.note("the daemon is back");
                }
                return Ok(stream);
            }
            Err(error) => {
                let error = CliError::of_call(client, error);
                if error.exit() != Exit::Unreachable {
                    return Err(error);
                }
                if !is_said {
                    out.note(&format!("{error}; waiting for it"));
                    is_said = true;
                }
            }
        }
        tokio::time::sleep(TRY_AGAIN).await;
    }
}

fn print(event: &Event, out: &mut Printer<'_>) {
    match out.format() {
        Format::Table => out.line(&line(event, &When::at(clock::now()))),
        Format::Json | Format::Jsonl => out.value(event),
    }
}

fn line(event: &Event, when: &When) -> String {
    let name = event.name.strip_prefix('/').unwrap_or(&event.name);
    let at = when.time_to_the_second(event.at);
    let line = format!("{at}  {:<12}  {name:<16}  {}", event.event, event.why);
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use sd_client::api::{EventKind, Timestamp};

    use super::*;

    #[test]
    fn an_event_is_a_line() {
        let at: Timestamp = "2026-03-01T14:02:11.250Z".parse().unwrap();
        let mut event = Event {
            id: 7,
            event: EventKind::IdleWarning,
            at,
            container_id: "2cd8".to_owned(),
            name: "/db".to_owned(),
            image: "sd-postgres".to_owned(),
            why: "will be stopped in 5m".to_owned(),
            stops_at: None,
        };
        let when = When::in_zone(at, TimeZone::UTC);
        assert_eq!(
            line(&event, &when),
            "14:02:11  idle_warning  db                will be stopped in 5m"
        );
        event.why.clear();
        event.event = EventKind::Created;
        assert_eq!(line(&event, &when), "14:02:11  created       db");
    }
}
