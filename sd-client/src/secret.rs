//! What proves who calls. None of it shows up in a `Debug` output.

use std::fmt;

use reqwest::RequestBuilder;

/// Who calls.
pub(crate) enum Identity {
    /// A user of the daemon.
    User { name: String, password: String },
    /// A container, where its address does not tell which one it is.
    Container { token: String },
}

impl Identity {
    /// The request, saying who sends it.
    pub(crate) fn sign(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::User { name, password } => request.basic_auth(name, Some(password)),
            Self::Container { token } => request.bearer_auth(token),
        }
    }

    /// The name of the user, when it is one.
    pub(crate) fn user(&self) -> Option<&str> {
        match self {
            Self::User { name, .. } => Some(name),
            Self::Container { .. } => None,
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { name, .. } => formatter
                .debug_struct("User")
                .field("name", name)
                .finish_non_exhaustive(),
            Self::Container { .. } => formatter.write_str("Container"),
        }
    }
}
