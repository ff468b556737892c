//! Sessions: what is booked when, who is refused where there is no room, and what follows where nobody can be.

use luochui::machine::history::replay;
use luochui::machine::slots::{Booking, Span};
use luochui::machine::step::{Answer, Cause, Effect};
use luochui::machine::value::Map;
use luochui::machine::{Time, Value};

use super::world::{World, code, staff, system, time, with};

const CAPACITIES: &str = "capacities:
  rooms: {title: 场地, limit: 2}
";

const MAIN: &str = "machine: main
title: 主
read: public
session:
  of: rooms
  title: data.name
  if: '\"planned\" in tags'
  from: data.starts
  until: data.starts + data.length
data:
  name: {type: text, title: 名称, default: 一号}
  starts: {type: time, title: 开始, optional: true}
  length: {type: duration, title: 时长, default: 1 hour}
  moved: {type: int, title: 改期, default: 0}
  waits: {type: duration, title: 等, default: 1 day}
events:
  plan: {title: 安排, from: [clerk], form: [starts]}
  rename: {title: 改名, from: [clerk], form: [name]}
  withdraw: {title: 撤回, from: [clerk]}
  suspend: {title: 中止, from: [chief]}
  resume: {title: 恢复, from: [chief]}
  open: {title: 开场, from: [clerk]}
  finish: {title: 完, from: [clerk]}
initial: trade
states:
  trade:
    title: 交易
    type: parallel
    on: {done.state.trade: done}
    states:
      course:
        title: 进程
        initial: draft
        states:
          draft: {title: 草稿, on: {plan: planned}}
          planned:
            title: 已安排
            tags: [planned]
            timers:
              later: {after: data.waits, then: postponed}
            on:
              plan: {}
              rename: {}
              withdraw: draft
              open: room
              session.full: {actions: [{assign: {starts: event.next, moved: data.moved + 1}}]}
          postponed:
            title: 顺延
            tags: [planned]
            entry: [{assign: {starts: data.starts + days(1)}}]
            on:
              session.full: {guard: event.next != null, actions: [{assign: {starts: event.next, moved: data.moved + 1}}]}
              withdraw: over
          room:
            title: 进行
            invoke: {machine: room, with: {starts: data.starts, length: data.length}}
            on: {done.room: over}
          over: {title: 完, type: final}
      standing:
        title: 状态
        initial: running
        states:
          running: {title: 正常, on: {suspend: halted, finish: ended}}
          ended: {title: 完, type: final}
          halted: {title: 中止, freezes: course, on: {resume: running}}
  done: {title: 完, type: final}
";

const ROOM: &str = "machine: room
title: 室
child_of: main
session: {of: rooms, title: main.data.name, if: 'true', from: data.starts, until: data.starts + data.length}
data:
  starts: {type: time, title: 开始}
  length: {type: duration, title: 时长}
events:
  close: {title: 关, from: [clerk]}
initial: live
states:
  live: {title: 进行, on: {close: closed}}
  closed: {title: 完, type: final}
";

fn taken(answer: &Answer) -> bool {
    matches!(answer, Answer::Taken { .. })
}

fn span(from: &str, until: &str) -> Span {
    Span {
        from: time(from),
        until: time(until),
    }
}

fn world() -> World {
    let mut world = World::with(CAPACITIES, &[MAIN, ROOM]);
    assert_eq!(world.start(Map::new()), Answer::Taken { created: None });
    world
}

fn plan(world: &mut World, starts: &str) -> Answer {
    let starts = with([("starts", Value::from(time(starts)))]);
    world.send(&staff("A1", "clerk"), "plan", starts)
}

fn send(world: &mut World, who: &str, event: &str) -> Answer {
    world.send(&staff("A2", who), event, Map::new())
}

fn booked(world: &World) -> Vec<Span> {
    let instances = world.trade.as_ref().unwrap().instances.values();
    let sessions = instances.filter_map(|instance| instance.session.clone());
    sessions.map(|Booking { span, .. }| span).collect()
}

fn proven(world: &World) {
    let again = replay(&world.bundle, &world.calendars, &world.entries).unwrap();
    assert_eq!(again.as_ref(), world.trade.as_ref());
}

#[test]
fn a_session_is_taken_moved_and_given_back() {
    let mut world = world();
    assert_eq!(booked(&world), []);
    assert!(taken(&plan(&mut world, "2026-11-02 09:00")));
    assert_eq!(booked(&world), [span("2026-11-02 09:00", "2026-11-02 10:00")]);
    assert!(taken(&plan(&mut world, "2026-11-03 14:00")));
    assert_eq!(booked(&world), [span("2026-11-03 14:00", "2026-11-03 15:00")]);
    assert!(taken(&send(&mut world, "clerk", "withdraw")));
    assert_eq!(booked(&world), []);
    proven(&world);
}

