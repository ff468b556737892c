//! A folder of trusted authorities for a command: what is wrong in it ends the command. Must not fetch anything.

use std::path::Path;

use super::Failure;
use crate::seal::trust::TrustStore;
use crate::trust::{Found, take};

/// Reads a folder: `*.pem`, `*.crt`, `*.cer` and `*.der` are authorities, `*.crl` revocation lists, `*.json` profiles.
///
/// # Errors
/// A folder or file that cannot be read, a file that is not what its name says.
pub fn load(folder: &Path) -> Result<TrustStore, Failure> {
    let unreadable = |error: std::io::Error| Failure(format!("failed to read {}: {error}", folder.display()));
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let files: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut files = files.map_err(unreadable)?;
    files.sort();
    let mut found = Found::default();
    for file in files.iter().filter(|file| file.is_file()) {
        let wrong = |error| Failure(format!("failed to read {}: {error}", file.display()));
        take(file, &mut found).map_err(wrong)?;
    }
    Ok(TrustStore::new(found.authorities, found.lists, found.profiles))
}
