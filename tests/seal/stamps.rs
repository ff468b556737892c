//! Time stamps: tokens minted here in the form of RFC 3161.

use luochui::machine::Time;
use luochui::seal::asn1::write;
use luochui::seal::certificate::Certificate;
use luochui::seal::report::{Report, Status};
use luochui::seal::ses::{self, Signature};
use luochui::seal::sm2::SecretKey;
use luochui::seal::{issue, sm3, tsa};

use super::pki::{NOW, World, days, key, straight};
use super::seals::{Sealed, failed};

/// A token as the authority of the tests' own makes it.
fn granted(certificate: &Certificate, key: &SecretKey, bytes: &[u8], time: Time) -> Vec<u8> {
    let request = tsa::Request::parse(&tsa::request(bytes, &[0x41; 8])).unwrap();
    let answer = tsa::grant(&request, (certificate, key), &[9], time).unwrap();
    tsa::token_of(&answer).unwrap()
}

fn oid(text: &str) -> Vec<u8> {
    write::oid(&text.parse().unwrap())
}

/// A token over bytes, by this authority.
pub fn token(authority: &Certificate, key: &SecretKey, bytes: &[u8], time: Time) -> Vec<u8> {
    let sm3_id = write::sequence(&[oid("1.2.156.10197.1.401"), write::null()]);
    let info = write::sequence(&[
        write::integer(1),
        oid("1.2.3.4"),
        write::sequence(&[sm3_id.clone(), write::octets(&sm3(bytes))]),
        write::integer(77),
        write::generalized(time),
    ]);
    let attribute = |kind: &str, value: Vec<u8>| write::sequence(&[oid(kind), write::set(vec![value])]);
    let attributes = vec![
        attribute("1.2.840.113549.1.9.3", oid("1.2.840.113549.1.9.16.1.4")),
        attribute("1.2.840.113549.1.9.4", write::octets(&sm3(&info))),
    ];
    let signed = write::set(attributes);
    let value = key.sign(&signed).unwrap();
    let tagged = [&[0xa0], &signed[1..]].concat();
    let signer = write::sequence(&[
        write::integer(1),
        write::sequence(&[authority.issuer().der().to_vec(), write::unsigned(authority.serial())]),
        sm3_id.clone(),
        tagged,
        write::sequence(&[oid("1.2.156.10197.1.501")]),
        write::octets(&value),
    ]);
    let data = write::sequence(&[
        write::integer(3),
        write::set(vec![sm3_id]),
        write::sequence(&[
            oid("1.2.840.113549.1.9.16.1.4"),
            write::explicit(0, &write::octets(&info)),
        ]),
        write::explicit(0, authority.der()),
        write::set(vec![signer]),
    ]);
    write::sequence(&[oid("1.2.840.113549.1.7.2"), write::explicit(0, &data)])
}

pub fn authority(world: &World, key: &SecretKey) -> Certificate {
    world.issuing.user(60, &[("2.5.4.3", "测试时间戳")], key, &|draft| {
        draft
            .extensions
            .push(issue::extended_usage(&["1.3.6.1.5.5.7.3.8"]).unwrap());
    })
}

#[test]
fn a_token_of_a_listed_authority_proves_the_time() {
    let (world, tsa_key) = (World::new(), key(60));
    let store = world.store();
    let certificate = authority(&world, &tsa_key);
    let good = token(&certificate, &tsa_key, b"value", days(-1));
    let stamp = tsa::verify(&good, b"value", &store, NOW).unwrap();
    assert_eq!((stamp.time, stamp.authority.as_str()), (days(-1), "测试时间戳"));

    let code = |token: &[u8], bytes: &[u8]| tsa::verify(token, bytes, &store, NOW).unwrap_err().code();
    assert_eq!(code(&good, b"other"), "timestamp_of_other_bytes");
    let forged = token(&certificate, &key(61), b"value", days(-1));
    assert_eq!(code(&forged, b"value"), "timestamp_bad_signature");
    // A certificate that is not for time stamps, and one that had expired.
    let user = world.issuing.user(61, &[("2.5.4.3", "别人")], &tsa_key, &straight);
    assert_eq!(
        code(&token(&user, &tsa_key, b"value", days(-1)), b"value"),
        "timestamp_untrusted"
    );
    assert_eq!(
        code(&token(&certificate, &tsa_key, b"value", days(400)), b"value"),
        "timestamp_untrusted"
    );
}

