//! No byte of a sealed file can change unseen: every one in the signature, a thousand others, many in the padding.

use luochui::seal::document::Verdict;
use luochui::seal::pdf;
use luochui::seal::trust::TrustStore;

use super::world::{self, NOW, WORLD};

fn is_found(file: &mut [u8], at: usize, bit: u8, trust: &TrustStore) -> bool {
    file[at] ^= bit;
    let found = pdf::verify(file, trust, NOW).verdict != Verdict::Valid;
    file[at] ^= bit;
    found
}

/// Where a slot's digits begin and where the signature's end.
fn digits(file: &[u8]) -> (usize, usize) {
    let key = b"/Contents <";
    let open = file.windows(key.len()).rposition(|window| window == key).unwrap() + key.len();
    // A SEQUENCE with two bytes of length.
    let length = std::str::from_utf8(&file[open + 4..open + 8]).unwrap();
    (open, open + 2 * (4 + usize::from_str_radix(length, 16).unwrap()))
}

#[test]
fn any_flipped_byte_is_found() {
    let trust = WORLD.trust();
    // All digits of the signature and a thousand bytes beside in a long run; every 41st and sixty otherwise.
    let (stride, count) = match std::env::var_os("LUOCHUI_LONG") {
        Some(_) => (1, 1_000),
        None => (41, 60),
    };
    let mut file = world::sealed_by(&world::pages(2), &WORLD.first);
    assert_eq!(pdf::verify(&file, &trust, NOW).verdict, Verdict::Valid);
    let (open, end) = digits(&file);
    let close = open + 2 * pdf::SLOT;
    let outside: Vec<_> = (0..open).chain(close..file.len()).collect();
    let signature = (open..end).step_by(stride);
    let padding = (end..close).step_by((close - end) / count);
    let outside = outside.iter().copied().step_by(outside.len() / count);
    let (mut missed, mut tried) = (Vec::new(), 0);
    for (at, turn) in signature.chain(padding).chain(outside).zip(0_u32..) {
        let bit = 1 << (turn % 8);
        tried += 1;
        if !is_found(&mut file, at, bit, &trust) {
            missed.push((at, bit));
        }
    }
    println!("{tried} flips, {} of them unseen", missed.len());
    assert!(tried > 2 * count, "{tried}");
    assert!(
        missed.is_empty(),
        "{} of {tried} flips unseen: {missed:?}",
        missed.len()
    );
}

#[test]
fn a_flip_in_either_of_two_revisions_is_found() {
    let trust = WORLD.trust();
    let once = world::sealed_by(&world::pages(1), &WORLD.first);
    let mut file = world::sealed_by(&once, &WORLD.second);
    let whole = file.len();
    for (at, turn) in (0..whole).step_by(whole / 60).zip(0_u32..) {
        assert!(is_found(&mut file, at, 1 << (turn % 8), &trust), "byte {at}");
    }
}
