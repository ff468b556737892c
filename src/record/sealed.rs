//! The seals on a trade's documents as a dossier carries them, each with what it was judged with, and that they are those of the
//! history. Must not judge a certificate: that is for a verification of the document, with this evidence.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::verify::{Report, Status};
use crate::machine::history::Entry;
use crate::machine::step::{Act, Cause, Sealed};
use crate::seal::ses::Signature;
use crate::seal::sm2::PublicKey;

/// One seal on one document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The sealing job, which the history names.
    pub job: String,
    /// SHA-256 of the sealed file, lower-case hex.
    pub sha256: String,
    /// SES_Signature, base64.
    pub signature: String,
    /// Authorities, profiles and revocation lists as they were, for signer, maker and time stamp.
    pub evidence: serde_json::Value,
    /// The steps of the verification at the sealing.
    pub report: serde_json::Value,
}

/// Checks that the history's seals are there, and that each signature is the one that the history tells of. `seals` stand with
/// their lines in the dossier.
pub(super) fn check(report: &mut Report, entries: &[Entry], seals: &[(u64, Kept)]) {
    let known: BTreeMap<&str, &(u64, Kept)> = seals.iter().map(|seal| (seal.1.job.as_str(), seal)).collect();
    let (mut fitting, mut missing) = (0_u64, 0_u64);
    for sealed in entries.iter().filter_map(of) {
        let Some((line, kept)) = known.get(&*sealed.job).copied() else {
            missing += 1;
            continue;
        };
        if let Err(why) = fits(kept, sealed) {
            return report.add("seals", Status::Failed, Some(*line), why);
        }
        fitting += 1;
    }
    if missing > 0 {
        let text = format!("{fitting} seals are those of the history; {missing} of the history are not here");
        report.add("seals", Status::Warning, None, text);
    } else if fitting > 0 {
        let text = format!("{fitting} are those of the history, with what they were judged with");
        report.add("seals", Status::Ok, None, text);
    }
}

fn of(entry: &Entry) -> Option<&Sealed> {
    match &entry.private.as_ref()?.input.cause {
        Cause::Todo {
            act: Act::Complete { sealed, .. },
            ..
        } => sealed.as_deref(),
        _ => None,
    }
}

fn fits(kept: &Kept, sealed: &Sealed) -> Result<(), &'static str> {
    if kept.sha256 != *sealed.sha256 {
        return Err("the seal is on another file than the history says");
    }
    let der = STANDARD.decode(&kept.signature).map_err(|_| "the seal is not base64")?;
    let signature = Signature::parse(&der).map_err(|_| "the seal cannot be read")?;
    if signature.signer().sha256() != *sealed.certificate_sha256 || signature.seal().id() != &*sealed.seal {
        return Err("the seal is of another signer than the history says");
    }
    PublicKey::from_certificate(signature.signer())
        .and_then(|key| key.verify_carried(signature.to_sign(), signature.value()))
        .map_err(|_| "the seal's signature does not fit")
}
