//! Who may make seals: the attacks of those who may not, and the ways in which a profile names those who may.

use luochui::machine::Time;
use luochui::seal::asn1::write;
use luochui::seal::certificate::{Certificate, Extension};
use luochui::seal::issue;
use luochui::seal::report::{Report, Status};
use luochui::seal::sm2::SecretKey;
use luochui::seal::trust::{Code, Moment, SealMaker};

use super::pki::{NOW, days, key, replace};
use super::seals::{Sealed, failed};

fn judge(sealed: &Sealed, made: Time) -> Report {
    let mut draft = sealed.draft();
    (draft.created, draft.valid_from) = (made, made);
    draft.name = "省公共资源交易中心".to_owned();
    let seal = sealed.seal(&draft);
    seal.verify(&sealed.world.store(), Moment::present(NOW))
}

/// The same world, whose seals are made with this certificate.
fn made_by(certificate: Certificate, key: SecretKey) -> Sealed {
    Sealed {
        maker: certificate,
        maker_key: key,
        ..Sealed::new()
    }
}

#[test]
fn a_bidder_with_a_good_certificate_makes_no_seals() {
    let honest = Sealed::new();
    assert_eq!(failed(&judge(&honest, days(-10))), []);
    // The bidder's own signing certificate, of the very authority that the maker has its own from.
    let forged = made_by(honest.company.clone(), honest.company_key.clone());
    let report = judge(&forged, days(-10));
    assert_eq!(failed(&report), [("seal.maker", "not_a_seal_maker")]);
    let seal = forged.seal(&forged.draft());
    assert!(seal.shown_picture(&report).is_none());
    let signed = forged.judge(&forged.sign(&seal, days(-1)));
    assert_eq!(failed(&signed), [("seal.maker", "not_a_seal_maker")]);
    // Another certificate that claims the maker's key identifier is still over another key.
    let identifier = issue::key_identifier(&honest.maker_key.public_key());
    let claimed = honest
        .world
        .issuing
        .user(33, &[("2.5.4.3", "制章机构")], &key(33), &|draft| {
            replace(draft, issue::subject_key(&identifier));
        });
    let report = judge(&made_by(claimed, key(33)), days(-10));
    assert_eq!(failed(&report), [("seal.maker", "not_a_seal_maker")]);
}

#[test]
fn a_profile_names_makers_by_certificate_usage_policy_or_all_of_them() {
    const USAGE: &str = "1.2.156.1.2.3";
    let honest = Sealed::new();
    let issuing = &honest.world.issuing;
    let names = [("2.5.4.3", "制章机构")];
    let used = issuing.user(34, &names, &honest.maker_key, &|draft| {
        draft.extensions.push(issue::extended_usage(&[USAGE]).unwrap());
    });
    let policy = issuing.user(35, &names, &honest.maker_key, &|draft| {
        let policy = write::sequence(&[write::sequence(&[write::oid(&USAGE.parse().unwrap())])]);
        draft.extensions.push(Extension {
            oid: "2.5.29.32".parse().unwrap(),
            critical: false,
            value: policy,
        });
    });
    let plain = honest.maker.clone();
    let usage = || SealMaker::Usage(USAGE.to_owned());
    let digest = |certificate: &Certificate| SealMaker::Certificate(certificate.sha256().to_uppercase());
    let cases = [
        (&plain, vec![], false),
        (&plain, vec![digest(&plain)], true),
        (&used, vec![digest(&plain)], false),
        (&plain, vec![usage()], false),
        (&used, vec![usage()], true),
        (&policy, vec![usage()], true),
        (&plain, vec![SealMaker::All], true),
        // Restricted to something else than signing.
        (&used, vec![SealMaker::All], false),
    ];
    for (number, (certificate, makers, good)) in cases.into_iter().enumerate() {
        let mut sealed = made_by(certificate.clone(), honest.maker_key.clone());
        sealed.world.profiles[0].seal_makers = makers;
        let report = judge(&sealed, days(-10));
        let expected = if good {
            vec![]
        } else {
            vec![("seal.maker", "not_a_seal_maker")]
        };
        assert_eq!(failed(&report), expected, "case {number}");
    }
}

