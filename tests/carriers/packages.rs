//! What attackers do to OFD packages: shown but not signed, two meanings of one file, work without end.

use luochui::seal::document::{DocumentReport, Verdict};
use luochui::seal::ofd;
use luochui::seal::report::Status;
use luochui::seal::work::Work;

use super::ofd::{
    Files, LIST, Signing, body, document, entry, judge, plain_files, sign, signed_files, step, twice_signed_files,
    without, zipped,
};
use super::world::{NOW, WORLD};

const HEAD: &str = r#"<ofd:OFD xmlns:ofd="http://www.ofdspec.org/2016">"#;

/// The code of the first fault in the file's own steps.
fn file_fault(report: &DocumentReport) -> &'static str {
    report.report.fault().map_or("", |step| step.code)
}

#[test]
fn a_document_that_nobody_signed_fails_the_package() {
    let two = |first: &str, second: &str| entry(&format!("{}{}", body("Doc_1", first), body("Doc_0", second)));
    let mut files = [vec![two("", "signed")], document("Doc_0"), document("Doc_1")].concat();
    files = sign(files.clone(), &files);
    let report = judge(&files);
    assert_eq!(
        (report.verdict, file_fault(&report)),
        (Verdict::Invalid, "unsigned"),
        "{report:#?}"
    );
    // An empty list of signatures is none.
    files[0] = two("signed", "signed");
    let empty = r#"<ofd:Signatures xmlns:ofd="http://www.ofdspec.org/2016"/>"#;
    files.push(("Doc_1/Signs/Signatures.xml".into(), empty.into()));
    assert_eq!(file_fault(&judge(&files)), "unsigned");
    // Put in front of what is signed, where OFD.xml is not protected.
    let plain = plain_files();
    let mut open = sign(plain.clone(), &without(&plain, "OFD.xml"));
    open[0] = two("", "signed");
    open.extend(document("Doc_1"));
    let report = judge(&open);
    assert_eq!(file_fault(&report), "unsigned");
    assert_eq!(step(&report, "ofd.coverage"), (Status::Failed, "uncovered"));
}

#[test]
fn everything_that_shows_is_protected() {
    let plain = plain_files();
    assert!(plain.len() > 7);
    for (name, _) in &plain {
        let report = judge(&sign(plain.clone(), &without(&plain, name)));
        assert_eq!(step(&report, "ofd.coverage"), (Status::Failed, "uncovered"), "{name}");
    }
    // So is another version of the document, which only OFD.xml names.
    let version =
        "<ofd:Versions><ofd:Version ID=\"1\" BaseLoc=\"Doc_0/Versions/Old.xml\"/></ofd:Versions></ofd:DocBody>";
    let old = "<ofd:DocVersion xmlns:ofd=\"http://www.ofdspec.org/2016\"/>";
    let mut files = plain;
    files[0] = entry(&body("Doc_0", "signed").replace("</ofd:DocBody>", version));
    files.push(("Doc_0/Versions/Old.xml".into(), old.into()));
    assert_eq!(
        step(&judge(&sign(files.clone(), &files)), "ofd.coverage"),
        (Status::Ok, "")
    );
    let report = judge(&sign(files.clone(), &without(&files, "Doc_0/Versions/Old.xml")));
    assert_eq!(step(&report, "ofd.coverage"), (Status::Failed, "uncovered"));
}

#[test]
fn a_signature_excuses_only_its_own_files() {
    // A picture in the folder of a signature, or called its seal, is a picture.
    let swapped = |files: &Files, to: &str| -> Files {
        let moved = |(name, content): &(String, Vec<u8>)| match name.as_str() {
            "Doc_0/Res/qr.png" => (to.to_owned(), content.clone()),
            "Doc_0/DocumentRes.xml" => {
                let text = String::from_utf8_lossy(content);
                let text = text
                    .replace("Res\"", "Signs/Sign_0\"")
                    .replace("qr.png", to.rsplit('/').next().unwrap());
                (name.clone(), text.into_bytes())
            }
            _ => (name.clone(), content.clone()),
        };
        files.iter().map(moved).collect()
    };
    let within = "Doc_0/Signs/Sign_0/picture.png";
    let files = swapped(&plain_files(), within);
    let report = judge(&sign(files.clone(), &without(&files, within)));
    assert_eq!(step(&report, "ofd.coverage"), (Status::Failed, "uncovered"));
    let plain = plain_files();
    let called = Signing {
        seal: "/Doc_0/Res/qr.png",
        ..Signing::FIRST
    };
    let report = judge(&called.add(plain.clone(), &without(&plain, "Doc_0/Res/qr.png")));
    assert_eq!(step(&report, "ofd.coverage"), (Status::Failed, "uncovered"));
    assert_eq!(step(&report, "ofd.seal"), (Status::Failed, "differs"));
}

