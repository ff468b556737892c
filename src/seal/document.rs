//! What a verification of a whole file says: the file's own steps, and those of each signature in it.
//! Must not decide anything: it adds up what the carriers found.

use base64::Engine as _;
use serde::Serialize;

use super::mark::{TEST_NOTICE, is_test};
use super::report::{Report, Status};
use super::ses::{CLAIMED, MAX_CLOCK_SKEW, Seal, Signature, UNPROVEN};
use crate::machine::Time;

/// What kind of file was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Pdf,
    Ofd,
    /// A seal by itself (SESeal).
    Esl,
    /// A signature by itself (SES_Signature), without its document.
    Ses,
}

/// What comes out at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything that was checked holds; warnings may stand beside it.
    Valid,
    /// All that can be checked holds, but whether the signature was made in time rests on the signer's word alone: the
    /// certificate was revoked since, and nothing proves that the signature is older.
    Undetermined,
    /// Something was checked and does not hold.
    Invalid,
    /// There was nothing to check: no signature, or no file of a known kind.
    Unsigned,
}

/// The seal in a signature, as far as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SealShown {
    pub id: String,
    pub name: String,
    /// Who made the seal, by the maker's certificate.
    pub maker: String,
    /// In milliseconds since 1970 UTC.
    pub valid_from: i64,
    pub valid_until: i64,
    /// Made by a maker for tests: 测试签章 无法律效力
    pub test: bool,
    /// Such as `png`.
    pub picture_kind: String,
    /// The picture in Base64; only where the maker's signature over it holds.
    pub picture: Option<String>,
}

/// One signature of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignatureReport {
    /// Counted from 1, in the order in which they were made.
    pub number: usize,
    /// What the file calls it.
    pub name: String,
    /// The signer by its certificate.
    pub signer: Option<String>,
    /// When it was made, in milliseconds since 1970 UTC: by the time stamp where one proves it, else as the signer says.
    pub at: Option<i64>,
    /// When the signer's side says it was made, in milliseconds since 1970 UTC.
    pub claimed_at: Option<i64>,
    pub seal: Option<SealShown>,
    /// Made with certificates for tests: 测试签章 无法律效力
    pub test: bool,
    pub report: Report,
}

/// A whole file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DocumentReport {
    pub kind: Option<Kind>,
    pub verdict: Verdict,
    /// For people, in Chinese.
    pub conclusion: String,
    /// The time for which it was judged, in milliseconds since 1970 UTC.
    pub judged_at: i64,
    pub bytes: usize,
    /// SM3 of the whole file in hex, to tell which file this is about.
    pub sm3: String,
    pub report: Report,
    pub signatures: Vec<SignatureReport>,
    /// The seal, where the file is one.
    pub seal: Option<SealShown>,
}

impl DocumentReport {
    /// A report about a file before anything is checked.
    pub fn begin(kind: Option<Kind>, bytes: &[u8], at: Time) -> Self {
        Self {
            kind,
            verdict: Verdict::Unsigned,
            conclusion: String::new(),
            judged_at: at.0,
            bytes: bytes.len(),
            sm3: hex::encode(super::sm3(bytes)),
            report: Report::default(),
            signatures: Vec::new(),
            seal: None,
        }
    }

    /// Draws the conclusion from all steps.
    #[must_use]
    pub fn conclude(mut self) -> Self {
        let checked = !self.signatures.is_empty() || self.kind == Some(Kind::Esl);
        let all = || std::iter::once(&self.report).chain(self.signatures.iter().map(|one| &one.report));
        let fault = all()
            .flat_map(|report| &report.steps)
            .find(|step| step.status == Status::Failed);
        let warned = all()
            .flat_map(|report| &report.steps)
            .any(|step| step.status == Status::Warning);
        let unproven = all().flat_map(|report| &report.steps).any(|step| step.code == UNPROVEN);
        let (verdict, mut conclusion) = match fault {
            Some(step) if checked => (Verdict::Invalid, format!("验证未通过：{}", step.reason)),
            Some(step) => (Verdict::Unsigned, format!("无法验证：{}", step.reason)),
            None if !checked => (Verdict::Unsigned, "文件中没有电子签章".to_owned()),
            None if unproven => (
                Verdict::Undetermined,
                "不能确定：证书已被吊销，没有证明签章在吊销之前".to_owned(),
            ),
            None if warned => (Verdict::Valid, "验证通过，有需要注意的事项".to_owned()),
            None => (Verdict::Valid, "验证通过".to_owned()),
        };
        let seal = self.seal.as_ref().is_some_and(|seal| seal.test);
        if seal || self.signatures.iter().any(|signature| signature.test) {
            conclusion.push_str(&format!("（{TEST_NOTICE}）"));
        }
        (self.verdict, self.conclusion) = (verdict, conclusion);
        self
    }
}

impl DocumentReport {
    /// Takes into account that the platform recorded this very file at a moment: what its signers say of the time before
    /// that is the platform's time, since it prepared what they signed. Still no proof to others, as a time stamp is.
    #[must_use]
    pub fn recorded_by_the_platform(mut self, at: Time) -> Self {
        for signature in &mut self.signatures {
            let claimed = signature.claimed_at.map(Time);
            if claimed.is_none_or(|claimed| claimed.millis_since(at) > MAX_CLOCK_SKEW) {
                continue;
            }
            for step in &mut signature.report.steps {
                if step.code == CLAIMED {
                    (step.code, step.reason) = ("platform_time", "没有时间戳，签章时间为平台时间".to_owned());
                } else if step.code == UNPROVEN {
                    let reason = step.reason.replace("签章人自报的", "平台记录的");
                    (step.code, step.reason) = ("revoked_later", reason);
                }
            }
        }
        self.conclude()
    }
}

impl SignatureReport {
    /// One signature's report, with what it shows of signer and seal where it could be read.
    pub fn of(number: usize, name: String, parsed: Option<&Signature>, report: Report) -> Self {
        let seal = parsed.map(|signature| SealShown::of(signature.seal(), &report));
        let marked = |signature: &Signature| is_test(signature.signer()) || is_test(signature.seal().maker());
        Self {
            number,
            name,
            signer: parsed.map(|signature| signature.signer().subject().shown().to_owned()),
            at: report.stamped.or(parsed.map(Signature::time)).map(|time| time.0),
            claimed_at: parsed.map(|signature| signature.time().0),
            seal,
            test: parsed.is_some_and(marked),
            report,
        }
    }
}

impl SealShown {
    /// What may be shown of a seal after these steps.
    pub fn of(seal: &Seal, report: &Report) -> Self {
        let (from, until) = seal.period();
        let picture = seal.shown_picture(report);
        Self {
            id: seal.id().to_owned(),
            name: seal.name().to_owned(),
            maker: seal.maker().subject().shown().to_owned(),
            test: is_test(seal.maker()),
            valid_from: from.0,
            valid_until: until.0,
            picture_kind: seal.raw_picture().kind.to_ascii_lowercase(),
            picture: picture.map(|picture| base64::engine::general_purpose::STANDARD.encode(&picture.data)),
        }
    }
}
