//! Draws ids and secrets. Must not be used inside a step, which derives its own from the seed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::problem::Problem;

/// Crockford's base 32: no I, L, O or U, so that an id can be read aloud.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A random id of 26 characters that tells nothing about order.
///
/// # Errors
/// The system gives no randomness.
pub fn id() -> Result<String, Problem> {
    let bits = u128::from_be_bytes(random()?);
    let digit = |place: u32| {
        let index = usize::try_from((bits >> (5 * place)) & 31).unwrap_or(0);
        char::from(ALPHABET.get(index).copied().unwrap_or(b'0'))
    };
    Ok((0..26).rev().map(digit).collect())
}

/// A secret of 32 random bytes for a client to hand back, as text.
///
/// # Errors
/// The system gives no randomness.
pub fn secret() -> Result<String, Problem> {
    Ok(URL_SAFE_NO_PAD.encode(random::<32>()?))
}

/// What is stored of a secret: its SHA-256 in lower-case hex.
#[must_use]
pub fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0u8; N];
    getrandom::fill(&mut bytes).map_err(|error| Problem::internal("draw randomness", &error))?;
    Ok(bytes)
}
