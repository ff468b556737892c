//! Committed trades in memory. Must not hold anything that is not durable.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::machine::trade::InstanceId;
use crate::machine::{Bundle, Trade};
use crate::record::Head;
use crate::store::trade_rows::Counters;

/// A committed trade with what a writer needs beside it.
pub(super) struct Held {
    pub trade: Arc<Trade>,
    pub bundle: Arc<Bundle>,
    pub counters: BTreeMap<InstanceId, Counters>,
    /// Where the records of instances stand whose machine keeps one.
    pub heads: BTreeMap<InstanceId, Head>,
    pub checked: Checked,
}

/// When a trade was last known to be the newest stored, in real time.
pub(super) struct Checked(Mutex<Instant>);

impl Checked {
    pub fn now() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    pub fn again(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub fn age(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

/// Two generations: when the young one is full it becomes the old one, and what was not used since is forgotten.
pub(super) struct Cache {
    generations: Mutex<[Generation; 2]>,
    limit: usize,
}

#[derive(Default)]
struct Generation {
    trades: HashMap<InstanceId, Arc<Held>>,
    /// The trade of each instance.
    places: HashMap<InstanceId, InstanceId>,
}

impl Cache {
    /// Keeps between `limit` and twice as many trades.
    pub fn new(limit: usize) -> Self {
        Self {
            generations: Mutex::default(),
            limit: limit.max(1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, [Generation; 2]> {
        // Every change below is a single map operation, so a panic elsewhere leaves nothing half done.
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn get(&self, trade: &str) -> Option<Arc<Held>> {
        let mut generations = self.lock();
        let [young, old] = &mut *generations;
        if let Some(held) = young.trades.get(trade) {
            return Some(Arc::clone(held));
        }
        let held = Arc::clone(old.trades.get(trade)?);
        // Under the same lock: a writer that commits meanwhile must not have its trade replaced by this older one.
        insert(&mut generations, self.limit, &held);
        Some(held)
    }

    /// The trade of an instance, where it is known without asking the store.
    pub fn place(&self, instance: &str) -> Option<InstanceId> {
        let generations = self.lock();
        generations
            .iter()
            .find_map(|generation| generation.places.get(instance).cloned())
    }

    pub fn put(&self, held: &Arc<Held>) {
        insert(&mut self.lock(), self.limit, held);
    }

    /// Keeps what a reader found in the store, unless a writer of this process has committed something newer meanwhile.
    pub fn offer(&self, held: &Arc<Held>) {
        let mut generations = self.lock();
        let mut known = generations
            .iter()
            .filter_map(|generation| generation.trades.get(&held.trade.id));
        if known.all(|known| known.trade.seq < held.trade.seq) {
            insert(&mut generations, self.limit, held);
        }
    }

    pub fn forget(&self, trade: &str) {
        for generation in self.lock().iter_mut() {
            generation.trades.remove(trade);
        }
    }
}

fn insert([young, old]: &mut [Generation; 2], limit: usize, held: &Arc<Held>) {
    if young.trades.len() >= limit {
        *old = std::mem::take(young);
    }
    let id = &held.trade.id;
    let before = young.trades.insert(Arc::clone(id), Arc::clone(held));
    // Instances are only ever added, so equal counts mean the same instances.
    if before.is_none_or(|before| before.trade.instances.len() != held.trade.instances.len()) {
        let places = held
            .trade
            .instances
            .keys()
            .map(|instance| (Arc::clone(instance), Arc::clone(id)));
        young.places.extend(places);
    }
}
