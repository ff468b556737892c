//! Whose certificate it is: the number after the authority's rules, checked by form and check digit.
//! Must not take a name for an identity.

use der::asn1::ObjectIdentifier;
use serde::{Deserialize, Serialize};

use super::profile::{Part, Place, SubjectRule};
use super::{Chain, Code, Failure, TrustStore};
use crate::identity::Kind;
use crate::machine::Time;
use crate::seal::asn1;
use crate::seal::certificate::Certificate;
use crate::seal::mark::is_test;

/// Every number here has 18 characters.
const LENGTH: usize = 18;

/// The verified subject of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    pub kind: Kind,
    /// The number that an account is bound to.
    pub code: String,
    /// For people to read; never compared.
    pub name: String,
    /// What the authority is called.
    pub authority: String,
    /// SHA-256 of the certificate, lower-case hex.
    pub certificate_sha256: String,
    /// Last moment of the certificate.
    pub not_after: Time,
    /// Issued for development or tests: 测试签章 无法律效力
    pub test: bool,
}

impl TrustStore {
    /// Whose certificate stands at the chain's end, after its issuer's rules.
    ///
    /// # Errors
    /// No profile, no number, one that is not well-formed, or two that differ.
    pub fn subject(&self, chain: &Chain) -> Result<Subject, Failure> {
        let certificate = chain.leaf();
        let refuse = |code| Failure::new(code, certificate);
        let profile = chain
            .issuer()
            .and_then(|issuer| self.profile(issuer))
            .filter(|profile| !profile.rules.is_empty())
            .ok_or_else(|| refuse(Code::NoProfile))?;
        let mut found: Option<(Kind, String, Option<String>)> = None;
        let mut malformed = false;
        for rule in &profile.rules {
            for value in values(certificate, rule) {
                let Some((code, rest)) = cut(rule, &value) else {
                    continue;
                };
                if rule.kind.check(&code).is_err() {
                    malformed = true;
                    continue;
                }
                match &found {
                    None => found = Some((rule.kind, code, rest)),
                    Some((kind, known, _)) if *kind == rule.kind && *known != code => {
                        return Err(refuse(Code::SubjectCodesDiffer));
                    }
                    Some(_) => {}
                }
            }
        }
        let (kind, code, rest) = found.ok_or_else(|| {
            refuse(if malformed {
                Code::BadSubjectCode
            } else {
                Code::NoSubjectCode
            })
        })?;
        Ok(Subject {
            kind,
            code,
            name: shown(certificate, kind, rest),
            authority: profile.name.clone(),
            certificate_sha256: certificate.sha256(),
            not_after: certificate.period().1,
            test: is_test(certificate) || chain.authorities().iter().any(is_test),
        })
    }
}

/// The texts that stand where the rule looks.
fn values(certificate: &Certificate, rule: &SubjectRule) -> Vec<String> {
    let Ok(oid) = ObjectIdentifier::new(&rule.oid) else {
        return Vec::new();
    };
    match rule.place {
        Place::Attribute => certificate.subject().values(&oid).map(str::to_owned).collect(),
        Place::Extension => certificate
            .extensions()
            .get(&oid)
            .and_then(|extension| text(&extension.value))
            .into_iter()
            .collect(),
    }
}

/// An extension's value as text: a string type, possibly under a tag of its own, or the bare characters.
fn text(value: &[u8]) -> Option<String> {
    let typed = asn1::single(value).ok().and_then(|item| {
        item.text()
            .ok()
            .or_else(|| asn1::single(item.value).ok()?.text().ok())
            .or_else(|| printable(item.value))
    });
    typed.or_else(|| printable(value))
}

fn printable(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.chars().any(char::is_control)).then(|| text.to_owned())
}

/// The number in a value, and the rest of it where the number is a prefix.
fn cut(rule: &SubjectRule, value: &str) -> Option<(String, Option<String>)> {
    let value = if rule.after.is_empty() {
        value
    } else {
        value.strip_prefix(rule.after.as_str())?
    };
    match rule.part {
        Part::Whole => Some((value.to_owned(), None)),
        Part::Prefix => {
            let (code, rest) = value.split_at_checked(LENGTH)?;
            Some((code.to_owned(), Some(rest.to_owned())))
        }
    }
}

fn shown(certificate: &Certificate, kind: Kind, rest: Option<String>) -> String {
    let subject = certificate.subject();
    let rest = rest.filter(|rest| !rest.trim().is_empty());
    match (kind, rest) {
        (_, Some(rest)) => rest.trim().to_owned(),
        (Kind::Organisation, None) => subject
            .organisation()
            .unwrap_or_else(|| subject.shown())
            .trim()
            .to_owned(),
        (Kind::Person, None) => subject.shown().trim().to_owned(),
    }
}
