//! Bidders on the other end of HTTP: they write down every answer, go on whatever happens to the platform, and ask again, under
//! the same key, for what they never got an answer to. Must not look into the store.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use luochui::clock::Clock;
use luochui::machine::Time;
use serde_json::{Value, json};

use crate::auction::hall::{Dice, STEP};

/// How long a bidder waits for an answer before it takes it as lost.
const PATIENCE: Duration = Duration::from_secs(3);

const BETWEEN: Duration = Duration::from_millis(20);

/// What a bidder was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// As of a time.
    Accepted {
        at: i64,
    },
    Refused {
        code: String,
    },
    /// No answer, or one that says that nothing was decided.
    Nothing,
}

/// One bid: under its key it may be sent any number of times.
#[derive(Clone, Debug)]
pub struct Sent {
    pub room: String,
    /// Its own among all bids: the key, and what the bid says of who makes it.
    pub key: String,
    pub amount: i64,
    pub told: Told,
}

/// When bids come in a room.
#[derive(Clone, Debug)]
pub struct Room {
    pub id: String,
    /// Nobody bids in it from then on.
    pub quiet_from: Time,
}

/// What all bidders of a platform share.
#[derive(Default)]
pub struct Crowd {
    /// Where the processes listen.
    pub doors: RwLock<Vec<String>>,
    pub rooms: RwLock<Vec<Room>>,
    pub log: Mutex<Vec<Sent>>,
    /// What each last heard of a room's price.
    prices: Mutex<BTreeMap<String, i64>>,
    done: AtomicBool,
    keys: AtomicU64,
}

/// A bidder with its token.
pub struct Bidder {
    crowd: Arc<Crowd>,
    token: String,
    agent: ureq::Agent,
    dice: Dice,
}

/// Makes the body of a bid.
pub type Body = fn(&Sent) -> Value;

pub fn hall_body(sent: &Sent) -> Value {
    json!({"amount": sent.amount, "by": sent.key})
}

impl Bidder {
    pub fn new(crowd: &Arc<Crowd>, token: &str, seed: u64) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build();
        Self {
            crowd: Arc::clone(crowd),
            token: token.into(),
            agent: ureq::Agent::new_with_config(agent),
            dice: Dice::new(seed),
        }
    }

    /// Bids in one room after the other until the crowd is told to go.
    pub fn run(mut self) -> JoinHandle<()> {
        std::thread::spawn(move || {
            while !self.crowd.done.load(Ordering::SeqCst) {
                let now = Clock::system().now();
                let rooms = self.crowd.rooms.read().unwrap();
                let lively: Vec<String> = rooms
                    .iter()
                    .filter(|room| now < room.quiet_from)
                    .map(|room| room.id.clone())
                    .collect();
                drop(rooms);
                if !lively.is_empty() {
                    let room = &lively[usize::try_from(self.dice.roll(lively.len() as u64)).unwrap()];
                    let steps = self.dice.within(0, 3);
                    self.bid(room, steps, hall_body);
                }
                std::thread::sleep(BETWEEN);
            }
        })
    }

    /// Bids in one room as often as it can.
    pub fn flood(mut self, room: String, until: Time) -> JoinHandle<()> {
        std::thread::spawn(move || {
            while Clock::system().now() < until {
                self.bid(&room, 1, hall_body);
            }
        })
    }

    /// Bids so many steps above what was last heard of the price, and writes down what comes of it.
    pub fn bid(&mut self, room: &str, steps: i64, body: Body) -> Sent {
        self.bid_amount(room, self.price(room) + steps * STEP, body)
    }

    pub fn bid_amount(&mut self, room: &str, amount: i64, body: Body) -> Sent {
        let mut sent = Sent {
            room: room.into(),
            key: format!("bid-{}", self.crowd.keys.fetch_add(1, Ordering::SeqCst)),
            amount,
            told: Told::Nothing,
        };
        self.send(&mut sent, body);
        self.crowd.log.lock().unwrap().push(sent.clone());
        sent
    }

    /// The same until it is answered.
    pub fn insist(&mut self, room: &str, amount: i64, body: Body) -> Told {
        let mut sent = self.bid_amount(room, amount, body);
        if sent.told == Told::Nothing {
            self.ask_again(body);
            let log = self.crowd.log.lock().unwrap();
            sent = log.iter().find(|other| other.key == sent.key).unwrap().clone();
        }
        sent.told
    }

    /// What was last heard of a room's price.
    pub fn price(&self, room: &str) -> i64 {
        self.crowd.prices.lock().unwrap().get(room).copied().unwrap_or_default()
    }

    /// Sends a bid, or sends it again.
    fn send(&mut self, sent: &mut Sent, body: Body) {
        let doors = self.crowd.doors.read().unwrap();
        let door = (!doors.is_empty()).then(|| {
            let index = self.dice.roll(doors.len() as u64);
            doors[usize::try_from(index).unwrap()].clone()
        });
        drop(doors);
        let answer = door.and_then(|door| self.ask(&door, sent, body));
        let Some((status, answer)) = answer else { return };
        let mut prices = self.crowd.prices.lock().unwrap();
        let price = prices.entry(sent.room.clone()).or_default();
        match (status, answer["code"].as_str()) {
            (200, _) => {
                *price = (*price).max(sent.amount);
                sent.told = Told::Accepted {
                    at: answer["at"].as_i64().unwrap(),
                };
            }
            (409, Some(code)) => {
                *price = (*price).max(answer["price"].as_i64().unwrap_or_default());
                sent.told = Told::Refused { code: code.into() };
            }
            // Turned away, or the database was not there: nothing is known.
            (500..=599 | 429, _) => {}
            _ => panic!("{status} {answer}"),
        }
    }

    fn ask(&self, door: &str, sent: &Sent, body: Body) -> Option<(u16, Value)> {
        let request = ureq::http::Request::builder()
            .method("POST")
            .uri(format!("{door}/api/v1/instances/{}/events/bid", sent.room))
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", &sent.key)
            .body(body(sent).to_string())
            .unwrap();
        let mut response = self.agent.run(request).ok()?;
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string().ok()?;
        Some((status, serde_json::from_str(&text).ok()?))
    }

    /// Asks again for everything that nobody was answered, until all is answered. Nobody may be bidding any more.
    pub fn ask_again(&mut self, body: Body) {
        let mut log = std::mem::take(&mut *self.crowd.log.lock().unwrap());
        for sent in log.iter_mut().filter(|sent| sent.told == Told::Nothing) {
            let end = std::time::Instant::now() + Duration::from_secs(60);
            while sent.told == Told::Nothing {
                assert!(std::time::Instant::now() < end, "no answer to {sent:?}");
                self.send(sent, body);
            }
        }
        *self.crowd.log.lock().unwrap() = log;
    }
}

impl Crowd {
    /// Tells all bidders to go.
    pub fn disperse(&self, bidders: Vec<JoinHandle<()>>) {
        self.done.store(true, Ordering::SeqCst);
        for bidder in bidders {
            bidder.join().unwrap();
        }
    }

    /// Everything that was ever sent to a room.
    pub fn sent_to(&self, room: &str) -> Vec<Sent> {
        let log = self.log.lock().unwrap();
        log.iter().filter(|sent| sent.room == room).cloned().collect()
    }
}
