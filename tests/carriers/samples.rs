//! Files that others made, read from the folder that `LUOCHUI_SEAL_VECTORS` names; skipped, and said so, without it.

use std::path::PathBuf;

use luochui::machine::Time;
use luochui::seal::certificate::Certificate;
use luochui::seal::document::{DocumentReport, Kind, Verdict};
use luochui::seal::file;
use luochui::seal::report::Status;
use luochui::seal::trust::TrustStore;

/// 2020-12-01T00:00:00Z, soon after the samples were signed.
const THEN: Time = Time(1_606_780_800_000);

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("LUOCHUI_SEAL_VECTORS").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: LUOCHUI_SEAL_VECTORS names no folder of samples");
    }
    folder
}

fn step(report: &DocumentReport, name: &str) -> (Status, &'static str) {
    let one = report.signatures.first().map_or(&report.report, |one| &one.report);
    let step = one
        .step(name)
        .unwrap_or_else(|| panic!("no step {name} in {report:#?}"));
    (step.status, step.code)
}

#[test]
fn the_sample_package_is_judged_rightly() {
    let Some(folder) = folder() else { return };
    let bytes = std::fs::read(folder.join("v4signed.ofd")).unwrap();
    let report = file::verify(&bytes, &TrustStore::default(), THEN);
    assert_eq!(
        (report.kind, report.verdict),
        (Some(Kind::Ofd), Verdict::Invalid),
        "{report:#?}"
    );
    // All that needs no trusted authority holds; its authority is not known here.
    for name in [
        "ofd.references",
        "signature.value",
        "signature.document",
        "signature.holder",
        "seal.value",
        "seal.format",
    ] {
        assert_eq!(step(&report, name).0, Status::Ok, "{name}: {report:#?}");
    }
    assert_eq!(
        step(&report, "signature.certificate"),
        (Status::Failed, "unknown_issuer")
    );
    assert_eq!(report.signatures[0].seal.as_ref().unwrap().picture, None);
    // 2020-10-10T07:11:20Z, which the package's own description gives in China's time.
    assert_eq!(report.signatures[0].at, Some(1_602_313_880_000));
    let mut changed = bytes.clone();
    let at = bytes.windows(4).position(|window| window == b"PK\x03\x04").unwrap() + 80;
    changed[at] ^= 1;
    assert_ne!(
        file::verify(&changed, &TrustStore::default(), THEN).verdict,
        Verdict::Valid
    );
}

#[test]
fn the_sample_seal_and_signature_are_judged_rightly() {
    let Some(folder) = folder() else { return };
    let root = std::fs::read_to_string(folder.join("ofdrw_root.pem")).unwrap();
    let trust = TrustStore::new(vec![Certificate::from_pem(&root).unwrap()], Vec::new(), Vec::new());
    let seal = std::fs::read(folder.join("UserV4.esl")).unwrap();
    let report = file::verify(&seal, &trust, THEN);
    assert_eq!(
        (report.kind, report.verdict),
        (Some(Kind::Esl), Verdict::Invalid),
        "{report:#?}"
    );
    assert_eq!(step(&report, "seal.value").0, Status::Ok);
    // Its root may not sign certificates (no keyCertSign).
    assert_eq!(step(&report, "seal.maker"), (Status::Failed, "may_not_issue"));
    let signature = std::fs::read(folder.join("SignedValueV4.dat")).unwrap();
    let report = file::verify(&signature, &trust, THEN);
    assert_eq!(report.kind, Some(Kind::Ses));
    assert_eq!(step(&report, "signature.value").0, Status::Ok);
    assert_eq!(
        step(&report, "signature.document"),
        (Status::Failed, "document_missing")
    );
}
