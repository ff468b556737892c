//! What writers, loops and callers of one process share. Must not decide or write.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Notify;

use super::Library;
use super::cache::Cache;
use super::hub::Hub;
use super::ingress::Ingress;
use super::outages::Outages;
use super::points::Points;
use super::random::Random;
use super::signing::Signing;
use super::watch::Watch;
use crate::clock::Clock;
use crate::machine::calendar::Calendars;
use crate::machine::outage::Outage;
use crate::machine::step::{Actor, Context, Delay};
use crate::machine::trade::Timer;
use crate::machine::{Bundle, Name, Time};
use crate::store::StoreError;

/// How far the clock may be set back without being believed.
const MOST_SET_BACK_MILLIS: i64 = 1_000;

pub(super) struct Common {
    /// Tells this process from others that share the database, and from those before it.
    pub process: Name,
    pub clock: Clock,
    /// The latest time that was told.
    pub told: AtomicI64,
    /// What the database's clock is ahead of this process's, in milliseconds; 0 on SQLite and for virtual clocks.
    pub ahead: AtomicI64,
    pub cache: Cache,
    pub hub: Hub,
    pub library: Library,
    pub calendars: RwLock<Arc<Calendars>>,
    pub outages: Outages,
    pub watch: Watch,
    pub points: Points,
    pub ingress: Ingress,
    /// Other processes serve the same database: what is stamped with them counts too.
    pub accompanied: AtomicBool,
    pub alarm: Alarm,
    /// Transactions committed by this process's writers.
    pub commits: AtomicU64,
    /// Closures that this process's writers have committed, heartbeats aside: whatever is written beside the trades.
    pub changes: AtomicU64,
    pub signing: Signing,
    pub random: Random,
}

impl Common {
    /// Never back by less than a second: a stamp must not be older than a deadline already decided. A clock that is set back
    /// by more was wrong, and is believed.
    pub fn now(&self) -> Time {
        let now = self.clock.now().plus_millis(self.ahead.load(Ordering::Relaxed));
        let told = Time(self.told.fetch_max(now.0, Ordering::SeqCst));
        match told.millis_since(now) {
            0..MOST_SET_BACK_MILLIS => told,
            back if back < 0 => now,
            _ => {
                self.told.store(now.0, Ordering::SeqCst);
                now
            }
        }
    }

    pub fn calendars(&self) -> Arc<Calendars> {
        Arc::clone(&self.calendars.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the outside gives to a decision.
    ///
    /// # Errors
    /// A system without randomness.
    pub fn context(&self, bundle: &Bundle, actor: &Actor, calendars: &Calendars) -> Result<Context, StoreError> {
        Ok(Context {
            actor: actor.clone(),
            seed: self.random.seed()?,
            outage: 0,
            late: 0,
            broken: false,
            calendar_version: calendars.0.get(&bundle.calendar).map_or(0, |calendar| calendar.version),
            slots: Vec::new(),
        })
    }

    /// What stood in a timer's way until now, in real time, within the part of its time that is watched.
    pub fn delay(&self, timer: &Timer) -> Delay {
        if !self.clock.tells_lateness() {
            return Delay::default();
        }
        let now = self.now();
        // What goes on is asked for first: what ends in between is then found among what is over.
        let going_on = match self.clock.is_virtual() {
            true => Vec::new(),
            false => self.watch.going_on(now),
        };
        self.outages.delay(timer, &going_on, now)
    }

    /// Keeps an outage; the next heartbeat records it.
    pub fn suffered(&self, outage: Outage) {
        if !self.clock.is_virtual() {
            let millis = outage.until.millis_since(outage.from);
            tracing::warn!(millis, "nothing could be decided for a while");
            self.outages.suffer(outage);
        }
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
