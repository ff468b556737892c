//! Every reason against a certificate has its own code.

use std::collections::BTreeSet;

use luochui::seal::asn1::write;
use luochui::seal::certificate::{Certificate, Extension};
use luochui::seal::issue::{self, usage};
use luochui::seal::trust::{Code, Kind, Purpose, TrustStore};

use super::pki::{self, COMPANY, NOW, World, days, key, replace, straight};

fn code(store: &TrustStore, certificate: &Certificate) -> Option<Code> {
    store
        .verify(certificate, Purpose::Login, NOW)
        .err()
        .map(|failure| failure.code)
}

#[test]
fn a_sound_certificate_names_its_subject() {
    let world = World::new();
    let certificate = world.issuing.company(7, COMPANY, "测试公司", &key(9), &straight);
    for purpose in [Purpose::Login, Purpose::Seal, Purpose::Sign] {
        let subject = world.store().verify(&certificate, purpose, NOW).unwrap();
        assert_eq!(
            (subject.kind, subject.code.as_str(), subject.name.as_str()),
            (Kind::Organisation, COMPANY, "测试公司")
        );
        assert_eq!(subject.certificate_sha256, certificate.sha256());
        assert_eq!(subject.authority, "Test Issuing CA");
    }
}

#[test]
fn each_bent_user_certificate_is_refused_with_its_code() {
    let world = World::new();
    let store = world.store();
    let unknown: pki::Bend<'_> = &|draft| {
        draft.extensions.push(Extension {
            oid: "1.2.3.4.5".parse().unwrap(),
            critical: true,
            value: write::null(),
        });
    };
    let bends: Vec<(Code, pki::Bend<'_>)> = vec![
        (Code::Expired, &|draft| draft.not_after = days(-1)),
        (Code::NotYetValid, &|draft| draft.not_before = days(1)),
        (Code::EncryptionCertificate, &|draft| {
            replace(
                draft,
                issue::key_usage(usage::KEY_ENCIPHERMENT | usage::DATA_ENCIPHERMENT),
            );
        }),
        (Code::WrongUsage, &|draft| {
            replace(draft, issue::key_usage(usage::REVOCATIONS));
        }),
        (Code::WrongUsage, &|draft| {
            draft.extensions.retain(|known| known.oid.to_string() != "2.5.29.15");
        }),
        (Code::WrongUsage, &|draft| draft.extensions.push(issue::authority(None))),
        (Code::WrongUsage, &|draft| {
            draft
                .extensions
                .push(issue::extended_usage(&["1.3.6.1.5.5.7.3.1"]).unwrap());
        }),
        (Code::UnknownCritical, unknown),
        (Code::BadSerial, &|draft| draft.serial = vec![0]),
        (Code::BadSerial, &|draft| draft.serial = vec![1; 21]),
        (Code::KeyIdentifiersDiffer, &|draft| {
            replace(draft, issue::authority_key(&[7; 20]));
        }),
        (Code::UnknownIssuer, &|draft| {
            draft.issuer = issue::name(&[("2.5.4.3", "Nobody CA")]).unwrap();
        }),
    ];
    for (at, (expected, bend)) in bends.into_iter().enumerate() {
        let certificate = world.issuing.company(7, COMPANY, "测试公司", &key(9), bend);
        assert_eq!(code(&store, &certificate), Some(expected), "case {at}");
    }
}

#[test]
fn both_ends_of_a_period_are_inside_it() {
    let world = World::new();
    let certificate = world.issuing.company(7, COMPANY, "测试公司", &key(9), &|draft| {
        draft.not_before = NOW;
        draft.not_after = NOW.plus_millis(1_000);
    });
    let judge = |at| {
        let store = world.store();
        let chain = store.chain(&certificate, Purpose::Login, at).unwrap();
        store.check_period(&chain, at).err().map(|failure| failure.code)
    };
    assert_eq!(judge(NOW.plus_millis(-1)), Some(Code::NotYetValid));
    assert_eq!(judge(NOW), None);
    assert_eq!(judge(NOW.plus_millis(1_999)), None);
    assert_eq!(judge(NOW.plus_millis(2_000)), Some(Code::Expired));
}

/// Rewrites bytes of a certificate, keeping its length, and signs nothing again.
fn forged(certificate: &Certificate, from: &[u8], to: &[u8]) -> Certificate {
    let mut der = certificate.der().to_vec();
    let at = der.windows(from.len()).position(|window| window == from).unwrap();
    der[at..at + to.len()].copy_from_slice(to);
    Certificate::from_der(&der).unwrap()
}

