//! Signature dictionaries found by their bytes, and read strictly: the ranges, the gap, the digits, the padding.
//! Must not trust a cross-reference table: a dictionary that no table leads to is found all the same.

use std::ops::Range;

use lopdf::{Object, ObjectId};

use super::slot::ranges_of;
use super::syntax::Cursor;
use crate::seal::work::Work;

/// As many signatures as one file may carry; our documents have two or three.
pub const MOST_SIGNATURES: usize = 16;
/// How far before its ranges a dictionary may begin: the slot may stand first.
const FARTHEST: usize = 1_048_576;
/// The largest signature read, beside its padding.
const LARGEST_SIGNATURE: usize = 262_144;

/// Why a signature dictionary is not one that can be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flaw {
    pub code: &'static str,
    pub reason: &'static str,
}

const fn flaw(code: &'static str, reason: &'static str) -> Flaw {
    Flaw { code, reason }
}

/// How the digits of a signature are written; both at once are refused, so that a flipped bit in a letter is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letters {
    Lower,
    Upper,
}

/// A signature dictionary whose form is right.
#[derive(Clone, Debug)]
pub struct Found {
    pub id: ObjectId,
    /// Where its numbered object begins.
    pub offset: usize,
    pub ranges: [usize; 4],
    pub sub_filter: String,
    pub der: Vec<u8>,
    pub letters: Letters,
}

impl Found {
    /// The first byte after what it covers.
    pub fn end(&self) -> usize {
        self.ranges[2].saturating_add(self.ranges[3])
    }
}

/// All places where ranges are named. Compressed contents do not show here, and no signature can stand in one.
pub fn places(bytes: &[u8]) -> Vec<usize> {
    let key = b"/ByteRange".as_slice();
    let found = bytes
        .windows(key.len())
        .enumerate()
        .filter(|(_, window)| *window == key);
    found.map(|(at, _)| at).take(MOST_SIGNATURES + 1).collect()
}

/// Reads the signature dictionary around a place.
///
/// # Errors
/// What is wrong with its form.
pub fn read(bytes: &[u8], place: usize, work: &Work) -> Result<Found, Flaw> {
    const SHAPE: Flaw = flaw("pdf.dictionary", "签名字典的结构不合规范");
    let offset = begin(bytes, place).ok_or(SHAPE)?;
    let mut cursor = Cursor::new(bytes, offset);
    let dictionary = cursor.numbered_dictionary();
    let much = FARTHEST.saturating_add(cursor.at().saturating_sub(offset));
    work.take(much)
        .map_err(|_| flaw("pdf.work", "验证所需的计算量超出上限"))?;
    let (id, entries) = dictionary.map_err(|_| SHAPE)?;
    let entry = |key: &[u8]| entries.iter().find(|entry| entry.key == key);
    let name = |key: &[u8]| {
        entry(key)
            .and_then(|entry| entry.value.as_name().ok())
            .unwrap_or_default()
    };
    let ranges = entry(b"ByteRange")
        .and_then(|entry| ranges_of(&entry.value))
        .ok_or(SHAPE)?;
    let contents = entry(b"Contents").ok_or(SHAPE)?;
    check_ranges(bytes, ranges, &contents.span)?;
    let (der, letters) = signature(bytes, &contents.span)?;
    Ok(Found {
        id,
        offset,
        ranges,
        sub_filter: String::from_utf8_lossy(name(b"SubFilter")).into_owned(),
        der,
        letters,
    })
}

/// The numbered object that begins last before a place.
fn begin(bytes: &[u8], place: usize) -> Option<usize> {
    let floor = place.saturating_sub(FARTHEST);
    let word = b" obj".as_slice();
    let before = bytes.get(floor..place)?;
    let at = floor + before.windows(word.len()).rposition(|window| window == word)?;
    let back = |end: usize| {
        let digits = bytes
            .get(..end)?
            .iter()
            .rev()
            .take(10)
            .take_while(|byte| byte.is_ascii_digit());
        let count = digits.count();
        (count > 0).then_some(end - count)
    };
    let generation = back(at)?;
    let space = generation.checked_sub(1).filter(|at| bytes.get(*at) == Some(&b' '))?;
    back(space)
}

/// The file's beginning is covered, and the gap is the signature's string and nothing else.
fn check_ranges(bytes: &[u8], ranges: [usize; 4], contents: &Range<usize>) -> Result<(), Flaw> {
    let [start, first, second, length] = ranges;
    if start != 0 {
        return Err(flaw("pdf.range_start", "签名未覆盖文件开头"));
    }
    if first != contents.start || second != contents.end {
        return Err(flaw("pdf.range_gap", "签名未覆盖的部分不恰好是签名值本身"));
    }
    match second.checked_add(length).is_some_and(|end| end <= bytes.len()) {
        true => Ok(()),
        false => Err(flaw("pdf.range_end", "签名范围超出文件末尾")),
    }
}

/// The DER in the slot, the rest of which must be zeros.
fn signature(bytes: &[u8], span: &Range<usize>) -> Result<(Vec<u8>, Letters), Flaw> {
    const FORM: Flaw = flaw("pdf.contents", "签名值不是规范的十六进制串");
    let text = bytes.get(span.clone()).ok_or(FORM)?;
    let digits = text
        .strip_prefix(b"<")
        .and_then(|text| text.strip_suffix(b">"))
        .ok_or(FORM)?;
    let (lower, upper) = (
        digits.iter().any(u8::is_ascii_lowercase),
        digits.iter().any(u8::is_ascii_uppercase),
    );
    let letters = match (lower, upper) {
        (true, true) => return Err(FORM),
        (_, false) => Letters::Lower,
        (false, true) => Letters::Upper,
    };
    let slot = hex::decode(digits).map_err(|_| FORM)?;
    let length = der_length(&slot).ok_or(FORM)?;
    let (der, padding) = slot.split_at_checked(length).ok_or(FORM)?;
    if length > LARGEST_SIGNATURE {
        return Err(flaw("pdf.contents_size", "签名值过大"));
    }
    match padding.iter().all(|byte| *byte == 0) {
        true => Ok((der.to_vec(), letters)),
        false => Err(flaw("pdf.padding", "签名值之后的填充不全为零")),
    }
}

/// The length of the DER SEQUENCE at the beginning, header and all.
fn der_length(slot: &[u8]) -> Option<usize> {
    let (tag, first) = (*slot.first()?, *slot.get(1)?);
    if tag != 0x30 {
        return None;
    }
    if first < 0x80 {
        return Some(2 + usize::from(first));
    }
    let count = usize::from(first & 0x7f);
    if !(1..=4).contains(&count) {
        return None;
    }
    let digits = slot.get(2..2 + count)?;
    let length = digits
        .iter()
        .fold(0_usize, |length, digit| length << 8 | usize::from(*digit));
    length.checked_add(2 + count)
}

/// Whether the object is the dictionary of a signature field.
pub fn is_field(object: &Object) -> bool {
    object.as_dict().is_ok_and(|field| {
        field
            .get(b"FT")
            .is_ok_and(|kind| *kind == Object::Name(b"Sig".to_vec()))
    })
}
