//! An OFD package as a set of files: a ZIP read within limits, whose names and places can mean only one thing.
//! Must not write anything to disk, and must not open a package within the package.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use super::zipped::directory;
use crate::seal::sm3;
use crate::seal::work::{Exhausted, Work};

/// The largest package that is judged.
pub const LARGEST: usize = 64 * 1_024 * 1_024;
pub const MOST_FILES: usize = 4_096;
/// What all files together may become, in bytes.
pub(super) const LARGEST_TOTAL: u64 = 256 * 1_024 * 1_024;

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
    #[error("验证所需的计算量超出上限")]
    Work,
}

impl From<Exhausted> for PackageError {
    fn from(_: Exhausted) -> Self {
        Self::Work
    }
}

/// One file; its digest is taken once.
#[derive(Debug)]
struct Content {
    bytes: Vec<u8>,
    digest: OnceCell<[u8; 32]>,
}

/// The files of a package by their path, without a leading slash.
#[derive(Debug)]
pub struct Package<'a> {
    files: BTreeMap<String, Content>,
    /// Lower-case path to path: some writers do not mind the case.
    folded: BTreeMap<String, String>,
    /// What may still be spent on this package.
    pub work: &'a Work,
}

impl<'a> Package<'a> {
    /// Reads all files.
    ///
    /// # Errors
    /// Anything that two readers could take differently, and anything beyond the limits.
    pub fn open(bytes: &[u8], work: &'a Work) -> Result<Self, PackageError> {
        if bytes.len() > LARGEST {
            return Err(PackageError::TooLarge);
        }
        let entries = directory(bytes)?;
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| PackageError::Broken)?;
        if archive.len() != entries.len() {
            return Err(PackageError::Differs);
        }
        let mut package = Self {
            files: BTreeMap::new(),
            folded: BTreeMap::new(),
            work,
        };
        let mut left = LARGEST_TOTAL;
        for entry in entries {
            let folded = entry.name.to_lowercase();
            if package.folded.insert(folded, entry.name.clone()).is_some() {
                return Err(PackageError::Twice(entry.name));
            }
            if entry.name.ends_with('/') {
                continue;
            }
            work.take(entry.size as usize)?;
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
            let content = Content {
                bytes: content,
                digest: OnceCell::new(),
            };
            package.files.insert(entry.name, content);
        }
        Ok(package)
    }

    /// The file of a path; where none has exactly this name, the one that differs only in case.
    pub fn find(&self, path: &str) -> Option<(&str, &[u8])> {
        let exact = self.files.get_key_value(path);
        let (name, content) = exact.or_else(|| self.files.get_key_value(self.folded.get(&path.to_lowercase())?))?;
        Some((name, &content.bytes))
    }

    /// The SM3 of a file, computed when it is first asked for.
    ///
    /// # Errors
    /// More work than is left.
    pub fn digest(&self, path: &str) -> Result<Option<[u8; 32]>, PackageError> {
        let Some((name, bytes)) = self.find(path) else {
            return Ok(None);
        };
        let Some(content) = self.files.get(name) else {
            return Ok(None);
        };
        if content.digest.get().is_none() {
            self.work.take(bytes.len())?;
        }
        Ok(Some(*content.digest.get_or_init(|| sm3(bytes))))
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
}
