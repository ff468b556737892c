//! Sealing a document whose holder keeps the key elsewhere: preparing what is signed, asking whoever signs, and judging what
//! comes back. Must not know requests, accounts or trades: `http` brings them together with these steps.

pub mod evidence;
mod judge;
mod prepare;
mod provider;
mod sharing;
mod soft_token;
mod stamp;

pub use judge::{Answer, Judged, TestKeys, Waiting, judge};
pub use prepare::{Order, Prepared, SealPlace, prepare, rehearse};
pub use provider::{Asked, ClientToken, Provider, Request};
pub use sharing::SharingPlatform;
pub use soft_token::SoftToken;
pub use stamp::{Stamper, TimeSource};

/// A lawful no, with a stable code and a sentence for the person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {sentence}")]
pub struct Fault {
    pub code: &'static str,
    pub sentence: String,
}

impl Fault {
    pub fn new(code: &'static str, sentence: impl Into<String>) -> Self {
        Self {
            code,
            sentence: sentence.into(),
        }
    }
}
