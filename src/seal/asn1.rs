//! Reading DER without losing the original bytes, and writing the few structures of ours.
//! Must not accept what is not DER: an indefinite or over-long length, a trailing byte, a depth beyond the limit.

use der::asn1::{AnyRef, BitStringRef, GeneralizedTime, ObjectIdentifier, UintRef, UtcTime};
use der::{Decode, Reader as _, SliceReader, Tag, Tagged};

use crate::machine::Time;

/// The largest certificate, revocation list, seal or signature that is looked at, in bytes.
pub const MAX_BYTES: usize = 256 * 1024;
/// How deep structures may nest; certificates need 8, the answer of a time-stamping authority 18.
const MAX_DEPTH: usize = 24;

/// Why bytes are not the structure asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Asn1Error {
    #[error("larger than {MAX_BYTES} bytes")]
    Size,
    #[error("nested too deep")]
    Depth,
    #[error("not DER")]
    Encoding,
    #[error("not the expected structure")]
    Structure,
}

impl From<der::Error> for Asn1Error {
    fn from(_: der::Error) -> Self {
        Self::Encoding
    }
}

/// One element: its tag, its content and its bytes as they stand in the input.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    pub tag: Tag,
    pub value: &'a [u8],
    pub whole: &'a [u8],
}

/// Reads elements one after another.
#[derive(Clone)]
pub struct Reader<'a> {
    inner: SliceReader<'a>,
}

/// Checks size, depth and canonical encoding of everything, and gives the one outermost element.
///
/// # Errors
/// The first fault found.
pub fn single(bytes: &[u8]) -> Result<Item<'_>, Asn1Error> {
    single_up_to(bytes, MAX_BYTES)
}

/// The same with another limit, for revocation lists.
///
/// # Errors
/// The first fault found.
pub fn single_up_to(bytes: &[u8], limit: usize) -> Result<Item<'_>, Asn1Error> {
    if bytes.len() > limit {
        return Err(Asn1Error::Size);
    }
    let mut reader = Reader::new(bytes)?;
    let item = reader.next()?;
    reader.finish()?;
    check_depth(item, MAX_DEPTH)?;
    Ok(item)
}

fn check_depth(item: Item<'_>, left: usize) -> Result<(), Asn1Error> {
    if !item.tag.is_constructed() {
        return Ok(());
    }
    let left = left.checked_sub(1).ok_or(Asn1Error::Depth)?;
    let mut reader = item.open()?;
    while !reader.is_empty() {
        check_depth(reader.next()?, left)?;
    }
    Ok(())
}

impl<'a> Reader<'a> {
    /// # Errors
    /// More bytes than DER can count.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Asn1Error> {
        Ok(Self {
            inner: SliceReader::new(bytes)?,
        })
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.is_finished()
    }

    /// The next element, whatever it is.
    ///
    /// # Errors
    /// The input ends, or is not DER.
    #[expect(clippy::should_implement_trait, reason = "an iterator would not say why it ended")]
    pub fn next(&mut self) -> Result<Item<'a>, Asn1Error> {
        let whole = self.inner.tlv_bytes()?;
        let any = AnyRef::from_der(whole)?;
        Ok(Item {
            tag: any.tag(),
            value: any.value(),
            whole,
        })
    }

    /// The next element, which must have this tag.
    ///
    /// # Errors
    /// Another tag, or no element.
    pub fn expect(&mut self, tag: Tag) -> Result<Item<'a>, Asn1Error> {
        let item = self.next()?;
        if item.tag == tag {
            Ok(item)
        } else {
            Err(Asn1Error::Structure)
        }
    }

    /// The next element where it has this tag; otherwise nothing is read.
    ///
    /// # Errors
    /// The element is not DER.
    pub fn optional(&mut self, tag: Tag) -> Result<Option<Item<'a>>, Asn1Error> {
        if self.is_empty() || Tag::peek(&self.inner)? != tag {
            return Ok(None);
        }
        self.next().map(Some)
    }

    /// A reader of the next element's content, which must be a SEQUENCE.
    ///
    /// # Errors
    /// Another tag, or no element.
    pub fn sequence(&mut self) -> Result<Self, Asn1Error> {
        self.expect(Tag::Sequence)?.open()
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// Something is.
    pub fn finish(self) -> Result<(), Asn1Error> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(Asn1Error::Structure)
        }
    }
}

