//! Certificates, paths, seals and time stamps: against an authority minted here, against OpenSSL, against real samples.
//!
//! What each file proves:
//! - `chains`: every reason against a certificate, each with its own code, and nothing else refused.
//! - `lists`: revocation lists as of a moment: before, after, expired, forged, partial, lists of changes.
//! - `subjects`: where the number of a subject stands, authority by authority, and what is no number.
//! - `openssl`: OpenSSL's chain, its revocation list and its signatures pass here, and ours pass there.
//! - `seals`: each step of GB/T 38540 fails for its own reason, and every flipped byte is noticed.
//! - `stamps`: RFC 3161 tokens.
//! - `samples`: files of others, read from the folder that `LUOCHUI_SEAL_VECTORS` names; said so without it.

mod chains;
mod lists;
mod makers;
pub mod openssl;
mod samples;
mod seals;
pub mod stamps;
mod subjects;

pub mod pki;
