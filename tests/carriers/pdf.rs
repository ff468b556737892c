//! What is sealed is judged rightly: one seal, two, over the edges, with revoked and foreign certificates.

use luochui::seal::document::{DocumentReport, Verdict};
use luochui::seal::pdf::{self, Edges, PdfError, Place, Prepared};
use luochui::seal::report::Status;
use luochui::seal::trust::TrustStore;

use super::world::{self, NOW, PLACE, WORLD, days};

fn step(report: &DocumentReport, signature: usize, name: &str) -> (Status, &'static str) {
    let report = &report.signatures[signature].report;
    let step = report
        .step(name)
        .unwrap_or_else(|| panic!("no step {name} in {report:#?}"));
    (step.status, step.code)
}

#[test]
fn a_sealed_file_is_valid_and_says_whose() {
    let file = world::sealed_by(&world::pages(2), &WORLD.first);
    let report = pdf::verify(&file, &WORLD.trust(), days(1));
    assert_eq!(report.verdict, Verdict::Valid, "{report:#?}");
    let [signature] = report.signatures.as_slice() else {
        panic!("{report:#?}")
    };
    assert_eq!(signature.signer.as_deref(), Some("某某公共资源交易中心"));
    assert_eq!(signature.at, Some(NOW.0));
    assert!(signature.test && report.conclusion.contains("测试签章 无法律效力"));
    let seal = signature.seal.as_ref().unwrap();
    assert!(seal.picture.is_some());
    for name in [
        "pdf.contents",
        "pdf.field",
        "pdf.coverage",
        "pdf.revisions",
        "pdf.appearance",
        "signature.document",
    ] {
        assert_eq!(step(&report, 0, name).0, Status::Ok, "{name}");
    }
    // The time is nobody's but the signer's, and that is said.
    assert_eq!(
        step(&report, 0, "signature.timestamp"),
        (Status::Warning, "claimed_time")
    );
}

#[test]
fn the_same_request_gives_the_same_bytes() {
    let base = world::pages(1);
    let sealing = world::sealing(&base, &WORLD.first);
    let prepared = pdf::prepare(&sealing).unwrap();
    assert_eq!(prepared, pdf::prepare(&sealing).unwrap());
    assert!(prepared.bytes.starts_with(&base));
    assert_eq!(Prepared::reopen(prepared.bytes.clone()).unwrap(), prepared);
    // A slot is filled once.
    let file = pdf::assemble(&prepared, &world::sign(&prepared, &WORLD.first)).unwrap();
    assert!(matches!(Prepared::reopen(file), Err(PdfError::Taken)));
    assert!(matches!(
        pdf::assemble(&prepared, &[0x30; pdf::SLOT + 1]),
        Err(PdfError::TooLarge)
    ));
}

#[test]
fn a_second_seal_leaves_the_first_valid() {
    let once = world::sealed_by(&world::pages(3), &WORLD.first);
    let mut second = world::sealing(&once, &WORLD.second);
    second.place = Place {
        x_mm: 30.0,
        page: 3,
        ..PLACE
    };
    let twice = world::sealed(&second, &WORLD.second);
    assert!(twice.starts_with(&once));
    let report = pdf::verify(&twice, &WORLD.trust(), NOW);
    assert_eq!(report.verdict, Verdict::Valid, "{report:#?}");
    assert_eq!(report.signatures.len(), 2);
    assert_eq!(step(&report, 0, "pdf.revisions").0, Status::Ok);
    assert_eq!(step(&report, 1, "pdf.appearance").0, Status::Ok);
    // And a third on the same page, whose list of annotations now exists.
    let third = world::sealed(&world::sealing(&twice, &WORLD.second), &WORLD.second);
    let report = pdf::verify(&third, &WORLD.trust(), NOW);
    assert_eq!(report.verdict, Verdict::Valid, "{report:#?}");
}

