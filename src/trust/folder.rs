//! A folder of trusted authorities: certificates, revocation lists and profiles. Must not stop at a file that is wrong:
//! the others still count.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::seal::asn1::Asn1Error;
use crate::seal::certificate::Certificate;
use crate::seal::trust::{CaProfile, RevocationList};

/// What a folder holds.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub authorities: Vec<Certificate>,
    pub lists: Vec<RevocationList>,
    pub profiles: Vec<CaProfile>,
}

/// Reads a folder: `*.pem`, `*.crt`, `*.cer` and `*.der` are authorities, `*.crl` revocation lists, `*.json` a profile or
/// a list of them. No path at all is an empty folder; a file that is wrong is told in the log and passed over.
#[must_use]
pub fn read(folder: &Path) -> Found {
    let mut found = Found::default();
    for (path, _, _) in fingerprint(folder) {
        if let Err(error) = take(&path, &mut found) {
            tracing::error!(path = %path.display(), error, "a file of the trust folder cannot be read");
        }
    }
    found
}

/// Takes in one file after its ending.
///
/// # Errors
/// A file that cannot be read or is not what its ending says.
pub fn take(path: &Path, found: &mut Found) -> Result<(), String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let told = |error: Asn1Error| error.to_string();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("pem" | "crt" | "cer" | "der") => found.authorities.extend(certificates(&bytes).map_err(told)?),
        Some("crl") => found.lists.push(RevocationList::from_any(&bytes).map_err(told)?),
        Some("json") => found.profiles.extend(profiles(&bytes)?),
        _ => {}
    }
    Ok(())
}

fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, Asn1Error> {
    match std::str::from_utf8(bytes) {
        // A key's PEM holds none, so a folder of an authority's own may hold its keys as well.
        Ok(text) if text.contains("-----BEGIN ") => Certificate::all_from_pem(text),
        _ => Certificate::from_any(bytes).map(|one| vec![one]),
    }
}

fn profiles(bytes: &[u8]) -> Result<Vec<CaProfile>, String> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Either {
        Many(Vec<CaProfile>),
        One(CaProfile),
    }
    match serde_json::from_slice(bytes) {
        Ok(Either::Many(profiles)) => Ok(profiles),
        Ok(Either::One(profile)) => Ok(vec![profile]),
        // The untagged error says nothing; the one of a single profile names the field.
        Err(_) => match serde_json::from_slice::<CaProfile>(bytes) {
            Ok(profile) => Ok(vec![profile]),
            Err(error) => Err(error.to_string()),
        },
    }
}

/// The files with their sizes and times, in the order of their names.
pub(super) fn fingerprint(folder: &Path) -> Vec<(PathBuf, u64, Option<SystemTime>)> {
    if folder.as_os_str().is_empty() {
        return Vec::new();
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            tracing::error!(path = %folder.display(), %error, "the trust folder cannot be read");
            return Vec::new();
        }
    };
    let mut files: Vec<_> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let about = std::fs::metadata(entry.path()).ok()?;
            about
                .is_file()
                .then(|| (entry.path(), about.len(), about.modified().ok()))
        })
        .collect();
    files.sort();
    files
}
