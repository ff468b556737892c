//! Revocation as of a moment, and lists that are not to be believed.

use luochui::seal::asn1::write;
use luochui::seal::certificate::Extension;
use luochui::seal::trust::{Code, Moment, Purpose, Revocation, RevocationList, Stale, TrustStore};

use super::pki::{self, COMPANY, NOW, World, days, key, straight};

fn judge(world: &World, purpose: Purpose, moment: Moment) -> Option<Code> {
    let certificate = world.issuing.company(7, COMPANY, "测试公司", &key(9), &straight);
    let store = world.store();
    let chain = store.chain(&certificate, purpose, moment.at).unwrap();
    store
        .check_revocation(&chain, purpose, moment)
        .err()
        .map(|failure| failure.code)
}

fn now() -> Moment {
    Moment::present(NOW)
}

#[test]
fn revoked_before_is_refused_and_after_is_told() {
    let mut world = World::new();
    world.lists = vec![world.issuing.list(days(-1), &[(7, days(-3))])];
    assert_eq!(judge(&world, Purpose::Seal, now()), Some(Code::Revoked));
    // The same list, for a signature made the day before the revocation.
    let earlier = Moment { at: days(-4), now: NOW };
    assert_eq!(judge(&world, Purpose::Seal, earlier), None);
    let certificate = world.issuing.company(7, COMPANY, "测试公司", &key(9), &straight);
    let store = world.store();
    let chain = store.chain(&certificate, Purpose::Seal, NOW).unwrap();
    assert_eq!(store.revoked_after(&chain, days(-4)).unwrap().from, days(-3));
    assert!(store.revoked_after(&chain, NOW).is_none());
    // Exactly at the moment counts as revoked.
    let exactly = Moment { at: days(-3), now: NOW };
    assert_eq!(judge(&world, Purpose::Seal, exactly), Some(Code::Revoked));
    // Another's serial number says nothing.
    world.lists = vec![world.issuing.list(days(-1), &[(8, days(-3))])];
    assert_eq!(judge(&world, Purpose::Seal, now()), None);
}

#[test]
fn a_list_past_its_time_fails_hard_for_sealing_and_by_policy_at_the_login() {
    let mut world = World::new();
    world.lists = vec![world.issuing.list(days(-8), &[(8, days(-9))])];
    for purpose in [Purpose::Login, Purpose::Seal, Purpose::Sign] {
        assert_eq!(judge(&world, purpose, now()), Some(Code::RevocationListExpired));
    }
    world.profiles[0].stale_crl_at_login = Stale::Accept;
    assert_eq!(judge(&world, Purpose::Login, now()), None);
    for purpose in [Purpose::Seal, Purpose::Sign] {
        assert_eq!(judge(&world, purpose, now()), Some(Code::RevocationListExpired));
    }
    // Who stood on the last list stays out, policy or not.
    world.lists = vec![world.issuing.list(days(-8), &[(7, days(-9))])];
    assert_eq!(judge(&world, Purpose::Login, now()), Some(Code::Revoked));
}

#[test]
fn a_list_may_be_too_old_before_its_own_time_is_over() {
    let mut world = World::new();
    world.lists = vec![world.issuing.list(days(-2), &[])];
    for (hours, expected) in [(0, None), (48, None), (47, Some(Code::RevocationListExpired))] {
        world.profiles[0].max_crl_age_hours = hours;
        assert_eq!(judge(&world, Purpose::Seal, now()), expected, "{hours} hours");
    }
}

