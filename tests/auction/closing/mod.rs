//! A closing is one transaction: a process that ends at any statement of it leaves nothing of it or all of it, and after the next
//! start all of it is there once: winner, deposits, to-dos, documents, mails and record. The process is this binary's own, run
//! again as a child that aborts. Every statement of a closing in a hall; of one in the shipped workflow some, and every one
//! with `LUOCHUI_LONG=1`.

mod dump;

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use luochui::clock::Clock;
use luochui::engine::{Engine, EngineConfig, Random};
use luochui::machine::{Name, Time};
use serde_json::json;

use super::hall::{PREVIEW, STEP, WINDOW, bid, is_taken, many, open, start};
use crate::support::app::TestApp;
use crate::support::engine::{BEGIN, Place, run};
use crate::support::sale::{INCREMENT, START, Sale, stage};
use dump::{changed, dump};

/// Tells the child what to close and where to end.
const ORDER: &str = "LUOCHUI_TEST_CLOSING";

/// Begins the line in which a child says how many points it passed.
const COUNTED: &str = "passed ";

/// A room that is about to be closed, stored and with nobody serving it.
struct Prepared {
    place: Place,
    room: String,
    from: Time,
    due: Time,
}

/// How many statements the writer has begun or ended since the closing is due; at zero it ends.
static LEFT: AtomicI64 = AtomicI64::new(i64::MAX);

static DUE: AtomicBool = AtomicBool::new(false);

struct Fuse;

impl Instrumentation for Fuse {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        let statement = matches!(
            event,
            InstrumentationEvent::StartQuery { .. } | InstrumentationEvent::FinishQuery { .. }
        );
        let writes = std::thread::current()
            .name()
            .is_some_and(|name| name.starts_with("writer"));
        if statement && writes && DUE.load(Ordering::SeqCst) && LEFT.fetch_sub(1, Ordering::SeqCst) == 1 {
            // As by SIGKILL: no destructor runs, nothing is flushed, no leave is taken.
            std::process::abort();
        }
    }
}

/// Starts on what is stored, lets the closing become due and waits until the room is in a state that it does not leave.
async fn close(url: &str, room: &Name, from: Time, due: Time) {
    let clock = Clock::simulated_from(from);
    let config = EngineConfig {
        writers: 1,
        // The same seeds in every process, so that a closing that is done again is the same to the byte.
        random: Random::seeded("closing"),
        ..EngineConfig::new(url)
    };
    let (engine, _handle) = Engine::start(&config, clock.clone()).unwrap();
    // In memory from now on, so that the writer's statements are the same every time.
    engine.trade(room).await.unwrap();
    DUE.store(true, Ordering::SeqCst);
    clock.advance_to(due);
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let snapshot = engine.trade(room).await.unwrap();
        let state = snapshot.trade.instances[room].states[0].to_string();
        if state == "sold" {
            break;
        }
        assert!(Instant::now() < end, "the room is still {state}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    DUE.store(false, Ordering::SeqCst);
}

#[test]
#[ignore = "only the child of the tests below"]
fn child() {
    let order = std::env::var(ORDER).expect("only the tests below start this one");
    let words: Vec<&str> = order.split('\n').collect();
    let [url, room, from, due, left] = words[..] else {
        panic!("{order}");
    };
    LEFT.store(left.parse().unwrap(), Ordering::SeqCst);
    set_default_instrumentation(|| Some(Box::new(Fuse))).unwrap();
    let time = |text: &str| Time(text.parse().unwrap());
    run(close(url, &Name::from(room), time(from), time(due)));
    println!(
        "{COUNTED}{}",
        left.parse::<i64>().unwrap() - LEFT.load(Ordering::SeqCst)
    );
}

/// Runs a child that ends after so many beginnings and ends of statements. How many there were, where it closed the room before.
fn crashes(place: &Place, prepared: &Prepared, after: i64) -> Option<i64> {
    let order = format!(
        "{}\n{}\n{}\n{}\n{after}",
        place.url(),
        prepared.room,
        prepared.from.0,
        prepared.due.0
    );
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "auction::closing::child", "--ignored", "--nocapture"])
        .env(ORDER, order)
        .output()
        .unwrap();
    place.deserted();
    let said = String::from_utf8_lossy(&child.stdout);
    if child.status.success() {
        let counted = said.lines().find_map(|line| line.strip_prefix(COUNTED));
        return Some(counted.unwrap().parse().unwrap());
    }
    // What ended by the abort has no code; anything else is a failure of the child's own.
    assert!(child.status.code().is_none(), "{said}");
    None
}

