//! Timers: decided by data and not by who wakes first, fenced by generations, told when they move.

use luochui::machine::Value;
use luochui::machine::step::{Answer, Cause, Effect};
use luochui::machine::value::Map;

use super::world::{World, code, member, system, taken, time, with};

const BIDS: &str = "machine: main
title: 竞
read: public
data:
  price: {type: money, title: 价, default: 0}
  ended_at: {type: time, title: 止, optional: true}
events:
  bid: {title: 报价, from: [member], payload: {amount: money}, otherwise: not_open}
initial: inquiry
states:
  inquiry:
    title: 询问期
    timers:
      end: {after: 4 minutes, then: timed}
  timed:
    title: 限时
    timers:
      countdown: {after: 4 minutes, then: {target: closed, actions: [{assign: {ended_at: now}}]}}
    on:
      bid:
        - guard: event.amount > data.price
          actions: [{assign: {price: event.amount}}, {reset: countdown}]
        - reject: too_low
          tell: {above: data.price}
  closed:
    title: 完
    type: final
";

fn world() -> World {
    let mut world = World::with("refusals: {too_low: 低于当前价, not_open: 现在不能报价}\n", &[BIDS]);
    world.start(Map::new());
    world
}

fn bid(world: &mut World, amount: i64) -> Answer {
    world.send(&member("zhang"), "bid", with([("amount", amount.into())]))
}

#[test]
fn what_is_due_fires_before_the_event_is_looked_at() {
    let mut world = world();
    world.now = time("2026-09-01 09:04");
    assert_eq!(bid(&mut world, 100), taken(), "the inquiry ended at this very instant");
    assert_eq!(world.entries.len(), 3);
    assert_eq!(world.entries[1].at, time("2026-09-01 09:04"));
    world.now = time("2026-09-01 09:08");
    assert_eq!(
        code(&bid(&mut world, 200)),
        "ended",
        "at the deadline the auction is closed"
    );
    world.assert_replays();
}

#[test]
fn durations_count_from_due_times_and_not_from_when_they_were_noticed() {
    let mut world = world();
    world.now = time("2026-09-01 12:00");
    assert_eq!(code(&bid(&mut world, 100)), "ended");
    assert_eq!(world.data("ended_at"), Value::from(time("2026-09-01 09:08")));
    let times: Vec<_> = world.entries.iter().map(|entry| entry.at).collect();
    assert_eq!(
        times,
        [
            time("2026-09-01 09:00"),
            time("2026-09-01 09:04"),
            time("2026-09-01 09:08")
        ]
    );
    world.assert_replays();
}

#[test]
fn an_accepted_bid_gives_the_full_time_again_and_a_refused_one_does_not() {
    let mut world = world();
    world.now = time("2026-09-01 09:06");
    bid(&mut world, 100);
    assert_eq!(world.timer("countdown").due, time("2026-09-01 09:10"));
    world.now = time("2026-09-01 09:07");
    let Answer::Refused(refusal) = bid(&mut world, 100) else {
        panic!("not refused")
    };
    assert_eq!((&*refusal.code, &*refusal.text), ("too_low", "低于当前价"));
    assert_eq!(refusal.tell["above"], Value::Int(100));
    assert_eq!(world.timer("countdown").due, time("2026-09-01 09:10"));
    world.assert_replays();
}

#[test]
fn a_firing_that_raced_with_a_reset_does_nothing() {
    let mut world = world();
    world.advance(4 * 60_000);
    let stale = Cause::Timer {
        name: "countdown".into(),
        generation: world.timer("countdown").generation,
    };
    world.advance(3 * 60_000);
    bid(&mut world, 100);
    let before = world.trade.clone();
    world.now = time("2026-09-01 09:08");
    assert_eq!(world.offer("TRADE", stale, &system()), Answer::Repeated);
    assert_eq!(world.trade, before);
    assert_eq!(world.states(), ["timed"]);
}

#[test]
fn a_timer_never_fires_early_and_never_twice() {
    let mut world = world();
    let cause = Cause::Timer {
        name: "end".into(),
        generation: 1,
    };
    world.now = time("2026-09-01 09:03");
    assert_eq!(world.offer("TRADE", cause.clone(), &system()), Answer::Repeated);
    assert_eq!(world.states(), ["inquiry"]);
    world.now = time("2026-09-01 09:04");
    assert_eq!(world.offer("TRADE", cause.clone(), &system()), taken());
    assert_eq!(world.offer("TRADE", cause, &system()), Answer::Repeated);
    assert_eq!(world.entries.len(), 2);
}

#[test]
fn time_never_runs_back_within_a_trade() {
    let mut world = world();
    world.advance(5 * 60_000);
    world.now = time("2026-09-01 09:01");
    assert_eq!(bid(&mut world, 100), taken());
    assert_eq!(world.entries.last().unwrap().at, time("2026-09-01 09:04"));
    assert_eq!(world.timer("countdown").due, time("2026-09-01 09:08"));
    world.assert_replays();
}

