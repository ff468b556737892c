//! The evidence beside a sealed document: verified by the command years later, with nothing else at hand.

use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use luochui::record::dossier::verify_dossier;
use luochui::record::verify::{Held, Status};
use luochui::seal::ses::{Signature, assemble_signature};
use luochui::seal::trust::TrustStore;
use luochui::sealing::evidence::{Kept, Of, archive, gather};
use luochui::store::{document_rows, sealing_rows};
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
fn who_stamped_the_time_is_in_the_evidence_as_well() {
    let hall = Hall::open(|_| {});
    let id = sealed(&hall);
    let rows = hall.app.write(move |conn| sealing_rows::signatures_of(conn, &id));
    let plain = Signature::parse(&STANDARD.decode(&rows[0].signature).unwrap()).unwrap();
    let (trust, now) = (hall.app.state.trust.current(), hall.app.clock.now());
    let tsa = &hall.authority.tsa;
    let token = crate::seal::stamps::token(&tsa.certificate, &tsa.key, plain.value(), now);
    let stamped = assemble_signature(plain.to_sign(), plain.signer(), plain.value(), Some(&token));
    let proofs = gather(&trust, &Signature::parse(&stamped).unwrap(), now);
    let of: Vec<_> = proofs.iter().map(|proof| (proof.of, proof.lists.len())).collect();
    // The issuing authority's list speaks for the certificate, the root's for the issuing authority.
    assert_eq!(of, [(Of::Signer, 2), (Of::Maker, 2), (Of::Tsa, 2)]);

    let kept = Kept {
        signature: stamped,
        report: "{}".into(),
        proofs,
    };
    let folder = tempfile::tempdir().unwrap();
    unpack(&archive(b"%PDF", &[kept]).unwrap(), folder.path());
    assert_eq!(std::fs::read(folder.path().join("seals/1.tst")).unwrap(), token);
    // The stamp is proved with what lies in the folder alone.
    let found = luochui::trust::read(&folder.path().join("trust"));
    let alone = TrustStore::new(found.authorities, found.lists, found.profiles);
    let stamp = luochui::seal::tsa::verify(&token, plain.value(), &alone, now.plus_millis(10 * 365 * 86_400_000));
    assert_eq!(stamp.unwrap().time, now);
}

#[test]
fn a_dossier_holds_the_seals_with_their_evidence_and_finds_one_that_was_changed() {
    let hall = Hall::open(|_| {});
    let id = sealed(&hall);
    let row = hall
        .app
        .write(move |conn| document_rows::document_get(conn, &id))
        .unwrap();
    let path = format!("/api/v1/admin/instances/{}/dossier", row.instance);
    let dossier = String::from_utf8(hall.app.sign_in("root").get(&path).expect(200).bytes).unwrap();
    let judged = |text: &str| {
        let report = verify_dossier(text, &Held::default());
        let step = report.steps.into_iter().find(|step| step.name == "seals").unwrap();
        (step.status, step.text)
    };
    let (status, said) = judged(&dossier);
    assert_eq!(status, Status::Ok, "{said}");
    assert!(said.starts_with("2 are those of the history"), "{said}");
    let seals: Vec<Value> = dossier
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).unwrap().get("seal").cloned())
        .collect();
    assert_eq!(seals[0]["evidence"][0]["of"], "signer");
    assert!(!seals[0]["evidence"][0]["lists"][0].as_str().unwrap().is_empty());

    // One bit of a signature's value, another file, and a seal that was left out.
    let value = seals[0]["signature"].as_str().unwrap();
    let mut bytes = STANDARD.decode(value).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(
        judged(&dossier.replace(value, &STANDARD.encode(bytes))).0,
        Status::Failed
    );
    let (one, other) = (&seals[0]["signature"], &seals[1]["signature"]);
    let swapped = dossier.replace(one.as_str().unwrap(), other.as_str().unwrap());
    assert_eq!(judged(&swapped).0, Status::Failed);
    let less: Vec<_> = dossier.lines().filter(|line| !line.contains(value)).collect();
    assert_eq!(judged(&less.join("\n")).0, Status::Warning);
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
