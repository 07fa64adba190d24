//! Host and origin checks, which protect against web pages in a browser.
//!
//! A web page can make a browser send requests to any address. With a domain that resolves to this machine (DNS
//! rebinding) it could read the responses as well. It cannot choose the headers `Host`, `Origin` and `Sec-Fetch-Site`.
//! Other programs can send any header; the credentials protect against them.

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

/// The hosts that requests to a listener may name, besides `localhost` and the listener's own address.
#[derive(Clone, Debug)]
pub(in crate::http) struct AllowedHosts {
    listener: Listener,
    allowed: Arc<[Host]>,
}

#[derive(Clone, Copy, Debug)]
enum Listener {
    Api,
    /// Accepts any IP address: containers may use one that this machine does not have. DNS rebinding needs a domain.
    CheckIn,
}

impl AllowedHosts {
    pub(in crate::http) fn for_api(allowed: &[Host]) -> Self {
        Self {
            listener: Listener::Api,
            allowed: allowed.into(),
        }
    }

    pub(in crate::http) fn for_check_in(allowed: &[Host]) -> Self {
        Self {
            listener: Listener::CheckIn,
            allowed: allowed.into(),
        }
    }

    fn contain(&self, host: &Host, local: IpAddr) -> bool {
        let address = match host {
            Host::Domain(name) if name == "localhost" => return true,
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(*address)),
            Host::Ipv6(address) => Some(IpAddr::V6(*address).to_canonical()),
        };
        let is_local = address.is_some_and(|address| match self.listener {
            Listener::Api => address == local || (address.is_loopback() && local.is_loopback()),
            Listener::CheckIn => true,
        });
        is_local || self.allowed.contains(host)
    }
}

/// Passes a request on if its host is allowed and, for unsafe methods, it does not come from a page of another site.
pub(in crate::http) async fn check_host_and_origin(
    State(hosts): State<AllowedHosts>,
    Extension(local): Extension<LocalAddr>,
    request: Request,
    next: Next,
) -> Response {
    match check(&hosts, local.address(), &request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// The reason why a request is rejected.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    /// A proxy may have parsed the request differently.
    Ambiguous(&'static str),
    /// The host is not allowed.
    Host(String),
    /// The request comes from a page of this origin.
    Origin(String),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Ambiguous(reason) => {
                let mut response = Problem::malformed(reason).into_response();
                // The bytes that follow may be part of this request.
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
                response
            }
            Self::Host(host) => Problem::forbidden(format!(
                "host {host:?} is not allowed: use the daemon's address, or add the host to allowed_hosts"
            ))
            .into_response(),
            Self::Origin(origin) => Problem::forbidden(format!(
                "cross-origin request from {origin} rejected: only pages of this daemon may send changes"
            ))
            .into_response(),
        }
    }
}

fn check(hosts: &AllowedHosts, local: IpAddr, request: &Request) -> Result<(), Refusal> {
    let authority = requested_authority(request)?;
    reject_unusual_framing(request.headers())?;
    if let Some(authority) = &authority {
        let host = host(authority).ok_or(INVALID_HOST)?;
        if !hosts.contain(&host, local) {
            return Err(Refusal::Host(host.to_string()));
        }
    }
    if request.method().is_safe() {
        return Ok(());
    }
    let headers = request.headers();
    if let Some(origin) = headers.get(ORIGIN) {
        let is_same = authority.is_some_and(|authority| is_same_origin(origin, &authority));
        if !is_same || headers.get_all(ORIGIN).iter().count() > 1 {
            return Err(Refusal::Origin(String::from_utf8_lossy(origin.as_bytes()).into()));
        }
    }
    let sites = headers.get_all(SEC_FETCH_SITE);
    if sites.iter().all(|site| site == "none" || site == "same-origin") {
        Ok(())
    } else {
        Err(Refusal::Origin("another site".to_owned()))
    }
}

/// The requested host and port. Only HTTP/1.0 clients may omit them.
fn requested_authority(request: &Request) -> Result<Option<Authority>, Refusal> {
    let header = host_header(request.headers())?;
    let target = request.uri().authority();
    match (header, target) {
        (Some(header), Some(target)) if header != *target => Err(Refusal::Ambiguous(
            "the Host header and the request target name different hosts",
        )),
        (None, _) if request.version() > Version::HTTP_10 => {
            Err(Refusal::Ambiguous("the Host header is missing"))
        }
        (header, target) => Ok(header.or_else(|| target.cloned())),
    }
}

