//! What must hold of any machine and any course of events: random charts, random events, random waits.
//! `LUOCHUI_LONG=1` tries many more of them.

use std::collections::BTreeSet;
use std::fmt::Write;

use luochui::machine::definition::model::{Machine, StateKind};
use luochui::machine::history::{replay, verify};
use luochui::machine::step::{Answer, Cause, Outside, configuration, decide};
use luochui::machine::trade::Instance;
use luochui::machine::value::Map;
use luochui::machine::{Name, Trade};
use proptest::prelude::*;

use super::world::{World, member, system};

/// A random state: its kind, its children, where its events and timers lead, as numbers that are taken modulo what there is.
#[derive(Clone, Debug)]
struct Plan {
    kind: u8,
    children: Vec<Plan>,
    rules: Vec<Rule>,
    timer: Option<(u32, Rule)>,
    always: Option<usize>,
    freezes: bool,
}

#[derive(Clone, Debug)]
struct Rule {
    event: u8,
    target: Option<usize>,
    reenter: bool,
    reset: bool,
    raise: Option<u8>,
    invoke: bool,
}

const EVENTS: [&str; 4] = ["a", "b", "c", "d"];

fn rule() -> impl Strategy<Value = Rule> {
    let target = prop::option::weighted(0.8, 0..64_usize);
    let raise = prop::option::weighted(0.2, 0..4_u8);
    (0..4_u8, target, any::<bool>(), any::<bool>(), raise, any::<bool>()).prop_map(
        |(event, target, reenter, reset, raise, invoke)| Rule {
            event,
            target,
            reenter,
            reset,
            raise,
            invoke,
        },
    )
}

fn plan() -> impl Strategy<Value = Plan> {
    let with = |children: Vec<Plan>| {
        let timer = prop::option::weighted(0.4, (1..10_u32, rule()));
        let always = prop::option::weighted(0.1, 0..64_usize);
        let rules = prop::collection::vec(rule(), 0..4);
        (any::<u8>(), rules, timer, always, any::<bool>()).prop_map(move |(kind, rules, timer, always, freezes)| Plan {
            kind,
            children: children.clone(),
            rules,
            timer,
            always,
            freezes,
        })
    };
    let leaf = Just(Vec::new()).prop_flat_map(with);
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop::collection::vec(inner, 2..4).prop_flat_map(with)
    })
}

/// Writes a plan as YAML.
struct Writer {
    /// Paths of all states that may be targets.
    targets: Vec<String>,
    root: Plan,
    count: usize,
    text: String,
}

impl Plan {
    fn is_parallel(&self) -> bool {
        !self.children.is_empty() && self.kind.is_multiple_of(3)
    }

    fn collect(&self, path: &str, paths: &mut Vec<String>) {
        for (number, child) in self.children.iter().enumerate() {
            let path = if path.is_empty() {
                format!("s{number}")
            } else {
                format!("{path}.s{number}")
            };
            paths.push(path.clone());
            child.collect(&path, paths);
        }
        if !self.children.is_empty() && !self.is_parallel() && !path.is_empty() {
            paths.push(format!("{path}.kept"));
        }
    }
}

impl Plan {
    /// The first region beside the second one that a path leads into, where its parent is parallel.
    fn frozen_region(&self, path: &str) -> Option<String> {
        let (outer, last) = path.rsplit_once('.').unwrap_or(("", path));
        let names = outer.split('.').filter(|name| !name.is_empty());
        let parent = names.fold(self, |plan, name| &plan.children[name[1..].parse::<usize>().unwrap()]);
        let first = if outer.is_empty() {
            "s0".to_owned()
        } else {
            format!("{outer}.s0")
        };
        (parent.is_parallel() && last == "s1").then_some(first)
    }
}

impl Writer {
    fn state(&mut self, plan: &Plan, path: &str, indent: usize) {
        let pad = " ".repeat(indent);
        self.count += 1;
        if !plan.children.is_empty() {
            match plan.is_parallel() {
                true => writeln!(self.text, "{pad}type: parallel").unwrap(),
                false => writeln!(self.text, "{pad}initial: s0").unwrap(),
            }
        }
        self.timers(plan, &pad);
        if !plan.rules.is_empty() {
            writeln!(self.text, "{pad}on:").unwrap();
            for (number, rule) in plan.rules.iter().enumerate() {
                // A rule that another one for its event follows needs a guard, or the later one could never be taken.
                let followed = plan.rules[number + 1..].iter().any(|later| later.event == rule.event);
                let guard = if followed { "guard: data.steps % 2 == 0, " } else { "" };
                let event = EVENTS[usize::from(rule.event)];
                let body = self.rule(rule, plan.timer.is_some());
                writeln!(self.text, "{pad}  - {{{event}: {{{guard}{body}}}}}").unwrap();
            }
        }
        if let Some(target) = plan.always {
            let target = &self.targets[target % self.targets.len()];
            writeln!(self.text, "{pad}always: {{guard: data.steps % 5 == 4, target: {target}, actions: [{{assign: {{steps: data.steps + 1}}}}]}}").unwrap();
        }
        if plan.children.is_empty() {
            return;
        }
        writeln!(self.text, "{pad}states:").unwrap();
        for (number, child) in plan.children.iter().enumerate() {
            let inner = if path.is_empty() {
                format!("s{number}")
            } else {
                format!("{path}.s{number}")
            };
            writeln!(self.text, "{pad}  s{number}:\n{pad}    title: s").unwrap();
            if let Some(region) = self.root.frozen_region(path).filter(|_| child.freezes) {
                writeln!(self.text, "{pad}    freezes: {region}").unwrap();
            }
            if child.children.is_empty() && child.rules.iter().any(|rule| rule.invoke) {
                writeln!(self.text, "{pad}    invoke: {{machine: helper}}").unwrap();
            }
            self.state(child, &inner, indent + 4);
        }
        if !plan.is_parallel() && !path.is_empty() {
            let deep = if plan.freezes { "deep" } else { "shallow" };
            writeln!(
                self.text,
                "{pad}  kept: {{title: k, type: history, history: {deep}, target: s0}}"
            )
            .unwrap();
        }
    }

