//! The shipped machines on a stage: a listing with four paid applications and an unpaid one, a minute before they are counted.
//! Must not know what an auction decides.

use std::sync::Arc;

use luochui::machine::calendar::Calendars;
use luochui::machine::outage::{self, Reach};
use luochui::machine::step::{Act, Actor, Answer, Cause, Context, Delay, Effect, Input, Outside, Signed, decide};
use luochui::machine::trade::{InstanceId, Timer};
use luochui::machine::value::{Map, Name, Value};
use luochui::machine::{Bundle, Instance, Time, Trade};

use super::model::{BIDDERS, Outage, PAID};

const UNIT: &str = "unit";
const DAY: i64 = 86_400_000;
/// 2026-09-01 09:00 in China.
const BEGIN: i64 = 1_788_224_400_000;

pub struct Stage<'a> {
    pub bundle: &'a Bundle,
    pub calendars: &'a Calendars,
    pub trade: Trade,
    pub applications: Vec<InstanceId>,
    pub plates: Vec<Name>,
    /// When the applications are counted, and the room opens.
    pub counted: i64,
    /// Of the platform, so far.
    pub outages: Vec<Outage>,
    /// Milliseconds by which timers are noticed late now.
    pub late: i64,
    /// Every amount that was accepted as a price, in the order of the record; a right to the same price is no price of its own.
    pub prices: Vec<i64>,
    decided: u64,
}

/// Who holds all posts.
pub fn staff() -> Actor {
    holder("staff")
}

/// Somebody else who holds all posts.
pub fn second() -> Actor {
    holder("second")
}

fn holder(account: &str) -> Actor {
    let own = ["clerk", "head", "supervisor"].map(|post| (post.into(), UNIT.into()));
    let centre = ["reviewer", "chief", "finance"].map(|post| (post.into(), "centre".into()));
    Actor {
        account: account.into(),
        posts: own.into_iter().chain(centre).collect(),
        services: vec!["bank".into()],
        ..Actor::default()
    }
}

pub fn bidder(who: usize) -> Actor {
    Actor {
        account: format!("account {who}").into(),
        party: Some(format!("party {who}").into()),
        member: true,
        ..Actor::default()
    }
}

pub fn signature() -> Box<Signed> {
    Box::new(Signed {
        subject: "holder".into(),
        certificate_sha256: "".into(),
        certificate: "".into(),
        value: "".into(),
        nonce: "".into(),
        seen: 0,
        test: false,
    })
}

pub fn money(amount: i64) -> Map {
    Map::from([("amount".into(), Value::Int(amount))])
}

impl<'a> Stage<'a> {
    pub fn set(bundle: &'a Bundle, calendars: &'a Calendars) -> Self {
        let mut stage = Self {
            bundle,
            calendars,
            trade: Trade::unopened(bundle, "trade".into(), Time(BEGIN)),
            applications: Vec::new(),
            plates: Vec::new(),
            counted: 0,
            outages: Vec::new(),
            late: 0,
            prices: Vec::new(),
            decided: 0,
        };
        stage.publish();
        for who in 0..BIDDERS {
            stage.apply(who);
        }
        let end = stage.root().data["registration_end"].as_int().unwrap();
        stage.counted = end + 30 * 60_000;
        stage
    }

    /// The same stage for another history.
    pub fn again(&self) -> Self {
        Self {
            trade: self.trade.clone(),
            applications: self.applications.clone(),
            plates: self.plates.clone(),
            outages: Vec::new(),
            prices: Vec::new(),
            ..*self
        }
    }

    fn publish(&mut self) {
        let text = |text: &str| Value::from(text);
        let data = Map::from([
            ("name".into(), text("标的")),
            ("project_code".into(), text("X1")),
            ("category".into(), text("实物资产")),
            ("mode".into(), text("bidding")),
            ("transferor".into(), text(UNIT)),
            ("authority".into(), text(UNIT)),
            ("details".into(), text("详情")),
            ("appraisal".into(), Value::Int(1)),
            ("start_price".into(), Value::Int(100_000)),
            ("increment".into(), Value::Int(1_000)),
            ("deposit".into(), Value::Int(15_000)),
            ("registration_start".into(), Value::Int(BEGIN)),
            ("notice_period".into(), text("10 days")),
        ]);
        self.take(staff(), "trade".into(), Cause::Start { machine: None, data }, BEGIN);
        // Straight to the announced notice: how a listing gets there is other tests' business.
        let root = self.root_mut();
        root.states = vec!["preparing.authority".into()];
        root.data.insert("reserve_kind".into(), text("none"));
        let mut approval = root.todos.pop_first().unwrap().1;
        root.timers.clear();
        approval.state = "preparing.authority".into();
        root.todos.insert(approval.id.clone(), approval.clone());
        let act = Act::complete("approve", Map::new());
        self.take(staff(), "trade".into(), Cause::Todo { todo: approval.id, act }, BEGIN);
    }

