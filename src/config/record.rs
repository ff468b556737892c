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
    /// Minutes between two mails with a checkpoint to those who read records, while an instance runs; 0 for none but those of its
    /// changes of phase.
    pub mail_minutes: u32,
    pub server: SigningServer,
}

/// A signing server (签名验签服务器) that holds the platform's key in the place of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SigningServer {
    /// Where requests to sign are posted; empty: the key is the file.
    pub url: String,
    /// PEM of the key's public half, then those of the keys before it, the latest first. What the server signs must fit the first.
    pub public_keys: PathBuf,
    /// What the server calls the key; empty: the key's id.
    pub key: String,
    /// Sent as `Authorization: Bearer`; empty: not sent.
    pub token: String,
    /// Signs requests, at least 32 bytes; empty: they are not signed.
    pub secret: String,
    /// How long one attempt may take, in milliseconds.
    pub timeout_ms: u32,
    /// How often a server that does not answer is asked.
    pub attempts: u32,
}

impl Default for SigningServer {
    fn default() -> Self {
        Self {
            url: String::new(),
            public_keys: PathBuf::new(),
            key: String::new(),
            token: String::new(),
            secret: String::new(),
            timeout_ms: 3_000,
            attempts: 3,
        }
    }
}

impl Default for Record {
    fn default() -> Self {
        Self {
            key: PathBuf::new(),
            // A signature takes some 0.15 ms of a core: this many take a fiftieth of it.
            signed_receipts_per_second: 100,
            mail_minutes: 30,
            server: SigningServer::default(),
        }
    }
}