#[test]
fn a_forged_subject_and_a_foreign_authority_do_not_pass() {
    let world = World::new();
    let certificate = world.issuing.company(7, COMPANY, "测试公司", &key(9), &straight);
    let other = forged(&certificate, COMPANY.as_bytes(), pki::OTHER_COMPANY.as_bytes());
    assert_eq!(code(&world.store(), &other), Some(Code::BadSignature));

    // Another authority that calls itself the same, once with its own key's identifier and once with the true one's.
    let pretender = pki::root("Test Root CA", 77).authority("Test Issuing CA", 78, &straight);
    let theirs = pretender.company(7, COMPANY, "测试公司", &key(9), &straight);
    assert_eq!(code(&world.store(), &theirs), Some(Code::KeyIdentifiersDiffer));
    let identifier = issue::key_identifier(&world.issuing.key.public_key());
    let theirs = pretender.company(7, COMPANY, "测试公司", &key(9), &|draft| {
        replace(draft, issue::authority_key(&identifier));
    });
    assert_eq!(code(&world.store(), &theirs), Some(Code::BadSignature));

    let foreign = pki::root("Foreign Root CA", 79).company(7, COMPANY, "测试公司", &key(9), &straight);
    assert_eq!(code(&world.store(), &foreign), Some(Code::UnknownIssuer));
}

#[test]
fn a_missing_intermediate_is_an_unknown_issuer() {
    let world = World::new();
    let certificate = world.issuing.company(7, COMPANY, "测试公司", &key(9), &straight);
    let without_it = TrustStore::new(vec![world.root.certificate.clone()], Vec::new(), world.profiles.clone());
    assert_eq!(code(&without_it, &certificate), Some(Code::UnknownIssuer));
    let without_root = TrustStore::new(vec![world.issuing.certificate.clone()], Vec::new(), world.profiles);
    assert_eq!(code(&without_root, &certificate), Some(Code::UnknownIssuer));
}

