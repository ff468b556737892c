//! Background loops: the outbox and calendar-driven sweeps. Each is idempotent: period and nudge.

pub mod cron;
pub mod outbox;
mod reminders;
pub mod sweeps;
