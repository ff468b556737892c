//! Seals and seal signatures step by step, in the three-step shape of a remote signer.

use luochui::machine::Time;
use luochui::seal::asn1::write;
use luochui::seal::certificate::Certificate;
use luochui::seal::report::{Report, Status};
use luochui::seal::ses::{self, Holders, Picture, Seal, SealDraft, SesError, Signature, ToSign};
use luochui::seal::sm2::SecretKey;
use luochui::seal::sm3;
use luochui::seal::trust::{Moment, SealMaker};
use sha2::{Digest as _, Sha256};

use super::pki::{COMPANY, NOW, OTHER_COMPANY, World, days, key, straight};

/// A world with a seal maker, a company and its seal.
pub struct Sealed {
    pub world: World,
    pub maker: Certificate,
    pub maker_key: SecretKey,
    pub company: Certificate,
    pub company_key: SecretKey,
}

impl Sealed {
    pub fn new() -> Self {
        let mut world = World::new();
        let (maker_key, company_key) = (key(21), key(22));
        let maker = world
            .issuing
            .user(20, &[("2.5.4.3", "制章机构")], &maker_key, &straight);
        // By its key, so that tests may issue the maker another certificate.
        let spki = maker_key.public_key().to_spki().unwrap();
        world.profiles[0].seal_makers = vec![SealMaker::Certificate(hex::encode(Sha256::digest(spki)))];
        let company = world.issuing.company(22, COMPANY, "测试公司", &company_key, &straight);
        Self {
            world,
            maker,
            maker_key,
            company,
            company_key,
        }
    }

    pub fn draft(&self) -> SealDraft {
        SealDraft {
            version: 4,
            vendor: "LUOCHUI".to_owned(),
            id: "SEAL-1".to_owned(),
            kind: 1,
            name: "测试公司合同专用章".to_owned(),
            holders: Holders::Certificates(vec![self.company.der().to_vec()]),
            created: days(-10),
            valid_from: days(-10),
            valid_until: days(300),
            picture: Picture {
                kind: "PNG".to_owned(),
                data: b"\x89PNG\r\n\x1a\nnot a whole picture".to_vec(),
                width: 42,
                height: 42,
            },
        }
    }

    pub fn seal(&self, draft: &SealDraft) -> Seal {
        let info = draft.info();
        let signature = self.maker_key.sign(&info).unwrap();
        Seal::parse(&ses::assemble_seal(&info, &self.maker, &signature)).unwrap()
    }

    pub fn sign(&self, seal: &Seal, at: Time) -> Vec<u8> {
        let to_sign = ToSign {
            seal,
            time: at,
            data_hash: sm3(b"document"),
            property: "/ByteRange",
        };
        let bytes = to_sign.to_der();
        let value = self.company_key.sign(&bytes).unwrap();
        ses::assemble_signature(&bytes, &self.company, &value, None)
    }

    pub fn judge(&self, signature: &[u8]) -> Report {
        let signature = Signature::parse(signature).unwrap();
        signature.verify(&self.world.store(), Some(sm3(b"document")), NOW)
    }
}

pub fn failed(report: &Report) -> Vec<(&'static str, &'static str)> {
    let steps = report.steps.iter();
    steps
        .filter(|step| step.status == Status::Failed)
        .map(|step| (step.name, step.code))
        .collect()
}

#[test]
fn a_sound_signature_passes_every_step() {
    for version in [4, 5] {
        let sealed = Sealed::new();
        let mut draft = sealed.draft();
        draft.version = version;
        let seal = sealed.seal(&draft);
        let report = sealed.judge(&sealed.sign(&seal, days(-1)));
        assert_eq!(failed(&report), []);
        let names: Vec<_> = report.steps.iter().map(|step| step.name).collect();
        let expected = [
            "signature.format",
            "signature.value",
            "signature.certificate",
            "signature.time",
            "signature.revocation",
            "signature.document",
            "seal.format",
            "seal.value",
            "seal.maker",
            "seal.revocation",
            "seal.period",
            "signature.holder",
            "signature.timestamp",
        ];
        assert_eq!(names, expected);
        assert_eq!(report.step("signature.timestamp").unwrap().code, "claimed_time");
        assert!(seal.shown_picture(&report).is_some());
    }
}

