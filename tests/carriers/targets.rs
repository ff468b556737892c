//! Fuzz targets: seal, signature, PDF signature dictionary, OFD package. Mutation of seeds without coverage feedback, so it
//! finds what lies near good files; a second or so in every run, ten minutes each with `LUOCHUI_LONG=1` (or as many seconds
//! as `LUOCHUI_FUZZ_SECONDS` says). A panic, an overflowing stack or an input that takes two seconds fails the test; the
//! input is then in the message or, for those that end the process, in the file named at the start.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use luochui::seal::document::Verdict;
use luochui::seal::ses::{Seal, Signature};
use luochui::seal::{file, ofd, pdf};

use super::world::{self, NOW, WORLD};

/// An input that takes longer is a way to keep a server busy. In an unoptimised build beside other tests.
const SLOWEST: Duration = Duration::from_secs(4);

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
    while Instant::now() < until {
        let input = make(&mut dice);
        if long {
            // What ends the process leaves its input behind.
            std::io::Seek::rewind(&mut last).unwrap();
            last.set_len(0).unwrap();
            last.write_all(&input).unwrap();
        }
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| target(&input)));
        let took = started.elapsed();
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
    assert!(tried > 20, "{name}: only {tried} inputs");
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
    ];
    let slot = b"0000000000000000";
    let make = |dice: &mut Dice| {
        let seed = if dice.below(2) == 0 { &once } else { &twice };
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
    run("pdf", make, |bytes| {
        let report = pdf::verify(bytes, &trust, NOW);
        let whole = bytes == once || bytes == twice;
        assert!(report.verdict != Verdict::Valid || whole, "a mutant is called valid");
    });
}

#[test]
fn packages() {
    let files = super::ofd::signed_files();
    let package = super::ofd::zipped(&files);
    let trust = WORLD.trust();
    let words: &[&[u8]] = &[
        b"PK\x01\x02",
        b"PK\x03\x04",
        b"PK\x05\x06",
        b"PK\x06\x06",
        b"\xff\xff\xff\xff",
        b"../",
        b"<!DOCTYPE x [<!ENTITY a \"b\">]>",
        b"&a;",
        b"<ofd:Page ID=\"9\" BaseLoc=\"../../x\"/>",
        b"<ofd:References CheckMethod=\"MD5\">",
        b"<a><a><a>",
        b"\xef\xbb\xbf",
        b"]]>",
        b"<!--",
    ];
    // Half of the inputs are broken inside, in a package that is whole.
    let make = |dice: &mut Dice| {
        if dice.below(2) == 0 {
            return mutate(&package, words, dice);
        }
        let mut files = files.clone();
        let at = dice.below(files.len());
        files[at].1 = mutate(&files[at].1, words, dice);
        super::ofd::zipped(&files)
    };
    run("ofd", make, |bytes| {
        let report = ofd::verify(bytes, &trust, NOW);
        // A mutation may touch only what no reader sees, such as the packing; what is protected is then the same.
        if report.verdict == Verdict::Valid {
            let covered = report.signatures.iter().all(|one| one.report.holds());
            assert!(covered);
        }
    });
}
