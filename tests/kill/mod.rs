//! Kills the real binary at any moment, again and again, and compares what it had acknowledged with what is stored.

mod client;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use luochui::engine::audit::{Depth, verify};
use luochui::machine::step::Cause;
use luochui::machine::{Time, Value};
use luochui::store::connection::{Target, Use};
use luochui::store::history_rows::history_after;
use luochui::store::{Connection, outbox_rows, timer_rows, trade_rows};

use crate::support::engine::Place;
use client::Client;

/// What the machine's timer counts from one firing to the next.
const TICK_MILLIS: i64 = 250;

/// Kills in CI, and where there is time.
fn kills(few: usize, many: usize) -> usize {
    if std::env::var_os("LUOCHUI_LONG").is_some() {
        many
    } else {
        few
    }
}

#[test]
fn sqlite_survives_being_killed_at_any_moment() {
    let place = Place::sqlite();
    let mut client = Client::new(&place.url(), 4);
    let mut seen = Seen::default();
    for round in 0..kills(50, 200) {
        client.start(0);
        client.work(moment(round));
        client.kill(0);
        seen.read(&place.url());
        seen.compare(&client);
    }
    conclude(&place, client, seen, 200);
}

#[test]
fn one_of_two_processes_on_postgres_may_be_killed_at_any_moment() {
    let Some(place) = Place::postgres() else { return };
    let mut client = Client::new(&place.url(), 4);
    let mut seen = Seen::default();
    client.start(0);
    client.start(1);
    for round in 0..kills(12, 50) {
        client.work(moment(round));
        client.kill(round % 2);
        // After a kill the other one's timers wait a second for an answer that does not come: now and then until it is over.
        let over = Duration::from_millis(if round % 2 == 0 { 1_500 } else { 0 });
        client.work(moment(round + 1) + over);
        seen.read(&place.url());
        seen.compare(&client);
        client.start(round % 2);
    }
    client.kill(0);
    client.kill(1);
    let counts = client.counts();
    assert!(counts.iter().all(|count| *count > 10), "{counts:?} acknowledgements");
    conclude(&place, client, seen, 50);
}

/// Where in the work the process dies: spread over starting up, the first commits and full load.
fn moment(round: usize) -> Duration {
    Duration::from_millis(u64::try_from(round * 37 % 311).unwrap())
}

/// Everything that is in doubt is sent again under its old key; then the whole store is verified.
fn conclude(place: &Place, mut client: Client, mut seen: Seen, least: usize) {
    client.start(0);
    client.finish();
    client.kill(0);
    seen.read(&place.url());
    seen.compare(&client);
    assert!(
        client.acknowledged().len() > least,
        "only {} acknowledgements",
        client.acknowledged().len()
    );
    // Everything that was ever sent has been acknowledged by now: it is in the store once, and nothing else is.
    assert_eq!(&seen.added, client.acknowledged());
    eprintln!("{:?} acknowledged by each process, 0 lost, 0 doubled", client.counts());
    let mut conn = Target::parse(&place.url()).unwrap().open(Use::Read).unwrap();
    let report = verify(&mut conn, Depth::Replay).unwrap();
    assert!(report.faults.is_empty(), "{:#?}", report.faults);
    assert_eq!(report.replayed, report.trades);
    seen.check_timers(&mut conn);
    seen.check_effects(&mut conn);
}

/// What the store holds, read increment by increment.
#[derive(Default)]
struct Seen {
    /// History length read so far, by trade.
    upto: BTreeMap<String, i64>,
    /// Numbers added, with the trade.
    added: BTreeSet<(String, i64)>,
    /// Due times of the timer's firings, by trade.
    ticks: BTreeMap<String, Vec<Time>>,
}

fn add(added: &mut BTreeSet<(String, i64)>, trade: &str, number: i64) {
    assert!(added.insert((trade.to_owned(), number)), "{number} was applied twice");
}

impl Seen {
    fn read(&mut self, url: &str) {
        let mut conn = Target::parse(url).unwrap().open(Use::Read).unwrap();
        for trade in trade_rows::trade_ids(&mut conn, "", 1_000).unwrap() {
            let upto = self.upto.entry(trade.clone()).or_default();
            for row in history_after(&mut conn, &trade, *upto, i64::MAX).unwrap() {
                *upto = row.seq;
                let input = row.entry().unwrap().private.unwrap().input;
                match input.cause {
                    Cause::Event { payload, .. } => {
                        let number = payload.get("number").and_then(Value::as_int).unwrap();
                        add(&mut self.added, &trade, number);
                    }
                    Cause::Timer { .. } => self.ticks.entry(trade.clone()).or_default().push(input.at),
                    _ => {}
                }
            }
        }
    }

    /// No acknowledged event is missing.
    fn compare(&self, client: &Client) {
        let lost = self.lost(client.acknowledged());
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    }

    fn lost(&self, acknowledged: &BTreeSet<(String, i64)>) -> Vec<(String, i64)> {
        acknowledged.difference(&self.added).cloned().collect()
    }

    /// Every firing is due exactly one tick after the one before, and exactly one is armed.
    fn check_timers(&self, conn: &mut Connection) {
        for (trade, ticks) in &self.ticks {
            for pair in ticks.windows(2) {
                assert_eq!(
                    pair[1].millis_since(pair[0]),
                    TICK_MILLIS,
                    "a timer of {trade} was lost or doubled"
                );
            }
            let armed = timer_rows::timers_of_trade(conn, trade).unwrap();
            assert_eq!(armed.len(), 1);
            assert_eq!(armed[0].due_at, ticks.last().unwrap().0 + TICK_MILLIS);
        }
        assert!(!self.ticks.is_empty());
    }

    /// One side effect for each event, no more and no less.
    fn check_effects(&self, conn: &mut Connection) {
        for trade in self.upto.keys() {
            let expected = self.added.iter().filter(|(of, _)| of == trade).count();
            assert_eq!(outbox_rows::outbox_of_trade(conn, trade).unwrap().len(), expected);
        }
    }
}

#[test]
fn a_lost_acknowledgement_and_a_doubled_event_would_be_found() {
    let of = |number| ("trade".to_owned(), number);
    let mut seen = Seen::default();
    add(&mut seen.added, "trade", 1);
    add(&mut seen.added, "trade", 3);
    assert_eq!(seen.lost(&[of(1), of(2), of(3)].into()), [of(2)]);
    let doubled = std::panic::catch_unwind(move || add(&mut seen.added, "trade", 1));
    assert!(doubled.is_err());
}
