//! A small world to decide in: a bundle written in the test, people, and time that moves when told.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime};
use luochui::machine::calendar::Calendars;
use luochui::machine::definition::compile;
use luochui::machine::history::{Entry, replay};
use luochui::machine::slots::{Slot, Span, Wanted};
use luochui::machine::step::{Act, Actor, Answer, Cause, Context, Decision, Delay, Effect, Input, Outside, decide};
use luochui::machine::trade::{InstanceId, Timer, Todo};
use luochui::machine::value::Map;
use luochui::machine::{Bundle, Instance, Name, Time, Trade, Value};

/// China's offset from UTC in milliseconds.
pub const SHANGHAI: i64 = 8 * 3_600_000;

/// The years that are shipped with the program.
pub fn shipped_calendars() -> Calendars {
    let mut calendars = Calendars::default();
    for year in ["2024", "2025", "2026"] {
        let text = std::fs::read_to_string(format!("workflows/calendars/cn-gov/{year}.yaml")).unwrap();
        calendars.publish(&text).unwrap();
    }
    calendars
}

pub fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A local time such as `2026-09-16 09:30`.
pub fn time(text: &str) -> Time {
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
    Time(local.and_utc().timestamp_millis() - SHANGHAI)
}

const HEAD: &str = "language: 1
name: test
version: 1.0.0
title: 测试
timezone: Asia/Shanghai
calendar: cn-gov
root: main
defaults: {todo: {mail: todo_new}}
";

/// Roles that every bundle of these tests has.
const ROLES: &str = "
roles:
  clerk: {title: 经办, post: clerk}
  chief: {title: 负责人, post: chief}
  member: {title: 用户, account: complete}
  bank: {title: 银行, service: bank}
";

/// A role that a bundle has where its root machine has the field `unit`.
const HEAD_OF_UNIT: &str = "  head: {title: 单位负责人, post: head, of: main.unit}\n";

/// A trade with everything that happened to it.
pub struct World {
    pub bundle: Bundle,
    pub calendars: Calendars,
    pub trade: Option<Trade>,
    pub now: Time,
    pub entries: Vec<Entry>,
    pub effects: Vec<Effect>,
    pub outage: i64,
    /// What other trades have taken of any capacity.
    pub taken_elsewhere: Vec<Span>,
    decisions: u32,
}

impl World {
    /// A bundle of machines, by name the first line of each; `main` is the root.
    pub fn of(machines: &[&str]) -> Self {
        Self::with("", machines)
    }

    /// As `of`, with more of the bundle's own keys.
    pub fn with(more: &str, machines: &[&str]) -> Self {
        Self::with_forms(more, machines, &[])
    }

    /// As `with`, with form schemas by name.
    pub fn with_forms(more: &str, machines: &[&str], forms: &[(&str, &str)]) -> Self {
        let mut files = files(more, machines);
        files.extend(
            forms
                .iter()
                .map(|(name, text)| (format!("forms/{name}.yaml"), (*text).to_owned())),
        );
        let bundle = compile(&files).unwrap_or_else(|faults| {
            let lines: Vec<String> = faults.iter().map(|fault| format!("{fault:?}")).collect();
            panic!("the bundle does not compile:\n{}", lines.join("\n"))
        });
        Self {
            bundle,
            calendars: shipped_calendars(),
            trade: None,
            now: time("2026-09-01 09:00"),
            entries: Vec::new(),
            effects: Vec::new(),
            outage: 0,
            taken_elsewhere: Vec::new(),
            decisions: 0,
        }
    }

    /// A world whose trade was started without data by nobody in particular.
    pub fn started(machines: &[&str]) -> Self {
        let mut world = Self::of(machines);
        assert_eq!(world.start(Map::new()), Answer::Taken { created: None });
        world
    }

    pub fn start(&mut self, data: Map) -> Answer {
        self.offer("TRADE", Cause::Start { machine: None, data }, &system())
    }

    pub fn offer(&mut self, instance: &str, cause: Cause, actor: &Actor) -> Answer {
        self.decisions += 1;
        let input = Input {
            instance: instance.into(),
            cause,
            at: self.now,
        };
        let context = Context {
            actor: actor.clone(),
            seed: format!("{:064x}", self.decisions).into(),
            outage: 0,
            late: 0,
            broken: false,
            calendar_version: 0,
            slots: Vec::new(),
        };
        let slot = |wanted: &Wanted| {
            let limit = self.bundle.capacities.get(&wanted.booking.of)?.limit;
            Some(Slot::of(wanted, limit, self.taken_elsewhere.iter().copied()))
        };
        let delay = Delay {
            outage: self.outage,
            ..Delay::default()
        };
        let outside = Outside {
            delay: &|_| delay,
            slot: &slot,
        };
        let decision: Decision = decide(
            &self.bundle,
            self.trade.as_ref(),
            &input,
            &context,
            &self.calendars,
            outside,
        );
        if decision.trade.seq > 0 {
            self.trade = Some(decision.trade);
        }
        self.entries.extend(decision.entries);
        self.effects.extend(decision.effects);
        decision.answer
    }

    /// Sends an event to the root.
    pub fn send(&mut self, actor: &Actor, event: &str, payload: Map) -> Answer {
        self.send_to("TRADE", actor, event, payload)
    }

    pub fn send_to(&mut self, instance: &str, actor: &Actor, event: &str, payload: Map) -> Answer {
        self.offer(instance, Cause::event(event, payload), actor)
    }

    /// Sends an event without a payload to the root, as a member of the public.
    pub fn event(&mut self, event: &str) -> Answer {
        self.send(&member("zhang"), event, Map::new())
    }

