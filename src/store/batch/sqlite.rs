//! Writes a batch on SQLite: typed queries, because only those are prepared once and kept. Must not open a transaction.

use diesel::prelude::*;
use diesel::upsert::excluded;

use super::Batch;
use crate::store::StoreError;
use crate::store::schema::{
    bookings, capacities, history, idempotency_keys, incidents, instance_fields, instances, ledger_postings, moves,
    outbox, published, record_checkpoints, record_lines, records, timers, todo_audience, todos, trades,
};

/// Inserts the rows one by one: a multi-row insert would be another statement for each length, prepared anew each time.
macro_rules! insert_each {
    ($conn:expr, $table:expr, $rows:expr) => {
        for row in $rows {
            diesel::insert_into($table).values(row).execute($conn)?;
        }
    };
}

/// Writes everything in the transaction that the caller holds.
///
/// # Errors
/// `Conflict` where a trade had moved, `Duplicate` for a used idempotency key; the caller rolls back.
pub fn write(conn: &mut SqliteConnection, batch: &Batch) -> Result<(), StoreError> {
    write_trades(conn, batch)?;
    write_timers(conn, batch)?;
    write_todos(conn, batch)?;
    write_bookings(conn, batch)?;
    insert_each!(conn, history::table, &batch.history);
    insert_each!(conn, moves::table, &batch.moves);
    insert_each!(conn, outbox::table, &batch.outbox);
    insert_each!(conn, ledger_postings::table, &batch.postings);
    insert_each!(conn, incidents::table, &batch.incidents);
    insert_each!(conn, published::table, &batch.published);
    insert_each!(conn, records::table, &batch.records);
    insert_each!(conn, record_lines::table, &batch.lines);
    insert_each!(conn, record_checkpoints::table, &batch.checkpoints);
    insert_each!(conn, idempotency_keys::table, &batch.keys);
    Ok(())
}

fn write_trades(conn: &mut SqliteConnection, batch: &Batch) -> Result<(), StoreError> {
    insert_each!(conn, trades::table, &batch.trades_opened);
    for row in &batch.trades_moved {
        let still = trades::table
            .filter(trades::id.eq(&row.id))
            .filter(trades::seq.eq(row.prior));
        let moved = (
            trades::seq.eq(row.seq),
            trades::head.eq(&row.head),
            trades::now.eq(row.now),
            trades::done.eq(row.done),
        );
        if diesel::update(still).set(moved).execute(conn)? != 1 {
            return Err(StoreError::Conflict);
        }
    }
    insert_each!(conn, instances::table, &batch.instances_opened);
    for row in &batch.instances_changed {
        let changed = (
            instances::states.eq(&row.states),
            instances::tags.eq(&row.tags),
            instances::done.eq(row.done),
            instances::changed_at.eq(row.changed_at),
            instances::published.eq(row.published),
            instances::recorded.eq(row.recorded),
            instances::body.eq(&row.body),
        );
        diesel::update(instances::table.filter(instances::id.eq(&row.id)))
            .set(changed)
            .execute(conn)?;
    }
    for row in &batch.fields {
        diesel::insert_into(instance_fields::table)
            .values(row)
            .on_conflict((instance_fields::instance, instance_fields::field))
            .do_update()
            .set((
                instance_fields::value.eq(excluded(instance_fields::value)),
                instance_fields::text.eq(excluded(instance_fields::text)),
                instance_fields::number.eq(excluded(instance_fields::number)),
            ))
            .execute(conn)?;
    }
    Ok(())
}

fn write_bookings(conn: &mut SqliteConnection, batch: &Batch) -> Result<(), StoreError> {
    for row in &batch.capacities_moved {
        let seen = capacities::table
            .filter(capacities::name.eq(&row.name))
            .filter(capacities::version.eq(row.version - 1));
        let moved = diesel::update(seen)
            .set(capacities::version.eq(row.version))
            .execute(conn)?;
        if moved == 0 {
            let first = (capacities::name.eq(&row.name), capacities::version.eq(row.version));
            let added = diesel::insert_or_ignore_into(capacities::table)
                .values(first)
                .execute(conn)?;
            if added == 0 {
                return Err(StoreError::Conflict);
            }
        }
    }
    for key in &batch.bookings_gone {
        diesel::delete(bookings::table.filter(bookings::instance.eq(&key.instance))).execute(conn)?;
    }
    for row in &batch.bookings {
        diesel::insert_into(bookings::table)
            .values(row)
            .on_conflict(bookings::instance)
            .do_update()
            .set(row)
            .execute(conn)?;
    }
    Ok(())
}

fn write_timers(conn: &mut SqliteConnection, batch: &Batch) -> Result<(), StoreError> {
    for key in &batch.timers_gone {
        let gone = timers::table
            .filter(timers::instance.eq(&key.instance))
            .filter(timers::name.eq(&key.name));
        diesel::delete(gone).execute(conn)?;
    }
    insert_each!(conn, timers::table, &batch.timers_armed);
    for row in &batch.timers_changed {
        let armed = timers::table
            .filter(timers::instance.eq(&row.instance))
            .filter(timers::name.eq(&row.name));
        let changed = (
            timers::generation.eq(row.generation),
            timers::due_at.eq(row.due_at),
            timers::live.eq(row.live),
            timers::provisional.eq(row.provisional),
        );
        diesel::update(armed).set(changed).execute(conn)?;
    }
    Ok(())
}

fn write_todos(conn: &mut SqliteConnection, batch: &Batch) -> Result<(), StoreError> {
    insert_each!(conn, todos::table, &batch.todos_opened);
    for row in &batch.todos_changed {
        let changed = (
            todos::due_at.eq(row.due_at),
            todos::provisional.eq(row.provisional),
            todos::claimed_by.eq(&row.claimed_by),
            todos::frozen.eq(row.frozen),
            todos::status.eq(&row.status),
            todos::outcome.eq(&row.outcome),
            todos::closed_at.eq(row.closed_at),
            todos::closed_by.eq(&row.closed_by),
        );
        diesel::update(todos::table.filter(todos::id.eq(&row.id)))
            .set(changed)
            .execute(conn)?;
    }
    for row in &batch.audience_gone {
        let gone = todo_audience::table
            .filter(todo_audience::todo.eq(&row.todo))
            .filter(todo_audience::audience.eq(&row.audience));
        diesel::delete(gone).execute(conn)?;
    }
    insert_each!(conn, todo_audience::table, &batch.audience_added);
    Ok(())
}
