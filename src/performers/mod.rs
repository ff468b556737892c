//! What an effect does once it is committed: documents, mail, webhooks. Must not decide about a trade.

pub mod files;
pub mod format;
pub mod helpers;
pub mod platform;
pub mod rendering;
pub mod typeset;
pub mod values;
