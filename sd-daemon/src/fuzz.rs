//! Fuzz targets: the parsers of untrusted text and the invariants of their results.
//!
//! Each function takes any bytes and panics if an invariant is violated. The targets in `fuzz/` call them from a fuzzer;
//! `tests/fuzz_corpus.rs` runs the corpus that the fuzzer found. Not part of a shipped daemon.

use std::collections::HashMap;

use crate::domain::{Activity, ContainerId, ImageRef, Lifecycle, Limits, Record, RecordFields, Timestamp};
pub use crate::http::fuzz::{body, credentials};
use crate::registry::Snapshot;
use crate::service;
use crate::settings::Settings;

/// Container ids, two of them with a common prefix.
const IDS: [&str; 3] = [
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0123456700000000000000000000000000000000000000000000000000000000",
    "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210",
];

/// A reference resolves to nothing, or to the container with that name, id or unique id prefix.
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
    let is_prefix = text.len() >= 4 && id.starts_with(text);
    assert!(is_name || is_prefix, "{text:?} found {id}");
    let like = IDS.iter().filter(|id| id.starts_with(text)).count();
    assert!(is_name || like == 1, "{text:?} is a prefix of {like} ids");
}

fn record(id: &str, number: usize) -> Record {
    Record::restore(RecordFields {
        id: id.parse().expect("a valid id"),
        operation: id[..32].parse().expect("a valid operation id"),
        name: format!("bell-{number}").parse().expect("a valid name"),
        image: "web".parse().expect("a valid image"),
        created_at: Timestamp::from_millis(0),
        limits: Limits::default(),
        label_limits: Limits::default(),
        lifecycle: Lifecycle::Starting,
        intent: None,
        activity: Activity::started_at(Timestamp::from_millis(0)),
        generation: 1,
        last_run: None,
    })
}

/// An accepted image reference is unchanged and cannot escape from a URL path.
pub fn image(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(image) = text.parse::<ImageRef>() else {
        return;
    };
    assert_eq!(image.as_str(), text);
    assert!((1..=255).contains(&text.len()));
    let unsafe_in_path = ["..", "//", "?", "#", "%", "\\", " "];
    assert!(unsafe_in_path.iter().all(|part| !text.contains(part)), "{text:?}");
    assert!(!text.starts_with('/') && !text.ends_with('/'), "{text:?}");
}

/// A settings file is rejected with an error text, or `check-config` prints an equivalent file.
pub fn settings(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    // Referenced files do not exist in a fuzzer.
    if text.contains("_file") {
        return;
    }
    match Settings::from_text(text) {
        Ok(settings) => {
            let printed = settings.to_string();
            match Settings::from_text(&printed) {
                Ok(parsed) => assert_eq!(parsed.to_string(), printed),
                Err(error) => panic!("{error}\n{printed}"),
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
