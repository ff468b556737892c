//! Random rules, random histories, and edges at the millisecond: what the machines answer and where the room stands must be what
//! the model says. 2,000 histories in every run, 20,000 with `LUOCHUI_LONG=1`.

mod model;
mod mutants;
mod stage;

use luochui::machine::Instance;
use luochui::machine::snapshot::snapshot;
use luochui::machine::step::{Act, Actor, Answer, Cause};
use luochui::machine::trade::{InstanceId, TodoId};
use luochui::machine::value::{Map, Name, Value};
use luochui::machine::view::{Reader, view_for};
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};

use model::{
    BIDDERS, DAY, MINUTE, Missed, Offer, Outage, PAID, Phase, Priority, Resume, Room, Rules, SECOND, Signature,
};
use stage::{Stage, bidder, money, second, signature, staff};

use crate::workflows;

type Reasons = std::collections::BTreeSet<&'static str>;
/// An input for the machines, and the reasons that the model has against it.
type Posed = (Actor, InstanceId, Cause, Reasons);

const INCREMENT: i64 = 1_000;
const START: i64 = 100_000;

#[derive(Clone, Copy, Debug)]
enum Deed {
    Bid,
    Limit,
    Envelope,
    Exercise,
    Enter,
    Join,
    Ban,
    Suspend,
    Resume,
    Reopen,
    Abandon,
}

/// One thing that somebody does: amounts and times are told against where the room stands then.
#[derive(Clone, Copy, Debug)]
struct Move {
    deed: Deed,
    who: usize,
    /// The amount: steps over the price (or the start), and fen beside it.
    steps: i64,
    beside: i64,
    /// The time: at the deadline and these milliseconds, or so much later.
    at_deadline: bool,
    /// At the time from which nothing is extended, where it has not come yet.
    at_stop: bool,
    /// The very amount that the leader has set as a limit.
    at_limit: bool,
    shift: i64,
    pause: i64,
    confirmed: bool,
    signed: bool,
    newest: bool,
    trouble: u8,
    /// Came in before the last deadline, and surfaces only now.
    surfaces: bool,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        14 => Just(Deed::Bid),
        7 => Just(Deed::Limit),
        5 => Just(Deed::Envelope),
        2 => Just(Deed::Exercise),
        2 => Just(Deed::Enter),
        4 => Just(Deed::Join),
        2 => Just(Deed::Ban),
        1 => Just(Deed::Suspend),
        2 => Just(Deed::Resume),
        3 => Just(Deed::Reopen),
        1 => Just(Deed::Abandon),
    ]
}

