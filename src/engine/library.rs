//! Published bundles: immutable, compiled once, kept in memory. Must not compile anything that is already compiled.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::EngineError;
use super::queue::Queue;
use crate::clock::Clock;
use crate::machine::definition::{self, diagnostic::Diagnostic};
use crate::machine::trade::BundleRef;
use crate::machine::{Bundle, Name, Time};
use crate::store::connection::ReadPool;
use crate::store::definition_rows::{
    DefinitionHead, DefinitionRow, definition_files, definition_get, definition_insert, definitions_all,
};
use crate::store::{Connection, StoreError};

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
    #[error("the definitions have {} faults", .0.len())]
    Invalid(Vec<Diagnostic>),
    /// This version exists with other content: versions are immutable.
    #[error("version {} of {} is published with other content", .0.version, .0.name)]
    Taken(BundleRef),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// The published bundles. Cheap to clone.
#[derive(Clone)]
pub struct Library {
    inner: Arc<Inner>,
}

struct Inner {
    memory: RwLock<Memory>,
    readers: ReadPool,
    queue: Queue,
    clock: Clock,
}

#[derive(Default)]
struct Memory {
    bundles: BTreeMap<BundleRef, Arc<Bundle>>,
    /// What is published, in the order of publishing; the last of a name is its newest.
    published: Vec<Published>,
}

impl Library {
    pub(super) fn new(readers: ReadPool, queue: Queue, clock: Clock) -> Self {
        Self {
            inner: Arc::new(Inner {
                memory: RwLock::default(),
                readers,
                queue,
                clock,
            }),
        }
    }

    /// The newest published version of a bundle. Reads the store the first time, then memory.
    ///
    /// # Errors
    /// `UnknownBundle`, or a failing store.
    pub fn latest(&self, name: &str) -> Result<Arc<Bundle>, EngineError> {
        let reference = self
            .newest_reference(name)
            .ok_or_else(|| EngineError::UnknownBundle(name.to_owned()))?;
        self.by_reference(&reference)
    }

    /// The bundle a trade is pinned to. Reads the store the first time, then memory.
    ///
    /// # Errors
    /// `UnknownBundle`, or a failing store.
    pub fn by_reference(&self, reference: &BundleRef) -> Result<Arc<Bundle>, EngineError> {
        if let Some(bundle) = self.remembered(reference) {
            return Ok(bundle);
        }
        let conn = self.inner.readers.get();
        let mut conn = conn.map_err(|error| StoreError::Open(error.to_string()))?;
        self.pinned(&mut conn, reference)
    }

    /// Everything that is published, in the order of publishing.
    #[must_use]
    pub fn published(&self) -> Vec<Published> {
        let memory = self.inner.memory.read().unwrap_or_else(PoisonError::into_inner);
        memory.published.clone()
    }

    /// Compiles and publishes a bundle; publishing the same content again changes nothing.
    ///
    /// # Errors
    /// All faults of the definitions at once, a version that is taken, or a failing store.
    pub async fn publish(&self, files: BTreeMap<String, String>, actor: &str) -> Result<BundleRef, PublishError> {
        let compiled = tokio::task::spawn_blocking(move || definition::compile(&files)).await;
        let compiled = compiled.map_err(|error| EngineError::Panicked(error.to_string()))?;
        let bundle = Arc::new(compiled.map_err(PublishError::Invalid)?);
        let reference = bundle.reference.clone();
        let row = DefinitionRow {
            name: reference.name.to_string(),
            version: reference.version.to_string(),
            sha256: reference.sha256.to_string(),
            title: bundle.title.clone(),
            files: serde_json::to_string(&bundle.files).map_err(|error| EngineError::from(StoreError::from(error)))?,
            published_at: self.inner.clock.now().0,
            published_by: actor.to_owned(),
        };
        let write = |row: DefinitionRow| {
            let queue = &self.inner.queue;
            queue.write("definition", move |conn| definition_publish(conn, &row))
        };
        let stored = match write(row.clone()).await {
            // Another process published this version in the same moment: what it stored is read now.
            Err(EngineError::Store(StoreError::Duplicate(_))) => write(row).await?,
            stored => stored?,
        };
        if stored != *reference.sha256 {
            return Err(PublishError::Taken(reference));
        }
        let all = self.inner.queue.write("definitions", definitions_all).await?;
        let mut memory = self.inner.memory.write().unwrap_or_else(PoisonError::into_inner);
        memory.published = all.into_iter().map(Published::from).collect();
        memory.bundles.insert(reference.clone(), bundle);
        Ok(reference)
    }

