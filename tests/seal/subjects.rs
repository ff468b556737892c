//! Where a subject's number stands, and what is no number.

use luochui::seal::asn1::write;
use luochui::seal::certificate::Extension;
use luochui::seal::trust::{CaProfile, Code, Failure, Kind, Part, Place, Purpose, Subject, SubjectRule};

use super::pki::{COMPANY, NOW, OTHER_COMPANY, PERSON, World, key, straight};

fn rule(kind: Kind, place: Place, oid: &str, part: Part, after: &str) -> SubjectRule {
    SubjectRule {
        kind,
        place,
        oid: oid.to_owned(),
        part,
        after: after.to_owned(),
    }
}

/// Verifies a certificate with these names and extensions under these rules.
fn judge(rules: Vec<SubjectRule>, names: &[(&str, &str)], extensions: &[(&str, Vec<u8>)]) -> Result<Subject, Failure> {
    let mut world = World::new();
    world.profiles[0].rules = rules;
    let certificate = world.issuing.user(7, names, &key(9), &|draft| {
        for (oid, value) in extensions {
            draft.extensions.push(Extension {
                oid: oid.parse().unwrap(),
                critical: false,
                value: value.clone(),
            });
        }
    });
    world.store().verify(&certificate, Purpose::Login, NOW)
}

#[test]
fn the_number_stands_where_the_profile_says() {
    let organisation = |place, oid, part, after| vec![rule(Kind::Organisation, place, oid, part, after)];
    let prefixed = format!("{COMPANY}测试公司");
    let marked = format!("统一社会信用代码:{COMPANY}");
    let cases = [
        // 1.2.5.29.1, a text; the same as bare characters; GB/T 20518's arc with a tag of its own around the text.
        (
            organisation(Place::Extension, "1.2.5.29.1", Part::Whole, ""),
            vec![],
            vec![("1.2.5.29.1", write::utf8(COMPANY))],
        ),
        (
            organisation(Place::Extension, "1.2.5.29.1", Part::Whole, ""),
            vec![],
            vec![("1.2.5.29.1", COMPANY.as_bytes().to_vec())],
        ),
        (
            organisation(Place::Extension, "1.2.156.10260.4.1.3", Part::Whole, ""),
            vec![],
            vec![("1.2.156.10260.4.1.3", write::explicit(0, &write::printable(COMPANY)))],
        ),
        (
            organisation(Place::Attribute, "2.5.4.10", Part::Prefix, ""),
            vec![("2.5.4.10", prefixed.as_str())],
            vec![],
        ),
        (
            organisation(Place::Attribute, "2.5.4.11", Part::Whole, ""),
            vec![("2.5.4.10", "测试公司"), ("2.5.4.11", "财务部"), ("2.5.4.11", COMPANY)],
            vec![],
        ),
        (
            organisation(Place::Attribute, "2.5.4.11", Part::Whole, "统一社会信用代码:"),
            vec![("2.5.4.11", marked.as_str())],
            vec![],
        ),
    ];
    for (at, (rules, mut names, extensions)) in cases.into_iter().enumerate() {
        names.push(("2.5.4.3", "测试公司"));
        let subject = judge(rules, &names, &extensions).unwrap_or_else(|failure| panic!("case {at}: {failure}"));
        assert_eq!(
            (subject.code.as_str(), subject.kind),
            (COMPANY, Kind::Organisation),
            "case {at}"
        );
        assert_eq!(subject.name, "测试公司", "case {at}");
    }
}

#[test]
fn a_person_is_told_from_an_organisation() {
    let world = World::new();
    let certificate = world.issuing.person(7, PERSON, "张三", &key(9));
    let subject = world.store().verify(&certificate, Purpose::Login, NOW).unwrap();
    assert_eq!(
        (subject.kind, subject.code.as_str(), subject.name.as_str()),
        (Kind::Person, PERSON, "张三")
    );
}

#[test]
fn what_is_no_number_is_no_subject() {
    let rules = || World::new().profiles[0].rules.clone();
    let refused = |names: &[(&str, &str)]| judge(rules(), names, &[]).unwrap_err().code;
    let wrong_check = format!("{}M公司", &COMPANY[..17]);
    assert_eq!(refused(&[("2.5.4.3", "测试公司")]), Code::NoSubjectCode);
    assert_eq!(refused(&[("2.5.4.10", "测试公司")]), Code::NoSubjectCode);
    assert_eq!(refused(&[("2.5.4.10", &wrong_check)]), Code::BadSubjectCode);
    assert_eq!(refused(&[("2.5.4.5", "SF360426199101010072")]), Code::BadSubjectCode);
    // Without the mark that the authority writes, a number is somebody else's business.
    assert_eq!(refused(&[("2.5.4.5", PERSON)]), Code::NoSubjectCode);
    // Two numbers of one kind: which one counted would be a matter of order.
    let (one, two) = (format!("{COMPANY}甲"), format!("{OTHER_COMPANY}乙"));
    assert_eq!(
        refused(&[("2.5.4.10", &one), ("2.5.4.10", &two)]),
        Code::SubjectCodesDiffer
    );
    // An authority without rules says who nobody is.
    assert_eq!(
        judge(Vec::new(), &[("2.5.4.10", &one)], &[]).unwrap_err().code,
        Code::NoProfile
    );
}

#[test]
fn a_name_with_a_zero_in_it_is_no_certificate() {
    let world = World::new();
    let certificate = world.issuing.company(7, COMPANY, "测试公司X", &key(9), &straight);
    let mut der = certificate.der().to_vec();
    let at = der.windows(1).rposition(|window| window == b"X").unwrap();
    der[at] = 0;
    assert!(luochui::seal::certificate::Certificate::from_der(&der).is_err());
}

#[test]
fn profiles_are_read_from_json_and_nothing_else_is() {
    let text = r#"{"name": "测试CA", "authority": "ab", "rules": [{"kind": "organisation", "place": "extension",
        "oid": "1.2.5.29.1"}], "contact": "0731-1", "cut_off": "2026-07-31"}"#;
    let profile: CaProfile = serde_json::from_str(text).unwrap();
    assert_eq!(profile.rules[0].part, Part::Whole);
    // Midnight in China is 16:00 of the day before in Greenwich.
    assert_eq!(profile.refused_from().unwrap().0, 1_785_427_200_000);
    assert!(serde_json::from_str::<CaProfile>(&text.replace("contact", "kontakt")).is_err());
}