#[test]
fn digests_of_certificates_name_holders_as_well() {
    let sealed = Sealed::new();
    let mut draft = sealed.draft();
    draft.holders = Holders::Digests(vec![sm3(sealed.company.der()).to_vec()]);
    let report = sealed.judge(&sealed.sign(&sealed.seal(&draft), days(-1)));
    assert_eq!(failed(&report), []);
    draft.holders = Holders::Digests(vec![sm3(sealed.maker.der()).to_vec()]);
    let report = sealed.judge(&sealed.sign(&sealed.seal(&draft), days(-1)));
    assert_eq!(failed(&report), [("signature.holder", "not_a_holder")]);
}

#[test]
fn each_step_fails_for_its_own_reason() {
    let sealed = Sealed::new();
    let seal = sealed.seal(&sealed.draft());
    let good = sealed.sign(&seal, days(-1));

    let store = sealed.world.store();
    let parsed = Signature::parse(&good).unwrap();
    let other = parsed.verify(&store, Some(sm3(b"another document")), NOW);
    assert_eq!(failed(&other), [("signature.document", "document_changed")]);
    let none = parsed.verify(&store, None, NOW);
    assert_eq!(failed(&none), [("signature.document", "document_missing")]);

    let early = sealed.judge(&sealed.sign(&seal, days(-11)));
    assert_eq!(failed(&early), [("seal.period", "made_later")]);
    let mut not_yet = sealed.draft();
    not_yet.valid_from = days(-5);
    let report = sealed.judge(&sealed.sign(&sealed.seal(&not_yet), days(-6)));
    assert_eq!(failed(&report), [("seal.period", "not_yet_valid")]);
    let future = sealed.judge(&sealed.sign(&seal, days(1)));
    assert_eq!(failed(&future), [("signature.time", "in_the_future")]);

    let mut short = sealed.draft();
    short.valid_until = days(-5);
    let report = sealed.judge(&sealed.sign(&sealed.seal(&short), days(-1)));
    assert_eq!(failed(&report), [("seal.period", "expired")]);

    // Signed by somebody else's key, and by somebody who is no holder.
    let thief = Sealed {
        company_key: key(66),
        ..Sealed::new()
    };
    assert_eq!(
        failed(&sealed.judge(&thief.sign(&seal, days(-1)))),
        [("signature.value", "bad_signature")]
    );
    let stranger = Sealed {
        company: sealed
            .world
            .issuing
            .company(23, OTHER_COMPANY, "别的公司", &key(22), &straight),
        ..Sealed::new()
    };
    assert_eq!(
        failed(&sealed.judge(&stranger.sign(&seal, days(-1)))),
        [("signature.holder", "not_a_holder")]
    );
    let forged = Sealed {
        maker_key: key(67),
        ..Sealed::new()
    };
    let report = sealed.judge(&forged.sign(&forged.seal(&forged.draft()), days(-1)));
    assert_eq!(failed(&report), [("seal.value", "bad_signature")]);
    assert!(seal.shown_picture(&report).is_none());
}

#[test]
fn revocation_counts_from_its_time_on() {
    let mut sealed = Sealed::new();
    let seal = sealed.seal(&sealed.draft());
    sealed.world.lists = vec![sealed.world.issuing.list(days(-1), &[(22, days(-3))])];
    let before = sealed.judge(&sealed.sign(&seal, days(-4)));
    assert_eq!(failed(&before), []);
    // Nothing proves that the signature is older than the revocation.
    assert_eq!(
        before.step("signature.revocation").unwrap().code,
        "revoked_later_unproven"
    );
    let after = sealed.judge(&sealed.sign(&seal, days(-2)));
    assert_eq!(failed(&after), [("signature.revocation", "revoked")]);
    // The maker's: revoked after it made the seal, then before.
    sealed.world.lists = vec![sealed.world.issuing.list(days(-1), &[(20, days(-9))])];
    let later = sealed.judge(&sealed.sign(&seal, days(-4)));
    assert_eq!(failed(&later), []);
    assert_eq!(later.step("seal.revocation").unwrap().code, "revoked_later");
    sealed.world.lists = vec![sealed.world.issuing.list(days(-1), &[(20, days(-11))])];
    assert_eq!(
        failed(&sealed.judge(&sealed.sign(&seal, days(-4)))),
        [("seal.revocation", "revoked")]
    );
    // Nothing known is a warning at a verification; sealing itself refuses it.
    sealed.world.lists.clear();
    let unknown = sealed.judge(&sealed.sign(&seal, days(-4)));
    assert_eq!(failed(&unknown), []);
    assert_eq!(unknown.step("signature.revocation").unwrap().code, "revocation_unknown");
}