#[test]
fn a_seal_is_not_made_after_it_was_used_nor_in_the_future() {
    let sealed = Sealed::new();
    assert_eq!(
        failed(&judge(&sealed, days(1))),
        [("seal.period", "made_later")],
        "made tomorrow"
    );
    let mut draft = sealed.draft();
    draft.created = days(-2);
    let signed = sealed.judge(&sealed.sign(&sealed.seal(&draft), days(-3)));
    assert_eq!(failed(&signed), [("seal.period", "made_later")]);
}

#[test]
fn a_maker_of_whom_no_current_list_speaks_makes_no_seal_usable_today() {
    let mut sealed = Sealed::new();
    let seal = sealed.seal(&sealed.draft());
    let today = |sealed: &Sealed| {
        let judged = seal.check_maker_today(&sealed.world.store(), NOW);
        judged.err().map(|failure| failure.code)
    };
    assert_eq!(today(&sealed), None);
    let root = sealed.world.root.list(days(-1), &[]);
    // A list that was good when the seal was made, and has ended since: the verification cannot see it, the use must.
    sealed.world.lists = vec![sealed.world.issuing.list(days(-9), &[]), root.clone()];
    assert_eq!(failed(&seal.verify(&sealed.world.store(), Moment::present(NOW))), []);
    assert_eq!(today(&sealed), Some(Code::RevocationListExpired));
    sealed.world.lists = vec![root.clone()];
    assert_eq!(today(&sealed), Some(Code::RevocationUnknown));
    // Revoked since the seal was made: told by the verification.
    sealed.world.lists = vec![sealed.world.issuing.list(days(-1), &[(20, days(-2))]), root];
    assert_eq!(today(&sealed), None);
    let report = seal.verify(&sealed.world.store(), Moment::present(NOW));
    let step = report.step("seal.revocation").unwrap();
    assert_eq!((step.status, step.code), (Status::Warning, "revoked_later"));
}

#[test]
fn a_critical_extension_that_nobody_knows_here_fails() {
    let sealed = Sealed::new();
    let extension = |critical: bool| {
        let mut parts = vec![write::oid(&"1.2.3.4".parse().unwrap())];
        parts.extend(critical.then(write::boolean_true));
        parts.push(write::octets(b"only for internal use"));
        write::sequence(&[write::sequence(&parts)])
    };
    for (critical, expected) in [(false, vec![]), (true, vec![("seal.format", "unknown_critical")])] {
        let info = sealed.draft().info();
        let mut reader = luochui::seal::asn1::Reader::new(&info).unwrap().sequence().unwrap();
        let mut parts = Vec::new();
        while !reader.is_empty() {
            parts.push(reader.next().unwrap().whole.to_vec());
        }
        parts.push(extension(critical));
        let info = write::sequence(&parts);
        let der = luochui::seal::ses::assemble_seal(&info, &sealed.maker, &sealed.maker_key.sign(&info).unwrap());
        let seal = luochui::seal::ses::Seal::parse(&der).unwrap();
        let report = seal.verify(&sealed.world.store(), Moment::present(NOW));
        assert_eq!(failed(&report), expected);
    }
}

#[test]
fn tens_of_thousands_of_extensions_are_refused_before_they_are_compared() {
    let sealed = Sealed::new();
    let many = |count: u32| {
        let certificate = |draft: &mut issue::CertificateDraft| {
            for number in 0..count {
                draft.extensions.push(Extension {
                    oid: format!("1.2.3.{number}").parse().unwrap(),
                    critical: false,
                    value: Vec::new(),
                });
            }
        };
        let mut draft = issue::CertificateDraft {
            serial: vec![9],
            issuer: sealed.maker.issuer().der().to_vec(),
            subject: issue::name(&[("2.5.4.3", "很多")]).unwrap(),
            not_before: days(-1),
            not_after: days(1),
            key: key(9).public_key().to_spki().unwrap(),
            extensions: Vec::new(),
        };
        certificate(&mut draft);
        let to_sign = draft.to_sign();
        Certificate::from_der(&issue::assemble(&to_sign, &key(9).sign(&to_sign).unwrap())).is_ok()
    };
    assert!(many(64));
    assert!(!many(65));
    let begun = std::time::Instant::now();
    assert!(!many(15_000));
    assert!(begun.elapsed().as_secs() < 5);
}
