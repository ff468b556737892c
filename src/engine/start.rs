//! Starts an engine and stops it. Must not hold what runs in between.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use diesel::r2d2;

use super::api::Inner;
use super::hub::Hub;
use super::queue::Queue;
use super::{Engine, EngineError, Library, writer};
use crate::clock::Clock;
use crate::store::connection::{Readers, Target, Use};
use crate::store::{StoreError, migrations};

/// What an engine needs to know.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// `sqlite:path`, a bare path, or `postgres://…`.
    pub database_url: String,
    /// Commands that may wait before further ones are refused as overload.
    pub queue: usize,
    /// Most commands committed together: bounds how long the first of a batch waits for the last.
    pub batch: usize,
    /// Connections for reading.
    pub readers: u32,
    /// Writers on PostgreSQL; SQLite has one.
    pub writers: usize,
    /// Trades kept in memory by each writer.
    pub cached_trades: usize,
}

impl EngineConfig {
    /// The defaults for a database.
    #[must_use]
    pub fn new(database_url: impl Into<String>) -> Self {
        Self {
            database_url: database_url.into(),
            queue: 4_096,
            batch: 256,
            readers: 4,
            writers: 2,
            cached_trades: 2_000,
        }
    }
}

/// Owns the engine's threads and, on SQLite, the lock on its file. Dropping it stops the engine.
pub struct Handle {
    threads: Vec<JoinHandle<()>>,
    /// Held for as long as the process serves.
    _lock: Option<File>,
}

impl Handle {
    /// Waits until all that was accepted is decided and the writers have ended. Drop every `Engine` first.
    pub fn join(self) {
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a writer ended by a panic");
            }
        }
    }
}

impl Engine {
    /// Opens the database, brings it to this version's schema, and starts the writers and the timer loop.
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// A database that cannot be opened, is served by another process (SQLite), or cannot be migrated.
    pub fn start(config: &EngineConfig, clock: Clock) -> Result<(Self, Handle), EngineError> {
        let target = Target::parse(&config.database_url)?;
        let lock = target.file().map(lock_file).transpose()?;
        let mut conn = target.open(Use::Write)?;
        migrations::migrate(&mut conn)?;
        let readers = r2d2::Pool::builder()
            .max_size(config.readers)
            .min_idle(Some(1))
            .build(Readers(target))
            .map_err(|error| StoreError::Open(error.to_string()))?;
        let (queue, jobs) = Queue::bounded(config.queue);
        let inner = Arc::new(Inner {
            clock,
            queues: vec![queue],
            readers,
            hub: Hub::new(),
            library: Library::new(),
            calendars: std::sync::RwLock::default(),
        });
        let batch = config.batch;
        let thread = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || writer::run(conn, &jobs, batch))
            .map_err(|error| StoreError::Open(error.to_string()))?;
        let handle = Handle {
            threads: vec![thread],
            _lock: lock,
        };
        Ok((Self { inner }, handle))
    }
}

/// Takes the lock beside the database file, so that only one process serves it.
fn lock_file(database: &Path) -> Result<File, StoreError> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let failed = |error: std::io::Error| StoreError::Open(format!("lock file {}: {error}", path.display()));
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::Open(format!(
            "another process serves {}; stop it, or go through its API",
            database.display()
        ))),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}
