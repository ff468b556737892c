//! Distinguished names: compared by their bytes, read by attribute. Must not be used to decide who somebody is.

use der::Tag;
use der::asn1::ObjectIdentifier;

use crate::seal::asn1::{Asn1Error, Item};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANISATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");

/// A name with its original bytes, by which it is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    der: Vec<u8>,
    attributes: Vec<(ObjectIdentifier, String)>,
}

impl Name {
    pub(super) fn parse(item: Item<'_>) -> Result<Self, Asn1Error> {
        let mut attributes = Vec::new();
        let mut sets = item.open()?;
        while !sets.is_empty() {
            let mut set = sets.expect(Tag::Set)?.open()?;
            while !set.is_empty() {
                let mut pair = set.sequence()?;
                let kind = pair.next()?.oid()?;
                let value = pair.next()?;
                pair.finish()?;
                // A value of a type that holds no text is kept in the bytes and cannot be asked for.
                if let Ok(text) = value.text() {
                    // A zero in a name has been used to show people one name and programs another.
                    if text.contains('\0') {
                        return Err(Asn1Error::Structure);
                    }
                    attributes.push((kind, text));
                }
            }
        }
        Ok(Self {
            der: item.whole.to_vec(),
            attributes,
        })
    }

    /// Parses a DER name that stands by itself.
    pub(in crate::seal) fn from_item(item: Item<'_>) -> Result<Self, Asn1Error> {
        if item.tag == Tag::Sequence {
            Self::parse(item)
        } else {
            Err(Asn1Error::Structure)
        }
    }

    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The values of an attribute, in their order.
    pub fn values<'a>(&'a self, kind: &'a ObjectIdentifier) -> impl Iterator<Item = &'a str> {
        self.attributes
            .iter()
            .filter(move |(known, _)| known == kind)
            .map(|(_, value)| value.as_str())
    }

    /// The first common name.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        self.values(&COMMON_NAME).next()
    }

    /// The first organisation name.
    #[must_use]
    pub fn organisation(&self) -> Option<&str> {
        self.values(&ORGANISATION).next()
    }

    /// What to call it before people: the common name, else the organisation, else nothing.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.common_name().or_else(|| self.organisation()).unwrap_or("")
    }
}