#[test]
fn a_later_seal_is_a_seal_and_no_page() {
    let once = signed_files();
    let protected = without(&once, LIST);
    let second = |boxes| {
        Signing {
            boxes,
            ..Signing::SECOND
        }
        .add(once.clone(), &protected)
    };
    let wrong: [&[&str]; 5] = [
        &["0 0 210 297"],
        &["20 200 40 42"],
        &["20 200 40"],
        &["20 200 -40 NaN"],
        &["20 200 40 40", "60 200 40 40", "100 200 40 40"],
    ];
    for boxes in wrong {
        let report = judge(&second(boxes));
        assert_eq!(report.verdict, Verdict::Invalid, "{boxes:?}");
        assert_eq!(step(&report, "ofd.later"), (Status::Failed, "altered"), "{boxes:?}");
    }
    let over = judge(&second(&["80 20 40 40"]));
    assert_eq!(
        (over.verdict, step(&over, "ofd.overlap")),
        (Verdict::Valid, (Status::Warning, "overlaps"))
    );
    let mut broken = twice_signed_files();
    let value = broken
        .iter_mut()
        .find(|(name, _)| name.ends_with("Sign_1/SignedValue.dat"))
        .unwrap();
    *value.1.last_mut().unwrap() ^= 1;
    assert_eq!(step(&judge(&broken), "ofd.later"), (Status::Failed, "next_fails"));
    // One that does not protect the first leaves open which of them came first.
    let beside = Signing::SECOND.add(once.clone(), &plain_files());
    assert_eq!(step(&judge(&beside), "ofd.later"), (Status::Warning, "unordered"));
}

#[test]
fn each_file_is_hashed_once() {
    let mut files = plain_files();
    let size = 4_000_000;
    files.push(("Doc_0/Res/large.bin".into(), vec![b'x'; size]));
    let mut signed = files.clone();
    for number in 0..8 {
        let protected = without(&signed, LIST);
        signed = Signing {
            number,
            ..Signing::FIRST
        }
        .add(signed, &protected);
    }
    let work = Work::default();
    let report = ofd::verify_within(&zipped(&signed), &WORLD.trust(), NOW, &work);
    assert_eq!(report.verdict, Verdict::Valid, "{report:#?}");
    // Once to unpack and once to hash.
    assert!(
        (2 * size as u64..3 * size as u64).contains(&work.spent()),
        "{}",
        work.spent()
    );
    let little = Work::up_to(size as u64 / 2);
    let report = ofd::verify_within(&zipped(&signed), &WORLD.trust(), NOW, &little);
    assert_ne!(report.verdict, Verdict::Valid);
    // The same file named twice is refused before anything is hashed.
    let again = r#"<ofd:Reference FileRef="/doc_0/Document.xml"><ofd:CheckValue>AA==</ofd:CheckValue></ofd:Reference>"#;
    let report = judge(
        &Signing {
            more: again,
            ..Signing::FIRST
        }
        .add(files.clone(), &files),
    );
    assert_eq!(step(&report, "ofd.description"), (Status::Failed, "malformed"));
    let many = "<ofd:Reference FileRef=\"/a\"><ofd:CheckValue>AA==</ofd:CheckValue></ofd:Reference>".repeat(66_000);
    let report = judge(
        &Signing {
            more: Box::leak(many.into_boxed_str()),
            ..Signing::FIRST
        }
        .add(files.clone(), &files),
    );
    assert_eq!(step(&report, "ofd.description"), (Status::Failed, "malformed"));
}

#[test]
fn what_makes_a_parser_slow_is_refused_before_it_begins() {
    let text = |inner: &str| format!("{HEAD}{inner}</ofd:OFD>").into_bytes();
    let attributes: String = (0..200_000).map(|number| format!(" a{number}=\"\"")).collect();
    let spaces: String = (0..5_000).map(|number| format!("<a xmlns:n{number}=\"u\"/>")).collect();
    let bodies = body("Doc_0", "signed").repeat(40_000);
    for inner in [
        format!("<a{attributes}/>"),
        format!("<!-- ' -->it's<a{attributes}/>"),
        spaces,
        bodies,
    ] {
        let files: Files = vec![("OFD.xml".into(), text(&inner))];
        let work = Work::default();
        let report = ofd::verify_within(&zipped(&files), &WORLD.trust(), NOW, &work);
        assert_eq!((report.verdict, file_fault(&report)), (Verdict::Unsigned, "malformed"));
        assert!(work.spent() < 6 * files[0].1.len() as u64, "{}", work.spent());
    }
}

