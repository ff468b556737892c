//! Whatever is done to a record afterwards is found, and the line is named: by its own digests, and where all of them were
//! computed anew, by what people hold.

use luochui::record::chain::digests;
use luochui::record::verify::{Expected, Held, Report, Status, verify};
use luochui::record::{Checkpoint, Issued, Reach, Receipt, Row};
use luochui::store::history_rows::history_after;
use proptest::prelude::*;

use super::receipts::checkpoints_in;
use super::world::{Played, key, played, signer};
use crate::support::engine::{Place, run, still};

/// The record of a played hall with all that anybody could hold.
struct Scene {
    file: String,
    receipts: Vec<Receipt>,
    /// Of their history entries.
    salts: Vec<String>,
    checkpoints: Vec<Checkpoint>,
}

fn scene() -> &'static Scene {
    static SCENE: std::sync::LazyLock<Scene> = std::sync::LazyLock::new(|| {
        run(async {
            let played = played(&Place::sqlite(), &still()).await;
            let Played { file, receipts, .. } = &played;
            let trade = played.engine.trade(&played.hall).await.unwrap().trade.id.to_string();
            let read = played.engine.read(move |conn| history_after(conn, &trade, 0, i64::MAX));
            let entries = read.await.unwrap();
            let salt = |receipt: &Receipt| {
                let mut lines = file.lines();
                let line = lines
                    .find(|line| digests(line.as_bytes()).0 == receipt.line.sm3)
                    .unwrap();
                let row = Row::parse(line).unwrap();
                let entry = entries.iter().find(|entry| entry.hash == row.history).unwrap();
                entry.public_salt.clone()
            };
            Scene {
                checkpoints: checkpoints_in(file),
                file: file.clone(),
                receipts: receipts.clone(),
                salts: receipts.iter().map(salt).collect(),
            }
        })
    });
    &SCENE
}

/// The number of a receipt's line in the untouched record.
fn number_of(receipt: &Receipt) -> u64 {
    let lines = rows(&scene().file);
    let place = lines
        .iter()
        .position(|line| digests(line.as_bytes()).0 == receipt.line.sm3);
    u64::try_from(place.unwrap()).unwrap()
}

fn with_key() -> Held {
    Held {
        keys: vec![key(7)],
        ..Held::default()
    }
}

/// The same, for a record that need not be whole.
fn so_far() -> Held {
    Held {
        expected: Expected::SoFar,
        ..Held::default()
    }
}

fn failed(report: &Report) -> Option<u64> {
    let step = report.steps.iter().find(|step| step.status == Status::Failed)?;
    assert!(!step.text.is_empty());
    Some(step.line.unwrap_or(0))
}

fn rows(file: &str) -> Vec<String> {
    let own = file.lines().filter(|line| !line.starts_with("{\"checkpoint\":"));
    own.map(str::to_owned).collect()
}

