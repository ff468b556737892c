//! What leaves the trade: documents and their results, mails, webhooks, ledger postings, publications, follow-up trades.

use luochui::machine::step::{Answer, Cause, Effect};
use luochui::machine::value::Map;
use luochui::machine::{Time, Value};

use super::world::{World, code, staff, system, taken, with};

const MAIN: &str = "machine: main
title: 主
read: public
data:
  amount: {type: money, title: 额, default: 5.00元}
  owed: {type: money, title: 欠, default: 0.00元}
  double: {type: money, title: 倍, value: data.amount * 2}
  name: {type: text, title: 名, default: 物}
events:
  pay: {title: 付, from: [clerk], payload: {ref: text}}
  tell: {title: 告, from: [clerk]}
  paper: {title: 文, from: [clerk]}
  issue: {title: 证, from: [clerk]}
  wrong: {title: 错, from: [clerk]}
  again: {title: 再, from: [clerk]}
initial: open
states:
  open:
    title: 开
    on:
      pay: {actions: [{ledger: {hold: data.amount, refund: data.owed, ref: event.ref}}]}
      wrong: {actions: [{ledger: {hold: data.owed - data.amount}}]}
      tell:
        actions:
          - notify: {to: [clerk, chief], mail: news}
          - webhook: {hook: outside, data: {amount: data.double}}
          - publish: {price: data.double, at: now}
          - record: {told: {price: data.amount}}
      paper: {actions: [{document: notice}]}
      issue: {actions: [{document: certificate}]}
      document.notice.ready: {actions: [{set: {name: rendered}}]}
      again: {target: over, actions: [{relist: {copy: [name], with: {amount: data.amount * 3}}}]}
  over: {title: 完, type: final}
";

const MORE: &str = "documents:
  notice: {title: 公告, read: public}
  certificate: {title: 凭证, once: true, read: public}
ledger:
  hold: {title: 收, from: bank, to: held}
  refund: {title: 退, from: held, to: bank}
";

fn world() -> World {
    let mut world = World::with(MORE, &[MAIN]);
    world.start(Map::new());
    world
}

fn clerk(world: &mut World, event: &str, payload: Map) -> Answer {
    world.send(&staff("li", "clerk"), event, payload)
}

fn ready(world: &mut World, revision: i64, sha256: &str) -> Answer {
    let payload = with([
        ("revision", revision.into()),
        ("sha256", sha256.into()),
        ("number", "1号".into()),
    ]);
    let cause = Cause::Result {
        name: "document.notice.ready".into(),
        payload,
    };
    world.offer("TRADE", cause, &system())
}

#[test]
fn money_moves_by_kinds_and_nothing_is_left_out() {
    let mut world = world();
    assert_eq!(clerk(&mut world, "pay", with([("ref", "R1".into())])), taken());
    let posting = Effect::Posting {
        instance: "TRADE".into(),
        movement: "hold".into(),
        amount: 500,
        reference: Some("R1".into()),
        at: world.now,
    };
    assert_eq!(world.effects, [posting], "a movement of nothing is not posted");
}

#[test]
fn a_negative_amount_is_a_fault() {
    let mut world = world();
    assert!(matches!(clerk(&mut world, "wrong", Map::new()), Answer::Failed(_)));
    assert!(matches!(world.effects.as_slice(), [Effect::Incident { .. }]));
}

#[test]
fn mails_hooks_publications_and_records_carry_what_they_were_given() {
    let mut world = world();
    clerk(&mut world, "tell", Map::new());
    let at: Time = world.now;
    let instance = || "TRADE".into();
    let expected = [
        Effect::Mail {
            instance: instance(),
            roles: vec!["clerk".into(), "chief".into()],
            mail: "news".into(),
            at,
        },
        Effect::Webhook {
            instance: instance(),
            hook: "outside".into(),
            data: with([("amount", 1_000.into())]),
            at,
        },
        Effect::Published {
            instance: instance(),
            data: with([("price", 1_000.into()), ("at", at.into())]),
            at,
        },
        Effect::Recorded {
            instance: instance(),
            kind: "told".into(),
            data: with([("price", 500.into())]),
            at,
        },
    ];
    assert_eq!(world.effects, expected);
}

#[test]
fn only_the_rendering_that_was_asked_for_last_counts() {
    let mut world = world();
    clerk(&mut world, "paper", Map::new());
    clerk(&mut world, "paper", Map::new());
    assert_eq!(ready(&mut world, 1, "old"), Answer::Repeated);
    assert_eq!(world.data("name"), Value::from("物"));
    assert_eq!(ready(&mut world, 2, "new"), taken());
    let document = world.root().documents["notice"].clone();
    assert_eq!(
        (document.sha256.as_deref(), document.number.as_deref()),
        (Some("new"), Some("1号"))
    );
    assert_eq!(world.data("name"), Value::from("rendered"));
    assert_eq!(ready(&mut world, 2, "new"), Answer::Repeated, "told twice, taken once");
    clerk(&mut world, "paper", Map::new());
    let document = &world.root().documents["notice"];
    assert_eq!((document.revision, document.sha256.as_deref()), (3, None));
    world.assert_replays();
}

#[test]
fn a_rendering_is_stored_even_where_the_instance_has_ended() {
    let mut world = world();
    clerk(&mut world, "paper", Map::new());
    clerk(&mut world, "again", Map::new());
    assert!(world.root().done);
    assert_eq!(ready(&mut world, 1, "late"), taken());
    assert_eq!(world.root().documents["notice"].sha256.as_deref(), Some("late"));
    world.assert_replays();
}

#[test]
fn what_is_issued_once_is_not_issued_twice() {
    let mut world = world();
    assert_eq!(clerk(&mut world, "issue", Map::new()), taken());
    assert!(matches!(clerk(&mut world, "issue", Map::new()), Answer::Failed(_)));
}

#[test]
fn a_follow_up_trade_is_asked_for_with_copied_and_computed_data() {
    let mut world = world();
    clerk(&mut world, "again", Map::new());
    let trades: Vec<&Effect> = world.effects.iter().collect();
    let [Effect::NewTrade { data, .. }] = trades.as_slice() else {
        panic!("{trades:?}")
    };
    assert_eq!(*data, with([("name", "物".into()), ("amount", 1_500.into())]));
}

#[test]
fn a_refused_event_has_no_effects() {
    let mut world = world();
    assert_eq!(code(&clerk(&mut world, "pay", Map::new())), "invalid");
    assert_eq!(
        code(&world.send(&staff("wang", "chief"), "tell", Map::new())),
        "forbidden"
    );
    assert!(world.effects.is_empty());
}
