//! SESeal: the seal as its maker issued it. Must not judge the maker.

use der::Tag;
use der::asn1::ObjectIdentifier;

use super::{MAX_PICTURE, SesError};
use crate::machine::Time;
use crate::seal::asn1::{self, Asn1Error, Item, Reader};
use crate::seal::certificate::{self, Certificate, Extension, MAX_EXTENSIONS};
use crate::seal::report::{Report, Status};
use crate::seal::sm3;

/// Whose certificates may use the seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holders {
    /// The certificates themselves, DER.
    Certificates(Vec<Vec<u8>>),
    /// Their SM3 digests.
    Digests(Vec<Vec<u8>>),
}

impl Holders {
    /// True where the certificate is in the list: the same bytes, or their SM3.
    #[must_use]
    pub fn contain(&self, certificate: &Certificate) -> bool {
        match self {
            Self::Certificates(list) => list.iter().any(|known| known == certificate.der()),
            Self::Digests(list) => {
                let digest = sm3(certificate.der());
                list.iter().any(|known| *known == digest)
            }
        }
    }
}

/// The picture of a seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// As the maker wrote it: `PNG`, `png`, `GIF`, `ofd` …
    pub kind: String,
    pub data: Vec<u8>,
    /// Millimetres.
    pub width: u32,
    /// Millimetres.
    pub height: u32,
}

/// A parsed seal with its original bytes.
#[derive(Clone, Debug)]
pub struct Seal {
    pub(super) der: Vec<u8>,
    pub(super) info: Vec<u8>,
    header: Header,
    body: Body,
    pub(super) maker: Certificate,
    pub(super) algorithm: ObjectIdentifier,
    pub(super) signature: Vec<u8>,
    pub(super) time_stamp: Option<Vec<u8>>,
}

impl Seal {
    /// Parses a seal file (.esl) of version 4 or 5.
    ///
    /// # Errors
    /// Not DER, another structure, or an older version.
    pub fn parse(bytes: &[u8]) -> Result<Self, SesError> {
        Self::read(asn1::single(bytes)?)
    }

    pub(super) fn read(item: Item<'_>) -> Result<Self, SesError> {
        let mut outer = certificate::sequence(item)?;
        let info = outer.expect(Tag::Sequence)?;
        let SignedPart { header, body } = SignedPart::read(info)?;
        let maker = Certificate::from_der(outer.expect(Tag::OctetString)?.value)?;
        let algorithm = outer.next()?.oid()?;
        let signature = outer.next()?.bits()?.to_vec();
        let time_stamp = match outer.optional(asn1::explicit(0))? {
            // GB/T 38540 knows no time stamp of a seal; version 5 does.
            Some(_) if header.version < 5 => return Err(Asn1Error::Structure.into()),
            Some(item) => Some(stamp(item)?),
            None => None,
        };
        outer.finish()?;
        Ok(Self {
            der: item.whole.to_vec(),
            info: info.whole.to_vec(),
            header,
            body,
            maker,
            algorithm,
            signature,
            time_stamp,
        })
    }

    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The bytes that the maker signed.
    #[must_use]
    pub fn info(&self) -> &[u8] {
        &self.info
    }

    #[must_use]
    pub fn version(&self) -> u32 {
        self.header.version
    }

    #[must_use]
    pub fn vendor(&self) -> &str {
        &self.header.vendor
    }

    /// The seal's number, unique with its maker.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.body.id
    }

    /// The type number as the maker wrote it.
    #[must_use]
    pub fn kind(&self) -> u32 {
        self.body.kind
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.body.name
    }

    #[must_use]
    pub fn holders(&self) -> &Holders {
        &self.body.holders
    }

    #[must_use]
    pub fn created(&self) -> Time {
        self.body.created
    }

    /// First and last moment of the seal.
    #[must_use]
    pub fn period(&self) -> (Time, Time) {
        (self.body.valid_from, self.body.valid_until)
    }

    #[must_use]
    pub fn maker(&self) -> &Certificate {
        &self.maker
    }

    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.body.extensions
    }

    /// The picture, for those who have verified: nothing unless this report of the seal says that the maker signed it
    /// and may be trusted.
    #[must_use]
    pub fn shown_picture(&self, report: &Report) -> Option<&Picture> {
        let passed = |name| report.step(name).is_some_and(|step| step.status != Status::Failed);
        ["seal.format", "seal.value", "seal.maker", "seal.revocation"]
            .into_iter()
            .all(passed)
            .then_some(&self.body.picture)
    }

    /// The picture as it stands in the bytes, verified or not; never shown to people before `shown_picture` gives it.
    #[must_use]
    pub fn raw_picture(&self) -> &Picture {
        &self.body.picture
    }
}

