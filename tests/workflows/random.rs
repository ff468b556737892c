//! Random histories over the shipped bundle: whatever people do and in whatever order, no guard fails, no account is overdrawn,
//! prices rise, at most one party wins, and the history replays. `LUOCHUI_LONG=1` plays 10,000 of them.
#![allow(clippy::inconsistent_digit_grouping, reason = "the last group is fen")]

use std::collections::{BTreeMap, BTreeSet};

use luochui::machine::calendar::Calendars;
use luochui::machine::definition::model::{FormField, Machine, Trigger, Type};
use luochui::machine::step::{Act, Actor, Answer, Cause, Context, Delay, Effect, Input, Outside, Sealed, decide};
use luochui::machine::trade::InstanceId;
use luochui::machine::value::{Map, Name, Value};
use luochui::machine::{Bundle, Instance, Time, Trade, history, roles};

use super::{asset_sale, calendars};

const ORGANISATION: &str = "unit";
const PARTIES: [&str; 3] = ["p1", "p2", "p3"];
/// 2026-09-01 09:00 in China.
const BEGIN: i64 = 1_788_224_400_000;
const HOUR: i64 = 3_600_000;

/// A small generator, so that a seed names a history.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.roll(of.len() as u64)).unwrap()]
    }
}

struct World<'a> {
    bundle: &'a Bundle,
    calendars: &'a Calendars,
    dice: Dice,
    trade: Option<Trade>,
    now: Time,
    entries: Vec<history::Entry>,
    balances: BTreeMap<Name, i64>,
    best: i64,
    winners: BTreeSet<InstanceId>,
    decided: u64,
    taken: u64,
}

/// Somebody with every post, acting for a party.
fn everybody(account: &str, party: Option<&str>) -> Actor {
    let posts = ["clerk", "head", "supervisor", "auctioneer"].map(|post| (post.into(), ORGANISATION.into()));
    let central = ["reviewer", "chief", "finance"].map(|post| (post.into(), "centre".into()));
    Actor {
        account: account.into(),
        party: party.map(Name::from),
        posts: posts.into_iter().chain(central).collect(),
        services: vec!["bank".into()],
        member: true,
    }
}

