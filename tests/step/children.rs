//! Instances within a trade: invoked ones that die with their state, started ones that outlive it, and what they tell.

use luochui::machine::Value;
use luochui::machine::step::Answer;
use luochui::machine::value::Map;

use super::world::{World, bank, code, member, staff, taken, with};

const MAIN: &str = "machine: main
title: 主
read: public
data:
  price: {type: money, title: 价, default: 1.00元}
  best: {type: key, of: entry, title: 得主, optional: true}
  ended: {type: text, title: 止, default: \"\"}
events:
  join: {title: 报名, from: [member], starts: entry, while: joining, otherwise: too_late}
  close: {title: 截止, from: [clerk]}
  abort: {title: 终止, from: [clerk]}
initial: joining
states:
  joining:
    title: 报名
    tags: [joining]
    on:
      close:
        - {guard: count.entry.paid >= 2, target: contest}
        - {guard: count.entry.paid == 1, target: sold, actions: [{assign: {best: only.entry.paid}}]}
        - over
      done.entry:
        actions: [{assign: {ended: event.state}}]
  contest:
    title: 竞
    invoke: {machine: contest, copy: [price], with: {extra: data.price * 2}}
    on:
      abort: over
      done.contest:
        - target: sold
          actions: [{assign: {best: event.leader, price: event.amount, ended: event.state}}]
  sold:
    title: 售
    entry:
      - send: {to: entry, event: won, key: data.best}
      - send: {to: entry, event: over}
    always: over
  over: {title: 完, type: final}
";

const ENTRY: &str = "machine: entry
title: 报名
child_of: main
one_per: owner
key: random
visible: {member: always}
read: public
data:
  paid: {type: money, title: 已付, default: 0.00元}
  told: {type: int, title: 通知, default: 0}
events:
  pay: {title: 到账, from: [bank], payload: {amount: money, ref: text}, once: event.ref}
  quit: {title: 撤回, from: [member]}
initial: unpaid
states:
  unpaid:
    title: 未付
    on:
      pay:
        - {guard: data.paid + event.amount >= parent.data.price, target: valid, actions: [{assign: {paid: data.paid + event.amount}}]}
        - {actions: [{assign: {paid: data.paid + event.amount}}]}
      quit: quit
      over: lost
  valid:
    title: 有效
    tags: [paid]
    on:
      won: won
      over: lost
      opened: {actions: [{assign: {told: data.told + 1}}]}
      quit: quit
  won: {title: 得, type: final}
  lost: {title: 失, type: final}
  quit: {title: 撤, type: final}
";

const CONTEST: &str = "machine: contest
title: 竞
child_of: main
read: public
data:
  price: {type: money, title: 价}
  extra: {type: money, title: 额}
  leader: {type: key, of: entry, title: 领先, optional: true}
events:
  bid: {title: 报价, from: [member], payload: {amount: money}}
initial: open
states:
  open:
    title: 开
    entry: [{send: {to: siblings.entry, event: opened}}]
    timers:
      end: {after: 4 minutes, then: sold}
    on:
      bid:
        - {guard: '!(\"paid\" in sender.tags)', reject: not_qualified}
        - actions: [{assign: {price: event.amount, leader: sender.key}}, {reset: end}]
  sold:
    title: 售
    type: final
    output: {leader: data.leader, amount: data.price}
";

fn world() -> World {
    let mut world = World::with(
        "refusals: {too_late: 已截止, not_qualified: 未取得资格, already_started: 您已报名}\n",
        &[MAIN, ENTRY, CONTEST],
    );
    world.start(Map::new());
    world
}

fn pay(world: &mut World, entry: &str, amount: i64, reference: &str) -> Answer {
    let payload = with([("amount", amount.into()), ("ref", reference.into())]);
    world.send_to(entry, &bank(), "pay", payload)
}

fn contested() -> (World, [luochui::machine::Name; 2]) {
    let mut world = world();
    let entries = ["zhang", "li"].map(|name| world.child(&member(name), "join"));
    for entry in &entries {
        assert_eq!(pay(&mut world, entry, 100, entry), taken());
    }
    assert_eq!(world.send(&staff("wu", "clerk"), "close", Map::new()), taken());
    assert_eq!(world.states(), ["contest"]);
    (world, entries)
}

#[test]
fn an_event_starts_a_child_for_its_sender_under_a_random_key() {
    let mut world = world();
    let id = world.child(&member("zhang"), "join");
    let entry = world.instance(&id);
    assert_eq!(
        (entry.owner.as_deref(), entry.parent.as_deref()),
        (Some("zhang"), Some("TRADE"))
    );
    assert_eq!(entry.key.as_ref().unwrap().len(), 6);
    assert_eq!(entry.states, ["unpaid".into()]);
    let other = world.child(&member("li"), "join");
    assert_ne!(world.instance(&other).key, world.instance(&id).key);
    world.assert_replays();
}

#[test]
fn one_per_owner_and_only_while_the_tag_is_active() {
    let mut world = world();
    world.child(&member("zhang"), "join");
    let Answer::Refused(refusal) = world.event("join") else {
        panic!("taken twice")
    };
    assert_eq!((&*refusal.code, &*refusal.text), ("already_started", "您已报名"));
    let nobody = luochui::machine::step::Actor {
        party: None,
        ..member("wang")
    };
    assert_eq!(code(&world.send(&nobody, "join", Map::new())), "forbidden");
    world.send(&staff("wu", "clerk"), "close", Map::new());
    assert_eq!(code(&world.send(&member("li"), "join", Map::new())), "ended");
}

#[test]
fn a_message_that_comes_twice_counts_once() {
    let mut world = world();
    let id = world.child(&member("zhang"), "join");
    assert_eq!(pay(&mut world, &id, 60, "R1"), taken());
    assert_eq!(pay(&mut world, &id, 60, "R1"), Answer::Repeated);
    assert_eq!(world.instance(&id).data["paid"], Value::Int(60));
    assert_eq!(pay(&mut world, &id, 60, "R2"), taken());
    assert_eq!(world.instance(&id).states, ["valid".into()]);
    world.assert_replays();
}

#[test]
fn guards_count_children_by_tag_and_name_the_only_one() {
    let mut world = world();
    let id = world.child(&member("zhang"), "join");
    world.child(&member("li"), "join");
    pay(&mut world, &id, 100, "R1");
    let key = world.instance(&id).key.clone().unwrap();
    world.send(&staff("wu", "clerk"), "close", Map::new());
    assert_eq!(world.states(), ["over"]);
    assert_eq!(world.data("best"), Value::Text(key));
    assert_eq!(
        world.instance(&id).states,
        ["won".into()],
        "the one addressed by key heard it first"
    );
    world.assert_replays();
}

#[test]
fn an_invoked_child_gets_its_data_and_answers_when_it_is_done() {
    let (mut world, [zhang, li]) = contested();
    let contest = world.only("contest").clone();
    assert_eq!(
        (&contest.data["price"], &contest.data["extra"]),
        (&Value::Int(100), &Value::Int(200))
    );
    assert_eq!(
        world.instance(&zhang).data["told"],
        Value::Int(1),
        "it told its siblings as it began"
    );
    let stranger = world.send_to(&contest.id, &member("wang"), "bid", with([("amount", 1.into())]));
    assert!(
        matches!(stranger, Answer::Failed(_)),
        "a member without an entry is for the role to keep out"
    );
    assert_eq!(
        world.send_to(&contest.id, &member("li"), "bid", with([("amount", 300.into())])),
        taken()
    );
    world.advance(4 * 60_000);
    assert_eq!(world.states(), ["over"]);
    assert_eq!((world.data("price"), world.data("ended")), (300.into(), "sold".into()));
    assert_eq!(world.instance(&li).states, ["won".into()]);
    assert_eq!(world.instance(&zhang).states, ["lost".into()]);
    let last = world.entries.last().unwrap();
    assert_eq!(
        last.public.transitions.len(),
        5,
        "the whole cascade is one entry: {:?}",
        world.last_transitions()
    );
    world.assert_replays();
}

#[test]
fn an_invoked_child_dies_with_its_state_and_started_ones_live_on() {
    let (mut world, [zhang, _]) = contested();
    let contest = world.only("contest").id.clone();
    world.send(&staff("wu", "clerk"), "abort", Map::new());
    let cancelled = world.instance(&contest);
    assert!(cancelled.done && cancelled.states.is_empty() && cancelled.timers.is_empty());
    assert!(!world.instance(&zhang).done);
    assert_eq!(
        code(&world.send_to(&contest, &member("li"), "bid", with([("amount", 1.into())]))),
        "ended"
    );
    assert_eq!(
        world.data("ended"),
        Value::from(""),
        "a cancelled child is not a finished one"
    );
    world.assert_replays();
}

#[test]
fn a_finished_started_child_tells_its_parent() {
    let mut world = world();
    let id = world.child(&member("zhang"), "join");
    assert_eq!(world.send_to(&id, &member("zhang"), "quit", Map::new()), taken());
    assert_eq!(world.data("ended"), Value::from("quit"));
    world.assert_replays();
}

const PING: &str = "machine: main
title: 呼
read: public
events:
  go: {title: 走, from: [member]}
  never: {title: 完, from: [member]}
initial: on
states:
  on:
    title: 在
    invoke: {machine: echo}
    on:
      go: {actions: [{send: {to: echo, event: ping}}]}
      pong: {actions: [{send: {to: echo, event: ping}}]}
      never: over
  over: {title: 完, type: final}
";

const ECHO: &str = "machine: echo
title: 应
child_of: main
read: public
events:
  never: {title: 完, from: [member]}
initial: on
states:
  on:
    title: 在
    on:
      ping: {actions: [{send: {to: parent, event: pong}}]}
      never: over
  over: {title: 完, type: final}
";

#[test]
fn two_machines_that_answer_each_other_without_end_are_stopped() {
    let mut world = World::started(&[PING, ECHO]);
    let before = world.trade.clone();
    let Answer::Failed(fault) = world.event("go") else {
        panic!("no fault")
    };
    assert!(fault.text.contains("without end"));
    assert_eq!(world.trade, before);
}
