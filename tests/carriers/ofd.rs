//! OFD packages: a small one minted here is judged rightly, and whatever is changed in it is found. So are packages that two
//! readers would take differently.

use std::io::Write as _;

use base64::Engine as _;
use luochui::seal::document::{DocumentReport, Verdict};
use luochui::seal::ofd;
use luochui::seal::report::Status;
use luochui::seal::ses::{ToSign, assemble_signature};
use luochui::seal::sm3;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::world::{NOW, WORLD};

type Files = Vec<(String, Vec<u8>)>;

const SIGNATURE: &str = "Doc_0/Signs/Sign_0/Signature.xml";
const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
const SPACE: &str = r#"xmlns:ofd="http://www.ofdspec.org/2016""#;

fn plain_files() -> Files {
    let body =
        "<ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot><ofd:Signatures>Doc_0/Signs/Signatures.xml</ofd:Signatures>";
    let pages = r#"<ofd:CommonData/><ofd:Pages><ofd:Page ID="1" BaseLoc="Pages/Page_0/Content.xml"/></ofd:Pages>"#;
    [
        (
            "OFD.xml",
            format!("{HEAD}<ofd:OFD {SPACE} Version=\"1.0\"><ofd:DocBody>{body}</ofd:DocBody></ofd:OFD>"),
        ),
        (
            "Doc_0/Document.xml",
            format!("{HEAD}<ofd:Document {SPACE}>{pages}</ofd:Document>"),
        ),
        (
            "Doc_0/Pages/Page_0/Content.xml",
            format!("{HEAD}<ofd:Page {SPACE}><ofd:Content>成交价 1000 元</ofd:Content></ofd:Page>"),
        ),
        ("Doc_0/Res/qr.png", "picture".to_owned()),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_owned(), text.into_bytes()))
    .collect()
}

/// A package with one seal, its files in order.
pub fn signed_files() -> Files {
    let files = plain_files();
    sign(files.clone(), &files)
}

/// Adds a signature that protects these files.
fn sign(mut files: Files, protected: &Files) -> Files {
    let reference = |(name, content): &(String, Vec<u8>)| {
        let value = base64::engine::general_purpose::STANDARD.encode(sm3(content));
        format!("<ofd:Reference FileRef=\"/{name}\"><ofd:CheckValue>{value}</ofd:CheckValue></ofd:Reference>")
    };
    let references: String = protected.iter().map(reference).collect();
    let description = format!(
        "{HEAD}<ofd:Signature {SPACE}><ofd:SignedInfo><ofd:Provider ProviderName=\"test\"/>\
         <ofd:SignatureMethod>1.2.156.10197.1.501</ofd:SignatureMethod>\
         <ofd:References CheckMethod=\"1.2.156.10197.1.401\">{references}</ofd:References>\
         <ofd:StampAnnot ID=\"1\" PageRef=\"1\" Boundary=\"90 8 40 40\"/><ofd:Seal><ofd:BaseLoc>Seal.esl</ofd:BaseLoc></ofd:Seal>\
         </ofd:SignedInfo><ofd:SignedValue>SignedValue.dat</ofd:SignedValue></ofd:Signature>"
    )
    .into_bytes();
    let to_sign = ToSign {
        seal: &WORLD.first.seal,
        time: NOW,
        data_hash: sm3(&description),
        property: &format!("/{SIGNATURE}"),
    };
    let to_sign = to_sign.to_der();
    let value = WORLD.first.party.key.sign(&to_sign).unwrap();
    let value = assemble_signature(&to_sign, &WORLD.first.party.certificate, &value, None);
    let list = format!(
        "{HEAD}<ofd:Signatures {SPACE}><ofd:MaxSignId>1</ofd:MaxSignId>\
         <ofd:Signature ID=\"1\" Type=\"Seal\" BaseLoc=\"Sign_0/Signature.xml\"/></ofd:Signatures>"
    );
    files.push(("Doc_0/Signs/Signatures.xml".into(), list.into_bytes()));
    files.push((SIGNATURE.into(), description));
    files.push(("Doc_0/Signs/Sign_0/SignedValue.dat".into(), value));
    files.push(("Doc_0/Signs/Sign_0/Seal.esl".into(), WORLD.first.seal.der().to_vec()));
    files
}

