//! Against pages in somebody's browser: by which names the daemon may be called, and from where changes may come.
//!
//! A page of a stranger can make a browser send requests to any address, and with a name of its own that it
//! lets point here (DNS rebinding) it could read the answers as well. It cannot choose the headers `Host`,
//! `Origin` and `Sec-Fetch-Site`. Programs send what they like; for them there are credentials.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, HOST, ORIGIN, TRANSFER_ENCODING};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use url::{Host, Url};

use crate::http::problem::Problem;
use crate::server::LocalAddr;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The names by which a listener may be called, besides `localhost` and the address that was connected to.
#[derive(Clone, Debug)]
pub(in crate::http) struct Names {
    listener: Listener,
    allowed: Arc<[Host]>,
}

#[derive(Clone, Copy, Debug)]
enum Listener {
    Api,
    /// Containers may reach it under an address that this machine does not know of. A name cannot be made
    /// to look like an address.
    CheckIn,
}

impl Names {
    pub(in crate::http) fn of_api(allowed: &[Host]) -> Self {
        Self {
            listener: Listener::Api,
            allowed: allowed.into(),
        }
    }

    pub(in crate::http) fn of_check_in(allowed: &[Host]) -> Self {
        Self {
            listener: Listener::CheckIn,
            allowed: allowed.into(),
        }
    }

    fn include(&self, called: &Host, own: IpAddr) -> bool {
        let address = match called {
            Host::Domain(name) if name == "localhost" => return true,
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(*address)),
            Host::Ipv6(address) => Some(IpAddr::V6(*address).to_canonical()),
        };
        let is_own = address.is_some_and(|address| match self.listener {
            Listener::Api => address == own || (address.is_loopback() && own.is_loopback()),
            Listener::CheckIn => true,
        });
        is_own || self.allowed.contains(called)
    }
}

/// Lets a request pass that calls the daemon by one of its names and, if it may change something, comes from a
/// program or from a page of the daemon itself.
pub(in crate::http) async fn require(
    State(names): State<Names>,
    Extension(own): Extension<LocalAddr>,
    request: Request,
    next: Next,
) -> Response {
    match judge(&names, own.address(), &request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// Why a request is not looked at any further.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    /// It can be understood in several ways: somebody between here and there may have understood it otherwise.
    Ambiguous(&'static str),
    Name(String),
    Page(String),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Ambiguous(reason) => {
                let mut response = Problem::malformed(reason).into_response();
                // What follows on this connection may not be what it looks like either.
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
                response
            }
            Self::Name(name) => Problem::forbidden(format!(
                "{name:?} is not a name of this daemon: call it by its address, or add the name to allowed_hosts"
            ))
            .into_response(),
            Self::Page(page) => Problem::forbidden(format!(
                "a page of {page} may not change anything here: only programs and pages of this daemon may"
            ))
            .into_response(),
        }
    }
}

fn judge(names: &Names, own: IpAddr, request: &Request) -> Result<(), Refusal> {
    let called = called(request)?;
    refuse_odd_framing(request.headers())?;
    if let Some(called) = &called {
        let host = host(called).ok_or(Refusal::Ambiguous("the header host is not a name or an address"))?;
        if !names.include(&host, own) {
            return Err(Refusal::Name(host.to_string()));
        }
    }
    if request.method().is_safe() {
        return Ok(());
    }
    let headers = request.headers();
    if let Some(origin) = headers.get(ORIGIN) {
        let is_own = called.is_some_and(|called| is_origin_of(origin, &called));
        if !is_own || headers.get_all(ORIGIN).iter().count() > 1 {
            return Err(Refusal::Page(String::from_utf8_lossy(origin.as_bytes()).into()));
        }
    }
    let sites = headers.get_all(SEC_FETCH_SITE);
    if sites.iter().all(|site| site == "none" || site == "same-origin") {
        Ok(())
    } else {
        Err(Refusal::Page("another site".to_owned()))
    }
}

