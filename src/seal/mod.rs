//! Certificates and electronic seals: SM2 and SM3, X.509 after GB/T 20518, GB/T 38540 seals and signatures, time stamps.
//! Must not do input or output, read a clock or draw randomness: all three are passed in.

pub mod asn1;
pub mod authority;
pub mod certificate;
pub mod document;
pub mod file;
pub mod issue;
pub mod mark;
pub mod ofd;
pub mod pdf;
pub mod report;
pub mod ses;
pub mod sm2;
pub mod stamp;
pub mod trust;
pub mod tsa;
pub mod work;

use ::sm3::{Digest, Sm3};

/// The SM3 digest (GB/T 32905) of the bytes.
#[must_use]
pub fn sm3(bytes: &[u8]) -> [u8; 32] {
    Sm3::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_examples_of_the_standard() {
        let abc = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0";
        assert_eq!(hex::encode(super::sm3(b"abc")), abc);
        let long = "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732";
        assert_eq!(hex::encode(super::sm3(&b"abcd".repeat(16))), long);
    }
}
