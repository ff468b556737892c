//! SM2 keys and signatures with the default identifier (GB/T 32918.2, GB/T 35276). Must not know certificates' policies.

use ::sm2::dsa::signature::{Signer, Verifier};
use ::sm2::dsa::{self, SigningKey, VerifyingKey};
use ::sm2::elliptic_curve::sec1::ToSec1Point;
use ::sm2::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use zeroize::Zeroizing;

use super::certificate::Certificate;

/// The identifier that GB/T 35276 prescribes where none is agreed.
pub const DEFAULT_ID: &str = "1234567812345678";

/// Why a key or a signature is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Sm2Error {
    #[error("is not an SM2 key")]
    Key,
    #[error("is not a DER pair of integers")]
    Encoding,
    #[error("the signature does not fit")]
    Signature,
    #[error("no usable random bytes")]
    Random,
}

/// A private key. Its memory is overwritten when it is dropped.
#[derive(Clone)]
pub struct SecretKey {
    scalar: ::sm2::SecretKey,
    signing: SigningKey,
}

impl SecretKey {
    fn new(scalar: ::sm2::SecretKey) -> Result<Self, Sm2Error> {
        let signing = SigningKey::new(DEFAULT_ID, &scalar).map_err(|_| Sm2Error::Key)?;
        Ok(Self { scalar, signing })
    }

    /// Makes a key from what `random` fills in; asks again for bytes outside the group's order.
    ///
    /// # Errors
    /// Sixteen draws in a row are unusable, which honest randomness never gives.
    pub fn generate(random: &mut dyn FnMut(&mut [u8; 32])) -> Result<Self, Sm2Error> {
        for _ in 0..16 {
            let mut bytes = Zeroizing::new([0u8; 32]);
            random(&mut bytes);
            if let Ok(key) = Self::from_bytes(&bytes) {
                return Ok(key);
            }
        }
        Err(Sm2Error::Random)
    }

    /// The key with this scalar, big-endian.
    ///
    /// # Errors
    /// The scalar is zero or not below the group's order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Sm2Error> {
        Self::new(::sm2::SecretKey::from_slice(bytes).map_err(|_| Sm2Error::Key)?)
    }

    /// Reads PKCS#8 PEM, as OpenSSL writes it.
    ///
    /// # Errors
    /// Anything else, also a key of another curve.
    pub fn from_pem(pem: &str) -> Result<Self, Sm2Error> {
        Self::new(::sm2::SecretKey::from_pkcs8_pem(pem).map_err(|_| Sm2Error::Key)?)
    }

    /// Writes PKCS#8 PEM.
    ///
    /// # Errors
    /// The key cannot be written.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, Sm2Error> {
        self.scalar.to_pkcs8_pem(LineEnding::LF).map_err(|_| Sm2Error::Key)
    }

    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey {
            point: self.scalar.public_key(),
            verifying: self.signing.verifying_key().clone(),
        }
    }

    /// Signs a message under the default identifier: DER `SEQUENCE { r, s }`. The nonce is derived (RFC 6979).
    ///
    /// # Errors
    /// The arithmetic has no solution, which no message is known for.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Sm2Error> {
        let signature: dsa::Signature = self.signing.try_sign(message).map_err(|_| Sm2Error::Signature)?;
        Ok(signature.to_der().to_vec())
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey")
    }
}

/// A point on the SM2 curve, never the point at infinity.
#[derive(Clone, Debug)]
pub struct PublicKey {
    point: ::sm2::PublicKey,
    verifying: VerifyingKey,
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.point == other.point
    }
}

impl Eq for PublicKey {}

impl PublicKey {
    fn new(point: ::sm2::PublicKey) -> Result<Self, Sm2Error> {
        let verifying = VerifyingKey::new(DEFAULT_ID, point).map_err(|_| Sm2Error::Key)?;
        Ok(Self { point, verifying })
    }

