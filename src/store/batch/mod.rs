//! Everything that a batch of decisions writes, gathered so that it can be written together. Must not decide what.

pub(super) mod postgres;
pub(super) mod sqlite;

use super::booking_rows::{BookingKey, BookingRow, CapacityMove};
use super::history_rows::{HistoryRow, MoveRow};
use super::idempotency_rows::KeyRow;
use super::incident_rows::IncidentRow;
use super::ledger_rows::PostingRow;
use super::outbox_rows::OutboxRow;
use super::published_rows::PublishedRow;
use super::record_rows::{CheckpointRow, LineRow, RecordRow};
use super::timer_rows::{TimerKey, TimerRow};
use super::todo_rows::{AudienceRow, TodoRow};
use super::trade_rows::{FieldRow, InstanceRow, TradeMove, TradeRow};

/// The rows of one batch. No row stands in it twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    pub trades_opened: Vec<TradeRow>,
    /// Compared with the version they were decided on; one that moved fails the whole batch.
    pub trades_moved: Vec<TradeMove>,
    pub instances_opened: Vec<InstanceRow>,
    pub instances_changed: Vec<InstanceRow>,
    /// Inserted or replaced.
    pub fields: Vec<FieldRow>,
    pub timers_armed: Vec<TimerRow>,
    pub timers_changed: Vec<TimerRow>,
    pub timers_gone: Vec<TimerKey>,
    pub todos_opened: Vec<TodoRow>,
    pub todos_changed: Vec<TodoRow>,
    pub audience_added: Vec<AudienceRow>,
    pub audience_gone: Vec<AudienceRow>,
    pub history: Vec<HistoryRow>,
    pub moves: Vec<MoveRow>,
    pub outbox: Vec<OutboxRow>,
    pub postings: Vec<PostingRow>,
    pub incidents: Vec<IncidentRow>,
    pub published: Vec<PublishedRow>,
    pub records: Vec<RecordRow>,
    pub lines: Vec<LineRow>,
    pub checkpoints: Vec<CheckpointRow>,
    pub keys: Vec<KeyRow>,
    /// Compared like trades: one of which something was booked meanwhile fails the whole batch.
    pub capacities_moved: Vec<CapacityMove>,
    /// Inserted or replaced.
    pub bookings: Vec<BookingRow>,
    pub bookings_gone: Vec<BookingKey>,
}

impl Batch {
    /// True where there is nothing to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
