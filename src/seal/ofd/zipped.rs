//! The directory of a ZIP, checked against what really lies in the file: no byte that some reader could take for another file.
//! Must not unpack anything.

use super::package::{LARGEST_TOTAL, MOST_FILES, PackageError};

pub const LONGEST_NAME: usize = 512;
const END_RECORD: usize = 22;
const CENTRAL_RECORD: usize = 46;
const LOCAL_RECORD: usize = 30;
/// Sizes and checksum stand after the data.
const DESCRIPTOR: u16 = 0x0008;
/// How hard the packer tried, which means nothing to a reader.
const EFFORT: u16 = 0x0006;
/// Encrypted, strongly encrypted, or with headers that are hidden.
const ENCRYPTED: u16 = 0x2041;
/// The field that gives a file another name than the one in its header.
const OTHER_NAME: u16 = 0x7075;

/// One file as the directory lists it.
pub struct Entry {
    pub name: String,
    pub size: u32,
    offset: usize,
    packed: u32,
    checksum: u32,
    flags: u16,
    method: u16,
}

/// The central directory, checked against the local headers.
///
/// # Errors
/// Anything that two readers could take differently: gaps, hidden headers, names, sizes or methods that are not the same.
pub fn directory(bytes: &[u8]) -> Result<Vec<Entry>, PackageError> {
    let end = end_record(bytes)?;
    let record = Fields { bytes, at: end };
    let count = usize::from(record.u16(10)?);
    let (size, start) = (record.u32(12)? as usize, record.u32(16)? as usize);
    if record.u16(4)? != 0
        || record.u16(6)? != 0
        || record.u16(8)? != record.u16(10)?
        || start.checked_add(size) != Some(end)
    {
        return Err(PackageError::Broken);
    }
    if count > MOST_FILES {
        return Err(PackageError::TooLarge);
    }
    let mut entries = Vec::with_capacity(count);
    let mut at = start;
    for _ in 0..count {
        let (entry, next) = central(bytes, at)?;
        entries.push(entry);
        at = next;
    }
    if at != end {
        return Err(PackageError::Differs);
    }
    check_places(bytes, &entries, start)?;
    let total: u64 = entries.iter().map(|entry| u64::from(entry.size)).sum();
    match total <= LARGEST_TOTAL {
        true => Ok(entries),
        false => Err(PackageError::TooLarge),
    }
}

/// The end record stands last; only its own comment may follow, in which no second end record hides.
fn end_record(bytes: &[u8]) -> Result<usize, PackageError> {
    let floor = bytes.len().saturating_sub(END_RECORD + usize::from(u16::MAX));
    let tail = bytes.get(floor..).unwrap_or_default();
    let found = tail.windows(4).rposition(|window| window == b"PK\x05\x06");
    let at = floor + found.ok_or(PackageError::Broken)?;
    let comment = usize::from(Fields { bytes, at }.u16(20)?);
    match at + END_RECORD + comment == bytes.len() {
        true => Ok(at),
        false => Err(PackageError::Broken),
    }
}

fn central(bytes: &[u8], at: usize) -> Result<(Entry, usize), PackageError> {
    let record = Fields { bytes, at };
    if record.u32(0)? != 0x0201_4b50 {
        return Err(PackageError::Broken);
    }
    let (flags, method) = (record.u16(8)?, record.u16(10)?);
    if flags & ENCRYPTED != 0 || !matches!(method, 0 | 8) {
        return Err(PackageError::Method);
    }
    let lengths = [record.u16(28)?, record.u16(30)?, record.u16(32)?].map(usize::from);
    let raw = record.slice(CENTRAL_RECORD, lengths[0])?;
    check_extra(record.slice(CENTRAL_RECORD + lengths[0], lengths[1])?, raw)?;
    let entry = Entry {
        name: name(raw)?,
        checksum: record.u32(16)?,
        packed: record.u32(20)?,
        size: record.u32(24)?,
        offset: record.u32(42)? as usize,
        flags,
        method,
    };
    if entry.method == 0 && entry.packed != entry.size {
        return Err(PackageError::Differs);
    }
    Ok((entry, at + CENTRAL_RECORD + lengths.iter().sum::<usize>()))
}