/// Crashes at the points of a closing, every so many and the last, and compares what is left. What the closing changed.
fn crash_everywhere(prepared: &Prepared, every: usize) -> Vec<String> {
    prepared.place.deserted();
    let before = dump(&prepared.place);
    let whole = prepared.place.copy();
    let last = crashes(&whole, prepared, i64::MAX).unwrap();
    let after = dump(&whole);
    let (mut nothing, mut all) = (0, 0);
    for point in (1..last).step_by(every).chain([last]) {
        let place = prepared.place.copy();
        assert_eq!(crashes(&place, prepared, point), None, "not ended at {point} of {last}");
        let left = dump(&place);
        match (left == before, left == after) {
            (true, false) => nothing += 1,
            (false, true) => all += 1,
            _ => panic!("half a closing after {point} of {last}: {:?}", changed(&before, &left)),
        }
        // The next start does what is left to do, once.
        let room = Name::from(prepared.room.as_str());
        run(close(&place.url(), &room, prepared.from, prepared.due));
        place.deserted();
        assert_eq!(changed(&after, &dump(&place)), [""; 0], "after {point} of {last}");
    }
    eprintln!("of {last} points {nothing} left nothing of a closing, {all} all of it");
    assert!(nothing > 0 && all > 0, "{nothing} left nothing, {all} left all");
    changed(&before, &after)
}

/// The least that a closing writes.
const WRITTEN: [&str; 6] = ["history", "instances", "outbox", "timers", "todos", "trades"];

fn holds(changed: &[String], tables: &[&str]) {
    for table in tables {
        assert!(changed.iter().any(|one| one == table), "{table} is not in {changed:?}");
    }
}

/// A lot of the hall with a bid, which also posts money and keeps a record.
fn hall(place: Place) -> Prepared {
    let clock = Clock::simulated_from(BEGIN);
    let due = BEGIN.plus_millis(PREVIEW + WINDOW);
    let room = run(async {
        let (engine, _handle) = start(&place, &clock).await;
        let lot = open(&engine, "甲").await;
        clock.advance_to(BEGIN.plus_millis(PREVIEW));
        let receipt = engine.submit(bid(&lot, "ann", STEP, engine.now())).await.unwrap();
        assert!(is_taken(&receipt));
        lot.to_string()
    });
    Prepared {
        place,
        room,
        from: clock.now(),
        due,
    }
}

/// A room of the shipped workflow with two bidders and a bid.
fn sale(place: Place) -> Prepared {
    let app = TestApp::start_drawing(Random::System, |config| {
        config.database.url = place.url();
        config.login.access_minutes = 60 * 24 * 60;
        config.login.refresh_days = 365;
    });
    stage(&app);
    let sale = Sale::announced(&app, json!({}));
    let bidders = [sale.bidder("zhang", 101), sale.bidder("li", 102)];
    let room = sale.room();
    sale.run_out(&room, "end", "timed");
    for (bidder, amount) in bidders.iter().zip([START, START + INCREMENT]) {
        bidder.bid(&room, amount).expect(200);
    }
    let (from, due) = (app.clock.now(), Time(sale.due(&room, "countdown")));
    drop(bidders);
    drop(app);
    Prepared { place, room, from, due }
}

#[test]
fn a_closing_in_a_hall_is_there_whole_or_not_at_all_wherever_the_process_ends() {
    let places = [Some(Place::sqlite()), Place::postgres()];
    for place in places.into_iter().flatten() {
        let changed = crash_everywhere(&hall(place), 1);
        holds(&changed, &WRITTEN);
        holds(&changed, &["ledger_postings", "records"]);
    }
}

#[test]
fn a_closing_of_the_shipped_workflow_is_there_whole_or_not_at_all_wherever_the_process_ends() {
    let places = [Some(Place::sqlite()), Place::postgres()];
    for place in places.into_iter().flatten() {
        let changed = crash_everywhere(&sale(place), many(9, 1));
        holds(&changed, &WRITTEN);
        holds(&changed, &["record_lines"]);
    }
}