    fn apply(&mut self, who: usize) {
        let at = BEGIN + DAY;
        let answer = self.take(bidder(who), "trade".into(), Cause::event("apply", Map::new()), at);
        let Answer::Taken { created: Some(id) } = answer else {
            panic!("{answer:?}");
        };
        let application = self.instance_mut(&id);
        // The wizard is other tests' business too: the application stands as if it had been handed in.
        application.todos.clear();
        application.timers.clear();
        application.states = vec![
            "life.course.taking_part.awaiting_deposit".into(),
            "life.refund.nothing_owed".into(),
        ];
        let plate = application.key.clone().unwrap();
        self.plates.push(plate);
        self.applications.push(id.clone());
        if who < PAID {
            let payload = Map::from([
                ("amount".into(), Value::Int(15_000)),
                ("credited_at".into(), Value::Int(at)),
                ("payer_matches".into(), Value::Bool(true)),
                ("ref".into(), Value::from("A")),
            ]);
            self.take(staff(), id, Cause::event("deposit.arrived", payload), at);
        }
    }

    fn take(&mut self, actor: Actor, instance: InstanceId, cause: Cause, at: i64) -> Answer {
        let answer = self.offer(actor, instance, cause, at);
        assert!(matches!(answer, Answer::Taken { .. }), "{answer:?}");
        answer
    }

    /// Decides an input at its time; renders what it asks for.
    pub fn offer(&mut self, actor: Actor, instance: InstanceId, cause: Cause, at: i64) -> Answer {
        self.decided += 1;
        let input = Input {
            instance,
            cause,
            at: Time(at),
        };
        let context = Context {
            actor,
            seed: format!("{:064x}", self.decided).into(),
            outage: 0,
            late: 0,
            broken: false,
            calendar_version: self.calendars.0["cn-gov"].version,
            slots: Vec::new(),
        };
        let known = Some(&self.trade).filter(|trade| !trade.instances.is_empty());
        let outside = Outside {
            delay: &|timer| self.delay(timer),
            ..Outside::nobody()
        };
        let decision = decide(self.bundle, known, &input, &context, self.calendars, outside);
        if let Answer::Failed(fault) = &decision.answer {
            panic!("{input:?}: {} {}", fault.place, fault.text);
        }
        self.trade = decision.trade;
        for effect in decision.effects {
            match effect {
                Effect::Incident { fault, .. } => panic!("{} {}", fault.place, fault.text),
                Effect::Document {
                    instance,
                    name,
                    revision,
                    ..
                } => self.render(instance, &name, revision, at),
                Effect::Recorded { kind, data, .. } if matches!(&*kind, "bid" | "proxy_bid") => {
                    self.prices.extend(data["amount"].as_int());
                }
                _ => {}
            }
        }
        decision.answer
    }

    /// What the engine tells a timer that is noticed now.
    fn delay(&self, timer: &Timer) -> Delay {
        let suffered = self.outages.iter().map(|one| outage::Outage {
            from: Time(one.from),
            until: Time(one.until),
            reach: if one.ended { Reach::Process } else { Reach::Path },
        });
        let suffered: Vec<outage::Outage> = suffered.collect();
        outage::delay(timer, &suffered, timer.due.plus_millis(self.late))
    }

    fn render(&mut self, instance: InstanceId, name: &str, revision: u32, at: i64) {
        let payload = Map::from([
            ("revision".into(), Value::Int(i64::from(revision))),
            ("sha256".into(), Value::from("ab")),
            ("number".into(), Value::from("1")),
        ]);
        let name = format!("document.{name}.ready").into();
        self.offer(Actor::system(), instance, Cause::Result { name, payload }, at);
    }

    pub fn root(&self) -> &Instance {
        self.trade.root().unwrap()
    }

    pub fn root_mut(&mut self) -> &mut Instance {
        self.instance_mut(&"trade".into())
    }

    pub fn instance_mut(&mut self, id: &InstanceId) -> &mut Instance {
        Arc::make_mut(self.trade.instances.get_mut(id).unwrap())
    }

    /// The room, once there is one.
    pub fn room(&self) -> Option<&Instance> {
        let mut all = self.trade.instances.values();
        all.find(|instance| &*instance.machine == "auction").map(AsRef::as_ref)
    }
}
