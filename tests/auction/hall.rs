//! Engines with the bundle of `tests/auction/hall`: a room with a countdown, and nothing around it. Must not know what a test
//! asks for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use luochui::clock::Clock;
use luochui::engine::{Engine, EngineConfig, Handle, IdempotencyKey, Receipt, Request, Stamp, Submission};
use luochui::machine::step::{Answer, Cause};
use luochui::machine::{Name, Time};
use luochui::store::history_rows::{HistoryRow, history_after};

use crate::support::engine::{Place, event, map, member, submission};

/// How long the room's countdown runs, as the bundle has it.
pub const WINDOW: i64 = 4 * 60_000;

/// How long after its beginning a lot's room opens.
pub const PREVIEW: i64 = 60_000;

/// One yuan, the room's increment, in fen.
pub const STEP: i64 = 100;

/// The bundle's files, with another countdown where one is given.
pub fn files(countdown: &str) -> BTreeMap<String, String> {
    let lot = include_str!("hall/lot.yaml");
    let changed = lot.replace("after: 4 minutes", &format!("after: {countdown}"));
    let changed = changed.replace(
        "after: 1 minutes",
        if countdown == "4 minutes" {
            "after: 1 minutes"
        } else {
            "after: 100 milliseconds"
        },
    );
    let files = [
        ("bundle.yaml", include_str!("hall/bundle.yaml")),
        ("lot.yaml", &changed),
        ("templates/documents/slip.typ.hbs", "{{self.title}}"),
        ("templates/mail/sold/subject.txt.hbs", "{{self.title}}"),
        ("templates/mail/sold/body.txt.hbs", "{{self.title}}"),
        ("templates/mail/todo_new/subject.txt.hbs", "{{self.title}}"),
        ("templates/mail/todo_new/body.txt.hbs", "{{self.title}}"),
    ];
    let owned = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    owned.collect()
}

pub async fn start(place: &Place, clock: &Clock) -> (Engine, Handle) {
    start_with(EngineConfig::new(place.url()), clock).await
}

pub async fn start_with(config: EngineConfig, clock: &Clock) -> (Engine, Handle) {
    let (engine, handle) = Engine::start(&config, clock.clone()).unwrap();
    engine.library().publish(files("4 minutes"), "admin").await.unwrap();
    (engine, handle)
}

pub async fn open(engine: &Engine, name: &str) -> Name {
    let request = Request::Open {
        bundle: "hall".into(),
        machine: None,
        data: map(&[("name", name.into())]),
    };
    let receipt = engine.submit(submission(engine, member("ann"), request, None)).await;
    receipt.unwrap().trade
}

/// A bid, as of a time.
pub fn bid(lot: &Name, by: &str, amount: i64, at: Time) -> Submission {
    Submission {
        actor: member(by),
        key: None,
        ingress: at,
        request: event(lot, "bid", &[("amount", amount.into()), ("by", by.into())]),
    }
}

pub fn under_key(mut submission: Submission, key: &str) -> Submission {
    submission.key = Some(IdempotencyKey {
        key: key.into(),
        body_sha256: key.into(),
    });
    submission
}

/// Submits a bid with the stamp that it got at its entry.
pub async fn send(engine: Engine, stamp: Stamp, submission: Submission) -> Receipt {
    engine.submit_stamped(&stamp, submission).await.unwrap()
}

pub fn is_taken(receipt: &Receipt) -> bool {
    matches!(receipt.answer, Answer::Taken { .. })
}

/// The code of a refusal; nothing for what was taken.
pub fn code(receipt: &Receipt) -> Option<&str> {
    match &receipt.answer {
        Answer::Refused(refusal) => Some(&refusal.code),
        Answer::Taken { .. } => None,
        other => panic!("{other:?}"),
    }
}

pub async fn history(engine: &Engine, lot: &Name) -> Vec<HistoryRow> {
    let trade = lot.to_string();
    let rows = engine.read(move |conn| history_after(conn, &trade, 0, 100_000)).await;
    rows.unwrap()
}

pub async fn state(engine: &Engine, lot: &Name) -> String {
    let snapshot = engine.trade(lot).await.unwrap();
    snapshot.trade.root().unwrap().states[0].to_string()
}

/// Waits until a lot has come to a state.
pub async fn until(engine: &Engine, lot: &Name, wanted: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let found = state(engine, lot).await;
        if found == wanted {
            return;
        }
        assert!(Instant::now() < end, "{found} and not {wanted}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// When the countdown of an open lot is due.
pub async fn due(engine: &Engine, lot: &Name) -> Time {
    let snapshot = engine.trade(lot).await.unwrap();
    snapshot.trade.root().unwrap().timers["countdown"].due
}

/// Amount and time of every accepted bid, in the order of the history.
pub fn accepted(rows: &[HistoryRow]) -> Vec<(i64, Time)> {
    let mut accepted = Vec::new();
    for row in rows {
        let private = row.entry().unwrap().private.unwrap();
        if let Cause::Event { name, payload, .. } = &private.input.cause
            && &**name == "bid"
            && matches!(private.answer, Answer::Taken { .. })
        {
            accepted.push((payload["amount"].as_int().unwrap(), Time(row.at)));
        }
    }
    accepted
}

/// How many of something where there is time, and in every run.
pub fn many(few: usize, long: usize) -> usize {
    if std::env::var_os("LUOCHUI_LONG").is_some() {
        long
    } else {
        few
    }
}

/// A dice that rolls the same at every run.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    pub fn within(&mut self, from: i64, until: i64) -> i64 {
        let sides = u64::try_from(until - from + 1).unwrap();
        from + i64::try_from(self.roll(sides)).unwrap()
    }
}