    fn timers(&mut self, plan: &Plan, pad: &str) {
        if let Some((minutes, rule)) = &plan.timer {
            let body = self.rule(rule, false);
            let name = format!("t{}", self.count);
            writeln!(
                self.text,
                "{pad}timers:\n{pad}  {name}: {{after: {minutes} minutes, then: {{{body}}}}}"
            )
            .unwrap();
        }
    }

    fn rule(&self, rule: &Rule, has_timer: bool) -> String {
        let mut actions = vec!["{assign: {steps: data.steps + 1}}".to_owned()];
        if let Some(event) = rule.raise {
            // Raised only a few times, so that most machines come to rest.
            let event = EVENTS[usize::from(event)];
            actions.push(format!("{{if: data.steps % 3 == 0, then: [{{raise: {event}}}]}}"));
        }
        if rule.reset && has_timer && rule.target.is_none() {
            actions.push(format!("{{reset: t{}}}", self.count));
        }
        let target = rule.target.map(|target| &self.targets[target % self.targets.len()]);
        let target = target.map_or_else(String::new, |target| {
            format!("target: {target}, reenter: {}, ", rule.reenter)
        });
        format!("{target}actions: [{}]", actions.join(", "))
    }
}

const HELPER: &str = "machine: helper
title: 助
child_of: main
read: public
events:
  a: {title: a, from: [member]}
initial: on
states:
  on:
    title: 在
    timers:
      end: {after: 3 minutes, then: off}
    on: {a: off}
  off: {title: 止, type: final}
";

fn machine(plan: &Plan) -> String {
    let root = Plan {
        kind: 1,
        children: if plan.children.is_empty() {
            vec![plan.clone(), plan.clone()]
        } else {
            plan.children.clone()
        },
        timer: None,
        always: None,
        ..plan.clone()
    };
    let mut targets = Vec::new();
    root.collect("", &mut targets);
    let mut writer = Writer {
        targets,
        root: root.clone(),
        count: 0,
        text: String::new(),
    };
    let events: Vec<String> = EVENTS
        .iter()
        .map(|event| format!("  {event}: {{title: e, from: [member]}}\n"))
        .collect();
    let events = events.concat();
    writer.text = format!(
        "machine: main\ntitle: 主\nread: public\ndata:\n  steps: {{type: int, title: 步, default: 0}}\nevents:\n{events}  leave: {{title: 离, from: [member]}}\n"
    );
    let root = Plan {
        rules: Vec::new(),
        ..root
    };
    writer.state(&root, "", 0);
    writer.text +=
        "  over: {title: 完, type: final}\non:\n  - {done.helper: {actions: [{assign: {steps: data.steps + 1}}]}}\n";
    // The checks want every state to be reachable and every event to be heard; these guards never hold.
    for event in EVENTS {
        writeln!(writer.text, "  - {{{event}: {{guard: data.steps < 0}}}}").unwrap();
    }
    for target in &writer.targets {
        writeln!(
            writer.text,
            "  - {{leave: {{guard: data.steps < 0, target: {target}}}}}"
        )
        .unwrap();
    }
    writer.text += "  - {leave: over}\n";
    writer.text
}

/// SCXML's legal configurations: one child of each active compound state, all of each active parallel one, parents of all.
fn is_legal(machine: &Machine, instance: &Instance) -> bool {
    let active = configuration(machine, instance);
    let atomic: BTreeSet<&Name> = instance.states.iter().collect();
    active.iter().all(|index| {
        let state = &machine.states[*index];
        let proper = state
            .children
            .iter()
            .filter(|child| !matches!(machine.states[**child].kind, StateKind::History { .. }));
        let children = proper.filter(|child| active.contains(child)).count();
        match &state.kind {
            StateKind::Atomic | StateKind::Final => children == 0 && atomic.contains(&state.path),
            StateKind::Compound { .. } => children == 1,
            StateKind::Parallel => children == state.children.len(),
            StateKind::History { .. } => false,
        }
    })
}

