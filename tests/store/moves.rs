//! The rows of what moved, on both databases: what the migration makes of a database that had none is what the engine writes.

use diesel::connection::SimpleConnection as _;
use luochui::machine::history::Taken;
use luochui::store::Connection;
use luochui::store::connection::{Target, Use};
use luochui::store::history_rows::{MoveRow, history_after, moves_after};

use crate::support::engine::{event, member, on_both, open, still, submit, visit, with_bundle};

fn backfill(conn: &mut Connection) -> &'static str {
    let up = match conn {
        Connection::Sqlite(_) => include_str!("../../migrations/sqlite/2026-11-23-000900_moves/up.sql"),
        Connection::Postgres(_) => include_str!("../../migrations/postgres/2026-11-23-000900_moves/up.sql"),
    };
    up.split_once(";\n\n").unwrap().1
}

/// As they are read: databases may write JSON with other spaces.
fn read(rows: &[MoveRow]) -> Vec<(i64, i64, Vec<Taken>)> {
    rows.iter()
        .map(|row| (row.seq, row.at, row.transitions().unwrap()))
        .collect()
}

#[test]
fn what_moved_is_made_up_from_the_history_of_before() {
    on_both(async |place| {
        let clock = still();
        let (engine, handle) = with_bundle(&place, &clock).await;
        let shop = open(&engine, "转角").await;
        submit(&engine, member("ann"), visit(&shop), None).await;
        let order = submit(&engine, member("bob"), event(&shop, "order", &[]), None).await;
        let luochui::machine::step::Answer::Taken { created: Some(order) } = order.answer else {
            panic!("{:?}", order.answer)
        };
        let pay = event(&order, "pay", &[("amount", 700.into()), ("ref", "r".into())]);
        submit(&engine, member("bob"), pay, None).await;
        drop(engine);
        handle.join();
        let mut conn = Target::parse(&place.url()).unwrap().open(Use::Write).unwrap();
        let all = |conn: &mut Connection| [&shop, &order].map(|id| read(&moves_after(conn, id, 0, i64::MAX).unwrap()));
        let written = all(&mut conn);
        let lengths = written.each_ref().map(Vec::len);
        assert!(lengths.iter().all(|length| *length > 0), "{written:?}");
        let entries = history_after(&mut conn, &shop, 0, i64::MAX).unwrap().len();
        assert!(
            lengths[0] < entries,
            "what moved nothing has no row: {lengths:?} of {entries}"
        );
        conn.batch_execute("DELETE FROM moves").unwrap();
        let sql = backfill(&mut conn);
        conn.batch_execute(sql).unwrap();
        assert_eq!(all(&mut conn), written);
    });
}
