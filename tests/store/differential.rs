//! The same rows, written by typed queries on SQLite and by one statement on PostgreSQL, read back the same.

use diesel::prelude::*;
use luochui::store::batch::Batch;
use luochui::store::connection::{Target, Use};
use luochui::store::migrations::migrate;
use luochui::store::schema::{
    bookings, history, idempotency_keys, incidents, instance_fields, instances, ledger_postings, moves, outbox,
    published, record_checkpoints, record_lines, records, timers, todo_audience, todos, trades,
};
use luochui::store::trade_rows::TradeMove;
use luochui::store::{Connection, dialect};

use crate::support::engine::{Place, event, member, open, run, still, submit, visit, with_bundle};

macro_rules! all_rows {
    ($conn:expr, $table:ident, $order:expr) => {
        $table::table.order($order).load($conn).unwrap()
    };
}

/// Everything the engine writes, in the order of keys.
fn dump(conn: &mut Connection) -> Batch {
    Batch {
        trades_opened: all_rows!(conn, trades, trades::id),
        instances_opened: all_rows!(conn, instances, instances::id),
        fields: all_rows!(
            conn,
            instance_fields,
            (instance_fields::instance, instance_fields::field)
        ),
        timers_armed: all_rows!(conn, timers, (timers::instance, timers::name)),
        todos_opened: all_rows!(conn, todos, todos::id),
        audience_added: all_rows!(conn, todo_audience, (todo_audience::todo, todo_audience::audience)),
        history: all_rows!(conn, history, (history::trade, history::seq)),
        moves: all_rows!(conn, moves, (moves::instance, moves::seq)),
        outbox: all_rows!(conn, outbox, outbox::id),
        postings: all_rows!(
            conn,
            ledger_postings,
            (ledger_postings::trade, ledger_postings::seq, ledger_postings::line)
        ),
        incidents: all_rows!(conn, incidents, incidents::id),
        published: all_rows!(conn, published, (published::instance, published::number)),
        records: all_rows!(conn, records, (records::instance, records::number)),
        lines: all_rows!(conn, record_lines, (record_lines::instance, record_lines::number)),
        checkpoints: all_rows!(
            conn,
            record_checkpoints,
            (record_checkpoints::instance, record_checkpoints::slot)
        ),
        bookings: all_rows!(conn, bookings, bookings::instance),
        keys: all_rows!(conn, idempotency_keys, (idempotency_keys::actor, idempotency_keys::key)),
        ..Batch::default()
    }
}

/// Rows of a real run: to-dos, timers, refusals, money, texts that need escaping.
fn real_rows() -> Batch {
    let place = Place::sqlite();
    run(async {
        let clock = still();
        let (engine, handle) = with_bundle(&place, &clock).await;
        for name in ["转角", "a 'quoted' \"name\" \\ and 𠮷", "{}"] {
            let shop = open(&engine, name).await;
            submit(&engine, member("ann"), visit(&shop), Some(&format!("k{name}"))).await;
            let order = submit(&engine, member("bob"), event(&shop, "order", &[]), None).await;
            if let luochui::machine::step::Answer::Taken { created: Some(order) } = order.answer {
                let pay = event(&order, "pay", &[("amount", 700.into()), ("ref", "r".into())]);
                submit(&engine, member("bob"), pay, None).await;
            }
            submit(&engine, member("ann"), event(&shop, "shout", &[("by", 1.into())]), None).await;
        }
        clock.advance_to(engine.now().plus_millis(10 * 60_000));
        let last = open(&engine, "last").await;
        clock.advance_to(engine.now().plus_millis(10 * 60_000));
        submit(&engine, member("ann"), visit(&last), None).await;
        open(&engine, "fresh").await;
        drop(engine);
        handle.join();
    });
    dump(&mut Target::parse(&place.url()).unwrap().open(Use::Read).unwrap())
}

/// A second batch that changes, removes and adds on top of the first.
fn changes(first: &Batch) -> Batch {
    let mut instances = first.instances_opened.clone();
    for row in &mut instances {
        row.tags = " changed ".into();
        row.body.push(' ');
        row.changed_at += 1;
    }
    let mut fields = first.fields.clone();
    fields.iter_mut().for_each(|row| row.text = Some("新".into()));
    let mut todos = first.todos_opened.clone();
    for row in &mut todos {
        row.status = "done".into();
        row.closed_at = Some(9);
        row.outcome = None;
    }
    let moved = first.trades_opened.iter().map(|row| TradeMove {
        id: row.id.clone(),
        prior: row.seq,
        seq: row.seq + 3,
        head: "moved".into(),
        now: row.now + 1,
        done: true,
    });
    let mut timers = first.timers_armed.clone();
    timers.iter_mut().for_each(|row| row.due_at += 1);
    let gone = timers.pop().map(|row| luochui::store::timer_rows::TimerKey {
        instance: row.instance,
        name: row.name,
    });
    Batch {
        trades_moved: moved.collect(),
        instances_changed: instances,
        fields,
        timers_changed: timers,
        timers_gone: gone.into_iter().collect(),
        todos_changed: todos,
        audience_gone: first.audience_added.clone(),
        ..Batch::default()
    }
}

#[test]
fn both_databases_keep_the_same_rows() {
    let Some(place) = Place::postgres() else { return };
    let first = real_rows();
    assert!(!first.todos_opened.is_empty() && !first.postings.is_empty() && !first.timers_armed.is_empty());
    let second = changes(&first);
    let sqlite = Place::sqlite();
    let [one, other] = [sqlite.url(), place.url()].map(|url| {
        let mut conn = Target::parse(&url).unwrap().open(Use::Write).unwrap();
        migrate(&mut conn).unwrap();
        dialect::batch_commit(&mut conn, &first, || {}).unwrap();
        let before = dump(&mut conn);
        assert_eq!(before, first, "{url}");
        dialect::batch_commit(&mut conn, &second, || {}).unwrap();
        dump(&mut conn)
    });
    assert_eq!(one, other);
    assert_ne!(one, first);
}