/// The files lie one after the other from the first byte to the directory, each under a header that says the same of it.
fn check_places(bytes: &[u8], entries: &[Entry], directory: usize) -> Result<(), PackageError> {
    let mut sorted: Vec<_> = entries.iter().collect();
    sorted.sort_by_key(|entry| entry.offset);
    let mut free = 0;
    for entry in sorted {
        if entry.offset != free {
            return Err(PackageError::Differs);
        }
        let begin = check_header(bytes, entry)?;
        let end = begin.checked_add(entry.packed as usize).ok_or(PackageError::Differs)?;
        free = match entry.flags & DESCRIPTOR {
            0 => end,
            _ => check_descriptor(bytes, entry, end)?,
        };
        if free > directory {
            return Err(PackageError::Differs);
        }
    }
    match free == directory {
        true => Ok(()),
        false => Err(PackageError::Differs),
    }
}

/// The local header; returns where the data begins.
fn check_header(bytes: &[u8], entry: &Entry) -> Result<usize, PackageError> {
    let header = Fields {
        bytes,
        at: entry.offset,
    };
    if header.u32(0)? != 0x0403_4b50 {
        return Err(PackageError::Differs);
    }
    let lengths = [header.u16(26)?, header.u16(28)?].map(usize::from);
    let name = header.slice(LOCAL_RECORD, lengths[0])?;
    check_extra(header.slice(LOCAL_RECORD + lengths[0], lengths[1])?, name)?;
    let (flags, method) = (header.u16(6)?, header.u16(8)?);
    let said = [header.u32(14)?, header.u32(18)?, header.u32(22)?];
    let same = said == [entry.checksum, entry.packed, entry.size];
    let later = entry.flags & DESCRIPTOR != 0 && said == [0; 3];
    let alike = name == entry.name.as_bytes() && (flags ^ entry.flags) & !EFFORT == 0 && method == entry.method;
    match alike && (same || later) {
        true => Ok(entry.offset + LOCAL_RECORD + lengths.iter().sum::<usize>()),
        false => Err(PackageError::Differs),
    }
}

/// Checksum and sizes after the data, with or without their mark; returns where the next file begins.
fn check_descriptor(bytes: &[u8], entry: &Entry, at: usize) -> Result<usize, PackageError> {
    let record = Fields { bytes, at };
    let numbers = match record.u32(0)? {
        0x0807_4b50 => 4,
        _ => 0,
    };
    let said = [record.u32(numbers)?, record.u32(numbers + 4)?, record.u32(numbers + 8)?];
    match said == [entry.checksum, entry.packed, entry.size] {
        true => Ok(at + numbers + 12),
        false => Err(PackageError::Differs),
    }
}

/// No field gives the file another name.
fn check_extra(extra: &[u8], name: &[u8]) -> Result<(), PackageError> {
    let mut rest = extra;
    while let [a, b, c, d, after @ ..] = rest {
        let (id, length) = (u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d]));
        let Some((content, next)) = after.split_at_checked(usize::from(length)) else {
            return Ok(());
        };
        // A version and a checksum stand before the name.
        if id == OTHER_NAME && content.get(5..) != Some(name) {
            return Err(PackageError::Differs);
        }
        rest = next;
    }
    Ok(())
}

/// A relative path of plain parts.
fn name(raw: &[u8]) -> Result<String, PackageError> {
    let wrong = || PackageError::Name(String::from_utf8_lossy(raw).into_owned());
    let name = std::str::from_utf8(raw).map_err(|_| wrong())?;
    let parts = name.strip_suffix('/').unwrap_or(name).split('/');
    let plain = parts.clone().all(|part| !matches!(part, "" | "." | ".."));
    let clean = !name.contains(['\\', ':', '\0']) && !name.chars().any(char::is_control);
    match plain && clean && name.len() <= LONGEST_NAME {
        true => Ok(name.to_owned()),
        false => Err(wrong()),
    }
}

/// Little-endian numbers at a place.
struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    fn slice(&self, offset: usize, length: usize) -> Result<&'a [u8], PackageError> {
        let start = self.at.checked_add(offset).ok_or(PackageError::Broken)?;
        let end = start.checked_add(length).ok_or(PackageError::Broken)?;
        self.bytes.get(start..end).ok_or(PackageError::Broken)
    }

    fn u16(&self, offset: usize) -> Result<u16, PackageError> {
        let bytes = self.slice(offset, 2)?.try_into();
        bytes.map(u16::from_le_bytes).map_err(|_| PackageError::Broken)
    }

    fn u32(&self, offset: usize) -> Result<u32, PackageError> {
        let bytes = self.slice(offset, 4)?.try_into();
        bytes.map(u32::from_le_bytes).map_err(|_| PackageError::Broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_are_refused() {
        for wrong in ["../a", "a/../b", "/a", "a//b", "a\\b", "c:a", "a\0b", "./a", ""] {
            assert!(name(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
        assert_eq!(name("Doc_0/页.xml".as_bytes()).unwrap(), "Doc_0/页.xml");
    }
}
