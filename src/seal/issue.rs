//! Building certificates and revocation lists for an authority of one's own: first the bytes to sign, then the whole.
//! Must not hold or use a key, and must not decide what an authority may issue.

use der::asn1::ObjectIdentifier;

use super::asn1::{Asn1Error, write};
use super::certificate::{Extension, SM2_WITH_SM3};
use super::sm2::PublicKey;
use super::trust::Entry;
use crate::machine::Time;

/// The bits of keyUsage (RFC 5280, 4.2.1.3), to be added up.
pub mod usage {
    pub const DIGITAL_SIGNATURE: u16 = 1 << 0;
    pub const NON_REPUDIATION: u16 = 1 << 1;
    pub const KEY_ENCIPHERMENT: u16 = 1 << 2;
    pub const DATA_ENCIPHERMENT: u16 = 1 << 3;
    pub const KEY_AGREEMENT: u16 = 1 << 4;
    pub const CERTIFICATES: u16 = 1 << 5;
    pub const REVOCATIONS: u16 = 1 << 6;
}

/// A certificate that is still to be signed.
#[derive(Clone, Debug)]
pub struct CertificateDraft {
    /// Big-endian, 1 to 20 bytes.
    pub serial: Vec<u8>,
    /// DER names, as [`name`] makes them.
    pub issuer: Vec<u8>,
    pub subject: Vec<u8>,
    pub not_before: Time,
    pub not_after: Time,
    /// DER SubjectPublicKeyInfo.
    pub key: Vec<u8>,
    pub extensions: Vec<Extension>,
}

impl CertificateDraft {
    /// The DER of TBSCertificate: the bytes that the issuer signs.
    #[must_use]
    pub fn to_sign(&self) -> Vec<u8> {
        write::sequence(&[
            write::explicit(0, &write::integer(2)),
            write::unsigned(&self.serial),
            write::sequence(&[write::oid(&SM2_WITH_SM3)]),
            self.issuer.clone(),
            write::sequence(&[write::x509_time(self.not_before), write::x509_time(self.not_after)]),
            self.subject.clone(),
            self.key.clone(),
            write::explicit(3, &extensions(&self.extensions)),
        ])
    }
}

/// A revocation list that is still to be signed.
#[derive(Clone, Debug)]
pub struct ListDraft {
    /// The DER name of the issuer.
    pub issuer: Vec<u8>,
    pub this_update: Time,
    pub next_update: Time,
    /// Serial numbers, big-endian, with what is said of them.
    pub entries: Vec<(Vec<u8>, Entry)>,
    pub extensions: Vec<Extension>,
}

impl ListDraft {
    /// The DER of TBSCertList: the bytes that the issuer signs.
    #[must_use]
    pub fn to_sign(&self) -> Vec<u8> {
        let mut parts = vec![
            write::integer(1),
            write::sequence(&[write::oid(&SM2_WITH_SM3)]),
            self.issuer.clone(),
            write::x509_time(self.this_update),
            write::x509_time(self.next_update),
        ];
        // An empty list is left out (RFC 5280, 5.1.2.6).
        if !self.entries.is_empty() {
            let entries: Vec<_> = self.entries.iter().map(entry).collect();
            parts.push(write::sequence(&entries));
        }
        parts.push(write::explicit(0, &extensions(&self.extensions)));
        write::sequence(&parts)
    }
}

fn entry((serial, entry): &(Vec<u8>, Entry)) -> Vec<u8> {
    let mut parts = vec![write::unsigned(serial), write::x509_time(entry.from)];
    if let Some(reason) = u8::try_from(entry.reason).ok().filter(|reason| *reason > 0) {
        let reason = Extension {
            oid: ObjectIdentifier::new_unwrap("2.5.29.21"),
            critical: false,
            value: write::element(0x0a, &[reason]),
        };
        parts.push(extensions(&[reason]));
    }
    write::sequence(&parts)
}

