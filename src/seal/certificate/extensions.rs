//! The extensions that path validation looks at (RFC 5280, GB/T 20518). Must not judge them.

use der::asn1::{BitStringRef, ObjectIdentifier};
use der::{Decode, Tag};

use crate::seal::asn1::{self, Asn1Error, Item};

const SUBJECT_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const AUTHORITY_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
const EXTENDED_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const POLICIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32");

/// The most extensions of one certificate, list or entry; each is compared with all before it.
pub(in crate::seal) const MAX_EXTENSIONS: usize = 64;

/// One extension as it stands in the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    pub oid: ObjectIdentifier,
    pub critical: bool,
    pub value: Vec<u8>,
}

/// The bits of keyUsage that decide something here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyUsage {
    bits: u16,
}

impl KeyUsage {
    fn has(self, bit: u16) -> bool {
        self.bits & (1 << bit) != 0
    }

    /// digitalSignature or nonRepudiation: a signing certificate of the pair.
    #[must_use]
    pub fn signs(self) -> bool {
        self.has(0) || self.has(1)
    }

    /// keyEncipherment, dataEncipherment or keyAgreement.
    #[must_use]
    pub fn encrypts(self) -> bool {
        self.has(2) || self.has(3) || self.has(4)
    }

    #[must_use]
    pub fn signs_certificates(self) -> bool {
        self.has(5)
    }

    #[must_use]
    pub fn signs_revocations(self) -> bool {
        self.has(6)
    }
}

/// All extensions, the known ones parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    pub all: Vec<Extension>,
    pub key_usage: Option<KeyUsage>,
    /// basicConstraints: whether it is an authority, and how many more may follow it.
    pub authority: Option<(bool, Option<u32>)>,
    pub subject_key: Option<Vec<u8>>,
    pub authority_key: Option<Vec<u8>>,
    pub extended_usage: Option<Vec<ObjectIdentifier>>,
}

impl Extensions {
    pub(in crate::seal) fn parse(explicit: Item<'_>) -> Result<Self, Asn1Error> {
        let mut holder = explicit.open()?;
        let mut list = holder.sequence()?;
        holder.finish()?;
        let mut extensions = Self::default();
        while !list.is_empty() {
            let extension = one(list.expect(Tag::Sequence)?)?;
            // RFC 5280, 4.2: no extension twice, or two readers could look at different ones.
            if extensions.all.len() >= MAX_EXTENSIONS || extensions.get(&extension.oid).is_some() {
                return Err(Asn1Error::Structure);
            }
            extensions.take(&extension)?;
            extensions.all.push(extension);
        }
        Ok(extensions)
    }

    fn take(&mut self, extension: &Extension) -> Result<(), Asn1Error> {
        let value = &extension.value;
        match extension.oid {
            SUBJECT_KEY => self.subject_key = Some(octets(asn1::single(value)?)?.to_vec()),
            AUTHORITY_KEY => self.authority_key = authority_key(asn1::single(value)?)?,
            KEY_USAGE => self.key_usage = Some(key_usage(value)?),
            BASIC_CONSTRAINTS => self.authority = Some(basic_constraints(asn1::single(value)?)?),
            EXTENDED_USAGE => self.extended_usage = Some(usages(asn1::single(value)?)?),
            _ => {}
        }
        Ok(())
    }

    /// The extension with this identifier.
    #[must_use]
    pub fn get(&self, oid: &ObjectIdentifier) -> Option<&Extension> {
        self.all.iter().find(|extension| extension.oid == *oid)
    }

    /// The first critical extension whose meaning is not known here. Policies are known, and any is accepted.
    #[must_use]
    pub fn unknown_critical(&self) -> Option<&Extension> {
        let known = [KEY_USAGE, BASIC_CONSTRAINTS, EXTENDED_USAGE, POLICIES];
        self.all
            .iter()
            .find(|extension| extension.critical && !known.contains(&extension.oid))
    }
}

/// Reads `SEQUENCE { oid, critical DEFAULT FALSE, value }`; vendors write the FALSE.
pub(in crate::seal) fn one(item: Item<'_>) -> Result<Extension, Asn1Error> {
    let mut parts = item.open()?;
    let oid = parts.next()?.oid()?;
    let critical = parts.optional(Tag::Boolean)?.map_or(Ok(false), Item::boolean)?;
    let value = octets(parts.next()?)?.to_vec();
    parts.finish()?;
    Ok(Extension { oid, critical, value })
}

fn octets(item: Item<'_>) -> Result<&[u8], Asn1Error> {
    if item.tag == Tag::OctetString {
        Ok(item.value)
    } else {
        Err(Asn1Error::Structure)
    }
}

fn authority_key(item: Item<'_>) -> Result<Option<Vec<u8>>, Asn1Error> {
    let mut parts = item.open()?;
    let key = parts.optional(asn1::implicit(0))?;
    Ok(key.map(|key| key.value.to_vec()))
}

fn key_usage(value: &[u8]) -> Result<KeyUsage, Asn1Error> {
    let string = BitStringRef::from_der(value)?;
    let bits = string
        .bits()
        .take(16)
        .zip(0u16..)
        .filter(|(set, _)| *set)
        .fold(0, |bits, (_, at)| bits | (1 << at));
    Ok(KeyUsage { bits })
}

fn basic_constraints(item: Item<'_>) -> Result<(bool, Option<u32>), Asn1Error> {
    let mut parts = item.open()?;
    let authority = parts.optional(Tag::Boolean)?.map_or(Ok(false), Item::boolean)?;
    let length = parts.optional(Tag::Integer)?.map(Item::small).transpose()?;
    parts.finish()?;
    Ok((authority, length))
}

fn usages(item: Item<'_>) -> Result<Vec<ObjectIdentifier>, Asn1Error> {
    let mut parts = item.open()?;
    let mut usages = Vec::new();
    while !parts.is_empty() {
        usages.push(parts.next()?.oid()?);
    }
    Ok(usages)
}
