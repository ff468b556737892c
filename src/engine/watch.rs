//! Notices when this process stood still, when the store took or gave nothing, and when a queue was shut. Must not decide what
//! follows: a timer is told how much of its time that took.
//!
//! What ends is noted before it is forgotten, so that who asks for what goes on and then for what is over misses nothing.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::machine::Time;
use crate::machine::outage::{Outage, Reach};

/// How often the watching thread looks at the clock.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// A gap between two looks that still is a busy machine's and not a standstill.
const STANDSTILL_MILLIS: i64 = 500;

/// A batch that takes longer has kept others waiting; a commit takes milliseconds.
const SLOW_MILLIS: i64 = 500;

const NEVER: i64 = i64::MAX;

/// What this process knows of its own health.
pub(super) struct Watch {
    tick: Mutex<Tick>,
    /// When the store last took something.
    written: AtomicI64,
    /// Since when a heartbeat tries to be written, and when the store had last taken something before that.
    beating: Mutex<Option<(Time, Time)>>,
    /// Since when each writer is at its batch.
    busy: Vec<AtomicI64>,
    /// Since when each writer's queue refuses all that comes.
    shut: Vec<AtomicI64>,
    /// Since when an answer of the store's is awaited.
    reading: AtomicI64,
}

#[derive(Clone, Copy)]
struct Tick {
    real: Instant,
    time: Time,
}

impl Tick {
    /// The real clock stands while a machine sleeps, the wall clock goes on; either may tell.
    fn gap(&self, now: Time) -> i64 {
        let real = i64::try_from(self.real.elapsed().as_millis()).unwrap_or(i64::MAX);
        real.max(now.millis_since(self.time))
    }

    fn standstill(&self, now: Time) -> Option<Outage> {
        let gap = self.gap(now);
        (gap > STANDSTILL_MILLIS).then(|| span(now.plus_millis(-gap), now))
    }
}

fn span(from: Time, until: Time) -> Outage {
    Outage {
        from,
        until,
        reach: Reach::Path,
    }
}

impl Watch {
    pub fn new(writers: usize, now: Time) -> Self {
        Self {
            tick: Mutex::new(Tick {
                real: Instant::now(),
                time: now,
            }),
            written: AtomicI64::new(now.0),
            beating: Mutex::new(None),
            busy: (0..writers).map(|_| AtomicI64::new(NEVER)).collect(),
            shut: (0..writers).map(|_| AtomicI64::new(NEVER)).collect(),
            reading: AtomicI64::new(NEVER),
        }
    }

    /// A look at the clock; a standstill is noted.
    pub fn look(&self, now: Time, note: impl FnOnce(Outage)) {
        let mut tick = self.tick.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outage) = tick.standstill(now) {
            note(outage);
        }
        *tick = Tick {
            real: Instant::now(),
            time: now,
        };
    }

    /// A writer begins a batch.
    pub fn begin(&self, writer: usize, now: Time) {
        if let Some(busy) = self.busy.get(writer) {
            busy.store(now.0, Ordering::SeqCst);
        }
    }

    /// A writer has answered its batch; that it took long is noted.
    pub fn end(&self, writer: usize, now: Time, note: impl FnOnce(Outage)) {
        if let Some(busy) = self.busy.get(writer) {
            finish(busy, now, note);
        }
    }

    /// The store took something.
    pub fn wrote(&self, now: Time) {
        self.written.fetch_max(now.0, Ordering::SeqCst);
    }

    /// A heartbeat is about to be written; one that failed is still the same.
    pub fn beat(&self, now: Time) {
        let written = Time(self.written.load(Ordering::SeqCst));
        let mut beating = self.beating.lock().unwrap_or_else(PoisonError::into_inner);
        // A full queue turned the last one away while others were written: that was no silence.
        if beating.is_none_or(|(since, _)| written > since) {
            *beating = Some((now, written));
        }
    }

    /// A heartbeat was written; that it took long is noted. It may have begun with what was written before.
    pub fn beaten(&self, now: Time, note: impl FnOnce(Outage)) {
        let mut beating = self.beating.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, written)) = beating.filter(|(since, _)| now.millis_since(*since) > SLOW_MILLIS) {
            note(span(written, now));
        }
        *beating = None;
    }

    /// A writer's queue was full.
    pub fn shut(&self, writer: usize, now: Time) {
        if let Some(shut) = self.shut.get(writer) {
            shut.fetch_min(now.0, Ordering::SeqCst);
        }
    }

    /// A writer's queue took something; that it had been shut for long is noted.
    pub fn opened(&self, writer: usize, now: Time, note: impl FnOnce(Outage)) {
        if let Some(shut) = self.shut.get(writer) {
            finish(shut, now, note);
        }
    }

    /// The store is asked for something; one that has not answered yet is still asked the same.
    pub fn ask(&self, now: Time) {
        self.reading.fetch_min(now.0, Ordering::SeqCst);
    }

    /// The store has answered; that it took long is noted.
    pub fn answered(&self, now: Time, note: impl FnOnce(Outage)) {
        finish(&self.reading, now, note);
    }

    /// What has begun and is not over.
    pub fn going_on(&self, now: Time) -> Vec<Outage> {
        let since = |mark: &AtomicI64| {
            let since = mark.load(Ordering::SeqCst);
            (since != NEVER && now.0 - since > SLOW_MILLIS).then(|| span(Time(since), now))
        };
        let tick = *self.tick.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Outage> = tick.standstill(now).into_iter().collect();
        let beating = *self.beating.lock().unwrap_or_else(PoisonError::into_inner);
        let slow = beating.filter(|(since, _)| now.millis_since(*since) > SLOW_MILLIS);
        all.extend(slow.map(|(_, written)| span(written, now)));
        all.extend(self.busy.iter().filter_map(since));
        all.extend(self.shut.iter().filter_map(since));
        all.extend(since(&self.reading));
        all
    }
}

