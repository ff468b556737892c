//! Published bundles: immutable, compiled once, kept in memory. Must not compile anything that is already compiled.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::machine::trade::BundleRef;
use crate::machine::{Bundle, Name, Time};
use crate::store::StoreError;

/// A published bundle as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub reference: BundleRef,
    pub title: String,
    pub at: Time,
    pub by: Name,
}

/// Why a bundle was not published. The running set is untouched.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// This version exists with other content: versions are immutable.
    #[error("version {} of {} is published with other content", .0.version, .0.name)]
    Taken(BundleRef),
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}

/// The published bundles. Cheap to clone.
#[derive(Clone)]
pub struct Library {
    bundles: Arc<std::sync::RwLock<BTreeMap<BundleRef, Arc<Bundle>>>>,
}

impl Library {
    pub(super) fn new() -> Self {
        Self {
            bundles: Arc::default(),
        }
    }

    /// The bundle a trade is pinned to.
    #[must_use]
    pub fn by_reference(&self, reference: &BundleRef) -> Option<Arc<Bundle>> {
        let bundles = self.bundles.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        bundles.get(reference).cloned()
    }
}