#[test]
fn no_flipped_byte_of_a_token_passes() {
    let (world, tsa_key) = (World::new(), key(60));
    let store = world.store();
    let good = token(&authority(&world, &tsa_key), &tsa_key, b"value", days(-1));
    let mut passing = Vec::new();
    for at in 0..good.len() {
        let mut bent = good.clone();
        bent[at] ^= 1;
        if tsa::verify(&bent, b"value", &store, NOW).is_ok() {
            passing.push(at);
        }
    }
    // The versions and the list of digest algorithms are not covered by the signature in CMS.
    assert!(passing.len() <= 20, "{passing:?}");
}

#[test]
fn a_request_is_answered_with_a_token_or_not() {
    let request = tsa::request(b"value", &[1, 2, 3, 4, 5, 6, 7, 8]);
    assert!(request.windows(32).any(|window| window == sm3(b"value")));
    let (world, tsa_key) = (World::new(), key(60));
    let token = token(&authority(&world, &tsa_key), &tsa_key, b"value", days(-1));
    let answer = |status| write::sequence(&[write::sequence(&[write::integer(status)]), token.clone()]);
    assert_eq!(tsa::token_of(&answer(0)).unwrap(), token);
    assert!(tsa::token_of(&answer(2)).is_err());
}

#[test]
fn a_token_names_its_request_and_its_certificate() {
    let (world, tsa_key) = (World::new(), key(60));
    let store = world.store();
    let certificate = authority(&world, &tsa_key);
    let good = granted(&certificate, &tsa_key, b"value", days(-1));
    let stamp = tsa::verify(&good, b"value", &store, NOW).unwrap();
    assert_eq!((stamp.nonce.as_deref(), stamp.doubt()), (Some(&[0x41; 8][..]), None));
    // The form without the certificate's digest is told.
    let bare = token(&certificate, &tsa_key, b"value", days(-1));
    let doubt = tsa::verify(&bare, b"value", &store, NOW).unwrap().doubt();
    assert_eq!(doubt.unwrap().0, "timestamp_certificate_not_bound");
    // Another certificate over the same key, under the same serial number: it was not the one that was meant.
    let other = world
        .issuing
        .user(60, &[("2.5.4.3", "测试时间戳")], &tsa_key, &|draft| {
            draft.not_after = days(3_000);
            draft
                .extensions
                .push(issue::extended_usage(&["1.3.6.1.5.5.7.3.8"]).unwrap());
        });
    assert_eq!(other.serial(), certificate.serial());
    let swapped = swap(&good, certificate.der(), other.der());
    let fault = tsa::verify(&swapped, b"value", &store, NOW).unwrap_err();
    assert_eq!(fault.code(), "timestamp_other_certificate");
    assert!(tsa::Request::parse(b"no request").is_err());
    assert!(tsa::token_of(&tsa::refuse()).is_err());
}

/// The token with another certificate in the place of its own: all lengths around it are written anew.
fn swap(token: &[u8], own: &[u8], other: &[u8]) -> Vec<u8> {
    use luochui::seal::asn1::Reader;
    fn again(bytes: &[u8], own: &[u8], other: &[u8]) -> Vec<u8> {
        if bytes == own {
            return other.to_vec();
        }
        let held = bytes.windows(own.len()).any(|window| window == own);
        if !held {
            return bytes.to_vec();
        }
        let mut reader = Reader::new(bytes).unwrap();
        let mut written = Vec::new();
        while !reader.is_empty() {
            let item = reader.next().unwrap();
            let inner = if item.whole == own {
                written.extend_from_slice(other);
                continue;
            } else if item
                .value
                .windows(own.len().min(item.value.len().max(1)))
                .any(|window| window == own)
            {
                again(item.value, own, other)
            } else {
                item.value.to_vec()
            };
            written.extend(write::element(item.whole[0], &inner));
        }
        written
    }
    again(token, own, other)
}

