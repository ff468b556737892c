//! The file store: contents under their SHA-256 in the data directory, for uploads and rendered documents alike.
//! Must not know who may read a file, what it is called, or whether it is still needed: rows say that.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Why a file could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("no file has the digest {0}")]
    NotFound(String),
    #[error("`{0}` is not a SHA-256 digest")]
    NotADigest(String),
    #[error("the content of {0} no longer has its digest")]
    Damaged(String),
    #[error("the file store failed: {0}")]
    Io(#[from] io::Error),
}

/// What was stored: the name of the content and its length in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// SHA-256 in lower-case hex.
    pub sha256: String,
    pub bytes: u64,
}

/// A folder of contents. Writing the same content again changes nothing, so a repeated effect is harmless.
#[derive(Clone, Debug)]
pub struct Files {
    root: PathBuf,
}

impl Files {
    /// Opens the store, creating its folders.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, FileError> {
        let root = root.into();
        fs::create_dir_all(root.join("incoming"))?;
        Ok(Self { root })
    }

    /// Keeps a content durably and returns its digest.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn put(&self, content: &[u8]) -> Result<Stored, FileError> {
        self.put_from(&mut &*content)
    }

    /// Keeps what a reader gives, without holding it in memory.
    ///
    /// # Errors
    /// The reader or the disk fails; nothing is left behind then.
    pub fn put_from(&self, source: &mut dyn Read) -> Result<Stored, FileError> {
        let mut incoming = tempfile::NamedTempFile::new_in(self.root.join("incoming"))?;
        let mut digest = Sha256::new();
        let mut bytes: u64 = 0;
        let mut buffer = vec![0_u8; 65_536];
        loop {
            let count = source.read(&mut buffer)?;
            let Some(piece) = buffer.get(..count).filter(|piece| !piece.is_empty()) else {
                break;
            };
            digest.update(piece);
            incoming.write_all(piece)?;
            bytes = bytes.saturating_add(count as u64);
        }
        let sha256 = hex::encode(digest.finalize());
        self.adopt(incoming, &sha256)?;
        Ok(Stored { sha256, bytes })
    }

    /// The content with this digest, checked against it.
    ///
    /// # Errors
    /// There is none, or it was changed on disk.
    pub fn read(&self, sha256: &str) -> Result<Vec<u8>, FileError> {
        let content = match fs::read(self.path(sha256)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(FileError::NotFound(sha256.to_owned()));
            }
            other => other?,
        };
        if hex::encode(Sha256::digest(&content)) != sha256 {
            return Err(FileError::Damaged(sha256.to_owned()));
        }
        Ok(content)
    }

    /// Where the content with this digest lies.
    ///
    /// # Errors
    /// The digest is not one, so that no request can name a path.
    pub fn path(&self, sha256: &str) -> Result<PathBuf, FileError> {
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if sha256.len() != 64 || !sha256.bytes().all(hexadecimal) {
            return Err(FileError::NotADigest(sha256.to_owned()));
        }
        let (folder, name) = sha256.split_at(2);
        Ok(self.root.join(folder).join(name))
    }

    /// The folder that holds the contents.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Content first, then its name: a crash between the two leaves a file in `incoming`, never a wrong content.
    fn adopt(&self, incoming: tempfile::NamedTempFile, sha256: &str) -> Result<(), FileError> {
        let target = self.path(sha256)?;
        if target.exists() {
            return Ok(());
        }
        incoming.as_file().sync_all()?;
        let folder = target.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        incoming.persist(&target).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()?;
        File::open(&self.root)?.sync_all()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_found_under_its_digest_and_a_damaged_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(folder.path()).unwrap();
        let stored = files.put("落槌".as_bytes()).unwrap();
        assert_eq!(stored.bytes, 6);
        assert_eq!(files.put("落槌".as_bytes()).unwrap(), stored);
        assert_eq!(files.read(&stored.sha256).unwrap(), "落槌".as_bytes());
        fs::write(files.path(&stored.sha256).unwrap(), "other").unwrap();
        assert!(matches!(files.read(&stored.sha256), Err(FileError::Damaged(_))));
        assert!(matches!(files.read("../../etc/passwd"), Err(FileError::NotADigest(_))));
        assert_eq!(fs::read_dir(folder.path().join("incoming")).unwrap().count(), 0);
    }
}
