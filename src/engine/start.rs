//! Starts an engine and stops it. Must not hold what runs in between.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize};
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::Duration;

use diesel::r2d2;
use tokio::sync::watch;

use super::api::Inner;
use super::cache::Cache;
use super::common::{Alarm, Common};
use super::drain::Drain;
use super::hub::Hub;
use super::ingress::Ingress;
use super::outages::Outages;
use super::points::Points;
use super::queue::{Job, Queue};
use super::random::{self, Random};
use super::signing::Signing;
use super::watch::Watch;
use super::writer::Writer;
use super::{Engine, EngineError, Library, neighbours, pulse, sessions, timers};
use crate::clock::Clock;
use crate::record::PlatformSigner;
use crate::store::connection::{ReadPool, Readers, Target, Use};
use crate::store::{Connection, StoreError, calendar_rows, dialect, migrations};

/// What an engine needs to know.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// `sqlite:path`, a bare path, or `postgres://…`.
    pub database_url: String,
    /// Commands that may wait before further ones are refused as overload.
    pub queue: usize,
    /// Most commands committed together: bounds how long the first of a batch waits for the last.
    pub batch: usize,
    /// How long a writer rests after each commit: nothing, but where an overload is tried out.
    pub commit_pause: Duration,
    /// Connections for reading.
    pub readers: u32,
    /// Writers of a database that is shared; SQLite has one.
    pub writers: usize,
    /// Trades kept in memory, at least.
    pub cached_trades: usize,
    /// Signs records; without one they are chained, but nobody vouches for where they stand.
    pub signer: Option<Arc<dyn PlatformSigner>>,
    /// Where seeds and ids come from.
    pub random: Random,
    /// Where a test may end a writer.
    pub points: Points,
}

impl EngineConfig {
    /// The defaults for a database.
    #[must_use]
    pub fn new(database_url: impl Into<String>) -> Self {
        Self {
            database_url: database_url.into(),
            queue: 4_096,
            batch: 256,
            commit_pause: Duration::ZERO,
            readers: 4,
            writers: 2,
            cached_trades: 2_000,
            signer: None,
            random: Random::System,
            points: Points::default(),
        }
    }
}

/// How long a reader waits for a connection before it is told that the store is not there.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Owns the engine's threads and, on SQLite, the lock on its file. Dropping it stops the engine.
pub struct Handle {
    inner: Arc<Inner>,
    threads: Vec<JoinHandle<()>>,
    target: Target,
    /// Held for as long as the process serves.
    _lock: Option<File>,
}

impl Handle {
    /// Decides what was accepted, refuses what comes after, and waits for the writers to end.
    pub fn join(self) {
        drop(self);
    }

    fn start_writer(
        &mut self,
        config: &EngineConfig,
        number: usize,
        conn: Connection,
        jobs: Receiver<Job>,
    ) -> Result<(), EngineError> {
        let writer = Writer {
            number,
            common: Arc::clone(&self.inner.common),
            conn,
            target: self.target.clone(),
            limit: config.batch,
            pause: config.commit_pause,
            shared: None,
            drain: Drain::default(),
            held_back: Vec::new(),
            later: Vec::new(),
        };
        self.start_thread(&format!("writer-{number}"), move || writer.run(&jobs))
    }

    /// Starts what looks at the clock, and what listens to other processes where there may be some.
    fn start_watching(&mut self) -> Result<(), EngineError> {
        let common = Arc::clone(&self.inner.common);
        if !common.clock.is_virtual() {
            let watched = Arc::downgrade(&common);
            let watch = std::thread::Builder::new().name("watch".into());
            // Nobody waits for its end: it has nothing in hand.
            watch
                .spawn(move || pulse::watch(&watched))
                .map_err(EngineError::Thread)?;
        }
        if self.target.is_shared() {
            let (target, stop) = (self.target.clone(), self.inner.stop.subscribe());
            self.start_thread("neighbours", move || neighbours::run(&common, &target, &stop))?;
        }
        Ok(())
    }

