//! An OFD package as a set of files: a ZIP read within limits, whose names and places can mean only one thing.
//! Must not write anything to disk, and must not open a package within the package.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

/// The largest package that is judged.
pub const LARGEST: usize = 64 * 1_024 * 1_024;
const MOST_FILES: usize = 4_096;
/// What all files together may become, in bytes.
const LARGEST_TOTAL: u64 = 256 * 1_024 * 1_024;
const LONGEST_NAME: usize = 512;
const END_RECORD: usize = 22;
const CENTRAL_RECORD: usize = 46;
const LOCAL_RECORD: usize = 30;

/// Why a package is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    #[error("不是 ZIP 包或已损坏")]
    Broken,
    #[error("包或其中的文件过大")]
    TooLarge,
    #[error("包内文件名不合规范：{0}")]
    Name(String),
    #[error("包内有重名文件：{0}")]
    Twice(String),
    #[error("包内文件加密或压缩方式不受支持")]
    Method,
    #[error("包内文件的目录与实际内容不一致")]
    Differs,
}

/// The files of a package by their path, without a leading slash.
#[derive(Clone, Debug, Default)]
pub struct Package {
    files: BTreeMap<String, Vec<u8>>,
    /// Lower-case path to path: some writers do not mind the case.
    folded: BTreeMap<String, String>,
}

impl Package {
    /// Reads all files.
    ///
    /// # Errors
    /// Anything that two readers could take differently, and anything beyond the limits.
    pub fn open(bytes: &[u8]) -> Result<Self, PackageError> {
        if bytes.len() > LARGEST {
            return Err(PackageError::TooLarge);
        }
        let entries = directory(bytes)?;
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| PackageError::Broken)?;
        if archive.len() != entries.len() {
            return Err(PackageError::Differs);
        }
        let mut package = Self::default();
        let mut left = LARGEST_TOTAL;
        for entry in entries {
            let folded = entry.name.to_lowercase();
            if package.folded.insert(folded, entry.name.clone()).is_some() {
                return Err(PackageError::Twice(entry.name));
            }
            if entry.name.ends_with('/') {
                continue;
            }
            let file = archive.by_name(&entry.name).map_err(|_| PackageError::Broken)?;
            let mut content = Vec::new();
            file.take(left.saturating_add(1))
                .read_to_end(&mut content)
                .map_err(|_| PackageError::Broken)?;
            let length = content.len() as u64;
            left = left.checked_sub(length).ok_or(PackageError::TooLarge)?;
            if length != u64::from(entry.size) {
                return Err(PackageError::Differs);
            }
            package.files.insert(entry.name, content);
        }
        Ok(package)
    }

    /// The file of a path; where none has exactly this name, the one that differs only in case.
    pub fn find(&self, path: &str) -> Option<(&str, &[u8])> {
        let exact = self.files.get_key_value(path);
        let (name, content) = exact.or_else(|| self.files.get_key_value(self.folded.get(&path.to_lowercase())?))?;
        Some((name, content))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }
}

/// A location as it stands in a file, made a path in the package.
///
/// # Errors
/// One that leaves the package.
pub fn resolve(location: &str, within: &str) -> Result<String, PackageError> {
    let location = location.trim();
    let folder = within.rsplit_once('/').map_or("", |(folder, _)| folder);
    let whole = match location.strip_prefix('/') {
        Some(absolute) => absolute.to_owned(),
        None if folder.is_empty() => location.to_owned(),
        None => format!("{folder}/{location}"),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(|| PackageError::Name(location.to_owned()))?;
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

struct Entry {
    name: String,
    size: u32,
    offset: usize,
    packed: usize,
}

/// The central directory, checked against the local headers: no gap in meaning between those who read one or the other.
fn directory(bytes: &[u8]) -> Result<Vec<Entry>, PackageError> {
    let end = end_record(bytes)?;
    let record = Fields { bytes, at: end };
    let count = usize::from(record.u16(10)?);
    let (size, start) = (record.u32(12)? as usize, record.u32(16)? as usize);
    if record.u16(4)? != 0 || record.u16(8)? != record.u16(10)? || start.checked_add(size) != Some(end) {
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

/// The end record stands last; only its own comment may follow.
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
    if flags & 0x2041 != 0 || !matches!(method, 0 | 8) {
        return Err(PackageError::Method);
    }
    let lengths = [record.u16(28)?, record.u16(30)?, record.u16(32)?].map(usize::from);
    let entry = Entry {
        name: name(record.slice(CENTRAL_RECORD, lengths[0])?)?,
        packed: record.u32(20)? as usize,
        size: record.u32(24)?,
        offset: record.u32(42)? as usize,
    };
    Ok((entry, at + CENTRAL_RECORD + lengths.iter().sum::<usize>()))
}

/// Each local header says the same name, and no two files share bytes.
fn check_places(bytes: &[u8], entries: &[Entry], directory: usize) -> Result<(), PackageError> {
    let mut sorted: Vec<_> = entries.iter().collect();
    sorted.sort_by_key(|entry| entry.offset);
    let mut free = 0;
    for entry in sorted {
        let header = Fields {
            bytes,
            at: entry.offset,
        };
        if entry.offset < free || header.u32(0)? != 0x0403_4b50 {
            return Err(PackageError::Differs);
        }
        let lengths = [header.u16(26)?, header.u16(28)?].map(usize::from);
        if header.slice(LOCAL_RECORD, lengths[0])? != entry.name.as_bytes() {
            return Err(PackageError::Differs);
        }
        let begin = entry.offset + LOCAL_RECORD + lengths.iter().sum::<usize>();
        free = begin
            .checked_add(entry.packed)
            .filter(|end| *end <= directory)
            .ok_or(PackageError::Differs)?;
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
    fn locations_stay_within_the_package() {
        let within = "Doc_0/Signs/Sign_0/Signature.xml";
        let cases = [
            ("/OFD.xml", "OFD.xml"),
            ("SignedValue.dat", "Doc_0/Signs/Sign_0/SignedValue.dat"),
            ("../Signatures.xml", "Doc_0/Signs/Signatures.xml"),
            ("./a//b", "Doc_0/Signs/Sign_0/a/b"),
        ];
        for (location, path) in cases {
            assert_eq!(resolve(location, within).unwrap(), path);
        }
        assert!(resolve("../../../../x", within).is_err());
        assert!(resolve("/../x", within).is_err());
    }

    #[test]
    fn names_that_leave_are_refused() {
        for wrong in ["../a", "a/../b", "/a", "a//b", "a\\b", "c:a", "a\0b", "./a", ""] {
            assert!(name(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
        assert_eq!(name("Doc_0/页.xml".as_bytes()).unwrap(), "Doc_0/页.xml");
    }
}
