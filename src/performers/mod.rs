//! What an effect does once it is committed: documents, mail, webhooks. Must not decide about a trade.

pub mod files;
