//! An authority of the tests' own: keys from seeds, certificates bent as a test needs them. Must not use the server's code
//! for anything that is under test but the encoding.

use luochui::machine::Time;
use luochui::seal::certificate::{Certificate, Extension};
use luochui::seal::issue::{self, CertificateDraft, ListDraft, usage};
use luochui::seal::sm2::SecretKey;
use luochui::seal::trust::{CaProfile, Entry, Kind, Part, Place, RevocationList, SubjectRule, TrustStore};

/// 2026-07-01T00:00:00Z, the day of most tests.
pub const NOW: Time = Time(1_782_864_000_000);
pub const DAY: i64 = 86_400_000;

/// Two organisations and a person with well-formed numbers.
pub const COMPANY: &str = "91110000600037341L";
pub const OTHER_COMPANY: &str = "91430100MA4L16JQ9D";
pub const PERSON: &str = "360426199101010071";

pub fn days(count: i64) -> Time {
    NOW.plus_millis(count * DAY)
}

/// A key that the same seed always gives.
pub fn key(seed: u8) -> SecretKey {
    SecretKey::generate(&mut |bytes| *bytes = [seed; 32]).unwrap()
}

/// An authority: its certificate and key.
#[derive(Clone)]
pub struct Authority {
    pub certificate: Certificate,
    pub key: SecretKey,
}

/// How a certificate differs from a sound one.
pub type Bend<'a> = &'a dyn Fn(&mut CertificateDraft);

pub fn straight(_: &mut CertificateDraft) {}

fn draft(serial: u8, subject: &[(&str, &str)], issuer: &[u8], key: &SecretKey) -> CertificateDraft {
    CertificateDraft {
        serial: vec![serial],
        issuer: issuer.to_vec(),
        subject: issue::name(subject).unwrap(),
        not_before: days(-30),
        not_after: days(335),
        key: key.public_key().to_spki().unwrap(),
        extensions: vec![issue::subject_key(&issue::key_identifier(&key.public_key()))],
    }
}

/// Signs a draft with a key.
pub fn sign(draft: &CertificateDraft, key: &SecretKey) -> Certificate {
    let to_sign = draft.to_sign();
    let signature = key.sign(&to_sign).unwrap();
    Certificate::from_der(&issue::assemble(&to_sign, &signature)).unwrap()
}

/// A root with this name.
pub fn root(name: &str, seed: u8) -> Authority {
    let key = key(seed);
    let names = [("2.5.4.6", "CN"), ("2.5.4.3", name)];
    let own = issue::name(&names).unwrap();
    let mut draft = draft(1, &names, &own, &key);
    draft.not_before = days(-3_650);
    draft.not_after = days(3_650);
    draft.extensions.push(issue::authority(None));
    draft
        .extensions
        .push(issue::key_usage(usage::CERTIFICATES | usage::REVOCATIONS));
    Authority {
        certificate: sign(&draft, &key),
        key,
    }
}

impl Authority {
    fn identifier(&self) -> Vec<u8> {
        issue::key_identifier(&self.key.public_key())
    }

    /// An authority below this one.
    pub fn authority(&self, name: &str, seed: u8, bend: Bend<'_>) -> Authority {
        let key = key(seed);
        let names = [("2.5.4.6", "CN"), ("2.5.4.3", name)];
        let mut draft = draft(seed, &names, self.certificate.subject().der(), &key);
        draft.not_before = days(-365);
        draft.not_after = days(1_825);
        draft.extensions.extend([
            issue::authority_key(&self.identifier()),
            issue::authority(Some(0)),
            issue::key_usage(usage::CERTIFICATES | usage::REVOCATIONS),
        ]);
        bend(&mut draft);
        Authority {
            certificate: sign(&draft, &self.key),
            key,
        }
    }

    /// A certificate of these names.
    pub fn user(&self, serial: u8, names: &[(&str, &str)], key: &SecretKey, bend: Bend<'_>) -> Certificate {
        let mut draft = draft(serial, names, self.certificate.subject().der(), key);
        draft.extensions.extend([
            issue::authority_key(&self.identifier()),
            issue::key_usage(usage::DIGITAL_SIGNATURE | usage::NON_REPUDIATION),
        ]);
        bend(&mut draft);
        sign(&draft, &self.key)
    }

