//! One watcher's connection: a cursor into its topic, and what it missed before it came, read in pages as it reads them.
//! Must not keep events of its own: a watcher that does not read costs no more than one that does.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::web::Bytes;

use super::Live;
use super::frame::{self, Ending};
use super::places::Place;
use super::pump::PAGE;
use super::topic::{Next, Topic};
use crate::engine::EngineError;
use crate::store::published_rows::{PublishedRow, published_after};

/// A watcher that is counted, from before its topic is read until its connection ends.
pub(super) struct Watcher {
    live: Live,
    topic: Arc<Topic>,
    number: u64,
    _place: Place,
}

/// The body of a live stream.
pub struct Stream {
    watcher: Watcher,
    stage: Stage,
    /// The number of the last event that was handed over.
    seen: i64,
    beats: u64,
}

type Reading = Pin<Box<dyn Future<Output = Result<Vec<PublishedRow>, EngineError>>>>;

enum Stage {
    /// The first bytes are to be handed over.
    Beginning(Bytes),
    /// What it missed is not in memory any more.
    Behind(Reading),
    Following,
    Over,
}

impl Watcher {
    /// The topic has been joined already, under this number.
    pub fn new(live: Live, (topic, number): (Arc<Topic>, u64), place: Place) -> Self {
        Self {
            live,
            topic,
            number,
            _place: place,
        }
    }

    pub fn topic(&self) -> &Topic {
        &self.topic
    }

    /// Begins after what the watcher has seen. One that saw nothing, or numbers that were never given, is shown where the
    /// instance stands.
    pub fn begin(self, seen: Option<i64>) -> Stream {
        let now = self.live.inner.engine.now();
        let latest = self.topic.latest().unwrap_or_default();
        let (seen, first) = match seen.filter(|seen| *seen <= latest.number) {
            Some(seen) => (seen, frame::resumed(now)),
            None => (latest.number, frame::snapshot(latest.number, &latest.body(now))),
        };
        Stream {
            beats: self.topic.beats(),
            watcher: self,
            stage: Stage::Beginning(first),
            seen,
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.topic.leave(self.number);
    }
}

impl Stream {
    fn read(&self) -> Stage {
        let (engine, instance) = (
            self.watcher.live.inner.engine.clone(),
            self.watcher.topic.instance().to_string(),
        );
        let seen = self.seen;
        let rows = async move {
            engine
                .read(move |conn| published_after(conn, &instance, seen, PAGE))
                .await
        };
        Stage::Behind(Box::pin(rows))
    }

    fn end(&mut self, why: Ending) -> Poll<Option<Result<Bytes, Infallible>>> {
        self.stage = Stage::Over;
        metrics::counter!("luochui_streams_ended_total", "why" => format!("{why:?}")).increment(1);
        Poll::Ready(Some(Ok(frame::ended(why, self.seen))))
    }

    fn page(&mut self, rows: &[PublishedRow]) -> Poll<Option<Result<Bytes, Infallible>>> {
        let Some(last) = rows.last() else {
            // Numbers are without a gap, so there is something wrong with the store.
            return self.end(Ending::Failed);
        };
        self.seen = last.number;
        self.stage = Stage::Following;
        if !self.watcher.topic.keeps(self.seen) {
            self.stage = self.read();
        }
        let bytes: Vec<u8> = rows.iter().flat_map(|row| frame::published(row).to_vec()).collect();
        Poll::Ready(Some(Ok(Bytes::from(bytes))))
    }

    fn follow(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let Watcher { topic, number, .. } = &self.watcher;
        match topic.next(*number, self.seen, self.beats, context.waker()) {
            Next::Events(to, bytes) => {
                self.seen = to;
                Poll::Ready(Some(Ok(bytes)))
            }
            Next::Gone => self.end(Ending::Slow),
            // Asked after the waker is left: who closes meanwhile wakes it.
            Next::Nothing if self.watcher.live.is_closed() => self.end(Ending::Stopping),
            Next::Nothing => Poll::Pending,
            Next::Beat(beats, bytes) => {
                self.beats = beats;
                Poll::Ready(Some(Ok(bytes)))
            }
        }
    }
}

impl futures_util::Stream for Stream {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match std::mem::replace(&mut self.stage, Stage::Following) {
            Stage::Beginning(first) => {
                if !self.watcher.topic.keeps(self.seen) {
                    self.stage = self.read();
                }
                Poll::Ready(Some(Ok(first)))
            }
            Stage::Behind(mut reading) => match reading.as_mut().poll(context) {
                Poll::Ready(Ok(rows)) => self.page(&rows),
                Poll::Ready(Err(error)) => {
                    tracing::warn!(%error, "a watcher's missed events could not be read");
                    self.end(Ending::Failed)
                }
                Poll::Pending => {
                    self.stage = Stage::Behind(reading);
                    Poll::Pending
                }
            },
            Stage::Following => self.follow(context),
            Stage::Over => {
                self.stage = Stage::Over;
                Poll::Ready(None)
            }
        }
    }
}
