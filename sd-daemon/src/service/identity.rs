//! Which engine this is. Pointed at another one, or met by one that was made anew, the daemon would take every
//! container for removed.

use super::{Service, lock};
use crate::engine::EngineError;
use crate::registry::RegistryError;

/// What is known of the engine that answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum EngineIdentity {
    /// It was not asked yet.
    #[default]
    Unverified,
    /// The containers are on it, as far as there are any.
    Expected,
    /// The containers are on another one.
    Another(EngineError),
}

impl Service {
    /// Makes sure that the engine that answers is the one that the containers are on.
    pub(super) async fn recognise_engine(&self) -> Result<(), EngineError> {
        let found = self.inner.engine.identity().await?;
        let known = match self.inner.registry.engine_identity_or(found.clone()).await {
            Ok(known) => known,
            // Nobody can be recognised then, and nothing be done.
            Err(error @ (RegistryError::Full | RegistryError::Busy | RegistryError::Unavailable(_))) => {
                return Err(EngineError::Unrecognised(error.to_string()));
            }
        };
        // Some engines make up a new identity for each answer.
        let is_ours = known == found || self.inner.engine.identity().await? != found;
        let acquaintance = if is_ours {
            EngineIdentity::Expected
        } else {
            EngineIdentity::Another(EngineError::Another { known, found })
        };
        let before = std::mem::replace(&mut *lock(&self.inner.acquaintance), acquaintance.clone());
        match acquaintance {
            EngineIdentity::Another(error) => {
                if before != EngineIdentity::Another(error.clone()) {
                    tracing::error!("{error}");
                }
                Err(error)
            }
            EngineIdentity::Expected | EngineIdentity::Unverified => Ok(()),
        }
    }

    /// The same from what was learnt last, which is when the connection was made: an engine is not exchanged without
    /// breaking it. It is asked when that is not known, and when there is no container that says which it has to be:
    /// the one that the first is made on is then written down.
    pub(super) async fn is_our_engine(&self) -> Result<(), EngineError> {
        let snapshot = self.snapshot();
        let has_none = snapshot.records().next().is_none() && snapshot.creations().next().is_none();
        if !has_none && *lock(&self.inner.acquaintance) == EngineIdentity::Expected {
            return Ok(());
        }
        self.recognise_engine().await
    }

    /// Notes that the engine was away: whoever comes back may be another one.
    pub(super) fn forget_engine(&self) {
        let mut acquaintance = lock(&self.inner.acquaintance);
        if *acquaintance == EngineIdentity::Expected {
            *acquaintance = EngineIdentity::Unverified;
        }
    }

    /// Says it where the engine was last seen to be another one.
    pub(super) fn is_not_another_engine(&self) -> Result<(), EngineError> {
        match &*lock(&self.inner.acquaintance) {
            EngineIdentity::Another(error) => Err(error.clone()),
            EngineIdentity::Expected | EngineIdentity::Unverified => Ok(()),
        }
    }
}
