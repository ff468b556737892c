//! Remembers when nothing could be decided, and when processes ended. Must not judge: a machine is told how much of a timer's
//! time it took.

use std::sync::{Mutex, PoisonError, RwLock};

use crate::machine::Time;
use crate::store::outage_rows::{Outage, Reach};

/// Outages older than this no longer touch a running countdown; longer waits count in days.
const MEMORY_MILLIS: i64 = 24 * 3_600_000;

/// The outages of the last day.
#[derive(Default)]
pub(super) struct Outages {
    known: RwLock<Vec<Outage>>,
    /// Suffered by this process and not recorded yet.
    unrecorded: Mutex<Vec<Outage>>,
}

impl Outages {
    /// Keeps an outage of this process, to be recorded.
    pub fn suffer(&self, outage: Outage) {
        self.add(outage);
        self.unrecorded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(outage);
    }

    /// Takes what is to be recorded.
    pub fn take_unrecorded(&self) -> Vec<Outage> {
        std::mem::take(&mut *self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps an outage that is recorded.
    pub fn add(&self, outage: Outage) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|old| outage.until.millis_since(old.until) < MEMORY_MILLIS);
        if !known.contains(&outage) {
            known.push(outage);
        }
    }

    /// Those that touch a span, together with what is not over yet.
    pub fn touching(&self, from: Time, until: Time, going_on: &[Outage]) -> Vec<Outage> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let all = known.iter().chain(going_on);
        all.filter(|outage| outage.from <= until && outage.until >= from)
            .copied()
            .collect()
    }

    /// The earliest from which outages are remembered.
    pub fn horizon(now: Time) -> Time {
        now.plus_millis(-MEMORY_MILLIS)
    }
}

/// Milliseconds between two times that lie in at least one of the outages.
pub(super) fn covered(outages: &[Outage], from: Time, until: Time) -> i64 {
    let mut spans: Vec<(Time, Time)> = outages
        .iter()
        .map(|outage| (outage.from.max(from), outage.until.min(until)))
        .filter(|(from, until)| from < until)
        .collect();
    spans.sort_unstable();
    let mut counted = 0;
    let mut reached = from;
    for (from, until) in spans {
        counted += until.millis_since(from.max(reached)).max(0);
        reached = reached.max(until);
    }
    counted
}

/// True where one of the outages ended a process.
pub(super) fn broke(outages: &[Outage]) -> bool {
    outages.iter().any(|outage| outage.reach == Reach::Process)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outage(from: i64, until: i64) -> Outage {
        Outage {
            from: Time(from),
            until: Time(until),
            reach: Reach::Path,
        }
    }

    #[test]
    fn what_two_outages_share_counts_once() {
        let outages = [outage(10, 30), outage(20, 25), outage(0, 12), outage(40, 60)];
        assert_eq!(covered(&outages, Time(5), Time(50)), 25 + 10);
        assert_eq!(covered(&outages, Time(31), Time(39)), 0);
        assert_eq!(covered(&[], Time(0), Time(9)), 0);
    }

    #[test]
    fn only_outages_within_the_span_touch_it() {
        let outages = Outages::default();
        outages.add(outage(10, 30));
        assert_eq!(outages.touching(Time(31), Time(40), &[]), []);
        assert_eq!(outages.touching(Time(30), Time(40), &[outage(35, 90)]).len(), 2);
    }
}