/// Ends what began at a mark.
fn finish(mark: &AtomicI64, now: Time, note: impl FnOnce(Outage)) {
    let since = mark.load(Ordering::SeqCst);
    if since == NEVER {
        return;
    }
    if now.0 - since > SLOW_MILLIS {
        note(span(Time(since), now));
    }
    // Who ended it in the meantime has noted it as well, and an outage that is noted twice counts once.
    mark.store(NEVER, Ordering::SeqCst);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(act: impl FnOnce(&mut dyn FnMut(Outage))) -> Option<Outage> {
        let mut noted = None;
        act(&mut |outage| noted = Some(outage));
        noted
    }

    #[test]
    fn a_standstill_is_seen_before_and_after_it_was_noted() {
        let watch = Watch::new(1, Time(1_000));
        watch.begin(0, Time(1_000));
        watch.end(0, Time(1_400), |outage| panic!("{outage:?} is no outage"));
        assert_eq!(watch.going_on(Time(1_450)), []);
        let standstill = watch.going_on(Time(5_000));
        assert!(standstill.contains(&span(Time(1_000), Time(5_000))), "{standstill:?}");
        let stood = noted(|note| watch.look(Time(5_000), note));
        assert_eq!(stood, Some(span(Time(1_000), Time(5_000))));
        assert_eq!(watch.going_on(Time(5_010)), []);
    }

    #[test]
    fn a_heartbeat_that_is_not_written_is_an_outage_since_the_last_thing_that_was() {
        let watch = Watch::new(1, Time(0));
        watch.wrote(Time(700));
        watch.beat(Time(1_000));
        watch.look(Time(1_400), |_| {});
        assert_eq!(watch.going_on(Time(1_400)), []);
        // It failed, and is tried again.
        watch.beat(Time(1_500));
        watch.look(Time(1_600), |_| {});
        assert_eq!(watch.going_on(Time(1_600)), [span(Time(700), Time(1_600))]);
        let slow = noted(|note| watch.beaten(Time(1_700), note));
        assert_eq!(slow, Some(span(Time(700), Time(1_700))));
        assert_eq!(watch.going_on(Time(1_800)), []);
    }

    #[test]
    fn a_store_that_gives_no_answer_is_an_outage_while_it_lasts() {
        let watch = Watch::new(1, Time(0));
        watch.ask(Time(100));
        // It failed, and is asked again.
        watch.ask(Time(5_000));
        watch.look(Time(5_000), |_| {});
        assert_eq!(watch.going_on(Time(5_100)), [span(Time(100), Time(5_100))]);
        let late = noted(|note| watch.answered(Time(5_200), note));
        assert_eq!(late, Some(span(Time(100), Time(5_200))));
        assert_eq!(watch.going_on(Time(5_300)), []);
        watch.ask(Time(5_300));
        assert_eq!(noted(|note| watch.answered(Time(5_310), note)), None);
    }

    #[test]
    fn a_queue_that_is_open_hides_none_that_is_shut() {
        let watch = Watch::new(2, Time(0));
        watch.shut(0, Time(100));
        watch.look(Time(900), |_| {});
        assert_eq!(noted(|note| watch.opened(1, Time(900), note)), None);
        assert_eq!(watch.going_on(Time(1_000)), [span(Time(100), Time(1_000))]);
    }

    #[test]
    fn a_slow_batch_and_a_shut_queue_are_outages_while_they_last() {
        let watch = Watch::new(2, Time(0));
        watch.begin(1, Time(0));
        watch.shut(0, Time(100));
        watch.shut(0, Time(200));
        watch.look(Time(400), |_| {});
        watch.look(Time(800), |_| {});
        let both = [span(Time(0), Time(900)), span(Time(100), Time(900))];
        assert_eq!(watch.going_on(Time(900)), both);
        assert_eq!(noted(|note| watch.end(1, Time(900), note)), Some(both[0]));
        assert_eq!(noted(|note| watch.opened(0, Time(900), note)), Some(both[1]));
        assert_eq!(noted(|note| watch.opened(0, Time(901), note)), None);
    }
}
