//! `sd create`: a new container, running.

use std::collections::BTreeMap;

use sd_client::Client;
use sd_client::api::{Container, Cpus, CreateContainer, Memory, TimeLimit};

use super::readiness;
use super::wait::WaitTimeout;
use crate::error::CliError;
use crate::output::Printer;
use crate::output::{Ids, shown_name};

const EXAMPLES: &str = "\
Examples:
  sd create sd-postgres
  sd create sd-postgres --name db --wait
  sd create sd-django --env DEBUG=1 --memory 512m --cpus 0.5 --idle-timeout 6h
  sd create busybox -- sleep 600
  id=$(sd create -q sd-postgres)";

/// Longest key that the daemon is asked to remember.
const LONGEST_KEY: usize = 255;

/// Create a container, and wait until it runs
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    /// Image to run; `sd images` lists them
    image: String,
    /// Command and arguments instead of the image's own
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
    /// Name of the container; the engine picks one when it is absent
    #[arg(long)]
    name: Option<String>,
    /// Environment variable; may be repeated
    #[arg(short, long = "env", value_name = "KEY=VALUE", value_parser = parse_variable)]
    environment: Vec<(String, String)>,
    /// Memory limit, such as 512m
    #[arg(long, value_name = "SIZE")]
    memory: Option<Memory>,
    /// Processor limit in cores, such as 0.5
    #[arg(long, value_name = "CORES")]
    cpus: Option<Cpus>,
    /// Stop it after this long without activity, such as 6h; `never` pins it
    #[arg(long, value_name = "DURATION")]
    idle_timeout: Option<TimeLimit>,
    /// End each run after this long, however much it is used
    #[arg(long, value_name = "DURATION")]
    max_lifetime: Option<TimeLimit>,
    /// Remove it after it has been stopped for this long
    #[arg(long, value_name = "DURATION")]
    remove_after: Option<TimeLimit>,
    /// Wait until the application accepts connections
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    timeout: WaitTimeout,
    /// Make repeating safe: the same key gives the same container
    #[arg(long, value_name = "KEY", value_parser = parse_key)]
    idempotency_key: Option<String>,
    /// Print the id only
    #[arg(short, long)]
    quiet: bool,
}

fn parse_variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("give KEY=VALUE, such as DEBUG=1".to_owned()),
    }
}

/// The key travels in a header.
fn parse_key(text: &str) -> Result<String, String> {
    let fits = (1..=LONGEST_KEY).contains(&text.len());
    if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "give 1 to {LONGEST_KEY} visible ASCII characters without spaces"
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
        .wait_for("creating", call)
        .await
        .map_err(|error| CliError::of_create(client, error))?;
    // Before the wait: whatever comes of that, there is a container, and its id must not be lost.
    args.print(&container, out);
    if args.wait {
        args.wait_for(&container, client, out).await?;
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
            out.word(&container.container_id);
        } else {
            out.container(container, Ids::Short);
        }
    }

    async fn wait_for(
        &self,
        container: &Container,
        client: &Client,
        out: &mut Printer<'_>,
    ) -> Result<(), CliError> {
        if container.app_port.is_none() {
            out.note("this image exposes no application port: there is nothing to wait for");
            return Ok(());
        }
        let sentence = format!("{} accepts no connections", shown_name(container));
        let work = self
            .timeout
            .bound(readiness::until_accepting(container, client), &sentence);
        out.wait_for("waiting for the application", work).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_has_a_key_and_may_hold_anything() {
        assert_eq!(parse_variable("A=b=c"), Ok(("A".to_owned(), "b=c".to_owned())));
        assert_eq!(parse_variable("A="), Ok(("A".to_owned(), String::new())));
        for text in ["A", "=b", ""] {
            assert!(parse_variable(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_key_fits_into_a_header() {
        assert!(parse_key("build-17").is_ok());
        for text in ["", "a b", "a\nb", "ä", &"x".repeat(256)] {
            assert!(parse_key(text).is_err(), "{text:?}");
        }
    }
}