#[derive(Clone, Debug)]
struct Header {
    version: u32,
    vendor: String,
}

impl Header {
    fn read(mut reader: Reader<'_>) -> Result<Self, SesError> {
        if reader.expect(Tag::Ia5String)?.value != b"ES" {
            return Err(Asn1Error::Structure.into());
        }
        let version = reader.expect(Tag::Integer)?.small()?;
        if !matches!(version, 4 | 5) {
            return Err(SesError::Version(version));
        }
        let vendor = reader.expect(Tag::Ia5String)?.text()?;
        reader.finish()?;
        Ok(Self { version, vendor })
    }
}

struct SignedPart {
    header: Header,
    body: Body,
}

#[derive(Clone, Debug)]
struct Body {
    id: String,
    kind: u32,
    name: String,
    holders: Holders,
    created: Time,
    valid_from: Time,
    valid_until: Time,
    picture: Picture,
    extensions: Vec<Extension>,
}

impl SignedPart {
    fn read(item: Item<'_>) -> Result<Self, SesError> {
        let mut parts = item.open()?;
        let header = Header::read(parts.sequence()?)?;
        let id = parts.expect(Tag::Ia5String)?.text()?;
        let mut property = parts.sequence()?;
        let kind = property.expect(Tag::Integer)?.small()?;
        let name = property.expect(Tag::Utf8String)?.text()?;
        let list_kind = property.expect(Tag::Integer)?.small()?;
        let holders = holders(list_kind, property.sequence()?)?;
        let mut moment = || property.expect(Tag::GeneralizedTime)?.time();
        let (created, valid_from, valid_until) = (moment()?, moment()?, moment()?);
        property.finish()?;
        let picture = picture(parts.sequence()?)?;
        // Vendors write the untagged SEQUENCE; the tagged one is accepted as well.
        let extensions = match parts.optional(Tag::Sequence)? {
            Some(item) => extension_list(item)?,
            None => tagged_extensions(&mut parts)?,
        };
        parts.finish()?;
        let body = Body {
            id,
            kind,
            name,
            holders,
            created,
            valid_from,
            valid_until,
            picture,
            extensions,
        };
        Ok(Self { header, body })
    }
}

fn holders(kind: u32, mut list: Reader<'_>) -> Result<Holders, SesError> {
    let mut values = Vec::new();
    while !list.is_empty() {
        values.push(match kind {
            1 => list.expect(Tag::OctetString)?.value.to_vec(),
            2 => {
                let mut pair = list.sequence()?;
                pair.expect(Tag::PrintableString)?;
                let value = pair.expect(Tag::OctetString)?.value.to_vec();
                pair.finish()?;
                value
            }
            _ => return Err(Asn1Error::Structure.into()),
        });
    }
    Ok(match kind {
        1 => Holders::Certificates(values),
        _ => Holders::Digests(values),
    })
}

fn picture(mut parts: Reader<'_>) -> Result<Picture, SesError> {
    let kind = parts.expect(Tag::Ia5String)?.text()?;
    let data = parts.expect(Tag::OctetString)?.value;
    if data.len() > MAX_PICTURE {
        return Err(SesError::Picture);
    }
    let width = parts.expect(Tag::Integer)?.small()?;
    let height = parts.expect(Tag::Integer)?.small()?;
    parts.finish()?;
    Ok(Picture {
        kind,
        data: data.to_vec(),
        width,
        height,
    })
}

pub(super) fn tagged_extensions(parts: &mut Reader<'_>) -> Result<Vec<Extension>, Asn1Error> {
    let Some(tagged) = parts.optional(asn1::explicit(0))? else {
        return Ok(Vec::new());
    };
    let mut inner = tagged.open()?;
    let list = extension_list(inner.expect(Tag::Sequence)?)?;
    inner.finish()?;
    Ok(list)
}

fn extension_list(item: Item<'_>) -> Result<Vec<Extension>, Asn1Error> {
    let mut list = item.open()?;
    let mut extensions = Vec::new();
    while !list.is_empty() {
        if extensions.len() >= MAX_EXTENSIONS {
            return Err(Asn1Error::Size);
        }
        extensions.push(certificate::one_extension(list.expect(Tag::Sequence)?)?);
    }
    Ok(extensions)
}

/// The time stamp token in `[0] EXPLICIT BIT STRING`.
pub(super) fn stamp(item: Item<'_>) -> Result<Vec<u8>, Asn1Error> {
    let mut inner = item.open()?;
    let bits = inner.expect(Tag::BitString)?.bits()?.to_vec();
    inner.finish()?;
    Ok(bits)
}
