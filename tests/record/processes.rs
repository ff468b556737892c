//! Records over restarts and processes: one chain whoever writes it, one checkpoint a minute whoever signs it, and the database
//! tells where a line is not the one that was written.

use luochui::engine::audit::{Depth, verify};
use luochui::record::chain::digests;
use luochui::record::{Receipt, Row};
use luochui::store::record_rows::{checkpoints_of, record_from};
use luochui::store::{Connection, StoreError, Target, connection::Use};
use luochui::workers::checkpoints::tick;

use super::world::{call, file_of, files, open, played, start};
use crate::support::engine::{Place, event, member, on_both, run, still, submit};

#[test]
fn two_processes_chain_one_record_and_sign_it_once_a_minute() {
    let Some(place) = Place::postgres() else { return };
    run(async {
        let clock = still();
        let (first, _one) = start(&place, &clock);
        first.library().publish(files(), "admin").await.unwrap();
        let (second, _two) = start(&place, &clock);
        let hall = open(&first).await;
        submit(&first, member("ann"), event(&hall, "join", &[]), None).await;
        submit(&second, member("bob"), event(&hall, "join", &[]), None).await;
        for minute in 1..=3 {
            clock.advance_to(clock.now().plus_millis(60_000));
            for number in 0..10 {
                let amount = minute * 100_000 + number;
                tokio::join!(
                    call(&first, &hall, member("ann"), amount),
                    call(&second, &hall, member("bob"), amount)
                );
            }
            let (one, two) = tokio::join!(tick(&first, first.now()), tick(&second, second.now()));
            assert_eq!(one.unwrap() + two.unwrap(), 1, "one of two signs");
        }
        submit(&second, member("ann"), event(&hall, "stop", &[]), None).await;
        assert_eq!(
            tick(&first, first.now()).await.unwrap(),
            0,
            "the commit signed the whole"
        );
        let id = hall.to_string();
        let (lines, checkpoints) = first
            .read(move |conn| Ok((record_from(conn, &id, 1, 1_000)?, checkpoints_of(conn, &id)?)))
            .await
            .unwrap();
        assert_eq!(lines.len(), 1 + 2 + 3 * 20 + 1);
        let slots: Vec<_> = checkpoints.iter().map(|row| row.slot.as_str()).collect();
        assert_eq!((slots.len(), slots.last()), (4, Some(&"whole")));
        let held = luochui::record::verify::Held {
            keys: vec![super::world::key(7)],
            ..Default::default()
        };
        let report = luochui::record::verify::verify(&file_of(&second, &hall).await, &held);
        assert!(report.holds(), "{report:#?}");
    });
}

fn change(conn: &mut Connection, sql: &str) -> Result<(), StoreError> {
    use diesel::connection::SimpleConnection as _;
    conn.batch_execute(sql).map_err(StoreError::from)
}

#[test]
fn the_database_audit_decides_records_again_and_finds_changed_ones() {
    on_both(async |place| {
        let played = played(&place, &still()).await;
        let hall = played.hall.to_string();
        drop(played);
        let target = Target::parse(&place.url()).unwrap();
        let mut conn = target.open(Use::Write).unwrap();
        let report = verify(&mut conn, Depth::Replay).unwrap();
        assert_eq!(
            (report.records, report.lines, report.faults.len()),
            (1, 16, 0),
            "{report:?}"
        );
        let lines = |change: &str| format!("UPDATE record_lines SET {change} WHERE trade = '{hall}'");
        let whole = |size: u32| {
            format!("UPDATE record_checkpoints SET size = {size} WHERE instance = '{hall}' AND slot = 'whole'")
        };
        // A change, and what undoes it.
        for (forged, mended) in [
            (
                lines("line = replace(line, '30000', '30001')") + " AND number = 8",
                lines("line = replace(line, '30001', '30000')") + " AND number = 8",
            ),
            (
                lines("seq = seq + 1") + " AND number = 8",
                lines("seq = seq - 1") + " AND number = 8",
            ),
            (
                lines("number = 116") + " AND number = 16",
                lines("number = 16") + " AND number = 116",
            ),
            (lines("instance = 'elsewhere'"), lines(&format!("instance = '{hall}'"))),
            (whole(15), whole(16)),
        ] {
            change(&mut conn, &forged).unwrap();
            assert_eq!(verify(&mut conn, Depth::Replay).unwrap().faults.len(), 1, "{forged}");
            change(&mut conn, &mended).unwrap();
        }
        assert_eq!(verify(&mut conn, Depth::Replay).unwrap().faults, Vec::<String>::new());
    });
}

#[test]
fn a_record_goes_on_after_a_restart() {
    run(async {
        let (place, clock) = (Place::sqlite(), still());
        let (engine, handle) = start(&place, &clock);
        engine.library().publish(files(), "admin").await.unwrap();
        let hall = open(&engine).await;
        submit(&engine, member("ann"), event(&hall, "join", &[]), None).await;
        let before = call(&engine, &hall, member("ann"), 100).await.record.unwrap();
        drop(engine);
        handle.join();
        let (engine, _handle) = start(&place, &clock);
        let after = call(&engine, &hall, member("ann"), 200).await.record.unwrap();
        let file = file_of(&engine, &hall).await;
        let line = |receipt: &Receipt| {
            file.lines()
                .position(|line| digests(line.as_bytes()).0 == receipt.line.sm3)
                .unwrap()
        };
        assert_eq!(line(&after), line(&before) + 1);
        let text = file.lines().nth(line(&after)).unwrap();
        assert_eq!(Row::parse(text).unwrap().prev_sm3, *before.line.sm3);
    });
}