fn one_move() -> impl Strategy<Value = Move> {
    let amount = (
        prop_oneof![4 => 0..4_i64, 1 => -2..30_i64],
        prop_oneof![6 => Just(0), 1 => -1..=1_i64, 1 => Just(500)],
    );
    let time = (
        (
            prop::bool::weighted(0.3),
            prop::bool::weighted(0.15),
            prop::bool::weighted(0.15),
        ),
        -1..=1_i64,
        prop_oneof![Just(0), Just(1), Just(SECOND), Just(20 * SECOND), Just(70 * SECOND)],
    );
    let rest = (
        prop::bool::weighted(0.7),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.9),
        0..60_u8,
        prop::bool::weighted(0.03),
    );
    (deed(), 0..BIDDERS, amount, time, rest).prop_map(|(deed, who, amount, time, rest)| Move {
        deed,
        who,
        steps: amount.0,
        beside: amount.1,
        at_deadline: time.0.0,
        at_stop: time.0.1,
        at_limit: time.0.2,
        shift: time.1,
        pause: time.2,
        confirmed: rest.0,
        signed: rest.1,
        newest: rest.2,
        trouble: rest.3,
        surfaces: rest.4,
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    let lengths = (
        prop_oneof![Just(MINUTE), Just(4 * MINUTE)],
        prop_oneof![2 => Just(0), 1 => Just(3 * MINUTE)],
        prop_oneof![Just(MINUTE), Just(4 * MINUTE)],
        prop_oneof![Just(30 * SECOND), Just(2 * MINUTE), Just(10 * MINUTE)],
        prop_oneof![Just(0), Just(1), Just(90 * SECOND), Just(8 * MINUTE)],
    );
    let extension = (
        any::<bool>(),
        prop_oneof![2 => Just(0), 1 => 1..4_i64],
        prop::option::weighted(0.3, 0..8 * MINUTE),
    );
    let amounts = (
        any::<bool>(),
        prop_oneof![2 => Just(0), 1 => 2..6_i64],
        prop_oneof![Just(0), Just(20)],
        prop::bool::weighted(0.7),
        prop_oneof![2 => Just(0), 1 => 3..8_i64],
    );
    let ways = (
        prop::bool::weighted(0.2),
        any::<bool>(),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.2),
        prop_oneof![4 => Just(Signature::None), 1 => Just(Signature::AtEntry), 1 => Just(Signature::Every)],
    );
    let people = (
        prop_oneof![Just(Priority::None), Just(Priority::SamePrice), Just(Priority::After)],
        prop_oneof![Just(Resume::Restart), Just(Resume::FullWindow), Just(Resume::Remaining)],
        prop::array::uniform5(prop_oneof![2 => Just(0), 1 => 1..4_i64]),
        prop::option::weighted(0.2, 0..5 * MINUTE),
    );
    (lengths, extension, amounts, ways, people).prop_map(|(lengths, extension, amounts, ways, people)| {
        let (inquiry, free, timed, window, more) = lengths;
        let (sealed, proxy, confirm, newest, signature) = ways;
        Rules {
            sealed,
            starts: people.3,
            start: START,
            increment: INCREMENT,
            reserve: if amounts.4 == 0 {
                0
            } else {
                START + amounts.4 * INCREMENT
            },
            inquiry,
            confirm,
            free: if sealed { 0 } else { free },
            timed,
            only_in_window: extension.0,
            window,
            // The notice must not let a deadline come nearer: never shorter than what may be left.
            extend_by: if extension.0 { window.min(timed) } else { timed } + more,
            most_extensions: extension.1,
            hard_stop: extension.2.map_or(0, |more| timed + more),
            multiples: amounts.0,
            most_steps: if sealed { 0 } else { amounts.1 },
            confirm_steps: amounts.2,
            self_outbid: amounts.3,
            proxy: proxy && !sealed,
            signature,
            newest,
            priority: people.0,
            priority_window: 3 * MINUTE,
            resume: people.1,
            ranks: people.2,
        }
    })
}

/// Writes the rules into the listing, as its draft would have.
fn announce(stage: &mut Stage<'_>, rules: &Rules) {
    let word = |word: &str| Value::from(word);
    let time = |time: Option<i64>| time.map_or(Value::Null, Value::Int);
    let signature = match rules.signature {
        Signature::None => "none",
        Signature::AtEntry => "once_at_entry",
        Signature::Every => "every_bid",
    };
    let priority = match rules.priority {
        Priority::None => "none",
        Priority::SamePrice => "same_price",
        Priority::After => "exercise_after",
    };
    let resume = match rules.resume {
        Resume::Restart => "restart_inquiry",
        Resume::FullWindow => "full_window",
        Resume::Remaining => "remaining",
    };
    let fields: [(&str, Value); 25] = [
        ("method", word(if rules.sealed { "sealed" } else { "ascending" })),
        ("auction_start", time(rules.starts)),
        ("start_price", Value::Int(rules.start)),
        ("increment", Value::Int(rules.increment)),
        ("reserve", Value::Int(rules.reserve)),
        ("inquiry", Value::Int(rules.inquiry)),
        ("confirm_required", Value::Bool(rules.confirm)),
        ("free", Value::Int(rules.free)),
        ("timed", Value::Int(rules.timed)),
        (
            "extension",
            word(if rules.only_in_window { "in_window" } else { "every_bid" }),
        ),
        ("window", Value::Int(rules.window)),
        ("extend_by", Value::Int(rules.extend_by)),
        ("max_resets", Value::Int(rules.most_extensions)),
        ("hard_stop", Value::Int(rules.hard_stop)),
        ("only_multiples", Value::Bool(rules.multiples)),
        ("max_multiple", Value::Int(rules.most_steps)),
        ("confirm_multiple", Value::Int(rules.confirm_steps)),
        ("self_outbid", Value::Bool(rules.self_outbid)),
        ("suspend_max", word("5 days")),
        ("proxy_allowed", Value::Bool(rules.proxy)),
        ("bid_signature", word(signature)),
        ("require_seen", Value::Bool(rules.newest)),
        ("priority", word(priority)),
        ("priority_window", Value::Int(rules.priority_window)),
        ("resume_rule", word(resume)),
    ];
    stage
        .root_mut()
        .data
        .extend(fields.map(|(name, value)| (Name::from(name), value)));
    for who in 0..BIDDERS {
        let id = stage.applications[who].clone();
        let rank = Value::Int(rules.ranks[who]);
        stage.instance_mut(&id).data.insert("priority_rank".into(), rank);
    }
}

