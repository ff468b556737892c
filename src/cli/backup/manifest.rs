//! The list of what a backup holds, with digests. Must not know databases.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::cli::Failure;

const NAME: &str = "manifest.json";

#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The program's version that made the backup.
    pub version: String,
    /// Milliseconds since 1970 UTC.
    pub made_at: i64,
    /// Names of the migrations that the database had.
    pub migrations: Vec<String>,
    /// By path relative to the backup.
    pub files: BTreeMap<String, Content>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub sha256: String,
    pub bytes: u64,
}

impl Manifest {
    /// Lists everything below a folder.
    pub fn of(folder: &Path, migrations: Vec<String>, made_at: i64) -> std::io::Result<Self> {
        let mut files = BTreeMap::new();
        for path in below(folder)? {
            let relative = path
                .strip_prefix(folder)
                .unwrap_or(&path)
                .to_string_lossy()
                .into_owned();
            if relative != NAME {
                files.insert(relative, content(&path)?);
            }
        }
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").into(),
            made_at,
            migrations,
            files,
        })
    }

    pub fn bytes(&self) -> u64 {
        self.files.values().map(|content| content.bytes).sum()
    }

    /// Written last: a folder without it is no backup.
    pub fn write(&self, folder: &Path) -> Result<(), Failure> {
        let failed = |error: std::io::Error| Failure(format!("failed to write the manifest: {error}"));
        let text =
            serde_json::to_string_pretty(self).map_err(|error| Failure::while_doing("write the manifest")(&error))?;
        let mut file = File::create(folder.join(NAME)).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)
    }

    /// Reads a backup's manifest and compares every file with it.
    pub fn verified(folder: &Path) -> Result<Self, Failure> {
        let failed =
            |error: &dyn std::error::Error| Failure(format!("{} holds no whole backup: {error}", folder.display()));
        let text = std::fs::read_to_string(folder.join(NAME)).map_err(|error| failed(&error))?;
        let manifest: Self = serde_json::from_str(&text).map_err(|error| failed(&error))?;
        let found = Self::of(folder, Vec::new(), 0).map_err(|error| failed(&error))?;
        if let Some(path) = manifest.files.keys().find(|path| !found.files.contains_key(*path)) {
            return Err(Failure(format!("the backup lacks {path}")));
        }
        if let Some((path, _)) = found
            .files
            .iter()
            .find(|(path, content)| manifest.files.get(*path) != Some(content))
        {
            return Err(Failure(format!("{path} is not as it was backed up")));
        }
        Ok(manifest)
    }
}

fn below(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(below(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn content(path: &Path) -> std::io::Result<Content> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else {
            break;
        };
        hash.update(part);
        bytes += u64::try_from(part.len()).unwrap_or(0);
    }
    Ok(Content {
        sha256: hex::encode(hash.finalize()),
        bytes,
    })
}
