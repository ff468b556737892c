//! Fuzz targets: seal, signature, PDF signature dictionary, OFD package. Mutation of seeds without coverage feedback, so it
//! finds what lies near good files; a second or so in every run, ten minutes each with `LUOCHUI_LONG=1` (or as many seconds
//! as `LUOCHUI_FUZZ_SECONDS` says). A panic, an overflowing stack or an input that takes four seconds of the processor fails the test; the
//! input is then in the message or, for those that end the process, in the file named at the start.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use luochui::seal::document::Verdict;
use luochui::seal::file;
use luochui::seal::pdf::{self, Edges};
use luochui::seal::ses::{Seal, Signature};

use super::attacks::{resigned, revisions};
use super::ofd;
use super::world::{self, NOW, WORLD};

/// An input that takes longer is a way to keep a server busy. Time of the processor, so that other work on the machine does
/// not count, in an unoptimised build.
const SLOWEST: Duration = Duration::from_secs(4);

/// What this thread has had of the processor, as Linux counts it.
fn processor() -> Duration {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(counted.split(' ').next().unwrap().parse().unwrap())
}

fn seconds() -> u64 {
    let given = std::env::var("LUOCHUI_FUZZ_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    given.unwrap_or(if std::env::var_os("LUOCHUI_LONG").is_some() {
        600
    } else {
        2
    })
}

/// Xorshift: the same seed, the same inputs.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() % (limit.max(1) as u64)).unwrap()
    }
}

/// One to eight changes: flips, numbers that overflow, cuts, copies, words that mean something.
fn mutate(seed: &[u8], words: &[&[u8]], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=dice.below(8) {
        let at = dice.below(bytes.len());
        match dice.below(8) {
            0 | 1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
            }
            2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = [0, 1, 0x30, 0x7f, 0x80, 0x82, 0x84, 0xff][dice.below(8)];
                }
            }
            3 => bytes.truncate(at),
            4 => {
                let end = (at + dice.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            5 => {
                let end = (at + dice.below(256)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = dice.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            6 => {
                let word = words[dice.below(words.len())];
                let end = (at + word.len()).min(bytes.len());
                bytes.splice(at..end, word.iter().copied());
            }
            _ => {
                let word = words[dice.below(words.len())];
                bytes.splice(at..at, word.iter().copied());
            }
        }
    }
    bytes
}

/// Runs one target over mutations of its seeds until the time is up; returns how many inputs were tried.
fn run(name: &str, make: impl Fn(&mut Dice) -> Vec<u8>, target: impl Fn(&[u8])) -> u64 {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("fuzz-{name}.last"));
    let mut last = std::fs::File::create(&path).unwrap();
    for input in found(name) {
        target(&input);
    }
    let long = seconds() > 10;
    let until = Instant::now() + Duration::from_secs(seconds());
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut tried = 0;
    // On a busy machine two seconds may be nothing: a few inputs are tried in any case.
    while Instant::now() < until || tried < 24 {
        let input = make(&mut dice);
        if long {
            // What ends the process leaves its input behind.
            std::io::Seek::rewind(&mut last).unwrap();
            last.set_len(0).unwrap();
            last.write_all(&input).unwrap();
        }
        let started = processor();
        let outcome = catch_unwind(AssertUnwindSafe(|| target(&input)));
        let took = processor().saturating_sub(started);
        if outcome.is_err() || took > SLOWEST {
            std::fs::write(folder.join(format!("fuzz-{name}.found")), &input).unwrap();
            panic!(
                "{name}: input {tried} in fuzz-{name}.found of {}; it took {took:?}",
                folder.display()
            );
        }
        tried += 1;
    }
    println!("fuzz {name}: {tried} inputs in {} s", seconds());
    tried
}

/// Inputs that once failed this target.
fn found(name: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/found").join(name);
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect()
}

const DER: &[&[u8]] = &[
    b"\x30\x80",
    b"\x30\x84\xff\xff\xff\xff",
    b"\x02\x01\x04",
    b"\x02\x01\x01",
    b"\x05\x00",
    b"\x03\x02\x07\x80",
    b"\xa0\x03",
    b"\x18\x0f20260701000000Z",
    b"\x18\x13202607010000+0800Z",
    b"\x06\x08\x2a\x81\x1c\xcf\x55\x01\x83\x75",
    b"\x04\x00",
];