/// Every timer belongs to an active state.
fn timers_are_owned(machine: &Machine, instance: &Instance) -> bool {
    let active = configuration(machine, instance);
    instance.timers.values().all(|timer| {
        machine
            .by_path
            .get(&timer.state)
            .is_some_and(|state| active.contains(state))
    })
}

fn check(world: &World) {
    let trade = world.trade();
    for instance in trade.instances.values() {
        let machine = &world.bundle.machines[&instance.machine];
        if instance.done {
            assert!(instance.timers.is_empty() && instance.todos.is_empty());
        } else {
            assert!(is_legal(machine, instance), "illegal: {:?}", instance.states);
            assert!(timers_are_owned(machine, instance), "{:?}", instance.timers);
        }
        let orphaned = instance.invoked_by.as_ref().is_some_and(|path| {
            let parent = &trade.instances[instance.parent.as_ref().unwrap()];
            let machine = &world.bundle.machines[&parent.machine];
            parent.done || !configuration(machine, parent).contains(&machine.by_path[path])
        });
        assert!(!orphaned || instance.done, "an invoked child outlived its state");
    }
}

fn reloaded(trade: &Trade) -> Trade {
    serde_json::from_str(&serde_json::to_string(trade).unwrap()).unwrap()
}

/// One thing that happens: an event, or minutes that pass.
#[derive(Clone, Debug)]
enum Happening {
    Event(u8),
    Wait(i64),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![3 => (0..4_u8).prop_map(Happening::Event), 2 => (0..6_i64).prop_map(Happening::Wait)]
}

fn cases() -> ProptestConfig {
    let long = std::env::var("LUOCHUI_LONG").is_ok();
    ProptestConfig {
        cases: if long { 5_000 } else { 500 },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_machine_stays_legal_and_replays_to_the_same_bytes(
        plan in plan(), happenings in prop::collection::vec(happening(), 1..25),
    ) {
        let machine = machine(&plan);
        let files = super::world::files("", &[&machine, HELPER]);
        // What the checks refuse, cycles for one, is not for the step to run.
        prop_assume!(luochui::machine::definition::compile(&files).is_ok());
        let mut world = World::of(&[&machine, HELPER]);
        if world.start(Map::new()) != (Answer::Taken { created: None }) {
            return Ok(());
        }
        check(&world);
        for happening in happenings {
            match happening {
                Happening::Event(event) => drop(world.event(EVENTS[usize::from(event)])),
                Happening::Wait(minutes) => wait(&mut world, minutes),
            }
            check(&world);
            world.trade = world.trade.take().map(|trade| reloaded(&trade));
        }
        let head = verify(&world.entries).unwrap();
        prop_assert_eq!(&head, &world.trade().head);
        world.assert_replays();
    }
}

/// Lets time pass; no firing may come early, twice, or by an old generation.
fn wait(world: &mut World, minutes: i64) {
    let until = world.now.plus_millis(minutes * 60_000);
    for _ in 0..200 {
        let Some((instance, name, due)) = world.trade().next_due(until) else {
            break;
        };
        let timer = world.instance(&instance).timers[&name].clone();
        let before = world.trade.clone();
        world.now = world.now.max(due).plus_millis(-1);
        let cause = Cause::Timer {
            name,
            generation: timer.generation,
        };
        if due > world.trade().now {
            assert_eq!(
                world.offer(&instance, cause.clone(), &system()),
                Answer::Repeated,
                "fired early"
            );
            assert_eq!(world.trade, before);
        }
        world.now = world.now.plus_millis(1);
        let fired = world.offer(&instance, cause.clone(), &system());
        assert!(
            !matches!(fired, Answer::Repeated | Answer::Refused(_)),
            "did not fire: {fired:?}"
        );
        assert_eq!(
            world.offer(&instance, cause, &system()),
            Answer::Repeated,
            "fired twice"
        );
    }
    world.now = world.now.max(until);
}

#[test]
fn the_same_input_gives_the_same_decision() {
    let mut world = World::started(&[HELPER_AS_ROOT]);
    let trade = world.trade.clone();
    world.event("a");
    let entry = world.entries.last().unwrap();
    let private = entry.private.as_ref().unwrap();
    let again = decide(
        &world.bundle,
        trade.as_ref(),
        &private.input,
        &private.context,
        &world.calendars,
        Outside::nobody(),
    );
    assert_eq!(again.entries.as_slice(), std::slice::from_ref(entry));
    assert_eq!(Some(again.trade), world.trade);
    let replayed = replay(&world.bundle, &world.calendars, &world.entries).unwrap();
    assert_eq!(replayed, world.trade);
    assert_eq!(
        world.send_to("TRADE", &member("zhang"), "a", Map::new()),
        Answer::Repeated
    );
}

const HELPER_AS_ROOT: &str = "machine: main
title: 助
read: public
events:
  a: {title: a, from: [member], once: '\"x\"'}
initial: on
states:
  on:
    title: 在
    on: {a: off}
  off: {title: 止, type: final}
";
