//! Bids around a deadline: one that arrived before it is decided before it, one that arrived at it or after never accepted,
//! however long either was on its way through the platform.

use std::collections::BTreeMap;
use std::time::Duration;

use luochui::clock::Clock;
use luochui::engine::{Engine, Receipt, Stamp};
use luochui::machine::{Name, Time};
use luochui::store::incident_rows::incidents_open;

use super::chronicle::{Deed, follow, lines, overtaken, said};
use super::hall::{
    Dice, PREVIEW, STEP, WINDOW, bid, code, due, history, is_taken, many, open, send, start, state, under_key, until,
};
use crate::support::engine::{BEGIN, Place, on_both};

/// One bid on its way: when it came in, against the deadline, and how long it then takes.
struct OnItsWay {
    lot: usize,
    offset: i64,
    delay: i64,
    amount: i64,
}

/// Lots of one wave, all due at the same time.
const LOTS: usize = 20;

/// Bids for each of them.
const BIDS: usize = 5;

/// Under which name a bid of a wave is made: each is another's.
fn name(index: usize) -> String {
    format!("bidder{index}")
}

fn wave(dice: &mut Dice) -> Vec<OnItsWay> {
    let one = |lot: usize| (0..BIDS).map(move |_| lot);
    let lots: Vec<usize> = (0..LOTS).flat_map(one).collect();
    // Some lots get no bid before their deadline, or none that is high enough: they must close.
    let dull: Vec<u64> = (0..LOTS).map(|_| dice.roll(3)).collect();
    let mut on_their_way = Vec::new();
    for lot in lots {
        let lowest = if dull[lot] == 0 { 0 } else { -1 };
        on_their_way.push(OnItsWay {
            lot,
            offset: dice.within(lowest, 1),
            delay: dice.within(0, 900),
            amount: dice.within(0, 6) * STEP,
        });
    }
    on_their_way
}

/// Plays a wave in simulated time and returns the receipts in the order of the bids.
async fn play(engine: &Engine, clock: &Clock, lots: &[Name], wave: &[OnItsWay], due: Time) -> Vec<Receipt> {
    let mut moments: BTreeMap<i64, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (index, bid) in wave.iter().enumerate() {
        moments.entry(bid.offset).or_default().0.push(index);
        moments.entry(bid.offset + bid.delay).or_default().1.push(index);
    }
    let mut stamps: BTreeMap<usize, Stamp> = BTreeMap::new();
    let mut sent = BTreeMap::new();
    for (offset, (arriving, leaving)) in moments {
        clock.advance_to(due.plus_millis(offset));
        for index in arriving {
            stamps.insert(index, engine.stamp());
        }
        for index in leaving {
            let stamp = stamps.remove(&index).unwrap();
            let OnItsWay { lot, amount, .. } = wave[index];
            let submission = bid(&lots[lot], &name(index), amount, stamp.at());
            sent.insert(index, tokio::spawn(send(engine.clone(), stamp, submission)));
        }
        tokio::task::yield_now().await;
    }
    let mut receipts = Vec::new();
    for (_, receipt) in sent {
        receipts.push(receipt.await.unwrap());
    }
    receipts
}

/// Every bid was decided once, by the price and the deadline at its place, those that came before the deadline before it, and
/// was told what the history says.
async fn judge(engine: &Engine, lot: (usize, &Name), wave: &[OnItsWay], receipts: &[Receipt], first_due: Time) {
    let lines = lines(&history(engine, lot.1).await);
    let room = follow(&lines, WINDOW);
    assert_eq!(room.faults, [""; 0], "{lines:#?}");
    assert_eq!(overtaken(&lines), [""; 0], "{lines:#?}");
    let mut expected = BTreeMap::new();
    for (index, (bid, receipt)) in wave.iter().zip(receipts).enumerate() {
        if bid.lot == lot.0 {
            let stamp = first_due.plus_millis(bid.offset);
            expected.insert(name(index), (bid.amount, stamp, said(&receipt.answer)));
        }
    }
    let mut found = BTreeMap::new();
    for line in lines {
        if let Deed::Bid {
            by,
            amount,
            stamp,
            said,
        } = line.deed
        {
            let twice = found.insert(by, (amount, stamp, said));
            assert_eq!(twice, None, "decided twice");
        }
    }
    assert_eq!(found, expected);
    // An accepted bid sets the deadline to its own time plus the countdown; without one the lot is sold.
    match room.due() {
        Some(wanted) => assert_eq!(due(engine, lot.1).await, wanted),
        None => assert_eq!(state(engine, lot.1).await, "sold"),
    }
}

