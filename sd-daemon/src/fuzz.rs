//! What is done with text from outside, and what must hold of it whatever the text is.
//!
//! Each function takes any bytes and panics where a promise is broken. The targets in `fuzz/` hand them to a fuzzer;
//! `tests/fuzz_corpus.rs` hands them what the fuzzer found worth keeping. Not part of a shipped daemon.

use std::collections::HashMap;

use crate::domain::{Activity, ContainerId, ImageRef, Lifecycle, Limits, Record, RecordFields, Timestamp};
pub use crate::http::fuzz::{body, credentials};
use crate::registry::Snapshot;
use crate::service;
use crate::settings::Settings;

/// Ids of containers: two that begin alike, and one that does not.
const IDS: [&str; 3] = [
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0123456700000000000000000000000000000000000000000000000000000000",
    "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210",
];

/// A reference finds nothing, or the container whose name, id or unique beginning it is.
pub fn reference(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let records = IDS.iter().enumerate().map(|(number, id)| record(id, number));
    let records: HashMap<ContainerId, _> = records.map(|record| (record.id(), record.into())).collect();
    let snapshot = Snapshot::new("instance".into(), records, HashMap::new());
    let Ok(found) = service::find(&snapshot, text) else {
        return;
    };
    let id = found.id().to_string();
    let is_name = text.strip_prefix('/').unwrap_or(text) == found.name().as_str();
    let is_beginning = text.len() >= 4 && id.starts_with(text);
    assert!(is_name || is_beginning, "{text:?} found {id}");
    let like = IDS.iter().filter(|id| id.starts_with(text)).count();
    assert!(is_name || like == 1, "{text:?} is the beginning of {like} ids");
}

fn record(id: &str, number: usize) -> Record {
    Record::restore(RecordFields {
        id: id.parse().expect("it is an id"),
        operation: id[..32].parse().expect("it is an operation"),
        name: format!("bell-{number}").parse().expect("it is a name"),
        image: "web".parse().expect("it is an image"),
        created_at: Timestamp::from_millis(0),
        limits: Limits::default(),
        label_limits: Limits::default(),
        lifecycle: Lifecycle::Starting,
        activity: Activity::started_at(Timestamp::from_millis(0)),
        generation: 1,
        last_run: None,
    })
}

/// What is taken for the name of an image is unchanged, and means nothing else as part of a path.
pub fn image(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(image) = text.parse::<ImageRef>() else {
        return;
    };
    assert_eq!(image.as_str(), text);
    assert!((1..=255).contains(&text.len()));
    let astray = ["..", "//", "?", "#", "%", "\\", " "];
    assert!(astray.iter().all(|sign| !text.contains(sign)), "{text:?}");
    assert!(!text.starts_with('/') && !text.ends_with('/'), "{text:?}");
}

/// A settings file is refused in words, or it says the same as what `check-config` shows for it.
pub fn settings(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    // Files that it names are not part of it.
    if text.contains("_file") {
        return;
    }
    match Settings::from_text(text) {
        Ok(settings) => {
            let shown = settings.to_string();
            match Settings::from_text(&shown) {
                Ok(again) => assert_eq!(again.to_string(), shown),
                Err(error) => panic!("{error}\n{shown}"),
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