const DEADLINES: &str = "machine: main
title: 期
read: public
data:
  opens: {type: time, title: 开始, optional: true}
  length: {type: period, title: 期限, default: 7 workdays}
  closes: {type: time, title: 截止, optional: true}
  why: {type: text, title: 原因, default: \"\"}
initial: waiting
states:
  waiting:
    title: 等
    timers:
      opens: {until: data.opens, then: open}
  open:
    title: 开
    entry: [{assign: {closes: due.closes}}]
    timers:
      closes: {after: data.length, from: data.opens, then: counting}
    on:
      timer.closes.moved:
        actions: [{assign: {closes: event.due, why: event.why}}]
  counting:
    title: 数
    timers:
      counted: {after: 30 minutes, from: data.closes, then: over}
  over: {title: 完, type: final}
";

#[test]
fn an_absent_or_past_time_is_due_at_once() {
    let world = World::started(&[DEADLINES]);
    assert_eq!(
        world.states(),
        ["open"],
        "with the same decision, by an entry of its own"
    );
    assert_eq!(world.entries.len(), 2);
    let mut world = World::of(&[DEADLINES]);
    world.start(with([("opens", time("2026-08-28 08:00").into())]));
    assert_eq!(world.root().timers["closes"].due, time("2026-09-08 08:00"));
    world.assert_replays();
}

#[test]
fn periods_count_from_another_start_and_entry_actions_read_them() {
    let mut world = World::of(&[DEADLINES]);
    world.start(with([("opens", time("2026-09-18 10:00").into())]));
    world.wait_until(time("2026-09-18 12:00"));
    assert_eq!(world.data("closes"), Value::from(time("2026-09-29 10:00")));
    world.wait_until(time("2026-09-29 10:00"));
    assert_eq!(world.timer("counted").due, time("2026-09-29 10:30"));
    world.assert_replays();
}

#[test]
fn a_provisional_deadline_does_not_fire_until_its_year_is_published() {
    let mut world = World::of(&[DEADLINES]);
    world.start(with([("opens", time("2026-12-23 10:00").into())]));
    world.wait_until(time("2026-12-25 10:00"));
    assert!(world.timer("closes").provisional);
    assert_eq!(world.timer("closes").due, time("2027-01-01 10:00"), "by weekends only");
    let before = world.entries.len();
    world
        .calendars
        .publish("{calendar: cn-gov, year: 2027, source: test, off: [2027-01-01 to 2027-01-03], work: []}")
        .unwrap();
    assert_eq!(world.offer("TRADE", Cause::Calendar, &system()), taken());
    assert_eq!(world.entries.len(), before + 1);
    assert!(!world.timer("closes").provisional);
    assert_eq!(world.data("closes"), Value::from(time("2027-01-04 10:00")));
    assert_eq!(world.data("why"), Value::from("calendar"));
    assert_eq!(
        world.offer("TRADE", Cause::Calendar, &system()),
        Answer::Repeated,
        "nothing moved"
    );
    world.wait_until(time("2027-01-04 10:00"));
    assert_eq!(world.states(), ["counting"]);
    world.assert_replays();
}

#[test]
fn a_deadline_that_a_new_calendar_puts_into_the_past_is_an_incident() {
    let mut world = World::of(&[DEADLINES]);
    world.start(with([("opens", time("2026-12-23 10:00").into())]));
    world.wait_until(time("2027-01-08 10:00"));
    assert_eq!(world.states(), ["open"], "it never fired while provisional");
    world
        .calendars
        .publish("{calendar: cn-gov, year: 2027, source: test, off: [2027-01-01], work: []}")
        .unwrap();
    world.offer("TRADE", Cause::Calendar, &system());
    assert_eq!(world.states(), ["open"]);
    assert!(world.timer("closes").held);
    assert!(
        world
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Incident { .. }))
    );
    world.offer("TRADE", Cause::Retry { timer: "closes".into() }, &system());
    assert_eq!(
        world.states(),
        ["over"],
        "an admin let it fire, and the half hour after it is over too"
    );
    world.assert_replays();
}

#[test]
fn an_announced_deadline_never_moves_by_an_import() {
    let mut world = World::of(&[DEADLINES]);
    world.start(with([("opens", time("2026-09-18 10:00").into())]));
    world.wait_until(time("2026-09-18 12:00"));
    let before = world.timer("closes").clone();
    assert!(!before.provisional);
    // The notice of 2026 again, without its days off in autumn: every later deadline would fall earlier.
    world
        .calendars
        .publish("{calendar: cn-gov, year: 2026, source: amended, off: [2026-01-01], work: []}")
        .unwrap();
    assert_eq!(
        world.offer("TRADE", Cause::Calendar, &system()),
        Answer::Repeated,
        "what was announced stands"
    );
    assert_eq!(world.timer("closes"), &before);
    world.assert_replays();
}

