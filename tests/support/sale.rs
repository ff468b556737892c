//! A trade of the shipped bundle, driven through the API up to its room: whatever is promised of real trades is tested on one.
//! Must not say what is to be seen of it.

use std::path::Path;
use std::time::{Duration, Instant};

use luochui::config::Config;
use luochui::engine::{Random, Request, Submission};
use luochui::machine::step::{Actor, Answer, Cause};
use luochui::machine::{Name, Time, Value};
use luochui::store::account_rows::{self, OrganisationRow};
use serde_json::json;

use super::app::{Client, TestApp, person_number};
use super::engine::map;

pub const TRANSFEROR: &str = "12433100MB0000123G";
pub const AUTHORITY: &str = "11433100MB00002037";
pub const START: i64 = 9_680_000;
pub const INCREMENT: i64 = 100_000;
const DEPOSIT: i64 = 1_500_000;
const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// Staff by account name, with their posts.
pub const STAFF: [(&str, &str); 8] = [
    ("root", "admin"),
    ("clerk", "clerk@12433100MB0000123G"),
    ("head", "head@12433100MB0000123G"),
    ("supervisor", "supervisor@11433100MB00002037"),
    ("reviewer", "reviewer@centre"),
    ("chief", "chief@centre"),
    ("finance", "finance@centre"),
    ("watch", "oversight@centre"),
];

/// One party in a trade.
pub struct Bidder<'a> {
    pub client: Client<'a>,
    pub application: String,
    /// The files it handed in.
    pub paper: String,
}

/// A trade and its people.
pub struct Sale<'a> {
    pub app: &'a TestApp,
    pub listing: String,
}

/// A server with the shipped bundle, its calendars and its staff.
pub fn centre() -> TestApp {
    centre_drawing(Random::System)
}

/// The same with ids that come from a source of the test's own.
pub fn centre_drawing(random: Random) -> TestApp {
    furnished(random, |_| {})
}

/// The same with a configuration of the test's own.
pub fn centre_with(change: impl FnOnce(&mut Config)) -> TestApp {
    furnished(Random::System, change)
}

fn furnished(random: Random, change: impl FnOnce(&mut Config)) -> TestApp {
    let app = TestApp::start_drawing(random, |config| {
        // Days pass in a moment: nobody is to sign in again for that.
        config.login.access_minutes = 60 * 24 * 60;
        config.login.refresh_days = 365;
        change(config);
    });
    stage(&app);
    app
}

/// Puts the bundle, its calendars and its staff into a server.
pub fn stage(app: &TestApp) {
    for (code, name) in [(TRANSFEROR, "湘西州某事业单位"), (AUTHORITY, "湘西州财政局")] {
        let row = OrganisationRow {
            code: code.into(),
            name: name.into(),
            created_at: 0,
        };
        app.write(move |conn| account_rows::organisation_insert(conn, &row));
    }
    for (name, post) in STAFF {
        app.account(name, &[post]);
    }
    let engine = app.engine.clone();
    super::engine::run(async {
        for year in ["2026", "2027"] {
            let path = format!("workflows/calendars/cn-gov/{year}.yaml");
            if let Ok(text) = std::fs::read_to_string(path) {
                engine.import_calendar(&text, "system").await.unwrap();
            }
        }
        let files =
            luochui::cli::folder::read_bundle(Path::new("workflows/asset-sale"), Path::new("templates")).unwrap();
        engine.library().publish(files, "system").await.unwrap();
    });
}

impl<'a> Sale<'a> {
    /// Lists a lot and lets it be announced; registration is open.
    pub fn announced(app: &'a TestApp, more: serde_json::Value) -> Self {
        let sale = Self::drafted(app, more);
        for (who, outcome) in [("clerk", "submit"), ("reviewer", "approve"), ("supervisor", "approve")] {
            sale.act(&app.sign_in(who), outcome, &json!({})).expect(200);
        }
        let ready = Cause::Result {
            name: "document.announcement.ready".into(),
            payload: map(&[("revision", 1.into()), ("sha256", "0".into()), ("number", Value::Null)]),
        };
        sale.offer(
            &sale.listing,
            Actor {
                account: "system".into(),
                ..Actor::default()
            },
            ready,
        );
        app.advance(DAY);
        sale.reaches(&sale.listing, "first");
        sale
    }

