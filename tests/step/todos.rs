//! To-dos: opened and closed with their state, claimed, handed on, completed; forms, separation of duties, deadlines.

use luochui::machine::Value;
use luochui::machine::step::{Act, Answer, Cause, Effect};
use luochui::machine::value::Map;

use super::world::{World, code, member, staff, system, taken, time, with};

const REVIEW: &str = "machine: main
title: 审
read: public
data:
  name: {type: text, title: 名称}
  price: {type: money, title: 价格}
  remark: {type: text, title: 备注, optional: true}
  reason: {type: text, title: 理由, default: \"\"}
  kind: {type: [land, car], title: 类别, default: car}
  details: {type: form, title: 明细, schema: forms/details.yaml, optional: true}
initial: draft
states:
  draft:
    title: 填报
    todo:
      for: [clerk]
      form: [name, price, remark, kind, details]
      due: 3 workdays
      outcomes:
        submit:
          - {guard: event.price < fen(100), target: cheap}
          - check
        cancel: over
  cheap: {title: 低, type: final}
  check:
    title: 审核
    todo:
      for: [chief, clerk]
      notBy: [draft]
      reassign: [member]
      due: 2 workdays
      outcomes:
        approve: sign
        return: {target: draft, form: [reason]}
        overdue: {target: draft}
  sign:
    title: 签署
    entry: [{document: paper}]
    todo:
      for: [clerk, chief]
      completion: all
      sign: paper
      outcomes:
        signed: over
        refuse: {target: draft, form: [reason]}
  over: {title: 完, type: final}
";

const DETAILS: &str = "fields:
  - {name: area, title: 面积, type: int, required: true, only_if: {kind: [land]}}
  - {name: plate, title: 车牌, type: text}
";

fn world() -> World {
    let mut world = World::with_forms(
        "documents: {paper: {title: 文件, read: public}}\n",
        &[REVIEW],
        &[("details", DETAILS)],
    );
    world.start(Map::new());
    world
}

fn filled() -> Map {
    with([("name", "车辆".into()), ("price", 500.into())])
}

fn submitted() -> World {
    let mut world = world();
    assert_eq!(
        world.complete(&staff("li", "clerk"), "draft", "submit", filled()),
        taken()
    );
    world
}

#[test]
fn a_to_do_opens_with_its_state_and_its_due_date() {
    let world = world();
    assert_eq!(world.todo("draft").due, Some(time("2026-09-04 09:00")));
    assert_eq!(world.todo("draft").id.len(), 26);
    assert!(
        world.root().timers.is_empty(),
        "a due date without `overdue` only reminds"
    );
}

#[test]
fn the_form_is_checked_and_assigned() {
    let mut world = world();
    let clerk = staff("li", "clerk");
    let mut submit = |payload| world.complete(&clerk, "draft", "submit", payload);
    assert_eq!(
        code(&submit(Map::new())),
        "invalid",
        "fields without a value are asked for"
    );
    assert_eq!(
        code(&submit(with([("name", "车辆".into()), ("price", "500".into())]))),
        "invalid"
    );
    assert_eq!(
        code(&submit(with([("name", "两\n行".into()), ("price", 500.into())]))),
        "invalid"
    );
    assert_eq!(code(&submit(with([("surprise", 1.into())]))), "invalid");
    assert_eq!(submit(filled()), taken());
    assert_eq!(world.states(), ["check"]);
    assert_eq!(world.data("price"), Value::Int(500));
    world.assert_replays();
}

#[test]
fn guards_read_the_form_and_leaving_by_another_outcome_does_not_ask_for_it() {
    let mut cheap = world();
    let clerk = staff("li", "clerk");
    let payload = with([("name", "车".into()), ("price", 99.into())]);
    assert_eq!(cheap.complete(&clerk, "draft", "submit", payload), taken());
    assert_eq!(cheap.states(), ["cheap"]);
    let mut cancelled = world();
    assert_eq!(cancelled.complete(&clerk, "draft", "cancel", Map::new()), taken());
    assert_eq!(cancelled.states(), ["over"]);
}

#[test]
fn a_category_decides_which_entries_of_a_form_are_asked_for() {
    let mut world = world();
    let clerk = staff("li", "clerk");
    let details = |entries: Map| ("details", Value::Map(entries));
    let land = |entries| {
        with([
            ("name", "地".into()),
            ("price", 500.into()),
            ("kind", "land".into()),
            details(entries),
        ])
    };
    let Answer::Refused(refusal) = world.complete(&clerk, "draft", "submit", land(Map::new())) else {
        panic!("taken")
    };
    assert!(refusal.text.contains("面积"), "{}", refusal.text);
    let wrong = land(with([("area", "大".into())]));
    assert_eq!(code(&world.complete(&clerk, "draft", "submit", wrong)), "invalid");
    let unknown = land(with([("area", 10.into()), ("colour", "red".into())]));
    assert_eq!(code(&world.complete(&clerk, "draft", "submit", unknown)), "invalid");
    assert_eq!(
        world.complete(&clerk, "draft", "submit", land(with([("area", 10.into())]))),
        taken()
    );
}

#[test]
fn an_outcome_asks_for_its_own_fields() {
    let mut world = submitted();
    let chief = staff("wang", "chief");
    assert_eq!(code(&world.complete(&chief, "check", "return", Map::new())), "invalid");
    assert_eq!(
        code(&world.complete(&chief, "check", "return", with([("reason", "  ".into())]))),
        "invalid"
    );
    assert_eq!(
        world.complete(&chief, "check", "return", with([("reason", "价格不明".into())])),
        taken()
    );
    assert_eq!(world.data("reason"), Value::from("价格不明"));
    assert_eq!(world.todo("draft").entry, 2, "a second to-do of the same state");
    world.complete(&staff("li", "clerk"), "draft", "submit", Map::new());
    assert_eq!(
        code(&world.complete(&chief, "check", "return", Map::new())),
        "invalid",
        "an old reason is none"
    );
    world.assert_replays();
}

#[test]
fn who_may_not_is_told_so() {
    let mut world = submitted();
    assert_eq!(
        code(&world.complete(&member("zhang"), "check", "approve", Map::new())),
        "forbidden"
    );
    assert_eq!(
        code(&world.complete(&staff("li", "clerk"), "check", "approve", Map::new())),
        "same_person"
    );
    assert_eq!(
        code(&world.complete(&staff("wang", "chief"), "check", "overdue", Map::new())),
        "unknown_event"
    );
    assert_eq!(
        code(&world.complete(&staff("wang", "chief"), "check", "agree", Map::new())),
        "unknown_event"
    );
    let todo = world.todo("check").id.clone();
    world.complete(&staff("wang", "chief"), "check", "approve", Map::new());
    let late = Cause::Todo { todo, act: Act::Claim };
    assert_eq!(
        code(&world.offer("TRADE", late, &staff("wang", "chief"))),
        "todo_closed"
    );
}

#[test]
fn a_claimed_to_do_belongs_to_one_person_until_it_is_released_or_handed_on() {
    let mut world = submitted();
    let (wang, zhao) = (staff("wang", "chief"), staff("zhao", "chief"));
    assert_eq!(world.act(&wang, "check", Act::Claim), taken());
    assert_eq!(world.act(&wang, "check", Act::Claim), Answer::Repeated);
    assert_eq!(code(&world.act(&zhao, "check", Act::Claim)), "todo_claimed");
    assert_eq!(
        code(&world.complete(&zhao, "check", "approve", Map::new())),
        "todo_claimed"
    );
    assert_eq!(code(&world.act(&zhao, "check", Act::Release)), "todo_claimed");
    assert_eq!(world.act(&wang, "check", Act::Release), taken());
    assert_eq!(world.act(&wang, "check", Act::Transfer { to: "zhao".into() }), taken());
    assert_eq!(
        code(&world.complete(&wang, "check", "approve", Map::new())),
        "todo_claimed"
    );
    assert_eq!(
        world.entries.last().unwrap().public.event.as_ref(),
        "todo.check.transfer"
    );
    assert_eq!(world.complete(&zhao, "check", "approve", Map::new()), taken());
    assert_eq!(
        world.entries.last().unwrap().public.event.as_ref(),
        "todo.check.approve"
    );
    world.assert_replays();
}

#[test]
fn whose_claimer_is_gone_is_given_to_another_only_by_the_role_that_the_workflow_names() {
    let mut world = submitted();
    let (wang, zhao) = (staff("wang", "chief"), staff("zhao", "chief"));
    let head = member("sun");
    // What nobody holds is not theirs to hand out.
    assert_eq!(code(&world.act(&head, "check", Act::Release)), "forbidden");
    assert_eq!(world.act(&wang, "check", Act::Claim), taken());
    assert_eq!(
        code(&world.act(&zhao, "check", Act::Transfer { to: "zhao".into() })),
        "todo_claimed"
    );
    assert_eq!(
        code(&world.complete(&head, "check", "approve", Map::new())),
        "forbidden"
    );
    assert_eq!(world.act(&head, "check", Act::Transfer { to: "zhao".into() }), taken());
    assert_eq!(
        world.entries.last().unwrap().public.event.as_ref(),
        "todo.check.transfer"
    );
    assert_eq!(
        code(&world.complete(&wang, "check", "approve", Map::new())),
        "todo_claimed"
    );
    assert_eq!(world.act(&head, "check", Act::Release), taken());
    assert_eq!(world.complete(&wang, "check", "approve", Map::new()), taken());
    world.assert_replays();
}

#[test]
fn a_legal_due_date_is_a_timer_of_the_to_do() {
    let mut world = submitted();
    assert_eq!(world.timer("todo.check").due, time("2026-09-03 09:00"));
    world.wait_until(time("2026-09-03 09:00"));
    assert_eq!(world.states(), ["draft"]);
    assert_eq!(
        world.entries.last().unwrap().public.event.as_ref(),
        "todo.check.overdue"
    );
    world.assert_replays();
}

fn rendered(world: &mut World, sha256: &str) {
    let revision = i64::from(world.root().documents["paper"].revision);
    let payload = with([
        ("revision", revision.into()),
        ("sha256", sha256.into()),
        ("number", "1号".into()),
    ]);
    let cause = Cause::Result {
        name: "document.paper.ready".into(),
        payload,
    };
    assert_eq!(world.offer("TRADE", cause, &system()), taken());
}

#[test]
fn everybody_signs_the_digest_they_saw_and_then_it_goes_on() {
    let mut world = submitted();
    let (li, wang) = (staff("li", "clerk"), staff("wang", "chief"));
    world.complete(&wang, "check", "approve", Map::new());
    let digest = |text: &str| with([("digest", text.into())]);
    assert_eq!(
        code(&world.complete(&li, "sign", "signed", digest("abc"))),
        "digest_mismatch",
        "not rendered yet"
    );
    rendered(&mut world, "abc");
    assert_eq!(
        code(&world.complete(&li, "sign", "signed", Map::new())),
        "digest_mismatch"
    );
    assert_eq!(
        code(&world.complete(&li, "sign", "signed", digest("abd"))),
        "digest_mismatch"
    );
    assert_eq!(world.complete(&li, "sign", "signed", digest("abc")), taken());
    assert_eq!(world.states(), ["sign"], "the other role has not signed");
    assert_eq!(world.complete(&li, "sign", "signed", digest("abc")), Answer::Repeated);
    assert_eq!(world.complete(&wang, "sign", "signed", digest("abc")), taken());
    assert_eq!(world.states(), ["over"]);
    let signed: Vec<&str> = world.root().documents["paper"]
        .signed_by
        .iter()
        .map(AsRef::as_ref)
        .collect();
    assert_eq!(signed, ["clerk", "chief"]);
    world.assert_replays();
}

#[test]
fn one_refusal_decides_where_all_must_agree() {
    let mut world = submitted();
    world.complete(&staff("wang", "chief"), "check", "approve", Map::new());
    let reason = with([("reason", "有误".into())]);
    assert_eq!(world.complete(&staff("li", "clerk"), "sign", "refuse", reason), taken());
    assert_eq!(world.states(), ["draft"]);
    world.assert_replays();
}

#[test]
fn a_to_do_that_a_targetless_outcome_completes_is_closed() {
    let machine = "machine: main
title: 阅
read: public
initial: reading
states:
  reading:
    title: 阅
    todo:
      for: [clerk]
      outcomes: {seen: {}}
    timers:
      end: {after: 1 hours, then: over}
  over: {title: 完, type: final}
";
    let mut world = World::started(&[machine]);
    assert_eq!(
        world.complete(&staff("li", "clerk"), "reading", "seen", Map::new()),
        taken()
    );
    assert!(world.root().todos.is_empty());
    assert_eq!(world.states(), ["reading"]);
    world.assert_replays();
}

#[test]
fn a_new_to_do_is_mailed() {
    let world = world();
    let todo = world.todo("draft").id.clone();
    let mailed = |effect: &Effect| matches!(effect, Effect::TodoMail { todo: id, mail, .. } if *id == todo && &**mail == "todo_new");
    assert!(world.effects.iter().any(mailed));
}
