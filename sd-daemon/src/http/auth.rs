//! HTTP basic authentication.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use subtle::{Choice, ConstantTimeEq};

use super::problem::Problem;
use super::serve::Guest;

/// Who may use the API.
#[derive(Clone)]
pub struct Credentials {
    user: String,
    password: String,
}

impl Credentials {
    /// A user and a password.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            password: password.into(),
        }
    }

    /// Compares without telling by the time it takes how much was right.
    fn are(&self, user: &str, password: &str) -> bool {
        let user_is_right: Choice = self.user.as_bytes().ct_eq(user.as_bytes());
        let password_is_right: Choice = self.password.as_bytes().ct_eq(password.as_bytes());
        (user_is_right & password_is_right).into()
    }
}

/// Lets a request pass that carries the credentials.
pub(super) async fn require(
    State(credentials): State<Credentials>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    match presented(request.headers()) {
        Some((user, password)) if credentials.are(&user, &password) => {
            if let Some(guest) = request.extensions().get::<Arc<Guest>>() {
                guest.is_known();
            }
            Ok(next.run(request).await)
        }
        Some(_) | None => Err(Problem::unauthorized()),
    }
}

pub(super) fn presented(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_user_with_the_right_password_passes() {
        let credentials = Credentials::new("admin", "secret");
        assert!(credentials.are("admin", "secret"));
        for (user, password) in [
            ("admin", ""),
            ("admin", "secret2"),
            ("", "secret"),
            ("root", "secret"),
            ("", ""),
        ] {
            assert!(!credentials.are(user, password), "{user}:{password}");
        }
    }

    #[test]
    fn a_password_may_contain_a_colon() {
        let mut headers = HeaderMap::new();
        headers.insert(
            AUTHORIZATION,
            format!("basic {}", BASE64_STANDARD.encode("a:b:c"))
                .parse()
                .unwrap(),
        );
        assert_eq!(presented(&headers), Some(("a".to_owned(), "b:c".to_owned())));
    }
}
