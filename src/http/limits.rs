//! Rate limits: how often one address may try to sign in, how often one account may ask, and how often one bidder may offer. Per process.
//! Must not decide about trades: a refused request never reaches a machine.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock as _, MonotonicClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use super::problem::{Code, Problem};
use super::resent::Resent;
use crate::machine::Name;
use crate::machine::step::Actor;

type Limiter<K> = RateLimiter<K, HashMapStateStore<K>, MonotonicClock>;

/// Keys kept before those that are whole again are dropped; an address costs some 60 bytes.
const KEPT: usize = 10_000;

/// The rates, in requests.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    pub login_per_minute: NonZeroU32,
    /// Files that one address may have verified.
    pub verification_per_minute: NonZeroU32,
    pub account_per_second: NonZeroU32,
    /// Events that one party, or an account that acts for none, sends to one instance, in the long run.
    pub event_per_second: NonZeroU32,
    /// How many of them may come at once after a pause.
    pub event_burst: NonZeroU32,
    /// Receipts that are signed with the answer, over all accounts.
    pub receipts_per_second: NonZeroU32,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            login_per_minute: NonZeroU32::new(20).unwrap_or(NonZeroU32::MIN),
            verification_per_minute: NonZeroU32::new(20).unwrap_or(NonZeroU32::MIN),
            account_per_second: NonZeroU32::new(50).unwrap_or(NonZeroU32::MIN),
            event_per_second: NonZeroU32::new(5).unwrap_or(NonZeroU32::MIN),
            event_burst: NonZeroU32::new(10).unwrap_or(NonZeroU32::MIN),
            receipts_per_second: NonZeroU32::new(100).unwrap_or(NonZeroU32::MIN),
        }
    }
}

/// The limiters of one server.
pub struct Limits {
    login: Limiter<IpAddr>,
    verification: Limiter<IpAddr>,
    account: Limiter<String>,
    /// By party, or account that acts for none, and instance.
    event: Limiter<(Name, Name)>,
    resent: Resent,
    receipts: Limiter<()>,
}

impl Limits {
    #[must_use]
    pub fn new(rates: Rates) -> Self {
        Self {
            login: limiter(Quota::per_minute(rates.login_per_minute)),
            verification: limiter(Quota::per_minute(rates.verification_per_minute)),
            account: limiter(Quota::per_second(rates.account_per_second)),
            receipts: limiter(Quota::per_second(rates.receipts_per_second)),
            event: limiter(Quota::per_second(rates.event_per_second).allow_burst(rates.event_burst)),
            resent: Resent::default(),
        }
    }

    /// True where there is time to sign one more receipt with its answer.
    pub fn may_sign(&self) -> bool {
        self.receipts.check_key(&()).is_ok()
    }

    /// Counts one attempt to sign in or to register.
    ///
    /// # Errors
    /// `too_many_requests`.
    pub fn login(&self, address: IpAddr) -> Result<(), Problem> {
        check(&self.login, &address)
    }

    /// Counts one file to be verified.
    ///
    /// # Errors
    /// `too_many_requests`.
    pub fn verification(&self, address: IpAddr) -> Result<(), Problem> {
        check(&self.verification, &address)
    }

    /// Counts one request of an account.
    ///
    /// # Errors
    /// `too_many_requests`.
    pub fn account(&self, account: &str) -> Result<(), Problem> {
        check(&self.account, &account.to_owned())
    }

    /// Counts one event to an instance, by the party that the sender acts for: a firm's accounts are one bidder. One that was counted before,
    /// by account and key, is not counted again. Reading is not counted here.
    ///
    /// # Errors
    /// `too_many_requests`.
    pub fn event(&self, sender: &Actor, key: &str, instance: &Name) -> Result<(), Problem> {
        if self.resent.knows(&sender.account, key) {
            return Ok(());
        }
        let bidder = sender.party.as_ref().unwrap_or(&sender.account);
        check(&self.event, &(bidder.clone(), instance.clone()))?;
        self.resent.remember(&sender.account, key);
        Ok(())
    }
}

fn limiter<K: std::hash::Hash + Eq + Clone>(quota: Quota) -> Limiter<K> {
    RateLimiter::new(quota, HashMapStateStore::default(), MonotonicClock)
}

fn check<K: std::hash::Hash + Eq + Clone>(limiter: &Limiter<K>, key: &K) -> Result<(), Problem> {
    if limiter.len() > KEPT {
        limiter.retain_recent();
        limiter.shrink_to_fit();
    }
    limiter.check_key(key).map_err(|until| {
        let wait = until.wait_time_from(MonotonicClock.now());
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        Problem::new(Code::TooManyRequests).retry_after(seconds)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_is_slowed_down_and_another_is_not() {
        let rates = Rates {
            login_per_minute: NonZeroU32::new(3).unwrap(),
            ..Rates::default()
        };
        let limits = Limits::new(rates);
        let (first, second): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        for _ in 0..3 {
            assert!(limits.login(first).is_ok());
        }
        let problem = limits.login(first).unwrap_err();
        assert_eq!(problem.status, 429);
        assert!(
            problem
                .retry_after_seconds
                .is_some_and(|seconds| (1..=60).contains(&seconds))
        );
        assert!(limits.login(second).is_ok());
    }

    #[test]
    fn events_are_counted_by_party_and_instance_and_once_each() {
        let limits = Limits::new(Rates::default());
        let actor = |account: &str, party: Option<&str>| Actor {
            account: account.into(),
            party: party.map(Name::from),
            ..Actor::default()
        };
        let (ann, bob) = (actor("ann", Some("firm")), actor("bob", Some("firm")));
        let (other, staff) = (actor("carl", Some("other")), actor("dora", None));
        let (lot, elsewhere) = (Name::from("lot"), Name::from("elsewhere"));
        for number in 0..10 {
            let sender = if number % 2 == 0 { &ann } else { &bob };
            assert!(limits.event(sender, &number.to_string(), &lot).is_ok());
        }
        for sender in [&ann, &bob] {
            let problem = limits.event(sender, "next", &lot).unwrap_err();
            assert_eq!((problem.status, problem.retry_after_seconds), (429, Some(1)));
        }
        for number in (0..10).step_by(2) {
            assert!(
                limits.event(&ann, &number.to_string(), &lot).is_ok(),
                "a lost reply is asked for again"
            );
        }
        assert!(limits.event(&other, "0", &lot).is_ok());
        assert!(limits.event(&staff, "0", &lot).is_ok());
        assert!(limits.event(&ann, "next", &elsewhere).is_ok());
        assert!(limits.account("ann").is_ok(), "reading goes on");
    }
}
