//! The shipped workflow through an outage of real processes: its room is suspended, what was accepted stands, and after a notice
//! it goes on with the inquiry and a full window, to the end. Must not shorten the workflow but by its own parameters.

use std::time::Duration;

use luochui::clock::Clock;
use luochui::engine::Random;
use luochui::machine::Time;
use luochui::machine::step::{Answer, Cause};
use luochui::store::history_rows::history_after;
use luochui::store::record_rows::record_from;
use serde_json::json;

use super::bidders::{Bidder, Body, Sent, Told};
use super::world::{Trouble, World};
use crate::auction::hall::many;
use crate::support::app::TestApp;
use crate::support::engine::Place;
use crate::support::postgres::Database;
use crate::support::sale::{INCREMENT, START, Sale, stage};

const TIMED: i64 = 6_000;

/// From the last bid to the outage, so that the deadline falls into it.
const UNTIL_OUTAGE: Duration = Duration::from_millis(2_500);

/// Long enough ago that the notice, the registration and the count are over.
const DAYS_AGO: i64 = 60;

/// From the beginning of the preparation to the opening of the room.
const AHEAD: i64 = 30_000;

const SECRET: &str = "a secret that the test and its servers share";

const BODY: Body = |sent| json!({"amount": sent.amount, "confirmed": true});

/// A room that opens in a moment, and those who are in it.
struct Hall {
    world: World,
    listing: String,
    room: String,
    reviewer: String,
    bidders: Vec<Bidder>,
    plates: Vec<String>,
}

impl Hall {
    fn prepare(place: Place, servers: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = format!("LUOCHUI_LOGIN_JWT_SECRET={SECRET}\nLUOCHUI_LIMITS_EVENTS_PER_SECOND=1000\n");
        std::fs::write(folder.path().join("settings"), settings).unwrap();
        let begin = Clock::system().now().plus_millis(-DAYS_AGO * 86_400_000);
        let app = TestApp::start_at(begin, Random::System, |config| {
            config.database.url = place.url();
            config.paths.data = folder.path().join("data");
            config.login.jwt_secret = SECRET.into();
            // Two months pass, and nobody is to sign in again for that.
            config.login.access_minutes = 60 * 24 * 90;
            config.login.refresh_days = 365;
        });
        stage(&app);
        let opens = Clock::system().now().plus_millis(AHEAD).0;
        let rules = json!({"inquiry": 1_000, "timed": TIMED, "window": TIMED, "auction_start": opens});
        let sale = Sale::announced(&app, rules);
        let parties = [sale.bidder("zhang", 101), sale.bidder("li", 102)];
        let plates = parties.iter().map(crate::support::sale::Bidder::key).collect();
        let room = sale.room();
        let reviewer = app.sign_in("reviewer").token.unwrap();
        let tokens = parties.map(|party| party.client.token.unwrap());
        let listing = sale.listing.clone();
        drop(app);
        let world = World::serve(place, folder, servers);
        let bidders = tokens.iter().zip(1..);
        let bidders = bidders
            .map(|(token, seed)| Bidder::new(&world.crowd, token, seed))
            .collect();
        Self {
            world,
            listing,
            room,
            reviewer,
            bidders,
            plates,
        }
    }

    /// What the public sees.
    fn live(&self) -> serde_json::Value {
        let path = format!("/api/v1/auctions/{}", self.room);
        self.world.servers[0].anyone().get(&path, 200)["data"].clone()
    }

    /// Waits for a phase; never meets one that would be wrong.
    fn until(&self, phase: &str, never: &str) {
        self.world.until(phase, |_| {
            let live = self.live();
            assert_ne!(live["phase"], never, "{live}");
            (live["phase"] == phase).then_some(())
        });
    }

    /// The reviewer announces when it goes on.
    fn reopen(&self) {
        let reviewer = self.world.servers[0].with_token(&self.reviewer);
        let todos = reviewer.get("/api/v1/todos?limit=100", 200);
        let todo = todos["items"].as_array().unwrap().iter();
        let todo = todo
            .clone()
            .find(|todo| todo["instance"] == self.room.as_str())
            .unwrap();
        let path = format!("/api/v1/todos/{}/outcomes/reopen", todo["id"].as_str().unwrap());
        // On a busy machine the time may be over before the platform hears of it.
        self.world.until("a notice in time", |_| {
            let at = Clock::system().now().plus_millis(1_500).0;
            reviewer.ask(&path, &json!({"reopen_at": at, "reason": "平台故障"}))
        });
        self.until("timed", "sold");
    }

    fn bid(&mut self, who: usize, amount: i64) -> Told {
        let room = self.room.clone();
        self.bidders[who].insist(&room, amount, BODY)
    }

    /// When an accepted bid was accepted.
    fn accepted(&mut self, who: usize, amount: i64) -> i64 {
        match self.bid(who, amount) {
            Told::Accepted { at } => at,
            other => panic!("{other:?}"),
        }
    }

