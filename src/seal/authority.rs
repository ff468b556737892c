//! An authority for development and tests: root, issuing CA, seal maker and TSA, and what they issue, all marked as tests.
//! Must not keep anything, and must issue nothing without the mark.

use super::asn1::write;
use super::certificate::{Certificate, Extension};
use super::issue::{self, CertificateDraft, ListDraft, usage};
use super::mark::{TEST_MARK, TEST_NOTICE};
use super::ses::{Holders, Picture, SealDraft, assemble_seal};
use super::sm2::{SecretKey, Sm2Error};
use super::trust::{
    CaProfile, Entry, Kind, Part, Place, Revocation, RevocationList, SealMaker, Stale, SubjectRule, TrustStore,
};
use crate::machine::Time;

/// Fills in random bytes.
pub type Random<'a> = &'a mut dyn FnMut(&mut [u8; 32]);

const YEAR: i64 = 365 * 86_400_000;
const COUNTRY: &str = "2.5.4.6";
const ORGANISATION: &str = "2.5.4.10";
const COMMON_NAME: &str = "2.5.4.3";
const SERIAL_NUMBER: &str = "2.5.4.5";
const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";

/// Why nothing was issued.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error(transparent)]
    Key(#[from] Sm2Error),
    #[error(transparent)]
    Encoding(#[from] super::asn1::Asn1Error),
}

type Issued<T> = Result<T, AuthorityError>;

/// A certificate with its key.
#[derive(Clone, Debug)]
pub struct Party {
    pub certificate: Certificate,
    pub key: SecretKey,
}

/// Who a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub kind: Kind,
    /// 统一社会信用代码 or 公民身份号码.
    pub code: String,
    pub name: String,
}

/// What a certificate of a pair is for: institutions keep both, and only the first may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Signing,
    Encryption,
}

/// First and last moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub from: Time,
    pub until: Time,
}

impl Period {
    #[must_use]
    pub fn days(from: Time, count: i64) -> Self {
        Self {
            from,
            until: from.plus_millis(count.saturating_mul(86_400_000)),
        }
    }
}

/// A seal to be made.
#[derive(Clone, Debug)]
pub struct SealOrder<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub holders: Vec<Certificate>,
    pub period: Period,
    /// PNG.
    pub picture: Vec<u8>,
    pub width_mm: u32,
    pub height_mm: u32,
}

/// The whole authority.
#[derive(Clone, Debug)]
pub struct Authority {
    pub root: Party,
    pub issuing: Party,
    pub maker: Party,
    pub tsa: Party,
}

impl Authority {
    /// A new authority that is good for ten years from `now` on.
    ///
    /// # Errors
    /// Unusable randomness.
    pub fn new(name: &str, now: Time, random: Random) -> Issued<Self> {
        let period = Period {
            from: now,
            until: now.plus_millis(10 * YEAR),
        };
        let key = SecretKey::generate(random)?;
        let names = names(&format!("{name} 测试根CA"))?;
        let mut root = draft(&names, &names, &key, period, random)?;
        let signs = usage::CERTIFICATES | usage::REVOCATIONS;
        root.extensions
            .extend([issue::authority(None), issue::key_usage(signs)]);
        let root = Party {
            certificate: sign(&root, &key)?,
            key,
        };
        let issuing = below(&root, &format!("{name} 测试签发CA"), period, random, |draft| {
            draft
                .extensions
                .extend([issue::authority(Some(0)), issue::key_usage(signs)]);
            Ok(())
        })?;
        let signing = usage::DIGITAL_SIGNATURE | usage::NON_REPUDIATION;
        let maker = below(&issuing, &format!("{name} 测试制章"), period, random, |draft| {
            draft.extensions.push(issue::key_usage(signing));
            Ok(())
        })?;
        let tsa = below(&issuing, &format!("{name} 测试时间戳"), period, random, |draft| {
            draft.extensions.push(issue::key_usage(signing));
            draft.extensions.push(issue::extended_usage(&[TIME_STAMPING])?);
            Ok(())
        })?;
        Ok(Self {
            root,
            issuing,
            maker,
            tsa,
        })
    }

