//! Random seeds and identifiers. The only place of the write path that draws randomness.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

use crate::machine::{Name, Time};
use crate::store::StoreError;

/// Crockford's alphabet: no letter that is read as a digit.
const ALPHABET: [char; 32] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'M', 'N', 'P',
    'Q', 'R', 'S', 'T', 'V', 'W', 'X', 'Y', 'Z',
];

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
        Ok(base32(&self.draw()?).into())
    }

    fn draw(&self) -> Result<[u8; 32], StoreError> {
        match self {
            Self::System => random(),
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

/// An identifier that follows from a history hash and a number within its decision, and that sorts by time.
pub(super) fn derived(at: Time, head: &str, number: usize) -> String {
    let digest = Sha256::new()
        .chain_update(head)
        .chain_update(number.to_be_bytes())
        .finalize();
    // 50 bits of milliseconds last for 35,000 years; 80 bits of the digest keep ids of one moment apart.
    let millis = u64::try_from(at.0).unwrap_or(0) << 14;
    let time: String = base32(&millis.to_be_bytes()).chars().take(10).collect();
    let rest: String = base32(&digest).chars().take(16).collect();
    time + &rest
}

fn random() -> Result<[u8; 32], StoreError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Randomness(error.to_string()))?;
    Ok(bytes)
}

/// The first 130 bits as 26 characters of five bits.
fn base32(bytes: &[u8]) -> String {
    let bit = |index: usize| {
        bytes
            .get(index / 8)
            .map_or(0, |byte| usize::from(byte >> (7 - index % 8) & 1))
    };
    let digit = |place: usize| (0..5).fold(0, |value, offset| value << 1 | bit(place * 5 + offset));
    (0..26).filter_map(|place| ALPHABET.get(digit(place))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_are_distinct_and_sort_by_time() {
        let id = |at, number| derived(Time(at), "head", number);
        assert_eq!(id(1_795_399_200_000, 0).len(), 26);
        assert_eq!(id(1_795_399_200_000, 0), id(1_795_399_200_000, 0));
        assert_ne!(id(1_795_399_200_000, 0), id(1_795_399_200_000, 1));
        let times = [0, 1, 31, 32, 1_795_399_200_000, 1_795_399_200_001, 1_895_399_200_000];
        let ids: Vec<_> = times.iter().map(|at| id(*at, 0)).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    }

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

    #[test]
    fn fresh_ids_are_26_characters_of_the_alphabet() {
        let ids = [fresh().unwrap(), fresh().unwrap()];
        assert_ne!(ids[0], ids[1]);
        assert!(
            ids.iter()
                .all(|id| id.len() == 26 && id.chars().all(|one| ALPHABET.contains(&one)))
        );
    }
}
