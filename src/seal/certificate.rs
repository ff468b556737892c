//! X.509 certificates as they were issued: the original bytes and what is read from them.
//! Must not judge whether a certificate may be trusted: `trust` does.

mod extensions;
mod name;

use base64::Engine as _;
use der::Tag;
use der::asn1::ObjectIdentifier;
use sha2::{Digest, Sha256};

use super::asn1::{self, Asn1Error, Item, Reader};
use super::sm2::PublicKey;
use crate::machine::Time;

pub use extensions::{Extension, Extensions, KeyUsage};
pub(super) use extensions::{MAX_EXTENSIONS, one as one_extension};
pub use name::Name;

/// id-ecPublicKey
pub const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// The SM2 curve (GB/T 33560)
pub const SM2_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");
/// Signing with SM2 over SM3 (GB/T 33560)
pub const SM2_WITH_SM3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.501");
/// SM3 (GB/T 33560)
pub const SM3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.401");

/// What a certificate's key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    Sm2(PublicKey),
    /// A key for elliptic curves, but of another curve than SM2's, or no point of it.
    WrongCurve,
    /// A key of another kind, such as RSA.
    Foreign,
}

/// A parsed certificate with its original bytes.
#[derive(Clone, Debug)]
pub struct Certificate {
    der: Vec<u8>,
    tbs: Vec<u8>,
    serial: Vec<u8>,
    inner_algorithm: ObjectIdentifier,
    outer_algorithm: ObjectIdentifier,
    issuer: Name,
    subject: Name,
    not_before: Time,
    not_after: Time,
    key: Key,
    extensions: Extensions,
    signature: Vec<u8>,
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl Certificate {
    /// Parses DER of at most 256 KiB.
    ///
    /// # Errors
    /// Not DER, or not a certificate of version 3.
    pub fn from_der(der: &[u8]) -> Result<Self, Asn1Error> {
        let mut outer = sequence(asn1::single(der)?)?;
        let tbs = outer.expect(Tag::Sequence)?;
        let outer_algorithm = algorithm(&mut outer)?;
        let signature = outer.next()?.bits()?.to_vec();
        outer.finish()?;
        let mut inner = tbs.open()?;
        version_3(&mut inner)?;
        let serial = inner.next()?.unsigned()?.to_vec();
        let inner_algorithm = algorithm(&mut inner)?;
        let issuer = Name::parse(inner.expect(Tag::Sequence)?)?;
        let mut validity = inner.sequence()?;
        let (not_before, not_after) = (validity.next()?.time()?, validity.next()?.time()?);
        validity.finish()?;
        let subject = Name::parse(inner.expect(Tag::Sequence)?)?;
        let key = key(inner.expect(Tag::Sequence)?)?;
        // The unique identifiers of version 2, which nobody uses.
        inner.optional(asn1::implicit(1))?;
        inner.optional(asn1::implicit(2))?;
        let extensions = match inner.optional(asn1::explicit(3))? {
            Some(item) => Extensions::parse(item)?,
            None => Extensions::default(),
        };
        inner.finish()?;
        Ok(Self {
            der: der.to_vec(),
            tbs: tbs.whole.to_vec(),
            serial,
            inner_algorithm,
            outer_algorithm,
            issuer,
            subject,
            not_before,
            not_after,
            key,
            extensions,
            signature,
        })
    }

    /// Parses the one certificate of a PEM text.
    ///
    /// # Errors
    /// None, or several, or anything else than white space after it.
    pub fn from_pem(pem: &str) -> Result<Self, Asn1Error> {
        match Self::all_from_pem(pem)?.as_slice() {
            [one] => Ok(one.clone()),
            _ => Err(Asn1Error::Structure),
        }
    }

    /// Parses all certificates of a PEM text, in their order; text between them is passed over, as OpenSSL does.
    ///
    /// # Errors
    /// A block that is not one.
    pub fn all_from_pem(pem: &str) -> Result<Vec<Self>, Asn1Error> {
        blocks(pem, "CERTIFICATE")?
            .iter()
            .map(|der| Self::from_der(der))
            .collect()
    }

    /// Parses what people upload: DER, PEM, or the bare base64 that middleware exports.
    ///
    /// # Errors
    /// None of the three.
    pub fn from_any(bytes: &[u8]) -> Result<Self, Asn1Error> {
        if bytes.len() > asn1::MAX_BYTES {
            return Err(Asn1Error::Size);
        }
        if bytes.first() == Some(&0x30) {
            return Self::from_der(bytes);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Asn1Error::Encoding)?;
        if text.contains("-----BEGIN ") {
            return Self::from_pem(text);
        }
        Self::from_der(&base64_of(text)?)
    }

    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// PEM with lines of 64 characters.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }

    /// SHA-256 of the original bytes, lower-case hex.
    #[must_use]
    pub fn sha256(&self) -> String {
        hex::encode(Sha256::digest(&self.der))
    }

    /// The signed part, as it stands in the original.
    #[must_use]
    pub fn tbs(&self) -> &[u8] {
        &self.tbs
    }

    /// The magnitude of the serial number.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// The signature algorithm inside and outside of the signed part.
    #[must_use]
    pub fn algorithms(&self) -> (ObjectIdentifier, ObjectIdentifier) {
        (self.inner_algorithm, self.outer_algorithm)
    }

    #[must_use]
    pub fn issuer(&self) -> &Name {
        &self.issuer
    }

    #[must_use]
    pub fn subject(&self) -> &Name {
        &self.subject
    }

    /// First and last moment of the period, both inside it.
    #[must_use]
    pub fn period(&self) -> (Time, Time) {
        (self.not_before, self.not_after)
    }

    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The key, where it is one of SM2.
    #[must_use]
    pub fn public_key(&self) -> Option<&PublicKey> {
        match &self.key {
            Key::Sm2(key) => Some(key),
            Key::WrongCurve | Key::Foreign => None,
        }
    }

    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// True where issuer and subject are the same name.
    #[must_use]
    pub fn self_issued(&self) -> bool {
        self.issuer == self.subject
    }
}

/// A reader of an element that must be a SEQUENCE.
pub(super) fn sequence(item: Item<'_>) -> Result<Reader<'_>, Asn1Error> {
    if item.tag == Tag::Sequence {
        item.open()
    } else {
        Err(Asn1Error::Structure)
    }
}

/// An AlgorithmIdentifier of a signature: parameters absent or NULL, as both are seen.
pub(super) fn algorithm(reader: &mut Reader<'_>) -> Result<ObjectIdentifier, Asn1Error> {
    let mut inner = reader.sequence()?;
    let oid = inner.next()?.oid()?;
    if !inner.is_empty() {
        // Other algorithms have parameters of their own; what is not SM2 is refused later by its OID.
        inner.next()?;
    }
    inner.finish()?;
    Ok(oid)
}

fn version_3(reader: &mut Reader<'_>) -> Result<(), Asn1Error> {
    let mut inner = reader.expect(asn1::explicit(0))?.open()?;
    let version = inner.next()?.small()?;
    inner.finish()?;
    if version == 2 {
        Ok(())
    } else {
        Err(Asn1Error::Structure)
    }
}

fn key(item: Item<'_>) -> Result<Key, Asn1Error> {
    let mut spki = item.open()?;
    let mut algorithm = spki.sequence()?;
    let point = spki.next()?.bits()?;
    spki.finish()?;
    if algorithm.next()?.oid()? != EC_PUBLIC_KEY {
        return Ok(Key::Foreign);
    }
    let curve = algorithm.next().and_then(Item::oid).ok();
    let point = PublicKey::from_sec1(point).ok();
    Ok(match (curve, point) {
        (Some(SM2_CURVE), Some(point)) if algorithm.is_empty() => Key::Sm2(point),
        _ => Key::WrongCurve,
    })
}

/// The contents of all PEM blocks with this label.
pub(super) fn blocks(text: &str, label: &str) -> Result<Vec<Vec<u8>>, Asn1Error> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(&begin) {
        let (body, after) = after.split_once(&end).ok_or(Asn1Error::Encoding)?;
        found.push(base64_of(body)?);
        rest = after;
    }
    Ok(found)
}

/// Base64 with or without line breaks.
pub(super) fn base64_of(text: &str) -> Result<Vec<u8>, Asn1Error> {
    if text.len() > 2 * asn1::MAX_BYTES {
        return Err(Asn1Error::Size);
    }
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .map_err(|_| Asn1Error::Encoding)
}

/// A PEM block with lines of 64 characters.
#[must_use]
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut lines = format!("-----BEGIN {label}-----\n");
    for (at, character) in text.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            lines.push('\n');
        }
        lines.push(character);
    }
    lines + &format!("\n-----END {label}-----\n")
}
