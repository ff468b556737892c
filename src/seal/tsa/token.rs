//! The token: a CMS SignedData (RFC 5652) around a TSTInfo, read as far as RFC 3161 uses it.
//! Must not trust a certificate for travelling with the token.

use der::Tag;
use der::asn1::ObjectIdentifier;

use crate::machine::Time;
use crate::seal::asn1::{self, Asn1Error, Item, Reader};
use crate::seal::certificate::{self, Certificate, SM2_WITH_SM3, SM3};
use crate::seal::sm3;
use crate::seal::trust::{Code, Failure, Moment, Purpose, TrustStore};

/// id-signedData, and the same of GB/T 35275
const SIGNED_DATA: [ObjectIdentifier; 2] = [
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2"),
    ObjectIdentifier::new_unwrap("1.2.156.10197.6.1.4.2.2"),
];
/// id-ct-TSTInfo
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
/// id-ecPublicKey with SM2: what some write for the signature algorithm, beside the right one.
const SM2_SIGN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301.1");

/// A verified time stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub time: Time,
    /// Who made it.
    pub authority: String,
    /// The nonce of the request, where it had one.
    pub nonce: Option<Vec<u8>>,
}

/// Why a token proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TsaError {
    #[error(transparent)]
    Form(#[from] Asn1Error),
    #[error("the token is over other bytes")]
    Imprint,
    #[error("the token's signature does not fit")]
    Signature,
    #[error("the token uses another algorithm than SM2 with SM3")]
    Algorithm,
    #[error("the authority's certificate: {0}")]
    Certificate(Failure),
}

impl TsaError {
    /// A stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Form(_) => "timestamp_malformed",
            Self::Imprint => "timestamp_of_other_bytes",
            Self::Signature => "timestamp_bad_signature",
            Self::Algorithm => "timestamp_wrong_algorithm",
            Self::Certificate(_) => "timestamp_untrusted",
        }
    }
}

/// Verifies that a listed authority stamped these bytes, with a certificate that was valid then.
///
/// # Errors
/// The first reason against it.
pub fn verify(token: &[u8], bytes: &[u8], trust: &TrustStore, now: Time) -> Result<Stamp, TsaError> {
    let token = Token::parse(token)?;
    if token.imprint != sm3(bytes) {
        return Err(TsaError::Imprint);
    }
    let signer = token.signer()?;
    if !token.algorithms_known {
        return Err(TsaError::Algorithm);
    }
    let fits = token.digest == sm3(&token.info)
        && signer
            .public_key()
            .is_some_and(|key| key.verify_carried(&token.signed, &token.signature).is_ok());
    if !fits {
        return Err(TsaError::Signature);
    }
    let moment = Moment { at: token.time, now };
    let chain = trust
        .chain(signer, Purpose::TimeStamp, moment.at)
        .map_err(TsaError::Certificate)?;
    trust.check_period(&chain, moment.at).map_err(TsaError::Certificate)?;
    // An authority whose list is not at hand is still one that is listed; only a revocation counts.
    if let Err(failure) = trust.check_revocation(&chain, Purpose::TimeStamp, moment)
        && failure.code == Code::Revoked
    {
        return Err(TsaError::Certificate(failure));
    }
    Ok(Stamp {
        time: token.time,
        authority: signer.subject().shown().to_owned(),
        nonce: token.nonce,
    })
}

/// What is read of a token.
struct Token {
    info: Vec<u8>,
    imprint: Vec<u8>,
    time: Time,
    nonce: Option<Vec<u8>>,
    certificates: Vec<Certificate>,
    /// Issuer name and serial number of the signer.
    signer: (Vec<u8>, Vec<u8>),
    algorithms_known: bool,
    /// The signed attributes as a SET, which is what is signed.
    signed: Vec<u8>,
    /// The digest that the signed attributes name.
    digest: Vec<u8>,
    signature: Vec<u8>,
}

impl Token {
    fn parse(bytes: &[u8]) -> Result<Self, Asn1Error> {
        let mut outer = certificate::sequence(asn1::single(bytes)?)?;
        if !SIGNED_DATA.contains(&outer.next()?.oid()?) {
            return Err(Asn1Error::Structure);
        }
        let mut data = outer.expect(asn1::explicit(0))?.open()?.sequence()?;
        outer.finish()?;
        data.expect(Tag::Integer)?;
        data.expect(Tag::Set)?;
        let mut content = data.sequence()?;
        if content.next()?.oid()? != TST_INFO {
            return Err(Asn1Error::Structure);
        }
        let info = content
            .expect(asn1::explicit(0))?
            .open()?
            .expect(Tag::OctetString)?
            .value;
        let certificates = match data.optional(asn1::explicit(0))? {
            Some(item) => all_certificates(item)?,
            None => Vec::new(),
        };
        data.optional(asn1::explicit(1))?;
        let mut signers = data.expect(Tag::Set)?.open()?;
        data.finish()?;
        let signer = SignerPart::parse(signers.sequence()?)?;
        // RFC 3161, 2.4.2: no signature but the authority's.
        signers.finish()?;
        let stamped = Stamped::parse(info)?;
        Ok(Self {
            info: info.to_vec(),
            imprint: stamped.imprint,
            time: stamped.time,
            nonce: stamped.nonce,
            certificates,
            signer: signer.identifier,
            algorithms_known: signer.algorithms_known && stamped.algorithm == SM3,
            signed: signer.signed,
            digest: signer.digest,
            signature: signer.signature,
        })
    }

