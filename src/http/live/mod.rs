//! What instances publish, followed by any number of watchers: the same bytes for all of them.
//! Must not know what is published, and must not tell anything that is not.
//!
//! ```text
//! commit ─ News ─► pump ─► topic (one per watched instance) ─► one cursor per connection
//!                   │  a number is missing, or another process published
//!                   └────► the store's `published` rows
//! ```

pub mod frame;
mod places;
mod pump;
mod stream;
mod topic;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::problem::{Code, Problem};
use crate::config;
use crate::engine::Engine;
use crate::machine::Name;
use crate::store::published_rows::published_counts;
use places::Places;
pub use stream::Stream;
use topic::{Latest, Topic};

/// The live streams of one server. Cheap to clone.
#[derive(Clone)]
pub struct Live {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    topics: Mutex<BTreeMap<Name, Arc<Topic>>>,
    places: Arc<Places>,
    closed: AtomicBool,
}

impl Live {
    /// Begins to follow what the engine publishes. Must be called within a tokio runtime.
    #[must_use]
    pub fn start(engine: &Engine, limits: &config::Limits) -> Self {
        let live = Self {
            inner: Arc::new(Inner {
                engine: engine.clone(),
                topics: Mutex::default(),
                places: Arc::new(Places::new(limits.streams, limits.streams_per_address)),
                closed: AtomicBool::new(false),
            }),
        };
        // Subscribed before anything is read, so that nothing falls between reading and hearing.
        tokio::spawn(pump::run(live.clone(), engine.news()));
        live
    }

    /// What an instance has published, all taken together, as of now.
    ///
    /// # Errors
    /// A failing store.
    pub async fn latest(&self, instance: &Name) -> Result<Latest, Problem> {
        let known = self.topics().get(instance).cloned();
        if let Some(latest) = known.and_then(|topic| topic.latest()) {
            return Ok(latest);
        }
        let topic = Topic::new(Arc::clone(instance));
        pump::fill(&self.inner.engine, &topic).await?;
        Ok(topic.latest().unwrap_or_default())
    }

    /// True for a number under which the instance has published, and for 0 where it has published nothing yet.
    ///
    /// # Errors
    /// A failing store.
    pub async fn has_shown(&self, instance: &Name, number: i64) -> Result<bool, Problem> {
        let known = self.topics().get(instance).and_then(|topic| topic.latest());
        if known.is_some_and(|latest| (1..=latest.number).contains(&number)) {
            return Ok(true);
        }
        // Another process may have shown more than this one has heard of.
        let wanted = [instance.to_string()];
        let counts = self.inner.engine.read(move |conn| published_counts(conn, &wanted));
        let last = counts.await?.first().map_or(0, |(_, last)| *last);
        Ok(number == 0 && last == 0 || (1..=last).contains(&number))
    }

    /// A stream from now on, or from after the number that the watcher saw last.
    ///
    /// # Errors
    /// Too many streams, a server that stops, a failing store.
    pub async fn watch(&self, instance: &Name, address: IpAddr, seen: Option<i64>) -> Result<Stream, Problem> {
        if self.is_closed() {
            return Err(Problem::new(Code::Unavailable).retry_after(5));
        }
        let place = places::take(&self.inner.places, address, instance)?;
        let topic = self.join(instance);
        let watcher = stream::Watcher::new(self.clone(), topic, place);
        if watcher.topic().latest().is_none() {
            pump::fill(&self.inner.engine, watcher.topic()).await?;
        }
        // A watcher that comes from another process may have seen more than this one has heard of.
        let ahead = |latest: Latest| seen.is_some_and(|seen| seen > latest.number);
        if watcher.topic().latest().is_some_and(ahead) {
            pump::look(&self.inner.engine, watcher.topic()).await?;
        }
        Ok(watcher.begin(seen))
    }

    /// Ends every stream with a word why, and refuses new ones.
    pub fn close(&self) {
        self.inner.closed.store(true, Ordering::SeqCst);
        let topics: Vec<_> = self.topics().values().cloned().collect();
        topics.iter().for_each(|topic| topic.wake());
    }

    fn is_closed(&self) -> bool {
        self.inner.closed.load(Ordering::SeqCst)
    }

    /// The topic of an instance, with one more watcher, and the watcher's number.
    fn join(&self, instance: &Name) -> (Arc<Topic>, u64) {
        let mut topics = self.topics();
        let topic = topics
            .entry(Arc::clone(instance))
            .or_insert_with(|| Arc::new(Topic::new(Arc::clone(instance))));
        (Arc::clone(topic), topic.join())
    }

    /// Forgets the topics that nobody watches. Under the lock under which they are joined.
    fn tidy(&self) {
        self.topics().retain(|_, topic| topic.watchers() > 0);
    }

    fn topics(&self) -> MutexGuard<'_, BTreeMap<Name, Arc<Topic>>> {
        // Every change is a single map operation, so a panic elsewhere leaves nothing half done.
        self.inner.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
