//! Two engines on one PostgreSQL: the version of a trade decides who was first, and nothing is lost or done twice.

use std::time::Duration;

use luochui::clock::Clock;
use luochui::engine::{Engine, EngineConfig};
use luochui::machine::Name;
use luochui::machine::history;
use luochui::store::Connection;
use luochui::store::history_rows::history_after;
use luochui::store::outage_rows::outages_since;

use crate::support::engine::{
    Place, event, member, open, run, small, start, still, submission, submit, visit, with_bundle,
};

async fn visits(engine: Engine, shop: Name, count: usize, keys: &'static str) {
    let one = |number: usize| {
        let submission = submission(&engine, member("ann"), visit(&shop), Some(&format!("{keys}{number}")));
        let engine = engine.clone();
        async move { engine.submit(submission).await.unwrap() }
    };
    futures_util::future::join_all((0..count).map(one)).await;
}

#[test]
fn two_processes_may_move_one_trade_at_once() {
    let Some(place) = Place::postgres() else { return };
    run(async {
        let clock = still();
        let (first, _one) = with_bundle(&place, &clock).await;
        let (second, _two) = start(&place, &clock);
        let shop = open(&first, "转角").await;
        // Different keys from each process, and thirty that both send.
        tokio::join!(
            visits(first.clone(), shop.clone(), 60, "first"),
            visits(second.clone(), shop.clone(), 60, "second"),
            visits(first.clone(), shop.clone(), 30, "both"),
            visits(second.clone(), shop.clone(), 30, "both"),
        );
        for engine in [&first, &second] {
            let snapshot = engine.trade(&shop).await.unwrap();
            assert_eq!(snapshot.trade.seq, 1 + 60 + 60 + 30);
            let trade = shop.to_string();
            let rows = engine
                .read(move |conn| history_after(conn, &trade, 0, 1_000))
                .await
                .unwrap();
            let entries: Vec<_> = rows.iter().map(|row| row.entry().unwrap()).collect();
            let replayed = history::replay(&snapshot.bundle, &engine.calendars(), &entries)
                .unwrap()
                .unwrap();
            assert_eq!(replayed, *snapshot.trade);
        }
    });
}

#[test]
fn a_refusal_does_not_rest_on_what_another_process_has_changed() {
    let Some(place) = Place::postgres() else { return };
    run(async {
        let clock = still();
        let (first, _one) = with_bundle(&place, &clock).await;
        let (second, _two) = start(&place, &clock);
        let shop = open(&first, "转角").await;
        // Both hold the trade in memory; then the first closes it.
        submit(&second, member("ann"), visit(&shop), None).await;
        submit(&first, member("ann"), event(&shop, "close", &[]), None).await;
        let refused = submit(&second, member("ann"), visit(&shop), None).await;
        assert_eq!(refused.states, ["closed".into()]);
        assert_eq!(refused.seq, 3);
    });
}

#[test]
fn a_broken_connection_is_opened_again_and_what_was_sent_is_done_once() {
    let Some(place) = Place::postgres() else { return };
    run(async {
        let (engine, _handle) = with_bundle(&place, &still()).await;
        let shop = open(&engine, "转角").await;
        let url = place.url();
        let cut = move || {
            let sessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
            crate::support::postgres::execute(&url, sessions);
        };
        for round in 0..5 {
            let cutting = tokio::task::spawn_blocking(cut.clone());
            let one = |number: usize| {
                let submission = submission(&engine, member("ann"), visit(&shop), Some(&format!("{round}-{number}")));
                let engine = engine.clone();
                async move {
                    // A client that hears of a failure asks again under its key.
                    while engine.submit(submission.clone()).await.is_err() {}
                }
            };
            futures_util::future::join_all((0..20).map(one)).await;
            cutting.await.unwrap();
        }
        // The readers were cut off too.
        let snapshot = loop {
            if let Ok(snapshot) = engine.trade(&shop).await {
                break snapshot;
            }
        };
        assert_eq!(snapshot.trade.seq, 1 + 100);
    });
}

#[test]
fn what_keeps_one_writer_is_told_by_the_others_while_it_lasts() {
    let Some(place) = Place::postgres() else { return };
    run(async {
        let config = EngineConfig {
            writers: 4,
            ..EngineConfig::new(place.url())
        };
        let (engine, _handle) = Engine::start(&config, Clock::system()).unwrap();
        let began = engine.now();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let keep = engine.clone();
        let kept = tokio::spawn(async move {
            let wait = move |_: &mut Connection| {
                let _released = held.recv_timeout(Duration::from_secs(20));
                Ok(())
            };
            keep.write("slow", wait).await
        });
        let told = async {
            loop {
                let outages = engine.read(move |conn| outages_since(conn, began)).await.unwrap();
                if let Some(outage) = outages.iter().find(|outage| outage.from >= began) {
                    break *outage;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let told = tokio::time::timeout(Duration::from_secs(15), told).await.unwrap();
        assert!(!kept.is_finished());
        release.send(()).unwrap();
        kept.await.unwrap().unwrap();
        // In the end it is recorded once, and as long as it was.
        let longer = async {
            loop {
                let outages = engine.read(move |conn| outages_since(conn, began)).await.unwrap();
                let same: Vec<_> = outages.iter().filter(|outage| outage.from == told.from).collect();
                assert_eq!(same.len(), 1);
                if same[0].until > told.until {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(15), longer).await.unwrap();
    });
}

#[test]
fn processes_that_start_together_publish_the_same_once() {
    let Some(place) = Place::postgres() else { return };
    run(async {
        let clock = still();
        let (first, _one) = start(&place, &clock);
        let (second, _two) = start(&place, &clock);
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows/calendars/cn-gov");
        for year in ["2024", "2025", "2026"] {
            let text = std::fs::read_to_string(folder.join(format!("{year}.yaml"))).unwrap();
            let both = tokio::join!(
                first.import_calendar(&text, "one"),
                second.import_calendar(&text, "two"),
                first.library().publish(small(), "one"),
                second.library().publish(small(), "two"),
            );
            assert_eq!(both.0.unwrap().version, both.1.unwrap().version);
            assert_eq!(both.2.unwrap(), both.3.unwrap());
        }
        assert_eq!(second.library().published().len(), 1);
    });
}
