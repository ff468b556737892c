//! What an installation knows of one authority: where its certificates say who the subject is, and how to ask for
//! revocations. Must not hold keys.

use serde::{Deserialize, Serialize};

use crate::identity::Kind;
use crate::machine::Time;
use crate::machine::time::CHINA_MILLIS;

/// Where in a certificate a number stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// An extension whose value is a text, or the bare characters.
    Extension,
    /// An attribute of the subject's name.
    Attribute,
}

/// Which part of a value the number is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    #[default]
    Whole,
    /// The first 18 characters; what follows is the name.
    Prefix,
}

/// One place to look for the subject's number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectRule {
    pub kind: Kind,
    pub place: Place,
    /// The extension or attribute, dotted.
    pub oid: String,
    #[serde(default)]
    pub part: Part,
    /// What stands before the number and is cut off, such as `SF`; a value without it does not count.
    #[serde(default)]
    pub after: String,
}

/// How revocation is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revocation {
    /// A current list is needed.
    #[default]
    Crl,
    /// The authority publishes none; said as a warning wherever it matters.
    None,
}

/// What a list past its time means at the login. Sealing and signing always refuse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stale {
    #[default]
    Refuse,
    /// Who was on the last list is refused, others are let in.
    Accept,
}

/// Which certificates of an authority may make seals (制章人).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SealMaker {
    /// The one with this SHA-256 or, so that a renewal over the same key stays one, whose key (DER SubjectPublicKeyInfo) has
    /// this SHA-256; in hex. A key identifier would not do: it is whatever its certificate says.
    Certificate(String),
    /// Those that the authority has issued for this extended key usage or under this certificate policy, dotted.
    Usage(String),
    /// Every signing certificate: an authority that issues to seal makers and to nobody else.
    All,
}

/// One authority's profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaProfile {
    /// What people call it.
    pub name: String,
    /// SHA-256 of its certificate, or its subject key identifier, in hex; anything else for one that is not listed.
    pub authority: String,
    /// Common names by which certificates of an authority that is not listed are recognised, to tell their holders.
    #[serde(default)]
    pub issuer_names: Vec<String>,
    /// In the order in which they are tried.
    #[serde(default)]
    pub rules: Vec<SubjectRule>,
    /// Who may make seals; nobody where it is empty.
    #[serde(default)]
    pub seal_makers: Vec<SealMaker>,
    #[serde(default)]
    pub revocation: Revocation,
    /// Where its lists are fetched; nothing else is ever fetched for it.
    #[serde(default)]
    pub crl_urls: Vec<String>,
    /// The oldest list that counts, in hours since it was issued; 0 for as long as the list itself says.
    #[serde(default)]
    pub max_crl_age_hours: u32,
    #[serde(default)]
    pub stale_crl_at_login: Stale,
    /// Whom holders turn to, shown with refusals.
    #[serde(default)]
    pub contact: String,
    /// From this day on (in China) its certificates are no longer accepted: `2026-07-31`.
    #[serde(default)]
    pub cut_off: Option<chrono::NaiveDate>,
}

impl CaProfile {
    /// The moment from which its certificates are not accepted: the day's begin in China.
    #[must_use]
    pub fn refused_from(&self) -> Option<Time> {
        let midnight = self.cut_off?.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis();
        Some(Time(midnight - CHINA_MILLIS))
    }

    /// The oldest age of a list, in milliseconds.
    #[must_use]
    pub fn max_crl_age(&self) -> Option<i64> {
        (self.max_crl_age_hours > 0).then(|| i64::from(self.max_crl_age_hours) * 3_600_000)
    }
}
