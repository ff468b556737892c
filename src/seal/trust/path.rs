//! From a certificate to an anchor: signatures, names, usage, constraints. Must not look at any time.

use der::asn1::ObjectIdentifier;

use super::{Code, Failure, Purpose, TrustStore};
use crate::machine::Time;
use crate::seal::certificate::{Certificate, Key, SM2_WITH_SM3};

/// The most certificates of a chain, anchor included.
const MAX_CHAIN: usize = 8;
/// RFC 5280, 4.1.2.2: at most 20 bytes.
const MAX_SERIAL: usize = 20;
/// id-kp-timeStamping (RFC 3161)
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
/// id-kp-clientAuth, emailProtection, anyExtendedKeyUsage (RFC 5280) and documentSigning (RFC 9336):
/// what an end user's signing certificate may be restricted to.
pub(super) const USER_USAGES: [ObjectIdentifier; 4] = [
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4"),
    ObjectIdentifier::new_unwrap("2.5.29.37.0"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36"),
];

/// A certificate with its authorities up to the anchor, all signatures verified.
#[derive(Clone, Debug)]
pub struct Chain {
    leaf: Certificate,
    authorities: Vec<Certificate>,
}

impl Chain {
    #[must_use]
    pub fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// The authority that issued the certificate.
    #[must_use]
    pub fn issuer(&self) -> Option<&Certificate> {
        self.authorities.first()
    }

    /// From the certificate's issuer to the anchor.
    #[must_use]
    pub fn authorities(&self) -> &[Certificate] {
        &self.authorities
    }

    /// Each certificate with the authority that issued it; the anchor is nobody's.
    pub fn links(&self) -> impl Iterator<Item = (&Certificate, &Certificate)> {
        std::iter::once(&self.leaf)
            .chain(&self.authorities)
            .zip(&self.authorities)
    }
}

/// Which of the authorities have signed a certificate; none for an anchor, which has signed itself.
pub(super) fn issuers_of(child: &Certificate, authorities: &[Certificate]) -> Vec<usize> {
    if is_anchor(child) {
        return Vec::new();
    }
    authorities
        .iter()
        .enumerate()
        .filter(|(_, issuer)| *issuer != child && signed_by(child, issuer).is_ok())
        .map(|(at, _)| at)
        .collect()
}

/// True for a certificate that has signed itself.
pub(super) fn is_anchor(certificate: &Certificate) -> bool {
    certificate.self_issued() && signed_by(certificate, certificate).is_ok()
}

/// Name, key identifiers, algorithms and signature of one step.
fn signed_by(child: &Certificate, issuer: &Certificate) -> Result<(), Failure> {
    if child.issuer() != issuer.subject() {
        return Err(Failure::new(Code::UnknownIssuer, child));
    }
    let (wanted, present) = (&child.extensions().authority_key, &issuer.extensions().subject_key);
    if let (Some(wanted), Some(present)) = (wanted, present)
        && wanted != present
    {
        return Err(Failure::new(Code::KeyIdentifiersDiffer, child));
    }
    check_algorithms(child)?;
    let key = issuer
        .public_key()
        .ok_or_else(|| Failure::new(Code::WrongCurve, issuer))?;
    key.verify_carried(child.tbs(), child.signature())
        .map_err(|fault| Failure::new(Code::BadSignature, child).detail(fault))
}

/// SM2 over SM3, inside and outside alike; nothing else has to be implemented, so nothing else can be confused with it.
fn check_algorithms(certificate: &Certificate) -> Result<(), Failure> {
    let (inner, outer) = certificate.algorithms();
    if inner != outer {
        return Err(Failure::new(Code::AlgorithmsDiffer, certificate));
    }
    if outer != SM2_WITH_SM3 {
        return Err(Failure::new(Code::WrongAlgorithm, certificate).detail(outer));
    }
    Ok(())
}

/// What every certificate of a path must be.
fn check_form(certificate: &Certificate) -> Result<(), Failure> {
    match certificate.key() {
        Key::Sm2(_) => {}
        Key::WrongCurve => return Err(Failure::new(Code::WrongCurve, certificate)),
        Key::Foreign => return Err(Failure::new(Code::WrongAlgorithm, certificate)),
    }
    check_algorithms(certificate)?;
    if certificate.serial().len() > MAX_SERIAL || certificate.serial().iter().all(|byte| *byte == 0) {
        return Err(Failure::new(Code::BadSerial, certificate));
    }
    match certificate.extensions().unknown_critical() {
        Some(extension) => Err(Failure::new(Code::UnknownCritical, certificate).detail(extension.oid)),
        None => Ok(()),
    }
}

/// What a certificate must be to be used for the purpose itself.
fn check_usage(certificate: &Certificate, purpose: Purpose) -> Result<(), Failure> {
    let extensions = certificate.extensions();
    if extensions.authority.is_some_and(|(authority, _)| authority) {
        return Err(Failure::new(Code::WrongUsage, certificate).detail("an authority's certificate"));
    }
    match extensions.key_usage {
        // GB/T 20518 makes keyUsage mandatory: it alone tells the signing certificate of a pair from the other.
        None => return Err(Failure::new(Code::WrongUsage, certificate).detail("no key usage")),
        Some(usage) if usage.signs() => {}
        Some(usage) if usage.encrypts() => return Err(Failure::new(Code::EncryptionCertificate, certificate)),
        Some(_) => return Err(Failure::new(Code::WrongUsage, certificate)),
    }
    let allowed = match (&extensions.extended_usage, purpose) {
        (None, Purpose::TimeStamp) => false,
        (Some(usages), Purpose::TimeStamp) => usages.as_slice() == [TIME_STAMPING],
        // What a maker's certificate is restricted to is its authority's profile to say: see `maker`.
        (None, _) | (Some(_), Purpose::SealMaker) => true,
        (Some(usages), _) => usages.iter().any(|usage| USER_USAGES.contains(usage)),
    };
    if allowed {
        Ok(())
    } else {
        Err(Failure::new(Code::WrongUsage, certificate).detail("extended key usage"))
    }
}

/// What a certificate must be to have issued another one; `below` counts the authorities between the two.
fn check_authority(authority: &Certificate, below: usize) -> Result<(), Failure> {
    check_form(authority)?;
    let extensions = authority.extensions();
    let Some((true, limit)) = extensions.authority else {
        return Err(Failure::new(Code::NotAnAuthority, authority));
    };
    if !extensions.key_usage.is_some_and(|usage| usage.signs_certificates()) {
        return Err(Failure::new(Code::MayNotIssue, authority));
    }
    match limit {
        Some(limit) if usize::try_from(limit).is_ok_and(|limit| below > limit) => {
            Err(Failure::new(Code::PathTooLong, authority))
        }
        _ => Ok(()),
    }
}

impl TrustStore {
    /// Finds the way from a certificate to an anchor; `at` prefers authorities that were valid then.
    ///
    /// # Errors
    /// The failure of the way that came furthest.
    pub fn chain(&self, certificate: &Certificate, purpose: Purpose, at: Time) -> Result<Chain, Failure> {
        check_form(certificate)?;
        check_usage(certificate, purpose)?;
        let mut best = Failure::new(Code::UnknownIssuer, certificate);
        let mut candidates: Vec<_> = (0..self.authorities.len()).collect();
        candidates.sort_by_key(|index| !self.valid_at(*index, at));
        for index in candidates {
            let Some(authority) = self.authorities.get(index) else {
                continue;
            };
            match signed_by(certificate, authority) {
                Ok(()) => match self.climb(index, &mut vec![index], at) {
                    Ok(authorities) => {
                        let leaf = certificate.clone();
                        return Ok(Chain { leaf, authorities });
                    }
                    Err(failure) => best = failure,
                },
                Err(failure) if rank(failure.code) > rank(best.code) => best = failure,
                Err(_) => {}
            }
        }
        Err(best)
    }

    /// From one authority up to an anchor.
    fn climb(&self, index: usize, path: &mut Vec<usize>, at: Time) -> Result<Vec<Certificate>, Failure> {
        let authority = self.authorities.get(index).ok_or(Failure {
            code: Code::UnknownIssuer,
            subject: String::new(),
            detail: String::new(),
        })?;
        check_authority(authority, self.counted(path))?;
        if self.anchors.get(index).copied().unwrap_or(false) {
            return Ok(vec![authority.clone()]);
        }
        if path.len() >= MAX_CHAIN {
            return Err(Failure::new(Code::ChainTooLong, authority));
        }
        let mut issuers = self.issuers.get(index).cloned().unwrap_or_default();
        issuers.sort_by_key(|issuer| !self.valid_at(*issuer, at));
        let mut best = Failure::new(Code::UnknownIssuer, authority);
        for issuer in issuers {
            if path.contains(&issuer) {
                best = Failure::new(Code::Loop, authority);
                continue;
            }
            path.push(issuer);
            let above = self.climb(issuer, path, at);
            path.pop();
            match above {
                Ok(mut above) => {
                    above.insert(0, authority.clone());
                    return Ok(above);
                }
                Err(failure) => best = failure,
            }
        }
        Err(best)
    }

    /// The authorities below the path's last one that count for its length: self-issued ones do not (RFC 5280, 4.2.1.9).
    fn counted(&self, path: &[usize]) -> usize {
        let below = path.split_last().map_or(&[][..], |(_, below)| below);
        below
            .iter()
            .filter_map(|index| self.authorities.get(*index))
            .filter(|authority| !authority.self_issued())
            .count()
    }

    fn valid_at(&self, index: usize, at: Time) -> bool {
        self.authorities.get(index).is_some_and(|authority| {
            let (from, until) = authority.period();
            from <= at && at <= until
        })
    }

    /// Checks that every certificate of the chain was valid at the moment; the last second of a period is inside it.
    ///
    /// # Errors
    /// `not_yet_valid`, `expired`, with the certificate.
    pub fn check_period(&self, chain: &Chain, at: Time) -> Result<(), Failure> {
        for certificate in std::iter::once(chain.leaf()).chain(chain.authorities()) {
            let (from, until) = certificate.period();
            if at < from {
                return Err(Failure::new(Code::NotYetValid, certificate));
            }
            // Periods are whole seconds, so the last second ends a millisecond before the next.
            if at > until.plus_millis(999) {
                return Err(Failure::new(Code::Expired, certificate));
            }
        }
        Ok(())
    }

    /// Checks that the issuer's certificates are accepted at the moment: its cut-off date has not come.
    ///
    /// # Errors
    /// `unlisted`.
    pub fn check_accepted(&self, chain: &Chain, at: Time) -> Result<(), Failure> {
        let refused = chain
            .authorities()
            .iter()
            .filter_map(|authority| self.profile(authority)?.refused_from())
            .any(|from| from <= at);
        if refused {
            Err(Failure::new(Code::Unlisted, chain.leaf()))
        } else {
            Ok(())
        }
    }
}

/// How far a way came before it failed.
fn rank(code: Code) -> u8 {
    match code {
        Code::UnknownIssuer => 0,
        Code::KeyIdentifiersDiffer => 1,
        Code::AlgorithmsDiffer | Code::WrongAlgorithm => 2,
        _ => 3,
    }
}