#[test]
fn a_maker_that_expired_after_making_the_seal_is_a_warning() {
    let mut sealed = Sealed::new();
    sealed.maker = sealed
        .world
        .issuing
        .user(20, &[("2.5.4.3", "制章机构")], &sealed.maker_key, &|draft| {
            draft.not_after = days(-5);
        });
    let report = sealed.judge(&sealed.sign(&sealed.seal(&sealed.draft()), days(-1)));
    assert_eq!(failed(&report), []);
    assert_eq!(
        (
            report.step("seal.maker").unwrap().status,
            report.step("seal.maker").unwrap().code
        ),
        (Status::Warning, "expired")
    );
    let mut late = sealed.draft();
    late.created = days(-4);
    late.valid_from = days(-4);
    let report = sealed.judge(&sealed.sign(&sealed.seal(&late), days(-1)));
    assert_eq!(failed(&report), [("seal.maker", "expired")]);
}

#[test]
fn certificates_that_expired_since_keep_old_signatures_good() {
    let mut sealed = Sealed::new();
    sealed.company = sealed
        .world
        .issuing
        .company(22, COMPANY, "测试公司", &sealed.company_key, &|draft| {
            draft.not_after = days(-5);
        });
    let seal = sealed.seal(&sealed.draft());
    assert_eq!(failed(&sealed.judge(&sealed.sign(&seal, days(-6)))), []);
    assert_eq!(
        failed(&sealed.judge(&sealed.sign(&seal, days(-4)))),
        [("signature.time", "expired")]
    );
}

#[test]
fn older_versions_are_named_and_not_judged() {
    let sealed = Sealed::new();
    let mut draft = sealed.draft();
    draft.version = 1;
    let info = draft.info();
    let bytes = ses::assemble_seal(&info, &sealed.maker, &sealed.maker_key.sign(&info).unwrap());
    assert_eq!(Seal::parse(&bytes).unwrap_err(), SesError::Version(1));
    assert_eq!(Seal::parse(&bytes).unwrap_err().code(), "version_not_supported");
    // A signature of version 1 has its certificate inside the signed part.
    let old = write::sequence(&[
        write::sequence(&[write::integer(1), bytes, write::bits(b"20200101")]),
        write::bits(b""),
    ]);
    assert_eq!(Signature::parse(&old).unwrap_err(), SesError::Version(1));
}

#[test]
fn limits_hold() {
    let sealed = Sealed::new();
    let mut draft = sealed.draft();
    draft.picture.data = vec![0; ses::MAX_PICTURE + 1];
    let info = draft.info();
    let bytes = ses::assemble_seal(&info, &sealed.maker, &sealed.maker_key.sign(&info).unwrap());
    assert_eq!(Seal::parse(&bytes).unwrap_err(), SesError::Picture);
    assert_eq!(Signature::parse(&vec![0x30; 300_000]).unwrap_err().code(), "too_large");
}

#[test]
fn no_flipped_byte_of_a_signature_passes() {
    let sealed = Sealed::new();
    let good = sealed.sign(&sealed.seal(&sealed.draft()), days(-1));
    let store = sealed.world.store();
    for at in 0..good.len() {
        let mut bent = good.clone();
        bent[at] ^= 1;
        if let Ok(signature) = Signature::parse(&bent) {
            let report = signature.verify(&store, Some(sm3(b"document")), NOW);
            assert!(!report.holds(), "byte {at} of {}", good.len());
        }
    }
}

#[test]
fn a_seal_is_verified_by_itself() {
    let sealed = Sealed::new();
    let seal = sealed.seal(&sealed.draft());
    let store = sealed.world.store();
    assert_eq!(failed(&seal.verify(&store, Moment::present(NOW))), []);
    assert_eq!((seal.id(), seal.name()), ("SEAL-1", "测试公司合同专用章"));
    let later = seal.verify(&store, Moment::present(days(301)));
    assert_eq!(failed(&later), [("seal.period", "expired")]);
}
