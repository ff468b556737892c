//! A file of any kind that is verified, told by its first bytes. Must not take a file's name for its kind.

use super::document::{DocumentReport, Kind, SealShown, SignatureReport};
use super::ses::{Seal, SesError, Signature};
use super::trust::{Moment, TrustStore};
use super::{ofd, pdf};
use crate::machine::Time;

/// The largest file that is verified, in bytes.
pub const LARGEST: usize = 64 * 1_024 * 1_024;
/// How far into a file a PDF may begin.
const PREFIX: usize = 1_024;

/// Verifies a PDF, an OFD, a seal by itself, or a signature by itself, as of a time.
#[must_use]
pub fn verify(bytes: &[u8], trust: &TrustStore, at: Time) -> DocumentReport {
    let head = bytes.get(..bytes.len().min(PREFIX)).unwrap_or_default();
    if head.windows(5).any(|window| window == b"%PDF-") {
        return pdf::verify(bytes, trust, at);
    }
    if head.starts_with(b"PK") {
        return ofd::verify(bytes, trust, at);
    }
    match Signature::parse(bytes) {
        Ok(signature) => loose(bytes, &signature, trust, at),
        Err(_) => seal(bytes, trust, at),
    }
}

/// An SES_Signature without the document that it protects: all but the document's hash can be judged.
fn loose(bytes: &[u8], signature: &Signature, trust: &TrustStore, at: Time) -> DocumentReport {
    let mut report = DocumentReport::begin(Some(Kind::Ses), bytes, at);
    let judged = signature.verify(trust, None, at);
    report.signatures.push(SignatureReport::of(
        1,
        signature.property().to_owned(),
        Some(signature),
        judged,
    ));
    report.conclude()
}

fn seal(bytes: &[u8], trust: &TrustStore, at: Time) -> DocumentReport {
    let mut report = DocumentReport::begin(None, bytes, at);
    match Seal::parse(bytes) {
        Ok(seal) => {
            report.kind = Some(Kind::Esl);
            report.report = seal.verify(trust, Moment::present(at));
            report.seal = Some(SealShown::of(&seal, &report.report));
        }
        Err(SesError::Asn1(_)) => {
            report
                .report
                .fail("file.format", "malformed", "不是 PDF、OFD 或 GB/T 38540 印章文件");
        }
        Err(error) => report.report.fail("file.format", error.code(), error.sentence()),
    }
    report.conclude()
}
