//! Where a daemon is: what is accepted as its address, and what that says.

use url::{Host, Url};

use crate::error::Error;

/// Reads the address of a daemon.
pub(crate) fn parse_base(text: &str) -> Result<Url, Error> {
    let url = Url::parse(text).map_err(|error| bad_url(text, error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(bad_url(
            text,
            "it must begin with http:// or https:// and name a host".to_owned(),
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad_url(
            "***",
            "credentials do not belong into the address".to_owned(),
        ));
    }
    Ok(url)
}

/// The error of an address that is none.
pub(crate) fn bad_url(url: &str, reason: String) -> Error {
    Error::BadUrl {
        url: url.to_owned(),
        reason,
    }
}

/// Whether the address leads to this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
