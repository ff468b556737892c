//! What the write path draws: seeds and identifiers. Must not be passed by: nothing else of it draws randomness.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

use crate::ids;
use crate::machine::Name;
use crate::store::StoreError;

/// Where the seeds of steps and the ids of trades come from. Cheap to clone; all clones draw from the same source.
#[derive(Clone, Debug, Default)]
pub enum Random {
    /// The operating system's.
    #[default]
    System,
    /// What follows from a text, drawn one after the other: for worlds that are to be compared byte by byte.
    Seeded(Arc<(String, AtomicU64)>),
}

impl Random {
    #[must_use]
    pub fn seeded(text: &str) -> Self {
        Self::Seeded(Arc::new((text.to_owned(), AtomicU64::new(0))))
    }

    /// 32 random bytes in hex: what a step derives its ids and salts from.
    ///
    /// # Errors
    /// A system without randomness.
    pub(super) fn seed(&self) -> Result<Name, StoreError> {
        Ok(hex::encode(self.draw()?).into())
    }

    /// A random identifier of 26 characters.
    ///
    /// # Errors
    /// A system without randomness.
    pub(super) fn fresh(&self) -> Result<Name, StoreError> {
        Ok(ids::base32(&self.draw()?).into())
    }

    fn draw(&self) -> Result<[u8; 32], StoreError> {
        match self {
            Self::System => ids::random().map_err(|error| StoreError::Randomness(error.to_string())),
            Self::Seeded(source) => {
                let (text, drawn) = &**source;
                let number = drawn.fetch_add(1, Ordering::SeqCst);
                let digest = Sha256::new().chain_update(text).chain_update(number.to_be_bytes());
                Ok(digest.finalize().into())
            }
        }
    }
}

/// A random identifier of 26 characters, for what no trade holds.
///
/// # Errors
/// A system without randomness.
pub(super) fn fresh() -> Result<Name, StoreError> {
    Random::System.fresh()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_from_a_text_comes_again_and_from_another_does_not() {
        let draw = |text: &str| {
            let random = Random::seeded(text);
            [random.seed().unwrap(), random.seed().unwrap(), random.fresh().unwrap()]
        };
        assert_eq!(draw("one"), draw("one"));
        let (one, other) = (draw("one"), draw("other"));
        assert!(one[0] != one[1] && one[0] != other[0]);
    }
}
