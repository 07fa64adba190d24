//! The address of a daemon: an `http` or `https` URL without credentials.

use url::{Host, Url};

use crate::error::Error;

/// Shown instead of an address that contains credentials.
const MASKED: &str = "***";

/// Parses the address of a daemon.
///
/// Fails if it has another scheme, no host, or credentials. The error does not repeat credentials.
pub(crate) fn parse_base(text: &str) -> Result<Url, Error> {
    if !text.contains("://") {
        return Err(without_scheme(text));
    }
    let url = Url::parse(text).map_err(|error| bad_url(shown(text), error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(bad_url(
            shown(text),
            "expected http:// or https:// and a host".to_owned(),
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad_url(
            MASKED,
            "credentials are not allowed in the address; set user and password separately".to_owned(),
        ));
    }
    Ok(url)
}

/// The error for `127.0.0.1:8080` or `localhost:8080`, which [`Url`] would take for a path or a scheme.
fn without_scheme(text: &str) -> Error {
    let suggestion = format!("http://{text}");
    let has_host = Url::parse(&suggestion).is_ok_and(|url| url.host().is_some());
    let reason = if has_host && shown(text) == text {
        format!("missing http:// or https://; did you mean {suggestion}?")
    } else {
        "missing http:// or https://".to_owned()
    };
    bad_url(shown(text), reason)
}

/// The address for an error message.
fn shown(text: &str) -> &str {
    if text.contains('@') { MASKED } else { text }
}

/// The error of an invalid address.
pub(crate) fn bad_url(url: &str, reason: String) -> Error {
    Error::BadUrl {
        url: url.to_owned(),
        reason,
    }
}

/// Whether the host of the address is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_scheme_error_suggests_http() {
        for (text, message) in [
            (
                "127.0.0.1:18082",
                "invalid daemon address \"127.0.0.1:18082\": \
                 missing http:// or https://; did you mean http://127.0.0.1:18082?",
            ),
            (
                "localhost:8080",
                "invalid daemon address \"localhost:8080\": \
                 missing http:// or https://; did you mean http://localhost:8080?",
            ),
            ("", "invalid daemon address \"\": missing http:// or https://"),
        ] {
            assert_eq!(parse_base(text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn other_schemes_are_refused() {
        for text in ["ftp://a", "unix:///run/sd.sock"] {
            let message = parse_base(text).unwrap_err().to_string();
            assert!(
                message.ends_with("expected http:// or https:// and a host"),
                "{message}"
            );
        }
    }

    #[test]
    fn credentials_in_an_address_are_not_printed() {
        for text in [
            "http://admin:secret@host",
            "admin:secret@host:80",
            "ftp://admin:secret@host",
            "http://admin:secret@host:port",
        ] {
            let message = parse_base(text).unwrap_err().to_string();
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