impl World<'_> {
    fn offer(&mut self, actor: Actor, instance: InstanceId, cause: Cause) {
        self.decided += 1;
        let input = Input {
            instance,
            cause,
            at: self.now,
        };
        let context = Context {
            actor,
            seed: format!("{:064x}", u128::from(self.dice.0) << 32 | u128::from(self.decided)).into(),
            outage: 0,
            late: 0,
            broken: false,
            calendar_version: self.calendars.0["cn-gov"].version,
            slots: Vec::new(),
        };
        let delay = Delay {
            outage: if self.dice.roll(40) == 0 { 5_000 } else { 0 },
            ..Delay::default()
        };
        let outside = Outside {
            delay: &|_| delay,
            ..Outside::nobody()
        };
        let trade = self.trade.as_ref();
        let decision = decide(self.bundle, trade, &input, &context, self.calendars, outside);
        match &decision.answer {
            Answer::Failed(fault) => panic!("{input:?}: {} {}", fault.place, fault.text),
            Answer::Taken { .. } => self.taken += 1,
            _ => {}
        }
        self.trade = Some(decision.trade);
        self.entries.extend(decision.entries);
        for effect in decision.effects {
            self.follow(effect);
        }
    }

    fn follow(&mut self, effect: Effect) {
        match effect {
            Effect::Incident { fault, .. } => panic!("{} {}", fault.place, fault.text),
            Effect::Posting { movement, amount, .. } => {
                let kind = &self.bundle.movements[&movement];
                assert!(amount > 0, "{movement} of {amount}");
                *self.balances.entry(kind.from.clone()).or_default() -= amount;
                *self.balances.entry(kind.to.clone()).or_default() += amount;
                let left = self.balances[&kind.from];
                assert!(
                    left >= 0 || &*kind.from == "bank",
                    "{movement} overdraws {}: {left}",
                    kind.from
                );
            }
            Effect::Recorded { kind, data, .. } if &*kind == "bid" => {
                let amount = data["amount"].as_int().unwrap();
                assert!(amount > self.best, "{amount} after {}", self.best);
                self.best = amount;
            }
            Effect::Document {
                instance,
                name,
                revision,
                ..
            } => {
                let payload = Map::from([
                    ("revision".into(), Value::Int(i64::from(revision))),
                    ("sha256".into(), Value::from("ab".repeat(32))),
                    ("number".into(), Value::from("1")),
                ]);
                let cause = Cause::Result {
                    name: format!("document.{name}.ready").into(),
                    payload,
                };
                self.offer(Actor::system(), instance, cause);
            }
            _ => {}
        }
    }

    /// Lets time pass, firing what is due at its time.
    fn pass(&mut self, millis: i64) {
        let target = self.now.plus_millis(millis);
        while let Some((instance, name, due)) = self.trade.as_ref().and_then(|trade| trade.next_due(target)) {
            self.now = self.now.max(due);
            let generation = self.trade.as_ref().unwrap().instances[&instance].timers[&name].generation;
            self.offer(Actor::system(), instance, Cause::Timer { name, generation });
        }
        self.now = target;
    }

    fn step(&mut self) {
        match self.dice.roll(24) {
            0 => self.pass_to_next(),
            1..5 => {
                let millis = *self.dice.pick(&[1, 1_000, 60_000, 200_000, HOUR]);
                self.pass(millis);
            }
            5..13 => self.do_something(None),
            _ => self.send_something(),
        }
    }

    /// To the very moment at which something is due, where most of the rules have their edges.
    fn pass_to_next(&mut self) {
        let due = self.trade.as_ref().and_then(Trade::earliest_due);
        let millis = due.map_or(HOUR, |due| due.millis_since(self.now).max(0));
        // A draft that is forgotten for a month ends the history before it began.
        let millis = if millis > 20 * 24 * HOUR { HOUR } else { millis };
        let early = i64::from(self.dice.roll(4) == 0);
        self.pass((millis - early).max(0));
    }

    fn some_instance(&mut self) -> Instance {
        let all: Vec<_> = self.trade.as_ref().unwrap().instances.values().cloned().collect();
        // A room is open for a few steps only: without some that turn to it, hardly any history has a winner.
        let room = all.iter().find(|one| &*one.machine == "auction" && !one.done);
        if let Some(room) = room.filter(|_| self.dice.roll(3) == 0) {
            return room.as_ref().clone();
        }
        self.dice.pick(&all).as_ref().clone()
    }

    fn send_something(&mut self) {
        let instance = self.some_instance();
        let machine = &self.bundle.machines[&instance.machine];
        let names: Vec<&Name> = machine
            .events
            .keys()
            .filter(|name| !matches!(&***name, "terminate" | "start"))
            .collect();
        // Ending everything is as likely as a rare accident, or no history would get far.
        let name: Name = match self.dice.roll(60) {
            0 if machine.events.contains_key("terminate") => "terminate".into(),
            _ if names.is_empty() => return,
            1..30 if machine.events.contains_key("bid") => "bid".into(),
            _ => (*self.dice.pick(&names)).clone(),
        };
        let definition = &machine.events[&name];
        let mut payload = Map::new();
        for (field, kind) in &definition.payload {
            let value = self.value(kind);
            payload.insert(field.clone(), value);
        }
        for field in &definition.form {
            let value = self.value(&machine.field(field).unwrap().kind);
            payload.insert(field.clone(), value);
        }
        let party = *self.dice.pick(&PARTIES);
        let own = instance.owner.clone();
        let party = own.as_deref().unwrap_or(party).to_owned();
        let mut sender = everybody("sender", Some(&party));
        if !definition.not_from.is_empty() {
            sender.posts.clear();
        }
        self.offer(sender, instance.id.clone(), Cause::event(name, payload));
    }

    fn do_something(&mut self, only: Option<&str>) {
        let open: Vec<(Instance, _)> = self
            .trade
            .as_ref()
            .unwrap()
            .instances
            .values()
            .flat_map(|instance| {
                instance
                    .todos
                    .values()
                    .map(|todo| (instance.as_ref().clone(), todo.clone()))
            })
            .collect();
        let open: Vec<_> = open
            .into_iter()
            .filter(|(instance, _)| only.is_none_or(|only| &*instance.id == only))
            .collect();
        if open.is_empty() {
            return;
        }
        let (instance, todo) = self.dice.pick(&open).clone();
        let machine = &self.bundle.machines[&instance.machine];
        let definition = machine.state_at(&todo.state).unwrap().todo.as_ref().unwrap();
        let outcomes: Vec<&Name> = definition
            .outcomes
            .iter()
            .filter(|outcome| &***outcome != "overdue")
            .collect();
        if outcomes.is_empty() {
            return;
        }
        // Mostly the way ahead, which stands first.
        let outcome = if self.dice.roll(8) == 0 {
            *self.dice.pick(&outcomes)
        } else {
            outcomes[0]
        };
        let event = format!("todo.{}.{outcome}", definition.name);
        let rules = machine.state_at(&todo.state).unwrap().transitions.iter();
        let asked = rules.filter(|rule| matches!(&rule.trigger, Trigger::Event(name) if **name == *event));
        let asked: Vec<Name> = asked.flat_map(|rule| rule.form.clone()).collect();
        let pages = definition.pages.iter().flat_map(|page| &page.fields);
        let payload = self.filled(machine, pages.chain(&asked));
        let base = definition
            .sign
            .as_ref()
            .and_then(|name| instance.documents[name].sha256.clone());
        let sealed = base.filter(|_| &**outcome == "signed").map(|base| {
            Box::new(Sealed {
                job: "job".into(),
                document: definition.sign.clone().unwrap(),
                sha256: format!("{base} and a seal").into(),
                sm3: "".into(),
                subject: "".into(),
                certificate_sha256: "".into(),
                seal: "".into(),
                base,
            })
        });
        let account = format!("account-{}", self.dice.roll(4));
        let trade = self.trade.as_ref().unwrap();
        let may = |party: &&str| {
            let actor = everybody(&account, Some(party));
            definition
                .roles
                .iter()
                .any(|role| roles::holds(self.bundle, trade, &instance, role, &actor))
        };
        let party = PARTIES.iter().copied().find(may).unwrap_or("p1");
        let cause = Cause::Todo {
            todo: todo.id.clone(),
            act: Act::Complete {
                outcome: outcome.clone(),
                payload,
                sealed,
            },
        };
        self.offer(everybody(&account, Some(party)), instance.id.clone(), cause);
    }

    fn filled<'f>(&mut self, machine: &Machine, fields: impl Iterator<Item = &'f Name>) -> Map {
        let mut payload = Map::new();
        for name in fields {
            // How long a session is planned to take changes nothing of a course.
            if &**name == "session_length" {
                continue;
            }
            let field = machine.field(name).unwrap();
            // What has a default is mostly left alone: a listing with random periods rarely gets anywhere.
            let keeps = field.default.is_some() && !matches!(&**name, "rules_accepted" | "commitment_accepted");
            if keeps && self.dice.roll(20) != 0
                || matches!(&**name, "joint" | "members" | "priority_claim" | "auction_start")
            {
                continue;
            }
            let value = match &**name {
                "rules_accepted" | "commitment_accepted" => Value::Bool(self.dice.roll(10) != 0),
                "start_price" | "increment" | "deposit" | "appraisal" | "category" if self.dice.roll(10) != 0 => {
                    continue;
                }
                _ => self.value(&field.kind),
            };
            payload.insert(name.clone(), value);
        }
        payload
    }

    fn value(&mut self, kind: &Type) -> Value {
        let yuan = [
            0, 1, 5_000, 15_000, 15_000, 15_000, 81_800, 96_800, 97_800, 98_800, 120_000, 900_000,
        ];
        match kind {
            Type::Money => Value::Int(self.dice.pick(&yuan) * 100),
            Type::Int => Value::Int(i64::try_from(self.dice.roll(3)).unwrap()),
            Type::Bool => Value::Bool(self.dice.roll(5) != 0),
            Type::Time => Value::Int(self.now.0 + self.dice.pick(&[-HOUR, -1, 0, 1, HOUR, 25 * HOUR])),
            Type::Duration => Value::Int(*self.dice.pick(&[60_000, 240_000])),
            Type::Period => Value::from(*self.dice.pick(&["3 workdays", "5 workdays", "10 workdays", "2 days"])),
            Type::Text | Type::Rich => Value::from(format!("词{}", self.dice.roll(1_000))),
            Type::File | Type::Key(_) | Type::Party => Value::from("F1"),
            Type::Files => Value::List(vec![Value::from("F1")]),
            Type::Organisation => Value::from(ORGANISATION),
            Type::Enumeration(options) => Value::Text(self.dice.pick(options).clone()),
            Type::List { .. } => Value::List(Vec::new()),
            Type::Form(fields) => Value::Map(fields.iter().map(|field| self.form_field(field)).collect()),
        }
    }

    fn form_field(&mut self, field: &FormField) -> (Name, Value) {
        (field.name.clone(), self.value(&field.kind))
    }

    /// Through the approvals to the registration, where most parties register: random acts alone seldom get that far.
    fn open_registration(&mut self) {
        for _ in 0..20 {
            if self.trade.as_ref().unwrap().instances["random"].states[0].starts_with("preparing") {
                self.do_something(None);
            }
        }
        self.pass_to_next();
        for party in PARTIES {
            if self.dice.roll(4) == 0 {
                continue;
            }
            let apply = Cause::event("apply", Map::new());
            // Who holds a post with the transferor may not apply.
            let mut applicant = everybody("opener", Some(party));
            applicant.posts.clear();
            self.offer(applicant, "random".into(), apply);
            let mut all = self.trade.as_ref().unwrap().instances.values();
            let Some(own) = all
                .find(|instance| instance.owner.as_deref() == Some(party))
                .map(|own| own.id.clone())
            else {
                continue;
            };
            for _ in 0..4 {
                self.do_something(Some(&own));
            }
            let payload = Map::from([
                ("amount".into(), Value::Int(15_000_00)),
                ("credited_at".into(), Value::from(self.now)),
                ("payer_matches".into(), Value::Bool(true)),
                ("ref".into(), Value::from("A")),
            ]);
            let arrived = Cause::event("deposit.arrived", payload);
            self.offer(everybody("bank", None), own, arrived);
        }
    }

    /// What holds between any two events.
    fn check(&mut self) {
        let trade = self.trade.as_ref().unwrap();
        for instance in trade
            .instances
            .values()
            .filter(|instance| &*instance.machine == "application")
        {
            if instance.states.iter().any(|state| state.contains("taking_part.won")) {
                self.winners.insert(instance.id.clone());
            }
        }
        assert!(self.winners.len() <= 1, "two parties won");
        assert_eq!(self.balances.values().sum::<i64>(), 0);
        if trade.root().unwrap().done {
            for account in ["held", "owed"] {
                assert_eq!(
                    self.balances.get(account).copied().unwrap_or(0),
                    0,
                    "{account} of an ended trade"
                );
            }
        }
    }
}

