//! `sd-daemon recover`: what an operator does about a registry that is damaged or gone.
//!
//! Containers that no row knows are told of and not touched. Their labels prove nothing: those of an image become
//! those of its containers, so that anybody who makes images can write them. A person can tell.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use crate::clock::{Clock, SystemClock};
use crate::engine::LabelledContainer;
use crate::engine::connect::{self, ConnectOptions};
use crate::registry::{self, RecoveredTable, Recovery, RecoveryMode, StateDirectory};
use crate::settings::Settings;

/// Keeps what can be read of the registry, or of another file, and says what else there is.
pub async fn recover(
    settings: &Settings,
    from: Option<&Path>,
    mode: RecoveryMode,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let directory = StateDirectory::claim(&settings.state_dir)?;
    let recovered = registry::recover(&directory, from, mode, SystemClock::new().wall_time());
    if let Ok(recovery) = &recovered {
        describe(recovery, mode, out)?;
    }
    let (instance, known) = match &recovered {
        Ok(recovery) => (recovery.instance.as_deref(), recovery.containers.clone()),
        Err(_) => (None, BTreeSet::new()),
    };
    let engine = connect::engine(ConnectOptions {
        host: settings.docker_host.clone(),
        instance: instance.unwrap_or_default().into(),
        publish_address: settings.publish_address,
        network: settings.network.clone(),
    });
    match engine.labelled().await {
        Ok(claimants) => {
            let is_unknown = |claimant: &&LabelledContainer| {
                !known.contains(&claimant.id) && instance.is_none_or(|instance| claimant.instance == instance)
            };
            let unknown: Vec<_> = claimants.iter().filter(is_unknown).collect();
            describe_unknown(&unknown, instance, out)?;
        }
        Err(error) => {
            writeln!(
                out,
                "\nContainers that no row knows could not be looked for: {error}."
            )?;
            let filter = instance.map_or_else(String::new, |instance| format!("={instance}"));
            let look = format!("docker ps --all --filter label=spin-docker.instance{filter}");
            writeln!(out, "Later this shows them and the others: {look}")?;
        }
    }
    recovered.map(drop).map_err(Into::into)
}

fn describe(recovery: &Recovery, mode: RecoveryMode, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "Readable:")?;
    for found in &recovery.tables {
        let RecoveredTable {
            what,
            kept,
            invalid_rows,
            is_incomplete,
        } = found;
        let invalid_rows = match invalid_rows {
            0 => String::new(),
            invalid_rows => format!(", {invalid_rows} make no sense"),
        };
        let torn = if *is_incomplete { ", others are lost" } else { "" };
        writeln!(out, "  {what}: {kept}{invalid_rows}{torn}")?;
    }
    if recovery.instance.is_none() {
        writeln!(
            out,
            "The identity of the registry is lost: it gets a new one, and containers can check in by their \
             address only."
        )?;
    }
    match (mode, &recovery.replaced) {
        (RecoveryMode::DryRun, _) => {
            writeln!(
                out,
                "Nothing was changed. The same with --yes makes the registry of this."
            )
        }
        (RecoveryMode::Replace, None) => {
            writeln!(out, "The registry was made of this; there was none in its place.")
        }
        (RecoveryMode::Replace, Some(aside)) => writeln!(
            out,
            "The registry was made of this; what was in its place is kept as {}.",
            aside.display()
        ),
    }
}

fn describe_unknown(
    unknown: &[&LabelledContainer],
    instance: Option<&str>,
    out: &mut impl Write,
) -> std::io::Result<()> {
    // Without its identity nobody can say which of them were this registry's.
    let belong = match instance {
        Some(_) => "here",
        None => "to some sd-daemon, this one or another",
    };
    if unknown.is_empty() {
        return writeln!(
            out,
            "\nDocker has no container that says it belongs {belong}, and that no row knows."
        );
    }
    writeln!(
        out,
        "\nContainers in Docker that say they belong {belong}, and that no row knows. They are left alone.\n\
         Anybody who makes images can make a container say so: look before you remove one."
    )?;
    for LabelledContainer {
        id,
        name,
        image,
        state,
        ..
    } in unknown
    {
        let id = id.short();
        writeln!(out, "  {} of {}, {}", plain(name), plain(image), plain(state))?;
        writeln!(out, "    look:   docker inspect {id}; docker logs --tail 20 {id}")?;
        writeln!(out, "    remove: docker rm --force --volumes {id}")?;
    }
    Ok(())
}

/// Words from elsewhere, without what would move the cursor of a terminal.
fn plain(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}