    /// A certificate for an organisation or a person, with a new key.
    ///
    /// # Errors
    /// Unusable randomness, a name that cannot be written.
    pub fn issue(&self, holder: &Holder, purpose: Use, period: Period, random: Random) -> Issued<Party> {
        let key = SecretKey::generate(random)?;
        let certificate = self.certify(holder, purpose, period, &key, random)?;
        Ok(Party { certificate, key })
    }

    /// A certificate over a key that exists: a renewal.
    ///
    /// # Errors
    /// Unusable randomness, a name that cannot be written.
    pub fn certify(
        &self,
        holder: &Holder,
        purpose: Use,
        period: Period,
        key: &SecretKey,
        random: Random,
    ) -> Issued<Certificate> {
        let number = match holder.kind {
            Kind::Person => format!("SF{}", holder.code),
            Kind::Organisation => holder.code.clone(),
        };
        let organisation = format!("{}{}", holder.code, holder.name);
        let mut names = vec![(COUNTRY, "CN")];
        match holder.kind {
            Kind::Organisation => names.push((ORGANISATION, organisation.as_str())),
            Kind::Person => names.push((SERIAL_NUMBER, number.as_str())),
        }
        names.push((COMMON_NAME, holder.name.as_str()));
        let subject = issue::name(&names)?;
        let issuer = self.issuing.certificate.subject().der();
        let mut draft = draft(&subject, issuer, key, period, random)?;
        let bits = match purpose {
            Use::Signing => usage::DIGITAL_SIGNATURE | usage::NON_REPUDIATION,
            Use::Encryption => usage::KEY_ENCIPHERMENT | usage::DATA_ENCIPHERMENT | usage::KEY_AGREEMENT,
        };
        draft.extensions.push(authority_key(&self.issuing));
        draft.extensions.push(issue::key_usage(bits));
        sign(&draft, &self.issuing.key)
    }

    /// The issuing CA's list of revoked serial numbers.
    ///
    /// # Errors
    /// The list cannot be signed.
    pub fn revocations(&self, revoked: &[(Vec<u8>, Entry)], number: u32, period: Period) -> Issued<RevocationList> {
        revocations(&self.issuing, revoked, number, period)
    }

    /// The root's list: nothing of the issuing CA.
    ///
    /// # Errors
    /// The list cannot be signed.
    pub fn root_revocations(&self, number: u32, period: Period) -> Issued<RevocationList> {
        revocations(&self.root, &[], number, period)
    }

    /// A seal, signed by the maker: the DER of an SESeal of version 4.
    ///
    /// # Errors
    /// The seal cannot be signed.
    pub fn seal(&self, order: &SealOrder) -> Issued<Vec<u8>> {
        let holders = order.holders.iter().map(|holder| holder.der().to_vec());
        let draft = SealDraft {
            version: 4,
            vendor: "LUOCHUI-TEST".to_owned(),
            id: order.id.to_owned(),
            kind: 1,
            name: order.name.to_owned(),
            holders: Holders::Certificates(holders.collect()),
            created: order.period.from,
            valid_from: order.period.from,
            valid_until: order.period.until,
            picture: Picture {
                kind: "png".to_owned(),
                data: order.picture.clone(),
                width: order.width_mm,
                height: order.height_mm,
            },
        };
        let info = draft.info();
        Ok(assemble_seal(
            &info,
            &self.maker.certificate,
            &self.maker.key.sign(&info)?,
        ))
    }

    /// What an installation must know of the issuing CA: where the numbers stand, and who makes seals.
    #[must_use]
    pub fn profile(&self) -> CaProfile {
        profile(&self.issuing.certificate, &self.maker.certificate)
    }

