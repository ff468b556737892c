//! What attackers do to signed PDFs (shadow attacks, incremental saves, wrapped signatures): each is reported.

use luochui::seal::document::{DocumentReport, Verdict};
use luochui::seal::pdf::{self, Edges, Place};
use luochui::seal::report::Status;

use super::world::{self, NOW, WORLD};

pub fn judge(file: &[u8]) -> DocumentReport {
    pdf::verify(file, &WORLD.trust(), NOW)
}

/// The code of the first fault in the file's or a signature's own steps.
fn fault(report: &DocumentReport) -> &'static str {
    let all = std::iter::once(&report.report).chain(report.signatures.iter().map(|one| &one.report));
    let fault = all.filter_map(|report| report.fault()).next();
    fault.map_or("", |step| step.code)
}

/// One revision more, as a careless editor writes it.
pub fn append(file: &[u8], objects: &[(u32, &str)], trailer: &str) -> Vec<u8> {
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

pub fn startxref(file: &[u8]) -> String {
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
pub fn resealed(change: impl Fn(&str) -> String) -> DocumentReport {
    judge(&rebuilt(2, Edges::Plain, "", change))
}

/// The file of [`resealed`], over so many pages, with lines of its own in the table.
pub fn rebuilt(pages: usize, edges: Edges, lines: &str, change: impl Fn(&str) -> String) -> Vec<u8> {
    let (once, tail) = revisions(pages, edges);
    resigned(&once, &change(&tail), lines).unwrap()
}

/// A file with one seal, and what a second signer's revision adds to it, in Latin-1: every byte is one character.
pub fn revisions(pages: usize, edges: Edges) -> (Vec<u8>, String) {
    let once = world::sealed_by(&world::pages(pages), &WORLD.first);
    let mut sealing = world::sealing(&once, &WORLD.second);
    sealing.edges = edges;
    let prepared = pdf::prepare(&sealing).unwrap();
    let tail = prepared.bytes[once.len()..].iter().map(|byte| char::from(*byte));
    let tail = tail.collect();
    (once, tail)
}

/// The file with a changed second revision, its offsets mended, signed by the second signer; none where it is broken too far.
pub fn resigned(once: &[u8], tail: &str, lines: &str) -> Option<Vec<u8>> {
    let tail: Option<Vec<u8>> = tail.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    let mut file = [once, &tail?].concat();
    mend(&mut file, once.len(), lines)?;
    let prepared = luochui::seal::pdf::Prepared::reopen(file).ok()?;
    pdf::assemble(&prepared, &world::sign(&prepared, &WORLD.second)).ok()
}

/// Nothing of the second signer's making may leave the first seal as it was.
pub fn assert_first_fails(report: &DocumentReport, what: &str) {
    assert_eq!(report.verdict, Verdict::Invalid, "{what}");
    let first = report.signatures.first();
    let revisions = first.and_then(|first| first.report.step("pdf.revisions"));
    assert!(
        revisions.is_none_or(|step| step.status == Status::Failed),
        "{what}: {report:#?}"
    );
}

/// Where a word stands first, from a place on.
fn find(file: &[u8], word: &[u8], from: usize) -> Option<usize> {
    let found = file.get(from..)?.windows(word.len()).position(|window| window == word);
    found.map(|at| from + at)
}

fn find_last(file: &[u8], word: &[u8]) -> Option<usize> {
    file.windows(word.len()).rposition(|window| window == word)
}

/// Writes offsets and ranges anew where bytes were moved, as an attacker would.
fn mend(file: &mut Vec<u8>, from: usize, lines: &str) -> Option<()> {
    let table = find_last(file, b"\nxref\n")? + 1;
    let mut objects: Vec<(u32, u32, usize)> = Vec::new();
    let mut at = from;
    while let Some(end) = find(&file[..table], b" obj\n", at) {
        let line = file[..end].iter().rposition(|byte| *byte == b'\n')? + 1;
        let id = std::str::from_utf8(&file[line..end]).ok()?;
        let (number, generation) = id.split_once(' ')?;
        objects.push((number.parse().ok()?, generation.parse().ok()?, line));
        at = end + 1;
    }
    objects.sort_unstable();
    let mut end = format!("xref\n{lines}").into_bytes();
    for (number, generation, offset) in objects {
        end.extend(format!("{number} 1\n{offset:010} {generation:05} n \n").into_bytes());
    }
    end.extend(file.get(find_last(file, b"trailer\n")?..find_last(file, b"startxref")?)?);
    end.extend(format!("startxref\n{table}\n%%EOF\n").into_bytes());
    file.truncate(table);
    file.extend(end);
    let key = b"/ByteRange ";
    let ranges = find_last(file, key)? + key.len();
    let open = find(file, b"/Contents <", ranges)? + 10;
    let close = find(file, b">", open)? + 1;
    let text = format!("{:<40}", format!("[0 {open} {close} {}]", file.len() - close));
    file.get_mut(ranges..ranges + 40)?.copy_from_slice(text.as_bytes());
    Some(())
}

#[test]
fn a_second_signer_can_add_nothing_but_the_seal() {
    let untouched = resealed(str::to_owned);
    assert_eq!(untouched.verdict, Verdict::Valid, "{untouched:#?}");
    let more = |object: &'static str| move |tail: &str| tail.replacen("xref\n", &format!("{object}xref\n"), 1);
    type Change = Box<dyn Fn(&str) -> String>;
    let changes: [(&str, Change); 12] = [
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
            "the first field's name",
            Box::new(|tail| tail.replacen("(Seal2)", "(Seal1)", 1)),
        ),
        (
            "a field of another field",
            Box::new(|tail| tail.replacen("(Seal2)", "(Seal1.x)", 1)),
        ),
        (
            "a signature that transforms",
            Box::new(|tail| tail.replacen("/Type/Sig/", "/Type/Sig/Reference[5 0 R]/", 1)),
        ),
        (
            "other flags",
            Box::new(|tail| tail.replacen("/SigFlags 3", "/SigFlags 0", 1)),
        ),
        (
            "another root",
            Box::new(|tail| tail.replacen("/Root 1 0 R", "/Root 2 0 R", 1)),
        ),
    ];
    for (what, change) in changes {
        assert_first_fails(&resealed(change), what);
    }
}

/// The number that stands after a word.
pub fn number_after(text: &str, word: &str) -> u32 {
    let at = text.find(word).unwrap() + word.len();
    text[at..]
        .split(|c: char| !c.is_ascii_digit())
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn a_second_seal_is_as_large_as_its_maker_says_and_on_the_page() {
    let once = world::sealed_by(&world::pages(2), &WORLD.first);
    for (width_mm, height_mm) in [(210.0, 297.0), (41.0, 40.0), (20.0, 20.0)] {
        let mut sealing = world::sealing(&once, &WORLD.second);
        sealing.place = Place {
            page: 1,
            x_mm: 0.0,
            y_mm: 0.0,
            width_mm,
            height_mm,
        };
        let report = judge(&world::sealed(&sealing, &WORLD.second));
        assert_first_fails(&report, &format!("{width_mm} by {height_mm}"));
        let shown = report.signatures[1].report.step("pdf.appearance").unwrap();
        assert_eq!((shown.status, shown.code), (Status::Failed, "differs"));
    }
    // By itself as well: whoever seals alone cannot paint a page and have it called a seal.
    let base = world::pages(1);
    let mut sealing = world::sealing(&base, &WORLD.first);
    (sealing.place.width_mm, sealing.place.height_mm) = (80.0, 80.0);
    (sealing.place.x_mm, sealing.place.y_mm) = (0.0, 0.0);
    assert_eq!(judge(&world::sealed(&sealing, &WORLD.first)).verdict, Verdict::Invalid);
    // And off the page.
    let away = resealed(|tail| {
        tail.replacen("/Rect[340.157", "/Rect[9340.157", 1)
            .replacen(" 453.543", " 9453.543", 1)
    });
    assert_first_fails(&away, "off the page");
}

#[test]
fn strips_stand_where_they_belong_and_once_a_page() {
    let sealed = |change: &dyn Fn(&str) -> String| judge(&rebuilt(2, Edges::Sealed, "", change));
    let untouched = sealed(&str::to_owned);
    assert_eq!(untouched.verdict, Verdict::Valid, "{untouched:#?}");
    // Over the text instead of the edge: a strip is 56.693 points wide, the page 595.276.
    let moved = sealed(&|tail| {
        assert!(tail.contains("/Rect[538.583") && tail.contains(" 595.276 "));
        tail.replace("/Rect[538.583", "/Rect[38.583")
            .replace(" 595.276 ", " 95.276 ")
    });
    assert_first_fails(&moved, "moved");
    let swapped = sealed(&|tail| {
        assert!(tail.contains("-56.693 0 cm"));
        tail.replacen("-56.693 0 cm", "-00.000 0 cm", 1)
    });
    assert_first_fails(&swapped, "another part of the picture");
    let stamp = |tail: &str| {
        let start = tail.find("/Subtype/Stamp").unwrap();
        let open = tail[..start].rfind("obj\n").unwrap() + 4;
        let close = start + tail[start..].find("\nendobj").unwrap();
        let head = tail[..open].rfind('\n').unwrap();
        let head = tail[..head].rfind('\n').unwrap() + 1;
        (
            tail[head..].split(' ').next().unwrap().to_owned(),
            tail[open..close].to_owned(),
        )
    };
    let more = sealed(&|tail| {
        let (_, object) = stamp(tail);
        let size = number_after(tail, "/Size ");
        let page = tail.find("/Annots[").unwrap() + "/Annots[".len();
        let end = page + tail[page..].find(']').unwrap();
        let tail = format!("{} {size} 0 R{}", &tail[..end], &tail[end..]);
        let tail = tail.replace(&format!("/Size {size}"), &format!("/Size {}", size + 1));
        tail.replacen("\nxref\n", &format!("\n{size} 0 obj\n{object}\nendobj\nxref\n"), 1)
    });
    assert_first_fails(&more, "two strips on a page");
    let fewer = sealed(&|tail| {
        let start = tail.find("/Subtype/Stamp").unwrap();
        let gone = number_after(&tail[..start][tail[..start].rfind("endobj\n").unwrap()..], "endobj\n");
        tail.replacen(&format!(" {gone} 0 R]"), "]", 1)
    });
    assert_first_fails(&fewer, "a page without");
}

#[test]
fn a_seal_over_another_one_is_told() {
    let once = world::sealed_by(&world::pages(1), &WORLD.first);
    let over = judge(&world::sealed_by(&once, &WORLD.second));
    let told = over.signatures[0].report.step("pdf.overlap").unwrap();
    assert_eq!((told.status, told.code), (Status::Warning, "overlaps"));
    let mut beside = world::sealing(&once, &WORLD.second);
    beside.place.x_mm = 20.0;
    let beside = judge(&world::sealed(&beside, &WORLD.second));
    assert_eq!(beside.verdict, Verdict::Valid);
    assert!(beside.signatures[0].report.step("pdf.overlap").is_none());
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
