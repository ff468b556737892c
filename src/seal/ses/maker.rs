//! The steps of a seal by itself (GB/T 38540, 6.3; the same shape as GM/T 0031-2014, 6.1.2): structure, value, maker, period.
//! Must not take a signing certificate for a maker's: only those count that a profile names.

use super::steps::{Revoked, format, refuse, sentence, unchecked, value};
use super::{MAX_CLOCK_SKEW, Seal};
use crate::machine::Time;
use crate::seal::certificate::SM2_WITH_SM3;
use crate::seal::report::Report;
use crate::seal::trust::{Code, Failure, Moment, Purpose, TrustStore};
use crate::seal::tsa;

impl Seal {
    /// Verifies a seal as it is used at a moment: structure, maker's signature, maker's certificate, period.
    ///
    /// The maker's certificate is judged for the day when the seal was made, since makers' certificates live shorter than
    /// seals; one that had expired when the seal was used, or that was revoked after the day, is a warning.
    #[must_use]
    pub fn verify(&self, trust: &TrustStore, moment: Moment) -> Report {
        let mut report = Report::default();
        let about = format!("SESeal V{}，{}", self.version(), self.name());
        format(&mut report, "seal.format", self.extensions(), about);
        value(
            &mut report,
            "seal.value",
            &self.maker,
            (self.algorithm == SM2_WITH_SM3, &self.info, &self.signature),
        );
        self.judge_maker(&mut report, trust, moment);
        self.judge_period(&mut report, moment);
        if let Some(token) = &self.time_stamp {
            match tsa::verify(token, &self.signature, trust, moment.now) {
                Ok(stamp) => match stamp.doubt() {
                    None => report.ok("seal.timestamp", format!("时间戳 {}", stamp.time.in_china())),
                    Some((code, why)) => {
                        report.warn(
                            "seal.timestamp",
                            code,
                            format!("时间戳 {}，{why}", stamp.time.in_china()),
                        );
                    }
                },
                Err(fault) => report.fail("seal.timestamp", fault.code(), fault.to_string()),
            }
        }
        report
    }

    /// Checks what a use of the seal needs beyond its verification: while the maker's certificate runs, a current list must
    /// speak for it. Whether the seal holds is for [`Self::verify`] to say.
    ///
    /// # Errors
    /// What keeps the maker's revocation from being known.
    pub fn check_maker_today(&self, trust: &TrustStore, now: Time) -> Result<(), Failure> {
        let chain = trust.chain(&self.maker, Purpose::SealMaker, now)?;
        if trust.check_period(&chain, now).is_err() {
            return Ok(());
        }
        match trust.check_revocation(&chain, Purpose::SealMaker, Moment::present(now)) {
            // A maker that was revoked since made its earlier seals in good right: the verification warns of it.
            Err(failure) if failure.code != Code::Revoked => Err(failure),
            _ => Ok(()),
        }
    }

    /// True where the seal's name begins with its owner's: `某某公司合同专用章`, `张三印`. Spaces and the width of characters do not
    /// count.
    #[must_use]
    pub fn bears_the_name_of(&self, owner: &str) -> bool {
        let plain = |text: &str| -> String {
            let visible = text.chars().filter(|character| !character.is_whitespace());
            visible.map(narrow).collect()
        };
        let owner = plain(owner);
        !owner.is_empty() && plain(self.name()).starts_with(&owner)
    }

    fn judge_period(&self, report: &mut Report, moment: Moment) {
        const STEP: &str = "seal.period";
        let (from, until) = self.period();
        if self.created().millis_since(moment.at.min(moment.now)) > MAX_CLOCK_SKEW {
            report.fail(STEP, "made_later", "印章的制作时间晚于使用时间");
        } else if moment.at < from {
            report.fail(STEP, "not_yet_valid", "印章尚未生效");
        } else if moment.at > until.plus_millis(999) {
            report.fail(STEP, "expired", "印章已过有效期");
        } else {
            report.ok(STEP, "使用时间在印章有效期内");
        }
    }

    fn judge_maker(&self, report: &mut Report, trust: &TrustStore, moment: Moment) {
        const STEP: &str = "seal.maker";
        const LISTS: &str = "seal.revocation";
        let chain = match trust.chain(&self.maker, Purpose::SealMaker, self.created()) {
            Ok(chain) => chain,
            Err(failure) => return refuse(report, STEP, "制章人证书：", &failure),
        };
        if let Err(failure) = trust.check_maker(&chain) {
            return refuse(report, STEP, "制章人：", &failure);
        }
        if let Err(failure) = trust.check_period(&chain, self.created()) {
            return refuse(report, STEP, "制章人证书在制章时：", &failure);
        }
        match trust.check_period(&chain, moment.at) {
            Ok(()) => report.ok(STEP, format!("制章人 {}", self.maker.subject().shown())),
            Err(failure) => report.warn(STEP, failure.code.as_str(), "制章人证书在制章时有效，使用印章时已过期"),
        }
        let made = Moment {
            at: self.created(),
            now: moment.now,
        };
        let checked = trust.check_revocation(&chain, Purpose::SealMaker, made);
        match Revoked::of(trust, &chain, made.at, checked) {
            Revoked::Before(failure) => refuse(report, LISTS, "制章人证书在制章前：", &failure),
            Revoked::Later(entry) => {
                let text = format!("制章人证书于 {} 被吊销，在制章之后", entry.from.in_china());
                report.warn(LISTS, "revoked_later", text);
            }
            Revoked::Unknown(failure) => {
                report.warn(LISTS, failure.code.as_str(), sentence("制章人证书：", &failure));
            }
            Revoked::Unchecked(names) => report.warn(LISTS, "revocation_not_checked", unchecked(&names)),
            Revoked::Never => report.ok(LISTS, "制章人证书在制章时未被吊销"),
        }
    }
}

/// The ASCII character of a full-width one: U+FF01 to U+FF5E are those of U+0021 to U+007E.
fn narrow(character: char) -> char {
    match u32::from(character) {
        code @ 0xff01..=0xff5e => char::from_u32(code - 0xfee0).unwrap_or(character),
        _ => character,
    }
}
