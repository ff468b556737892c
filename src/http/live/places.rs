//! How many live streams are open, in all and per address. Must not know what they show.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::http::problem::{Code, Problem};

/// What whoever is refused is told to wait, in seconds.
const COME_BACK: u32 = 5;

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
}

/// One place, given back when it is dropped.
pub struct Place {
    places: Arc<Places>,
    address: IpAddr,
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

/// Takes a place for an address.
///
/// # Errors
/// `too_many_requests` where the address has its share, `overloaded` where there is none left.
pub fn take(places: &Arc<Places>, address: IpAddr) -> Result<Place, Problem> {
    let address = network(address);
    let mut taken = places.lock();
    if taken.total >= places.limit {
        return Err(Problem::new(Code::Overloaded).retry_after(COME_BACK));
    }
    let own = taken.by_address.entry(address).or_default();
    if *own >= places.limit_per_address {
        return Err(Problem::new(Code::TooManyRequests).retry_after(COME_BACK));
    }
    *own += 1;
    taken.total += 1;
    metrics::gauge!("luochui_streams").increment(1);
    Ok(Place {
        places: Arc::clone(places),
        address,
    })
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.total = taken.total.saturating_sub(1);
        if let Some(own) = taken.by_address.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                taken.by_address.remove(&self.address);
            }
        }
        metrics::gauge!("luochui_streams").decrement(1);
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

    #[test]
    fn places_are_counted_by_network_and_given_back() {
        let places = Arc::new(Places::new(3, 2));
        let code = |address: &str| take(&places, address.parse().unwrap()).map_err(|problem| problem.status);
        let (first, second) = (code("2001:db8::1").unwrap(), code("2001:db8::2:1").unwrap());
        assert_eq!(code("2001:db8::9").err(), Some(429));
        let third = code("10.0.0.1").unwrap();
        assert_eq!(code("10.0.0.2").err(), Some(503));
        drop((first, third));
        assert!(code("2001:db8::9").is_ok());
        drop(second);
        assert!(places.lock().by_address.is_empty());
    }
}
