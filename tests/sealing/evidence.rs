//! The evidence beside a sealed document: verified by the command years later, with nothing else at hand.

use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::hall::Hall;

/// A paper that both parties have sealed, by the id of its document.
pub fn sealed(hall: &Hall) -> String {
    let (buyer, clerk) = (hall.app.sign_in("buyer"), hall.app.sign_in("clerk"));
    let paper = hall.paper();
    for (who, id, party) in [(&buyer, "T-1", &hall.buyer), (&clerk, "T-2", &hall.seller)] {
        let seal = hall.own_seal(who, id, party);
        let job = hall
            .begin(who, &hall.todo(who, &paper), &seal, "client")
            .expect(201)
            .json();
        hall.sign(who, &job, party).expect(200);
        hall.app.advance(60_000);
    }
    let list = clerk
        .get(&format!("/api/v1/instances/{paper}/documents"))
        .expect(200)
        .json();
    list["items"][0]["id"].as_str().unwrap().to_owned()
}

fn unpack(zip: &[u8], folder: &Path) {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).unwrap();
        let path = folder.join(&*entry.name().unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

/// The report of `luochui verify`, ten years from now, in a folder where nothing but the evidence lies.
fn verified(folder: &Path) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_luochui"))
        .current_dir(folder)
        .args([
            "verify",
            "document.pdf",
            "--trust",
            "trust",
            "--at",
            "2036-11-23",
            "--json",
        ])
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn steps(report: &Value, name: &str) -> Vec<String> {
    let signatures = report["signatures"].as_array().unwrap();
    let steps = signatures
        .iter()
        .flat_map(|one| one["report"]["steps"].as_array().unwrap());
    let named = steps.filter(|step| step["name"] == name);
    let said = |step: &Value| format!("{} {}", step["status"], step["code"]).replace('"', "");
    named.map(said).collect()
}

#[test]
pub fn the_evidence_alone_proves_a_sealed_document_years_later() {
    let hall = Hall::open(|_| {});
    let id = sealed(&hall);
    let clerk = hall.app.sign_in("clerk");
    let path = format!("/api/v1/documents/{id}/evidence");
    let reply = clerk.get(&path).expect(200);
    assert_eq!(reply.headers["content-type"], "application/zip");
    assert_eq!(
        clerk.get(&path).expect(200).bytes,
        reply.bytes,
        "the same file each time"
    );
    hall.app.anyone().get(&path).problem(404, "not_found");

    let folder = tempfile::tempdir().unwrap();
    unpack(&reply.bytes, folder.path());
    let readme = std::fs::read_to_string(folder.path().join("README.txt")).unwrap();
    assert!(readme.contains("根证书") && readme.contains("document.pdf"), "{readme}");
    let report = verified(folder.path());
    assert_eq!(report["verdict"], "valid", "{}", report["conclusion"]);
    // What was found at the sealing is found again, with nothing but what was kept then.
    let then = std::fs::read_to_string(folder.path().join("seals/2.json")).unwrap();
    let then: Value = serde_json::from_str(&then).unwrap();
    for step in [
        "signature.certificate",
        "signature.revocation",
        "seal.maker",
        "seal.revocation",
    ] {
        assert_eq!(steps(&report, step), steps(&then, step), "{step}");
    }
    assert_eq!(steps(&report, "signature.certificate"), ["ok ", "ok "]);

    // Each thing that is taken away is missed: so it was needed, and it came from here.
    let trust = folder.path().join("trust");
    let kept = |ending: &str| {
        let entries = std::fs::read_dir(&trust).unwrap().map(|entry| entry.unwrap().path());
        let mut found: Vec<_> = entries.filter(|path| path.extension().unwrap() == ending).collect();
        found.sort();
        found
    };
    kept("crl")
        .into_iter()
        .for_each(|path| std::fs::remove_file(path).unwrap());
    let report = verified(folder.path());
    let unknown = "warning revocation_unknown";
    assert_eq!(steps(&report, "signature.revocation"), [unknown; 2]);
    assert_eq!(steps(&report, "seal.revocation"), [unknown; 2]);
    kept("cer")
        .into_iter()
        .for_each(|path| std::fs::remove_file(path).unwrap());
    let report = verified(folder.path());
    assert_eq!(report["verdict"], "invalid");
    assert_eq!(steps(&report, "signature.certificate"), ["failed unknown_issuer"; 2]);
}

#[test]
fn a_document_without_seals_has_no_evidence() {
    let hall = Hall::open(|_| {});
    let clerk = hall.app.sign_in("clerk");
    let paper = hall.paper();
    let list = clerk
        .get(&format!("/api/v1/instances/{paper}/documents"))
        .expect(200)
        .json();
    let id = list["items"][0]["id"].as_str().unwrap();
    clerk
        .get(&format!("/api/v1/documents/{id}/evidence"))
        .problem(404, "not_found");
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{}", json!(list));
}