    fn signer(&self) -> Result<&Certificate, TsaError> {
        let (issuer, serial) = &self.signer;
        self.certificates
            .iter()
            .find(|known| known.issuer().der() == issuer && known.serial() == serial)
            .ok_or(TsaError::Form(Asn1Error::Structure))
    }
}

fn all_certificates(item: Item<'_>) -> Result<Vec<Certificate>, Asn1Error> {
    let mut list = item.open()?;
    let mut certificates = Vec::new();
    while !list.is_empty() {
        certificates.push(Certificate::from_der(list.next()?.whole)?);
    }
    Ok(certificates)
}

/// TSTInfo (RFC 3161, 2.4.2).
struct Stamped {
    algorithm: ObjectIdentifier,
    imprint: Vec<u8>,
    time: Time,
    nonce: Option<Vec<u8>>,
}

impl Stamped {
    fn parse(bytes: &[u8]) -> Result<Self, Asn1Error> {
        let mut parts = certificate::sequence(asn1::single(bytes)?)?;
        if parts.expect(Tag::Integer)?.small()? != 1 {
            return Err(Asn1Error::Structure);
        }
        parts.next()?.oid()?;
        let mut imprint = parts.sequence()?;
        let algorithm = certificate::algorithm(&mut imprint)?;
        let digest = imprint.expect(Tag::OctetString)?.value.to_vec();
        imprint.finish()?;
        parts.expect(Tag::Integer)?;
        let time = moment(parts.expect(Tag::GeneralizedTime)?)?;
        parts.optional(Tag::Sequence)?;
        parts.optional(Tag::Boolean)?;
        let nonce = parts.optional(Tag::Integer)?.map(Item::unsigned).transpose()?;
        parts.optional(asn1::explicit(0))?;
        parts.optional(asn1::explicit(1))?;
        parts.finish()?;
        Ok(Self {
            algorithm,
            imprint: digest,
            time,
            nonce: nonce.map(<[u8]>::to_vec),
        })
    }
}

/// A genTime, which may have a fraction of a second (RFC 3161, 2.4.2); the fraction is dropped.
fn moment(item: Item<'_>) -> Result<Time, Asn1Error> {
    let Some(dot) = item.value.iter().position(|byte| *byte == b'.') else {
        return item.time();
    };
    let (whole, fraction) = item.value.split_at(dot);
    let digits = fraction
        .strip_prefix(b".")
        .and_then(|rest| rest.strip_suffix(b"Z"))
        .filter(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) && !digits.ends_with(b"0"));
    if digits.is_none() {
        return Err(Asn1Error::Encoding);
    }
    let whole = [whole, b"Z"].concat();
    let written = asn1::write::element(0x18, &whole);
    asn1::single(&written)?.time()
}

struct SignerPart {
    identifier: (Vec<u8>, Vec<u8>),
    algorithms_known: bool,
    signed: Vec<u8>,
    digest: Vec<u8>,
    signature: Vec<u8>,
}

impl SignerPart {
    fn parse(mut parts: Reader<'_>) -> Result<Self, Asn1Error> {
        parts.expect(Tag::Integer)?;
        let mut identifier = parts.sequence()?;
        let issuer = identifier.expect(Tag::Sequence)?.whole.to_vec();
        let serial = identifier.expect(Tag::Integer)?.unsigned()?.to_vec();
        identifier.finish()?;
        let digest_algorithm = certificate::algorithm(&mut parts)?;
        let attributes = parts.expect(asn1::explicit(0))?;
        let algorithm = certificate::algorithm(&mut parts)?;
        let signature = parts.expect(Tag::OctetString)?.value.to_vec();
        parts.optional(asn1::explicit(1))?;
        parts.finish()?;
        let digest = digest_of(attributes)?;
        Ok(Self {
            identifier: (issuer, serial),
            algorithms_known: digest_algorithm == SM3 && [SM2_WITH_SM3, SM2_SIGN].contains(&algorithm),
            // RFC 5652, 5.4: signed is the SET OF, not the [0] that stands in its place.
            signed: asn1::write::element(0x31, attributes.value),
            digest,
            signature,
        })
    }
}

/// The message digest among the signed attributes, which must also say that a TSTInfo is signed.
fn digest_of(attributes: Item<'_>) -> Result<Vec<u8>, Asn1Error> {
    let mut list = attributes.open()?;
    let (mut digest, mut about_time) = (None, false);
    while !list.is_empty() {
        let mut pair = list.sequence()?;
        let kind = pair.next()?.oid()?;
        let mut values = pair.expect(Tag::Set)?.open()?;
        pair.finish()?;
        match kind {
            MESSAGE_DIGEST if digest.is_none() => digest = Some(values.expect(Tag::OctetString)?.value.to_vec()),
            MESSAGE_DIGEST => return Err(Asn1Error::Structure),
            CONTENT_TYPE => about_time = values.next()?.oid()? == TST_INFO,
            _ => {}
        }
    }
    digest.filter(|_| about_time).ok_or(Asn1Error::Structure)
}