const SENDS: &str = "machine: main
title: 送
read: public
data:
  heard: {type: int, title: 听, default: 0}
events:
  plan: {title: 定, from: [member]}
  stop: {title: 停, from: [member]}
  never: {title: 完, from: [member]}
initial: on
states:
  on:
    title: 在
    on:
      plan: {actions: [{send: {to: self, event: ring, data: {by: 5}, after: 10 seconds, id: alarm}}]}
      stop: {actions: [{cancel: alarm}]}
      ring: {actions: [{assign: {heard: data.heard + event.by}}]}
      never: over
  over: {title: 完, type: final}
";

#[test]
fn delayed_sends_are_delivered_once_or_cancelled() {
    let mut world = World::started(&[SENDS]);
    world.event("plan");
    world.advance(9_999);
    assert_eq!(world.data("heard"), Value::Int(0));
    world.advance(1);
    assert_eq!(world.data("heard"), Value::Int(5));
    world.event("plan");
    world.event("stop");
    world.advance(60_000);
    assert_eq!(world.data("heard"), Value::Int(5));
    world.assert_replays();
}

#[test]
fn outages_are_told_to_the_timer() {
    let machine = BIDS.replace(
        "countdown: {after: 4 minutes, then: {target: closed, actions: [{assign: {ended_at: now}}]}}",
        "countdown: {after: 4 minutes, then: [{guard: event.outage > seconds(3), target: inquiry}, closed]}",
    );
    let mut world = World::with("refusals: {too_low: 低, not_open: 否}\n", &[&machine]);
    world.start(Map::new());
    world.advance(4 * 60_000);
    world.outage = 3_001;
    world.advance(4 * 60_000);
    assert_eq!(world.states(), ["inquiry"]);
    world.outage = 3_000;
    world.advance(8 * 60_000);
    assert_eq!(world.states(), ["closed"]);
}

const HOSTILE: &str = "machine: main
title: 停不下来
read: public
data:
  pause: {type: duration, title: 间隔, default: 0 minutes}
  fired: {type: int, title: 次数, default: 0}
events: {stop: {title: 停, from: [member]}}
initial: watching
on: {stop: over}
states:
  watching:
    title: 看
    timers:
      thinks: {after: data.pause, then: {target: watching, reenter: true, actions: [{assign: {fired: data.fired + 1}}]}}
  over: {title: 停, type: final}
";

/// Two timers that arm each other in turn: neither arms itself.
const PAIR: &str = "machine: main
title: 你来我往
read: public
data:
  since: {type: time, title: 起, optional: true}
events: {stop: {title: 停, from: [member]}}
initial: ping
on: {stop: over}
states:
  ping:
    title: 乒
    timers: {there: {until: data.since, then: pong}}
  pong:
    title: 乓
    timers: {back: {until: data.since, then: ping}}
  over: {title: 停, type: final}
";

#[test]
fn a_timer_that_arms_itself_again_at_once_is_parked_with_an_incident() {
    for machine in [HOSTILE, PAIR] {
        let mut world = World::of(&[machine]);
        assert_eq!(world.start(Map::new()), taken(), "who started it is answered");
        let incidents = |world: &World| {
            let of = world.effects.iter();
            of.filter(|effect| matches!(effect, Effect::Incident { fault, .. } if fault.place.starts_with("timer.")))
                .count()
        };
        assert_eq!(incidents(&world), 1);
        assert!(world.entries.len() < 110, "{} entries", world.entries.len());
        let (held, entries) = (world.trade.clone().unwrap(), world.entries.len());
        assert_eq!(held.earliest_due(), None, "nothing is left to fire");
        world.now = time("2026-09-01 10:00");
        world.offer("TRADE", Cause::Calendar, &system());
        assert_eq!(world.entries.len(), entries, "it stays parked");
        // Tried again, it is parked again: an admin cannot let it loose either.
        let name = held.root().unwrap().timers.keys().next().unwrap().clone();
        world.offer("TRADE", Cause::Retry { timer: name }, &system());
        assert_eq!(incidents(&world), 2);
        assert!(world.entries.len() < 2 * entries + 5);
        world.assert_replays();
    }
}

#[test]
fn a_timer_that_waits_however_shortly_goes_on() {
    let mut world = World::of(&[HOSTILE]);
    world.start(Map::from([("pause".into(), Value::Int(1))]));
    world.now = world.now.plus_millis(500);
    world.offer("TRADE", Cause::Calendar, &system());
    assert_eq!(world.data("fired"), Value::Int(500));
}
