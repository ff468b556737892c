//! Identifiers of 26 characters and secrets: drawn, or made of what is known. Must not be used inside a step, which derives its
//! own from the seed (`machine::step::ids`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::machine::Time;

/// The system gives no random bytes.
pub type NoRandomness = getrandom::Error;

/// Crockford's base 32: no I, L, O or U, so that an id can be read aloud.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 26;

/// Random bytes, as many as are asked for.
///
/// # Errors
/// The system gives none.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A random id that tells nothing about order.
///
/// # Errors
/// The system gives no randomness.
pub fn id() -> Result<String, NoRandomness> {
    Ok(base32(&random::<17>()?))
}

/// The id that is made of a text: the same text gives the same id, and the id does not tell the text.
#[must_use]
pub fn id_of(text: &str) -> String {
    base32(&Sha256::digest(text.as_bytes()))
}

/// The id that follows from a history hash and a number within its decision, and that sorts by time.
#[must_use]
pub fn derived(at: Time, head: &str, number: usize) -> String {
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

/// The first 130 bits as 26 characters of five bits; bits that are not there are zeros.
#[must_use]
pub fn base32(bytes: &[u8]) -> String {
    let bit = |index: usize| {
        bytes
            .get(index / 8)
            .map_or(0, |byte| usize::from(byte >> (7 - index % 8) & 1))
    };
    let digit = |place: usize| (0..5).fold(0, |value, offset| value << 1 | bit(place * 5 + offset));
    (0..LENGTH)
        .filter_map(|place| ALPHABET.get(digit(place)).copied().map(char::from))
        .collect()
}

/// A secret of 32 random bytes for somebody to hand back, as text that can stand in a link.
///
/// # Errors
/// The system gives no randomness.
pub fn secret() -> Result<String, NoRandomness> {
    Ok(URL_SAFE_NO_PAD.encode(random::<32>()?))
}

/// What is stored of a secret: its SHA-256 in lower-case hex.
#[must_use]
pub fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_are_distinct_and_sort_by_time() {
        let id = |at, number| derived(Time(at), "head", number);
        assert_eq!(id(1_795_399_200_000, 0).len(), LENGTH);
        assert_eq!(id(1_795_399_200_000, 0), id(1_795_399_200_000, 0));
        assert_ne!(id(1_795_399_200_000, 0), id(1_795_399_200_000, 1));
        let times = [0, 1, 31, 32, 1_795_399_200_000, 1_795_399_200_001, 1_895_399_200_000];
        let ids: Vec<_> = times.iter().map(|at| id(*at, 0)).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    }

    #[test]
    fn ids_are_26_characters_of_the_alphabet_and_differ_where_they_should() {
        let ids = [id().unwrap(), id().unwrap(), id_of("one"), id_of("other")];
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert_eq!(id_of("one"), ids[2]);
        let sound = |id: &String| id.len() == LENGTH && id.bytes().all(|byte| ALPHABET.contains(&byte));
        assert!(ids.iter().all(sound), "{ids:?}");
    }
}
