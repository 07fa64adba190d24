//! Credentials of requests. `Debug` does not show them.

use reqwest::RequestBuilder;
use secrecy::{ExposeSecret, SecretString};

/// The sender of a request, with the secret that proves it.
#[derive(Debug)]
pub(crate) enum Identity {
    /// A user of the daemon.
    User { name: String, password: SecretString },
    /// A container, identified by its token instead of its address.
    Container { token: SecretString },
}

impl Identity {
    /// Adds the credentials to a request.
    pub(crate) fn sign(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::User { name, password } => request.basic_auth(name, Some(password.expose_secret())),
            Self::Container { token } => request.bearer_auth(token.expose_secret()),
        }
    }

    /// The name of the user. Returns `None` for a container.
    pub(crate) fn user(&self) -> Option<&str> {
        match self {
            Self::User { name, .. } => Some(name),
            Self::Container { .. } => None,
        }
    }
}
