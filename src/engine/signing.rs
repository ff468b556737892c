//! Who signs for the platform in this process, and the newest checkpoint it knows of each open record.
//! Must not decide when a checkpoint is due.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::machine::Time;
use crate::machine::trade::InstanceId;
use crate::record::{Checkpoint, Head, PlatformSigner, Reach};

/// What a process knows of signatures over records.
#[derive(Debug)]
pub(super) struct Signing {
    signer: Option<Arc<dyn PlatformSigner>>,
    latest: Mutex<BTreeMap<InstanceId, Arc<Checkpoint>>>,
}

impl Signing {
    pub fn new(signer: Option<Arc<dyn PlatformSigner>>) -> Self {
        Self {
            signer,
            latest: Mutex::default(),
        }
    }

    pub fn signer(&self) -> Option<&Arc<dyn PlatformSigner>> {
        self.signer.as_ref()
    }

    /// The newest checkpoint of a record that this process knows.
    pub fn latest(&self, instance: &str) -> Option<Arc<Checkpoint>> {
        self.lock().get(instance).map(Arc::clone)
    }

    /// A checkpoint is durable.
    pub fn learn(&self, checkpoint: Checkpoint) {
        let mut latest = self.lock();
        match checkpoint.reach {
            // Nothing will be receipted any more.
            Reach::Whole => {
                latest.remove(&checkpoint.instance);
            }
            Reach::SoFar => {
                let known = latest.get(&checkpoint.instance);
                if known.is_none_or(|known| known.size < checkpoint.size) {
                    latest.insert(Arc::clone(&checkpoint.instance), Arc::new(checkpoint));
                }
            }
        }
    }

    /// The checkpoint over a whole record, where it can be signed within the commit; else the checkpoint loop makes it up.
    pub fn whole(&self, instance: &InstanceId, head: &Head, now: Time) -> Option<Checkpoint> {
        let signer = self.signer.as_deref().filter(|signer| signer.is_at_hand())?;
        match Checkpoint::sign(signer, instance, head, (now, Reach::Whole)) {
            Ok(checkpoint) => Some(checkpoint),
            Err(error) => {
                tracing::error!(instance.id = %instance, %error, "a record was closed without its checkpoint");
                None
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<InstanceId, Arc<Checkpoint>>> {
        // Every change above is a single map operation, so a panic elsewhere leaves nothing half done.
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
