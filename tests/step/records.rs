//! The history: one entry per outside event, chained, provable after personal data is erased, replayed byte for byte.

use luochui::machine::history::{Break, replay, verify};
use luochui::machine::step::Answer;
use luochui::machine::value::Map;

use super::world::{World, bank, code, member, taken, with};

const MAIN: &str = "machine: main
title: 主
read: public
data:
  sum: {type: int, title: 和, default: 0}
events:
  add: {title: 加, from: [member], payload: {n: int}, keepRefusals: true, otherwise: closed}
  close: {title: 止, from: [member]}
  hidden: {title: 密, from: [member], payload: {n: int}}
initial: open
states:
  open:
    title: 开
    on:
      add:
        - {guard: event.n < 0, reject: negative}
        - actions: [{assign: {sum: data.sum + event.n}}]
      hidden: {guard: event.n > 0}
      close: shut
  shut:
    title: 闭
    on: {close: over}
  over: {title: 完, type: final}
";

const REFUSALS: &str = "refusals: {negative: 不能为负, closed: 已止}\n";

fn world() -> World {
    let mut world = World::with(REFUSALS, &[MAIN]);
    world.start(Map::new());
    for n in 1..=5 {
        add(&mut world, n);
    }
    world
}

fn add(world: &mut World, n: i64) -> Answer {
    world.now = world.now.plus_millis(1_000);
    world.send(&member("zhang"), "add", with([("n", n.into())]))
}

#[test]
fn entries_are_numbered_chained_and_end_at_the_trades_head() {
    let world = world();
    let numbers: Vec<u64> = world.entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    assert_eq!(verify(&world.entries).unwrap(), world.trade().head);
    assert_eq!(world.trade().seq, 6);
    world.assert_replays();
}

#[test]
fn refusals_are_kept_where_the_event_says_so_and_only_after_the_sender_may_send() {
    let mut world = world();
    assert_eq!(code(&add(&mut world, -1)), "negative");
    assert_eq!(
        world.entries.last().unwrap().public.refusal.as_deref(),
        Some("negative")
    );
    assert_eq!(code(&world.send(&member("zhang"), "add", Map::new())), "invalid");
    assert_eq!(world.entries.len(), 8);
    assert_eq!(code(&world.send(&bank(), "add", with([("n", 1.into())]))), "forbidden");
    assert_eq!(
        code(&world.send(&member("zhang"), "hidden", with([("n", 0.into())]))),
        "not_now"
    );
    assert_eq!(world.entries.len(), 8);
    assert_eq!(world.event("close"), taken());
    assert_eq!(code(&add(&mut world, 1)), "closed");
    assert_eq!(world.entries.len(), 10);
    world.assert_replays();
}

#[test]
fn a_change_anywhere_breaks_the_chain_where_it_happened() {
    let world = world();
    let broken = |change: &dyn Fn(&mut Vec<luochui::machine::history::Entry>)| {
        let mut entries = world.entries.clone();
        change(&mut entries);
        verify(&entries).map_err(|broken| (broken.seq, broken.why))
    };
    let private = |entries: &mut Vec<luochui::machine::history::Entry>| {
        entries[2].private.as_mut().unwrap().context.actor.account = "li".into();
    };
    assert_eq!(broken(&private), Err((3, Break::Private)));
    assert_eq!(
        broken(&|entries| entries[2].public.event = "other".into()),
        Err((3, Break::Hash))
    );
    assert_eq!(broken(&|entries| entries[2].at = world.now), Err((3, Break::Hash)));
    assert_eq!(
        broken(&|entries| entries[2].private_salt = None),
        Err((3, Break::Private))
    );
    assert_eq!(broken(&|entries| drop(entries.remove(2))), Err((3, Break::Sequence)));
    assert_eq!(broken(&|entries| entries.swap(2, 3)), Err((3, Break::Sequence)));
    assert_eq!(
        broken(&|entries| entries[3].prev = entries[1].hash.clone()),
        Err((4, Break::Predecessor))
    );
    let renumbered = |entries: &mut Vec<luochui::machine::history::Entry>| {
        entries.remove(2);
        (1..).zip(entries).for_each(|(seq, entry)| entry.seq = seq);
    };
    assert_eq!(broken(&renumbered), Err((3, Break::Predecessor)));
}

#[test]
fn erasing_the_private_part_leaves_the_chain_provable_and_says_why_it_cannot_be_replayed() {
    let world = world();
    let mut entries = world.entries.clone();
    entries[3].erase();
    assert_eq!(verify(&entries).unwrap(), world.trade().head);
    let stored = serde_json::to_string(&entries).unwrap();
    assert!(!serde_json::to_string(&entries[3]).unwrap().contains("zhang"));
    let loaded: Vec<luochui::machine::history::Entry> = serde_json::from_str(&stored).unwrap();
    assert_eq!(loaded, entries);
    let broken = replay(&world.bundle, &world.calendars, &entries).unwrap_err();
    assert_eq!((broken.seq, broken.why), (4, Break::Erased));
}

#[test]
fn a_history_whose_outcome_was_forged_does_not_replay() {
    let world = world();
    let mut entries = world.entries.clone();
    // Forged throughout: the chain is made anew, and only the replay sees that it cannot have happened.
    let mut prev = entries[4].hash.clone();
    let mut forged = entries[5].clone();
    forged.public.state = prev.clone();
    let before = luochui::machine::Trade {
        seq: 5,
        head: std::mem::replace(&mut prev, "".into()),
        ..world.trade().clone()
    };
    let private = forged.private.clone().unwrap();
    entries[5] = luochui::machine::history::Entry::seal(&before, forged.at, forged.public, private);
    verify(&entries).unwrap();
    let broken = replay(&world.bundle, &world.calendars, &entries).unwrap_err();
    assert_eq!((broken.seq, broken.why), (6, Break::Replay));
}

#[test]
fn an_empty_history_is_no_trade() {
    let world = World::with(REFUSALS, &[MAIN]);
    assert_eq!(replay(&world.bundle, &world.calendars, &[]).unwrap(), None);
}