#[test]
fn what_is_no_list_of_the_issuer_does_not_count() {
    let mut world = World::new();
    world.lists.clear();
    assert_eq!(judge(&world, Purpose::Seal, now()), Some(Code::RevocationUnknown));
    world.profiles[0].revocation = Revocation::None;
    assert_eq!(judge(&world, Purpose::Seal, now()), None);
    world.profiles[0].revocation = Revocation::Crl;

    // Signed by another key in the issuer's name.
    let pretender = pki::Authority {
        key: key(99),
        ..world.issuing.clone()
    };
    world.lists = vec![pretender.list(days(-1), &[])];
    assert_eq!(judge(&world, Purpose::Seal, now()), Some(Code::RevocationListInvalid));
    // A flipped byte of a good one.
    let mut bytes = world.issuing.list_der(days(-1), &[], &|_| {});
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    world.lists = RevocationList::from_der(&bytes).into_iter().collect();
    assert_eq!(judge(&world, Purpose::Seal, now()), Some(Code::RevocationListInvalid));
    // One from the future, and the root's own.
    world.lists = vec![
        world.issuing.list(days(1), &[(7, days(-9))]),
        world.root.list(days(-1), &[]),
    ];
    assert_eq!(judge(&world, Purpose::Seal, now()), Some(Code::RevocationUnknown));
}

#[test]
fn an_authority_on_its_issuers_list_takes_all_its_users_along() {
    let mut world = World::new();
    // The issuing authority's serial number is its seed.
    world.lists.push(world.root.list(days(-1), &[(2, days(-2))]));
    assert_eq!(judge(&world, Purpose::Login, now()), Some(Code::Revoked));
}

fn extension(oid: &str, critical: bool, value: Vec<u8>) -> Extension {
    Extension {
        oid: oid.parse().unwrap(),
        critical,
        value,
    }
}

#[test]
fn partial_lists_and_lists_of_changes_are_refused() {
    let world = World::new();
    let point = |parts: &[Vec<u8>]| extension("2.5.29.28", true, write::sequence(parts));
    let yes = |tag: u8| write::element(tag, &[0xff]);
    let refused = [
        ("a list of changes", extension("2.5.29.27", true, write::integer(1))),
        ("only users", point(&[yes(0x81)])),
        ("only authorities", point(&[yes(0x82)])),
        ("only some reasons", point(&[write::element(0x83, &[6, 0x40])])),
        ("others' certificates", point(&[yes(0x84)])),
        (
            "something critical and unknown",
            extension("1.2.3.4", true, write::null()),
        ),
    ];
    for (title, extension) in refused {
        let der = world
            .issuing
            .list_der(days(-1), &[], &|draft| draft.extensions.push(extension.clone()));
        assert!(RevocationList::from_der(&der).is_err(), "{title}");
    }
}

#[test]
fn a_list_of_one_distribution_point_covers_that_point_only() {
    let mut world = World::new();
    let uri = |text: &str| write::element(0x86, text.as_bytes());
    let names = |text: &str| write::explicit(0, &write::explicit(0, &uri(text)));
    let certificate = world.issuing.company(7, COMPANY, "测试公司", &key(9), &|draft| {
        let point = write::sequence(&[write::sequence(&[names("http://crl/1")])]);
        draft.extensions.push(extension("2.5.29.31", false, point));
    });
    for (point, expected) in [("http://crl/1", None), ("http://crl/2", Some(Code::RevocationUnknown))] {
        let der = world.issuing.list_der(days(-1), &[], &|draft| {
            let value = write::sequence(&[names(point)]);
            draft.extensions.push(extension("2.5.29.28", true, value));
        });
        world.lists = vec![RevocationList::from_der(&der).unwrap()];
        let found = world.store().verify(&certificate, Purpose::Seal, NOW);
        assert_eq!(found.err().map(|failure| failure.code), expected, "{point}");
    }
}