/// What the caller calls the daemon. Only programs of the last century may call it nothing.
fn called(request: &Request) -> Result<Option<Authority>, Refusal> {
    let named = single_host(request.headers())?;
    let target = request.uri().authority();
    match (named, target) {
        (Some(named), Some(target)) if named != *target => Err(Refusal::Ambiguous(
            "the header host and the address of the request are not the same",
        )),
        (None, _) if request.version() > Version::HTTP_10 => {
            Err(Refusal::Ambiguous("the header host is missing"))
        }
        (named, target) => Ok(named.or_else(|| target.cloned())),
    }
}

/// Where a body ends can be said in ways that proxies understand differently. The server refuses most of them; it takes
/// chunks for chunks whatever else is said to have been done to them.
fn refuse_odd_framing(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => Ok(()),
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        (Some(_), _) => Err(Refusal::Ambiguous(
            "the only transfer-encoding that is read is chunked",
        )),
    }
}

fn single_host(headers: &HeaderMap) -> Result<Option<Authority>, Refusal> {
    let mut all = headers.get_all(HOST).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(host), None) => Authority::try_from(host.as_bytes())
            .map(Some)
            .map_err(|_| Refusal::Ambiguous("the header host is not a name or an address")),
        (Some(_), Some(_)) => Err(Refusal::Ambiguous("the header host is there more than once")),
    }
}

fn host(authority: &Authority) -> Option<Host> {
    if authority.as_str().contains('@') {
        return None;
    }
    Host::parse(authority.host()).ok()
}