    /// Takes notice of what other processes published.
    pub(super) fn refresh(&self, conn: &mut Connection) -> Result<(), StoreError> {
        let all = definitions_all(conn)?;
        let mut memory = self.inner.memory.write().unwrap_or_else(PoisonError::into_inner);
        memory.published = all.into_iter().map(Published::from).collect();
        Ok(())
    }

    pub(super) fn newest(&self, conn: &mut Connection, name: &str) -> Result<Arc<Bundle>, EngineError> {
        let mut reference = self.newest_reference(name);
        if reference.is_none() {
            self.refresh(conn)?;
            reference = self.newest_reference(name);
        }
        let reference = reference.ok_or_else(|| EngineError::UnknownBundle(name.to_owned()))?;
        self.pinned(conn, &reference)
    }

    pub(super) fn pinned(&self, conn: &mut Connection, reference: &BundleRef) -> Result<Arc<Bundle>, EngineError> {
        if let Some(bundle) = self.remembered(reference) {
            return Ok(bundle);
        }
        let unknown = || EngineError::UnknownBundle(format!("{} {}", reference.name, reference.version));
        let bundle = Arc::new(read_bundle(conn, reference)?.ok_or_else(unknown)?);
        let mut memory = self.inner.memory.write().unwrap_or_else(PoisonError::into_inner);
        memory.bundles.insert(reference.clone(), Arc::clone(&bundle));
        Ok(bundle)
    }

    fn remembered(&self, reference: &BundleRef) -> Option<Arc<Bundle>> {
        let memory = self.inner.memory.read().unwrap_or_else(PoisonError::into_inner);
        memory.bundles.get(reference).cloned()
    }

    fn newest_reference(&self, name: &str) -> Option<BundleRef> {
        let memory = self.inner.memory.read().unwrap_or_else(PoisonError::into_inner);
        let newest = memory.published.iter().rfind(|one| &*one.reference.name == name);
        newest.map(|one| one.reference.clone())
    }
}

/// A published bundle from the store, compiled; `None` where this very content is not published.
///
/// # Errors
/// A failing store; `Corrupt` where what was published does not compile any more.
pub(super) fn read_bundle(conn: &mut Connection, reference: &BundleRef) -> Result<Option<Bundle>, StoreError> {
    let row = definition_get(conn, &reference.name, &reference.version)?;
    let Some(row) = row.filter(|row| row.sha256 == *reference.sha256) else {
        return Ok(None);
    };
    let compiled = definition::compile(&definition_files(&row)?).map_err(|faults| {
        let first = faults.first().map(ToString::to_string).unwrap_or_default();
        StoreError::Corrupt(format!("a published bundle does not compile any more: {first}"))
    });
    compiled.map(Some)
}

/// Inserts the row unless the version exists, and returns the digest that now stands there.
fn definition_publish(conn: &mut Connection, row: &DefinitionRow) -> Result<String, StoreError> {
    if let Some(known) = definition_get(conn, &row.name, &row.version)? {
        return Ok(known.sha256);
    }
    definition_insert(conn, row)?;
    Ok(row.sha256.clone())
}

impl From<DefinitionHead> for Published {
    fn from(head: DefinitionHead) -> Self {
        Self {
            reference: BundleRef {
                name: head.name.into(),
                version: head.version.into(),
                sha256: head.sha256.into(),
            },
            title: head.title,
            at: Time(head.published_at),
            by: head.published_by.into(),
        }
    }
}
