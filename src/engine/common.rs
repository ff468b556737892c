//! What writers, loops and callers of one process share. Must not decide or write.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Notify;

use super::Library;
use super::cache::Cache;
use super::hub::Hub;
use super::ids::Random;
use super::outages::Outages;
use super::signing::Signing;
use crate::clock::Clock;
use crate::machine::calendar::Calendars;
use crate::machine::step::{Actor, Context};
use crate::machine::{Bundle, Time, Trade};
use crate::store::StoreError;

pub(super) struct Common {
    pub clock: Clock,
    /// What the database's clock is ahead of this process's, in milliseconds; 0 on SQLite and for virtual clocks.
    pub ahead: AtomicI64,
    pub cache: Cache,
    pub hub: Hub,
    pub library: Library,
    pub calendars: RwLock<Arc<Calendars>>,
    pub outages: Outages,
    pub alarm: Alarm,
    /// Transactions committed by this process's writers.
    pub commits: AtomicU64,
    /// Closures that this process's writers have committed, heartbeats aside: whatever is written beside the trades.
    pub changes: AtomicU64,
    pub signing: Signing,
    pub random: Random,
}

impl Common {
    pub fn now(&self) -> Time {
        self.clock.now().plus_millis(self.ahead.load(Ordering::Relaxed))
    }

    pub fn calendars(&self) -> Arc<Calendars> {
        Arc::clone(&self.calendars.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the outside gives to a decision at `at`.
    ///
    /// # Errors
    /// A system without randomness.
    pub fn context(
        &self,
        bundle: &Bundle,
        trade: Option<&Trade>,
        at: Time,
        actor: &Actor,
        calendars: &Calendars,
    ) -> Result<Context, StoreError> {
        let (late, outage) = trade.map_or((0, 0), |trade| self.lateness(trade, at));
        Ok(Context {
            actor: actor.clone(),
            seed: self.random.seed()?,
            outage,
            late,
            calendar_version: calendars.0.get(&bundle.calendar).map_or(0, |calendar| calendar.version),
        })
    }

    /// How late the earliest due timer is noticed, and how long nothing could be written while it ran, in real time.
    fn lateness(&self, trade: &Trade, at: Time) -> (i64, i64) {
        if self.clock.is_virtual() {
            return (0, 0);
        }
        let Some((instance, name, due)) = trade.next_due(at.max(trade.now)) else {
            return (0, 0);
        };
        let timer = trade
            .instances
            .get(&instance)
            .and_then(|instance| instance.timers.get(&name));
        let start = timer.map_or(due, |timer| timer.start);
        (self.now().millis_since(due).max(0), self.outages.within(start, due))
    }
}

/// Wakes the timer loop when a timer is due before what it waits for.
pub(super) struct Alarm {
    next: AtomicI64,
    rung: Notify,
}

impl Alarm {
    pub fn new() -> Self {
        Self {
            next: AtomicI64::new(i64::MAX),
            rung: Notify::new(),
        }
    }

    /// A timer due at `due` was committed.
    pub fn armed(&self, due: Time) {
        if self.next.fetch_min(due.0, Ordering::SeqCst) > due.0 {
            self.rung.notify_one();
        }
    }

    /// Before the store is asked what is due next: what is armed meanwhile rings.
    pub fn reset(&self) {
        self.next.store(i64::MAX, Ordering::SeqCst);
    }

    /// The store says that this is due next: only what is due earlier rings.
    pub fn expect(&self, due: Time) {
        self.next.fetch_min(due.0, Ordering::SeqCst);
    }

    pub async fn wait(&self) {
        self.rung.notified().await;
    }
}
