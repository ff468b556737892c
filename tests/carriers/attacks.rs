//! What attackers do to signed PDFs (shadow attacks, incremental saves, wrapped signatures): each is reported.

use luochui::seal::document::{DocumentReport, Verdict};
use luochui::seal::pdf;
use luochui::seal::report::Status;

use super::world::{self, NOW, WORLD};

fn judge(file: &[u8]) -> DocumentReport {
    pdf::verify(file, &WORLD.trust(), NOW)
}

/// The code of the first fault in the file's or a signature's own steps.
fn fault(report: &DocumentReport) -> &'static str {
    let all = std::iter::once(&report.report).chain(report.signatures.iter().map(|one| &one.report));
    let fault = all.filter_map(|report| report.fault()).next();
    fault.map_or("", |step| step.code)
}

/// One revision more, as a careless editor writes it.
fn append(file: &[u8], objects: &[(u32, &str)], trailer: &str) -> Vec<u8> {
    let mut out = file.to_vec();
    let mut table = String::from("xref\n");
    for (number, object) in objects {
        table.push_str(&format!("{number} 1\n{:010} 00000 n \n", out.len()));
        out.extend(format!("{number} 0 obj\n{object}\nendobj\n").into_bytes());
    }
    let start = out.len();
    out.extend(format!("{table}trailer\n{trailer}\nstartxref\n{start}\n%%EOF\n").into_bytes());
    out
}

fn startxref(file: &[u8]) -> String {
    let text = String::from_utf8_lossy(file);
    let at = text.rfind("startxref\n").unwrap();
    text[at + 10..].lines().next().unwrap().to_owned()
}

fn trailer(file: &[u8]) -> String {
    let identity = "/ID[<00112233445566778899AABBCCDDEEFF><00>]";
    format!("<</Size 99/Root 1 0 R{identity}/Prev {}>>", startxref(file))
}

#[test]
fn anything_after_the_last_seal_is_reported() {
    let file = world::sealed_by(&world::pages(1), &WORLD.first);
    let text = "<</Length 41>>\nstream\nBT /F 24 Tf 72 700 Td (9 yuan only) Tj ET\nendstream";
    let appended = [
        [file.as_slice(), b"\n"].concat(),
        [file.as_slice(), b"% a comment\n"].concat(),
        [file.as_slice(), b"\0"].concat(),
        append(&file, &[(5, text)], &trailer(&file)),
        append(&file, &[], &trailer(&file)),
        append(&file, &[(1, "<</Type/Catalog/Pages 2 0 R>>")], &trailer(&file)),
    ];
    for changed in appended {
        let report = judge(&changed);
        assert_eq!(report.verdict, Verdict::Invalid);
        assert_eq!(fault(&report), "appended");
        let revisions = report.signatures[0].report.step("pdf.revisions").unwrap();
        assert_eq!(revisions.status, Status::Failed);
        // What the signature covers is unchanged, and that is said as well.
        assert_eq!(
            report.signatures[0].report.step("signature.document").unwrap().status,
            Status::Ok
        );
    }
}

#[test]
fn what_is_saved_between_two_seals_is_reported() {
    let once = world::sealed_by(&world::pages(2), &WORLD.first);
    let text = "<</Length 41>>\nstream\nBT /F 24 Tf 72 700 Td (9 yuan only) Tj ET\nendstream";
    let page = "<</Type/Page/Parent 2 0 R/Resources<</Font<</F 3 0 R>>>>/Contents 7 0 R>>";
    let note = "<</Type/Annot/Subtype/FreeText/Rect[0 0 500 500]/Contents(x)/P 6 0 R>>";
    let between: [&[(u32, &str)]; 4] = [
        &[(5, text)],
        &[(4, page)],
        &[(40, note)],
        &[(1, "<</Type/Catalog/Pages 2 0 R/OpenAction 9 0 R>>")],
    ];
    for objects in between {
        let changed = append(&once, objects, &trailer(&once));
        let twice = world::sealed_by(&changed, &WORLD.second);
        let report = judge(&twice);
        assert_eq!(report.verdict, Verdict::Invalid, "{objects:?}");
        let first = &report.signatures[0].report;
        assert_eq!(
            first.step("pdf.revisions").unwrap().status,
            Status::Failed,
            "{objects:?}"
        );
    }
}

/// The second signer's own revision, rebuilt with something more in it and signed anew: the first seal must not hold.
fn resealed(change: impl Fn(&str) -> String) -> DocumentReport {
    let once = world::sealed_by(&world::pages(2), &WORLD.first);
    let prepared = pdf::prepare(&world::sealing(&once, &WORLD.second)).unwrap();
    // Latin-1 keeps every byte one character.
    let tail: String = prepared.bytes[once.len()..]
        .iter()
        .map(|byte| char::from(*byte))
        .collect();
    let changed: Vec<u8> = change(&tail)
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    let mut file = [once.as_slice(), &changed].concat();
    mend(&mut file, once.len());
    let prepared = luochui::seal::pdf::Prepared::reopen(file).unwrap();
    let file = pdf::assemble(&prepared, &world::sign(&prepared, &WORLD.second)).unwrap();
    judge(&file)
}

/// Where a word stands first, from a place on.
fn find(file: &[u8], word: &[u8], from: usize) -> Option<usize> {
    let found = file[from..].windows(word.len()).position(|window| window == word);
    found.map(|at| from + at)
}

fn find_last(file: &[u8], word: &[u8]) -> usize {
    file.windows(word.len()).rposition(|window| window == word).unwrap()
}