#[test]
fn one_too_many_is_refused_with_the_stretch_the_number_and_the_next_start() {
    let mut world = world();
    world.taken_elsewhere = vec![
        span("2026-11-02 08:00", "2026-11-02 09:30"),
        span("2026-11-02 09:15", "2026-11-02 11:00"),
    ];
    let answer = plan(&mut world, "2026-11-02 09:00");
    assert_eq!(code(&answer), "session_full");
    let Answer::Refused(refusal) = answer else { panic!() };
    let told = |name: &str| refusal.tell.get(name).and_then(Value::as_int).unwrap();
    assert_eq!(Time(told("from")), time("2026-11-02 09:15"));
    assert_eq!(Time(told("until")), time("2026-11-02 09:30"));
    assert_eq!((told("taken"), told("limit")), (2, 2));
    assert_eq!(Time(told("next")), time("2026-11-02 09:30"));
    let text = "所选时段的场次已排满：2026-11-02 09:15 至 2026-11-02 09:30 已有 2 场（上限 2 场），最早可从 2026-11-02 09:30 开始";
    assert_eq!(refusal.text, text);
    assert_eq!(booked(&world), []);
    assert!(taken(&plan(&mut world, "2026-11-02 09:30")));
    proven(&world);
}

#[test]
fn what_a_trade_has_is_not_asked_for_again() {
    let mut world = world();
    assert!(taken(&plan(&mut world, "2026-11-02 09:00")));
    // The centre has become too full since: what stands, stands.
    world.taken_elsewhere = vec![span("2026-11-02 00:00", "2026-11-03 00:00"); 5];
    let renamed = with([("name", Value::from("二号"))]);
    assert!(taken(&world.send(&staff("A1", "clerk"), "rename", renamed)));
    assert!(taken(&send(&mut world, "clerk", "open")));
    assert_eq!(booked(&world), [span("2026-11-02 09:00", "2026-11-02 10:00")]);
    let room = world.trade.as_ref().unwrap().instances.values();
    let room = room
        .filter(|instance| instance.session.is_some())
        .map(|instance| instance.machine.to_string());
    assert_eq!(room.collect::<Vec<_>>(), ["room"]);
    proven(&world);
}

#[test]
fn suspension_gives_the_slot_back_and_resuming_asks_for_it() {
    let mut world = world();
    assert!(taken(&plan(&mut world, "2026-11-02 09:00")));
    assert!(taken(&send(&mut world, "clerk", "open")));
    assert!(taken(&send(&mut world, "chief", "suspend")));
    assert_eq!(booked(&world), []);
    world.taken_elsewhere = vec![span("2026-11-02 09:00", "2026-11-02 10:00"); 2];
    assert_eq!(code(&send(&mut world, "chief", "resume")), "session_full");
    world.taken_elsewhere.pop();
    assert!(taken(&send(&mut world, "chief", "resume")));
    assert_eq!(booked(&world), [span("2026-11-02 09:00", "2026-11-02 10:00")]);
    let room = world.trade.as_ref().unwrap().instances.values();
    let room = room
        .into_iter()
        .find(|instance| &*instance.machine == "room")
        .unwrap()
        .id
        .clone();
    assert!(taken(&world.send_to(&room, &staff("A1", "clerk"), "close", Map::new())));
    assert_eq!(booked(&world), []);
    proven(&world);
}

#[test]
fn a_timer_is_not_refused_but_its_machine_chooses_the_next_start() {
    let mut world = world();
    assert!(taken(&plan(&mut world, "2026-11-02 09:00")));
    world.taken_elsewhere = vec![span("2026-11-03 08:00", "2026-11-03 12:00"); 2];
    world.now = time("2026-09-02 09:00");
    assert!(taken(&world.offer(
        "TRADE",
        Cause::Timer {
            name: "later".into(),
            generation: 1
        },
        &system(),
    )));
    assert_eq!(booked(&world), [span("2026-11-03 12:00", "2026-11-03 13:00")]);
    let root = world.trade.as_ref().unwrap().root().unwrap().data["moved"].clone();
    assert_eq!(root, Value::Int(1));
    assert!(
        !world
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Incident { .. }))
    );
    proven(&world);
}

#[test]
fn where_no_start_is_free_the_session_stands_and_an_incident_tells_so() {
    let capacities = "capacities:\n  rooms: {title: 场地, limit: 0}\n";
    let mut world = World::with(
        capacities,
        &[
            &MAIN.replace("if: '\"planned\" in tags'", "if: '\"postponed\" in active'"),
            ROOM,
        ],
    );
    assert_eq!(world.start(Map::new()), Answer::Taken { created: None });
    assert!(taken(&plan(&mut world, "2026-11-02 09:00")));
    assert_eq!(booked(&world), []);
    world.now = time("2026-09-02 09:00");
    let timer = Cause::Timer {
        name: "later".into(),
        generation: 1,
    };
    assert!(taken(&world.offer("TRADE", timer, &system())));
    assert_eq!(booked(&world), [span("2026-11-03 09:00", "2026-11-03 10:00")]);
    let incidents = world
        .effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Incident { .. }));
    assert_eq!(incidents.count(), 1);
    proven(&world);
}
