//! Feeds the topics: from what this process commits, and from the store where a number is missing or another process published.
//! Must not wait for any watcher.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::Live;
use super::topic::{Fed, KEPT, Topic};
use crate::engine::{Engine, EngineError, News};
use crate::machine::Name;
use crate::store::published_rows::{published_after, published_counts, published_last};

/// Between two signs of life. Proxies close what is silent for a minute; a watcher may call a stream dead after three.
const BEAT: Duration = Duration::from_secs(10);

/// The safety net where other processes publish: how long a lost notice can go unnoticed.
const LOOK: Duration = Duration::from_millis(500);

/// Rows read at once.
pub(super) const PAGE: i64 = 256;

/// Runs until the engine stops.
pub(super) async fn run(live: Live, mut news: Receiver<Arc<News>>) {
    let engine = live.inner.engine.clone();
    let shared = engine.is_shared();
    let mut beat = tokio::time::interval(BEAT);
    let mut look = tokio::time::interval(LOOK);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut waiting = Waiting::default();
    loop {
        tokio::select! {
            heard = news.recv() => match heard {
                Ok(heard) => take(&live, &mut news, heard, &mut waiting).await,
                // Too much at once: the store has it all.
                Err(RecvError::Lagged(_)) => look_all(&live, &mut waiting).await,
                Err(RecvError::Closed) => break,
            },
            _ = beat.tick() => {
                live.tidy();
                for topic in topics(&live) {
                    topic.beat(engine.now());
                    waiting.add(topic);
                }
            }
            _ = look.tick(), if shared => look_all(&live, &mut waiting).await,
            () = waiting.pause() => {}
            () = engine.stopped() => break,
        }
        waiting.wake();
    }
    live.close();
}

/// Topics with something new for their watchers, and how long until they may be woken.
#[derive(Default)]
struct Waiting {
    topics: BTreeMap<Name, Arc<Topic>>,
    pause: Option<Duration>,
}

impl Waiting {
    fn add(&mut self, topic: Arc<Topic>) {
        self.topics.insert(Arc::clone(topic.instance()), topic);
    }

    fn wake(&mut self) {
        let mut pause: Option<Duration> = None;
        self.topics.retain(|_, topic| match topic.wake_in_turn() {
            None => false,
            Some(wait) => {
                pause = Some(pause.map_or(wait, |pause| pause.min(wait)));
                true
            }
        });
        self.pause = pause;
    }

    async fn pause(&self) {
        match self.pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None => std::future::pending().await,
        }
    }
}

/// Hands out one piece of news and all that came in behind it.
async fn take(live: &Live, news: &mut Receiver<Arc<News>>, first: Arc<News>, waiting: &mut Waiting) {
    let mut next = Some(first);
    let mut incomplete = BTreeMap::new();
    while let Some(heard) = next {
        match &*heard {
            News::Here(rows) => {
                for row in rows {
                    let topic = live.topics().get(row.instance.as_str()).cloned();
                    let Some(topic) = topic else { continue };
                    match topic.feed(row) {
                        Fed::Known => {}
                        Fed::Next => waiting.add(topic),
                        Fed::Missing => _ = incomplete.insert(row.instance.clone(), topic),
                    }
                }
            }
            News::Elsewhere(instances) => {
                let topics = live.topics();
                let watched = instances.iter().filter_map(|instance| topics.get(instance));
                incomplete.extend(watched.map(|topic| (topic.instance().to_string(), Arc::clone(topic))));
            }
        }
        next = match news.try_recv() {
            Ok(heard) => Some(heard),
            Err(TryRecvError::Lagged(_)) => {
                incomplete.extend(
                    topics(live)
                        .into_iter()
                        .map(|topic| (topic.instance().to_string(), topic)),
                );
                None
            }
            Err(_) => None,
        };
    }
    look_at(live, incomplete.into_values().collect(), waiting).await;
}

async fn look_all(live: &Live, waiting: &mut Waiting) {
    look_at(live, topics(live), waiting).await;
}

/// Asks the store how far some topics are, and reads what they lack.
async fn look_at(live: &Live, topics: Vec<Arc<Topic>>, waiting: &mut Waiting) {
    if topics.is_empty() {
        return;
    }
    let engine = &live.inner.engine;
    let wanted: Vec<String> = topics.iter().map(|topic| topic.instance().to_string()).collect();
    let counts = match engine.read(move |conn| published_counts(conn, &wanted)).await {
        Ok(counts) => BTreeMap::from_iter(counts),
        Err(error) => {
            tracing::warn!(%error, "what was published could not be counted");
            return;
        }
    };
    for topic in topics {
        if let Some(count) = counts.get(&**topic.instance()) {
            topic.heard(*count);
        }
        if topic.missing().is_none() {
            continue;
        }
        match fill(engine, &topic).await {
            Ok(()) => waiting.add(topic),
            Err(error) => tracing::warn!(%error, "what was published could not be read"),
        }
    }
}

/// Asks the store how far one topic is, and reads what it lacks.
pub(super) async fn look(engine: &Engine, topic: &Topic) -> Result<(), EngineError> {
    let wanted = vec![topic.instance().to_string()];
    let counts = engine.read(move |conn| published_counts(conn, &wanted)).await?;
    if let Some((_, count)) = counts.first() {
        topic.heard(*count);
    }
    fill(engine, topic).await?;
    topic.wake();
    Ok(())
}

/// Reads what a topic lacks. The first time that is what was published last.
pub(super) async fn fill(engine: &Engine, topic: &Topic) -> Result<(), EngineError> {
    let _asking = topic.asking.lock().await;
    while let Some(after) = topic.missing() {
        let instance = topic.instance().to_string();
        let rows = engine
            .read(move |conn| match after {
                Some(after) => published_after(conn, &instance, after, PAGE),
                None => published_last(conn, &instance, i64::try_from(KEPT).unwrap_or(i64::MAX)),
            })
            .await?;
        let empty = rows.is_empty();
        topic.load(&rows);
        if empty {
            break;
        }
    }
    Ok(())
}

fn topics(live: &Live) -> Vec<Arc<Topic>> {
    live.topics().values().cloned().collect()
}
