//! Which stamps are out: a deadline waits until everything stamped before it has reached the queue. Must not stamp by itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::machine::Time;

/// The stamps of requests that are being read and checked.
#[derive(Clone, Default)]
pub(super) struct Ingress {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// How many requests carry each stamp.
    out: Mutex<BTreeMap<Time, usize>>,
    returned: Notify,
}

/// The moment at which a request entered the platform. Keep it until the request has been submitted.
pub struct Stamp {
    at: Time,
    ingress: Ingress,
}

impl Stamp {
    #[must_use]
    pub fn at(&self) -> Time {
        self.at
    }
}

impl Drop for Stamp {
    fn drop(&mut self) {
        let mut out = self.ingress.lock();
        if let Some(count) = out.get_mut(&self.at) {
            *count -= 1;
            if *count == 0 {
                out.remove(&self.at);
            }
        }
        drop(out);
        self.ingress.inner.returned.notify_waiters();
    }
}

impl Ingress {
    pub fn stamp(&self, at: Time) -> Stamp {
        *self.lock().entry(at).or_default() += 1;
        Stamp {
            at,
            ingress: self.clone(),
        }
    }

    /// Waits until no stamp before `due` is out, at most `longest` of real time.
    pub async fn drained(&self, due: Time, longest: Duration) {
        let end = Instant::now() + longest;
        loop {
            let returned = self.inner.returned.notified();
            if self.lock().keys().next().is_none_or(|first| *first >= due) {
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || tokio::time::timeout(left, returned).await.is_err() {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Time, usize>> {
        self.inner.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
