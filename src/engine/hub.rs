//! Tells the process what was committed. Must not keep anything: who was away asks the store.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::machine::history::Entry;
use crate::machine::step::Effect;
use crate::machine::{Bundle, Name, Trade};
use crate::store::published_rows::PublishedRow;

/// One decision that is durable.
#[derive(Clone)]
pub struct Committed {
    /// The trade as it stands after the decision.
    pub trade: Arc<Trade>,
    pub bundle: Arc<Bundle>,
    pub entries: Vec<Entry>,
    pub effects: Vec<Effect>,
}

/// What was published to live streams, once it is durable.
#[derive(Clone, Debug)]
pub enum News {
    /// Rows that this process committed together, in their order.
    Here(Vec<PublishedRow>),
    /// Instances for which another process committed rows; the rows are in the store.
    Elsewhere(Vec<Name>),
}

/// How far a slow listener may fall behind before it is told that it lagged.
const BACKLOG: usize = 1_024;

/// The broadcast of committed decisions, and apart from it what they published: most listeners want only the one or the other.
pub(super) struct Hub {
    committed: broadcast::Sender<Arc<Committed>>,
    news: broadcast::Sender<Arc<News>>,
}

impl Hub {
    pub fn new() -> Self {
        Self {
            committed: broadcast::Sender::new(BACKLOG),
            news: broadcast::Sender::new(BACKLOG),
        }
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.committed.subscribe()
    }

    pub fn news(&self) -> broadcast::Receiver<Arc<News>> {
        self.news.subscribe()
    }

    pub fn tell(&self, committed: Committed) {
        // Nobody listening is not a failure.
        let _unheard = self.committed.send(Arc::new(committed));
    }

    pub fn publish(&self, news: News) {
        let _unheard = self.news.send(Arc::new(news));
    }
}
