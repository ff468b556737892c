//! Time stamps after RFC 3161 (GB/T 20520): the request, the answer, and the token over a signature value.
//! Must not ask an authority itself.

mod issue;
mod named;
mod token;

pub use issue::{Request, grant, refuse};
pub use token::{Stamp, TsaError, signer_of, verify};

use der::Tag;

use super::asn1::{self, Asn1Error, write};
use super::certificate::{self, SM3};

/// The request for a stamp over bytes, with a nonce that comes back, and asking for the authority's certificate.
#[must_use]
pub fn request(bytes: &[u8], nonce: &[u8; 8]) -> Vec<u8> {
    let algorithm = write::sequence(&[write::oid(&SM3), write::null()]);
    let imprint = write::sequence(&[algorithm, write::octets(&super::sm3(bytes))]);
    write::sequence(&[
        write::integer(1),
        imprint,
        write::unsigned(nonce),
        write::boolean_true(),
    ])
}

/// The token in an authority's answer.
///
/// # Errors
/// Not an answer, or a refusal.
pub fn token_of(response: &[u8]) -> Result<Vec<u8>, Asn1Error> {
    let mut outer = certificate::sequence(asn1::single(response)?)?;
    let status = outer.sequence()?.expect(Tag::Integer)?.small()?;
    let token = outer.next()?;
    outer.finish()?;
    // 0 is granted, 1 granted with modifications.
    if status <= 1 {
        Ok(token.whole.to_vec())
    } else {
        Err(Asn1Error::Structure)
    }
}
