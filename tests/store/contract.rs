//! What every table family promises, on both databases.

use luochui::machine::Time;
use luochui::machine::outage::{Outage, Reach};
use luochui::store::batch::Batch;
use luochui::store::connection::{Target, Use};
use luochui::store::idempotency_rows::{KeyRow, key_find, keys_forget};
use luochui::store::incident_rows::{IncidentRow, incident_close, incident_get, incident_open, incidents_open};
use luochui::store::migrations::migrate;
use luochui::store::outage_rows::{outage_record, outages_since};
use luochui::store::process_rows::{
    Process, heartbeat_last, heartbeat_leave, heartbeat_set, process_strike, processes_other, processes_strike,
};
use luochui::store::recurring_rows::{recurring_claim, recurring_claimed};
use luochui::store::timer_rows::{TimerKey, TimerRow, timer_next, timers_due, timers_of_trade, timers_provisional};
use luochui::store::trade_rows::{TradeMove, TradeRow, trade_ids, trade_seq};
use luochui::store::{Connection, StoreError, dialect};

use crate::support::engine::Place;

fn on_both(test: impl Fn(&mut Connection)) {
    for place in [Some(Place::sqlite()), Place::postgres()].into_iter().flatten() {
        let mut conn = Target::parse(&place.url()).unwrap().open(Use::Write).unwrap();
        migrate(&mut conn).unwrap();
        test(&mut conn);
    }
}

fn trade(id: &str) -> TradeRow {
    TradeRow {
        id: id.into(),
        bundle: "small".into(),
        bundle_version: "1".into(),
        bundle_sha256: "0".into(),
        seq: 1,
        head: "h1".into(),
        now: 5,
        opened_at: 5,
        done: false,
    }
}

fn moved(id: &str, prior: i64) -> TradeMove {
    TradeMove {
        id: id.into(),
        prior,
        seq: prior + 1,
        head: format!("h{}", prior + 1),
        now: 6,
        done: false,
    }
}

fn timer(name: &str, due_at: i64, live: bool) -> TimerRow {
    TimerRow {
        instance: "i".into(),
        name: name.into(),
        trade: "t".into(),
        generation: 1,
        due_at,
        live,
        provisional: !live,
    }
}

fn key(receipt: &str) -> KeyRow {
    KeyRow {
        actor: "ann".into(),
        key: "k".into(),
        body_sha256: "b".into(),
        receipt: receipt.into(),
        at: 10,
    }
}

#[test]
fn a_trade_that_moved_meanwhile_fails_the_whole_batch() {
    on_both(|conn| {
        let opened = Batch {
            trades_opened: vec![trade("a"), trade("b")],
            ..Batch::default()
        };
        dialect::batch_commit(conn, &opened, || {}).unwrap();
        let stale = Batch {
            trades_opened: vec![trade("c")],
            trades_moved: vec![moved("a", 1), moved("b", 7)],
            keys: vec![key("1")],
            ..Batch::default()
        };
        assert!(matches!(
            dialect::batch_commit(conn, &stale, || {}),
            Err(StoreError::Conflict)
        ));
        assert_eq!(trade_ids(conn, "", 9).unwrap(), ["a", "b"]);
        assert_eq!(trade_seq(conn, "a").unwrap(), Some(1));
        assert_eq!(key_find(conn, "ann", "k").unwrap(), None);
        let current = Batch {
            trades_moved: vec![moved("a", 1), moved("b", 1)],
            ..Batch::default()
        };
        dialect::batch_commit(conn, &current, || {}).unwrap();
        assert_eq!(
            (trade_seq(conn, "a").unwrap(), trade_seq(conn, "b").unwrap()),
            (Some(2), Some(2))
        );
        assert_eq!(trade_seq(conn, "none").unwrap(), None);
    });
}

#[test]
fn a_key_is_used_once_and_forgotten_by_age() {
    on_both(|conn| {
        let batch = |receipt: &str| Batch {
            keys: vec![key(receipt)],
            ..Batch::default()
        };
        dialect::batch_commit(conn, &batch("first"), || {}).unwrap();
        assert!(matches!(
            dialect::batch_commit(conn, &batch("second"), || {}),
            Err(StoreError::Duplicate(_))
        ));
        assert_eq!(key_find(conn, "ann", "k").unwrap().unwrap().receipt, "first");
        assert_eq!(keys_forget(conn, Time(10)).unwrap(), 0);
        assert_eq!(keys_forget(conn, Time(11)).unwrap(), 1);
    });
}