#[test]
fn seals_over_the_edges_are_part_of_the_seal() {
    for count in [1, 2, 5, 43] {
        let base = world::pages(count);
        let mut sealing = world::sealing(&base, &WORLD.first);
        sealing.edges = Edges::Sealed;
        let once = world::sealed(&sealing, &WORLD.first);
        let stamps = once.windows(14).filter(|window| window == b"/Subtype/Stamp").count();
        assert_eq!(stamps, if count == 1 { 0 } else { count });
        let mut second = world::sealing(&once, &WORLD.second);
        second.edges = Edges::Sealed;
        let twice = world::sealed(&second, &WORLD.second);
        let report = pdf::verify(&twice, &WORLD.trust(), NOW);
        assert_eq!(report.verdict, Verdict::Valid, "{count} pages: {report:#?}");
    }
}

#[test]
fn certificates_count_as_of_the_signing() {
    let file = world::sealed_by(&world::pages(1), &WORLD.first);
    let party = &WORLD.first.party;
    let before = pdf::verify(&file, &WORLD.trust_with(&[(party, days(-1))]), days(2));
    assert_eq!(before.verdict, Verdict::Invalid);
    assert_eq!(step(&before, 0, "signature.revocation"), (Status::Failed, "revoked"));
    let after = pdf::verify(&file, &WORLD.trust_with(&[(party, days(1))]), days(2));
    // Who has the key of a revoked certificate can write any earlier time: only a record of the platform, or a stamp, helps.
    assert_eq!(after.verdict, Verdict::Undetermined, "{after:#?}");
    assert_eq!(
        after.clone().recorded_by_the_platform(days(-9)).verdict,
        Verdict::Undetermined,
        "recorded before it says it was made"
    );
    let recorded = after.recorded_by_the_platform(NOW);
    assert_eq!(recorded.verdict, Verdict::Valid, "{recorded:#?}");
    assert_eq!(
        step(&recorded, 0, "signature.revocation"),
        (Status::Warning, "revoked_later")
    );
    assert_eq!(
        step(&recorded, 0, "signature.timestamp"),
        (Status::Warning, "platform_time")
    );
    let nobody = pdf::verify(&file, &TrustStore::default(), NOW);
    assert_eq!(nobody.verdict, Verdict::Invalid);
    assert_eq!(
        step(&nobody, 0, "signature.certificate"),
        (Status::Failed, "unknown_issuer")
    );
    // The picture shows only where its maker is trusted.
    assert_eq!(nobody.signatures[0].seal.as_ref().unwrap().picture, None);
}

#[test]
fn another_ones_seal_is_refused() {
    let base = world::pages(1);
    let stolen = world::Organisation {
        party: WORLD.second.party.clone(),
        seal: WORLD.first.seal.clone(),
    };
    let file = world::sealed_by(&base, &stolen);
    let report = pdf::verify(&file, &WORLD.trust(), NOW);
    assert_eq!(report.verdict, Verdict::Invalid);
    assert_eq!(step(&report, 0, "signature.holder"), (Status::Failed, "not_a_holder"));
}

#[test]
fn places_off_the_page_are_refused() {
    let base = world::pages(2);
    let wrong = [
        Place { page: 0, ..PLACE },
        Place { page: 3, ..PLACE },
        Place { x_mm: 180.0, ..PLACE },
        Place { y_mm: -5.0, ..PLACE },
        Place { width_mm: 0.0, ..PLACE },
        Place {
            x_mm: f64::NAN,
            ..PLACE
        },
    ];
    for place in wrong {
        let mut sealing = world::sealing(&base, &WORLD.first);
        sealing.place = place;
        assert!(matches!(pdf::prepare(&sealing), Err(PdfError::Place)), "{place:?}");
    }
    let mut sealing = world::sealing(&base, &WORLD.first);
    sealing.picture = b"GIF89a";
    assert!(matches!(pdf::prepare(&sealing), Err(PdfError::Picture(_))));
    assert_eq!(pdf::pages(&base).unwrap(), 2);
}

#[test]
fn files_without_seals_are_not_called_valid() {
    for file in [world::pages(1), b"%PDF-1.7 broken".to_vec(), b"%PDF-".to_vec()] {
        let report = pdf::verify(&file, &WORLD.trust(), NOW);
        assert_eq!(report.verdict, Verdict::Unsigned, "{report:#?}");
    }
}
