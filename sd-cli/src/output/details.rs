//! One container in detail: a line per property, then its latest events.

use std::fmt::Write;
use std::time::Duration;

use sd_client::api::{Container, HistoryEntry, Timestamp};

use super::escape::printable;
use super::human;
use super::table::shown_name;
use super::when::When;

/// Number of events that are shown. The activity endpoint returns more.
const SHOWN_EVENTS: usize = 10;
/// Width of the label column, with the gap.
const LABEL_WIDTH: usize = 15;

/// The properties and the latest events of a container.
pub(crate) fn container_details(container: &Container, history: &[HistoryEntry], when: &When) -> String {
    let mut text = String::new();
    for (label, value) in properties(container, when) {
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

fn properties(container: &Container, when: &When) -> Vec<(&'static str, String)> {
    let time = |at: Timestamp| when.time_and_distance(at);
    let reason = container.stop_reason.as_ref();
    let status = match reason {
        Some(reason) => format!("{} ({reason})", container.status),
        None => container.status.to_string(),
    };
    let mut properties = vec![
        ("CONTAINER ID", container.container_id.clone()),
        ("NAME", shown_name(container).to_owned()),
        ("IMAGE", container.image.clone()),
        ("STATUS", status),
        ("ACTIVE", container.active.to_string()),
    ];
    let ports = container.ports.iter();
    properties.extend(ports.map(|(port, host_port)| ("PORT", format!("{host_port} -> {port}"))));
    let times = [
        ("CREATED", container.created_at),
        ("STARTED", container.started_at),
        ("LAST USED", container.last_active_at),
        ("STOPS", container.stops_at),
        ("REMOVED", container.removes_at),
    ];
    properties.extend(
        times
            .into_iter()
            .filter_map(|(label, at)| Some((label, time(at?)))),
    );
    let limits = [
        ("IDLE TIMEOUT", container.idle_timeout),
        ("MAX LIFETIME", container.max_lifetime),
        ("REMOVE AFTER", container.remove_after),
    ];
    properties.extend(limits.map(|(label, seconds)| (label, length(seconds))));
    properties
}

fn length(seconds: Option<u64>) -> String {
    seconds.map_or_else(
        || "never".to_owned(),
        |seconds| human::duration(Duration::from_secs(seconds)),
    )
}