#[test]
fn only_live_timers_are_due_the_longest_overdue_first() {
    on_both(|conn| {
        let armed = Batch {
            timers_armed: vec![
                timer("late", 10, true),
                timer("later", 5, true),
                timer("held", 1, false),
                timer("next", 20, true),
            ],
            ..Batch::default()
        };
        dialect::batch_commit(conn, &armed, || {}).unwrap();
        let names = |rows: Vec<TimerRow>| rows.into_iter().map(|row| row.name).collect::<Vec<_>>();
        assert_eq!(names(timers_due(conn, Time(10), 9).unwrap()), ["later", "late"]);
        assert_eq!(timer_next(conn, Time(0)).unwrap(), Some(Time(5)));
        assert_eq!(timers_provisional(conn).unwrap(), ["t"]);
        let key = |name: &str| TimerKey {
            instance: "i".into(),
            name: name.into(),
        };
        let changed = Batch {
            timers_gone: vec![key("later"), key("late"), key("never")],
            timers_changed: vec![timer("held", 3, true)],
            timers_armed: vec![timer("new", 30, true)],
            ..Batch::default()
        };
        dialect::batch_commit(conn, &changed, || {}).unwrap();
        assert_eq!(names(timers_of_trade(conn, "t").unwrap()), ["held", "new", "next"]);
        assert_eq!(timer_next(conn, Time(0)).unwrap(), Some(Time(3)));
        assert!(timers_provisional(conn).unwrap().is_empty());
    });
}

#[test]
fn a_slot_is_claimed_once() {
    on_both(|conn| {
        dialect::write_transaction(conn, |conn| {
            assert!(recurring_claim(conn, "digest", "2026-11-23", Time(100))?);
            assert!(!recurring_claim(conn, "digest", "2026-11-23", Time(101))?);
            assert!(recurring_claim(conn, "digest", "2026-11-24", Time(102))?);
            Ok(())
        })
        .unwrap();
        let days = ["2026-11-23", "2026-11-25"].map(str::to_owned);
        assert_eq!(recurring_claimed(conn, "digest", &days).unwrap(), ["2026-11-23"]);
        assert!(recurring_claimed(conn, "remind", &days).unwrap().is_empty());
    });
}

#[test]
fn an_incident_is_closed_once() {
    on_both(|conn| {
        let row = IncidentRow {
            id: "x".into(),
            trade: None,
            instance: None,
            kind: "store".into(),
            place: "p".into(),
            text: "坏了 \u{1F600} '\"\\".into(),
            opened_at: 1,
            closed_at: None,
            closed_by: None,
        };
        incident_open(conn, &row).unwrap();
        assert_eq!(incident_get(conn, "x").unwrap(), Some(row));
        assert_eq!(incidents_open(conn, 9).unwrap().len(), 1);
        incident_close(conn, "x", "admin", Time(2)).unwrap();
        assert!(matches!(
            incident_close(conn, "x", "admin", Time(3)),
            Err(StoreError::NotFound)
        ));
        assert!(incidents_open(conn, 9).unwrap().is_empty());
    });
}

fn process(id: &str, at: i64) -> Process {
    Process {
        id: id.into(),
        at: Time(at),
        drained: Time(at),
    }
}

#[test]
fn outages_and_heartbeats_are_kept() {
    on_both(|conn| {
        assert_eq!(heartbeat_last(conn).unwrap(), None);
        heartbeat_set(conn, &process("one", 5)).unwrap();
        heartbeat_set(conn, &process("two", 9)).unwrap();
        heartbeat_set(conn, &process("one", 7)).unwrap();
        assert_eq!(heartbeat_last(conn).unwrap(), Some(Time(9)));
        assert_eq!(processes_other(conn, "two").unwrap(), [process("one", 7)]);
        // A mark that was overtaken takes nothing back.
        heartbeat_set(conn, &process("one", 6)).unwrap();
        assert_eq!(processes_other(conn, "two").unwrap(), [process("one", 7)]);
        // Whoever was heard of since is not struck off, nor whoever took leave.
        assert!(!process_strike(conn, &process("one", 5)).unwrap());
        heartbeat_leave(conn, "two", Time(11)).unwrap();
        assert_eq!(processes_other(conn, "").unwrap(), [process("one", 7)]);
        assert!(!process_strike(conn, &process("two", 11)).unwrap());
        assert!(process_strike(conn, &process("one", 7)).unwrap());
        assert_eq!(heartbeat_last(conn).unwrap(), Some(Time(11)));
        processes_strike(conn).unwrap();
        assert_eq!(heartbeat_last(conn).unwrap(), None);
        let outage = |from, until| Outage {
            from: Time(from),
            until: Time(until),
            reach: Reach::Path,
        };
        outage_record(conn, outage(10, 20), "a").unwrap();
        outage_record(conn, outage(10, 25), "a").unwrap();
        outage_record(conn, outage(10, 15), "a").unwrap();
        let process = Outage {
            reach: Reach::Process,
            ..outage(30, 40)
        };
        outage_record(conn, process, "b").unwrap();
        outage_record(conn, outage(30, 40), "c").unwrap();
        assert_eq!(outages_since(conn, Time(20)).unwrap(), [outage(10, 25), process]);
        assert_eq!(outages_since(conn, Time(25)).unwrap(), [process]);
    });
}

#[test]
fn a_closure_that_fails_leaves_nothing() {
    on_both(|conn| {
        let failed: Result<(), _> = dialect::write_transaction(conn, |conn| {
            heartbeat_set(conn, &process("one", 5))?;
            Err(StoreError::NotFound)
        });
        assert!(matches!(failed, Err(StoreError::NotFound)));
        assert_eq!(heartbeat_last(conn).unwrap(), None);
    });
}