    /// A lot whose listing is written and not submitted yet.
    pub fn drafted(app: &'a TestApp, more: serde_json::Value) -> Self {
        let clerk = app.sign_in("clerk");
        let mut data = json!({
            "name": "公务车辆一批", "project_code": "XX1", "category": "实物资产", "regime": "行政事业", "mode": "bidding",
            "transferor": TRANSFEROR, "authority": AUTHORITY, "details": "车辆 3 辆",
            "asset": {"location": "花垣县", "rights_holder": "甲单位", "item_kind": "车辆", "quantity": "3 辆", "condition": "均可行驶"},
            "appraisal": START, "start_price": START, "increment": INCREMENT, "deposit": DEPOSIT,
            "registration_start": app.clock.now().0 + DAY,
        });
        let papers = ["photos", "decision", "approval", "valuation", "ownership"];
        let papers: serde_json::Map<_, _> = papers
            .iter()
            .map(|name| ((*name).to_owned(), json!([paper(&clerk, name)])))
            .collect();
        data["materials"] = papers.into();
        data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let opened = clerk.command("/api/v1/trades", &json!({"bundle": "asset-sale", "data": data}));
        let listing = opened.expect(201).json()["instance"].as_str().unwrap().to_owned();
        Self { app, listing }
    }

    /// Completes the listing's to-do of somebody.
    pub fn act(&self, client: &Client<'_>, outcome: &str, body: &serde_json::Value) -> super::app::Reply {
        attempt(client, &self.listing, outcome, body)
    }

