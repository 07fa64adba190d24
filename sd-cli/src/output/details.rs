//! One container in detail, for people: a line for each fact, then what happened to it.

use std::fmt::Write;
use std::time::Duration;

use sd_client::api::{Container, HistoryEntry, Timestamp};

use super::escape::printable;
use super::human;
use super::table::shown_name;
use super::when::When;

/// As much of the history as fits under the facts; JSON has all of it.
const SHOWN_EVENTS: usize = 10;
/// The longest label, and the gap behind it.
const LABEL_WIDTH: usize = 15;

/// The facts and the history of a container.
pub(crate) fn container_details(container: &Container, history: &[HistoryEntry], when: &When) -> String {
    let mut text = String::new();
    for (label, value) in facts(container, when) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{label:<LABEL_WIDTH$}{}", printable(&value));
    }
    let skipped = history.len().saturating_sub(SHOWN_EVENTS);
    if !history.is_empty() {
        text.push('\n');
    }
    for entry in &history[skipped..] {
        let at = when.time_to_the_second(entry.at);
        let line = format!("{at}  {:<12}  {}", entry.what, entry.why);
        let _ = writeln!(text, "{}", printable(line.trim_end()));
    }
    text
}

fn facts(container: &Container, when: &When) -> Vec<(&'static str, String)> {
    let point = |at: Timestamp| when.time_and_distance(at);
    let reason = container.stop_reason.as_ref();
    let status = match reason {
        Some(reason) => format!("{} ({reason})", container.status),
        None => container.status.to_string(),
    };
    let mut facts = vec![
        ("CONTAINER ID", container.container_id.clone()),
        ("NAME", shown_name(container).to_owned()),
        ("IMAGE", container.image.clone()),
        ("STATUS", status),
        ("ACTIVE", container.active.to_string()),
    ];
    let ports = container.ports.iter();
    facts.extend(ports.map(|(port, host_port)| ("PORT", format!("{host_port} -> {port}"))));
    let points = [
        ("CREATED", container.created_at),
        ("STARTED", container.started_at),
        ("LAST USED", container.last_active_at),
        ("STOPS", container.stops_at),
        ("REMOVED", container.removes_at),
    ];
    facts.extend(
        points
            .into_iter()
            .filter_map(|(label, at)| Some((label, point(at?)))),
    );
    let limits = [
        ("IDLE TIMEOUT", container.idle_timeout),
        ("MAX LIFETIME", container.max_lifetime),
        ("REMOVE AFTER", container.remove_after),
    ];
    facts.extend(limits.map(|(label, seconds)| (label, length(seconds))));
    facts
}

fn length(seconds: Option<u64>) -> String {
    seconds.map_or_else(
        || "never".to_owned(),
        |seconds| human::duration(Duration::from_secs(seconds)),
    )
}
