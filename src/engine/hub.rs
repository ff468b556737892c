//! Tells the process what was committed. Must not keep anything: who was away asks the store.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::machine::history::Entry;
use crate::machine::step::Effect;
use crate::machine::{Bundle, Trade};

/// One decision that is durable.
#[derive(Clone)]
pub struct Committed {
    /// The trade as it stands after the decision.
    pub trade: Arc<Trade>,
    pub bundle: Arc<Bundle>,
    pub entries: Vec<Entry>,
    pub effects: Vec<Effect>,
}

/// How far a slow listener may fall behind before it is told that it lagged.
const BACKLOG: usize = 1_024;

/// The broadcast of committed decisions.
pub(super) struct Hub(broadcast::Sender<Arc<Committed>>);

impl Hub {
    pub fn new() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.0.subscribe()
    }

    pub fn tell(&self, committed: Committed) {
        // Nobody listening is not a failure.
        let _unheard = self.0.send(Arc::new(committed));
    }
}
