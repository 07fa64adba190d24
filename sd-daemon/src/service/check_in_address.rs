//! The address at which new containers check in.
//!
//! The check-in listener sets it; a create waits a few seconds for it, because just after the daemon's
//! start the listener may not be bound yet.

use std::time::Duration;

use tokio::sync::watch;

/// How long a create waits for a pending address.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(5);

/// Where containers check in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckInAddress {
    /// The listener is not bound yet.
    Pending,
    /// At this URL.
    Available(String),
    /// There is no listener, or its address is not usable inside a container.
    Unavailable,
}

/// The present check-in address. It is unavailable until it is set.
pub(crate) struct CheckInAddressWatch {
    address: watch::Sender<CheckInAddress>,
}

impl Default for CheckInAddressWatch {
    fn default() -> Self {
        Self {
            address: watch::Sender::new(CheckInAddress::Unavailable),
        }
    }
}

impl CheckInAddressWatch {
    /// Sets the address.
    pub(crate) fn set(&self, address: CheckInAddress) {
        self.address.send_replace(address);
    }

    /// Makes a pending address unavailable, so that creates do not wait for it. A known address stays.
    pub(crate) fn give_up(&self) {
        self.address.send_if_modified(|address| {
            let is_pending = *address == CheckInAddress::Pending;
            if is_pending {
                *address = CheckInAddress::Unavailable;
            }
            is_pending
        });
    }

    /// The URL for a new container. Waits for a pending address. Returns `None` if it is still pending after
    /// [`ADDRESS_TIMEOUT`], or unavailable.
    pub(super) async fn url(&self) -> Option<String> {
        let mut addresses = self.address.subscribe();
        let known = addresses.wait_for(|address| *address != CheckInAddress::Pending);
        let address = tokio::time::timeout(ADDRESS_TIMEOUT, known).await.ok()?.ok()?;
        match &*address {
            CheckInAddress::Available(url) => Some(url.clone()),
            CheckInAddress::Pending | CheckInAddress::Unavailable => None,
        }
    }
}
