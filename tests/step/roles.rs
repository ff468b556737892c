//! Roles are relations: who holds one, whom it addresses, and that the two agree.

use luochui::machine::roles::{audience, audiences_of, holds};
use luochui::machine::step::Actor;
use luochui::machine::value::Map;

use super::world::{World, bank, member, post_at, staff, with};

const MAIN: &str = "machine: main
title: 主
read: public
data:
  unit: {type: org, title: 单位}
  best: {type: key, of: entry, title: 得主, optional: true}
events:
  join: {title: 报名, from: [member], starts: entry}
  choose: {title: 定, from: [head], payload: {key: text}}
initial: open
states:
  open:
    title: 开
    on:
      choose: {target: over, actions: [{assign: {best: event.key}}]}
  over: {title: 完, type: final}
";

const ENTRY: &str = "machine: entry
title: 报名
child_of: main
one_per: owner
key: random
read: public
events:
  quit: {title: 撤, from: [own]}
initial: on
states:
  on:
    title: 在
    on: {quit: off}
  off: {title: 止, type: final}
";

const MORE: &str = "  own: {title: 本人, owner: self}
  bidder: {title: 竞买人, owner: entry}
  winner: {title: 得主, owner: entry, key: main.best}
";

fn world() -> (World, [luochui::machine::Name; 2]) {
    let mut world = World::with(MORE, &[MAIN, ENTRY]);
    world.start(with([("unit", "U1".into())]));
    let entries = ["zhang", "li"].map(|name| world.child(&member(name), "join"));
    let key = world.instance(&entries[1]).key.clone().unwrap();
    let head = post_at("sun", "head", "U1");
    assert_eq!(
        world.send(&head, "choose", with([("key", key.into())])),
        super::world::taken()
    );
    (world, entries)
}

fn everybody() -> Vec<Actor> {
    let mut incomplete = member("qian");
    incomplete.member = false;
    vec![
        member("zhang"),
        member("li"),
        member("wang"),
        incomplete,
        staff("wu", "clerk"),
        staff("zhou", "head"),
        post_at("sun", "head", "U1"),
        post_at("feng", "head", "U2"),
        post_at("chen", "clerk", "U1"),
        bank(),
        Actor::default(),
    ]
}

fn holders(world: &World, instance: &str, role: &str) -> Vec<String> {
    let everybody = everybody().into_iter();
    let held = everybody.filter(|actor| holds(&world.bundle, world.trade(), world.instance(instance), role, actor));
    held.map(|actor| actor.account.to_string()).collect()
}

#[test]
fn each_relation_finds_its_holders() {
    let (world, [zhang, li]) = world();
    assert_eq!(
        holders(&world, "TRADE", "clerk"),
        ["wu"],
        "a post at the centre, not at a unit"
    );
    assert_eq!(holders(&world, "TRADE", "head"), ["sun"]);
    assert_eq!(
        holders(&world, &zhang, "head"),
        ["sun"],
        "the field stands in the parent"
    );
    assert_eq!(holders(&world, "TRADE", "member"), ["zhang", "li", "wang"]);
    assert_eq!(holders(&world, "TRADE", "bank"), ["bank"]);
    assert_eq!(holders(&world, &zhang, "own"), ["zhang"]);
    assert_eq!(holders(&world, &li, "own"), ["li"]);
    assert_eq!(holders(&world, "TRADE", "own"), [""; 0], "nobody owns the root");
    assert_eq!(holders(&world, &li, "bidder"), ["zhang", "li"]);
    assert_eq!(holders(&world, &zhang, "winner"), ["li"]);
    assert_eq!(holders(&world, "TRADE", "nobody_knows"), [""; 0]);
    assert_eq!(holders(&world, "TRADE", "public").len(), everybody().len());
}

#[test]
fn who_holds_a_role_is_who_it_addresses() {
    let (world, [zhang, _]) = world();
    for role in ["clerk", "head", "member", "bank", "own", "bidder", "winner", "public"] {
        for instance in ["TRADE", &zhang] {
            let addressed = audience(&world.bundle, world.trade(), world.instance(instance), role);
            for actor in everybody() {
                let reached = audiences_of(&actor).iter().any(|own| addressed.contains(own));
                let held = holds(&world.bundle, world.trade(), world.instance(instance), role, &actor);
                assert_eq!(reached, held, "{role} of {instance}: {actor:?}");
            }
        }
    }
}

#[test]
fn an_owner_may_end_what_is_theirs_and_nobody_elses() {
    let (mut world, [zhang, li]) = world();
    let quit = |world: &mut World, instance: &str| world.send_to(instance, &member("zhang"), "quit", Map::new());
    assert_eq!(super::world::code(&quit(&mut world, &li)), "forbidden");
    assert_eq!(quit(&mut world, &zhang), super::world::taken());
}