    /// The key of an encoded point (SEC 1, compressed or not).
    ///
    /// # Errors
    /// The bytes are no point of the curve.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, Sm2Error> {
        Self::new(::sm2::PublicKey::from_sec1_bytes(bytes).map_err(|_| Sm2Error::Key)?)
    }

    /// The uncompressed point, 65 bytes.
    #[must_use]
    pub fn to_sec1(&self) -> Vec<u8> {
        self.point.to_sec1_point(false).as_bytes().to_vec()
    }

    /// Reads a `PUBLIC KEY` PEM.
    ///
    /// # Errors
    /// Anything else, also a key of another curve.
    pub fn from_pem(pem: &str) -> Result<Self, Sm2Error> {
        Self::new(::sm2::PublicKey::from_public_key_pem(pem).map_err(|_| Sm2Error::Key)?)
    }

    /// Writes a `PUBLIC KEY` PEM.
    ///
    /// # Errors
    /// The key cannot be written.
    pub fn to_pem(&self) -> Result<String, Sm2Error> {
        self.point.to_public_key_pem(LineEnding::LF).map_err(|_| Sm2Error::Key)
    }

    /// The DER `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// The key cannot be written.
    pub fn to_spki(&self) -> Result<Vec<u8>, Sm2Error> {
        let document = self.point.to_public_key_der().map_err(|_| Sm2Error::Key)?;
        Ok(document.as_bytes().to_vec())
    }

    /// The key that a certificate names.
    ///
    /// # Errors
    /// The certificate's key is not of the SM2 curve.
    pub fn from_certificate(certificate: &Certificate) -> Result<Self, Sm2Error> {
        certificate.public_key().cloned().ok_or(Sm2Error::Key)
    }

    /// Verifies a strict DER signature over a message.
    ///
    /// # Errors
    /// `Encoding` for anything but canonical DER, `Signature` where it does not fit.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Sm2Error> {
        let parsed = dsa::Signature::from_der(signature).map_err(|_| Sm2Error::Encoding)?;
        // Written back and compared, so that one signature has one encoding only.
        if parsed.to_der().as_bytes() != signature {
            return Err(Sm2Error::Encoding);
        }
        self.fits(message, &parsed)
    }

    /// Verifies what a seal or certificate carries: strict DER, or the raw 64 bytes that one vendor writes.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_carried(&self, message: &[u8], signature: &[u8]) -> Result<(), Sm2Error> {
        if signature.len() != dsa::Signature::BYTE_SIZE {
            return self.verify(message, signature);
        }
        // No DER pair of this curve that begins as DER does is told apart by length alone: try the raw form first.
        let raw = dsa::Signature::from_slice(signature).map_err(|_| Sm2Error::Encoding)?;
        self.fits(message, &raw).or_else(|_| self.verify(message, signature))
    }

    fn fits(&self, message: &[u8], signature: &dsa::Signature) -> Result<(), Sm2Error> {
        self.verifying
            .verify(message, signature)
            .map_err(|_| Sm2Error::Signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> SecretKey {
        SecretKey::generate(&mut |bytes| *bytes = [seed; 32]).unwrap()
    }

    #[test]
    fn a_signature_fits_its_message_and_key_only() {
        let (one, two) = (key(1), key(2));
        let signature = one.sign(b"message").unwrap();
        assert_eq!(one.public_key().verify(b"message", &signature), Ok(()));
        assert_eq!(
            one.public_key().verify(b"massage", &signature),
            Err(Sm2Error::Signature)
        );
        assert_eq!(
            two.public_key().verify(b"message", &signature),
            Err(Sm2Error::Signature)
        );
        for at in 0..signature.len() {
            let mut bent = signature.clone();
            bent[at] ^= 1;
            assert!(one.public_key().verify(b"message", &bent).is_err(), "byte {at}");
        }
    }

    #[test]
    fn one_signature_has_one_encoding() {
        let key = key(7);
        let der = key.sign(b"m").unwrap();
        let raw = dsa::Signature::from_der(&der).unwrap().to_bytes();
        assert_eq!(key.public_key().verify_carried(b"m", &raw), Ok(()));
        assert_eq!(key.public_key().verify(b"m", &raw), Err(Sm2Error::Encoding));
        let trailing = [der.as_slice(), &[0]].concat();
        assert_eq!(key.public_key().verify(b"m", &trailing), Err(Sm2Error::Encoding));
        // A length in the long form, and an integer with a zero too many.
        let long = [&[0x30, 0x81, der[1]], &der[2..]].concat();
        assert_eq!(key.public_key().verify(b"m", &long), Err(Sm2Error::Encoding));
        let padded = [&[0x30, der[1] + 1, 0x02, der[3] + 1, 0], &der[4..]].concat();
        assert_eq!(key.public_key().verify(b"m", &padded), Err(Sm2Error::Encoding));
        for zero in [[0x30, 6, 2, 1, 0, 2, 1, 1], [0x30, 6, 2, 1, 1, 2, 1, 0]] {
            assert!(key.public_key().verify(b"m", &zero).is_err());
        }
    }

    #[test]
    fn keys_survive_pem() {
        let key = key(9);
        let again = SecretKey::from_pem(&key.to_pem().unwrap()).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        let public = PublicKey::from_pem(&key.public_key().to_pem().unwrap()).unwrap();
        assert_eq!(public, key.public_key());
        assert_eq!(PublicKey::from_sec1(&public.to_sec1()), Ok(public));
        assert!(SecretKey::from_bytes(&[0; 32]).is_err() && SecretKey::from_bytes(&[0xff; 32]).is_err());
    }
}
