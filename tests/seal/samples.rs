//! Files of others: the samples of ofdrw and the public certificates of two authorities. Not in the tree; read from the
//! folder that `LUOCHUI_SEAL_VECTORS` names.

use std::path::PathBuf;

use luochui::machine::Time;
use luochui::seal::certificate::Certificate;
use luochui::seal::report::Status;
use luochui::seal::ses::{Seal, Signature};
use luochui::seal::trust::{Code, Moment, Purpose, TrustStore};

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("LUOCHUI_SEAL_VECTORS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: LUOCHUI_SEAL_VECTORS names no folder with sample seals");
    }
    folder
}

fn certificate(folder: &std::path::Path, name: &str) -> Certificate {
    Certificate::from_any(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

#[test]
fn the_national_root_issued_one_of_the_listed_authorities() {
    let Some(folder) = folder() else { return };
    let (root, sheca) = (
        certificate(&folder, "nrcac_root.pem"),
        certificate(&folder, "sheca_sm2.pem"),
    );
    assert!(root.self_issued() && !sheca.self_issued());
    root.public_key().unwrap().verify(root.tbs(), root.signature()).unwrap();
    root.public_key()
        .unwrap()
        .verify(sheca.tbs(), sheca.signature())
        .unwrap();
    // Both form a path, and an authority's certificate is not one to sign in with.
    let store = TrustStore::new(vec![root, sheca.clone()], Vec::new(), Vec::new());
    let refused = store.verify(&sheca, Purpose::Login, sheca.period().0).unwrap_err();
    assert_eq!(refused.code, Code::WrongUsage);
}

#[test]
fn the_sample_seal_is_judged_rightly() {
    let Some(folder) = folder() else { return };
    let seal = Seal::parse(&std::fs::read(folder.join("UserV4.esl")).unwrap()).unwrap();
    assert_eq!(seal.version(), 4);
    let root = certificate(&folder, "ofdrw_root.pem");
    let store = TrustStore::new(vec![root], Vec::new(), Vec::new());
    let report = seal.verify(&store, Moment::present(seal.created()));
    assert_eq!(report.step("seal.value").unwrap().status, Status::Ok);
    // The sample root has a keyUsage without keyCertSign: it may not issue, and so its maker is not trusted.
    assert_eq!(report.step("seal.maker").unwrap().code, Code::MayNotIssue.as_str());
    assert!(seal.shown_picture(&report).is_none());
}

#[test]
fn the_sample_signature_is_judged_rightly() {
    let Some(folder) = folder() else { return };
    let bytes = std::fs::read(folder.join("SignedValueV4.dat")).unwrap();
    let signature = Signature::parse(&bytes).unwrap();
    let root = certificate(&folder, "ofdrw_root.pem");
    let store = TrustStore::new(vec![root], Vec::new(), Vec::new());
    let digest: [u8; 32] = signature.data_hash().try_into().unwrap();
    let report = signature.verify(&store, Some(digest), Time(1_900_000_000_000));
    for (step, status) in [
        ("signature.format", Status::Ok),
        ("signature.value", Status::Ok),
        ("signature.document", Status::Ok),
        ("signature.certificate", Status::Failed),
        ("seal.value", Status::Ok),
        ("signature.holder", Status::Ok),
        ("signature.timestamp", Status::Warning),
    ] {
        assert_eq!(report.step(step).unwrap().status, status, "{step}");
    }
    let other = signature.verify(&store, Some([1; 32]), Time(1_900_000_000_000));
    assert_eq!(other.step("signature.document").unwrap().code, "document_changed");
    // What is signed is the part that was read, byte for byte, and a flipped one is noticed.
    let mut bent = bytes.clone();
    let at = bytes
        .windows(signature.value().len())
        .position(|window| window == signature.value())
        .unwrap();
    bent[at + 10] ^= 1;
    let bent = Signature::parse(&bent)
        .unwrap()
        .verify(&store, Some(digest), Time(1_900_000_000_000));
    assert_eq!(bent.step("signature.value").unwrap().status, Status::Failed);
}