    /// Starts a child by an event and returns its id.
    pub fn child(&mut self, actor: &Actor, event: &str) -> InstanceId {
        match self.send(actor, event, Map::new()) {
            Answer::Taken { created: Some(id) } => id,
            other => panic!("{event} started nothing: {other:?}"),
        }
    }

    pub fn act(&mut self, actor: &Actor, state: &str, act: Act) -> Answer {
        let (instance, todo) = self.open(state);
        self.offer(&instance, Cause::Todo { todo, act }, actor)
    }

    pub fn complete(&mut self, actor: &Actor, state: &str, outcome: &str, payload: Map) -> Answer {
        self.act(actor, state, Act::complete(outcome, payload))
    }

    fn open(&self, state: &str) -> (InstanceId, Name) {
        let instances = self.trade().instances.values();
        let mut open = instances.flat_map(|instance| instance.todos.values().map(move |todo| (instance, todo)));
        let (instance, todo) = open
            .find(|(_, todo)| todo.state.ends_with(state))
            .expect("no such to-do");
        (instance.id.clone(), todo.id.clone())
    }

    pub fn todo(&self, state: &str) -> &Todo {
        let (instance, todo) = self.open(state);
        &self.instance(&instance).todos[&todo]
    }

    /// Moves time and lets the driver wake the trade for whatever is due.
    pub fn advance(&mut self, millis: i64) {
        let until = self.now.plus_millis(millis);
        self.wait_until(until);
    }

    pub fn wait_until(&mut self, until: Time) {
        while let Some((instance, name, due)) = self.trade().next_due(until) {
            self.now = self.now.max(due);
            let generation = self.instance(&instance).timers[&name].generation;
            self.offer(&instance, Cause::Timer { name, generation }, &system());
        }
        self.now = until;
    }

    pub fn trade(&self) -> &Trade {
        self.trade.as_ref().expect("no trade was started")
    }

    pub fn root(&self) -> &Instance {
        self.trade().root().unwrap()
    }

    pub fn instance(&self, id: &str) -> &Instance {
        &self.trade().instances[id]
    }

    /// The active atomic states of the root.
    pub fn states(&self) -> Vec<&str> {
        self.root().states.iter().map(AsRef::as_ref).collect()
    }

    pub fn data(&self, field: &str) -> Value {
        self.root().data.get(field).cloned().unwrap_or_default()
    }

    pub fn timer(&self, name: &str) -> &Timer {
        &self.root().timers[name]
    }

    /// The only living instance of a machine.
    pub fn only(&self, machine: &str) -> &Instance {
        let mut instances = self
            .trade()
            .instances
            .values()
            .filter(|one| &*one.machine == machine && !one.done);
        let only = instances.next().expect("no such instance");
        assert!(instances.next().is_none(), "more than one {machine}");
        only
    }

    /// The text of the last entry's transitions: `id` each.
    pub fn last_transitions(&self) -> Vec<&str> {
        let entry = self.entries.last().unwrap();
        entry
            .public
            .transitions
            .iter()
            .map(|taken| &*taken.transition)
            .collect()
    }

    /// Replays the history and compares the trade byte for byte, as every test's last line may.
    pub fn assert_replays(&self) {
        let replayed = replay(&self.bundle, &self.calendars, &self.entries).unwrap();
        let bytes = |trade: Option<&Trade>| serde_json::to_string(&trade).unwrap();
        assert_eq!(bytes(replayed.as_ref()), bytes(self.trade.as_ref()));
    }
}

/// The files of a bundle whose machines are given as YAML.
pub fn files(more: &str, machines: &[&str]) -> BTreeMap<String, String> {
    let names: Vec<&str> = machines.iter().map(|text| name_of(text)).collect();
    let of_unit = machines.iter().any(|machine| machine.contains("\n  unit:"));
    let of_unit = if of_unit { HEAD_OF_UNIT } else { "" };
    let bundle = format!("{HEAD}machines: [{}]\n{ROLES}{of_unit}{more}", names.join(", "));
    let machines = machines
        .iter()
        .map(|text| (format!("{}.yaml", name_of(text)), (*text).to_owned()));
    machines.chain([("bundle.yaml".to_owned(), bundle)]).collect()
}

fn name_of(machine: &str) -> &str {
    let line = machine.lines().find_map(|line| line.strip_prefix("machine: "));
    line.expect("a machine begins with its name")
}

pub fn system() -> Actor {
    Actor::system()
}

/// A member of the public who acts for a party of the same name.
pub fn member(name: &str) -> Actor {
    Actor {
        account: name.into(),
        party: Some(name.into()),
        member: true,
        ..Actor::default()
    }
}

/// Somebody who holds a post at the centre.
pub fn staff(account: &str, post: &str) -> Actor {
    post_at(account, post, "centre")
}

pub fn post_at(account: &str, post: &str, organisation: &str) -> Actor {
    Actor {
        account: account.into(),
        posts: vec![(post.into(), organisation.into())],
        ..Actor::default()
    }
}

pub fn bank() -> Actor {
    Actor {
        account: "bank".into(),
        services: vec!["bank".into()],
        ..Actor::default()
    }
}

/// A payload or data.
pub fn with<const N: usize>(values: [(&str, Value); N]) -> Map {
    values.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

pub fn taken() -> Answer {
    Answer::Taken { created: None }
}

/// The code of a refusal.
pub fn code(answer: &Answer) -> &str {
    match answer {
        Answer::Refused(refusal) => &refusal.code,
        other => panic!("not refused: {other:?}"),
    }
}
