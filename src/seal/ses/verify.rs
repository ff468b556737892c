//! The steps of GB/T 38540 (6.3 and 7.3; the same shape as GM/T 0031-2014, 6.1.2 and 6.2.3), each told by itself.
//! Must not stop at the first fault where a later step can still be judged.

use super::{Seal, Signature};
use crate::machine::Time;
use crate::seal::certificate::{Certificate, SM2_WITH_SM3};
use crate::seal::report::Report;
use crate::seal::trust::{Chain, Code, Failure, Moment, Purpose, TrustStore};
use crate::seal::tsa;

/// How far a signer's clock may be ahead, in milliseconds.
pub const MAX_CLOCK_SKEW: i64 = 300_000;

impl Seal {
    /// Verifies a seal as it is used at a moment: structure, maker's signature, maker's certificate, period.
    ///
    /// The maker's certificate is judged for the day when the seal was made, since makers' certificates live shorter than
    /// seals; one that had expired when the seal was used is a warning.
    #[must_use]
    pub fn verify(&self, trust: &TrustStore, moment: Moment) -> Report {
        let mut report = Report::default();
        report.ok("seal.format", format!("SESeal V{}，{}", self.version(), self.name()));
        value(
            &mut report,
            "seal.value",
            &self.maker,
            (self.algorithm == SM2_WITH_SM3, &self.info, &self.signature),
        );
        self.judge_maker(&mut report, trust, moment);
        let (from, until) = self.period();
        if moment.at < from {
            report.fail("seal.period", "not_yet_valid", "印章尚未生效");
        } else if moment.at > until.plus_millis(999) {
            report.fail("seal.period", "expired", "印章已过有效期");
        } else {
            report.ok("seal.period", "使用时间在印章有效期内");
        }
        if let Some(token) = &self.time_stamp {
            match tsa::verify(token, &self.signature, trust, moment.now) {
                Ok(stamp) => report.ok("seal.timestamp", format!("时间戳 {}", shown(stamp.time))),
                Err(fault) => report.fail("seal.timestamp", fault.code(), fault.to_string()),
            }
        }
        report
    }

    fn judge_maker(&self, report: &mut Report, trust: &TrustStore, moment: Moment) {
        const STEP: &str = "seal.maker";
        let chain = match trust.chain(&self.maker, Purpose::SealMaker, self.created()) {
            Ok(chain) => chain,
            Err(failure) => return refuse(report, STEP, "制章人证书：", &failure),
        };
        if let Err(failure) = trust.check_period(&chain, self.created()) {
            return refuse(report, STEP, "制章人证书在制章时：", &failure);
        }
        let made = Moment {
            at: self.created(),
            now: moment.now,
        };
        match trust.check_revocation(&chain, Purpose::SealMaker, made) {
            Err(failure) if failure.code == Code::Revoked => refuse(report, STEP, "制章人证书在制章前：", &failure),
            Err(failure) => report.warn(STEP, failure.code.as_str(), sentence("制章人证书：", &failure)),
            Ok(_) => match trust.check_period(&chain, moment.at) {
                Ok(()) => report.ok(STEP, format!("制章人 {}", self.maker.subject().shown())),
                Err(failure) => report.warn(STEP, failure.code.as_str(), "制章人证书在制章时有效，使用印章时已过期"),
            },
        }
    }
}

