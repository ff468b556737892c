//! A folder of trusted authorities: certificates, revocation lists, and `profiles.json`. Must not fetch anything.

use std::path::Path;

use super::Failure;
use crate::seal::certificate::Certificate;
use crate::seal::trust::{CaProfile, RevocationList, TrustStore};

/// Reads a folder: `*.pem`, `*.crt`, `*.cer` and `*.der` are authorities, `*.crl` are revocation lists.
///
/// # Errors
/// A folder or file that cannot be read, a file that is not what its name says.
pub fn load(folder: &Path) -> Result<TrustStore, Failure> {
    let (mut authorities, mut lists, mut profiles) = (Vec::new(), Vec::new(), Vec::new());
    let unreadable = |error: std::io::Error| Failure(format!("failed to read {}: {error}", folder.display()));
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .map_err(unreadable)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    files.sort();
    for file in files.iter().filter(|file| file.is_file()) {
        let wrong = |error: &dyn std::fmt::Display| Failure(format!("failed to read {}: {error}", file.display()));
        let bytes = std::fs::read(file).map_err(|error| wrong(&error))?;
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("pem" | "crt" | "cer" | "der") => {
                authorities.extend(certificates(&bytes).map_err(|error| wrong(&error))?);
            }
            Some("crl") => lists.push(RevocationList::from_any(&bytes).map_err(|error| wrong(&error))?),
            Some("json") => {
                let read: Vec<CaProfile> = serde_json::from_slice(&bytes).map_err(|error| wrong(&error))?;
                profiles.extend(read);
            }
            _ => {}
        }
    }
    Ok(TrustStore::new(authorities, lists, profiles))
}

fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, crate::seal::asn1::Asn1Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.contains("-----BEGIN ") => Certificate::all_from_pem(text),
        _ => Certificate::from_any(bytes).map(|one| vec![one]),
    }
}
