//! The steps of a seal signature (GB/T 38540, 7.3; the same shape as GM/T 0031-2014, 6.2.3), each told by itself.
//! Must not stop at the first fault where a later step can still be judged, and must not take a signer's word for a time.

use super::Signature;
use super::steps::{Revoked, format, refuse, sentence, unchecked, value};
use crate::machine::Time;
use crate::seal::certificate::SM2_WITH_SM3;
use crate::seal::report::Report;
use crate::seal::trust::{Chain, Moment, Purpose, TrustStore};
use crate::seal::tsa::{self, Stamp, TsaError};

/// How far a signer's clock may be ahead, in milliseconds.
pub const MAX_CLOCK_SKEW: i64 = 300_000;

/// How long after the displayed time a stamp may follow before it is told, in milliseconds: a holder needs some minutes.
const STAMP_SOON: i64 = 3_600_000;

/// How long after the displayed time a stamp may follow at all: later the document shows a time that nothing proves.
const STAMP_LATEST: i64 = 86_400_000;

/// The code of a step that holds only if the signer's own word for the time is believed.
pub const UNPROVEN: &str = "revoked_later_unproven";
/// The code of a time that only the signer's side has told.
pub const CLAIMED: &str = "claimed_time";

impl Signature {
    /// Verifies all steps. `digest` is the SM3 that the carrier has recomputed over what `property` names; `now` is when
    /// this verification takes place.
    #[must_use]
    pub fn verify(&self, trust: &TrustStore, digest: Option<[u8; 32]>, now: Time) -> Report {
        let mut report = Report::default();
        self.judge_format(&mut report);
        let claim = (
            self.algorithm == SM2_WITH_SM3,
            self.to_sign.as_slice(),
            self.value.as_slice(),
        );
        value(&mut report, "signature.value", &self.signer, claim);
        let stamped = self
            .time_stamp
            .as_ref()
            .map(|token| tsa::verify(token, &self.value, trust, now));
        if let Some(Ok(stamp)) = &stamped {
            report.stamped = Some(stamp.time);
        }
        let at = report.stamped.unwrap_or(self.time);
        match trust.chain(&self.signer, Purpose::Seal, at) {
            Ok(chain) => {
                report.ok(
                    "signature.certificate",
                    format!("签章人 {}", self.signer.subject().shown()),
                );
                judge_time(&mut report, trust, &chain, Moment { at, now });
            }
            Err(failure) => refuse(&mut report, "signature.certificate", "签章人证书：", &failure),
        }
        match digest {
            Some(digest) if self.data_hash == digest => report.ok("signature.document", "文件内容与签章时一致"),
            Some(_) => report.fail("signature.document", "document_changed", "文件内容与签章时不一致"),
            None => report.fail("signature.document", "document_missing", "没有可核对的文件内容"),
        }
        report.append(self.seal.verify(trust, Moment { at, now }));
        if self.seal.holders().contain(&self.signer) {
            report.ok("signature.holder", "签章人证书在印章的证书列表中");
        } else {
            report.fail("signature.holder", "not_a_holder", "签章人证书不在印章的证书列表中");
        }
        self.tell_stamp(&mut report, stamped);
        report
    }

    fn judge_format(&self, report: &mut Report) {
        const STEP: &str = "signature.format";
        let about = format!("SES_Signature V{}", self.version);
        if self.version == self.seal.version() {
            format(report, STEP, &self.extensions, about);
        } else if self.extensions.iter().all(|extension| !extension.critical) {
            // Both are signed, and both versions have the same shape: strange, but nobody can have changed it.
            let text = format!("{about}，印章为 V{}，版本不一致", self.seal.version());
            report.warn(STEP, "versions_differ", text);
        } else {
            format(report, STEP, &self.extensions, about);
        }
    }

    fn tell_stamp(&self, report: &mut Report, stamped: Option<Result<Stamp, TsaError>>) {
        const STEP: &str = "signature.timestamp";
        let stamp = match stamped {
            Some(Ok(stamp)) => stamp,
            Some(Err(fault)) => return report.fail(STEP, fault.code(), format!("时间戳无效：{fault}")),
            None => return report.warn(STEP, CLAIMED, "没有时间戳，签章时间为签章人自报时间，无证明"),
        };
        // The time that the signer's side wrote stands before the stamp, and not long before.
        let after = stamp.time.millis_since(self.time);
        let told = format!("时间戳 {}，{}", stamp.time.in_china(), stamp.authority);
        if after < -MAX_CLOCK_SKEW {
            report.fail(STEP, "time_differs", "时间戳早于签章时间");
        } else if after > STAMP_LATEST {
            let text = format!("{told}；签章人自报时间 {} 早得多", self.time.in_china());
            report.fail(STEP, "time_differs", text);
        } else if after > STAMP_SOON {
            let text = format!("{told}；签章人自报时间为 {}", self.time.in_china());
            report.warn(STEP, "time_apart", text);
        } else if let Some((code, why)) = stamp.doubt() {
            report.warn(STEP, code, format!("{told}；{why}"));
        } else {
            report.ok(STEP, told);
        }
    }
}

/// The period of the certificate and its revocation, as of the signing.
fn judge_time(report: &mut Report, trust: &TrustStore, chain: &Chain, moment: Moment) {
    if moment.at.millis_since(moment.now) > MAX_CLOCK_SKEW {
        report.fail("signature.time", "in_the_future", "签章时间晚于当前时间");
    } else {
        match trust.check_period(chain, moment.at) {
            Ok(()) => report.ok("signature.time", format!("签章时间 {}", moment.at.in_china())),
            Err(failure) => refuse(report, "signature.time", "签章时证书：", &failure),
        }
    }
    const STEP: &str = "signature.revocation";
    let checked = trust.check_revocation(chain, Purpose::Seal, moment);
    match Revoked::of(trust, chain, moment.at, checked) {
        Revoked::Before(failure) => refuse(report, STEP, "签章前：", &failure),
        Revoked::Later(entry) if report.stamped.is_some() => {
            let text = format!("证书于 {} 被吊销，在签章之后", entry.from.in_china());
            report.warn(STEP, "revoked_later", text);
        }
        // Whoever has the key of a revoked certificate can write any earlier time.
        Revoked::Later(entry) => {
            let text = format!("证书于 {} 被吊销，在签章人自报的签章时间之后", entry.from.in_china());
            report.warn(STEP, UNPROVEN, text);
        }
        Revoked::Unknown(failure) => report.warn(STEP, failure.code.as_str(), sentence("", &failure)),
        Revoked::Unchecked(names) => report.warn(STEP, "revocation_not_checked", unchecked(&names)),
        Revoked::Never => report.ok(STEP, "签章时未被吊销"),
    }
}