impl Signature {
    /// Verifies all steps. `digest` is the SM3 that the carrier has recomputed over what `property` names; `now` is when
    /// this verification takes place.
    #[must_use]
    pub fn verify(&self, trust: &TrustStore, digest: Option<[u8; 32]>, now: Time) -> Report {
        let mut report = Report::default();
        report.ok("signature.format", format!("SES_Signature V{}", self.version));
        let claim = (
            self.algorithm == SM2_WITH_SM3,
            self.to_sign.as_slice(),
            self.value.as_slice(),
        );
        value(&mut report, "signature.value", &self.signer, claim);
        let stamped = self.judge_stamp(trust, now);
        let at = match &stamped {
            Some(Ok(stamp)) => stamp.time,
            _ => self.time,
        };
        match trust.chain(&self.signer, Purpose::Seal, at) {
            Ok(chain) => {
                report.ok(
                    "signature.certificate",
                    format!("签章人 {}", self.signer.subject().shown()),
                );
                self.judge_time(&mut report, trust, &chain, Moment { at, now });
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

    /// Step (d): the period of the certificate and its revocation, as of the signing.
    fn judge_time(&self, report: &mut Report, trust: &TrustStore, chain: &Chain, moment: Moment) {
        if moment.at.millis_since(moment.now) > MAX_CLOCK_SKEW {
            report.fail("signature.time", "in_the_future", "签章时间晚于当前时间");
        } else {
            match trust.check_period(chain, moment.at) {
                Ok(()) => report.ok("signature.time", format!("签章时间 {}", shown(moment.at))),
                Err(failure) => refuse(report, "signature.time", "签章时证书：", &failure),
            }
        }
        const STEP: &str = "signature.revocation";
        match trust.check_revocation(chain, Purpose::Seal, moment) {
            Err(failure) if failure.code == Code::Revoked => refuse(report, STEP, "签章前：", &failure),
            Err(failure) => report.warn(STEP, failure.code.as_str(), sentence("", &failure)),
            Ok(_) => match trust.revoked_after(chain, moment.at) {
                Some(entry) => report.warn(
                    STEP,
                    "revoked_later",
                    format!("证书于 {} 被吊销，在签章之后", shown(entry.from)),
                ),
                None => report.ok(STEP, "签章时未被吊销"),
            },
        }
    }

    fn judge_stamp(&self, trust: &TrustStore, now: Time) -> Option<Result<tsa::Stamp, tsa::TsaError>> {
        self.time_stamp
            .as_ref()
            .map(|token| tsa::verify(token, &self.value, trust, now))
    }

    fn tell_stamp(&self, report: &mut Report, stamped: Option<Result<tsa::Stamp, tsa::TsaError>>) {
        const STEP: &str = "signature.timestamp";
        match stamped {
            // The time that the signer's side wrote stands before the stamp, and not long before.
            Some(Ok(stamp)) if self.time.millis_since(stamp.time) > MAX_CLOCK_SKEW => {
                report.fail(STEP, "time_differs", "时间戳早于签章时间");
            }
            Some(Ok(stamp)) => report.ok(STEP, format!("时间戳 {}，{}", shown(stamp.time), stamp.authority)),
            Some(Err(fault)) => report.fail(STEP, fault.code(), format!("时间戳无效：{fault}")),
            None => report.warn(STEP, "platform_time", "没有时间戳，签章时间为平台时间"),
        }
    }
}

/// Checks a signature value: the algorithm is right, and the key fits bytes and value.
fn value(report: &mut Report, step: &'static str, signer: &Certificate, claim: (bool, &[u8], &[u8])) {
    let (algorithm, message, signature) = claim;
    if !algorithm {
        return report.fail(step, "wrong_algorithm", "签名算法不是 SM2/SM3");
    }
    match signer.public_key().map(|key| key.verify_carried(message, signature)) {
        Some(Ok(())) => report.ok(step, "签名值正确"),
        Some(Err(fault)) => report.fail(step, "bad_signature", format!("签名值不正确：{fault}")),
        None => report.fail(step, "wrong_curve", "公钥不在 SM2 曲线上"),
    }
}

fn refuse(report: &mut Report, step: &'static str, of: &str, failure: &Failure) {
    report.fail(step, failure.code.as_str(), sentence(of, failure));
}

fn sentence(of: &str, failure: &Failure) -> String {
    format!("{of}{}（{}）", failure.code.sentence(), failure.subject)
}

/// A moment as people in China read it.
fn shown(time: Time) -> String {
    chrono::DateTime::from_timestamp_millis(time.plus_millis(8 * 3_600_000).0)
        .unwrap_or_default()
        .format("%Y-%m-%d %H:%M:%S")
        .to_string()
}
