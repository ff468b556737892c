//! SES_Signature: a document's digest signed together with the seal. Must not judge the signer.

use der::Tag;
use der::asn1::ObjectIdentifier;

use super::SesError;
use super::seal::{self, Seal};
use crate::machine::Time;
use crate::seal::asn1::{self, Asn1Error};
use crate::seal::certificate::{self, Certificate, Extension};

/// A parsed seal signature with its original bytes.
#[derive(Clone, Debug)]
pub struct Signature {
    pub(super) der: Vec<u8>,
    pub(super) to_sign: Vec<u8>,
    pub(super) version: u32,
    pub(super) seal: Seal,
    pub(super) time: Time,
    pub(super) data_hash: Vec<u8>,
    pub(super) property: String,
    pub(super) extensions: Vec<Extension>,
    pub(super) signer: Certificate,
    pub(super) algorithm: ObjectIdentifier,
    pub(super) value: Vec<u8>,
    pub(super) time_stamp: Option<Vec<u8>>,
}

impl Signature {
    /// Parses an SES_Signature of version 4 or 5.
    ///
    /// # Errors
    /// Not DER, another structure, or an older version.
    pub fn parse(bytes: &[u8]) -> Result<Self, SesError> {
        let item = asn1::single(bytes)?;
        let mut outer = certificate::sequence(item)?;
        let to_sign = outer.expect(Tag::Sequence)?;
        let mut inner = to_sign.open()?;
        let version = inner.expect(Tag::Integer)?.small()?;
        if !matches!(version, 4 | 5) {
            return Err(SesError::Version(version));
        }
        let seal = Seal::read(inner.expect(Tag::Sequence)?)?;
        let time = inner.expect(Tag::GeneralizedTime)?.time()?;
        let data_hash = inner.expect(Tag::BitString)?.bits()?.to_vec();
        let property = inner.expect(Tag::Ia5String)?.text()?;
        let extensions = seal::tagged_extensions(&mut inner)?;
        inner.finish()?;
        let signer = Certificate::from_der(outer.expect(Tag::OctetString)?.value)?;
        let algorithm = outer.next()?.oid()?;
        let value = outer.expect(Tag::BitString)?.bits()?.to_vec();
        let time_stamp = outer.optional(asn1::explicit(0))?.map(seal::stamp).transpose()?;
        outer.finish()?;
        if data_hash.len() != 32 {
            return Err(Asn1Error::Structure.into());
        }
        Ok(Self {
            der: bytes.to_vec(),
            to_sign: to_sign.whole.to_vec(),
            version,
            seal,
            time,
            data_hash,
            property,
            extensions,
            signer,
            algorithm,
            value,
            time_stamp,
        })
    }

    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The bytes that the signer signed.
    #[must_use]
    pub fn to_sign(&self) -> &[u8] {
        &self.to_sign
    }

    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    #[must_use]
    pub fn seal(&self) -> &Seal {
        &self.seal
    }

    /// The time that the signer's side wrote; only a time stamp proves it.
    #[must_use]
    pub fn time(&self) -> Time {
        self.time
    }

    /// The SM3 digest of what the carrier protects.
    #[must_use]
    pub fn data_hash(&self) -> &[u8] {
        &self.data_hash
    }

    /// What the carrier protects, in the carrier's words: a byte range, a path.
    #[must_use]
    pub fn property(&self) -> &str {
        &self.property
    }

    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    #[must_use]
    pub fn signer(&self) -> &Certificate {
        &self.signer
    }

    /// The signature value, over which a time stamp is made.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    #[must_use]
    pub fn time_stamp(&self) -> Option<&[u8]> {
        self.time_stamp.as_deref()
    }
}
