//! Labelled points of the write path, at which a test may end a writer as a crash would. Must not change what a writer does.

use std::sync::Arc;

/// Where a writer stands with a batch that is decided, not empty, and written from memory without closures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Decided in memory; the store knows nothing.
    BeforeBegin,
    /// Written and not committed. PostgreSQL's one statement has no such point.
    BeforeCommit,
    /// Durable; nobody has been told.
    AfterCommit,
}

/// Called at each point that a writer reaches.
#[derive(Clone, Default)]
pub struct Points(Option<Arc<dyn Fn(Point) + Send + Sync>>);

impl Points {
    #[must_use]
    pub fn calling(call: impl Fn(Point) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(call)))
    }

    pub(super) fn reach(&self, point: Point) {
        if let Some(call) = &self.0 {
            call(point);
        }
    }
}

impl std::fmt::Debug for Points {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Points").field(&self.0.is_some()).finish()
    }
}
