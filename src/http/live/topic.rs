//! What one instance published last, kept as bytes that all its watchers share, and who is to be woken when more comes.
//! Must not read the store: whoever feeds it does, where a number is missing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use actix_web::web::Bytes;

use super::frame;
use crate::machine::value::{Map, Value};
use crate::machine::{Name, Time};
use crate::store::published_rows::PublishedRow;

/// Events kept for watchers that have not read them yet; who falls further behind is dropped and told.
pub(super) const KEPT: usize = 512;

/// Events that go out as one piece.
const JOINED: usize = 32;

/// Waking one watcher costs some 20 µs of a processor, so that many watchers are woken less often: 5,000 at most every 100 ms.
const PACE_PER_WATCHER: Duration = Duration::from_micros(20);

/// A machine that stands still says so in this field, beside what it published before.
const FROZEN: &str = "frozen";

/// The live view of one instance.
pub(super) struct Topic {
    instance: Name,
    state: Mutex<State>,
    /// Held while the store is asked, so that a thousand watchers who come at once ask it once.
    pub asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// `None` until the store has been asked.
    latest: Option<Latest>,
    /// The last events, without a gap, up to the latest.
    frames: VecDeque<Bytes>,
    /// The highest number heard of; more than the latest while something is missing.
    heard: i64,
    joined: Option<(i64, i64, Bytes)>,
    beats: u64,
    beat: Bytes,
    /// By watcher, so that one who is polled for other reasons is not kept twice.
    wakers: BTreeMap<u64, Waker>,
    watchers: usize,
    joined_ever: u64,
    woken: Option<Instant>,
}

/// Where an instance stands: the number of what it published last, when that was, and all it published taken together.
#[derive(Clone, Debug, Default)]
pub struct Latest {
    pub number: i64,
    pub at: i64,
    pub data: Map,
}

impl Latest {
    /// As it is shown: `{number, at, now, data}`.
    #[must_use]
    pub fn body(&self, now: Time) -> Map {
        let at = if self.number == 0 { Value::Null } else { self.at.into() };
        Map::from([
            ("number".into(), self.number.into()),
            ("at".into(), at),
            ("now".into(), now.into()),
            ("data".into(), Value::Map(self.data.clone())),
        ])
    }
}

/// What there is for a watcher.
pub(super) enum Next {
    /// Events up to this number.
    Events(i64, Bytes),
    /// A sign of life, the so-manieth.
    Beat(u64, Bytes),
    /// The next event is not kept any more.
    Gone,
    Nothing,
}

/// What feeding a row came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fed {
    Known,
    Next,
    /// Rows before it are missing.
    Missing,
}

