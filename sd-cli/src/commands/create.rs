//! `sd create`: creates a container and, with `--wait`, waits until it accepts connections.

use std::collections::BTreeMap;

use sd_client::Client;
use sd_client::api::{Container, Cpus, CreateContainer, Memory, TimeLimit};

use super::readiness::{self, Endpoint};
use super::wait::WaitTimeout;
use crate::error::CliError;
use crate::output::{Ids, Printer, shown_name};
use crate::signals;

const EXAMPLES: &str = "\
Examples:
  sd create sd-web
  sd create sd-postgres --name db --env POSTGRES_PASSWORD=secret --wait
  sd create sd-django --env DEBUG=1 --memory 512m --cpus 0.5 --idle-timeout 6h
  sd create busybox -- sleep 600
  id=$(sd create -q sd-web)";

/// Longest idempotency key that the daemon accepts, in bytes.
const MAX_KEY_LENGTH: usize = 255;

/// Create a container and wait until it runs
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    /// Image to run; `sd images` lists them
    image: String,
    /// Command and arguments that replace those of the image
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
    /// Name the container; the engine picks a name if omitted
    #[arg(long)]
    name: Option<String>,
    /// Set an environment variable; may be repeated
    #[arg(short, long = "env", value_name = "KEY=VALUE", value_parser = parse_variable)]
    environment: Vec<(String, String)>,
    /// Limit the memory, for example 512m
    #[arg(long, value_name = "SIZE")]
    memory: Option<Memory>,
    /// Limit the processor time, in cores, for example 0.5
    #[arg(long, value_name = "CORES")]
    cpus: Option<Cpus>,
    /// Stop it after this long without activity, for example 6h, or never
    #[arg(long, value_name = "DURATION")]
    idle_timeout: Option<TimeLimit>,
    /// Stop each run after this long, even if the container is in use
    #[arg(long, value_name = "DURATION")]
    max_lifetime: Option<TimeLimit>,
    /// Remove it after it has been stopped for this long
    #[arg(long, value_name = "DURATION")]
    remove_after: Option<TimeLimit>,
    /// Wait until the application, or else SSH, accepts connections
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    timeout: WaitTimeout,
    /// Create at most one container with this key, so that a retry is safe
    #[arg(long, value_name = "KEY", value_parser = parse_key)]
    idempotency_key: Option<String>,
    /// Print the id only
    #[arg(short, long)]
    quiet: bool,
}

fn parse_variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE, for example DEBUG=1".to_owned()),
    }
}

/// Accepts what a header can carry.
fn parse_key(text: &str) -> Result<String, String> {
    let fits = (1..=MAX_KEY_LENGTH).contains(&text.len());
    if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "expected 1 to {MAX_KEY_LENGTH} printable ASCII characters without spaces"
        ))
    }
}

pub(crate) async fn run(args: Args, client: &Client, out: &mut Printer<'_>) -> Result<(), CliError> {
    let request = args.request();
    let call = async {
        match &args.idempotency_key {
            Some(key) => client.create_once(&request, key).await,
            None => client.create(&request).await,
        }
    };
    let container = out
        .wait_for("creating the container …", call)
        .await
        .map_err(|error| CliError::of_create(client, error))?;
    // Before the wait: if it fails, the container still exists, and the user needs its id.
    args.print(&container, out);
    if args.wait {
        args.wait_until_ready(&container, client, out).await?;
    }
    Ok(())
}

impl Args {
    fn request(&self) -> CreateContainer {
        CreateContainer {
            image: self.image.clone(),
            name: self.name.clone(),
            env: self.environment.iter().cloned().collect::<BTreeMap<_, _>>(),
            cmd: self.command.clone(),
            memory: self.memory,
            cpus: self.cpus,
            idle_timeout: self.idle_timeout,
            max_lifetime: self.max_lifetime,
            remove_after: self.remove_after,
        }
    }

    fn print(&self, container: &Container, out: &mut Printer<'_>) {
        if self.quiet {
            out.string(&container.container_id);
        } else {
            out.container(container, Ids::Short);
        }
    }

    async fn wait_until_ready(
        &self,
        container: &Container,
        client: &Client,
        out: &mut Printer<'_>,
    ) -> Result<(), CliError> {
        let Some(endpoint) = Endpoint::of(container) else {
            out.note("not waiting: the image exposes no TCP port");
            return Ok(());
        };
        let name = shown_name(container);
        let failure = format!("{name} did not accept connections");
        let ready = readiness::wait_until_accepting(container, endpoint, client);
        let ready = self.timeout.limit(ready, &failure);
        let message = format!("waiting for {endpoint} …");
        tokio::select! {
            outcome = out.wait_for(&message, ready) => outcome,
            () = signals::interrupt() => Err(CliError::Interrupted(Some(format!(
                "stopped waiting; {name} is running. `sd rm {name}` removes it"
            )))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_variable_has_a_key_and_any_value() {
        assert_eq!(parse_variable("A=b=c"), Ok(("A".to_owned(), "b=c".to_owned())));
        assert_eq!(parse_variable("A="), Ok(("A".to_owned(), String::new())));
        for text in ["A", "=b", ""] {
            assert!(parse_variable(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn idempotency_key_fits_into_a_header() {
        assert!(parse_key("build-17").is_ok());
        for text in ["", "a b", "a\nb", "ä", &"x".repeat(256)] {
            assert!(parse_key(text).is_err(), "{text:?}");
        }
    }
}