/// One history on the stage, with the model beside it.
struct History<'a> {
    stage: Stage<'a>,
    room: Room,
    now: i64,
    /// Whom somebody wants excluded.
    proposed: Option<usize>,
    log: Vec<String>,
}

impl History<'_> {
    fn play(&mut self, one: Move) {
        // Mostly not to the end of an interruption: most of them are mended.
        let waits = matches!(self.room.phase, Phase::Suspended | Phase::Abandoning) && !one.at_limit;
        let deadline = self
            .room
            .deadline
            .filter(|_| one.at_deadline && !self.room.frozen && !waits);
        let then = deadline.map_or(self.now + one.pause, |deadline| deadline + one.shift);
        let stop = self.room.stop.filter(|stop| one.at_stop && *stop >= self.now);
        // Not past a deadline: what happens there is other moves' business.
        let stop = stop.filter(|stop| self.room.deadline.is_none_or(|deadline| *stop < deadline));
        self.now = self.now.max(stop.map_or(then, |stop| stop + one.shift));
        self.suffer(one.trouble);
        self.room.pass(self.now, self.stage.late);
        let before = self.room.clone();
        let stood = self.standing();
        let fired = self.room.fired.filter(|_| one.surfaces && one.may_surface());
        if let Some(fired) = fired {
            return self.surface(one, fired);
        }
        let Some((actor, instance, cause, reasons)) = self.both(one) else {
            // Nobody can do it now; time has passed all the same.
            self.idle();
            return self.compare();
        };
        let answer = self.stage.offer(actor, instance, cause, self.now);
        self.log
            .push(format!("{} {one:?}: {answer:?}, model {reasons:?}", self.now));
        agree(&answer, &reasons);
        self.compare();
        self.hold(&before, one, reasons.is_empty());
        if !reasons.is_empty()
            && before.deadline == self.room.deadline
            && stood.is_some_and(|(phase, _)| phase == before.phase)
        {
            // What was refused moved nothing: model and machine agree, and the model did not move.
            assert_eq!(format!("{before:?}"), format!("{:?}", self.room));
        }
    }

    /// What befalls the platform: outages until now, or long ago; timers that are noticed late; a process that ends.
    fn suffer(&mut self, trouble: u8) {
        let now = self.now;
        let outage = |from, until, ended| Some(Outage { from, until, ended });
        let (outage, late) = match trouble {
            0 => (outage(now - 5 * SECOND, now, false), 0),
            1 => (None, 3 * SECOND + 1),
            2 => (outage(now - 200 * SECOND, now, false), 10 * SECOND),
            3 => (outage(now - 3 * SECOND, now, false), 3 * SECOND),
            4 => (outage(now - SECOND, now, true), 0),
            5 => (outage(now - 6 * MINUTE, now - 5 * MINUTE - SECOND, false), 0),
            6 => (outage(now - 4 * SECOND, now - 2 * SECOND, false), 1_500),
            7 => (outage(now - 11 * MINUTE, now - 10 * MINUTE, true), 0),
            8 => (outage(now - 9 * MINUTE, now, false), 0),
            _ => (None, 0),
        };
        self.stage.late = late;
        self.stage.outages.extend(outage);
        self.room.outages.extend(outage);
    }

    fn idle(&mut self) {
        let cause = Cause::Retry { timer: "none".into() };
        self.stage.offer(staff(), "trade".into(), cause, self.now);
    }

    /// Something that was stamped before the last deadline is decided now.
    fn surface(&mut self, one: Move, fired: i64) {
        self.idle();
        self.compare();
        let decided = self.stage.trade.now.0;
        let before = self.room.clone();
        let late = self.room.late(one.missed(), one.who, decided);
        // The model has moved: what is sent is built as before.
        let after = std::mem::replace(&mut self.room, before);
        let posed = match (one.deed, &late) {
            (Deed::Join, Some(_)) => Some(self.confirmation(one)),
            _ => self.both(one),
        };
        let Some((actor, instance, cause, answered)) = posed else {
            return;
        };
        // What could not have counted is answered as any other.
        let reasons = late.map_or(answered, |reasons| {
            self.room = after;
            reasons
        });
        let answer = self.stage.offer(actor, instance, cause, fired - 1);
        self.log.push(format!("{} {one:?} surfaces: {answer:?}", self.now));
        agree(&answer, &reasons);
        self.compare();
    }

    /// The input for the machines, and what the model answers to it.
    fn both(&mut self, one: Move) -> Option<Posed> {
        let offer = self.offer_of(one);
        let room = self.stage.room()?.id.clone();
        let signed = one.signed.then(signature);
        let event = |name: &str, payload: Map| Cause::Event {
            name: name.into(),
            payload,
            signed: signed.clone(),
        };
        let mut payload = money(offer.amount);
        payload.insert("confirmed".into(), Value::Bool(one.confirmed));
        Some(match one.deed {
            Deed::Bid => {
                payload.extend(offer.seen.map(|seen| ("seen".into(), Value::Int(seen))));
                (
                    bidder(one.who),
                    room,
                    event("bid", payload),
                    self.room.bid(offer, self.now),
                )
            }
            Deed::Limit => (
                bidder(one.who),
                room,
                event("limit", payload),
                self.room.set_limit(offer, self.now),
            ),
            Deed::Envelope => (bidder(one.who), room, event("offer", payload), self.room.offer(offer)),
            Deed::Exercise => (
                bidder(one.who),
                room,
                event("exercise", Map::new()),
                self.room.exercise(one.who, one.signed),
            ),
            Deed::Enter => {
                let mut reasons = Reasons::new();
                if self.room.over() {
                    reasons.insert("ended");
                } else if self.room.frozen {
                    reasons.insert("suspended");
                } else if one.who >= PAID {
                    reasons.insert("not_qualified");
                } else if !one.signed {
                    reasons.insert("bad_signature");
                } else {
                    self.room.entered[one.who] = true;
                }
                (bidder(one.who), room, event("enter", Map::new()), reasons)
            }
            _ => return self.around(one, room),
        })
    }

    /// What happens around the room: confirmations, exclusions, suspensions.
    fn around(&mut self, one: Move, room: InstanceId) -> Option<Posed> {
        let none = Reasons::new();
        match one.deed {
            Deed::Join => {
                let asked = self.room.phase == Phase::Inquiry && self.room.rules.confirm && one.who < PAID;
                if !asked || self.room.frozen || self.room.joined[one.who] || self.room.banned[one.who] {
                    return None;
                }
                self.room.joined[one.who] = true;
                Some(self.confirmation(one))
            }
            Deed::Ban if self.room.over() => None,
            // One proposes by the plate, another agrees or does not.
            Deed::Ban => match self.proposed {
                None => {
                    self.proposed = Some(one.who);
                    let payload = Map::from([
                        ("ban_plate".into(), Value::Text(self.stage.plates[one.who].clone())),
                        ("ban_reason".into(), Value::from("扰乱秩序")),
                    ]);
                    Some((staff(), "trade".into(), Cause::event("ban", payload), none))
                }
                Some(who) => {
                    let todo = self.todo_of(self.stage.root(), "proposed")?;
                    let (actor, reasons) = other_than_staff(one);
                    if reasons.is_empty() {
                        self.proposed = None;
                        if who < PAID && one.confirmed {
                            self.room.exclude(who);
                        }
                    }
                    let cause = judged(todo, "ban_approval", one.confirmed);
                    Some((actor, "trade".into(), cause, reasons))
                }
            },
            Deed::Suspend => {
                if self.room.frozen || self.room.over() {
                    return None;
                }
                self.room.freeze(self.now);
                let payload = Map::from([
                    ("suspend_reason".into(), Value::from("其他")),
                    ("reason".into(), Value::from("核查")),
                ]);
                Some((staff(), "trade".into(), Cause::event("suspend", payload), none))
            }
            Deed::Resume => {
                if !self.room.frozen {
                    return None;
                }
                self.room.thaw(self.now);
                let payload = Map::from([("resume_at".into(), Value::Int(self.now))]);
                Some((staff(), "trade".into(), Cause::event("resume", payload), none))
            }
            Deed::Reopen if self.room.phase == Phase::Suspended && !self.room.frozen => {
                // Nobody can complete a to-do before it is there.
                self.idle();
                let at = match one.steps {
                    0 | 1 => self.now + one.pause,
                    2 => self.now + DAY + one.shift,
                    _ => self.room.deadline? + one.shift,
                };
                let reasons = self.room.reopen(at, self.now);
                let todo = self.todo_of(self.stage.room()?, "suspended")?;
                let payload = Map::from([
                    ("reopen_at".into(), Value::Int(at)),
                    ("reason".into(), Value::from("断电")),
                ]);
                let act = Act::complete("reopen", payload);
                Some((staff(), room, Cause::Todo { todo, act }, reasons))
            }
            Deed::Abandon if self.room.phase == Phase::Suspended && !self.room.frozen => {
                self.idle();
                let todo = self.todo_of(self.stage.room()?, "suspended")?;
                self.room.phase = Phase::Abandoning;
                let act = Act::complete("abandon", Map::from([("reason".into(), Value::from("数据损坏"))]));
                Some((staff(), room, Cause::Todo { todo, act }, none))
            }
            Deed::Abandon | Deed::Reopen if self.room.phase == Phase::Abandoning && !self.room.frozen => {
                self.idle();
                let todo = self.todo_of(self.stage.room()?, "abandoning")?;
                let (actor, reasons) = other_than_staff(one);
                // Seldom agreed to: a history goes on after it.
                let agrees = one.at_stop;
                if reasons.is_empty() {
                    self.room.judge(agrees);
                }
                Some((actor, room, judged(todo, "second_reason", agrees), reasons))
            }
            _ => None,
        }
    }

    fn confirmation(&self, one: Move) -> Posed {
        let own = self.stage.applications[one.who].clone();
        (bidder(one.who), own, Cause::event("join", Map::new()), Reasons::new())
    }

    fn todo_of(&self, instance: &Instance, state: &str) -> Option<TodoId> {
        let mut todos = instance.todos.values();
        Some(todos.find(|todo| todo.state.ends_with(state))?.id.clone())
    }

    fn offer_of(&self, one: Move) -> Offer {
        let base = self.room.leader.map_or(START - INCREMENT, |_| self.room.price);
        Offer {
            by: one.who,
            amount: if one.at_limit && self.room.limit > 0 {
                self.room.limit + one.beside
            } else {
                (base + one.steps * INCREMENT + one.beside).max(0)
            },
            confirmed: one.confirmed,
            signed: one.signed,
            seen: Some(if one.newest {
                self.room.accepted
            } else {
                self.room.accepted - 1
            }),
        }
    }

    /// Phase and deadline as the machines have them.
    fn standing(&self) -> Option<(Phase, Option<i64>)> {
        let room = self.stage.room()?;
        let state = room.states.first()?.rsplit('.').next()?;
        let phase = match state {
            "waiting" => Phase::Waiting,
            "inquiry" => Phase::Inquiry,
            "free" => Phase::Free,
            "timed" => Phase::Timed,
            "sealed" => Phase::Sealed,
            "asking_priority" => Phase::Priority,
            "suspended" => Phase::Suspended,
            "abandoning" => Phase::Abandoning,
            "annulled" => Phase::Annulled,
            "reopening" => Phase::Reopening,
            "sold" => Phase::Sold,
            "unsold" => Phase::Unsold,
            other => panic!("the room is {other}"),
        };
        let timer = room.timers.iter().find(|(name, _)| !name.starts_with("todo."));
        Some((phase, timer.map(|(_, timer)| timer.due.0)))
    }

    fn compare(&self) {
        let room = self.stage.room().unwrap();
        let (phase, deadline) = self.standing().unwrap();
        assert_eq!(phase, self.room.phase, "phase");
        if !self.room.frozen {
            assert_eq!(deadline, self.room.deadline, "deadline");
        }
        assert_eq!(room.data["price"], Value::Int(self.room.price), "price");
        assert_eq!(room.data["bids"], Value::Int(self.room.accepted), "accepted");
        assert_eq!(room.data["resets"], Value::Int(self.room.extensions), "extensions");
        assert_eq!(room.data["limit"], Value::Int(self.room.limit), "limit");
        if phase == Phase::Timed {
            let stop = room.data.get("stop_at").and_then(Value::as_int);
            assert_eq!(stop, self.room.stop, "from when nothing is extended");
        }
        let leader = self.room.leader.map(|leader| self.stage.plates[leader].clone());
        let known = room.data.get("leader").and_then(Value::as_text);
        assert_eq!(known, leader.as_deref(), "leader");
        for pair in self.stage.prices.windows(2) {
            assert!(
                pair[1] >= pair[0] + self.room.rules.increment,
                "{} after {}",
                pair[1],
                pair[0]
            );
        }
        if phase == Phase::Sold {
            assert_eq!(self.stage.root().data["winner"].as_text(), leader.as_deref(), "winner");
            assert_eq!(self.stage.root().data["final_price"], Value::Int(self.room.price));
        }
    }

    /// What holds of any rules: prices rise, deadlines do not come nearer, an extension has its exact length.
    fn hold(&self, before: &Room, one: Move, accepted: bool) {
        let offered = matches!(one.deed, Deed::Bid | Deed::Limit);
        if !offered || !accepted {
            return;
        }
        let same_price = self.room.price == before.price && self.room.accepted > before.accepted;
        assert!(
            !same_price || self.room.rules.priority == Priority::SamePrice,
            "the price stood still"
        );
        let step = if before.leader.is_some() {
            self.room.rules.increment
        } else {
            0
        };
        assert!(
            same_price || self.room.accepted == before.accepted || self.room.price >= before.price + step,
            "the price rose by less than a step"
        );
        assert!(self.room.deadline >= before.deadline, "the deadline came nearer");
        let (_, deadline) = self.standing().unwrap();
        if deadline != before.deadline {
            assert_eq!(
                deadline,
                Some(self.now + self.room.rules.extend_by),
                "another length than configured"
            );
        }
    }
}