    /// Starts a thread whose end is waited for.
    fn start_thread(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), EngineError> {
        let thread = std::thread::Builder::new().name(name.to_owned());
        self.threads.push(thread.spawn(run).map_err(EngineError::Thread)?);
        Ok(())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.inner.stop.send_replace(true);
        self.inner.queues.iter().for_each(Queue::stop);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a writer ended by a panic");
                // It ended with something in hand, so there is no leave to take.
                return;
            }
        }
        let leave = |mut conn| pulse::take_leave(&self.inner.common, &mut conn);
        if let Err(error) = self.target.open(Use::Write).and_then(leave) {
            tracing::warn!(%error, "this process ends without taking leave");
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
        let readers = read_pool(&target, config.readers)?;
        let writers = if target.is_shared() { config.writers.max(1) } else { 1 };
        let (queues, jobs): (Vec<_>, Vec<_>) = (0..writers).map(|_| Queue::bounded(config.queue)).unzip();
        let first = queues.first().cloned().ok_or(EngineError::Stopping)?;
        let common = Arc::new(common(config, &mut conn, clock, readers.clone(), (first, writers))?);
        sessions::announce(&common, &mut conn)?;
        let inner = Arc::new(Inner {
            common,
            is_shared: target.is_shared(),
            queues,
            next_writer: AtomicUsize::new(0),
            readers,
            reads: AtomicU64::new(0),
            stop: watch::Sender::new(false),
        });
        let mut conns = vec![conn];
        while conns.len() < writers {
            conns.push(target.open(Use::Write)?);
        }
        let mut handle = Handle {
            inner: Arc::clone(&inner),
            threads: Vec::new(),
            target,
            _lock: lock,
        };
        for (number, (conn, jobs)) in conns.into_iter().zip(jobs).enumerate() {
            handle.start_writer(config, number, conn, jobs)?;
        }
        handle.start_watching()?;
        let engine = Self { inner };
        tokio::spawn(timers::run(engine.clone()));
        tokio::spawn(pulse::run(engine.clone()));
        Ok((engine, handle))
    }
}

fn read_pool(target: &Target, readers: u32) -> Result<ReadPool, StoreError> {
    r2d2::Pool::builder()
        .max_size(readers.max(1))
        .min_idle(Some(1))
        .connection_timeout(READ_TIMEOUT)
        .build(Readers(target.clone()))
        .map_err(|error| StoreError::Open(error.to_string()))
}

fn common(
    config: &EngineConfig,
    conn: &mut Connection,
    clock: Clock,
    readers: ReadPool,
    (queue, writers): (Queue, usize),
) -> Result<Common, EngineError> {
    let library = Library::new(readers, queue, clock.clone());
    library.refresh(conn)?;
    let ahead = match dialect::database_time(conn)? {
        Some(time) if !clock.is_virtual() => time.millis_since(clock.now()),
        _ => 0,
    };
    let now = clock.now().plus_millis(ahead);
    let common = Common {
        process: random::fresh()?,
        told: AtomicI64::new(now.0),
        watch: Watch::new(writers, now),
        points: config.points.clone(),
        ingress: Ingress::default(),
        accompanied: AtomicBool::new(false),
        ahead: AtomicI64::new(ahead),
        cache: Cache::new(config.cached_trades),
        hub: Hub::new(),
        library,
        calendars: std::sync::RwLock::new(Arc::new(calendar_rows::calendars_newest(conn)?)),
        outages: Outages::default(),
        alarm: Alarm::new(),
        commits: AtomicU64::new(0),
        changes: AtomicU64::new(0),
        signing: Signing::new(config.signer.clone()),
        random: config.random.clone(),
        clock,
    };
    pulse::take_up(&common, conn)?;
    Ok(common)
}

/// A process that is just ending, or a child between its fork and its exec, holds the lock for a moment longer.
const LOCK_TRIES: u32 = 20;

const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Takes the lock beside the database file, so that only one process serves it.
///
/// # Errors
/// Another process that holds it.
pub fn lock_file(database: &Path) -> Result<File, StoreError> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let failed = |error: std::io::Error| StoreError::File(format!("{}: {error}", path.display()));
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(failed)?;
    let mut tries = LOCK_TRIES;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(std::fs::TryLockError::WouldBlock) if tries > 0 => {
                tries -= 1;
                std::thread::sleep(LOCK_PAUSE);
            }
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(StoreError::Open(format!(
                    "another process serves {}; stop it, or go through its API",
                    database.display()
                )));
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
}
