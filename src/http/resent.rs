//! Commands that this process has counted lately, by account and idempotency key: whoever lost a reply and asks again is not counted
//! twice. Must not answer a command: the engine knows what a key was used for.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

/// Commands remembered; at 8 bytes each and twice, some 300 KiB. A client asks again within seconds.
const REMEMBERED: usize = 10_000;

/// What was counted, the oldest first.
#[derive(Debug, Default)]
pub struct Resent {
    /// Seeded at random, so that nobody can choose keys that collide.
    hasher: RandomState,
    known: Mutex<(HashSet<u64>, VecDeque<u64>)>,
}

impl Resent {
    /// True where the command was remembered.
    pub fn knows(&self, account: &str, key: &str) -> bool {
        let mark = self.hasher.hash_one((account, key));
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .contains(&mark)
    }

    /// Remembers a command, and forgets the oldest where there are too many.
    pub fn remember(&self, account: &str, key: &str) {
        let mark = self.hasher.hash_one((account, key));
        // A panic elsewhere could at most leave a mark that is never forgotten.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (marks, order) = &mut *known;
        if marks.insert(mark) {
            order.push_back(mark);
        }
        if order.len() > REMEMBERED
            && let Some(oldest) = order.pop_front()
        {
            marks.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_and_nothing_else() {
        let resent = Resent::default();
        for number in 0..=REMEMBERED {
            assert!(!resent.knows("a", &number.to_string()));
            resent.remember("a", &number.to_string());
        }
        assert!(!resent.knows("a", "0") && resent.knows("a", "1") && !resent.knows("b", "1"));
        resent.remember("a", "1");
        assert!(resent.knows("a", "2"), "what is known already takes no place");
    }
}
