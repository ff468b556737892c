//! Files that would keep a server busy: what they cost is counted, not timed, and stays near their size.

use luochui::seal::document::{DocumentReport, Verdict};
use luochui::seal::pdf::{self, Edges};
use luochui::seal::work::Work;

use super::attacks::rebuilt;
use super::world::{self, NOW, WORLD};

/// The report, and how many times the file's own size was spent; looking around a signature costs a mebibyte.
fn judged(file: &[u8]) -> (DocumentReport, u64) {
    let work = Work::default();
    let report = pdf::verify_within(file, &WORLD.trust(), NOW, &work);
    assert!(!work.is_exhausted());
    let around = 1_048_576 * (report.signatures.len() + 1) as u64;
    (report, work.spent().saturating_sub(around) / file.len() as u64)
}

#[test]
fn honest_files_cost_little() {
    let once = world::sealed_by(&world::pages(5), &WORLD.first);
    let mut second = world::sealing(&once, &WORLD.second);
    second.edges = Edges::Sealed;
    let twice = world::sealed(&second, &WORLD.second);
    let (report, times) = judged(&twice);
    assert_eq!(report.verdict, Verdict::Valid, "{report:#?}");
    assert!(times < 6, "{times}");
}

#[test]
fn a_dictionary_without_end_is_left_early() {
    let keys: String = (0..400_000).map(|number| format!("/K{number} 0")).collect();
    let file = world::sealed_by(&world::pages(1), &WORLD.first);
    let text: String = file.iter().map(|byte| char::from(*byte)).collect();
    let text = text.replacen("/Type/Sig/", &format!("/Type/Sig{keys}/"), 1);
    let file: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let (report, times) = judged(&file);
    assert_eq!(report.verdict, Verdict::Unsigned);
    assert!(times < 2, "{times}");
    assert_eq!(report.report.fault().unwrap().code, "pdf.dictionary");
    // The same in the revision of a second signer.
    let file = rebuilt(1, Edges::Plain, "", |tail| {
        tail.replacen("/SigFlags", &format!("{keys}/SigFlags"), 1)
    });
    let (report, times) = judged(&file);
    assert_eq!(report.verdict, Verdict::Invalid);
    assert!(times < 6, "{times}");
}

/// Bytes with a table whose lines all lead to the first object, and one signature that nobody made.
fn crowded(lines: usize, object: &str) -> Vec<u8> {
    let mut file = b"%PDF-1.7\n".to_vec();
    let first = file.len();
    file.extend(format!("1 0 obj\n{object}\nendobj\n").into_bytes());
    let catalog = file.len();
    file.extend(b"2 0 obj\n<</Type/Catalog/Pages 1 0 R/AcroForm<</Fields[");
    file.extend(b"1 0 R ".repeat(lines.min(200_000)));
    file.extend(b"]>>>>\nendobj\n3 0 obj\n<</Type/Sig/SubFilter/GM.sm2seal/ByteRange [0 0000000001 0000000002 3]/Contents <3000>>>\nendobj\n");
    let start = file.len();
    file.extend(format!("xref\n1 1\n{first:010} 00000 n \n2 1\n{catalog:010} 00000 n \n4 {lines}\n").into_bytes());
    file.extend(format!("{first:010} 00000 n \n").into_bytes().repeat(lines));
    let size = lines + 4;
    file.extend(format!("trailer\n<</Size {size}/Root 2 0 R>>\nstartxref\n{start}\n%%EOF\n").into_bytes());
    file
}

#[test]
fn a_table_that_leads_to_one_object_a_hundred_thousand_times_is_not_followed() {
    let object = format!("<</A[{}]>>", "0 ".repeat(100_000));
    let file = crowded(100_000, &object);
    let (report, times) = judged(&file);
    assert_ne!(report.verdict, Verdict::Valid);
    assert!(times < 4, "{times}");
    // As the base of a sealing, and of what a second signer adds.
    let mut sealing = world::sealing(&file, &WORLD.first);
    sealing.edges = Edges::Sealed;
    assert!(pdf::prepare(&sealing).is_err());
}

#[test]
fn a_budget_ends_what_is_left() {
    let file = world::sealed_by(&world::pages(1), &WORLD.first);
    for share in [1, 2, 4, 64] {
        let work = Work::up_to(file.len() as u64 / share);
        let report = pdf::verify_within(&file, &WORLD.trust(), NOW, &work);
        assert!(work.is_exhausted());
        assert_ne!(report.verdict, Verdict::Valid);
        assert!(
            report.report.steps.iter().any(|step| step.code == "exhausted"),
            "{report:#?}"
        );
    }
}