/// The whole from the signed part and the signature: a certificate or a revocation list.
#[must_use]
pub fn assemble(to_sign: &[u8], signature: &[u8]) -> Vec<u8> {
    write::sequence(&[
        to_sign.to_vec(),
        write::sequence(&[write::oid(&SM2_WITH_SM3)]),
        write::bits(signature),
    ])
}

/// A DER name of dotted attribute types and their values, as UTF8String (GB/T 20518); the country as PrintableString.
///
/// # Errors
/// A type that is no object identifier.
pub fn name(attributes: &[(&str, &str)]) -> Result<Vec<u8>, Asn1Error> {
    let attribute = |(kind, value): &(&str, &str)| {
        let oid = ObjectIdentifier::new(kind).map_err(|_| Asn1Error::Structure)?;
        let text = match *kind {
            "2.5.4.6" => write::printable(value),
            _ => write::utf8(value),
        };
        Ok(write::set(vec![write::sequence(&[write::oid(&oid), text])]))
    };
    let parts: Result<Vec<_>, Asn1Error> = attributes.iter().map(attribute).collect();
    Ok(write::sequence(&parts?))
}

/// keyUsage, critical, of the bits in [`usage`].
#[must_use]
pub fn key_usage(bits: u16) -> Extension {
    let reversed = u8::try_from(bits & 0xff).unwrap_or(0).reverse_bits();
    // DER drops the zero bits at the end (X.690, 11.2.2).
    let unused = u8::try_from(reversed.trailing_zeros().min(7)).unwrap_or(0);
    Extension {
        oid: ObjectIdentifier::new_unwrap("2.5.29.15"),
        critical: true,
        value: write::element(0x03, &[unused, reversed]),
    }
}

/// basicConstraints of an authority, critical, with how many authorities may follow below it.
#[must_use]
pub fn authority(path_length: Option<u32>) -> Extension {
    let mut parts = vec![write::boolean_true()];
    parts.extend(path_length.map(write::integer));
    Extension {
        oid: ObjectIdentifier::new_unwrap("2.5.29.19"),
        critical: true,
        value: write::sequence(&parts),
    }
}

/// extendedKeyUsage of dotted identifiers.
///
/// # Errors
/// One that is no object identifier.
pub fn extended_usage(oids: &[&str]) -> Result<Extension, Asn1Error> {
    let parts: Result<Vec<_>, _> = oids
        .iter()
        .map(|oid| ObjectIdentifier::new(oid).map(|oid| write::oid(&oid)))
        .collect();
    Ok(Extension {
        oid: ObjectIdentifier::new_unwrap("2.5.29.37"),
        critical: true,
        value: write::sequence(&parts.map_err(|_| Asn1Error::Structure)?),
    })
}

/// The identifier of a key: the first 20 bytes of the SM3 of its point.
#[must_use]
pub fn key_identifier(key: &PublicKey) -> Vec<u8> {
    super::sm3(&key.to_sec1()).into_iter().take(20).collect()
}

/// subjectKeyIdentifier.
#[must_use]
pub fn subject_key(identifier: &[u8]) -> Extension {
    Extension {
        oid: ObjectIdentifier::new_unwrap("2.5.29.14"),
        critical: false,
        value: write::octets(identifier),
    }
}

/// authorityKeyIdentifier.
#[must_use]
pub fn authority_key(identifier: &[u8]) -> Extension {
    Extension {
        oid: ObjectIdentifier::new_unwrap("2.5.29.35"),
        critical: false,
        value: write::sequence(&[write::element(0x80, identifier)]),
    }
}

/// cRLNumber.
#[must_use]
pub fn list_number(number: u32) -> Extension {
    Extension {
        oid: ObjectIdentifier::new_unwrap("2.5.29.20"),
        critical: false,
        value: write::integer(number),
    }
}

fn extensions(list: &[Extension]) -> Vec<u8> {
    let one = |extension: &Extension| {
        let mut parts = vec![write::oid(&extension.oid)];
        if extension.critical {
            parts.push(write::boolean_true());
        }
        parts.push(write::octets(&extension.value));
        write::sequence(&parts)
    };
    let parts: Vec<_> = list.iter().map(one).collect();
    write::sequence(&parts)
}