/// Rejects transfer encodings that proxies may interpret differently. hyper rejects most of them, but accepts any
/// list that ends in `chunked`.
fn reject_unusual_framing(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => Ok(()),
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        (Some(_), _) => Err(Refusal::Ambiguous(
            "the only supported Transfer-Encoding is chunked",
        )),
    }
}

fn host_header(headers: &HeaderMap) -> Result<Option<Authority>, Refusal> {
    let mut all = headers.get_all(HOST).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(host), None) => Authority::try_from(host.as_bytes())
            .map(Some)
            .map_err(|_| INVALID_HOST),
        (Some(_), Some(_)) => Err(Refusal::Ambiguous("the Host header is repeated")),
    }
}

const INVALID_HOST: Refusal = Refusal::Ambiguous("the Host header is not a host name or an IP address");

fn host(authority: &Authority) -> Option<Host> {
    if authority.as_str().contains('@') {
        return None;
    }
    Host::parse(authority.host()).ok()
}

/// Whether a page of this origin was loaded from the host and port that it sends the request to.
fn is_same_origin(origin: &HeaderValue, requested: &Authority) -> bool {
    let Some(origin) = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok()) else {
        return false;
    };
    let is_same_port = match requested.port_u16() {
        Some(port) => origin.port_or_known_default() == Some(port),
        None => origin.port().is_none(),
    };
    is_same_port && origin.host().map(|host| host.to_owned()) == host(requested)
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

    fn hosts() -> AllowedHosts {
        AllowedHosts::for_api(&[Host::parse("sd.example.org").unwrap()])
    }

    fn local(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn api_accepts_its_address_localhost_and_allowed_hosts() {
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
        for (address, host, is_allowed) in cases {
            let checked = check(&hosts(), local(address), &request(Method::GET, &[("host", host)]));
            assert_eq!(checked.is_ok(), is_allowed, "{host} at {address}: {checked:?}");
        }
    }

    #[test]
    fn check_in_accepts_any_address_but_not_any_domain() {
        let hosts = AllowedHosts::for_check_in(&[]);
        for (host, is_allowed) in [
            ("172.17.0.1", true),
            ("192.0.2.7:10080", true),
            ("[fd00::1]", true),
            ("localhost", true),
            ("rebound.evil.example", false),
        ] {
            let checked = check(
                &hosts,
                local("172.17.0.1"),
                &request(Method::POST, &[("host", host)]),
            );
            assert_eq!(checked.is_ok(), is_allowed, "{host}: {checked:?}");
        }
    }

    #[test]
    fn rejects_ambiguous_requests() {
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
            let checked = check(&hosts(), local("127.0.0.1"), &request(Method::GET, headers));
            assert!(
                matches!(checked, Err(Refusal::Ambiguous(_))),
                "{headers:?}: {checked:?}"
            );
        }
        let mut absolute = request(Method::GET, &[("host", "127.0.0.1:8080")]);
        *absolute.uri_mut() = "http://127.0.0.1:8080/v1/images".parse().unwrap();
        assert_eq!(check(&hosts(), local("127.0.0.1"), &absolute), Ok(()));
        *absolute.uri_mut() = "http://localhost:8080/v1/images".parse().unwrap();
        let checked = check(&hosts(), local("127.0.0.1"), &absolute);
        assert!(matches!(checked, Err(Refusal::Ambiguous(_))), "{checked:?}");
    }

    #[test]
    fn only_http_1_0_may_omit_the_host() {
        let mut old = request(Method::POST, &[]);
        *old.version_mut() = Version::HTTP_10;
        assert_eq!(check(&hosts(), local("127.0.0.1"), &old), Ok(()));
    }

    #[test]
    fn unsafe_methods_require_the_same_origin() {
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
        for (host, more, is_allowed) in cases {
            let headers = [&[("host", host)], more].concat();
            for method in [Method::POST, Method::PATCH, Method::DELETE, Method::PUT] {
                let checked = check(&hosts(), local("127.0.0.1"), &request(method.clone(), &headers));
                assert_eq!(checked.is_ok(), is_allowed, "{method} {headers:?}: {checked:?}");
            }
            let read = check(&hosts(), local("127.0.0.1"), &request(Method::GET, &headers));
            assert_eq!(read, Ok(()), "{headers:?}");
        }
    }
}
