//! What was opened to readers once stays open, and what is internal stays inside.

use luochui::machine::Value;
use luochui::machine::step::{Actor, Answer};
use luochui::machine::value::Map;
use luochui::machine::view;

use super::world::{World, member, staff};

const SALE: &str = "machine: main
title: 卖
visible: {public: published, clerk: always}
read: [clerk]
data:
  price: {type: money, title: 价格, default: 5.00元, read: {public: opened, clerk: always}}
events:
  publish: {title: 公告, from: [clerk]}
  open:    {title: 开标, from: [clerk]}
  owe:     {title: 欠款, from: [member]}
  end:     {title: 结束, from: [clerk]}
initial: draft
states:
  draft:
    title: 准备
    on: {publish: trade}
  trade:
    title: 交易
    tags: [published]
    type: parallel
    on: {end: over}
    states:
      course:
        title: 进程
        initial: closed
        states:
          closed:
            title: 未开标
            on: {open: shown}
          shown: {title: 已开标, tags: [opened]}
      money:
        title: 款项
        tags: [internal]
        initial: nothing
        states:
          nothing:
            title: 无
            on: {owe: owing}
          owing: {title: 应退, tags: [refunding], timers: {late: {after: 3 days, then: nothing}}}
  over: {title: 已结束, type: final}
";

fn seen(world: &World, actor: &Actor) -> Option<Map> {
    let trade = world.trade.as_ref().unwrap();
    match view::view(&world.bundle, trade, world.root(), actor) {
        Some(Value::Map(map)) => Some(map),
        _ => None,
    }
}

fn price(world: &World, actor: &Actor) -> Option<Value> {
    match seen(world, actor)?.get("data") {
        Some(Value::Map(data)) => data.get("price").cloned(),
        _ => None,
    }
}

fn send(world: &mut World, event: &str) {
    let taken = world.send(&staff("wu", "clerk"), event, Map::new());
    assert_eq!(taken, Answer::Taken { created: None });
}

#[test]
fn what_was_open_once_stays_open_after_the_end() {
    let mut world = World::started(&[SALE]);
    let stranger = Actor::default();
    assert!(seen(&world, &stranger).is_none());
    send(&mut world, "publish");
    assert!(seen(&world, &stranger).is_some());
    assert_eq!(price(&world, &stranger), None);
    send(&mut world, "open");
    assert_eq!(price(&world, &stranger), Some(Value::Int(500)));
    send(&mut world, "end");
    assert_eq!(world.states(), ["over"]);
    assert_eq!(price(&world, &stranger), Some(Value::Int(500)));
    world.assert_replays();
}

#[test]
fn what_never_opened_stays_closed_after_the_end() {
    let mut world = World::started(&[SALE]);
    send(&mut world, "publish");
    send(&mut world, "end");
    assert!(seen(&world, &Actor::default()).is_some());
    assert_eq!(price(&world, &Actor::default()), None);
}

#[test]
fn internal_states_look_the_same_whatever_happens_in_them() {
    let mut world = World::started(&[SALE]);
    send(&mut world, "publish");
    let (before, inside) = (seen(&world, &Actor::default()), seen(&world, &staff("wu", "clerk")));
    world.send(&member("zhang"), "owe", Map::new());
    assert_eq!(seen(&world, &Actor::default()), before);
    assert_ne!(seen(&world, &staff("wu", "clerk")), inside);
}

#[test]
fn internal_states_are_known_to_those_alone_who_read_the_machine() {
    let mut world = World::started(&[SALE]);
    send(&mut world, "publish");
    let trade = world.trade.as_ref().unwrap();
    let knows = |path: &str, actor: &Actor| {
        let state = world.bundle.machines["main"].state_at(path).unwrap();
        view::may_know(&world.bundle, trade, world.root(), state, view::Reader::Actor(actor))
    };
    assert!(!knows("trade.money.owing", &Actor::default()));
    assert!(knows("trade.course.shown", &Actor::default()));
    assert!(knows("trade.money.owing", &staff("wu", "clerk")));
}