impl Move {
    fn may_surface(self) -> bool {
        matches!(
            self.deed,
            Deed::Bid | Deed::Limit | Deed::Envelope | Deed::Exercise | Deed::Enter | Deed::Join
        )
    }

    fn missed(self) -> Missed {
        match self.deed {
            Deed::Bid => Missed::Bid,
            Deed::Limit => Missed::Limit,
            Deed::Envelope => Missed::Envelope,
            Deed::Join => Missed::Confirmation,
            _ => Missed::Other,
        }
    }
}

/// The machines accepted exactly what the model has no reason against, and named one of its reasons.
fn agree(answer: &Answer, reasons: &Reasons) {
    match answer {
        Answer::Taken { .. } => assert!(reasons.is_empty(), "accepted in spite of {reasons:?}"),
        Answer::Refused(refusal) => assert!(
            reasons.contains(&*refusal.code),
            "{} is none of {reasons:?}",
            refusal.code
        ),
        other => panic!("{other:?}"),
    }
}

/// Who judges what staff proposed: mostly somebody else.
fn other_than_staff(one: Move) -> (Actor, Reasons) {
    match one.signed {
        true => (second(), Reasons::new()),
        false => (staff(), Reasons::from(["same_person"])),
    }
}

fn judged(todo: TodoId, field: &str, agrees: bool) -> Cause {
    let payload = Map::from([(field.into(), Value::from("已核"))]);
    let act = Act::complete(if agrees { "approve" } else { "return" }, payload);
    Cause::Todo { todo, act }
}