#[test]
fn seals() {
    let seeds = [WORLD.first.seal.der().to_vec(), WORLD.second.seal.der().to_vec()];
    let trust = WORLD.trust();
    let make = |dice: &mut Dice| {
        let seed = &seeds[dice.below(seeds.len())];
        mutate(seed, DER, dice)
    };
    run("seal", make, |bytes| {
        if let Ok(seal) = Seal::parse(bytes) {
            assert_eq!(seal.der(), bytes);
        }
        let _report = file::verify(bytes, &trust, NOW);
    });
}

#[test]
fn signatures() {
    let prepared = pdf::prepare(&world::sealing(&world::pages(1), &WORLD.first)).unwrap();
    let seed = world::sign(&prepared, &WORLD.first);
    let trust = WORLD.trust();
    run(
        "signature",
        |dice| mutate(&seed, DER, dice),
        |bytes| {
            if let Ok(signature) = Signature::parse(bytes) {
                let report = signature.verify(&trust, Some(prepared.digest), NOW);
                assert!(!report.holds() || bytes == seed, "a mutant holds");
            }
        },
    );
}

#[test]
fn signature_dictionaries() {
    let once = world::sealed_by(&world::pages(2), &WORLD.first);
    let twice = world::sealed_by(&once, &WORLD.second);
    let (first, tail) = revisions(2, Edges::Sealed);
    let strips = resigned(&first, &tail, "").unwrap();
    let trust = WORLD.trust();
    let words: &[&[u8]] = &[
        b"/ByteRange",
        b"/ByteRange [0 0 0 0]",
        b"[0 99999999999 1 2]",
        b"/Contents <",
        b"<<",
        b">>",
        b"[[[[[[[[",
        b"((((((",
        b"endobj",
        b" obj\n",
        b"stream\n",
        b"startxref\n0\n",
        b"xref\n0 1\n",
        b"trailer\n<<",
        b"/Prev 0",
        b"/Prev 18446744073709551615",
        b"/Length -1",
        b"/Annots[9 0 R]",
        b"/Kids[2 0 R]",
        b"/Parent 2 0 R",
        b"%%EOF\n",
        b"%",
        b"-0",
        b"65535",
        b"/Type/ObjStm",
        b"/Type/XRef",
        b"/XRefStm 9",
        b"5 1 obj\n",
        b"\nendobj\n5 1 obj\n<<>>\nendobj\n",
        b"9 0 R",
        b"/Size 5",
        b"0000000009 00000 n \n",
        b"0000000000 65535 f \n",
        b"/Subtype/Stamp",
        b"/Rect[0 0 595.276 841.89]",
        b"-56.693",
        b"/UserUnit 9",
    ];
    let slot = b"0000000000000000";
    // Where the slot of the second revision lies in its text: nothing there is worth a change.
    let padding = tail.find("/Contents <").unwrap()..tail.find("00>>").unwrap();
    let make = |dice: &mut Dice| {
        // A third is signed again by the second signer after the change, so that its revision is judged and not its hash.
        if dice.below(3) == 0 {
            let (head, after) = (&tail.as_bytes()[..padding.start], &tail.as_bytes()[padding.end..]);
            let (head, after) = match dice.below(2) {
                0 => (mutate(&latin(head), words, dice), latin(after)),
                _ => (latin(head), mutate(&latin(after), words, dice)),
            };
            let middle = latin(&tail.as_bytes()[padding.clone()]);
            let changed: String = [head, middle, after].concat().into_iter().map(char::from).collect();
            let lines = ["", "", "5 1\n0000000000 00001 f \n", "9 1\n0000000009 00000 n \n"][dice.below(4)];
            if let Some(file) = resigned(&first, &changed, lines) {
                return file;
            }
        }
        let seed = [&once, &twice, &strips][dice.below(3)];
        // Half of the changes go where they matter: outside of the padding, which is most of the file.
        let mut input = mutate(seed, words, dice);
        for _ in 0..dice.below(6) {
            let at = dice.below(input.len());
            let padded = input.get(at..at + slot.len()).is_some_and(|bytes| bytes == slot);
            if !padded && let Some(byte) = input.get_mut(at) {
                *byte = byte.wrapping_add(1);
            }
        }
        input
    };
    let signed_again = std::cell::Cell::new(0_u32);
    run("pdf", make, |bytes| {
        let report = pdf::verify(bytes, &trust, NOW);
        if report.verdict != Verdict::Valid {
            return;
        }
        // What the second signer signed again may differ in what is its own to say: its name, its reason, the time.
        let again = bytes.starts_with(&first) && report.signatures.len() == 2;
        signed_again.set(signed_again.get() + u32::from(again));
        let whole = [&once, &twice, &strips].into_iter().any(|seed| seed == bytes);
        assert!(whole || again, "a mutant is called valid");
        assert!(
            !again || !shows_more(&bytes[first.len()..]),
            "more than a seal is called a seal"
        );
    });
    println!("fuzz pdf: {} signed again and valid", signed_again.get());
}