fn listing(dice: &mut Dice) -> Map {
    let bool_of = |dice: &mut Dice| Value::Bool(dice.roll(2) == 0);
    let text = |words: &[&str], dice: &mut Dice| Value::from(*dice.pick(words));
    let start = BEGIN + i64::try_from(dice.roll(72)).unwrap() * HOUR;
    let sealed = dice.roll(5) == 0;
    Map::from([
        (
            "method".into(),
            Value::from(if sealed { "sealed" } else { "ascending" }),
        ),
        ("proxy_allowed".into(), Value::Bool(!sealed && dice.roll(2) == 0)),
        (
            "free".into(),
            Value::Int(if sealed { 0 } else { *dice.pick(&[0, 0, HOUR]) }),
        ),
        (
            "resume_rule".into(),
            text(&["restart_inquiry", "full_window", "remaining"], dice),
        ),
        ("reserve_kind".into(), text(&["none", "none", "none", "secret"], dice)),
        ("name".into(), Value::from("标的")),
        ("project_code".into(), Value::from("X1")),
        ("category".into(), Value::from("实物资产")),
        ("mode".into(), text(&["bidding", "auction"], dice)),
        ("transferor".into(), Value::from(ORGANISATION)),
        ("authority".into(), Value::from(ORGANISATION)),
        ("auction_firm".into(), Value::from(ORGANISATION)),
        ("details".into(), Value::from("详情")),
        ("appraisal".into(), Value::Int(96_800_00)),
        ("start_price".into(), Value::Int(*dice.pick(&[80_000_00, 96_800_00]))),
        ("increment".into(), Value::Int(1_000_00)),
        (
            "deposit".into(),
            Value::Int(*dice.pick(&[0, 15_000_00, 15_000_00, 15_000_00])),
        ),
        ("registration_start".into(), Value::Int(start)),
        ("notice_period".into(), text(&["7 days", "7 workdays"], dice)),
        ("supplement_period".into(), text(&["1 days", "2 workdays"], dice)),
        ("pre_review".into(), bool_of(dice)),
        ("confirm_required".into(), bool_of(dice)),
        ("certified".into(), bool_of(dice)),
        ("extension".into(), text(&["every_bid", "in_window"], dice)),
        ("priority".into(), text(&["none", "same_price", "exercise_after"], dice)),
        (
            "publicity".into(),
            text(&["before_confirmation", "after_confirmation", "none"], dice),
        ),
    ])
}