/// How often histories ended in each phase.
type Ends = std::collections::BTreeMap<String, u64>;

/// Plays random histories under random rules with the machines of a bundle; the first in which they and the model part is an error.
fn histories(bundle: &luochui::machine::Bundle, mut runner: TestRunner) -> Result<Ends, String> {
    let calendars = workflows::calendars();
    let set = Stage::set(bundle, &calendars);
    let seen = std::cell::RefCell::new(Ends::new());
    let strategy = (rules(), prop::collection::vec(one_move(), 1..90));
    let outcome = runner.run(&strategy, |(mut rules, moves)| {
        let counted = set.counted;
        rules.starts = rules.starts.map(|after| counted + after);
        let mut stage = set.again();
        announce(&mut stage, &rules);
        let cause = Cause::Retry { timer: "none".into() };
        stage.offer(staff(), "trade".into(), cause, counted);
        let room = Room::opened(rules, counted);
        let mut history = History {
            stage,
            room,
            now: counted,
            proposed: None,
            log: Vec::new(),
        };
        history.compare();
        for one in moves {
            if history.room.over() {
                break;
            }
            history.play(one);
        }
        *seen
            .borrow_mut()
            .entry(format!("{:?}", history.room.phase))
            .or_default() += 1;
        Ok(())
    });
    outcome.map_err(|error| error.to_string())?;
    Ok(seen.into_inner())
}

