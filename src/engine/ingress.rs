//! Which stamps are out: a deadline waits until everything stamped before it has been decided. Must not stamp by itself.
//!
//! ```text
//! on its way ── a writer takes it ── in hand ── answered ── done
//!                                       └─ held back behind its own trade's deadline ─┘
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::machine::Time;

/// The stamps of requests that are not answered yet.
#[derive(Clone, Default)]
pub(super) struct Ingress {
    out: Arc<Mutex<Out>>,
}

/// How many requests carry each stamp, by how far they have come.
#[derive(Default)]
struct Out {
    /// Being read and checked, or queued: nobody knows yet which trade they are for, and how they will be decided.
    on_their_way: BTreeMap<Time, usize>,
    /// With a writer.
    in_hand: BTreeMap<Time, usize>,
}

/// How far a stamped request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    OnItsWay,
    InHand,
    /// Waits for its own trade's deadline, and holds up nothing else.
    HeldBack,
    Done,
}

/// The moment at which a request entered the platform. Keep it until the request has been submitted.
pub struct Stamp(Arc<Slot>);

struct Slot {
    at: Time,
    stage: Mutex<Stage>,
    out: Arc<Mutex<Out>>,
}

impl Stamp {
    #[must_use]
    pub fn at(&self) -> Time {
        self.0.at
    }

    /// The same stamp, for who takes the request on.
    pub(super) fn share(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    pub(super) fn move_on(&self, stage: Stage) {
        self.0.move_on(stage);
    }
}

impl Slot {
    fn move_on(&self, to: Stage) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counts) = out.at(*stage) {
            remove(counts, self.at);
        }
        if let Some(counts) = out.at(to) {
            *counts.entry(self.at).or_default() += 1;
        }
        *stage = to;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.move_on(Stage::Done);
    }
}

impl Out {
    fn at(&mut self, stage: Stage) -> Option<&mut BTreeMap<Time, usize>> {
        match stage {
            Stage::OnItsWay => Some(&mut self.on_their_way),
            Stage::InHand => Some(&mut self.in_hand),
            Stage::HeldBack | Stage::Done => None,
        }
    }
}

fn remove(counts: &mut BTreeMap<Time, usize>, at: Time) {
    if let Some(count) = counts.get_mut(&at) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&at);
        }
    }
}

impl Ingress {
    /// Stamps a request. The clock is read while nobody can ask which stamps are out, so that no stamp appears behind an
    /// answer already given.
    pub fn stamp(&self, clock: impl FnOnce() -> Time) -> Stamp {
        let mut out = self.lock();
        let at = clock();
        *out.on_their_way.entry(at).or_default() += 1;
        drop(out);
        Stamp(Arc::new(Slot {
            at,
            stage: Mutex::new(Stage::OnItsWay),
            out: Arc::clone(&self.out),
        }))
    }

    /// True where a request stamped before `due` has not reached a writer.
    pub fn awaits(&self, due: Time) -> bool {
        let out = self.lock();
        out.on_their_way.keys().next().is_some_and(|first| *first < due)
    }

    /// The time before which nothing is stamped that is not decided, now or ever again.
    pub fn drained(&self, clock: impl FnOnce() -> Time) -> Time {
        let out = self.lock();
        let first = out.on_their_way.keys().chain(out.in_hand.keys()).min();
        first.map_or_else(clock, |first| *first)
    }

    fn lock(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_waits_for_what_is_on_its_way_and_other_processes_for_what_is_in_hand_too() {
        let ingress = Ingress::default();
        let stamp = ingress.stamp(|| Time(10));
        let kept = stamp.share();
        assert!(ingress.awaits(Time(11)) && !ingress.awaits(Time(10)));
        stamp.move_on(Stage::InHand);
        assert!(!ingress.awaits(Time(11)));
        assert_eq!(ingress.drained(|| Time(20)), Time(10));
        stamp.move_on(Stage::HeldBack);
        assert_eq!(ingress.drained(|| Time(20)), Time(20));
        stamp.move_on(Stage::InHand);
        drop(stamp);
        assert_eq!(ingress.drained(|| Time(20)), Time(10));
        drop(kept);
        assert_eq!(ingress.drained(|| Time(20)), Time(20));
    }
}
