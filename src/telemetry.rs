//! Structured logs and metrics. Must not log personal data.
