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

use super::world::{NOW, Organisation, WORLD};

pub type Files = Vec<(String, Vec<u8>)>;

pub const LIST: &str = "Doc_0/Signs/Signatures.xml";
const SIGNATURE: &str = "Doc_0/Signs/Sign_0/Signature.xml";
const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
const SPACE: &str = r#"xmlns:ofd="http://www.ofdspec.org/2016""#;

pub fn body(folder: &str, signed: &str) -> String {
    let root = format!("<ofd:DocRoot>{folder}/Document.xml</ofd:DocRoot>");
    let list = format!("<ofd:Signatures>{folder}/Signs/Signatures.xml</ofd:Signatures>");
    format!(
        "<ofd:DocBody>{root}{}</ofd:DocBody>",
        if signed.is_empty() { "" } else { &list }
    )
}

pub fn entry(bodies: &str) -> (String, Vec<u8>) {
    let text = format!("{HEAD}<ofd:OFD {SPACE} Version=\"1.0\">{bodies}</ofd:OFD>");
    ("OFD.xml".to_owned(), text.into_bytes())
}

/// A document with everything that shows: a page, a picture, resources, an annotation.
pub fn document(folder: &str) -> Files {
    let common = "<ofd:CommonData><ofd:PublicRes>PublicRes.xml</ofd:PublicRes>\
                  <ofd:DocumentRes>DocumentRes.xml</ofd:DocumentRes></ofd:CommonData>";
    let pages = "<ofd:Pages><ofd:Page ID=\"1\" BaseLoc=\"Pages/Page_0/Content.xml\"/></ofd:Pages>";
    let notes = "<ofd:Annotations>Annots/Annotations.xml</ofd:Annotations>";
    let media = "<ofd:MultiMedias><ofd:MultiMedia ID=\"7\"><ofd:MediaFile>qr.png</ofd:MediaFile></ofd:MultiMedia></ofd:MultiMedias>";
    let note = "<ofd:Page PageID=\"1\"><ofd:FileLoc>Page_0/Annotation.xml</ofd:FileLoc></ofd:Page>";
    [
        (
            "Document.xml",
            format!("{HEAD}<ofd:Document {SPACE}>{common}{pages}{notes}</ofd:Document>"),
        ),
        ("PublicRes.xml", format!("{HEAD}<ofd:Res {SPACE} BaseLoc=\"Res\"/>")),
        (
            "DocumentRes.xml",
            format!("{HEAD}<ofd:Res {SPACE} BaseLoc=\"Res\">{media}</ofd:Res>"),
        ),
        (
            "Pages/Page_0/Content.xml",
            format!("{HEAD}<ofd:Page {SPACE}><ofd:Content>成交价 1000 元</ofd:Content></ofd:Page>"),
        ),
        (
            "Annots/Annotations.xml",
            format!("{HEAD}<ofd:Annotations {SPACE}>{note}</ofd:Annotations>"),
        ),
        (
            "Annots/Page_0/Annotation.xml",
            format!("{HEAD}<ofd:PageAnnot {SPACE}/>"),
        ),
        ("Res/qr.png", "picture".to_owned()),
    ]
    .into_iter()
    .map(|(name, text)| (format!("{folder}/{name}"), text.into_bytes()))
    .collect()
}

pub fn plain_files() -> Files {
    [vec![entry(&body("Doc_0", "signed"))], document("Doc_0")].concat()
}

/// A package with one seal, its files in order.
pub fn signed_files() -> Files {
    let files = plain_files();
    sign(files.clone(), &files)
}

/// A package with two seals, the second over everything of the first.
pub fn twice_signed_files() -> Files {
    let once = signed_files();
    let protected = without(&once, LIST);
    Signing::SECOND.add(once, &protected)
}

pub fn without(files: &Files, gone: &str) -> Files {
    files.iter().filter(|(name, _)| name != gone).cloned().collect()
}

/// Adds a signature that protects these files.
pub fn sign(files: Files, protected: &Files) -> Files {
    Signing::FIRST.add(files, protected)
}

/// How a signature is made.
#[derive(Clone, Copy)]
pub struct Signing {
    pub number: usize,
    pub organisation: fn() -> &'static Organisation,
    /// The boxes in which the seal shows on page 1.
    pub boxes: &'static [&'static str],
    /// More references.
    pub more: &'static str,
    /// Where its seal lies.
    pub seal: &'static str,
}

impl Signing {
    pub const FIRST: Self = Self {
        number: 0,
        organisation: || &WORLD.first,
        boxes: &["90 8 40 40"],
        more: "",
        seal: "Seal.esl",
    };
    pub const SECOND: Self = Self {
        number: 1,
        organisation: || &WORLD.second,
        boxes: &["20 200 40 40"],
        ..Self::FIRST
    };

