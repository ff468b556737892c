//! Ids that follow from the step's seed and tell nothing about order. Must not draw randomness of its own.

use sha2::{Digest, Sha256};

use crate::machine::value::Name;

/// 26 characters of Crockford's base32 that follow from a text and do not tell it.
pub(super) fn scramble(text: &str) -> Name {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let hash = Sha256::digest(text.as_bytes());
    let mut bits = hash
        .iter()
        .take(16)
        .fold(0_u128, |bits, byte| (bits << 8) | u128::from(*byte));
    let mut letters = [b'0'; 26];
    for letter in letters.iter_mut().rev() {
        *letter = ALPHABET[usize::try_from(bits & 31).unwrap_or_default()];
        bits >>= 5;
    }
    String::from_utf8_lossy(&letters).into()
}