    /// A trust store with this authority alone.
    #[must_use]
    pub fn trust(&self, lists: Vec<RevocationList>) -> TrustStore {
        let authorities = vec![self.root.certificate.clone(), self.issuing.certificate.clone()];
        TrustStore::new(authorities, lists, vec![self.profile()])
    }
}

/// The profile of an issuing CA of this kind.
fn profile(issuing: &Certificate, maker: &Certificate) -> CaProfile {
    let rule = |kind, oid: &str, part, after: &str| SubjectRule {
        kind,
        place: Place::Attribute,
        oid: oid.to_owned(),
        part,
        after: after.to_owned(),
    };
    CaProfile {
        name: issuing.subject().shown().to_owned(),
        authority: issuing.sha256(),
        issuer_names: Vec::new(),
        rules: vec![
            rule(Kind::Organisation, ORGANISATION, Part::Prefix, ""),
            rule(Kind::Person, SERIAL_NUMBER, Part::Whole, "SF"),
        ],
        seal_makers: vec![SealMaker::Certificate(maker.sha256())],
        revocation: Revocation::Crl,
        crl_urls: Vec::new(),
        max_crl_age_hours: 0,
        stale_crl_at_login: Stale::Refuse,
        contact: TEST_NOTICE.to_owned(),
        cut_off: None,
    }
}

fn names(common: &str) -> Issued<Vec<u8>> {
    Ok(issue::name(&[
        (COUNTRY, "CN"),
        (ORGANISATION, TEST_NOTICE),
        (COMMON_NAME, common),
    ])?)
}

fn below(
    issuer: &Party,
    common: &str,
    period: Period,
    random: Random,
    finish: impl FnOnce(&mut CertificateDraft) -> Issued<()>,
) -> Issued<Party> {
    let key = SecretKey::generate(random)?;
    let mut draft = draft(
        &names(common)?,
        issuer.certificate.subject().der(),
        &key,
        period,
        random,
    )?;
    draft.extensions.push(authority_key(issuer));
    finish(&mut draft)?;
    Ok(Party {
        certificate: sign(&draft, &issuer.key)?,
        key,
    })
}

fn draft(subject: &[u8], issuer: &[u8], key: &SecretKey, period: Period, random: Random) -> Issued<CertificateDraft> {
    let mut serial = [0; 32];
    random(&mut serial);
    // Positive, and never shorter than it looks.
    serial[0] = serial[0] & 0x3f | 0x40;
    let public = key.public_key();
    let mark = Extension {
        oid: TEST_MARK,
        critical: false,
        value: write::utf8(TEST_NOTICE),
    };
    Ok(CertificateDraft {
        serial: serial.get(..16).unwrap_or_default().to_vec(),
        issuer: issuer.to_vec(),
        subject: subject.to_vec(),
        not_before: period.from,
        not_after: period.until,
        key: public.to_spki()?,
        extensions: vec![issue::subject_key(&issue::key_identifier(&public)), mark],
    })
}

fn authority_key(issuer: &Party) -> Extension {
    issue::authority_key(&issue::key_identifier(&issuer.key.public_key()))
}

fn revocations(issuer: &Party, revoked: &[(Vec<u8>, Entry)], number: u32, period: Period) -> Issued<RevocationList> {
    let draft = ListDraft {
        issuer: issuer.certificate.subject().der().to_vec(),
        this_update: period.from,
        next_update: period.until,
        entries: revoked.to_vec(),
        extensions: vec![authority_key(issuer), issue::list_number(number)],
    };
    let to_sign = draft.to_sign();
    let list = issue::assemble(&to_sign, &issuer.key.sign(&to_sign)?);
    Ok(RevocationList::from_der(&list)?)
}

fn sign(draft: &CertificateDraft, key: &SecretKey) -> Issued<Certificate> {
    let to_sign = draft.to_sign();
    Ok(Certificate::from_der(&issue::assemble(&to_sign, &key.sign(&to_sign)?))?)
}