/// Whether a page of this origin was loaded from where the request goes to: the same host and port.
fn is_origin_of(origin: &HeaderValue, called: &Authority) -> bool {
    let Some(origin) = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok()) else {
        return false;
    };
    let is_same_port = match called.port_u16() {
        Some(port) => origin.port_or_known_default() == Some(port),
        None => origin.port().is_none(),
    };
    is_same_port && origin.host().map(|host| host.to_owned()) == host(called)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Method;

    use super::*;

    fn request(method: Method, headers: &[(&str, &str)]) -> Request {
        let mut builder = Request::builder().method(method).uri("/v1/containers");
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(Body::empty()).unwrap()
    }

    fn names() -> Names {
        Names::of_api(&[Host::parse("sd.example.org").unwrap()])
    }

    fn own(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn the_api_is_called_by_its_own_address_by_localhost_or_by_an_allowed_name() {
        let cases = [
            ("127.0.0.1", "127.0.0.1:8080", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "LocalHost:9000", true),
            ("127.0.0.1", "[::1]:8080", true),
            ("127.0.0.1", "127.1:8080", true),
            ("127.0.0.1", "10.0.0.5:8080", false),
            ("127.0.0.1", "SD.example.org", true),
            ("127.0.0.1", "sd.example.org.evil.example", false),
            ("127.0.0.1", "127.0.0.1.evil.example:8080", false),
            ("127.0.0.1", "localhost.evil.example", false),
            ("127.0.0.1", "0.0.0.0:8080", false),
            ("10.0.0.5", "10.0.0.5:8080", true),
            ("10.0.0.5", "127.0.0.1:8080", false),
            ("10.0.0.5", "10.0.0.6:8080", false),
            ("10.0.0.5", "[::ffff:10.0.0.5]:8080", true),
            ("fd00::1", "[fd00::1]:8080", true),
        ];
        for (address, called, is_allowed) in cases {
            let judged = judge(&names(), own(address), &request(Method::GET, &[("host", called)]));
            assert_eq!(judged.is_ok(), is_allowed, "{called} at {address}: {judged:?}");
        }
    }

    #[test]
    fn containers_check_in_at_any_address_but_not_at_any_name() {
        let names = Names::of_check_in(&[]);
        for (called, is_allowed) in [
            ("172.17.0.1", true),
            ("192.0.2.7:10080", true),
            ("[fd00::1]", true),
            ("localhost", true),
            ("rebound.evil.example", false),
        ] {
            let judged = judge(
                &names,
                own("172.17.0.1"),
                &request(Method::POST, &[("host", called)]),
            );
            assert_eq!(judged.is_ok(), is_allowed, "{called}: {judged:?}");
        }
    }

    #[test]
    fn what_can_be_understood_in_several_ways_is_not_understood() {
        for headers in [
            &[][..],
            &[("host", "127.0.0.1"), ("host", "127.0.0.1")],
            &[("host", "")],
            &[("host", "admin@127.0.0.1")],
            &[("host", "127.0.0.1/x")],
            &[("host", "127.0.0.1, evil.example")],
            &[("host", "127.0.0.1"), ("transfer-encoding", "gzip, chunked")],
            &[
                ("host", "127.0.0.1"),
                ("transfer-encoding", "identity"),
                ("transfer-encoding", "chunked"),
            ],
        ] {
            let judged = judge(&names(), own("127.0.0.1"), &request(Method::GET, headers));
            assert!(
                matches!(judged, Err(Refusal::Ambiguous(_))),
                "{headers:?}: {judged:?}"
            );
        }
        let mut absolute = request(Method::GET, &[("host", "127.0.0.1:8080")]);
        *absolute.uri_mut() = "http://127.0.0.1:8080/v1/images".parse().unwrap();
        assert_eq!(judge(&names(), own("127.0.0.1"), &absolute), Ok(()));
        *absolute.uri_mut() = "http://localhost:8080/v1/images".parse().unwrap();
        let judged = judge(&names(), own("127.0.0.1"), &absolute);
        assert!(matches!(judged, Err(Refusal::Ambiguous(_))), "{judged:?}");
    }

    #[test]
    fn only_programs_before_http_1_1_may_leave_out_the_host() {
        let mut old = request(Method::POST, &[]);
        *old.version_mut() = Version::HTTP_10;
        assert_eq!(judge(&names(), own("127.0.0.1"), &old), Ok(()));
    }

    #[test]
    fn changes_come_from_programs_and_from_own_pages_only() {
        let cases = [
            ("127.0.0.1:8080", &[][..], true),
            ("127.0.0.1:8080", &[("origin", "http://127.0.0.1:8080")], true),
            ("127.0.0.1:8080", &[("origin", "http://127.0.0.1:3000")], false),
            ("127.0.0.1:8080", &[("origin", "http://localhost:8080")], false),
            ("127.0.0.1:8080", &[("origin", "http://evil.example:8080")], false),
            ("127.0.0.1:8080", &[("origin", "null")], false),
            ("127.0.0.1:8080", &[("origin", "")], false),
            ("sd.example.org", &[("origin", "https://sd.example.org")], true),
            (
                "sd.example.org:443",
                &[("origin", "https://sd.example.org")],
                true,
            ),
            (
                "sd.example.org",
                &[("origin", "https://sd.example.org:8443")],
                false,
            ),
            ("localhost:8080", &[("sec-fetch-site", "none")], true),
            ("localhost:8080", &[("sec-fetch-site", "same-origin")], true),
            ("localhost:8080", &[("sec-fetch-site", "same-site")], false),
            ("localhost:8080", &[("sec-fetch-site", "cross-site")], false),
            (
                "localhost:8080",
                &[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")],
                false,
            ),
        ];
        for (called, more, is_allowed) in cases {
            let headers = [&[("host", called)], more].concat();
            for method in [Method::POST, Method::PATCH, Method::DELETE, Method::PUT] {
                let judged = judge(&names(), own("127.0.0.1"), &request(method.clone(), &headers));
                assert_eq!(judged.is_ok(), is_allowed, "{method} {headers:?}: {judged:?}");
            }
            let read = judge(&names(), own("127.0.0.1"), &request(Method::GET, &headers));
            assert_eq!(read, Ok(()), "{headers:?}");
        }
    }
}
