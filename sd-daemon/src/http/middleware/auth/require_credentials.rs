//! Passes requests with valid credentials on, and rejects others.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::SecretString;

use super::super::client_address::TrustedProxies;
use super::credentials::{Credentials, Refusal};
use crate::domain::{Caller, Means};
use crate::http::problem::Problem;
use crate::server::{Connection, Peer};

/// Passes a request on if it carries the credentials.
pub(in crate::http) async fn require_credentials(
    State((credentials, proxies)): State<(Credentials, TrustedProxies)>,
    Extension(peer): Extension<Peer>,
    Extension(connection): Extension<Arc<Connection>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    // A request without credentials is not counted as a failed login.
    let (user, password) = basic_credentials(request.headers()).ok_or_else(Problem::unauthorized)?;
    let address = proxies.client(peer.address(), request.headers());
    match credentials.verify(address, user, password).await {
        Ok(user) => {
            connection.authenticated();
            request.extensions_mut().insert(Caller {
                user: Some(user),
                address: Some(address),
                means: Means::Api,
            });
            Ok(next.run(request).await)
        }
        Err(Refusal::WrongCredentials) => Err(Problem::unauthorized()),
        Err(Refusal::TooManyFailures(retry_after)) => Err(Problem::rate_limited(
            "too many failed logins from this address",
            retry_after,
        )),
        Err(Refusal::PoolFull) => Err(Problem::rate_limited(
            "too many logins are being verified",
            Credentials::POOL_RETRY_AFTER,
        )),
    }
}

/// The user and password of an `Authorization` header. Returns `None` if there is no header or it is not basic
/// authentication.
pub(in crate::http) fn basic_credentials(headers: &HeaderMap) -> Option<(String, SecretString)> {
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded: SecretString = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?)
        .ok()?
        .into();
    let (user, password) = secrecy::ExposeSecret::expose_secret(&decoded).split_once(':')?;
    Some((user.to_owned(), password.into()))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn password_may_contain_a_colon() {
        let value = format!("basic {}", BASE64_STANDARD.encode("a:b:c"));
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
        let (user, password) = basic_credentials(&headers).unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("a", "b:c"));
    }
}