/// Plays one history and returns how many inputs were taken, and the states it reached.
fn play(bundle: &Bundle, calendars: &Calendars, seed: u64) -> (u64, BTreeSet<Name>) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let data = listing(&mut dice);
    let mut world = World {
        bundle,
        calendars,
        dice,
        trade: None,
        now: Time(BEGIN),
        entries: Vec::new(),
        balances: BTreeMap::new(),
        best: 0,
        winners: BTreeSet::new(),
        decided: 0,
        taken: 0,
    };
    world.offer(
        everybody("opener", None),
        "random".into(),
        Cause::Start { machine: None, data },
    );
    world.open_registration();
    for _ in 0..400 {
        world.step();
        world.check();
        if world
            .trade
            .as_ref()
            .is_some_and(|trade| trade.root().is_some_and(|root| root.done))
        {
            break;
        }
    }
    let trade = world.trade.as_ref().unwrap();
    let again =
        history::replay(bundle, calendars, &world.entries).unwrap_or_else(|broken| panic!("seed {seed}: {broken:?}"));
    assert_eq!(
        history::canonical(trade),
        history::canonical(&again.unwrap()),
        "seed {seed} replays otherwise"
    );
    let transitions = world.entries.iter().flat_map(|entry| &entry.public.transitions);
    let reached = transitions.flat_map(|taken| taken.to.iter().cloned()).collect();
    (world.taken, reached)
}

#[test]
fn whatever_people_do_the_trade_stays_lawful() {
    let bundle = asset_sale().0.unwrap();
    let calendars = calendars();
    let histories = if std::env::var_os("LUOCHUI_LONG").is_some() {
        10_000
    } else {
        1_000
    };
    let (mut taken, mut reached) = (0, BTreeSet::new());
    for seed in 1..=histories {
        let played = std::panic::catch_unwind(|| play(&bundle, &calendars, seed));
        let (count, states) = played.unwrap_or_else(|_| panic!("history {seed} broke; see above"));
        taken += count;
        reached.extend(states);
    }
    // Histories that never get anywhere would prove nothing.
    assert!(taken > histories * 20, "only {taken} inputs were taken");
    for state in [
        "trade.course.bidding",
        "trade.course.failed",
        "trade.course.concluding",
        "ended",
    ] {
        assert!(
            reached.iter().any(|path| path.starts_with(state)),
            "no history reached {state}: {reached:?}"
        );
    }
}
