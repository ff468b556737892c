//! What SCXML leaves to be seen beyond the conformance suite: internal and external transitions, order, limits, faults.

use luochui::machine::step::{Answer, Cause, Effect};
use luochui::machine::value::Map;

use super::world::{World, code, member, system, taken, with};

const ORDER: &str = "machine: main
title: 次序
read: public
data:
  trace: {type: rich, title: 经过, default: \"\"}
events:
  go: {title: 走, from: [member]}
  back: {title: 回, from: [member]}
  again: {title: 再, from: [member]}
initial: first
states:
  first:
    title: 一
    initial: inner
    entry: [{assign: {trace: data.trace + \"+first \"}}]
    exit: [{assign: {trace: data.trace + \"-first \"}}]
    on:
      go: {target: second, actions: [{assign: {trace: data.trace + \"go \"}}]}
      again: {target: first}
    states:
      inner:
        title: 内
        entry: [{assign: {trace: data.trace + \"+inner \"}}]
        exit: [{assign: {trace: data.trace + \"-inner \"}}]
        timers:
          late: {after: 1 hours, then: other}
      other:
        title: 另
  second:
    title: 二
    type: parallel
    entry: [{assign: {trace: data.trace + \"+second \"}}]
    exit: [{assign: {trace: data.trace + \"-second \"}}]
    on:
      back: {target: first}
    states:
      left:
        title: 左
        entry: [{assign: {trace: data.trace + \"+left \"}}]
        exit: [{assign: {trace: data.trace + \"-left \"}}]
      right:
        title: 右
        entry: [{assign: {trace: data.trace + \"+right \"}}]
        exit: [{assign: {trace: data.trace + \"-right \"}}]
  over:
    title: 完
    type: final
";

/// A way to an end, which every machine needs.
fn ending(machine: &str) -> String {
    machine.replace(
        "      back: {target: first}\n",
        "      back: {target: first}\n      again: {target: over}\n",
    )
}

fn trace(world: &World) -> String {
    world.data("trace").as_text().unwrap().trim().to_owned()
}

#[test]
fn entry_and_exit_follow_document_order_and_its_reverse() {
    let mut world = World::started(&[&ending(ORDER)]);
    assert_eq!(trace(&world), "+first +inner");
    assert_eq!(world.event("go"), taken());
    assert_eq!(trace(&world), "+first +inner -inner -first go +second +left +right");
    assert_eq!(world.states(), ["second.left", "second.right"]);
    world.event("back");
    assert!(trace(&world).ends_with("-right -left -second +first +inner"));
    world.assert_replays();
}

#[test]
fn a_self_transition_without_reenter_enters_children_again_and_keeps_the_state() {
    let mut world = World::started(&[&ending(ORDER)]);
    world.advance(1_000);
    world.event("again");
    assert_eq!(trace(&world), "+first +inner -inner +inner");
    assert_eq!(world.timer("late").generation, 2, "the child's timer started again");
    world.assert_replays();
}

#[test]
fn an_event_that_no_state_takes_is_refused_and_leaves_no_trace() {
    let mut world = World::started(&[&ending(ORDER)]);
    let before = world.trade.clone();
    assert_eq!(code(&world.event("back")), "not_now");
    assert_eq!(code(&world.event("nonsense")), "unknown_event");
    assert_eq!(world.trade, before);
    assert_eq!(world.entries.len(), 1);
}

#[test]
fn an_ended_instance_refuses_everything() {
    let mut world = World::started(&[&ending(ORDER)]);
    world.event("go");
    world.event("again");
    assert_eq!(world.states(), ["over"]);
    assert!(world.root().done && world.root().timers.is_empty());
    assert_eq!(code(&world.event("go")), "ended");
    world.assert_replays();
}

const FAULTY: &str = "machine: main
title: 错
read: public
data:
  count: {type: int, title: 数, default: 0}
  share: {type: int, title: 份, default: 0}
events:
  divide: {title: 除, from: [member]}
  spin: {title: 转, from: [member]}
  end: {title: 完, from: [member]}
initial: calm
invariants:
  small: data.share < 100
states:
  calm:
    title: 静
    on:
      divide:
        - {guard: 10 / data.count > 1, target: over}
      spin: spinning
      end: over
    timers:
      check: {after: 1 minutes, then: [{guard: 10 / data.count > 1, target: over}]}
  spinning:
    title: 转
    always:
      - {guard: data.count >= 0, target: turning, actions: [{assign: {count: data.count + 1}}]}
  turning:
    title: 转
    always:
      - {guard: data.count >= 0, target: spinning}
      - {target: over}
  over:
    title: 完
    type: final
";

#[test]
fn a_guard_that_cannot_be_evaluated_changes_nothing_and_opens_an_incident() {
    let mut world = World::started(&[FAULTY]);
    let before = world.trade.clone();
    let Answer::Failed(fault) = world.event("divide") else {
        panic!("no fault")
    };
    assert_eq!(&*fault.place, "calm/divide/1");
    assert_eq!(world.trade, before);
    assert!(matches!(world.effects.last(), Some(Effect::Incident { .. })));
}

#[test]
fn a_cycle_of_always_is_a_fault_and_not_a_hang() {
    let mut world = World::started(&[FAULTY]);
    let Answer::Failed(fault) = world.event("spin") else {
        panic!("no fault")
    };
    assert!(fault.text.contains("1000 steps"), "{}", fault.text);
    assert_eq!(world.states(), ["calm"]);
}

#[test]
fn a_timer_whose_firing_fails_is_held_until_somebody_retries_it() {
    let mut world = World::started(&[FAULTY]);
    world.advance(3_600_000);
    assert!(world.timer("check").held);
    assert_eq!(world.entries.len(), 2, "one firing, recorded once");
    let retry = |world: &mut World| world.offer("TRADE", Cause::Retry { timer: "check".into() }, &system());
    assert_eq!(retry(&mut world), taken());
    assert!(world.timer("check").held, "it failed again");
    assert_eq!(retry(&mut world), taken());
    let retried = world
        .effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Incident { .. }));
    assert_eq!(retried.count(), 3);
    world.assert_replays();
}

#[test]
fn a_broken_invariant_rolls_back() {
    let mut world = World::of(&[FAULTY]);
    let Answer::Failed(fault) = world.start(with([("share", 100.into())])) else {
        panic!("no fault")
    };
    assert_eq!(&*fault.place, "small");
    assert!(world.trade.is_none());
    assert_eq!(world.start(with([("share", 99.into())])), taken());
}

#[test]
fn a_trade_is_opened_once_and_only_with_declared_data() {
    let mut world = World::of(&[FAULTY]);
    assert_eq!(code(&world.start(with([("shares", 1.into())]))), "invalid");
    assert_eq!(code(&world.start(with([("share", "1".into())]))), "invalid");
    assert_eq!(world.start(Map::new()), taken());
    assert_eq!(world.start(Map::new()), Answer::Repeated);
    assert_eq!(
        code(&world.send_to("NOBODY", &member("zhang"), "end", Map::new())),
        "unknown_instance"
    );
}

const REGIONS: &str = "machine: main
title: 区
read: public
events:
  both: {title: 同, from: [member]}
  finish_left: {title: 左完, from: [member]}
  finish_right: {title: 右完, from: [member]}
  leave: {title: 离, from: [member]}
  return: {title: 返, from: [member]}
initial: pair
states:
  pair:
    title: 双
    type: parallel
    on:
      done.state.pair: over
      leave: away
    states:
      left:
        title: 左
        initial: a
        states:
          a: {title: 甲, on: {both: b, finish_left: end}}
          b: {title: 乙, on: {finish_left: end}}
          end: {title: 完, type: final}
          kept: {title: 记, type: history, target: a}
      right:
        title: 右
        initial: a
        states:
          a: {title: 甲, on: {both: b, finish_right: end}}
          b: {title: 乙, on: {finish_right: end}}
          end: {title: 完, type: final}
  away:
    title: 外
    on:
      return: pair.left.kept
  over:
    title: 完
    type: final
";

#[test]
fn regions_move_together_and_the_whole_is_done_when_all_are() {
    let mut world = World::started(&[REGIONS]);
    world.event("both");
    assert_eq!(world.states(), ["pair.left.b", "pair.right.b"]);
    assert_eq!(world.last_transitions(), ["pair.left.a/both/1", "pair.right.a/both/1"]);
    world.event("finish_right");
    assert_eq!(world.states(), ["pair.left.b", "pair.right.end"]);
    world.event("finish_left");
    assert_eq!(world.states(), ["over"]);
    world.assert_replays();
}

#[test]
fn history_brings_back_the_region_it_stands_in_and_defaults_enter_the_other() {
    let mut world = World::started(&[REGIONS]);
    world.event("both");
    world.event("leave");
    world.event("return");
    assert_eq!(world.states(), ["pair.left.b", "pair.right.a"]);
    world.assert_replays();
}
