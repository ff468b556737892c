//! The certificate that a signature names among its signed attributes (ESSCertID, RFC 2634 and 5035), so that no other certificate
//! over the same key can be put in its place. Must not find the certificate.

use der::Tag;
use der::asn1::ObjectIdentifier;
use sha2::{Digest, Sha256};

use crate::seal::asn1::{self, Asn1Error, Reader};
use crate::seal::certificate::{Certificate, SM3};
use crate::seal::sm3;

const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
/// GeneralName directoryName
const DIRECTORY: u32 = 4;

/// What an ESSCertID says.
pub(super) struct Named {
    algorithm: Algorithm,
    digest: Vec<u8>,
    /// Issuer name and serial number.
    by: Option<(Vec<u8>, Vec<u8>)>,
}

#[derive(Clone, Copy)]
enum Algorithm {
    Sm3,
    Sha256,
    /// SHA-1, which the first version has, or another that is not computed here: issuer and serial number have to do.
    Other,
}

impl Named {
    /// Reads SigningCertificate or SigningCertificateV2: the first of its certificates is the signer's.
    pub fn parse(mut parts: Reader<'_>, version: Version) -> Result<Self, Asn1Error> {
        let mut entry = parts.sequence()?.sequence()?;
        let algorithm = match version {
            Version::One => Algorithm::Other,
            Version::Two => match entry.optional(Tag::Sequence)? {
                // RFC 5035, 4: SHA-256 where none is written.
                None => Algorithm::Sha256,
                Some(item) => match item.open()?.next()?.oid()? {
                    SM3 => Algorithm::Sm3,
                    SHA_256 => Algorithm::Sha256,
                    _ => Algorithm::Other,
                },
            },
        };
        let digest = entry.expect(Tag::OctetString)?.value.to_vec();
        let by = match entry.optional(Tag::Sequence)? {
            None => None,
            Some(item) => Some(issuer_and_serial(item.open()?)?),
        };
        entry.finish()?;
        Ok(Self { algorithm, digest, by })
    }

    /// True where it can be this certificate.
    pub fn is(&self, certificate: &Certificate) -> bool {
        let same = match self.algorithm {
            Algorithm::Sm3 => self.digest == sm3(certificate.der()),
            Algorithm::Sha256 => *self.digest == *Sha256::digest(certificate.der()),
            Algorithm::Other => true,
        };
        let by = |(issuer, serial): &(Vec<u8>, Vec<u8>)| {
            issuer == certificate.issuer().der() && serial == certificate.serial()
        };
        same && self.by.as_ref().is_none_or(by)
    }
}

/// Which of the two attributes.
#[derive(Clone, Copy)]
pub(super) enum Version {
    One,
    Two,
}

fn issuer_and_serial(mut parts: Reader<'_>) -> Result<(Vec<u8>, Vec<u8>), Asn1Error> {
    let mut names = parts.sequence()?;
    let issuer = names.expect(asn1::explicit(DIRECTORY))?.value.to_vec();
    let serial = parts.expect(Tag::Integer)?.unsigned()?.to_vec();
    Ok((issuer, serial))
}