/// The bytes behind characters of Latin-1 that are written in UTF-8.
fn latin(text: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(text).unwrap();
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

/// Whether a revision says what no revision with a seal says. Words within texts are the signer's own.
fn shows_more(revision: &[u8]) -> bool {
    let words: [&[u8]; 6] = [
        b" 1 obj",
        b"65535 f",
        b"/UserUnit",
        b"[0 0 595.276 841.89]",
        b"/Type/ObjStm",
        b"/XRefStm",
    ];
    let objects: Vec<&[u8]> = split(revision, b"endobj");
    let others = objects.iter().filter(|object| split(object, b"/ByteRange").len() == 1);
    others
        .into_iter()
        .any(|object| words.iter().any(|word| split(object, word).len() > 1))
}

fn split<'a>(bytes: &'a [u8], word: &[u8]) -> Vec<&'a [u8]> {
    let (mut parts, mut start) = (Vec::new(), 0);
    for at in 0..bytes.len() {
        if at >= start && bytes[at..].starts_with(word) {
            parts.push(&bytes[start..at]);
            start = at + word.len();
        }
    }
    parts.push(&bytes[start..]);
    parts
}

#[test]
fn packages() {
    let (once, twice, plain) = (ofd::signed_files(), ofd::twice_signed_files(), ofd::plain_files());
    let mut two = vec![ofd::entry(&(ofd::body("Doc_0", "signed") + &ofd::body("Doc_1", "")))];
    two.extend(ofd::document("Doc_0"));
    two.extend(ofd::document("Doc_1"));
    let seeds = [
        ofd::zipped(&once),
        ofd::zipped(&twice),
        ofd::zipped(&ofd::sign(two.clone(), &two)),
    ];
    let trust = WORLD.trust();
    let words: &[&[u8]] = &[
        b"PK\x01\x02",
        b"PK\x03\x04",
        b"PK\x05\x06",
        b"PK\x06\x06",
        b"PK\x07\x08",
        b"\x75\x70\x09\x00",
        b"\xff\xff\xff\xff",
        b"../",
        b"<!DOCTYPE x [<!ENTITY a \"b\">]>",
        b"&a;",
        b"<ofd:Page ID=\"9\" BaseLoc=\"../../x\"/>",
        b"<ofd:References CheckMethod=\"MD5\">",
        b"<ofd:DocBody><ofd:DocRoot>Doc_1/Document.xml</ofd:DocRoot></ofd:DocBody>",
        b"<ofd:StampAnnot PageRef=\"1\" Boundary=\"0 0 210 297\"/>",
        b"<ofd:FileLoc>/Doc_0/Document.xml</ofd:FileLoc>",
        b" xmlns:x=\"y\"",
        b"<a><a><a>",
        b"\xef\xbb\xbf",
        b"]]>",
        b"<![CDATA[",
        b"<!--",
    ];
    let make = |dice: &mut Dice| match dice.below(3) {
        0 => mutate(&seeds[dice.below(seeds.len())], words, dice),
        // Broken inside, in a package that is whole.
        1 => {
            let mut files = [&once, &twice][dice.below(2)].clone();
            let at = dice.below(files.len());
            files[at].1 = mutate(&files[at].1, words, dice);
            ofd::zipped(&files)
        }
        // Signed as it is after the change.
        _ => {
            let mut files = [&plain, &two][dice.below(2)].clone();
            for _ in 0..dice.below(3) {
                let at = dice.below(files.len());
                files[at].1 = mutate(&files[at].1, words, dice);
            }
            let mut protected = files.clone();
            for _ in 0..dice.below(2) {
                protected.remove(dice.below(protected.len()));
            }
            let signed = ofd::sign(files, &protected);
            let boxes: [&[&str]; 3] = [&["20 200 40 40"], &["0 0 210 297"], &["1 1 40"]];
            let protected = ofd::without(&signed, ofd::LIST);
            let second = ofd::Signing {
                boxes: boxes[dice.below(boxes.len())],
                ..ofd::Signing::SECOND
            };
            ofd::zipped(&second.add(signed, &protected))
        }
    };
    run("ofd", make, |bytes| {
        let report = luochui::seal::ofd::verify(bytes, &trust, NOW);
        // A mutation may touch only what no reader sees, such as the packing; what is protected is then the same.
        if report.verdict == Verdict::Valid {
            assert!(report.report.fault().is_none());
            assert!(report.signatures.iter().all(|one| one.report.holds()));
        }
    });
}