fn joined(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn an_untouched_record_holds_with_all_that_people_hold() {
    let scene = scene();
    assert_eq!(scene.checkpoints.len(), 2, "{}", scene.file);
    assert_eq!(scene.checkpoints[1].reach, Reach::Whole);
    assert_eq!(scene.receipts.len(), 11);
    let mut held = with_key();
    held.receipts = scene.receipts.clone();
    for (receipt, salt) in held.receipts.iter_mut().zip(&scene.salts) {
        receipt.sign(&*signer(7)).unwrap();
        receipt.open(number_of(receipt), salt);
    }
    held.checkpoints = scene.checkpoints.clone();
    let report = verify(&scene.file, &held);
    assert!(report.holds(), "{report:#?}");
    assert!(report.steps.iter().all(|step| step.status == Status::Ok), "{report:#?}");
    // The middle checkpoint was known when the last receipts were made out, and they say so: leaving it out is found.
    let given = |text: &str| report.steps.iter().filter(|step| step.text.starts_with(text)).count();
    assert_eq!(
        (given("there was none yet"), given("is the one over")),
        (6, 5),
        "{report:#?}"
    );
    let without: Vec<_> = scene.file.lines().filter(|line| !line.contains("so_far")).collect();
    held.checkpoints.clear();
    let step = verify(
        &joined(&without.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()),
        &held,
    );
    let step = step
        .steps
        .into_iter()
        .find(|step| step.status == Status::Failed)
        .unwrap();
    assert_eq!(step.name, "checkpoint of the receipt");
    // One receipt that was opened opens the closed one of the same line.
    let mut closed = held.receipts[7].clone();
    closed.opening = None;
    let mut both = with_key();
    both.receipts = vec![closed.clone()];
    let warned = |held: &Held| {
        verify(&scene.file, held)
            .steps
            .iter()
            .filter(|step| step.status == Status::Warning)
            .count()
    };
    assert_eq!(warned(&both), 1, "its checkpoint stays sealed");
    both.receipts.push(held.receipts[7].clone());
    assert_eq!(warned(&both), 0);
    // Without anything at hand it says that nobody vouches for it.
    let alone = verify(&joined(&rows(&scene.file)), &so_far());
    assert!(alone.holds() && alone.steps.iter().any(|step| step.status == Status::Warning));
}

#[test]
fn the_record_names_nobody_and_keeps_what_is_concealed() {
    let file = &scene().file;
    for secret in ["\"ann\"", "\"bob\"", "party-", "张三", "\"amount\":777777"] {
        assert!(!file.contains(secret), "{secret} in {file}");
    }
    assert!(file.contains("\"reason\":\"too_low\"") && file.contains("\"event\":\"quiet\""));
}

#[test]
fn a_flipped_byte_is_found_wherever_it_is() {
    let bytes = scene().file.as_bytes();
    let held = with_key();
    // Every byte of one line, of the last line and of the checkpoints; of the others every eleventh.
    let lines: Vec<usize> = bytes
        .iter()
        .scan(0, |line, byte| {
            let here = *line;
            *line += usize::from(*byte == b'\n');
            Some(here)
        })
        .collect();
    let last = rows(&scene().file).len() - 1;
    for at in 0..bytes.len() {
        let whole = lines[at] == 1 || lines[at] >= last;
        if !whole && at % 11 != 0 {
            continue;
        }
        // The other bit makes another letter, or the same in another case.
        let flip = if at % 2 == 0 { 0x01 } else { 0x20 };
        let mut bent = bytes.to_vec();
        bent[at] ^= flip;
        let text = String::from_utf8(bent).unwrap();
        assert!(
            failed(&verify(&text, &held)).is_some(),
            "byte {at} ^ {flip:#x} on line {}",
            lines[at] + 1
        );
    }
}

#[test]
fn a_line_dropped_doubled_swapped_or_put_in_is_found_where_it_is() {
    let all: Vec<String> = scene().file.lines().map(str::to_owned).collect();
    let count = rows(&scene().file).len();
    let held = with_key();
    for at in 0..count {
        let mut dropped = all.clone();
        dropped.remove(at);
        let mut doubled = all.clone();
        doubled.insert(at, all[at].clone());
        let line = |lines: &[String]| failed(&verify(&joined(lines), &held));
        let near = u64::try_from(at).unwrap();
        let found = line(&dropped).unwrap_or_else(|| panic!("line {at} dropped"));
        assert!(found <= near + 2, "line {} dropped, {found} named", at + 1);
        assert!(line(&doubled).is_some(), "line {at} doubled");
        for other in at + 1..count {
            let mut swapped = all.clone();
            swapped.swap(at, other);
            assert!(line(&swapped).is_some(), "lines {at} and {other} swapped");
        }
    }
}

/// A record without its end is no record, whatever is held against it, unless whoever verifies knows that the hall still runs.
#[test]
fn a_cut_off_end_is_found_with_nothing_in_hand() {
    let lines = rows(&scene().file);
    let last = scene().receipts.iter().map(number_of).max().unwrap();
    for keep in 1..lines.len() {
        let cut = joined(&lines[..keep]);
        let mut held = with_key();
        held.receipts = vec![scene().receipts[0].clone()];
        let found = verify(&cut, &held);
        let steps: Vec<_> = found
            .steps
            .iter()
            .filter(|step| step.status == Status::Failed)
            .collect();
        assert!(steps.iter().any(|step| step.name == "end"), "{keep} lines kept");
        assert!(steps.iter().any(|step| step.name == "whole"), "{keep} lines kept");
        assert!(failed(&verify(&cut, &Held::default())).is_some());
        assert!(verify(&cut, &so_far()).holds(), "it could still run");
        // Who says that it still runs is told better by whoever holds more.
        held.expected = Expected::SoFar;
        held.receipts = scene().receipts.clone();
        let is_short = keep <= usize::try_from(last).unwrap();
        assert_eq!(failed(&verify(&cut, &held)).is_some(), is_short, "{keep} lines kept");
        held.checkpoints = scene().checkpoints.clone();
        assert!(failed(&verify(&cut, &held)).is_some(), "{keep} lines kept");
    }
    // The last line is there, and what vouches for the whole is not.
    let bare = verify(&joined(&lines), &with_key());
    assert_eq!(
        bare.steps
            .iter()
            .find(|step| step.status == Status::Failed)
            .unwrap()
            .name,
        "whole"
    );
}

/// Changes a line and computes every digest after it anew.
fn recomputed(lines: &[String], at: usize, change: impl Fn(&str) -> String) -> Vec<String> {
    let mut forged: Vec<String> = lines.to_vec();
    forged[at] = change(&forged[at]);
    for next in at + 1..forged.len() {
        let (sm3, sha256) = digests(forged[next - 1].as_bytes());
        let text = forged[next].clone();
        let mut row = Row::parse(&text).unwrap();
        (row.prev_sm3, row.prev_sha256) = (sm3.to_string().into(), sha256.to_string().into());
        forged[next] = row.text();
    }
    forged
}

#[test]
fn computing_every_digest_anew_is_found_by_a_receipt_or_a_checkpoint() {
    let lines = rows(&scene().file);
    let at = lines.iter().position(|line| line.contains("\"amount\":20000")).unwrap();
    let forged = joined(&recomputed(&lines, at, |line| line.replace("20000", "20001")));
    assert!(verify(&forged, &so_far()).holds(), "by itself it hangs together");
    let number = u64::try_from(at).unwrap();
    for receipt in scene().receipts.iter().filter(|receipt| number_of(receipt) >= number) {
        let held = Held {
            receipts: vec![receipt.clone()],
            ..so_far()
        };
        assert_eq!(failed(&verify(&forged, &held)), Some(number_of(receipt) + 1));
    }
    for checkpoint in &scene().checkpoints {
        let held = Held {
            checkpoints: vec![checkpoint.clone()],
            ..Held::default()
        };
        assert_eq!(failed(&verify(&forged, &held)), Some(checkpoint.size + 1));
    }
    // With new checkpoints of a key that is not the platform's.
    let head = luochui::record::Head::at(u64::try_from(lines.len() - 1).unwrap(), forged.lines().last().unwrap());
    let instance = scene().checkpoints[0].instance.clone();
    let at = scene().checkpoints[1].at;
    let own = Checkpoint::sign(&*signer(8), &instance, &head, (at, Reach::Whole)).unwrap();
    let mut posing = own.clone();
    posing.key = signer(7).key_id();
    for checkpoint in [own, posing] {
        let file = luochui::record::file::write(forged.lines(), &[checkpoint]);
        assert!(verify(&file, &Held::default()).holds());
        assert!(failed(&verify(&file, &with_key())).is_some());
    }
}

#[test]
fn a_receipt_with_any_field_changed_is_no_receipt() {
    let scene = scene();
    let mut receipt = scene.receipts[1].clone();
    receipt.sign(&*signer(7)).unwrap();
    let changes: [fn(&mut Receipt); 10] = [
        |receipt| receipt.instance = "other".into(),
        |receipt| receipt.event = "quiet".into(),
        |receipt| receipt.by = None,
        |receipt| drop(receipt.data.insert("amount".into(), 1.into())),
        |receipt| receipt.arrived_at = receipt.arrived_at.plus_millis(-1),
        |receipt| receipt.decided_at = receipt.decided_at.plus_millis(1),
        |receipt| receipt.reason = Some("other".into()),
        |receipt| receipt.issued = Issued::Copy,
        |receipt| receipt.sealed_checkpoint = receipt.line.sm3.clone(),
        |receipt| receipt.line.sha256 = receipt.line.sm3.clone(),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut changed = receipt.clone();
        change(&mut changed);
        assert!(changed.verify(&key(7)).unwrap().is_err(), "change {index}");
        let held = Held {
            receipts: vec![changed],
            ..with_key()
        };
        assert!(failed(&verify(&scene.file, &held)).is_some(), "change {index}");
    }
    // The opening is not signed; it proves itself.
    receipt.open(number_of(&receipt), &scene.salts[1]);
    let changes: [fn(&mut Receipt); 2] = [
        |receipt| receipt.opening.as_mut().unwrap().number += 1,
        |receipt| receipt.opening.as_mut().unwrap().salt = receipt.line.sm3.clone(),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut changed = receipt.clone();
        change(&mut changed);
        let held = Held {
            receipts: vec![changed],
            ..with_key()
        };
        assert!(failed(&verify(&scene.file, &held)).is_some(), "opening {index}");
    }
}

/// Whoever recomputes all digests after dropping, inserting or moving a line before that of a receipt is found by it alone.
#[test]
fn a_closed_receipt_alone_finds_what_was_dropped_put_in_or_moved_before_it() {
    let lines = rows(&scene().file);
    let receipt = scene().receipts.last().unwrap();
    let (own, held) = (
        usize::try_from(number_of(receipt)).unwrap(),
        Held {
            receipts: vec![receipt.clone()],
            ..so_far()
        },
    );
    assert!(receipt.opening.is_none());
    let anew = |mut lines: Vec<String>| {
        for (number, line) in lines.iter_mut().enumerate().skip(1) {
            let text = line.clone();
            let mut row = Row::parse(&text).unwrap();
            row.n = u64::try_from(number).unwrap();
            *line = row.text();
        }
        let forged = joined(&recomputed(&lines, 0, str::to_owned));
        assert!(verify(&forged, &so_far()).holds(), "by itself it hangs together");
        failed(&verify(&forged, &held))
    };
    for at in 1..own {
        let mut dropped = lines.clone();
        dropped.remove(at);
        assert_eq!(anew(dropped), Some(number_of(receipt)), "line {at} dropped");
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at].clone());
        assert_eq!(anew(doubled), Some(number_of(receipt) + 2), "line {at} put in");
    }
    let mut without = lines.clone();
    without.remove(own);
    assert!(anew(without).is_some(), "its own line dropped");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any run of lines moved to any place, with or without new digests, is found by the final checkpoint.
    #[test]
    fn any_rearrangement_is_found(from in 1_usize..16, length in 1_usize..5, to in 1_usize..16, anew in any::<bool>()) {
        let lines = rows(&scene().file);
        let from = from.min(lines.len() - 1);
        let length = length.min(lines.len() - from);
        let mut moved = lines.clone();
        let run: Vec<String> = moved.drain(from..from + length).collect();
        let to = to.min(moved.len());
        for (offset, line) in run.into_iter().enumerate() {
            moved.insert(to + offset, line);
        }
        prop_assume!(moved != lines);
        if anew {
            let numbered: Vec<String> = moved.iter().enumerate().map(|(index, line)| match index {
                0 => line.clone(),
                index => {
                    let mut row = Row::parse(line).unwrap();
                    row.n = u64::try_from(index).unwrap();
                    row.text()
                }
            }).collect();
            moved = recomputed(&numbered, 0, str::to_owned);
        }
        let held = Held { checkpoints: scene().checkpoints.clone(), ..with_key() };
        prop_assert!(failed(&verify(&joined(&moved), &held)).is_some());
    }
}
