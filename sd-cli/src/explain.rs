//! Why a container is up, or was stopped, in one paragraph for people.
//!
//! Pure: what the daemon knows of a container goes in, sentences come out. Each sentence answers a question
//! of somebody who knows nothing of the program: is it up, who uses it, when does it stop and who decided
//! that, what was done about it, what comes next. What nothing is known of is said to be unknown.

mod ended;
mod running;

use std::time::Duration;

use sd_client::api::{
    Activity, EventKind, HistoryEntry, PolicySource, Signal, SignalKind, SignalState, Status,
};

use crate::output::When;
use crate::output::human;

/// The paragraph about a container.
pub(crate) fn paragraph(activity: &Activity, when: &When) -> String {
    let story = Explanation { activity, when };
    let sentences = match &activity.status {
        Status::Running => story.of_running(),
        Status::Stopping | Status::Stopped => story.of_ended(),
        Status::Starting => vec![format!("{} is being started.", story.name())],
        Status::Paused => story.of_frozen(),
        Status::Other(status) => vec![format!(
            "{} is {status}: this sd is older than its daemon and knows no more of that.",
            story.name()
        )],
    };
    sentences.join(" ")
}

/// What there is to tell, and the clock to tell it by.
struct Explanation<'a> {
    activity: &'a Activity,
    when: &'a When,
}

impl Explanation<'_> {
    fn of_frozen(&self) -> Vec<String> {
        let frozen = self.latest(&EventKind::Paused);
        let since = frozen.map(|entry| format!(" since {}", self.when.time_and_distance(entry.at)));
        vec![
            format!(
                "{} is frozen{}: that was done on the host, not by spin-docker.",
                self.subject(),
                since.unwrap_or_default()
            ),
            "As long as it is frozen it is not stopped; when it is thawed its idle timeout begins anew."
                .to_owned(),
        ]
    }

    fn name(&self) -> &str {
        let name = &self.activity.name;
        name.strip_prefix('/').unwrap_or(name)
    }

    /// The container and what it is: `db (sd-postgres)`.
    fn subject(&self) -> String {
        format!("{} ({})", self.name(), self.activity.image)
    }

    /// When it was used last and what told of it; nothing when it was only started.
    fn last_use(&self) -> Option<String> {
        let at = self.activity.last_active_at?;
        let kind = self.activity.last_active_signal.as_ref()?;
        let evidence = match (kind, self.signal(kind).and_then(|signal| signal.value)) {
            (SignalKind::Started, _) => return None,
            (SignalKind::CheckIn, Some(0) | None) => "it reported to be busy".to_owned(),
            (SignalKind::CheckIn, Some(count)) => {
                format!("it reported {}", human::counted(count, "connection"))
            }
            (SignalKind::Connections, count) => format!(
                "{} used, as seen from the host",
                match count.unwrap_or(1) {
                    1 => "1 connection was".to_owned(),
                    count => format!("{count} connections were"),
                }
            ),
            (SignalKind::Cpu, millicores) => {
                format!("it kept {} busy", cores(millicores.unwrap_or_default()))
            }
            (SignalKind::Other(other), _) => other.clone(),
        };
        Some(format!("{}: {evidence}", self.when.time_and_distance(at)))
    }

    fn signal(&self, kind: &SignalKind) -> Option<&Signal> {
        self.activity.signals.iter().find(|signal| signal.kind == *kind)
    }

    /// Why a signal does not count; nothing when it does.
    fn off(&self, kind: &SignalKind) -> Option<&str> {
        let signal = self.signal(kind)?;
        match signal.state {
            SignalState::Off => Some(signal.reason.as_deref().unwrap_or("nobody says why")),
            SignalState::On | SignalState::Other(_) => None,
        }
    }

    /// What happened since the run began that is going on, or that was the last one.
    fn run(&self) -> impl DoubleEndedIterator<Item = &HistoryEntry> {
        let history = &self.activity.history;
        let start = history.iter().rposition(|entry| entry.what == EventKind::Started);
        history.iter().skip(start.unwrap_or_default())
    }

    fn latest(&self, what: &EventKind) -> Option<&HistoryEntry> {
        self.run().rfind(|entry| entry.what == *what)
    }

    /// How often the deadline was pushed in this run, and the last time.
    fn extensions(&self) -> Option<String> {
        let pushed = || self.run().filter(|entry| entry.what == EventKind::Extended);
        let last = pushed().next_back()?;
        let at = self.when.time(last.at);
        Some(match pushed().count() {
            1 => format!("Its stop was put off at {at}: {}.", last.why),
            count => format!(
                "Its stop was put off {count} times, the last time at {at}: {}.",
                last.why
            ),
        })
    }

    fn idle_timeout(&self) -> String {
        limit(
            "its idle timeout is",
            self.activity.idle_timeout,
            &self.activity.idle_timeout_source,
        )
    }
}

/// A limit, and who set it: `a run may last 6h (set for this container)`.
fn limit(what: &str, seconds: Option<u64>, source: &PolicySource) -> String {
    let length = seconds.map_or_else(
        || "never".to_owned(),
        |seconds| human::duration(Duration::from_secs(seconds)),
    );
    let source = match source {
        PolicySource::Container => "set for this container",
        PolicySource::ImageLabel => "from its image's label",
        PolicySource::ImageRule => "from the daemon's rule for its image",
        PolicySource::Default => "the daemon's default",
        PolicySource::Other(other) => other,
    };
    format!("{what} {length} ({source})")
}

fn cores(millicores: u64) -> String {
    format!(
        "{}.{:02} processor cores",
        millicores / 1_000,
        millicores % 1_000 / 10
    )
}

#[cfg(test)]
mod tests;