#[test]
fn an_authority_must_be_one() {
    let world = World::new();
    let cases: [(Code, pki::Bend<'_>); 5] = [
        (Code::NotAnAuthority, &|draft| {
            draft.extensions.retain(|known| known.oid.to_string() != "2.5.29.19");
        }),
        (Code::MayNotIssue, &|draft| {
            replace(draft, issue::key_usage(usage::REVOCATIONS | usage::DIGITAL_SIGNATURE));
        }),
        (Code::Expired, &|draft| draft.not_after = days(-2)),
        (Code::UnknownCritical, &|draft| {
            // Name constraints are not understood here, so they must not be passed over.
            draft.extensions.push(Extension {
                oid: "2.5.29.30".parse().unwrap(),
                critical: true,
                value: write::sequence(&[]),
            });
        }),
        (Code::BadSerial, &|draft| draft.serial = vec![0]),
    ];
    for (expected, bend) in cases {
        let issuing = world.root.authority("Bent CA", 30, bend);
        let certificate = issuing.company(7, COMPANY, "测试公司", &key(9), &straight);
        let store = TrustStore::new(
            vec![world.root.certificate.clone(), issuing.certificate.clone()],
            vec![issuing.list(days(-1), &[])],
            vec![issuing.profile()],
        );
        assert_eq!(code(&store, &certificate), Some(expected));
    }
    // A user's certificate cannot issue another one.
    let user = world.issuing.company(7, COMPANY, "测试公司", &key(9), &straight);
    let issuer = pki::Authority {
        certificate: user.clone(),
        key: key(9),
    };
    let below = issuer.company(8, pki::OTHER_COMPANY, "冒名", &key(10), &straight);
    let mut authorities = world.store().authorities().to_vec();
    authorities.push(user);
    let store = TrustStore::new(authorities, world.lists.clone(), world.profiles.clone());
    assert_eq!(code(&store, &below), Some(Code::NotAnAuthority));
}

#[test]
fn path_lengths_are_kept() {
    let world = World::new();
    // The issuing authority has a path length of 0: nothing but users below it.
    let below = world.issuing.authority("Below CA", 31, &straight);
    let certificate = below.company(7, COMPANY, "测试公司", &key(9), &straight);
    let mut authorities = world.store().authorities().to_vec();
    authorities.push(below.certificate.clone());
    let store = TrustStore::new(authorities, world.lists.clone(), vec![below.profile()]);
    assert_eq!(code(&store, &certificate), Some(Code::PathTooLong));
}

#[test]
fn loops_and_endless_chains_end() {
    let free: pki::Bend<'_> = &|draft| replace(draft, issue::authority(None));
    // Two authorities that certify each other, and no anchor.
    let (one, two) = (pki::root("Loop A", 40), pki::root("Loop B", 41));
    let one_by_two = two.authority("Loop A", 40, free);
    let two_by_one = one.authority("Loop B", 41, free);
    let certificate = one_by_two.company(7, COMPANY, "测试公司", &key(9), &straight);
    let store = TrustStore::new(
        vec![one_by_two.certificate.clone(), two_by_one.certificate],
        Vec::new(),
        vec![one_by_two.profile()],
    );
    assert_eq!(code(&store, &certificate), Some(Code::Loop));

    let mut chain = vec![pki::root("Long 0", 50)];
    for at in 1..9u8 {
        let next = chain.last().unwrap().authority(&format!("Long {at}"), 50 + at, free);
        chain.push(next);
    }
    let last = chain.last().unwrap();
    let certificate = last.company(7, COMPANY, "测试公司", &key(9), &straight);
    let authorities = chain.iter().map(|authority| authority.certificate.clone()).collect();
    let store = TrustStore::new(authorities, Vec::new(), vec![last.profile()]);
    assert_eq!(code(&store, &certificate), Some(Code::ChainTooLong));
}

/// A P-256 key, from NIST's curve generator: a true point, but of another curve.
const P256_POINT: &str = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
                          4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

#[test]
fn keys_of_other_curves_are_refused() {
    let world = World::new();
    let store = world.store();
    let point = hex::decode(P256_POINT).unwrap();
    let spki = |curve: &str, point: &[u8]| {
        let algorithm = write::sequence(&[
            write::oid(&"1.2.840.10045.2.1".parse().unwrap()),
            write::oid(&curve.parse().unwrap()),
        ]);
        write::sequence(&[algorithm, write::bits(point)])
    };
    let sm2_point = key(9).public_key().to_sec1();
    let cases = [
        ("a P-256 key", spki("1.2.840.10045.3.1.7", &point)),
        (
            "a P-256 point under the SM2 identifier",
            spki("1.2.156.10197.1.301", &point),
        ),
        (
            "an SM2 point under the P-256 identifier",
            spki("1.2.840.10045.3.1.7", &sm2_point),
        ),
        ("an SM2 point under secp256k1's", spki("1.3.132.0.10", &sm2_point)),
        ("the point at infinity", spki("1.2.156.10197.1.301", &[0])),
        ("no point", spki("1.2.156.10197.1.301", &[4; 65])),
    ];
    for (title, key_info) in cases {
        let certificate = world.issuing.company(7, COMPANY, "测试公司", &key(9), &|draft| {
            draft.key.clone_from(&key_info);
        });
        assert_eq!(code(&store, &certificate), Some(Code::WrongCurve), "{title}");
    }
    let rsa = write::sequence(&[
        write::sequence(&[write::oid(&"1.2.840.113549.1.1.1".parse().unwrap()), write::null()]),
        write::bits(&write::sequence(&[write::integer(65_537), write::integer(65_537)])),
    ]);
    let certificate = world.issuing.company(7, COMPANY, "测试公司", &key(9), &|draft| {
        draft.key.clone_from(&rsa);
    });
    assert_eq!(code(&store, &certificate), Some(Code::WrongAlgorithm));
}

#[test]
fn the_algorithm_inside_is_the_one_outside() {
    let world = World::new();
    let certificate = world.issuing.company(7, COMPANY, "测试公司", &key(9), &straight);
    let sm2 = write::oid(&"1.2.156.10197.1.501".parse().unwrap());
    // ECDSA with SHA-256 has an identifier of the same length but one; another arc of the Chinese one fits exactly.
    let other = write::oid(&"1.2.156.10197.1.502".parse().unwrap());
    assert_eq!(sm2.len(), other.len());
    let inside = forged(&certificate, &sm2, &other);
    assert_eq!(code(&world.store(), &inside), Some(Code::AlgorithmsDiffer));
    let both = forged(&inside, &sm2, &other);
    assert_eq!(code(&world.store(), &both), Some(Code::WrongAlgorithm));
}

#[test]
fn an_authority_past_its_cut_off_is_refused_from_that_day_in_china() {
    let mut world = World::new();
    let certificate = world.issuing.company(7, COMPANY, "测试公司", &key(9), &straight);
    // NOW is 2026-07-01 08:00 in China.
    for (day, expected) in [("2026-07-01", Some(Code::Unlisted)), ("2026-07-02", None)] {
        world.profiles[0].cut_off = Some(day.parse().unwrap());
        assert_eq!(code(&world.store(), &certificate), expected);
    }
}

#[test]
fn no_flipped_byte_of_a_certificate_passes() {
    let world = World::new();
    let store = world.store();
    let certificate = world.issuing.company(7, COMPANY, "测试公司", &key(9), &straight);
    let mut seen = BTreeSet::new();
    for at in 0..certificate.der().len() {
        let mut bent = certificate.der().to_vec();
        bent[at] ^= 1;
        if let Ok(bent) = Certificate::from_der(&bent) {
            seen.insert(code(&store, &bent).unwrap_or_else(|| panic!("byte {at} passes")));
        }
    }
    assert!(seen.contains(&Code::BadSignature));
}
