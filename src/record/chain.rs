//! How lines hang together: each names the digests of the line before, and the first those of the record's head line.
//! Must not decide what a line says.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::row::Row;
use crate::machine::step::Line;
use crate::machine::trade::{Instance, Trade};
use crate::machine::value::Name;

/// What the first line of every record begins with.
pub const FORMAT: &str = "luochui-record/1";

/// The first line: of what this is the record, and by which definitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    pub format: Name,
    pub instance: Name,
    pub machine: Name,
    pub trade: Name,
    pub bundle: Name,
    pub version: Name,
    /// SHA-256 over the definitions.
    pub bundle_sha256: Name,
}

/// Where a record stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Lines, without the first, which is number 0.
    pub size: u64,
    /// SM3 of the last line, lower-case hex.
    pub sm3: Name,
    /// SHA-256 of the last line, lower-case hex.
    pub sha256: Name,
}

/// A line that was appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// As it is hashed, without the line break.
    pub text: String,
    /// Where the record stands with it.
    pub head: Head,
}

impl Origin {
    /// The first line of an instance's record.
    #[must_use]
    pub fn of(trade: &Trade, instance: &Instance) -> Self {
        Self {
            format: FORMAT.into(),
            instance: instance.id.clone(),
            machine: instance.machine.clone(),
            trade: trade.id.clone(),
            bundle: trade.bundle.name.clone(),
            version: trade.bundle.version.clone(),
            bundle_sha256: trade.bundle.sha256.clone(),
        }
    }

    #[must_use]
    pub fn text(&self) -> String {
        // A record of texts can always be written as JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Head {
    /// Where a record stands whose last line is this one.
    #[must_use]
    pub fn at(size: u64, last: &str) -> Self {
        let (sm3, sha256) = digests(last.as_bytes());
        Self { size, sm3, sha256 }
    }

    /// Writes the next line.
    #[must_use]
    pub fn append(&self, line: &Line) -> Appended {
        let text = Row::after(self, line).text();
        let head = Self::at(self.size + 1, &text);
        Appended { text, head }
    }
}

/// SM3 and SHA-256, lower-case hex.
#[must_use]
pub fn digests(bytes: &[u8]) -> (Name, Name) {
    (sm3(bytes), sha256(bytes))
}

/// SM3, lower-case hex.
#[must_use]
pub fn sm3(bytes: &[u8]) -> Name {
    hex(&crate::seal::sm3(bytes))
}

/// SHA-256, lower-case hex.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Name {
    hex(&Sha256::digest(bytes))
}

fn hex(digest: &[u8]) -> Name {
    let mut text = [0; 64];
    // The buffer holds exactly two letters for each of the 32 bytes.
    let written = hex::encode_to_slice(digest, &mut text).ok();
    let read = written.and_then(|()| std::str::from_utf8(&text).ok());
    read.unwrap_or_default().into()
}
