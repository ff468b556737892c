//! How many live streams are open: in all, per address, and per instance. Must not know what they show.
//!
//! Nobody can take all places: as they become few, so does what one holder may have of them. An address may hold no more than
//! are still free, so at most half of all; an instance four times as many, so at most four fifths.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::http::problem::{Code, Problem};
use crate::machine::Name;

/// What whoever is refused is told to wait, in seconds.
const COME_BACK: u32 = 5;

/// Places of one instance for each that is free. More than one: on the day of a great lot hardly anything else is watched.
const SHARE_OF_INSTANCE: usize = 4;

/// The places of one server.
pub struct Places {
    limit: usize,
    limit_per_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
    by_instance: HashMap<Name, usize>,
}

/// One place, given back when it is dropped.
pub struct Place {
    places: Arc<Places>,
    address: IpAddr,
    instance: Name,
}

impl Places {
    pub fn new(limit: usize, limit_per_address: usize) -> Self {
        Self {
            limit,
            limit_per_address,
            taken: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a place for an address that watches an instance.
///
/// # Errors
/// `too_many_requests` where the address has its share, `overloaded` where the instance has, or where there is no place left.
pub fn take(places: &Arc<Places>, address: IpAddr, instance: &Name) -> Result<Place, Problem> {
    let address = network(address);
    let mut taken = places.lock();
    let free = places.limit.saturating_sub(taken.total);
    let held = taken.by_instance.get(instance).copied().unwrap_or(0);
    if held >= free.saturating_mul(SHARE_OF_INSTANCE) {
        return Err(Problem::new(Code::Overloaded).retry_after(COME_BACK));
    }
    let own = taken.by_address.get(&address).copied().unwrap_or(0);
    if own >= places.limit_per_address.min(free) {
        return Err(Problem::new(Code::TooManyRequests).retry_after(COME_BACK));
    }
    taken.by_address.insert(address, own + 1);
    taken.by_instance.insert(Arc::clone(instance), held + 1);
    taken.total += 1;
    metrics::gauge!("luochui_streams").increment(1);
    Ok(Place {
        places: Arc::clone(places),
        address,
        instance: Arc::clone(instance),
    })
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.total = taken.total.saturating_sub(1);
        give_back(&mut taken.by_address, &self.address);
        give_back(&mut taken.by_instance, &self.instance);
        metrics::gauge!("luochui_streams").decrement(1);
    }
}

/// Counts one less; who holds none is forgotten.
fn give_back<K: Hash + Eq>(held: &mut HashMap<K, usize>, holder: &K) {
    match held.get_mut(holder) {
        Some(count) if *count > 1 => *count -= 1,
        _ => _ = held.remove(holder),
    }
}

/// A subscriber of IPv6 has a network of 64 bits: all its addresses count as one.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(long) => match long.to_ipv4_mapped() {
            Some(short) => IpAddr::V4(short),
            None => IpAddr::from((u128::from(long) >> 64 << 64).to_be_bytes()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(places: &Arc<Places>, address: &str, instance: &str) -> Result<Place, u16> {
        take(places, address.parse().unwrap(), &Name::from(instance)).map_err(|problem| problem.status)
    }

    #[test]
    fn places_are_counted_by_network_and_given_back() {
        let places = Arc::new(Places::new(4, 2));
        let first = at(&places, "2001:db8::1", "a").unwrap();
        let second = at(&places, "2001:db8::2:1", "b").unwrap();
        assert_eq!(at(&places, "2001:db8::9", "a").err(), Some(429));
        let others = ["10.0.0.1", "10.0.0.2"].map(|address| at(&places, address, "a").unwrap());
        assert_eq!(at(&places, "10.0.0.3", "c").err(), Some(503));
        drop((first, others));
        assert!(at(&places, "2001:db8::9", "a").is_ok());
        drop(second);
        let taken = places.lock();
        assert!(taken.by_address.is_empty() && taken.by_instance.is_empty());
    }

    #[test]
    fn neither_an_instance_nor_an_address_takes_the_places_of_others() {
        let places = Arc::new(Places::new(100, 1_000));
        let mut held = Vec::new();
        for nth in 0..100_u8 {
            held.extend(at(&places, &format!("10.0.0.{nth}"), "great"));
        }
        assert_eq!(held.len(), 80);
        held.extend(at(&places, "10.0.1.1", "small"));
        assert_eq!(held.len(), 81, "another is watched as well");
        drop(held);
        let mut held = Vec::new();
        for nth in 0..100 {
            held.extend(at(&places, "10.0.0.1", &nth.to_string()));
        }
        assert_eq!(held.len(), 50);
        assert!(at(&places, "10.0.1.1", "0").is_ok());
    }
}
