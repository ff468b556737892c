//! Time stamps: tokens minted here in the form of RFC 3161.

use luochui::machine::Time;
use luochui::seal::asn1::write;
use luochui::seal::certificate::Certificate;
use luochui::seal::sm2::SecretKey;
use luochui::seal::{issue, sm3, tsa};

use super::pki::{NOW, World, days, key, straight};

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
