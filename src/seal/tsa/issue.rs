//! Time stamps of an authority of one's own: reading a request and making the answer (RFC 3161, SM2 with SM3).
//! Must not read a clock, and must stamp nothing but SM3 digests.

use der::Tag;
use der::asn1::ObjectIdentifier;

use super::token::{CONTENT_TYPE, MESSAGE_DIGEST, SIGNED_DATA, SIGNING_CERTIFICATE_2, TST_INFO};
use crate::machine::Time;
use crate::seal::asn1::{self, Asn1Error, Item, write};
use crate::seal::certificate::{self, Certificate, SM2_WITH_SM3, SM3};
use crate::seal::sm2::{SecretKey, Sm2Error};
use crate::seal::sm3;

/// The policy under which test stamps are made: under the number that RFC 5612 sets aside for examples.
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.38540.2");

/// A request as an authority reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    imprint: Vec<u8>,
    nonce: Option<Vec<u8>>,
}

impl Request {
    /// Parses a TimeStampReq over an SM3 digest.
    ///
    /// # Errors
    /// Not a request, another digest, a policy or an extension that is not served.
    pub fn parse(bytes: &[u8]) -> Result<Self, Asn1Error> {
        let mut parts = certificate::sequence(asn1::single(bytes)?)?;
        if parts.expect(Tag::Integer)?.small()? != 1 {
            return Err(Asn1Error::Structure);
        }
        let mut imprint = parts.sequence()?;
        let algorithm = certificate::algorithm(&mut imprint)?;
        let digest = imprint.expect(Tag::OctetString)?.value.to_vec();
        imprint.finish()?;
        let nonce = parts.optional(Tag::Integer)?.map(Item::unsigned).transpose()?;
        let nonce = nonce.map(<[u8]>::to_vec);
        parts.optional(Tag::Boolean)?;
        parts.finish()?;
        if algorithm != SM3 || digest.len() != 32 {
            return Err(Asn1Error::Structure);
        }
        Ok(Self { imprint: digest, nonce })
    }
}

/// A TimeStampResp that grants the request, with a token by this authority. The serial number is the stamp's own.
///
/// # Errors
/// A key that cannot sign.
pub fn grant(
    request: &Request,
    authority: (&Certificate, &SecretKey),
    serial: &[u8],
    time: Time,
) -> Result<Vec<u8>, Sm2Error> {
    let info = info(request, serial, time);
    let granted = write::sequence(&[write::integer(0)]);
    Ok(write::sequence(&[granted, token(&info, authority)?]))
}

/// A TimeStampResp that refuses a request which cannot be served (badRequest).
#[must_use]
pub fn refuse() -> Vec<u8> {
    // PKIFailureInfo: bit 2, so five bits of the byte are unused.
    let fault = write::element(0x03, &[5, 0x20]);
    write::sequence(&[write::sequence(&[write::integer(2), fault])])
}

fn info(request: &Request, serial: &[u8], time: Time) -> Vec<u8> {
    let imprint = write::sequence(&[sm3_identifier(), write::octets(&request.imprint)]);
    let mut parts = vec![
        write::integer(1),
        write::oid(&POLICY),
        imprint,
        write::unsigned(serial),
        write::generalized(time),
    ];
    parts.extend(request.nonce.as_deref().map(write::unsigned));
    write::sequence(&parts)
}

fn token(info: &[u8], (certificate, key): (&Certificate, &SecretKey)) -> Result<Vec<u8>, Sm2Error> {
    let attribute =
        |kind: &ObjectIdentifier, value: Vec<u8>| write::sequence(&[write::oid(kind), write::set(vec![value])]);
    let attributes = write::set(vec![
        attribute(&CONTENT_TYPE, write::oid(&TST_INFO)),
        attribute(&MESSAGE_DIGEST, write::octets(&sm3(info))),
        attribute(&SIGNING_CERTIFICATE_2, named(certificate)),
    ]);
    let value = key.sign(&attributes)?;
    // RFC 5652, 5.4: the SET OF is signed, and [0] stands in its place.
    let mut carried = attributes;
    if let Some(tag) = carried.first_mut() {
        *tag = 0xa0;
    }
    let signer = write::sequence(&[
        write::integer(1),
        write::sequence(&[
            certificate.issuer().der().to_vec(),
            write::unsigned(certificate.serial()),
        ]),
        sm3_identifier(),
        carried,
        write::sequence(&[write::oid(&SM2_WITH_SM3)]),
        write::octets(&value),
    ]);
    let content = write::sequence(&[write::oid(&TST_INFO), write::explicit(0, &write::octets(info))]);
    let data = write::sequence(&[
        write::integer(3),
        write::set(vec![sm3_identifier()]),
        content,
        write::explicit(0, certificate.der()),
        write::set(vec![signer]),
    ]);
    let kind = SIGNED_DATA.first().map(write::oid).unwrap_or_default();
    Ok(write::sequence(&[kind, write::explicit(0, &data)]))
}

/// SigningCertificateV2 (RFC 5035) over SM3, with issuer and serial number.
fn named(certificate: &Certificate) -> Vec<u8> {
    let issuer = write::sequence(&[write::explicit(4, certificate.issuer().der())]);
    let entry = write::sequence(&[
        write::sequence(&[write::oid(&SM3)]),
        write::octets(&sm3(certificate.der())),
        write::sequence(&[issuer, write::unsigned(certificate.serial())]),
    ]);
    write::sequence(&[write::sequence(&[entry])])
}

fn sm3_identifier() -> Vec<u8> {
    write::sequence(&[write::oid(&SM3), write::null()])
}
