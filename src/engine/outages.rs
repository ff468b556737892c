//! Remembers when nothing could be decided, and when processes ended. Must not judge: a machine is told how much of a timer's
//! time it took.

use std::sync::{Mutex, PoisonError, RwLock};

use crate::machine::Time;
use crate::machine::outage::{self, Outage};
use crate::machine::step::Delay;
use crate::machine::trade::Timer;

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

    /// What is to be recorded.
    pub fn unrecorded(&self) -> Vec<Outage> {
        self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// These are recorded, and durable.
    pub fn recorded(&self, outages: &[Outage]) {
        let mut unrecorded = self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner);
        unrecorded.retain(|outage| !outages.contains(outage));
    }

    /// Keeps an outage that is recorded; one that went on takes the place of what was known of it.
    pub fn add(&self, outage: Outage) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|old| outage.until.millis_since(old.until) < MEMORY_MILLIS);
        match known
            .iter_mut()
            .find(|old| (old.from, old.reach) == (outage.from, outage.reach))
        {
            Some(old) => old.until = old.until.max(outage.until),
            None => known.push(outage),
        }
    }

    /// What stood in a timer's way until now, by these and by what is not over yet.
    pub fn delay(&self, timer: &Timer, going_on: &[Outage], now: Time) -> Delay {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        outage::delay(timer, known.iter().chain(going_on), now)
    }

    /// The earliest from which outages are remembered.
    pub fn horizon(now: Time) -> Time {
        now.plus_millis(-MEMORY_MILLIS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::outage::Reach;

    #[test]
    fn an_outage_waits_to_be_recorded_until_it_is_durable() {
        let outages = Outages::default();
        let outage = |from| Outage {
            from: Time(from),
            until: Time(from + 5),
            reach: Reach::Path,
        };
        outages.suffer(outage(0));
        let first = outages.unrecorded();
        outages.suffer(outage(10));
        // Another mark that is written at the same time tells it as well.
        assert_eq!(outages.unrecorded(), [outage(0), outage(10)]);
        outages.recorded(&first);
        assert_eq!(outages.unrecorded(), [outage(10)]);
    }
}