/// Writes offsets and ranges anew where bytes were moved, as an attacker would.
fn mend(file: &mut Vec<u8>, from: usize) {
    let table = find_last(file, b"\nxref\n") + 1;
    let mut objects: Vec<(u32, usize)> = Vec::new();
    let mut at = from;
    while let Some(end) = find(&file[..table], b" 0 obj\n", at) {
        let start = file[..end].iter().rposition(|byte| !byte.is_ascii_digit()).unwrap() + 1;
        let number = std::str::from_utf8(&file[start..end]).unwrap();
        objects.push((number.parse().unwrap(), start));
        at = end + 1;
    }
    objects.sort_unstable();
    let mut end = b"xref\n".to_vec();
    for (number, offset) in objects {
        end.extend(format!("{number} 1\n{offset:010} 00000 n \n").into_bytes());
    }
    end.extend(&file[find_last(file, b"trailer\n")..find_last(file, b"startxref")]);
    end.extend(format!("startxref\n{table}\n%%EOF\n").into_bytes());
    file.truncate(table);
    file.extend(end);
    let key = b"/ByteRange ";
    let ranges = find_last(file, key) + key.len();
    let open = find(file, b"/Contents <", ranges).unwrap() + 10;
    let close = find(file, b">", open).unwrap() + 1;
    let text = format!("{:<40}", format!("[0 {open} {close} {}]", file.len() - close));
    file[ranges..ranges + 40].copy_from_slice(text.as_bytes());
}

#[test]
fn a_second_signer_can_add_nothing_but_the_seal() {
    let untouched = resealed(str::to_owned);
    assert_eq!(untouched.verdict, Verdict::Valid, "{untouched:#?}");
    let more = |object: &'static str| move |tail: &str| tail.replacen("xref\n", &format!("{object}xref\n"), 1);
    type Change = Box<dyn Fn(&str) -> String>;
    let changes: [(&str, Change); 8] = [
        (
            "the text of a page",
            Box::new(more("5 0 obj\n<</Length 1>>\nstream\n \nendstream\nendobj\n")),
        ),
        ("an unused object", Box::new(more("77 0 obj\n<<>>\nendobj\n"))),
        (
            "a page's size",
            Box::new(|tail| tail.replacen("/Type/Page/", "/MediaBox[0 0 9 9]/Type/Page/", 1)),
        ),
        (
            "a script",
            Box::new(|tail| tail.replacen("/SigFlags 3", "/SigFlags 3/AA<<>>", 1)),
        ),
        (
            "a comment",
            Box::new(|tail| tail.replacen("endobj\n", "endobj\n%x\n", 1)),
        ),
        ("a flag", Box::new(|tail| tail.replacen("/F 132", "/F 2", 1))),
        (
            "a larger picture",
            Box::new(|tail| tail.replacen("q 113.386", "q 993.386", 1)),
        ),
        (
            "another root",
            Box::new(|tail| tail.replacen("/Root 1 0 R", "/Root 2 0 R", 1)),
        ),
    ];
    for (what, change) in changes {
        let report = resealed(change);
        assert_eq!(report.verdict, Verdict::Invalid, "{what}");
        let revisions = report
            .signatures
            .first()
            .and_then(|first| first.report.step("pdf.revisions"));
        assert!(
            revisions.is_none_or(|step| step.status == Status::Failed),
            "{what}: {report:#?}"
        );
    }
}

#[test]
fn a_second_seal_may_not_cover_the_page_with_another_picture() {
    let once = world::sealed_by(&world::pages(1), &WORLD.first);
    let other = world::picture(7);
    let mut sealing = world::sealing(&once, &WORLD.second);
    sealing.picture = &other;
    let twice = world::sealed(&sealing, &WORLD.second);
    let report = judge(&twice);
    assert_eq!(report.verdict, Verdict::Invalid);
    let first = report.signatures[0].report.step("pdf.revisions").unwrap();
    assert_eq!((first.status, first.code), (Status::Failed, "altered"));
}

#[test]
fn a_seal_that_fails_brings_the_one_before_into_doubt() {
    let once = world::sealed_by(&world::pages(1), &WORLD.first);
    let stolen = world::Organisation {
        party: WORLD.second.party.clone(),
        seal: WORLD.first.seal.clone(),
    };
    let report = judge(&world::sealed_by(&once, &stolen));
    let first = report.signatures[0].report.step("pdf.revisions").unwrap();
    assert_eq!((first.status, first.code), (Status::Failed, "next_fails"));
}

#[test]
fn ranges_and_padding_mean_one_thing() {
    let file = world::sealed_by(&world::pages(1), &WORLD.first);
    let ranges = find(&file, b"/ByteRange [0 ", 0).unwrap();
    let open = find(&file, b"/Contents <", 0).unwrap() + 10;
    let edit = |at: usize, byte: u8| {
        let mut changed = file.clone();
        changed[at] = byte;
        fault(&judge(&changed))
    };
    assert_eq!(edit(ranges + 12, b'1'), "pdf.range_start");
    let letter = open + 1 + file[open + 1..].iter().position(u8::is_ascii_lowercase).unwrap();
    assert_eq!(edit(letter, file[letter].to_ascii_uppercase()), "pdf.contents");
    assert_eq!(edit(open + 2 * pdf::SLOT, b'1'), "pdf.padding");
    assert_eq!(edit(open + 2 * pdf::SLOT, b'g'), "pdf.dictionary");
    let last = find(&file, b" ", ranges + 14).unwrap() - 1;
    assert_eq!(
        edit(last, if file[last] == b'9' { b'8' } else { b'9' }),
        "pdf.range_gap"
    );
}
