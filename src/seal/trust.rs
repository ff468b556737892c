//! Path validation (RFC 5280, 6.1, as far as GB/T 20518 certificates use it): chain, usage, period, revocation, subject.
//! Must not fetch anything, and must not take an authority from whoever presents a certificate.

mod failure;
mod list;
mod maker;
mod path;
mod profile;
mod revocation;
mod subject;

use std::collections::BTreeMap;

pub use failure::{CODES, Code, Failure};
pub use list::{Entry, RevocationList};
pub use path::Chain;
pub use profile::{CaProfile, Part, Place, Revocation, SealMaker, Stale, SubjectRule};
pub use revocation::{Checked, Evidence};
pub use subject::Subject;

use super::certificate::Certificate;
pub use crate::identity::Kind;
use crate::machine::Time;

/// What a certificate is presented for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Signing in.
    Login,
    /// Sealing a document with an electronic seal.
    Seal,
    /// Signing an event such as an offer.
    Sign,
    /// Having made a seal (制章人).
    SealMaker,
    /// Having made a time stamp.
    TimeStamp,
}

/// The moment that a certificate is judged for, and the moment of the judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When the signature was made.
    pub at: Time,
    /// When it is verified; revocation lists from after this are not believed.
    pub now: Time,
}

impl Moment {
    /// A signature that is made now.
    #[must_use]
    pub const fn present(now: Time) -> Self {
        Self { at: now, now }
    }
}

/// The listed authorities with their revocation lists and profiles.
#[derive(Clone, Debug, Default)]
pub struct TrustStore {
    authorities: Vec<Certificate>,
    /// Which authorities have signed themselves.
    anchors: Vec<bool>,
    /// For each authority those whose key has signed it; empty for an anchor.
    issuers: Vec<Vec<usize>>,
    /// Revocation lists with the authority whose key has signed them; a list that nobody here signed is kept to be named.
    lists: Vec<(RevocationList, Option<usize>)>,
    /// By the SHA-256 of the authority's certificate or, in hex as well, its subject key identifier.
    profiles: BTreeMap<String, CaProfile>,
}

impl TrustStore {
    /// Takes in authorities, lists and profiles. A self-signed authority is an anchor; any other one needs its own
    /// issuer here. The signatures of authorities and lists are verified now, once.
    #[must_use]
    pub fn new(authorities: Vec<Certificate>, lists: Vec<RevocationList>, profiles: Vec<CaProfile>) -> Self {
        let mut unique: Vec<Certificate> = Vec::new();
        for authority in authorities {
            if !unique.contains(&authority) {
                unique.push(authority);
            }
        }
        let anchors = unique.iter().map(path::is_anchor).collect();
        let issuers = unique.iter().map(|child| path::issuers_of(child, &unique)).collect();
        let lists = lists
            .into_iter()
            .map(|list| {
                let signer = unique.iter().position(|authority| list.is_signed_by(authority));
                (list, signer)
            })
            .collect();
        let profiles = profiles
            .into_iter()
            .map(|profile| (profile.authority.to_ascii_lowercase(), profile))
            .collect();
        Self {
            authorities: unique,
            anchors,
            issuers,
            lists,
            profiles,
        }
    }

    /// Verifies all of a certificate for a purpose at a moment that is now, and says whose it is.
    ///
    /// # Errors
    /// The first reason against it, with a stable code.
    pub fn verify(&self, certificate: &Certificate, purpose: Purpose, at: Time) -> Result<Subject, Failure> {
        let chain = self.chain(certificate, purpose, at)?;
        self.check_period(&chain, at)?;
        self.check_revocation(&chain, purpose, Moment::present(at))?;
        self.check_accepted(&chain, at)?;
        self.subject(&chain)
    }

    /// The authorities that are listed.
    #[must_use]
    pub fn authorities(&self) -> &[Certificate] {
        &self.authorities
    }

    /// The revocation lists with the authority that signed each, where one here did.
    pub fn lists(&self) -> impl Iterator<Item = (&RevocationList, Option<&Certificate>)> {
        self.lists
            .iter()
            .map(|(list, signer)| (list, signer.and_then(|at| self.authorities.get(at))))
    }

    /// All profiles.
    pub fn profiles(&self) -> impl Iterator<Item = &CaProfile> {
        self.profiles.values()
    }

    /// The profile of an authority.
    #[must_use]
    pub fn profile(&self, authority: &Certificate) -> Option<&CaProfile> {
        let key = authority.extensions().subject_key.as_ref().map(hex::encode);
        self.profiles
            .get(&authority.sha256())
            .or_else(|| self.profiles.get(&key?))
    }

    /// The profile that names an authority which is not listed, by the issuer's name in a certificate.
    #[must_use]
    pub fn unlisted(&self, certificate: &Certificate) -> Option<&CaProfile> {
        self.profiles.values().find(|profile| {
            profile
                .issuer_names
                .iter()
                .any(|name| Some(name.as_str()) == certificate.issuer().common_name())
        })
    }
}
