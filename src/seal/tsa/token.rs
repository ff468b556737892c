//! The token: a CMS SignedData (RFC 5652) around a TSTInfo, read as far as RFC 3161 uses it.
//! Must not trust a certificate for travelling with the token.

use der::Tag;
use der::asn1::ObjectIdentifier;

use super::named::{Named, Version};
use crate::machine::Time;
use crate::seal::asn1::{self, Asn1Error, Item, Reader};
use crate::seal::certificate::{self, Certificate, SM2_WITH_SM3, SM3};
use crate::seal::sm3;
use crate::seal::trust::{Chain, Code, Failure, Moment, Purpose, TrustStore};

/// id-signedData, and the same of GB/T 35275
pub(super) const SIGNED_DATA: [ObjectIdentifier; 2] = [
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2"),
    ObjectIdentifier::new_unwrap("1.2.156.10197.6.1.4.2.2"),
];
/// id-ct-TSTInfo
pub(super) const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
pub(super) const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
pub(super) const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
/// signingCertificate (RFC 2634, 5.4) and signingCertificateV2 (RFC 5035)
const SIGNING_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
pub(super) const SIGNING_CERTIFICATE_2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
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
    doubt: Option<Doubt>,
}

/// What could not be checked of a token that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// No list says whether the authority's certificate was revoked; the code of the reason.
    Revocation(&'static str),
    NoSigningCertificate,
}

impl Stamp {
    /// What could not be checked: a stable code, and a sentence in Chinese.
    #[must_use]
    pub fn doubt(&self) -> Option<(&'static str, String)> {
        Some(match self.doubt? {
            Doubt::Revocation(code) => (
                "timestamp_revocation_unknown",
                format!("未能核对时间戳机构证书的吊销状态（{code}）"),
            ),
            Doubt::NoSigningCertificate => (
                "timestamp_certificate_not_bound",
                "时间戳没有签署其所用证书的标识".to_owned(),
            ),
        })
    }
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
    #[error("the token names another certificate than the one it is signed with")]
    OtherCertificate,
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
            Self::OtherCertificate => "timestamp_other_certificate",
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
    let revocation = revocation(trust, &chain, moment)?;
    let named = match &token.named {
        Some(named) if !named.is(signer) => return Err(TsaError::OtherCertificate),
        Some(_) => None,
        None => Some(Doubt::NoSigningCertificate),
    };
    Ok(Stamp {
        time: token.time,
        authority: signer.subject().shown().to_owned(),
        nonce: token.nonce,
        doubt: revocation.or(named),
    })
}

/// RFC 3161, 4: what an authority stamped before it was revoked still counts only where the reason says that nobody else has its
/// key: a change of affiliation, superseded, cessation of operation.
const KEY_STILL_ITS_OWN: [u32; 3] = [3, 4, 5];

/// An authority whose list is not at hand is still one that is listed: a doubt.
fn revocation(trust: &TrustStore, chain: &Chain, moment: Moment) -> Result<Option<Doubt>, TsaError> {
    let later = trust.revoked_after(chain, moment.at);
    if later.is_some_and(|entry| !KEY_STILL_ITS_OWN.contains(&entry.reason)) {
        let failure = Failure::new(Code::Revoked, chain.leaf());
        return Err(TsaError::Certificate(failure.detail("its key may be in other hands")));
    }
    match trust.check_revocation(chain, Purpose::TimeStamp, moment) {
        Err(failure) if failure.code == Code::Revoked => Err(TsaError::Certificate(failure)),
        Err(failure) => Ok(Some(Doubt::Revocation(failure.code.as_str()))),
        Ok(checked) if !checked.unchecked.is_empty() => Ok(Some(Doubt::Revocation("revocation_not_checked"))),
        Ok(_) => Ok(None),
    }
}

/// The certificate that a token says made it; believed by nobody for that.
///
/// # Errors
/// Not a token, or one without its authority's certificate.
pub fn signer_of(token: &[u8]) -> Result<Certificate, TsaError> {
    Token::parse(token)?.signer().cloned()
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
    /// The certificate that the signed attributes name.
    named: Option<Named>,
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
            named: signer.named,
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
    named: Option<Named>,
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
        let Attributes { digest, named } = Attributes::parse(attributes)?;
        Ok(Self {
            identifier: (issuer, serial),
            algorithms_known: digest_algorithm == SM3 && [SM2_WITH_SM3, SM2_SIGN].contains(&algorithm),
            // RFC 5652, 5.4: signed is the SET OF, not the [0] that stands in its place.
            signed: asn1::write::element(0x31, attributes.value),
            digest,
            named,
            signature,
        })
    }
}

/// What the signed attributes say, which must also say that a TSTInfo is signed.
struct Attributes {
    digest: Vec<u8>,
    named: Option<Named>,
}

impl Attributes {
    fn parse(attributes: Item<'_>) -> Result<Self, Asn1Error> {
        let mut list = attributes.open()?;
        let (mut digest, mut named, mut about_time) = (None, None, false);
        while !list.is_empty() {
            let mut pair = list.sequence()?;
            let kind = pair.next()?.oid()?;
            let mut values = pair.expect(Tag::Set)?.open()?;
            pair.finish()?;
            match kind {
                MESSAGE_DIGEST if digest.is_none() => digest = Some(values.expect(Tag::OctetString)?.value.to_vec()),
                SIGNING_CERTIFICATE | SIGNING_CERTIFICATE_2 if named.is_none() => {
                    named = Some(Named::parse(
                        values.sequence()?,
                        if kind == SIGNING_CERTIFICATE {
                            Version::One
                        } else {
                            Version::Two
                        },
                    )?);
                }
                MESSAGE_DIGEST => return Err(Asn1Error::Structure),
                CONTENT_TYPE => about_time = values.next()?.oid()? == TST_INFO,
                _ => {}
            }
        }
        let digest = digest.filter(|_| about_time).ok_or(Asn1Error::Structure)?;
        Ok(Self { digest, named })
    }
}
