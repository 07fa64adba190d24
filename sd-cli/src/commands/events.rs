//! `sd events`: prints container events as they happen.

use std::collections::BTreeSet;
use std::time::Duration;

use sd_client::api::Event;
use sd_client::{Client, Error as CallError, EventStream};

use crate::clock;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Format, Printer, When};

const EXAMPLES: &str = "\
Examples:
  sd events
  sd events db web
  sd events --after 0       print all stored events, then follow
  sd events --format jsonl | while read -r event; do notify \"$event\"; done";

/// Time between two attempts to reconnect.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Follow container events until interrupted
///
/// If the connection is lost, for example because the daemon restarts, sd reconnects and resumes after
/// the last event that it received.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    /// Containers to follow: names, ids or unique id prefixes; all if omitted
    #[arg(value_name = "REF")]
    references: Vec<String>,
    /// Start after the event with this id; the daemon stores a limited number
    #[arg(long, value_name = "ID")]
    after: Option<u64>,
}

pub(crate) async fn run(args: Args, client: &Client, out: &mut Printer<'_>) -> Result<(), CliError> {
    let selected = container_ids(&args.references, client).await?;
    let of_call = |error| CliError::of_call(client, error);
    let mut stream = client.events(args.after).await.map_err(of_call)?;
    loop {
        let failure = follow(&mut stream, &selected, out).await.err();
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

/// Resolves references to ids, because a name can be given to another container later.
async fn container_ids(references: &[String], client: &Client) -> Result<BTreeSet<String>, CliError> {
    let mut ids = BTreeSet::new();
    for reference in references {
        let container = client.container(reference).await;
        let container = container.map_err(|error| CliError::of_call(client, error))?;
        ids.insert(container.container_id);
    }
    Ok(ids)
}

/// Prints events until the stream ends or stdout is closed.
async fn follow(
    stream: &mut EventStream,
    selected: &BTreeSet<String>,
    out: &mut Printer<'_>,
) -> Result<(), CallError> {
    while let Some(event) = stream.next().await {
        let event = event?;
        if selected.is_empty() || selected.contains(&event.container_id) {
            print(&event, out);
        }
        if out.is_closed() {
            break;
        }
    }
    Ok(())
}

/// Opens the stream again, after the last event that was received, as soon as the daemon is reachable.
async fn reconnect(
    client: &Client,
    after: Option<u64>,
    out: &mut Printer<'_>,
) -> Result<EventStream, CliError> {
    let mut is_reported = false;
    loop {
        match client.events(after).await {
            Ok(stream) => {
                if is_reported {
                    out.note("reconnected to the daemon");
                }
                return Ok(stream);
            }
            Err(error) => {
                let error = CliError::of_call(client, error);
                if error.exit() != Exit::Unreachable {
                    return Err(error);
                }
                if !is_reported {
                    out.note(&format!("{error}; reconnecting …"));
                    is_reported = true;
                }
            }
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
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
    use serde_json::json;

    use super::*;

    #[test]
    fn event_is_one_line() {
        let at: Timestamp = "2026-03-01T14:02:11.250Z".parse().unwrap();
        let mut event: Event = serde_json::from_value(json!({
            "id": 7,
            "event": "idle_warning",
            "at": at,
            "container_id": "2cd8",
            "name": "/db",
            "image": "sd-postgres",
            "why": "will be stopped in 5m",
            "stops_at": null,
        }))
        .unwrap();
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
