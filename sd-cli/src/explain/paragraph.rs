//! The sentences for each status, joined to one paragraph.

use sd_client::api::{Activity, EventKind, Status};

use super::explanation::{Explanation, sentence};
use crate::output::When;

/// The paragraph about a container.
pub(crate) fn paragraph(activity: &Activity, when: &When) -> String {
    let explanation = Explanation { activity, when };
    let sentences = match &activity.status {
        Status::Running => explanation.running(),
        Status::Stopping | Status::Stopped => explanation.stopped(),
        Status::Starting => vec![format!("{} is starting.", explanation.subject())],
        Status::Paused => explanation.paused(),
        Status::Other(status) => vec![format!(
            "{} is {status}, a status that this version of sd does not know.",
            explanation.subject()
        )],
    };
    sentences.join(" ")
}

impl Explanation<'_> {
    fn paused(&self) -> Vec<String> {
        let how = self.latest(&EventKind::Paused).map_or_else(String::new, |entry| {
            let at = self.when.time_and_distance(entry.at);
            format!(" since {at}: {}", sentence(entry))
        });
        vec![
            format!("{} is paused{how}.", self.subject()),
            "It is not stopped while it is paused; its idle timeout restarts when it is unpaused.".to_owned(),
        ]
    }
}
