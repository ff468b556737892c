//! Remembers when nothing could be written. Must not judge: a machine is told how much of a timer's time it took.

use std::sync::{PoisonError, RwLock};

use crate::machine::Time;
use crate::store::outage_rows::Outage;

/// Outages older than this no longer touch a running countdown; longer waits count in days.
const MEMORY_MILLIS: i64 = 24 * 3_600_000;

/// The outages of the last day.
#[derive(Default)]
pub(super) struct Outages(RwLock<Vec<Outage>>);

impl Outages {
    pub fn add(&self, outage: Outage) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|old| outage.until.millis_since(old.until) < MEMORY_MILLIS);
        known.push(outage);
    }

    /// Milliseconds of outage between two times.
    pub fn within(&self, from: Time, until: Time) -> i64 {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let overlap = |outage: &Outage| outage.until.min(until).millis_since(outage.from.max(from)).max(0);
        known.iter().map(overlap).sum()
    }

    /// The earliest from which outages are remembered.
    pub fn horizon(now: Time) -> Time {
        now.plus_millis(-MEMORY_MILLIS)
    }
}