impl Topic {
    pub fn new(instance: Name) -> Self {
        Self {
            instance,
            state: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    pub fn instance(&self) -> &Name {
        &self.instance
    }

    pub fn latest(&self) -> Option<Latest> {
        self.lock().latest.clone()
    }

    /// The number after which the store is to be asked, where something is missing; `None` there: the last ones.
    pub fn missing(&self) -> Option<Option<i64>> {
        let state = self.lock();
        match &state.latest {
            None => Some(None),
            Some(latest) if latest.number < state.heard => Some(Some(latest.number)),
            Some(_) => None,
        }
    }

    /// There are rows up to this number.
    pub fn heard(&self, number: i64) {
        let mut state = self.lock();
        state.heard = state.heard.max(number);
    }

    /// Takes over a row.
    pub fn feed(&self, row: &PublishedRow) -> Fed {
        let mut state = self.lock();
        state.heard = state.heard.max(row.number);
        match &state.latest {
            Some(latest) if row.number <= latest.number => Fed::Known,
            Some(latest) if row.number == latest.number + 1 => {
                state.push(row);
                Fed::Next
            }
            _ => Fed::Missing,
        }
    }

    /// Takes over rows that the store had, in their order. The first rows of a topic may begin anywhere.
    pub fn load(&self, rows: &[PublishedRow]) {
        let mut state = self.lock();
        if state.latest.is_none() {
            let before = rows.first().map_or(0, |row| row.number - 1);
            state.latest = Some(Latest {
                number: before,
                ..Latest::default()
            });
        }
        for row in rows {
            let next = state
                .latest
                .as_ref()
                .is_some_and(|latest| row.number == latest.number + 1);
            if next {
                state.push(row);
            }
        }
        let number = state.latest.as_ref().map_or(0, |latest| latest.number);
        state.heard = state.heard.max(number);
    }

    /// What a watcher gets that has seen the events up to `seen` and so many signs of life; it is woken when there is more.
    pub fn next(&self, watcher: u64, seen: i64, beats: u64, waker: &Waker) -> Next {
        let mut state = self.lock();
        let last = state.latest.as_ref().map_or(0, |latest| latest.number);
        if seen < last {
            return match state.after(seen, last) {
                Some((to, bytes)) => Next::Events(to, bytes),
                None => Next::Gone,
            };
        }
        if beats < state.beats {
            return Next::Beat(state.beats, state.beat.clone());
        }
        state.wakers.insert(watcher, waker.clone());
        Next::Nothing
    }

    /// True where the event after `seen` is kept, or is still to come.
    pub fn keeps(&self, seen: i64) -> bool {
        let state = self.lock();
        let last = state.latest.as_ref().map_or(0, |latest| latest.number);
        seen >= last - i64::try_from(state.frames.len()).unwrap_or(i64::MAX)
    }

    pub fn beats(&self) -> u64 {
        self.lock().beats
    }

    /// A sign of life for everybody.
    pub fn beat(&self, now: Time) {
        let mut state = self.lock();
        state.beats += 1;
        state.beat = frame::time(now);
    }

    /// Wakes all watchers, or says how long to wait where they were woken a moment ago.
    pub fn wake_in_turn(&self) -> Option<Duration> {
        let mut state = self.lock();
        let pace = PACE_PER_WATCHER.saturating_mul(u32::try_from(state.watchers).unwrap_or(u32::MAX));
        let wait = state.woken.map(|woken| pace.saturating_sub(woken.elapsed()));
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            return Some(wait);
        }
        state.woken = Some(Instant::now());
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_values().for_each(Waker::wake);
        None
    }

    /// Wakes all watchers at once.
    pub fn wake(&self) {
        let wakers = std::mem::take(&mut self.lock().wakers);
        wakers.into_values().for_each(Waker::wake);
    }

    /// One more watcher, and its number.
    pub fn join(&self) -> u64 {
        let mut state = self.lock();
        state.watchers += 1;
        state.joined_ever += 1;
        state.joined_ever
    }

    pub fn leave(&self, watcher: u64) {
        let mut state = self.lock();
        state.watchers = state.watchers.saturating_sub(1);
        state.wakers.remove(&watcher);
    }

    pub fn watchers(&self) -> usize {
        self.lock().watchers
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, row: &PublishedRow) {
        if self.frames.len() == KEPT {
            self.frames.pop_front();
        }
        self.frames.push_back(frame::published(row));
        let published = serde_json::from_str(&row.data).unwrap_or_default();
        let latest = self.latest.get_or_insert_default();
        *latest = Latest {
            number: row.number,
            at: row.at,
            data: over(std::mem::take(&mut latest.data), published),
        };
    }

    /// The events after `seen`, at most some of them, as one piece that the next watcher at the same place gets too.
    fn after(&mut self, seen: i64, last: i64) -> Option<(i64, Bytes)> {
        let behind = usize::try_from(last - seen).ok()?;
        let start = self.frames.len().checked_sub(behind)?;
        if behind == 1 {
            return Some((last, self.frames.back()?.clone()));
        }
        let count = behind.min(JOINED);
        let to = seen + i64::try_from(count).ok()?;
        if let Some((from, until, bytes)) = &self.joined
            && (*from, *until) == (seen, to)
        {
            return Some((to, bytes.clone()));
        }
        let some = self.frames.range(start..start + count);
        let bytes = Bytes::from(some.flat_map(|frame| frame.iter().copied()).collect::<Vec<u8>>());
        self.joined = Some((seen, to, bytes.clone()));
        Some((to, bytes))
    }
}

/// What is published replaces what was; only that a machine stands still, or moves again, is laid over it.
fn over(mut before: Map, published: Map) -> Map {
    if published.len() == 1
        && let Some(frozen) = published.get(FROZEN)
    {
        before.insert(FROZEN.into(), frozen.clone());
        return before;
    }
    published
}
