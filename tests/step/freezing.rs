//! Suspension: what stands still, what is refused, what is let through, and how it all goes on afterwards.

use luochui::machine::step::{Answer, Cause};
use luochui::machine::trade::Remainder;
use luochui::machine::value::Map;
use luochui::machine::{Name, Value};

use super::world::{World, bank, code, member, staff, system, taken, time, with};

const MAIN: &str = "machine: main
title: 主
read: public
data:
  closes: {type: time, title: 截止, optional: true}
  why: {type: text, title: 原因, default: \"\"}
  moved: {type: int, title: 改期, default: 0}
events:
  join: {title: 报名, from: [member], starts: entry, while: open}
  amend: {title: 改, from: [clerk], while: open}
  suspend: {title: 中止, from: [chief]}
  resume: {title: 恢复, from: [chief]}
  compete: {title: 竞, from: [clerk]}
initial: trade
states:
  trade:
    title: 交易
    type: parallel
    states:
      course:
        title: 进程
        initial: notice
        states:
          notice:
            title: 公告
            tags: [open]
            entry: [{assign: {closes: due.closes}}]
            timers:
              closes: {after: 5 workdays, then: review}
            on:
              amend: {actions: [{set: {why: amended}}]}
              compete: contest
              timer.closes.moved: {actions: [{assign: {closes: event.due, why: event.why, moved: data.moved + 1}}]}
          review:
            title: 审
            todo:
              for: [clerk]
              due: 2 hours
              outcomes: {pass: over, overdue: over}
          contest:
            title: 竞
            invoke: {machine: contest}
            on: {done.contest: over}
          over: {title: 完, type: final}
      standing:
        title: 状态
        initial: running
        states:
          running:
            title: 正常
            on: {suspend: suspended}
          suspended:
            title: 中止
            freezes: course
            letThrough: [pay]
            timers:
              limit: {after: 30 days, then: stopped}
            on: {resume: running}
          stopped: {title: 止, type: final}
    on:
      done.state.trade: ended
  ended: {title: 完, type: final}
";

const ENTRY: &str = "machine: entry
title: 报名
child_of: main
one_per: owner
read: public
data:
  paid: {type: int, title: 已付, default: 0}
  told: {type: text, title: 通知, default: \"\"}
events:
  pay: {title: 到账, from: [bank]}
  quit: {title: 撤, from: [member]}
initial: on
states:
  on:
    title: 在
    timers:
      reminder: {after: 3 hours, then: {actions: [{set: {told: reminded}}]}}
    on:
      pay: {actions: [{assign: {paid: data.paid + 1}}]}
      quit: off
      thawed: {actions: [{set: {told: thawed}}]}
  off: {title: 止, type: final}
";

const CONTEST: &str = "machine: contest
title: 竞
child_of: main
read: public
data:
  rounds: {type: int, title: 轮, default: 0}
events:
  bid: {title: 报价, from: [member]}
initial: inquiry
states:
  inquiry:
    title: 询问
    entry: [{assign: {rounds: data.rounds + 1}}]
    timers:
      end: {after: 4 minutes, then: timed}
  timed:
    title: 限时
    timers:
      end: {after: 4 minutes, then: sold}
    on:
      bid: {actions: [{reset: end}]}
      thawed: inquiry
  sold: {title: 售, type: final}
";

fn world() -> (World, Name) {
    let mut world = World::started(&[MAIN, ENTRY, CONTEST]);
    let entry = world.child(&member("zhang"), "join");
    (world, entry)
}

fn chief(world: &mut World, event: &str) -> Answer {
    world.send(&staff("wang", "chief"), event, Map::new())
}

fn clerk(world: &mut World, event: &str) -> Answer {
    world.send(&staff("li", "clerk"), event, Map::new())
}

#[test]
fn timers_stand_still_and_resume_with_what_remained() {
    let (mut world, entry) = world();
    assert_eq!(world.timer("closes").due, time("2026-09-08 09:00"));
    world.wait_until(time("2026-09-02 10:00"));
    assert_eq!(chief(&mut world, "suspend"), taken());
    let days = Some(Remainder::Workdays {
        days: 4,
        clock: 9 * 3_600_000,
    });
    assert_eq!(world.timer("closes").frozen, days);
    assert!(world.instance(&entry).frozen);
    assert!(world.timer("limit").is_live(), "the suspension's own timer runs");
    world.wait_until(time("2026-09-16 15:00"));
    assert_eq!(world.states(), ["trade.course.notice", "trade.standing.suspended"]);
    assert_eq!(
        world.instance(&entry).data["told"],
        Value::from("reminded"),
        "before the suspension"
    );
    assert_eq!(chief(&mut world, "resume"), taken());
    // 17, 18, the working Sunday 20, 21.
    assert_eq!(world.timer("closes").due, time("2026-09-21 09:00"));
    assert_eq!(world.data("closes"), Value::from(time("2026-09-21 09:00")));
    assert_eq!((world.data("why"), world.data("moved")), ("thawed".into(), 1.into()));
    assert_eq!(world.instance(&entry).data["told"], Value::from("thawed"));
    world.wait_until(time("2026-09-21 09:00"));
    assert_eq!(world.states()[0], "trade.course.review");
    world.assert_replays();
}

#[test]
fn a_duration_resumes_to_the_millisecond() {
    let (mut world, entry) = world();
    world.advance(3_600_000);
    chief(&mut world, "suspend");
    assert_eq!(
        world.instance(&entry).timers["reminder"].frozen,
        Some(Remainder::Millis(7_200_000))
    );
    world.advance(50 * 3_600_000);
    chief(&mut world, "resume");
    world.advance(7_199_999);
    assert_eq!(world.instance(&entry).data["told"], Value::from("thawed"));
    world.advance(1);
    assert_eq!(world.instance(&entry).data["told"], Value::from("reminded"));
    world.assert_replays();
}

#[test]
fn people_are_refused_unless_let_through() {
    let (mut world, entry) = world();
    chief(&mut world, "suspend");
    assert_eq!(code(&clerk(&mut world, "amend")), "suspended");
    assert_eq!(code(&world.send(&member("li"), "join", Map::new())), "suspended");
    assert_eq!(
        code(&world.send_to(&entry, &member("zhang"), "quit", Map::new())),
        "suspended"
    );
    assert_eq!(
        code(&chief(&mut world, "suspend")),
        "not_now",
        "this is no matter of the frozen region"
    );
    assert_eq!(world.send_to(&entry, &bank(), "pay", Map::new()), taken());
    assert_eq!(world.instance(&entry).data["paid"], Value::Int(1));
    chief(&mut world, "resume");
    assert_eq!(clerk(&mut world, "amend"), taken());
    assert_eq!(world.send_to(&entry, &member("zhang"), "quit", Map::new()), taken());
    world.assert_replays();
}

#[test]
fn to_dos_stand_still_with_their_deadlines() {
    let (mut world, _) = world();
    world.wait_until(time("2026-09-08 09:30"));
    assert_eq!(world.todo("review").due, Some(time("2026-09-08 11:00")));
    chief(&mut world, "suspend");
    assert!(world.todo("review").frozen);
    assert_eq!(
        code(&world.complete(&staff("li", "clerk"), "review", "pass", Map::new())),
        "suspended"
    );
    world.wait_until(time("2026-09-09 09:30"));
    chief(&mut world, "resume");
    assert_eq!(world.todo("review").due, Some(time("2026-09-09 11:00")));
    assert_eq!(world.timer("todo.review").due, time("2026-09-09 11:00"));
    assert_eq!(
        world.complete(&staff("li", "clerk"), "review", "pass", Map::new()),
        taken()
    );
    world.assert_replays();
}

#[test]
fn an_invoked_child_answers_the_thaw_by_its_own_rule() {
    let (mut world, _) = world();
    clerk(&mut world, "compete");
    world.advance(5 * 60_000);
    let contest = world.only("contest").id.clone();
    assert_eq!(world.instance(&contest).states, ["timed".into()]);
    chief(&mut world, "suspend");
    world.advance(60 * 60_000);
    assert_eq!(
        world.instance(&contest).states,
        ["timed".into()],
        "it was not cancelled and did not go on"
    );
    assert_eq!(
        code(&world.send_to(&contest, &member("zhang"), "bid", Map::new())),
        "suspended"
    );
    chief(&mut world, "resume");
    let room = world.instance(&contest);
    assert_eq!(
        (&room.states, &room.data["rounds"]),
        (&vec!["inquiry".into()], &Value::Int(2))
    );
    assert_eq!(room.timers["end"].due, world.now.plus_millis(4 * 60_000));
    world.assert_replays();
}

#[test]
fn a_stale_firing_of_a_frozen_or_thawed_timer_does_nothing() {
    let (mut world, _) = world();
    let cause = |world: &World| Cause::Timer {
        name: "closes".into(),
        generation: world.timer("closes").generation,
    };
    let first = cause(&world);
    chief(&mut world, "suspend");
    world.now = time("2026-09-10 09:00");
    assert_eq!(world.offer("TRADE", first.clone(), &system()), Answer::Repeated);
    chief(&mut world, "resume");
    assert_eq!(world.offer("TRADE", first, &system()), Answer::Repeated);
    assert_eq!(world.states()[0], "trade.course.notice");
}

#[test]
fn what_begins_during_a_suspension_begins_frozen() {
    // The result of an effect may still move the frozen region: what it enters stands still too.
    let asked = MAIN.replace("entry: [{assign", "entry: [{document: paper}, {assign");
    let machine = asked.replace(
        "compete: contest",
        "compete: contest\n              document.paper.ready: contest",
    );
    let more = "documents: {paper: {title: 文件, read: public}}\n";
    let mut world = World::with(more, &[&machine, ENTRY, CONTEST]);
    world.start(Map::new());
    chief(&mut world, "suspend");
    let ready = Cause::Result {
        name: "document.paper.ready".into(),
        payload: with([("revision", 1.into()), ("sha256", "ab".into())]),
    };
    assert_eq!(world.offer("TRADE", ready.clone(), &system()), taken());
    assert_eq!(world.offer("TRADE", ready, &system()), Answer::Repeated);
    let contest = world.only("contest");
    assert!(contest.frozen && contest.timers["end"].frozen.is_some());
    let id = contest.id.clone();
    world.advance(60 * 60_000);
    chief(&mut world, "resume");
    world.advance(3 * 60_000);
    assert_eq!(world.instance(&id).states, ["inquiry".into()]);
    world.advance(60_000);
    assert_eq!(world.instance(&id).states, ["timed".into()]);
    world.assert_replays();
}

#[test]
fn a_suspension_that_lasts_too_long_ends_by_its_own_timer() {
    let (mut world, _) = world();
    chief(&mut world, "suspend");
    world.advance(30 * 86_400_000);
    assert_eq!(world.states(), ["trade.course.notice", "trade.standing.stopped"]);
    assert!(
        world.timer("closes").frozen.is_none(),
        "nothing holds the course any more"
    );
    world.assert_replays();
}
