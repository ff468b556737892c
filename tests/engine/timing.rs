//! Deadlines: never early, by data and not by who wakes up first, and counted again when a calendar year is published.

use std::time::Duration;

use luochui::clock::Clock;
use luochui::engine::Engine;
use luochui::machine::{Name, Time};
use luochui::store::history_rows::history_after;
use luochui::store::incident_rows::incidents_open;

use crate::support::engine::{
    BEGIN, event, member, on_both, open, start, still, submission, submit, visit, with_bundle,
};

const LUNCH: i64 = 4 * 60_000;

/// Waits until something commits that brings the trade to a state.
async fn until(engine: &Engine, trade: &Name, state: &str) {
    let mut committed = engine.subscribe();
    loop {
        let snapshot = engine.trade(trade).await.unwrap();
        if snapshot
            .trade
            .root()
            .unwrap()
            .states
            .iter()
            .any(|active| &**active == state)
        {
            return;
        }
        tokio::time::timeout(Duration::from_secs(20), committed.recv())
            .await
            .unwrap()
            .unwrap();
    }
}

#[test]
fn a_timer_fires_when_the_clock_reaches_it_and_is_dated_to_its_due_time() {
    on_both(|place| async move {
        let clock = still();
        let (engine, _handle) = with_bundle(&place, &clock).await;
        let shop = open(&engine, "转角").await;
        clock.advance_to(BEGIN.plus_millis(LUNCH - 1));
        // A command that comes right before the deadline is still in time, and moves it.
        let taken = submit(&engine, member("ann"), visit(&shop), None).await;
        assert_eq!(taken.states, ["open".into()]);
        let due = BEGIN.plus_millis(2 * LUNCH - 1);
        clock.advance_to(due.plus_millis(5_000));
        until(&engine, &shop, "resting").await;
        let trade = shop.to_string();
        let rows = engine
            .read(move |conn| history_after(conn, &trade, 0, 100))
            .await
            .unwrap();
        let last = rows.last().unwrap();
        assert_eq!((last.event.as_str(), Time(last.at)), ("timer.lunch", due));
    });
}

#[test]
fn what_was_due_while_nothing_ran_fires_at_the_next_start() {
    on_both(|place| async move {
        let clock = still();
        let (engine, handle) = with_bundle(&place, &clock).await;
        let shop = open(&engine, "转角").await;
        drop(engine);
        handle.join();
        clock.advance_to(BEGIN.plus_millis(LUNCH * 10));
        let (engine, _handle) = start(&place, &clock);
        until(&engine, &shop, "resting").await;
    });
}

#[test]
fn many_timers_fire_once_each_on_a_running_clock() {
    on_both(|place| async move {
        // A minute passes in 60 ms.
        let clock = Clock::virtual_from(BEGIN, 1_000);
        let (engine, _handle) = with_bundle(&place, &clock).await;
        let mut shops = Vec::new();
        for number in 0..40 {
            shops.push(open(&engine, &format!("店{number}")).await);
        }
        for shop in &shops {
            until(&engine, shop, "resting").await;
            let trade = shop.to_string();
            let rows = engine
                .read(move |conn| history_after(conn, &trade, 0, 100))
                .await
                .unwrap();
            let fired: Vec<_> = rows.iter().filter(|row| row.event == "timer.lunch").collect();
            assert_eq!(fired.len(), 1);
            assert_eq!(fired[0].at, rows[0].at + LUNCH);
        }
    });
}

#[test]
fn an_event_that_surfaces_after_its_deadline_was_decided_opens_an_incident() {
    on_both(|place| async move {
        let clock = still();
        let (engine, _handle) = with_bundle(&place, &clock).await;
        let shop = open(&engine, "转角").await;
        let early = submission(&engine, member("ann"), visit(&shop), None);
        clock.advance_to(BEGIN.plus_millis(LUNCH));
        until(&engine, &shop, "resting").await;
        let receipt = engine.submit(early).await.unwrap();
        assert!(matches!(receipt.answer, luochui::machine::step::Answer::Refused(_)));
        let incidents = engine.read(|conn| incidents_open(conn, 10)).await.unwrap();
        assert_eq!(
            incidents.iter().map(|one| one.kind.as_str()).collect::<Vec<_>>(),
            ["late_ingress"]
        );
    });
}

#[test]
fn a_deadline_waits_for_what_was_stamped_before_it() {
    on_both(|place| async move {
        let clock = still();
        let (engine, _handle) = with_bundle(&place, &clock).await;
        let shop = open(&engine, "转角").await;
        let stamp = engine.stamp();
        clock.advance_to(BEGIN.plus_millis(LUNCH));
        // The loop has noticed the deadline and holds it back; the request is still being read.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut visit = submission(
            &engine,
            member("ann"),
            event(&shop, "visit", &[("by", 100.into())]),
            None,
        );
        visit.ingress = stamp.at();
        let receipt = engine.submit(visit).await.unwrap();
        drop(stamp);
        assert_eq!(receipt.states, ["open".into()], "{:?}", receipt.answer);
    });
}