#[test]
fn a_date_of_invalidity_counts_from_that_date() {
    let der = |invalid| {
        let world = World::new();
        let entry = write::sequence(&[
            write::integer(7),
            write::x509_time(days(-1)),
            write::sequence(&[write::sequence(&[
                write::oid(&"2.5.29.24".parse().unwrap()),
                write::octets(&write::generalized(invalid)),
            ])]),
        ]);
        let to_sign = write::sequence(&[
            write::integer(1),
            write::sequence(&[write::oid(&"1.2.156.10197.1.501".parse().unwrap())]),
            world.issuing.certificate.subject().der().to_vec(),
            write::x509_time(days(-1)),
            write::x509_time(days(6)),
            write::sequence(&[entry]),
        ]);
        luochui::seal::issue::assemble(&to_sign, &world.issuing.key.sign(&to_sign).unwrap())
    };
    let mut world = World::new();
    world.lists = vec![RevocationList::from_der(&der(days(-5))).unwrap()];
    let between = Moment { at: days(-3), now: NOW };
    assert_eq!(judge(&world, Purpose::Seal, between), Some(Code::Revoked));
}

#[test]
fn a_store_without_a_profile_still_judges_lists() {
    let world = World::new();
    let authorities = world.store().authorities().to_vec();
    let certificate = world.issuing.company(7, COMPANY, "测试公司", &key(9), &straight);
    let judge = |lists| {
        let store = TrustStore::new(authorities.clone(), lists, Vec::new());
        store.verify(&certificate, Purpose::Seal, NOW).unwrap_err().code
    };
    assert_eq!(judge(Vec::new()), Code::RevocationUnknown);
    // With a list all is known but whose certificate it is.
    assert_eq!(judge(world.lists.clone()), Code::NoProfile);
}

#[test]
fn a_list_from_after_a_certificates_end_proves_nothing_of_it() {
    let mut world = World::new();
    let certificate = world.issuing.company(7, COMPANY, "测试公司", &key(9), &|draft| {
        draft.not_after = days(-5);
    });
    let then = Moment { at: days(-8), now: NOW };
    let judge = |world: &World| {
        let store = world.store();
        let chain = store.chain(&certificate, Purpose::Seal, then.at).unwrap();
        let checked = store.check_revocation(&chain, Purpose::Seal, then);
        checked.err().map(|failure| failure.code)
    };
    // It was revoked ten days ago, ended five days ago, and yesterday's list names it no more (RFC 5280, 5).
    let (after, root) = (world.issuing.list(days(-1), &[]), world.root.list(days(-1), &[]));
    world.lists = vec![after.clone(), root.clone()];
    assert_eq!(judge(&world), Some(Code::RevocationUnknown));
    // The superseded list, where it is kept, still tells.
    let before = world.issuing.list(days(-9), &[(7, days(-10))]);
    world.lists = vec![after.clone(), before, root.clone()];
    assert_eq!(judge(&world), Some(Code::Revoked));
    world.lists = vec![after, world.issuing.list(days(-9), &[]), root.clone()];
    assert_eq!(judge(&world), None);
    // A list that says how far it reaches back: far enough, and not.
    for (since, expected) in [(days(-6), None), (days(-4), Some(Code::RevocationUnknown))] {
        let der = world.issuing.list_der(days(-1), &[], &|draft| {
            draft
                .extensions
                .push(extension("2.5.29.60", false, write::generalized(since)));
        });
        world.lists = vec![RevocationList::from_der(&der).unwrap(), root.clone()];
        assert_eq!(judge(&world), expected);
    }
}

#[test]
fn what_no_list_was_asked_for_is_named() {
    let mut world = World::new();
    let certificate = world.issuing.company(7, COMPANY, "测试公司", &key(9), &straight);
    let unchecked = |world: &World| {
        let store = world.store();
        let chain = store.chain(&certificate, Purpose::Seal, NOW).unwrap();
        store.check_revocation(&chain, Purpose::Seal, now()).unwrap().unchecked
    };
    assert!(unchecked(&world).is_empty());
    world.profiles[0].revocation = Revocation::None;
    assert_eq!(unchecked(&world), ["测试公司"]);
    // Without the root's list its authority is not checked either.
    world.lists = vec![world.issuing.list(days(-1), &[])];
    assert_eq!(unchecked(&world), ["测试公司", "Test Issuing CA"]);
}
