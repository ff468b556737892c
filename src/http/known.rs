//! Callers whose token, session and account were looked up and found good a moment ago, so that the next request of theirs asks
//! neither the signature nor the store again. Must not outlive a change: whatever this process writes beside the trades empties
//! it, and what another process may have written is asked for again after a second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::caller::Account;
use crate::machine::Time;

/// Callers kept before those that were not seen since are dropped: between this and twice as many, of some 600 bytes each.
const KEPT: usize = 10_000;

/// How long a finding holds where another process may have changed it.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// The SHA-256 of a token: the token itself is not kept.
type Token = [u8; 32];

/// What was found, and for how long it holds.
#[derive(Clone)]
pub struct Known {
    pub account: Arc<Account>,
    /// From when the token holds.
    pub begins: Time,
    /// The earlier end, of the token and of the session.
    pub ends: Time,
    /// How much this process had written beside the trades before the look-up began.
    pub changes: u64,
    pub looked_up: Instant,
}

/// Two generations: when the young one is full it becomes the old one, and who was not seen since is forgotten.
#[derive(Default)]
pub struct KnownCallers(Mutex<[HashMap<Token, Known>; 2]>);

/// Whether other processes write to the same database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    Alone,
    Shared,
}

impl KnownCallers {
    /// The account of a token, where what was found of it still holds.
    pub fn find(&self, token: &str, now: Time, changes: u64, sharing: Sharing) -> Option<Arc<Account>> {
        let token = digest(token);
        let mut generations = self.lock();
        let [young, old] = &mut *generations;
        let known = match young.get(&token) {
            Some(known) => known,
            None => {
                let known = old.remove(&token)?;
                young.entry(token).or_insert(known)
            }
        };
        let fresh = sharing == Sharing::Alone || known.looked_up.elapsed() < SHARED_FOR;
        let holds = known.changes == changes && fresh && known.begins <= now && now < known.ends;
        holds.then(|| Arc::clone(&known.account))
    }

    pub fn keep(&self, token: &str, known: Known) {
        let mut generations = self.lock();
        let [young, old] = &mut *generations;
        if young.len() >= KEPT {
            *old = std::mem::take(young);
        }
        young.insert(digest(token), known);
    }

    fn lock(&self) -> MutexGuard<'_, [HashMap<Token, Known>; 2]> {
        // Every change is a single map operation, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(token: &str) -> Token {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::caller::Standing;
    use crate::machine::step::Actor;

    fn known(changes: u64) -> Known {
        let account = Account {
            id: "a".into(),
            standing: Standing::Ordinary,
            actor: Actor::default(),
            session: "s".into(),
        };
        Known {
            account: Arc::new(account),
            begins: Time(1_000),
            ends: Time(2_000),
            changes,
            looked_up: Instant::now(),
        }
    }

    #[test]
    fn a_finding_holds_within_its_time_and_until_something_is_written() {
        let callers = KnownCallers::default();
        let find = |token, now, changes| callers.find(token, Time(now), changes, Sharing::Alone).is_some();
        assert!(!find("t", 1_500, 7));
        callers.keep("t", known(7));
        assert!(find("t", 1_000, 7) && find("t", 1_999, 7));
        assert!(!find("t", 999, 7) && !find("t", 2_000, 7));
        assert!(!find("t", 1_500, 8), "something was written since");
        assert!(!find("other", 1_500, 7));
    }

    #[test]
    fn where_others_write_a_finding_is_asked_for_again_after_a_second() {
        let callers = KnownCallers::default();
        let mut old = known(1);
        let Some(before) = old.looked_up.checked_sub(SHARED_FOR) else {
            return;
        };
        callers.keep("t", old.clone());
        assert!(callers.find("t", Time(1_500), 1, Sharing::Shared).is_some());
        old.looked_up = before;
        callers.keep("t", old);
        assert!(callers.find("t", Time(1_500), 1, Sharing::Shared).is_none());
        assert!(callers.find("t", Time(1_500), 1, Sharing::Alone).is_some());
    }

    #[test]
    fn who_was_not_seen_for_long_is_forgotten() {
        let callers = KnownCallers::default();
        callers.keep("first", known(1));
        for number in 0..2 * KEPT {
            callers.keep(&number.to_string(), known(1));
        }
        assert!(callers.find("first", Time(1_500), 1, Sharing::Alone).is_none());
        let last = (2 * KEPT - 1).to_string();
        assert!(callers.find(&last, Time(1_500), 1, Sharing::Alone).is_some());
    }
}