    /// An organisation's signing certificate: the number stands before the name in O.
    pub fn company(&self, serial: u8, code: &str, name: &str, key: &SecretKey, bend: Bend<'_>) -> Certificate {
        let organisation = format!("{code}{name}");
        let names = [
            ("2.5.4.6", "CN"),
            ("2.5.4.10", organisation.as_str()),
            ("2.5.4.3", name),
        ];
        self.user(serial, &names, key, bend)
    }

    /// A person's signing certificate: the number stands in the serialNumber attribute, after `SF`.
    pub fn person(&self, serial: u8, code: &str, name: &str, key: &SecretKey) -> Certificate {
        let number = format!("SF{code}");
        let names = [("2.5.4.6", "CN"), ("2.5.4.3", name), ("2.5.4.5", number.as_str())];
        self.user(serial, &names, key, &straight)
    }

    /// A list of revoked serial numbers, good for a week from `from` on.
    pub fn list(&self, from: Time, revoked: &[(u8, Time)]) -> RevocationList {
        RevocationList::from_der(&self.list_der(from, revoked, &|_| {})).unwrap()
    }

    pub fn list_der(&self, from: Time, revoked: &[(u8, Time)], bend: &dyn Fn(&mut ListDraft)) -> Vec<u8> {
        let entry = |(serial, from): &(u8, Time)| {
            let entry = Entry { from: *from, reason: 1 };
            (vec![*serial], entry)
        };
        let mut draft = ListDraft {
            issuer: self.certificate.subject().der().to_vec(),
            this_update: from,
            next_update: from.plus_millis(7 * DAY),
            entries: revoked.iter().map(entry).collect(),
            extensions: vec![issue::authority_key(&self.identifier()), issue::list_number(1)],
        };
        bend(&mut draft);
        let to_sign = draft.to_sign();
        issue::assemble(&to_sign, &self.key.sign(&to_sign).unwrap())
    }

    /// What the installation knows of it: companies by the prefix of O, persons by their serialNumber.
    pub fn profile(&self) -> CaProfile {
        let rule = |kind, oid: &str, part, after: &str| SubjectRule {
            kind,
            place: Place::Attribute,
            oid: oid.to_owned(),
            part,
            after: after.to_owned(),
        };
        CaProfile {
            name: self.certificate.subject().shown().to_owned(),
            authority: self.certificate.sha256(),
            issuer_names: Vec::new(),
            rules: vec![
                rule(Kind::Organisation, "2.5.4.10", Part::Prefix, ""),
                rule(Kind::Person, "2.5.4.5", Part::Whole, "SF"),
            ],
            seal_makers: Vec::new(),
            revocation: luochui::seal::trust::Revocation::Crl,
            crl_urls: Vec::new(),
            max_crl_age_hours: 0,
            stale_crl_at_login: luochui::seal::trust::Stale::Refuse,
            contact: "0731-00000000".to_owned(),
            cut_off: None,
        }
    }
}

/// A root, an authority below it, and a store with both, a current list and a profile.
pub struct World {
    pub root: Authority,
    pub issuing: Authority,
    pub lists: Vec<RevocationList>,
    pub profiles: Vec<CaProfile>,
}

impl World {
    pub fn new() -> Self {
        let root = root("Test Root CA", 1);
        let issuing = root.authority("Test Issuing CA", 2, &straight);
        Self {
            lists: vec![issuing.list(days(-1), &[]), root.list(days(-1), &[])],
            profiles: vec![issuing.profile()],
            root,
            issuing,
        }
    }

    pub fn store(&self) -> TrustStore {
        let authorities = vec![self.root.certificate.clone(), self.issuing.certificate.clone()];
        TrustStore::new(authorities, self.lists.clone(), self.profiles.clone())
    }
}

/// Puts another extension in the place of one with the same identifier, or adds it.
pub fn replace(draft: &mut CertificateDraft, extension: Extension) {
    draft.extensions.retain(|known| known.oid != extension.oid);
    draft.extensions.push(extension);
}