#[test]
fn the_room_decides_as_the_text_says() {
    let bundle = workflows::asset_sale().0.unwrap();
    let cases = if std::env::var_os("LUOCHUI_LONG").is_some() {
        20_000
    } else {
        2_000
    };
    let runner = TestRunner::new(Config {
        cases,
        // What failed once is played first, before anything new is drawn.
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "proptest-regressions/auction/rules.txt",
        ))),
        ..Config::default()
    });
    let seen = histories(&bundle, runner).unwrap_or_else(|error| panic!("{error}"));
    for phase in [
        "Sold",
        "Unsold",
        "Annulled",
        "Timed",
        "Suspended",
        "Reopening",
        "Sealed",
        "Priority",
    ] {
        assert!(
            seen.get(phase).copied().unwrap_or(0) > 0,
            "no history ended in {phase}: {seen:?}"
        );
    }
}

#[test]
fn nobody_reads_a_reserve_or_a_limit() {
    let bundle = workflows::asset_sale().0.unwrap();
    let calendars = workflows::calendars();
    let mut stage = Stage::set(&bundle, &calendars);
    let counted = stage.counted;
    let secrets = [("reserve", 777_001), ("limit", 777_003)];
    let listing = &mut stage.root_mut().data;
    listing.insert("reserve".into(), Value::Int(secrets[0].1));
    listing.insert("proxy_allowed".into(), Value::Bool(true));
    let open = counted + 4 * MINUTE;
    stage.offer(staff(), "trade".into(), Cause::Retry { timer: "none".into() }, open);
    let room = stage.room().unwrap().id.clone();
    let limit = Cause::event("limit", {
        let mut payload = money(secrets[1].1);
        payload.insert("confirmed".into(), Value::Bool(true));
        payload
    });
    let answer = stage.offer(bidder(0), room, limit, open);
    assert!(matches!(answer, Answer::Taken { .. }), "{answer:?}");
    let room = stage.room().unwrap();
    assert_eq!(room.data["limit"], Value::Int(secrets[1].1), "the rule knows it");
    let everybody = [
        Reader::Operator,
        Reader::Actor(&staff()),
        Reader::Actor(&bidder(0)),
        Reader::Actor(&bidder(1)),
    ];
    for instance in stage.trade.instances.values() {
        let printed = format!("{:?}", snapshot(&bundle, &stage.trade, instance));
        let seen: Vec<String> = everybody
            .iter()
            .map(|reader| format!("{:?}", view_for(&bundle, &stage.trade, instance, *reader)))
            .chain([printed])
            .collect();
        for (name, secret) in secrets {
            assert!(
                seen.iter().all(|text| !text.contains(&secret.to_string())),
                "{name} shows in {}",
                instance.machine
            );
        }
    }
}
