//! What revocation lists say of a chain at a moment. Must not pass over in silence what no list says anything of.

use std::sync::Arc;

use super::list::{Entry, RevocationList};
use super::profile::{Revocation, Stale};
use super::{Chain, Code, Failure, Moment, Purpose, TrustStore};
use crate::machine::Time;
use crate::seal::certificate::Certificate;

/// What is kept beside a signature to prove later that nothing was revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The revocation list's original bytes.
    pub list: Arc<[u8]>,
    pub this_update: Time,
}

/// What a check of a chain rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The lists that say of a certificate that it was not revoked.
    pub evidence: Vec<Evidence>,
    /// The names of the certificates that no list was asked for, because their authority publishes none or because there is
    /// none here and none is required.
    pub unchecked: Vec<String>,
}

impl Checked {
    fn leave_out(&mut self, certificate: &Certificate) {
        self.unchecked.push(certificate.subject().shown().to_owned());
    }
}

impl TrustStore {
    /// Checks that no certificate of the chain was revoked at the moment, and gives the evidence that was used, and what was
    /// not checked.
    ///
    /// # Errors
    /// `revoked`; or what keeps it from being known: no list, one past its time or of a time when the certificate had expired,
    /// one that is not signed by the issuer.
    pub fn check_revocation(&self, chain: &Chain, purpose: Purpose, moment: Moment) -> Result<Checked, Failure> {
        let mut checked = Checked::default();
        for (at, (certificate, issuer)) in chain.links().enumerate() {
            let profile = self.profile(issuer);
            // Without a profile only lists that are there count: roots seldom publish any for their few authorities.
            let required = match profile {
                Some(profile) => profile.revocation == Revocation::Crl,
                None => at == 0,
            };
            if profile.is_some_and(|profile| profile.revocation == Revocation::None) {
                checked.leave_out(certificate);
                continue;
            }
            let lenient =
                purpose == Purpose::Login && profile.is_some_and(|profile| profile.stale_crl_at_login == Stale::Accept);
            let max_age = profile.and_then(super::CaProfile::max_crl_age);
            match self.look_up(certificate, issuer, moment, max_age) {
                Found::Revoked(entry) => {
                    let detail = format!("reason {}", entry.reason);
                    return Err(Failure::new(Code::Revoked, certificate).detail(detail));
                }
                Found::Good(proof) => checked.evidence.push(proof),
                Found::Stale if lenient => checked.leave_out(certificate),
                Found::Stale => return Err(Failure::new(Code::RevocationListExpired, certificate)),
                Found::Forged => return Err(Failure::new(Code::RevocationListInvalid, certificate)),
                Found::TooLate => {
                    let failure = Failure::new(Code::RevocationUnknown, certificate);
                    return Err(failure.detail("it had expired when the list was issued"));
                }
                Found::Nothing if required => return Err(Failure::new(Code::RevocationUnknown, certificate)),
                Found::Nothing => checked.leave_out(certificate),
            }
        }
        Ok(checked)
    }

    /// When a certificate of the chain was revoked after the signing, where any list says so.
    #[must_use]
    pub fn revoked_after(&self, chain: &Chain, at: Time) -> Option<Entry> {
        let entries = chain.links().flat_map(|(certificate, issuer)| {
            let lists = self.signed_lists(issuer).filter(|list| list.covers(certificate));
            lists.filter_map(|list| list.entry(certificate))
        });
        entries.filter(|entry| entry.from > at).min_by_key(|entry| entry.from)
    }

    fn signed_lists<'a>(&'a self, issuer: &'a Certificate) -> impl Iterator<Item = &'a RevocationList> {
        self.lists
            .iter()
            .filter(|(_, signer)| {
                // Another certificate of the same authority, with the same name and key, signs for this one too.
                signer
                    .and_then(|at| self.authorities.get(at))
                    .is_some_and(|signer| signer.subject() == issuer.subject() && signer.key() == issuer.key())
            })
            .map(|(list, _)| list)
    }

    fn look_up(&self, certificate: &Certificate, issuer: &Certificate, moment: Moment, max_age: Option<i64>) -> Found {
        let lists: Vec<_> = self
            .signed_lists(issuer)
            .filter(|list| list.this_update() <= moment.now && list.covers(certificate))
            .collect();
        let revoked = lists
            .iter()
            .filter_map(|list| list.entry(certificate))
            .find(|entry| entry.from <= moment.at);
        if let Some(entry) = revoked {
            return Found::Revoked(entry);
        }
        let current = || lists.iter().filter(|list| list.current(moment.at, max_age));
        let newest = current()
            .filter(|list| list.vouches_for(certificate))
            .max_by_key(|list| list.this_update());
        let forged = || {
            self.lists
                .iter()
                .any(|(list, signer)| signer.is_none() && list.issuer() == issuer.subject())
        };
        match newest {
            Some(list) => Found::Good(Evidence {
                list: list.shared(),
                this_update: list.this_update(),
            }),
            None if current().next().is_some() => Found::TooLate,
            None if !lists.is_empty() => Found::Stale,
            None if forged() => Found::Forged,
            None => Found::Nothing,
        }
    }
}

/// What the lists say of a certificate.
enum Found {
    Good(Evidence),
    Revoked(Entry),
    /// Only lists past their time.
    Stale,
    /// Only lists from after the certificate's end, which need not name it any more.
    TooLate,
    /// Only lists in the issuer's name that it has not signed.
    Forged,
    Nothing,
}
