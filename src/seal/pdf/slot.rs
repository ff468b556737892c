//! The slot in a prepared file: what is signed around it, and putting the signature in. Must not look into the signature.

use ::sm3::{Digest, Sm3};

use super::syntax::Cursor;
use super::{PdfError, SLOT};

/// A file that waits for its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The whole file with the slot full of zeros; keep it between the steps.
    pub bytes: Vec<u8>,
    /// `/ByteRange`: two pairs of offset and length, in bytes.
    pub ranges: [usize; 4],
    /// SM3 over both ranges: the `dataHash` of the signature.
    pub digest: [u8; 32],
}

impl Prepared {
    pub(super) fn of(bytes: Vec<u8>, ranges: [usize; 4]) -> Self {
        let digest = digest(&bytes, ranges).unwrap_or_default();
        Self { bytes, ranges, digest }
    }

    /// Takes up a prepared file again that was kept as bytes.
    ///
    /// # Errors
    /// A file whose last signature is no empty slot at its end.
    pub fn reopen(bytes: Vec<u8>) -> Result<Self, PdfError> {
        let key = b"/ByteRange ".as_slice();
        let at = bytes.windows(key.len()).rposition(|window| window == key);
        let ranges = at.and_then(|at| read_ranges(&bytes, at + key.len()));
        let ranges = ranges.ok_or_else(|| PdfError::Structure("no slot was prepared".into()))?;
        let prepared = Self::of(bytes, ranges);
        prepared.slot().map(|_| ())?;
        Ok(prepared)
    }

    /// What `propertyInfo` of the signature says: the protected ranges as they stand in the file.
    #[must_use]
    pub fn property(&self) -> String {
        property(self.ranges)
    }

    pub(super) fn assemble(&self, ses_der: &[u8]) -> Result<Vec<u8>, PdfError> {
        let slot = self.slot()?;
        let digits = hex::encode(ses_der);
        if digits.len() > slot.len() {
            return Err(PdfError::TooLarge);
        }
        let mut bytes = self.bytes.clone();
        let place = bytes.get_mut(slot.start..slot.start + digits.len());
        place.ok_or(PdfError::Taken)?.copy_from_slice(digits.as_bytes());
        Ok(bytes)
    }

    /// The digits' place, where they are all zero.
    fn slot(&self) -> Result<std::ops::Range<usize>, PdfError> {
        let [_, first, second, length] = self.ranges;
        let whole = second.checked_add(length) == Some(self.bytes.len());
        let digits = first + 1..second.saturating_sub(1);
        let empty = self
            .bytes
            .get(digits.clone())
            .is_some_and(|slot| slot.iter().all(|digit| *digit == b'0'));
        match whole && empty && digits.len() == 2 * SLOT {
            true => Ok(digits),
            false => Err(PdfError::Taken),
        }
    }
}

/// The ranges as `propertyInfo` names them.
pub fn property(ranges: [usize; 4]) -> String {
    format!("/ByteRange [{} {} {} {}]", ranges[0], ranges[1], ranges[2], ranges[3])
}

/// SM3 over both ranges.
pub fn digest(bytes: &[u8], ranges: [usize; 4]) -> Option<[u8; 32]> {
    let mut digest = Sm3::new();
    for pair in ranges.chunks_exact(2) {
        let (start, length) = (*pair.first()?, *pair.last()?);
        digest.update(bytes.get(start..start.checked_add(length)?)?);
    }
    Some(digest.finalize().into())
}

fn read_ranges(bytes: &[u8], at: usize) -> Option<[usize; 4]> {
    let object = Cursor::new(bytes, at).object(2).ok()?;
    ranges_of(&object)
}

/// Four numbers that are offsets.
pub fn ranges_of(object: &lopdf::Object) -> Option<[usize; 4]> {
    let numbers = object.as_array().ok()?.iter();
    let numbers = numbers.map(|number| usize::try_from(number.as_i64().ok()?).ok());
    numbers.collect::<Option<Vec<_>>>()?.try_into().ok()
}
