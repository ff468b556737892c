//! Opening a trade: who may, and with which fields.

use luochui::machine::step::{Answer, Cause};
use luochui::machine::value::Map;

use super::world::{World, code, post_at, staff, system, taken, with};

const MAIN: &str = "machine: main
title: 主
data:
  unit: {type: org, title: 单位}
  name: {type: text, title: 名称, default: \"\"}
  verdict: {type: text, title: 结论, default: \"\"}
events:
  start: {title: 新建, from: [head], form: [unit, name]}
  close: {title: 结束, from: [head]}
initial: open
states:
  open:
    title: 开
    on: {close: over}
  over: {title: 完, type: final}
";

fn open(data: Map, actor: &luochui::machine::step::Actor) -> Answer {
    let mut world = World::of(&[MAIN]);
    world.offer("TRADE", Cause::Start { machine: None, data }, actor)
}

#[test]
fn people_fill_in_what_the_start_asks_for_and_nothing_else() {
    let head = post_at("sun", "head", "U1");
    assert_eq!(
        open(with([("unit", "U1".into()), ("name", "车".into())]), &head),
        taken()
    );
    let written = with([("unit", "U1".into()), ("verdict", "成交".into())]);
    assert_eq!(code(&open(written.clone(), &head)), "invalid");
    assert_eq!(open(written, &system()), taken());
}

#[test]
fn only_those_the_start_names_may_open() {
    let data = with([("unit", "U1".into())]);
    assert_eq!(code(&open(data.clone(), &post_at("sun", "head", "U2"))), "forbidden");
    assert_eq!(code(&open(data, &staff("wu", "clerk"))), "forbidden");
}
