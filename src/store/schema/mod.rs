//! The columns of every table, as diesel sees them. Must not hold queries.

mod account;
mod booking;
mod certificate;
mod effect;
mod performer;
mod platform;
mod record;
mod sealing;
mod todo;
mod token;
mod trade;

pub use account::{account_posts, accounts, drafts, files, organisations, parties, refresh_tokens, sessions};
pub use booking::{bookings, capacities};
pub use certificate::{account_certificates, login_challenges, staff_numbers, trust_entries};
pub use effect::{incidents, ledger_postings, outbox, published, records};
pub use performer::{document_numbers, documents, mail_log};
pub use platform::{calendars, definitions, heartbeats, idempotency_keys, outages, schedule_slots};
pub use record::{record_checkpoints, record_lines};
pub use sealing::{document_imprints, e_seals, seal_jobs, seal_signatures};
pub use todo::{todo_audience, todos};
pub use token::mail_tokens;
pub use trade::{history, instance_fields, instances, moves, timers, trades};

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
diesel::allow_tables_to_appear_in_same_query!(seal_jobs, seal_signatures);
diesel::allow_tables_to_appear_in_same_query!(record_lines, record_checkpoints);
