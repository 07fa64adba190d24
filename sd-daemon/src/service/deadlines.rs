//! Applies the deadline of a container: warns of its stop, stops it, or removes it.

use super::{Service, ServiceError};
use crate::domain::{ContainerId, Due, Input};

impl Service {
    /// Warns of the stop of a container, stops it or removes it, if it is still due for that in the run of
    /// this generation.
    ///
    /// The container is inspected and probed once more before: however long the probe interval is, a
    /// container in use is not stopped.
    pub(crate) async fn apply_deadline(
        &self,
        id: ContainerId,
        generation: u64,
        due: Due,
    ) -> Result<(), ServiceError> {
        let service = self.clone();
        self.containers
            .run(async move {
                let containers = &service.containers;
                let _lock = containers.lock(id).await?;
                if due != Due::Warning {
                    containers.refresh(id).await?;
                }
                if due != Due::Removal {
                    service.activity.probe_now(id).await;
                }
                let decided = containers.apply(id, Input::Due { due, generation }).await?;
                containers.run_effects(id, decided).await.map(drop)
            })
            .await
    }
}
