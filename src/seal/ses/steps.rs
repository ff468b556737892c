//! What the steps of seals and of signatures have in common. Must not decide which steps there are.

use crate::machine::Time;
use crate::seal::certificate::{Certificate, Extension};
use crate::seal::report::Report;
use crate::seal::trust::{Chain, Checked, Code, Entry, Failure, TrustStore};

/// Checks a signature value: the algorithm is right, and the key fits bytes and value.
pub(super) fn value(report: &mut Report, step: &'static str, signer: &Certificate, claim: (bool, &[u8], &[u8])) {
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

/// Tells that the structure was read, unless it holds an extension that must be understood: none is known here.
pub(super) fn format(report: &mut Report, step: &'static str, extensions: &[Extension], about: String) -> bool {
    match extensions.iter().find(|extension| extension.critical) {
        Some(strange) => {
            let text = format!("含有无法识别的关键扩展（{}）", strange.oid);
            report.fail(step, "unknown_critical", text);
            false
        }
        None => {
            report.ok(step, about);
            true
        }
    }
}

/// What the lists came to, before anything is told.
pub(super) enum Revoked {
    /// Before the moment.
    Before(Failure),
    Later(Entry),
    Unknown(Failure),
    /// By nothing that is known, but for these no list was asked.
    Unchecked(Vec<String>),
    Never,
}

impl Revoked {
    /// Sorts what a check of a chain as of a moment has found.
    pub fn of(trust: &TrustStore, chain: &Chain, at: Time, checked: Result<Checked, Failure>) -> Self {
        match checked {
            Err(failure) if failure.code == Code::Revoked => Self::Before(failure),
            checked => match (trust.revoked_after(chain, at), checked) {
                (Some(entry), _) => Self::Later(entry),
                (None, Err(failure)) => Self::Unknown(failure),
                (None, Ok(checked)) if !checked.unchecked.is_empty() => Self::Unchecked(checked.unchecked),
                (None, Ok(_)) => Self::Never,
            },
        }
    }
}

pub(super) fn refuse(report: &mut Report, step: &'static str, of: &str, failure: &Failure) {
    report.fail(step, failure.code.as_str(), sentence(of, failure));
}

pub(super) fn sentence(of: &str, failure: &Failure) -> String {
    format!("{of}{}（{}）", failure.code.sentence(), failure.subject)
}

/// For whom no list was asked, as people read it.
pub(super) fn unchecked(names: &[String]) -> String {
    format!("未核对吊销状态（没有或不发布吊销列表）：{}", names.join("、"))
}
