//! How records are signed. Must not read the key.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Records of instances and the key that vouches for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Record {
    /// SM2, PKCS#8 PEM; empty for one that is generated into the data folder. Processes on one database share it.
    pub key: PathBuf,
    /// Receipts signed with the answer; the others are signed when they are asked for.
    pub signed_receipts_per_second: u32,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            key: PathBuf::new(),
            // A signature takes some 0.15 ms of a core: this many take a fiftieth of it.
            signed_receipts_per_second: 100,
        }
    }
}
