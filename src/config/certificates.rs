//! Which authorities are trusted, and how one signs in with their certificates. Must not hold what differs by authority:
//! profiles do.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which certificates are trusted, and signing in with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Certificates {
    /// Folder of authorities (.pem), revocation lists (.crl) and profiles (.json); empty: only what admins add.
    pub trust: PathBuf,
    /// How long a challenge may be answered, 120 to 300.
    pub challenge_seconds: u32,
    /// Threads that verify certificates at the login.
    pub verifiers: usize,
    /// Threads that verify the signatures of signed events, such as offers; sign-ins do not use them.
    pub event_verifiers: usize,
    /// How often revocation lists are fetched; 0 for never.
    pub crl_fetch_minutes: u32,
    /// Hosts, with the port where it is written in the address, from which revocation lists may be fetched.
    pub crl_hosts: Vec<String>,
    /// Whom holders of a certificate turn to whose authority has no contact of its own here.
    pub contact: String,
}