fn format_fault(bytes: &[u8]) -> String {
    let report = ofd::verify(bytes, &WORLD.trust(), NOW);
    assert_eq!(report.verdict, Verdict::Unsigned);
    report.report.step("file.format").unwrap().reason.clone()
}

#[test]
fn packages_that_mean_two_things_are_refused() {
    let whole = zipped(&signed_files());
    // Twice the same name: one reader takes the first, another the last.
    let pad: Files = vec![("OFD.xml".into(), b"a".to_vec()), ("OFE.xml".into(), b"b".to_vec())];
    let twice = replace(&zipped(&pad), b"OFE.xml", b"OFD.xml");
    assert!(format_fault(&twice).contains("重名") || format_fault(&twice).contains("不一致"));
    let folded = replace(&zipped(&pad), b"OFE.xml", b"ofd.XML");
    assert!(format_fault(&folded).contains("重名"));
    let away = replace(&zipped(&pad), b"OFE.xml", b"../.xml");
    assert!(format_fault(&away).contains("文件名"));
    // A local header that names another file than the directory.
    let mut differing = whole.clone();
    differing[30] = b'X';
    assert!(format_fault(&differing).contains("不一致"));
    assert!(format_fault(&[whole.as_slice(), b"x"].concat()).contains("已损坏"));
    assert!(format_fault(&[b"PK junk".as_slice(), &whole].concat()).contains("已损坏"));
    assert!(format_fault(b"PK\x03\x04").contains("已损坏"));
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for at in 0..out.len() - from.len() {
        if out[at..].starts_with(from) {
            out[at..at + to.len()].copy_from_slice(to);
        }
    }
    out
}

#[test]
fn headers_and_directory_say_the_same_and_nothing_lies_between() {
    let files: Files = vec![
        ("OFD.xml".into(), b"aaaaaaaaaaaaaaaaaaaaaaaa".to_vec()),
        ("b".into(), b"b".to_vec()),
    ];
    let whole = zipped(&files);
    assert!(!format_fault(&whole).contains("不一致"));
    // Flags, method, checksum, packed and whole size, as the local header of the first file has them.
    for at in [6, 7, 8, 14, 18, 22] {
        let mut changed = whole.clone();
        changed[at] ^= 8;
        assert!(format_fault(&changed).contains("不一致"), "byte {at}");
    }
    let end = whole.len() - 22;
    let start = u32::from_le_bytes(whole[end + 16..end + 20].try_into().unwrap()) as usize;
    // A whole file between the last one and the directory, which only those see who read from the front.
    let mut hidden = whole.clone();
    let first = whole
        .windows(4)
        .skip(1)
        .position(|window| window == b"PK\x03\x04")
        .unwrap()
        + 1;
    let record = whole[..first].to_vec();
    hidden.splice(start..start, record.iter().copied());
    let moved = u32::try_from(start + record.len()).unwrap().to_le_bytes();
    let at = hidden.len() - 6;
    hidden[at..at + 4].copy_from_slice(&moved);
    assert!(format_fault(&hidden).contains("不一致"));
    // Another name in an extra field of the directory.
    let mut named = whole.clone();
    let field = [&[0x75, 0x70, 12, 0, 1, 0, 0, 0, 0][..], b"EVIL.ml"].concat();
    named.splice(start + 46 + 7..start + 46 + 7, field.iter().copied());
    named[start + 30] = 16;
    let at = named.len() - 10;
    let size = u32::try_from(end - start + field.len()).unwrap().to_le_bytes();
    named[at..at + 4].copy_from_slice(&size);
    assert!(format_fault(&named).contains("不一致"));
}

#[test]
fn bombs_and_entities_are_refused() {
    let zeros = vec![0; 20 * 1_024 * 1_024];
    let bomb: Files = (0..14).map(|number| (format!("bomb{number}"), zeros.clone())).collect();
    let packed = zipped(&bomb);
    assert!(packed.len() < 1_000_000);
    assert!(format_fault(&packed).contains("过大"));
    let entity = "<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>";
    let files: Files = vec![("OFD.xml".into(), entity.as_bytes().to_vec())];
    assert!(format_fault(&zipped(&files)).contains("XML"));
    // Deep nesting must not overflow the stack.
    let deep = "<a>".repeat(150_000) + &"</a>".repeat(150_000);
    let files: Files = vec![("OFD.xml".into(), deep.into_bytes())];
    let report = ofd::verify(&zipped(&files), &WORLD.trust(), NOW);
    assert_eq!(report.verdict, Verdict::Unsigned);
}