    /// A new account that applies and whose deposit arrives.
    pub fn bidder(&self, name: &str, nth: u32) -> Bidder<'a> {
        self.app.account(name, &[]);
        let client = self.app.sign_in(name);
        client.complete_profile(nth);
        self.register(client, nth)
    }

    /// The account applies and its deposit arrives.
    pub fn register(&self, client: Client<'a>, nth: u32) -> Bidder<'a> {
        self.registered(client, nth, None)
    }

    /// The same for one who claims a priority right, which the reviewer finds to be of this rank.
    pub fn claimant(&self, client: Client<'a>, nth: u32, rank: i64) -> Bidder<'a> {
        self.registered(client, nth, Some(rank))
    }

    fn registered(&self, client: Client<'a>, nth: u32, rank: Option<i64>) -> Bidder<'a> {
        let path = format!("/api/v1/instances/{}/events/apply", self.listing);
        let application = client.command(&path, &json!({})).expect(200).json()["created"]
            .as_str()
            .unwrap()
            .to_owned();
        let paper = paper(&client, &format!("canary-paper-{nth}"));
        let mut form = json!({
            "rules_accepted": true, "commitment_accepted": true, "applicant_kind": "自然人",
            "applicant_form": {"name": format!("竞买人{nth}"), "identity_number": person_number(nth), "address": format!("canary-address-{nth}"),
                "phone": "13800000000", "refund_account": format!("62220000{nth:08}"), "refund_bank": "某银行"},
            "attachments": {"identity": [paper]}, "bank_name": format!("canary-bank-{nth}"),
        });
        if rank.is_some() {
            form["priority_claim"] = json!(true);
        }
        act(&client, &application, "submit", &form);
        if let Some(rank) = rank {
            let found = json!({"priority_rank": rank});
            act(&self.app.sign_in("reviewer"), &application, "accept", &found);
        }
        let bank = Actor {
            account: "bank".into(),
            services: vec!["bank".into()],
            ..Actor::default()
        };
        let payload = [
            ("amount", DEPOSIT.into()),
            ("credited_at", self.app.clock.now().into()),
            ("payer_matches", true.into()),
            ("ref", format!("canary-credit-{nth}").as_str().into()),
        ];
        let arrived = Cause::Event {
            name: "deposit.arrived".into(),
            payload: map(&payload),
            signed: None,
        };
        self.offer(&application, bank, arrived);
        Bidder {
            client,
            application,
            paper,
        }
    }

    /// Registration ends; the room opens with its inquiry. Returns the room.
    pub fn room(&self) -> String {
        for timer in ["closes", "counted"] {
            self.advance_to(self.due(&self.listing, timer));
        }
        self.reaches(&self.listing, "bidding");
        let snapshot = self.trade();
        let room = snapshot
            .trade
            .instances
            .values()
            .find(|instance| &*instance.machine == "auction");
        room.unwrap().id.to_string()
    }

    /// The trade as it is committed, whoever may see it.
    fn trade(&self) -> luochui::engine::Snapshot {
        super::engine::run(self.app.engine.trade(&Name::from(self.listing.as_str()))).unwrap()
    }

    /// A timer of an instance runs out and a state is reached.
    pub fn run_out(&self, instance: &str, timer: &str, state: &str) {
        self.advance_to(self.due(instance, timer));
        self.reaches(instance, state);
    }

    /// When an instance's timer runs out.
    pub fn due(&self, instance: &str, timer: &str) -> i64 {
        let begun = Instant::now();
        loop {
            let snapshot = self.trade();
            let timers = &snapshot.trade.instances[instance].timers;
            if let Some(timer) = timers.get(timer) {
                return timer.due.0;
            }
            // What was due before is fired by a loop of its own.
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "no timer {timer}: {timers:?}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn advance_to(&self, millis: i64) {
        self.app.clock.advance_to(Time(millis));
    }

    /// Waits until an instance is in a state, by its last name.
    pub fn reaches(&self, instance: &str, state: &str) {
        let begun = Instant::now();
        loop {
            let snapshot = self.trade();
            let states = &snapshot.trade.instances[instance].states;
            if states.iter().any(|path| path.split('.').any(|name| name == state)) {
                return;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{instance} is not {state}: {states:?}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn offer(&self, instance: &str, actor: Actor, cause: Cause) {
        let submission = Submission {
            actor,
            key: None,
            ingress: self.app.engine.now(),
            request: Request::Offer {
                instance: Name::from(instance),
                cause,
            },
        };
        let receipt = super::engine::run(self.app.engine.submit(submission)).unwrap();
        assert!(matches!(receipt.answer, Answer::Taken { .. }), "{:?}", receipt.answer);
    }
}

impl Bidder<'_> {
    pub fn bid(&self, room: &str, amount: i64) -> super::app::Reply {
        let body = json!({"amount": amount, "confirmed": true});
        self.client
            .command(&format!("/api/v1/instances/{room}/events/bid"), &body)
    }

    pub fn key(&self) -> String {
        let view = self
            .client
            .get(&format!("/api/v1/instances/{}", self.application))
            .expect(200)
            .json();
        view["key"].as_str().unwrap().to_owned()
    }
}

fn act(client: &Client<'_>, instance: &str, outcome: &str, body: &serde_json::Value) {
    attempt(client, instance, outcome, body).expect(200);
}

fn attempt(client: &Client<'_>, instance: &str, outcome: &str, body: &serde_json::Value) -> super::app::Reply {
    let list = client.get("/api/v1/todos?limit=100").expect(200).json();
    let todo = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|todo| todo["instance"] == instance);
    let todo = todo.unwrap_or_else(|| panic!("no to-do at {instance}: {list}"))["id"]
        .as_str()
        .unwrap();
    client.command(&format!("/api/v1/todos/{todo}/outcomes/{outcome}"), body)
}

fn paper(client: &Client<'_>, name: &str) -> String {
    let reply = crate::http::fair::upload(client, &format!("{name}.pdf"), format!("%PDF-1.4 {name}").as_bytes());
    reply.expect(201).json()["id"].as_str().unwrap().to_owned()
}
