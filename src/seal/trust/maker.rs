//! Who may make seals: only whom the profile of the issuing authority names. A bidder's own certificate is as good a signing
//! certificate as a seal maker's, so the chain alone proves nothing here. Must not judge a seal.

use der::Tag;
use der::asn1::ObjectIdentifier;
use sha2::{Digest, Sha256};

use super::path::USER_USAGES;
use super::{Chain, Code, Failure, SealMaker, TrustStore};
use crate::seal::asn1;
use crate::seal::certificate::{self, Certificate};

const POLICIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32");

impl TrustStore {
    /// Checks that the chain's certificate is one of those that may make seals.
    ///
    /// # Errors
    /// `not_a_seal_maker`.
    pub fn check_maker(&self, chain: &Chain) -> Result<(), Failure> {
        let profile = chain.issuer().and_then(|issuer| self.profile(issuer));
        let makers = profile.map_or(&[][..], |profile| &profile.seal_makers);
        if makers.iter().any(|maker| names(maker, chain.leaf())) {
            Ok(())
        } else {
            Err(Failure::new(Code::NotASealMaker, chain.leaf()))
        }
    }
}

fn names(maker: &SealMaker, certificate: &Certificate) -> bool {
    let extensions = certificate.extensions();
    match maker {
        SealMaker::Certificate(digest) => {
            let key = certificate.public_key().and_then(|key| key.to_spki().ok());
            let key = key.map(|spki| hex::encode(Sha256::digest(spki)));
            digest.eq_ignore_ascii_case(&certificate.sha256())
                || key.is_some_and(|key| digest.eq_ignore_ascii_case(&key))
        }
        SealMaker::Usage(usage) => ObjectIdentifier::new(usage).is_ok_and(|wanted| {
            let used = extensions.extended_usage.as_ref();
            used.is_some_and(|usages| usages.contains(&wanted)) || policies(certificate).contains(&wanted)
        }),
        SealMaker::All => {
            let used = extensions.extended_usage.as_ref();
            used.is_none_or(|usages| usages.iter().any(|usage| USER_USAGES.contains(usage)))
        }
    }
}

/// The certificate's policies; none where they cannot be read.
fn policies(certificate: &Certificate) -> Vec<ObjectIdentifier> {
    let read = || {
        let extension = certificate.extensions().get(&POLICIES)?;
        let mut list = certificate::sequence(asn1::single(&extension.value).ok()?).ok()?;
        let mut policies = Vec::new();
        while !list.is_empty() {
            policies.push(list.expect(Tag::Sequence).ok()?.open().ok()?.next().ok()?.oid().ok()?);
        }
        Some(policies)
    };
    read().unwrap_or_default()
}