#[test]
fn bids_a_millisecond_around_the_deadline_are_decided_rightly_however_long_they_take() {
    on_both(|place| async move {
        let on_postgres = matches!(place, Place::Postgres(_));
        let clock = Clock::simulated_from(BEGIN);
        let (engine, _handle) = start(&place, &clock).await;
        let mut dice = Dice::new(7);
        let waves = if on_postgres { many(5, 200) } else { many(30, 1_000) };
        for number in 0..waves {
            let opening = (0..LOTS).map(|lot| {
                let (engine, name) = (engine.clone(), format!("{number}-{lot}"));
                async move { open(&engine, &name).await }
            });
            let lots = futures_util::future::join_all(opening).await;
            let due = clock.now().plus_millis(PREVIEW + WINDOW);
            let wave = wave(&mut dice);
            let receipts = play(&engine, &clock, &lots, &wave, due).await;
            for lot in lots.iter().enumerate() {
                judge(&engine, lot, &wave, &receipts, due).await;
            }
        }
        let incidents = engine.read(|conn| incidents_open(conn, 10)).await.unwrap();
        assert_eq!(incidents, []);
    });
}

#[test]
fn a_later_event_does_not_decide_a_deadline_before_what_was_stamped_earlier() {
    on_both(|place| async move {
        let clock = Clock::simulated_from(BEGIN);
        let (engine, _handle) = start(&place, &clock).await;
        let lot = open(&engine, "甲").await;
        let other = open(&engine, "乙").await;
        clock.advance_to(BEGIN.plus_millis(PREVIEW + WINDOW - 1));
        let early = engine.stamp();
        // Another lot moves its deadline, and does not wait for this one's.
        let moved = bid(&other, "bob", STEP, engine.now());
        assert!(is_taken(&engine.submit(moved).await.unwrap()));
        clock.advance_to(BEGIN.plus_millis(PREVIEW + WINDOW + 500));
        let late = tokio::spawn(send(
            engine.clone(),
            engine.stamp(),
            bid(&lot, "eve", 2 * STEP, engine.now()),
        ));
        let free = bid(&other, "eve", 2 * STEP, engine.now());
        let free = tokio::time::timeout(Duration::from_secs(5), engine.submit(free)).await;
        assert!(is_taken(&free.unwrap().unwrap()));
        assert!(!late.is_finished(), "the deadline was decided without the earlier bid");
        let submission = bid(&lot, "ann", STEP, early.at());
        assert!(is_taken(&send(engine.clone(), early, submission).await));
        // The deadline has moved, so the later bid is in time as well.
        assert!(is_taken(&late.await.unwrap()));
    });
}

#[test]
fn a_deadline_waits_a_second_and_what_surfaces_later_opens_an_incident_or_suspends() {
    on_both(|place| async move {
        let clock = Clock::simulated_from(BEGIN);
        let (engine, _handle) = start(&place, &clock).await;
        let closed = open(&engine, "甲").await;
        clock.advance_to(BEGIN.plus_millis(PREVIEW + WINDOW - 1));
        let stamps = [engine.stamp(), engine.stamp()];
        clock.advance_to(BEGIN.plus_millis(PREVIEW + WINDOW));
        let waiting = tokio::spawn({
            let (engine, lot) = (engine.clone(), closed.clone());
            async move { engine.submit(bid(&lot, "eve", STEP, engine.now())).await.unwrap() }
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!waiting.is_finished());
        clock.advance_to(BEGIN.plus_millis(PREVIEW + WINDOW + 1_000));
        assert_eq!(code(&waiting.await.unwrap()), Some("not_open"));
        let [first, second] = stamps;
        let submission = under_key(bid(&closed, "ann", STEP, first.at()), "late");
        assert_eq!(code(&send(engine.clone(), first, submission).await), Some("not_open"));
        let incidents = engine.read(|conn| incidents_open(conn, 10)).await.unwrap();
        let kinds: Vec<_> = incidents.iter().map(|one| one.kind.as_str()).collect();
        assert_eq!(kinds, ["late_ingress"]);
        drop(second);
        assert_eq!(state(&engine, &closed).await, "sold");
    });
}

#[test]
fn what_surfaces_after_a_deadline_in_an_open_room_is_not_accepted_and_suspends_it() {
    on_both(|place| async move {
        let clock = Clock::simulated_from(BEGIN);
        let (engine, _handle) = start(&place, &clock).await;
        let lot = open(&engine, "甲").await;
        clock.advance_to(BEGIN.plus_millis(PREVIEW - 1));
        let early = engine.stamp();
        clock.advance_to(BEGIN.plus_millis(PREVIEW));
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(state(&engine, &lot).await, "preview");
        clock.advance_to(BEGIN.plus_millis(PREVIEW + 1_000));
        until(&engine, &lot, "open").await;
        let submission = bid(&lot, "ann", STEP, early.at());
        assert_eq!(code(&send(engine.clone(), early, submission).await), Some("late"));
        assert_eq!(state(&engine, &lot).await, "suspended");
        let incidents = engine.read(|conn| incidents_open(conn, 10)).await.unwrap();
        assert_eq!(incidents, []);
    });
}
