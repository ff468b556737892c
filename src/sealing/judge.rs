//! What came back from the signer, judged before anything is kept: key, certificate, holder, seal, and the finished file.
//! Must not keep anything.

use crate::config::Environment;
use crate::machine::Time;
use crate::seal::certificate::Certificate;
use crate::seal::document::{DocumentReport, Verdict};
use crate::seal::mark::{TEST_REFUSED, is_test};
use crate::seal::pdf;
use crate::seal::ses::{Seal, Signature, assemble_signature};
use crate::seal::sm2::PublicKey;
use crate::seal::trust::{Failure, Kind, Moment, Purpose, Subject, TrustStore};

use super::Fault;
use super::evidence::{self, Proof};
use super::stamp::{Stamper, TimeSource};

/// What the signer gave: the certificate as middleware exports it, and the signature over TBS_Sign.
#[derive(Clone, Debug)]
pub struct Answer {
    pub certificate: Vec<u8>,
    pub signature: Vec<u8>,
}

/// Whether certificates and seals that were made for tests count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestKeys {
    /// In development; what they seal is marked.
    Marked,
    /// In production.
    Refused,
}

impl TestKeys {
    /// By what the installation is for.
    #[must_use]
    pub fn of(environment: Environment) -> Self {
        match environment {
            Environment::Development => Self::Marked,
            Environment::Production => Self::Refused,
        }
    }

    /// Refuses a seal that was made for tests where they do not count.
    ///
    /// # Errors
    /// `seal_refused`.
    pub fn check(self, seal: &Seal) -> Result<(), Fault> {
        if self == Self::Refused && is_test(seal.maker()) {
            return Err(Fault::new(
                "seal_refused",
                "这是测试印章，正式环境不予接受（测试签章 无法律效力）",
            ));
        }
        Ok(())
    }
}

/// What had been prepared, and for whom.
#[derive(Clone, Debug)]
pub struct Waiting<'a> {
    pub file: Vec<u8>,
    pub to_sign: &'a [u8],
    pub seal: &'a Seal,
    /// Whose seal it is: kind, and 统一社会信用代码 or 公民身份号码.
    pub owner: (Kind, &'a str),
    pub tests: TestKeys,
}

/// A sealed file that stands.
#[derive(Clone, Debug)]
pub struct Judged {
    pub file: Vec<u8>,
    /// SES_Signature.
    pub signature: Vec<u8>,
    pub certificate: Certificate,
    pub subject: Subject,
    pub report: DocumentReport,
    /// What the judgement rests on: authorities, revocation lists and profiles.
    pub evidence: Vec<Proof>,
    pub time: TimeSource,
}

/// Judges an answer and makes the sealed file. Takes some ten milliseconds of one core, and what a time stamp takes.
///
/// # Errors
/// `bad_signature`, `certificate_refused`, `wrong_holder`, `not_a_holder`, `time_stamp_failed`, `seal_refused`, `document_unfit`.
pub fn judge(
    trust: &TrustStore,
    stamper: Option<&Stamper>,
    waiting: Waiting<'_>,
    answer: &Answer,
    now: Time,
) -> Result<Judged, Fault> {
    let certificate = prove(answer, waiting.to_sign)?;
    let subject = holder(trust, &certificate, now)?;
    if subject.test && waiting.tests == TestKeys::Refused {
        return Err(Fault::new("certificate_refused", TEST_REFUSED));
    }
    waiting.tests.check(waiting.seal)?;
    // An organisation seals with its own certificate, a natural person signs with a personal one.
    if (subject.kind, subject.code.as_str()) != waiting.owner {
        return Err(Fault::new("wrong_holder", "签章证书的持有人不是印章的所有人"));
    }
    if !waiting.seal.holders().contain(&certificate) {
        return Err(Fault::new(
            "not_a_holder",
            "签章证书不在印章的证书列表中；证书更换后请向制章机构换领印章",
        ));
    }
    if let Err(failure) = waiting.seal.check_maker_today(trust, now) {
        let why = failure.code.sentence();
        return Err(Fault::new("seal_refused", format!("制章人证书：{why}")));
    }
    let (token, time) = match stamper {
        Some(stamper) => stamper.stamp(&answer.signature, trust, now)?,
        None => (None, TimeSource::Platform),
    };
    let signature = assemble_signature(waiting.to_sign, &certificate, &answer.signature, token.as_deref());
    let unfit = |error: pdf::PdfError| Fault::new("document_unfit", format!("文书无法签章：{error}"));
    let prepared = pdf::Prepared::reopen(waiting.file).map_err(unfit)?;
    let file = pdf::assemble(&prepared, &signature).map_err(unfit)?;
    // The file is judged as anyone will judge it later.
    let report = pdf::verify(&file, trust, now).recorded_by_the_platform(now);
    if report.verdict != Verdict::Valid {
        return Err(Fault::new("seal_refused", report.conclusion));
    }
    let parsed = Signature::parse(&signature).map_err(|error| Fault::new("seal_refused", error.to_string()))?;
    Ok(Judged {
        file,
        evidence: evidence::gather(trust, &parsed, now),
        signature,
        certificate,
        subject,
        report,
        time,
    })
}

/// The key first: what is wrong with a certificate is told to nobody who only has a copy of it.
fn prove(answer: &Answer, to_sign: &[u8]) -> Result<Certificate, Fault> {
    let bad = |why: &str| Fault::new("bad_signature", format!("签名无效：{why}"));
    let certificate = Certificate::from_any(&answer.certificate).map_err(|_| bad("不是有效的证书"))?;
    let key = PublicKey::from_certificate(&certificate).map_err(|_| bad("公钥不是 SM2 密钥"))?;
    key.verify_carried(to_sign, &answer.signature)
        .map_err(|_| bad("签名与待签内容不符"))?;
    Ok(certificate)
}

fn holder(trust: &TrustStore, certificate: &Certificate, now: Time) -> Result<Subject, Fault> {
    let refused = |failure: Failure| {
        let advice = failure.code.advice().unwrap_or_else(|| failure.code.sentence());
        Fault::new(
            "certificate_refused",
            format!("证书不可用（{}）：{advice}", failure.code.as_str()),
        )
    };
    let chain = trust.chain(certificate, Purpose::Seal, now).map_err(refused)?;
    trust.check_period(&chain, now).map_err(refused)?;
    trust
        .check_revocation(&chain, Purpose::Seal, Moment::present(now))
        .map_err(refused)?;
    trust.check_accepted(&chain, now).map_err(refused)?;
    trust.subject(&chain).map_err(refused)
}