#[test]
fn the_authoritys_revocation_counts_and_what_is_not_known_of_it_is_told() {
    let (mut world, tsa_key) = (World::new(), key(60));
    let certificate = authority(&world, &tsa_key);
    let good = granted(&certificate, &tsa_key, b"value", days(-2));
    let judge = |world: &World| tsa::verify(&good, b"value", &world.store(), NOW);
    let root = world.root.list(days(-1), &[]);
    world.lists = vec![root.clone()];
    assert_eq!(
        judge(&world).unwrap().doubt().unwrap().0,
        "timestamp_revocation_unknown"
    );
    world.lists = vec![world.issuing.list(days(-1), &[(60, days(-3))]), root.clone()];
    assert_eq!(judge(&world).unwrap_err().code(), "timestamp_untrusted");
    // Revoked since, for its key may be in other hands (reason 1): it can be dated as anybody likes (RFC 3161, 4).
    world.lists = vec![world.issuing.list(days(-1), &[(60, days(-1))]), root.clone()];
    assert_eq!(judge(&world).unwrap_err().code(), "timestamp_untrusted");
    // Out of use since (reason 5).
    let der = world
        .issuing
        .list_der(days(-1), &[(60, days(-1))], &|draft| draft.entries[0].1.reason = 5);
    world.lists = vec![luochui::seal::trust::RevocationList::from_der(&der).unwrap(), root];
    assert_eq!(judge(&world).unwrap().doubt(), None);
}

/// A signature that says `claimed`, with a stamp of `stamped`.
fn stamped(sealed: &Sealed, claimed: Time, stamped: Time) -> Report {
    let tsa_key = key(60);
    let certificate = authority(&sealed.world, &tsa_key);
    let parsed = Signature::parse(&sealed.sign(&sealed.seal(&sealed.draft()), claimed)).unwrap();
    let token = granted(&certificate, &tsa_key, parsed.value(), stamped);
    let whole = ses::assemble_signature(parsed.to_sign(), parsed.signer(), parsed.value(), Some(&token));
    sealed.judge(&whole)
}

#[test]
fn a_stamp_proves_the_time_and_stands_near_the_displayed_one() {
    let mut sealed = Sealed::new();
    let good = stamped(&sealed, days(-1), days(-1).plus_millis(60_000));
    assert_eq!(failed(&good), []);
    assert_eq!(good.step("signature.timestamp").unwrap().status, Status::Ok);
    assert_eq!(good.stamped, Some(days(-1).plus_millis(60_000)));
    let hours = stamped(&sealed, days(-1), days(-1).plus_millis(7_200_000));
    assert_eq!(hours.step("signature.timestamp").unwrap().code, "time_apart");
    for (claimed, at) in [(-9, -1), (-1, -2)] {
        let apart = stamped(&sealed, days(claimed), days(at));
        assert_eq!(failed(&apart), [("signature.timestamp", "time_differs")]);
    }
    // With a stamp, a later revocation leaves nothing open.
    let root = sealed.world.root.list(days(-1), &[]);
    sealed.world.lists = vec![sealed.world.issuing.list(days(-1), &[(22, days(-1))]), root];
    let later = stamped(&sealed, days(-2), days(-2));
    assert_eq!(later.step("signature.revocation").unwrap().code, "revoked_later");
    // And a stamp from after the revocation proves that the displayed time was not the time.
    let after = stamped(&sealed, days(-1).plus_millis(-60_000), days(-1).plus_millis(60_000));
    assert_eq!(failed(&after), [("signature.revocation", "revoked")]);
}