    pub fn add(self, files: Files, protected: &Files) -> Files {
        let reference = |(name, content): &(String, Vec<u8>)| {
            let value = base64::engine::general_purpose::STANDARD.encode(sm3(content));
            format!("<ofd:Reference FileRef=\"/{name}\"><ofd:CheckValue>{value}</ofd:CheckValue></ofd:Reference>")
        };
        let references: String = protected.iter().map(reference).collect();
        let stamp = |place: &&str| format!("<ofd:StampAnnot ID=\"1\" PageRef=\"1\" Boundary=\"{place}\"/>");
        let stamps: String = self.boxes.iter().map(stamp).collect();
        let description = format!(
            "{HEAD}<ofd:Signature {SPACE}><ofd:SignedInfo><ofd:Provider ProviderName=\"test\"/>\
             <ofd:SignatureMethod>1.2.156.10197.1.501</ofd:SignatureMethod>\
             <ofd:References CheckMethod=\"1.2.156.10197.1.401\">{references}{}</ofd:References>\
             {stamps}<ofd:Seal><ofd:BaseLoc>{}</ofd:BaseLoc></ofd:Seal>\
             </ofd:SignedInfo><ofd:SignedValue>SignedValue.dat</ofd:SignedValue></ofd:Signature>",
            self.more, self.seal
        );
        self.finish(files, description.into_bytes())
    }

    fn finish(self, files: Files, description: Vec<u8>) -> Files {
        let organisation = (self.organisation)();
        let folder = format!("Doc_0/Signs/Sign_{}", self.number);
        let to_sign = ToSign {
            seal: &organisation.seal,
            time: NOW,
            data_hash: sm3(&description),
            property: &format!("/{folder}/Signature.xml"),
        };
        let to_sign = to_sign.to_der();
        let value = organisation.party.key.sign(&to_sign).unwrap();
        let value = assemble_signature(&to_sign, &organisation.party.certificate, &value, None);
        let line = |number: usize| {
            format!("<ofd:Signature ID=\"{number}\" Type=\"Seal\" BaseLoc=\"Sign_{number}/Signature.xml\"/>")
        };
        let lines: String = (0..=self.number).map(line).collect();
        let list = format!("{HEAD}<ofd:Signatures {SPACE}>{lines}</ofd:Signatures>");
        let mut files = without(&files, LIST);
        files.push((LIST.into(), list.into_bytes()));
        files.push((format!("{folder}/Signature.xml"), description));
        files.push((format!("{folder}/SignedValue.dat"), value));
        files.push((format!("{folder}/Seal.esl"), organisation.seal.der().to_vec()));
        files
    }
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

pub fn judge(files: &Files) -> DocumentReport {
    ofd::verify(&zipped(files), &WORLD.trust(), NOW)
}

pub fn step(report: &DocumentReport, name: &str) -> (Status, &'static str) {
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
        "ofd.stamp",
        "ofd.later",
        "signature.document",
        "signature.holder",
    ] {
        assert_eq!(step(&report, name).0, Status::Ok, "{name}");
    }
    let twice = judge(&twice_signed_files());
    assert_eq!(twice.verdict, Verdict::Valid, "{twice:#?}");
    assert_eq!(step(&twice, "ofd.later"), (Status::Ok, ""));
    assert_eq!(twice.signatures.len(), 2);
    let none = judge(
        &plain_files()[1..]
            .iter()
            .chain(&[("OFD.xml".into(), format!("<o {SPACE}/>").into_bytes())])
            .cloned()
            .collect(),
    );
    assert_eq!(none.verdict, Verdict::Unsigned, "{none:#?}");
}

/// Some changes of one bit, over the whole of a file.
fn flips(files: &Files, index: usize) -> impl Iterator<Item = (usize, DocumentReport)> + '_ {
    let length = files[index].1.len();
    (0..length).step_by((length / 24).max(1)).map(move |at| {
        let mut changed = files.clone();
        changed[index].1[at] ^= 1;
        (at, judge(&changed))
    })
}

#[test]
fn every_changed_file_is_found() {
    let files = signed_files();
    for (index, (name, _)) in files.iter().enumerate().filter(|(_, (name, _))| name != LIST) {
        for (at, report) in flips(&files, index) {
            assert_ne!(report.verdict, Verdict::Valid, "{name} at {at}: {report:#?}");
        }
    }
}

#[test]
fn a_changed_list_of_signatures_hides_nothing() {
    let files = signed_files();
    let index = files.iter().position(|(name, _)| name == LIST).unwrap();
    let whole = judge(&files);
    let (mut same, mut found) = (0, 0);
    for (at, report) in flips(&files, index) {
        match report.verdict {
            // The list is signed by nobody: what it calls a signature may change, nothing else.
            Verdict::Valid => {
                same += 1;
                let [one] = report.signatures.as_slice() else {
                    panic!("{at}: {report:#?}")
                };
                assert_eq!(one.report, whole.signatures[0].report, "{at}");
            }
            _ => {
                found += 1;
                assert!(
                    !report.signatures.is_empty() || report.report.fault().is_some(),
                    "{at}: {report:#?}"
                );
            }
        }
    }
    assert!(found > 10, "{same} the same, {found} found");
    // A signature that is taken off the list still lies there.
    let mut taken = twice_signed_files();
    let at = taken.iter().position(|(name, _)| name == LIST).unwrap();
    taken[at].1 = files[index].1.clone();
    let report = judge(&taken);
    assert_eq!(report.verdict, Verdict::Invalid);
    assert_eq!(report.report.fault().unwrap().code, "unlisted");
}

#[test]
fn what_is_not_protected_is_named() {
    let mut more = signed_files();
    more.push(("Doc_0/Signs/Sign_0/other.bin".into(), b"x".to_vec()));
    assert_eq!(step(&judge(&more), "ofd.coverage"), (Status::Warning, "uncovered"));
    let nothing = sign(plain_files(), &Vec::new());
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
