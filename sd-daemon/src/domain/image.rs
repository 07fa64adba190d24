//! Images: references, patterns, and the metadata that containers need.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::port::app_port;
use super::{ContainerPort, Invalid, Limits};

/// A reference to an image: `sd-postgres`, `phusion/baseimage:0.9.8`, `host:5000/a/b@sha256:…`.
///
/// It becomes part of a path in a call to the engine, so it cannot contain `..`, `//` or characters with a meaning in
/// URLs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageRef(Arc<str>);

impl ImageRef {
    const MAX_BYTES: usize = 255;

    /// The reference as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ImageRef {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        // Each component begins and ends with a letter or a digit, which excludes "..", "//" and the syntax of URLs.
        let is_component = |component: &str| {
            let bytes = component.as_bytes();
            bytes
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
                && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
                && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
                && !component.contains("..")
        };
        if text.len() <= Self::MAX_BYTES && text.split(['/', ':', '@']).all(is_component) {
            Ok(Self(text.into()))
        } else {
            Err(Invalid(
                "must be an image reference such as sd-postgres or team/web:1.2, up to 255 bytes",
            ))
        }
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A pattern of image references, in which `*` matches any text.
///
/// A pattern without a tag matches every tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagePattern(Box<str>);

impl ImagePattern {
    /// Whether the pattern matches an image.
    pub fn matches(&self, image: &ImageRef) -> bool {
        let whole = image.as_str();
        // A colon before a slash belongs to a registry's port.
        let untagged = match whole.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => name,
            Some(_) | None => whole,
        };
        matches_text(&self.0, whole) || matches_text(&self.0, untagged)
    }
}

impl FromStr for ImagePattern {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        // A pattern is valid if it is a reference with any text in place of each star.
        match text.replace('*', "x").parse::<ImageRef>() {
            Ok(_) => Ok(Self(text.into())),
            Err(_) => Err(Invalid(
                "must be an image reference such as sd-postgres or team/*",
            )),
        }
    }
}

impl fmt::Display for ImagePattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn matches_text(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            let mut starts = rest.char_indices().map(|(start, _)| start).chain([rest.len()]);
            starts.any(|start| matches_text(after, &rest[start..]))
        }),
    }
}

/// The metadata of an image that its containers need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Exposed ports, sorted and without duplicates.
    pub exposed: Vec<ContainerPort>,
    /// The port in the label `spin-docker.app-port`.
    pub app_port: Option<u16>,
    /// The limits that labels set.
    pub limits: Limits,
    /// Why a label of spin-docker is invalid. No container is created from such an image, because the intended limit is
    /// unknown.
    pub bad_label: Option<String>,
}

impl Image {
    /// The maximum number of published ports. Each costs the engine a process, and time at every start and stop.
    pub const MAX_PUBLISHED: usize = 16;

    /// The maximum number of exposed ports. Docker stores them for each container, and takes seconds to start or list
    /// containers with tens of thousands.
    pub const MAX_EXPOSED: usize = 1024;

    /// Why no container can be created from the image, or `None` if one can.
    pub fn validate(&self) -> Option<String> {
        let exposed = self.exposed.len();
        let too_many = (exposed > Self::MAX_EXPOSED).then(|| {
            format!(
                "it exposes {exposed} ports, and an image may expose {}",
                Self::MAX_EXPOSED
            )
        });
        self.bad_label.clone().or(too_many)
    }

    /// The ports to publish: SSH and the application's port first, then the lowest.
    pub fn published_ports(&self) -> Vec<ContainerPort> {
        let app = app_port(self.exposed.iter().copied(), self.app_port);
        let mut ports = self.exposed.clone();
        ports.sort_by_key(|port| (*port != ContainerPort::SSH && Some(*port) != app, *port));
        ports.dedup();
        ports.truncate(Self::MAX_PUBLISHED);
        ports
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_with_thousands_of_exposed_ports_is_invalid() {
        let exposing = |ports| Image {
            exposed: (1..=ports).map(ContainerPort::tcp).collect(),
            ..Image::default()
        };
        assert_eq!(exposing(1024).validate(), None);
        assert_eq!(
            exposing(u16::MAX).validate().as_deref(),
            Some("it exposes 65535 ports, and an image may expose 1024")
        );
    }

    #[test]
    fn ssh_and_the_app_port_are_published_first() {
        let exposed = (1..=u16::MAX).rev().map(ContainerPort::tcp).collect();
        let ports = Image {
            exposed,
            app_port: Some(5432),
            ..Image::default()
        }
        .published_ports();
        assert_eq!(ports.len(), Image::MAX_PUBLISHED);
        assert_eq!(ports[..3], [22, 5432, 1].map(ContainerPort::tcp));
    }

    #[test]
    fn pattern_matches_stars_and_every_tag() {
        let matches = |pattern: &str, image: &str| {
            let pattern: ImagePattern = pattern.parse().unwrap();
            pattern.matches(&image.parse().unwrap())
        };
        for (pattern, image) in [
            ("sd-postgres", "sd-postgres"),
            ("sd-postgres", "sd-postgres:16"),
            ("sd-*", "sd-web:1.2"),
            ("*", "localhost:5000/team/web"),
            ("localhost:5000/team/*", "localhost:5000/team/web:v1"),
            ("*/web:*", "team/web:v1"),
        ] {
            assert!(matches(pattern, image), "{pattern} {image}");
        }
        for (pattern, image) in [
            ("sd-postgres", "sd-postgres2"),
            ("sd-postgres:16", "sd-postgres"),
            ("team/*", "web"),
            ("*-db", "db"),
        ] {
            assert!(!matches(pattern, image), "{pattern} {image}");
        }
        assert!("../*".parse::<ImagePattern>().is_err());
    }

    #[test]
    fn references_of_every_form_are_parsed() {
        for text in [
            "postgres",
            "atbaker/sd-postgres",
            "phusion/baseimage:0.9.8",
            "localhost:5000/team/web:v1",
            "web@sha256:2cd8a1b037d8752a481b373f225ac72ced9ec89ba784b7868dbb784072358f0e",
            "sha256:2cd8a1b037d8752a481b373f225ac72ced9ec89ba784b7868dbb784072358f0e",
        ] {
            assert_eq!(text.parse::<ImageRef>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn path_and_url_syntax_is_not_a_reference() {
        for text in [
            "",
            "..",
            "../containers",
            "a/../b",
            "a//b",
            "a?b",
            "a#b",
            "a%2fb",
            "a b",
            "/a",
            "a/",
            ":a",
            "a\nb",
        ] {
            assert!(text.parse::<ImageRef>().is_err(), "{text}");
        }
        assert!("a".repeat(256).parse::<ImageRef>().is_err());
    }

    #[test]
    fn port_of_a_registry_is_not_a_tag() {
        let image: ImageRef = "localhost:5000/web".parse().unwrap();
        let matches = |pattern: &str| pattern.parse::<ImagePattern>().unwrap().matches(&image);
        assert!(matches("localhost:5000/web"));
        assert!(!matches("localhost"));
    }

    #[test]
    fn references_and_patterns_print_what_they_parse() {
        assert_eq!(
            "team/web:1.2".parse::<ImageRef>().unwrap().to_string(),
            "team/web:1.2"
        );
        assert_eq!("team/*".parse::<ImagePattern>().unwrap().to_string(), "team/*");
    }
}
