//! `sd-daemon recover`: recovers a damaged registry, or restores a copy.
//!
//! Containers that are missing from the registry are listed, and neither adopted nor removed. Their labels prove
//! nothing, because a container inherits the labels of its image. The operator decides about them.

use std::collections::BTreeSet;
use std::io::{self, Write};

use anyhow::Context;
use sd_daemon::clock::{Clock, SystemClock};
use sd_daemon::domain::ContainerId;
use sd_daemon::engine::{ConnectOptions, LabelledContainer, connect};
use sd_daemon::registry::{self, RecoveredTable, Recovery, RecoveryError, RecoveryMode, StateDirectory};
use sd_daemon::settings::{RecoverArgs, Settings};

/// Recovers the registry and prints what was found.
pub(crate) fn recover(settings: &Settings, args: &RecoverArgs) -> anyhow::Result<()> {
    let mode = if args.yes {
        RecoveryMode::Replace
    } else {
        RecoveryMode::DryRun
    };
    let mut out = io::stdout();
    let directory = StateDirectory::claim(&settings.state_dir)?;
    let now = SystemClock::new().wall_time();
    let recovered = registry::recover(&directory, args.from.as_deref(), mode, now);
    // A mistyped path is no damage: every container of the host would be listed as missing.
    if let Err(error @ RecoveryError::Inaccessible { .. }) = recovered {
        return Err(error.into());
    }
    if let Ok(recovery) = &recovered {
        print_recovery(recovery, mode, &mut out)?;
    }
    // Containers are listed even if the registry is unreadable: then they are all that is left.
    let known = recovered.as_ref().ok();
    let runtime = tokio::runtime::Runtime::new().context("failed to start the runtime")?;
    runtime.block_on(print_missing(settings, known, &mut out))?;
    recovered.map(drop).map_err(Into::into)
}

fn print_recovery(recovery: &Recovery, mode: RecoveryMode, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "Readable:")?;
    for table in &recovery.tables {
        let RecoveredTable {
            what,
            kept,
            invalid_rows,
            is_incomplete,
        } = table;
        let invalid = match invalid_rows {
            0 => String::new(),
            count => format!(", {count} invalid"),
        };
        let incomplete = if *is_incomplete { ", others are lost" } else { "" };
        writeln!(out, "  {what}: {kept}{invalid}{incomplete}")?;
    }
    if recovery.instance.is_none() {
        writeln!(
            out,
            "The id of the registry is lost. It gets a new one, and existing containers can check in by address only."
        )?;
    }
    match (mode, &recovery.replaced) {
        (RecoveryMode::DryRun, _) => writeln!(
            out,
            "Nothing was changed. Run again with --yes to write this registry."
        ),
        (RecoveryMode::Replace, None) => writeln!(out, "The registry was written. There was none before."),
        (RecoveryMode::Replace, Some(old)) => {
            writeln!(
                out,
                "The registry was written. The old one is kept as {}.",
                old.display()
            )
        }
    }
}

/// Prints the containers with labels of this registry that are not in it.
async fn print_missing(
    settings: &Settings,
    recovery: Option<&Recovery>,
    out: &mut impl Write,
) -> io::Result<()> {
    let instance = recovery.and_then(|recovery| recovery.instance.as_deref());
    let none = BTreeSet::new();
    let known: &BTreeSet<ContainerId> = recovery.map_or(&none, |recovery| &recovery.containers);
    let engine = connect::engine(ConnectOptions {
        host: settings.docker_host.clone(),
        instance: instance.unwrap_or_default().into(),
        publish_address: settings.publish_address,
        network: settings.options.engine.network.0.clone(),
    });
    match engine.labelled().await {
        Ok(labelled) => {
            let is_missing = |container: &&LabelledContainer| {
                !known.contains(&container.id)
                    && instance.is_none_or(|instance| container.instance == instance)
            };
            let missing: Vec<_> = labelled.iter().filter(is_missing).collect();
            print_containers(&missing, instance, out)
        }
        Err(error) => {
            let filter = instance.map_or_else(String::new, |instance| format!("={instance}"));
            writeln!(
                out,
                "\nFailed to list containers that are missing from the registry: {error}."
            )?;
            writeln!(
                out,
                "This command lists them, and those in the registry: \
                 docker ps --all --filter label=spin-docker.instance{filter}"
            )
        }
    }
}

fn print_containers(
    missing: &[&LabelledContainer],
    instance: Option<&str>,
    out: &mut impl Write,
) -> io::Result<()> {
    // Without its id the containers of this registry cannot be distinguished from those of another one.
    let of_registry = match instance {
        Some(_) => "of this registry",
        None => "of any sd-daemon",
    };
    if missing.is_empty() {
        return writeln!(
            out,
            "\nDocker has no container with labels {of_registry} that is missing from the registry."
        );
    }
    writeln!(
        out,
        "\nContainers in Docker with labels {of_registry} that are missing from the registry. They are not changed.\n\
         Labels come from images and can be forged: inspect a container before you remove it."
    )?;
    for container in missing {
        let id = container.id.short();
        let [name, image, state] =
            [&container.name, &container.image, &container.state].map(|text| without_controls(text));
        writeln!(out, "  {name} of {image}, {state}")?;
        writeln!(
            out,
            "    inspect: docker inspect {id}; docker logs --tail 20 {id}"
        )?;
        // Without the id of the registry the container may belong to another daemon.
        if instance.is_some() {
            writeln!(out, "    remove:  docker rm --force --volumes {id}")?;
        }
    }
    Ok(())
}

/// The text without characters that would control the terminal.
fn without_controls(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}
