//! The columns of every table, as diesel sees them. Must not hold queries.

mod effect;
mod platform;
mod todo;
mod trade;

pub use effect::{incidents, ledger_postings, outbox, published, records};
pub use platform::{calendars, definitions, heartbeats, idempotency_keys, outages, schedule_slots};
pub use todo::{todo_audience, todos};
pub use trade::{history, instance_fields, instances, timers, trades};

diesel::allow_tables_to_appear_in_same_query!(
    trades,
    instances,
    instance_fields,
    timers,
    history,
    todos,
    todo_audience,
    outbox,
    ledger_postings,
    incidents,
    published,
    records,
);