impl<'a> Item<'a> {
    /// A reader of the content.
    ///
    /// # Errors
    /// None for content that was read before.
    pub fn open(self) -> Result<Reader<'a>, Asn1Error> {
        Reader::new(self.value)
    }

    fn any(self) -> Result<AnyRef<'a>, Asn1Error> {
        Ok(AnyRef::new(self.tag, self.value)?)
    }

    /// # Errors
    /// Not an OBJECT IDENTIFIER.
    pub fn oid(self) -> Result<ObjectIdentifier, Asn1Error> {
        Ok(self.any()?.decode_as()?)
    }

    /// The magnitude of a non-negative INTEGER, without leading zeros.
    ///
    /// # Errors
    /// Negative, or not canonical.
    pub fn unsigned(self) -> Result<&'a [u8], Asn1Error> {
        Ok(self.any()?.decode_as::<UintRef<'a>>()?.as_bytes())
    }

    /// # Errors
    /// Not an INTEGER from 0 to 2³¹ − 1.
    pub fn small(self) -> Result<u32, Asn1Error> {
        let bytes = self.unsigned()?;
        if bytes.len() > 4 {
            return Err(Asn1Error::Structure);
        }
        let number = bytes.iter().fold(0u32, |number, byte| (number << 8) | u32::from(*byte));
        i32::try_from(number).map(|_| number).map_err(|_| Asn1Error::Structure)
    }

    /// # Errors
    /// Not a BOOLEAN of DER (00 or FF).
    pub fn boolean(self) -> Result<bool, Asn1Error> {
        Ok(self.any()?.decode_as()?)
    }

    /// The bytes of a BIT STRING that is a whole number of bytes.
    ///
    /// # Errors
    /// Another tag, or unused bits.
    pub fn bits(self) -> Result<&'a [u8], Asn1Error> {
        self.any()?
            .decode_as::<BitStringRef<'a>>()?
            .as_bytes()
            .ok_or(Asn1Error::Structure)
    }

    /// A text of any of the string types of names and seals.
    ///
    /// # Errors
    /// No text, or bytes that are not of the type's alphabet.
    pub fn text(self) -> Result<String, Asn1Error> {
        match self.tag {
            Tag::Utf8String => std::str::from_utf8(self.value)
                .map(str::to_owned)
                .map_err(|_| Asn1Error::Encoding),
            Tag::PrintableString | Tag::Ia5String | Tag::TeletexString if self.value.is_ascii() => {
                Ok(self.value.iter().map(|byte| char::from(*byte)).collect())
            }
            Tag::BmpString => {
                let units: Vec<_> = self
                    .value
                    .chunks(2)
                    .map(|pair| pair.iter().fold(0u16, |unit, byte| (unit << 8) | u16::from(*byte)))
                    .collect();
                if self.value.len() % 2 == 1 {
                    return Err(Asn1Error::Encoding);
                }
                String::from_utf16(&units).map_err(|_| Asn1Error::Encoding)
            }
            _ => Err(Asn1Error::Structure),
        }
    }

    /// A UTCTime or GeneralizedTime, in UTC with a `Z` and whole seconds.
    ///
    /// # Errors
    /// Any other form, or a moment that does not exist.
    pub fn time(self) -> Result<Time, Asn1Error> {
        let since = match self.tag {
            Tag::UtcTime => self.any()?.decode_as::<UtcTime>()?.to_unix_duration(),
            Tag::GeneralizedTime => self.any()?.decode_as::<GeneralizedTime>()?.to_unix_duration(),
            _ => return Err(Asn1Error::Structure),
        };
        i64::try_from(since.as_millis())
            .map(Time)
            .map_err(|_| Asn1Error::Structure)
    }
}

/// The tag `[number]`, constructed, as EXPLICIT tagging writes it.
#[must_use]
pub fn explicit(number: u32) -> Tag {
    Tag::ContextSpecific {
        constructed: true,
        number: der::TagNumber(number),
    }
}

/// The tag `[number]`, primitive, as IMPLICIT tagging of a simple type writes it.
#[must_use]
pub fn implicit(number: u32) -> Tag {
    Tag::ContextSpecific {
        constructed: false,
        number: der::TagNumber(number),
    }
}

pub mod write;

#[cfg(test)]
mod tests {
    use super::write;
    use super::*;

    #[test]
    fn what_is_not_der_is_refused() {
        let refused: [(&[u8], Asn1Error); 5] = [
            (&[0x30, 0x80, 0, 0], Asn1Error::Encoding),
            (&[0x30, 0x81, 0x00], Asn1Error::Encoding),
            (&[0x30, 0x00, 0x00], Asn1Error::Structure),
            (&[0x30, 0x05, 0x02], Asn1Error::Encoding),
            (&[], Asn1Error::Encoding),
        ];
        for (bytes, fault) in refused {
            assert_eq!(single(bytes).unwrap_err(), fault, "{bytes:02x?}");
        }
        let deep = (0..=MAX_DEPTH).fold(write::null(), |inner, _| write::sequence(&[inner]));
        assert_eq!(single(&deep).unwrap_err(), Asn1Error::Depth);
        assert_eq!(single(&vec![0; MAX_BYTES + 1]).unwrap_err(), Asn1Error::Size);
    }

    #[test]
    fn times_need_a_z_and_exist() {
        let item = |text: &str| {
            let bytes = write::element(0x18, text.as_bytes());
            single(&bytes).and_then(Item::time)
        };
        assert_eq!(item("20201010071120Z"), Ok(Time(1_602_313_880_000)));
        for bad in [
            "20201010151120+0800",
            "20201010071120",
            "20200230000000Z",
            "20201010071120.5Z",
        ] {
            assert!(item(bad).is_err(), "{bad}");
        }
    }
}