    /// The price and the leader that everybody sees.
    fn leads(&self, who: usize, amount: i64) {
        let live = self.live();
        assert_eq!(
            (&live["price"], &live["leader"]),
            (&json!(amount), &json!(self.plates[who])),
            "{live}"
        );
    }

    /// Every answer that a bidder got is in the history and in the record, once. When the last countdown ended.
    fn judge(&self) -> Time {
        let mut conn = self.world.read();
        let rows = history_after(&mut conn, &self.listing, 0, 100_000).unwrap();
        let lines = record_from(&mut conn, &self.room, 0, 100_000).unwrap();
        let mut sent: Vec<Sent> = self.world.crowd.sent_to(&self.room);
        let mut ended = Time(0);
        for row in rows.iter().filter(|row| row.instance == self.room) {
            let private = row.entry().unwrap().private.unwrap();
            match &private.input.cause {
                Cause::Event { name, payload, .. } if &**name == "bid" => {
                    let amount = payload["amount"].as_int();
                    let told = match &private.answer {
                        Answer::Refused(refusal) => Told::Refused {
                            code: refusal.code.to_string(),
                        },
                        _ => Told::Accepted { at: row.at },
                    };
                    let known = sent
                        .iter()
                        .position(|sent| Some(sent.amount) == amount && sent.told == told);
                    sent.remove(known.unwrap_or_else(|| panic!("nobody was told {told:?} of {amount:?}")));
                    assert_eq!(lines.iter().filter(|line| line.seq == row.seq).count(), 1, "{row:?}");
                }
                Cause::Timer { name, .. } if &**name == "countdown" => ended = Time(row.at),
                _ => {}
            }
        }
        assert!(sent.is_empty(), "acknowledged and not there: {sent:?}");
        ended
    }
}

fn goes_on_and_ends(place: Place, servers: usize, trouble: Trouble) {
    let mut hall = Hall::prepare(place, servers);
    let refused = |code: &str| Told::Refused { code: code.into() };
    // Where preparing it took so long that it opened while nobody served it, that is an outage too.
    let opened = hall.world.until("the room to open", |_| {
        let phase = hall.live()["phase"].clone();
        (phase == "timed" || phase == "suspended").then_some(phase)
    });
    if opened == "suspended" {
        hall.reopen();
    }
    let price = |steps: i64| START + steps * INCREMENT;
    hall.accepted(0, price(0));
    hall.accepted(1, price(1));
    assert_eq!(hall.bid(1, price(1)), refused("duplicate_price"));
    hall.accepted(0, price(2));
    std::thread::sleep(UNTIL_OUTAGE);
    let (room, crowd) = (hall.room.clone(), std::sync::Arc::clone(&hall.world.crowd));
    let bidding = {
        // One who bids in the middle of it.
        let mut bidder = hall.bidders.pop().unwrap();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(500));
            bidder.bid_amount(&room, price(3), BODY);
            bidder
        })
    };
    hall.world.suffer(trouble);
    hall.bidders.push(bidding.join().unwrap());
    hall.bidders[1].ask_again(BODY);
    let moved = crowd
        .sent_to(&hall.room)
        .iter()
        .any(|sent| sent.amount == price(3) && matches!(sent.told, Told::Accepted { .. }));
    // A process that starts again at once may have taken it in time; then its window is the one that the end came into.
    let (leader, stands) = if moved { (1, 3) } else { (0, 2) };
    if trouble != Trouble::Kill || !moved {
        hall.until("suspended", "sold");
        hall.leads(leader, price(stands));
        assert_eq!(hall.bid(1, price(4)), refused("suspended"));
        hall.reopen();
    }
    hall.leads(leader, price(stands));
    let at = hall.accepted(1, price(5));
    hall.leads(1, price(5));
    assert_eq!(hall.live()["ends"], json!(at + TIMED));
    hall.until("sold", "suspended");
    hall.leads(1, price(5));
    assert_eq!(hall.judge(), Time(at + TIMED));
}

/// A place to run in, how many processes run there, and what befalls them.
type Run = (fn() -> Option<Place>, usize, Trouble);

#[test]
fn the_shipped_room_is_suspended_by_an_outage_goes_on_and_ends_with_what_was_accepted() {
    let sqlite = || Some(Place::sqlite());
    let alone = || Database::alone().map(Place::Postgres);
    let mut troubles: Vec<Run> = vec![(sqlite, 1, Trouble::Stop), (alone, 1, Trouble::Freeze)];
    let more: [Run; 4] = [
        (sqlite, 1, Trouble::Kill),
        (sqlite, 1, Trouble::Block),
        (Place::postgres, 2, Trouble::Block),
        (alone, 2, Trouble::Freeze),
    ];
    troubles.extend(&more[..many(0, more.len())]);
    std::thread::scope(|scope| {
        for (place, servers, trouble) in troubles {
            scope.spawn(move || {
                for _ in 0..many(1, 5) {
                    if let Some(place) = place() {
                        goes_on_and_ends(place, servers, trouble);
                    }
                }
            });
        }
    });
}