pub fn zipped(files: &Files) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        // A name that cannot be written is left out: only mutated inputs have one.
        if zip.start_file(name.as_str(), SimpleFileOptions::default()).is_ok() {
            zip.write_all(content).unwrap();
        }
    }
    zip.finish().unwrap().into_inner()
}

fn judge(files: &Files) -> DocumentReport {
    ofd::verify(&zipped(files), &WORLD.trust(), NOW)
}

fn step(report: &DocumentReport, name: &str) -> (Status, &'static str) {
    let found = report
        .signatures
        .first()
        .and_then(|one| one.report.step(name))
        .or_else(|| report.report.step(name));
    let found = found.unwrap_or_else(|| panic!("no step {name} in {report:#?}"));
    (found.status, found.code)
}

#[test]
fn a_sealed_package_is_valid() {
    let report = judge(&signed_files());
    assert_eq!(report.verdict, Verdict::Valid, "{report:#?}");
    let signature = &report.signatures[0];
    assert_eq!(signature.signer.as_deref(), Some("某某公共资源交易中心"));
    assert!(signature.test);
    for name in [
        "ofd.references",
        "ofd.coverage",
        "ofd.property",
        "ofd.seal",
        "signature.document",
        "signature.holder",
    ] {
        assert_eq!(step(&report, name).0, Status::Ok, "{name}");
    }
    let none = judge(
        &plain_files()[1..]
            .iter()
            .chain(&[("OFD.xml".into(), format!("<o {SPACE}/>").into_bytes())])
            .cloned()
            .collect(),
    );
    assert_eq!(none.verdict, Verdict::Unsigned, "{none:#?}");
}

#[test]
fn every_changed_file_is_found() {
    let files = signed_files();
    for (index, (name, content)) in files.iter().enumerate() {
        let places = (0..content.len()).step_by((content.len() / 24).max(1));
        for at in places {
            let mut changed = files.clone();
            changed[index].1[at] ^= 1;
            let report = judge(&changed);
            // The list of signatures is no part of what is signed; a change there hides the seal or changes its label.
            let lost = report.signatures.is_empty() || name.ends_with("Signatures.xml");
            let warned = report
                .signatures
                .iter()
                .any(|one| one.report.status() == Status::Warning);
            let beside = name.ends_with("Seal.esl") && warned;
            assert!(
                report.verdict != Verdict::Valid || lost || beside,
                "{name} at {at}: {report:#?}"
            );
        }
    }
}

#[test]
fn what_is_not_protected_is_named() {
    let files = signed_files();
    let mut more = files.clone();
    more.push(("Doc_0/Annots/Annotations.xml".into(), b"<x/>".to_vec()));
    let report = judge(&more);
    assert_eq!(step(&report, "ofd.coverage"), (Status::Warning, "uncovered"));
    // A page that the signature does not protect could say anything.
    let plain = plain_files();
    let open = sign(plain.clone(), &plain[..2].to_vec());
    assert_eq!(step(&judge(&open), "ofd.coverage"), (Status::Failed, "uncovered"));
    let nothing = sign(plain, &Vec::new());
    assert_eq!(step(&judge(&nothing), "ofd.references"), (Status::Failed, "empty"));
}

#[test]
fn missing_parts_are_named() {
    let files = signed_files();
    for (gone, name, code) in [
        ("Doc_0/Pages/Page_0/Content.xml", "ofd.references", "missing"),
        ("Doc_0/Signs/Sign_0/SignedValue.dat", "signature.format", "missing"),
        (SIGNATURE, "ofd.description", "malformed"),
        ("OFD.xml", "file.format", "malformed"),
    ] {
        let rest: Files = files.iter().filter(|(name, _)| name != gone).cloned().collect();
        let report = judge(&rest);
        assert_ne!(report.verdict, Verdict::Valid);
        assert_eq!(step(&report, name), (Status::Failed, code), "{gone}");
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
