//! Background loops: timers, outbox, calendar-driven schedules. Each is idempotent: period and nudge.
