//! Writes a batch on PostgreSQL in ONE statement: each table's rows travel as one JSON array, and the statement raises
//! where a trade had moved since it was decided. One round trip, and by itself one transaction.

use std::fmt::Write as _;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Text};
use serde::Serialize;

use super::Batch;
use crate::store::StoreError;

/// Writes everything; outside a transaction it is one.
///
/// # Errors
/// `Conflict` where a trade had moved, `Duplicate` for a used idempotency key.
pub fn write(conn: &mut PgConnection, batch: &Batch) -> Result<(), StoreError> {
    let statement = Statement::of(batch)?;
    if !statement.parts.is_empty() {
        statement.execute(conn)?;
    }
    Ok(())
}

/// One `WITH … SELECT`. Its text depends only on which tables are touched, so that it stays prepared.
struct Statement {
    parts: Vec<Part>,
    /// Rows that were counted on: how they are counted, and how many there must be.
    expected: Vec<(&'static str, i64)>,
}

/// One table's part: SQL around the place where its rows are bound.
struct Part {
    before: &'static str,
    rows: String,
    after: &'static str,
}

const MOVE_TRADES: &str = ") AS u(id TEXT, prior BIGINT, seq BIGINT, head TEXT, now BIGINT, done BOOLEAN)) \
    , moved AS (UPDATE trades t SET seq = u.seq, head = u.head, now = u.now, done = u.done \
    FROM (SELECT wanted.* FROM wanted JOIN trades held ON held.id = wanted.id ORDER BY wanted.id FOR UPDATE OF held) u \
    WHERE t.id = u.id AND t.seq = u.prior RETURNING 1)";
const COUNT_MOVED: &str = ", luochui_expect((SELECT count(*) FROM moved), ";
const COUNT_BOOKED: &str = ", luochui_expect((SELECT count(*) FROM booked), ";
/// The row lock of the capacity makes one of two processes wait, and then find another version than the one it saw.
const MOVE_CAPACITIES: &str = ") u ORDER BY u.name ON CONFLICT (name) DO UPDATE SET version = excluded.version \
    WHERE capacities.version = excluded.version - 1 RETURNING 1)";
const CHANGE_INSTANCES: &str = ") u) x WHERE t.id = x.id)";
const CHANGE_TIMERS: &str = ") u) x WHERE t.instance = x.instance AND t.name = x.name)";

impl Statement {
    fn of(batch: &Batch) -> Result<Self, StoreError> {
        let mut parts = Parts(Vec::new());
        parts.trades(batch)?;
        parts.timers(batch)?;
        parts.todos(batch)?;
        parts.bookings(batch)?;
        parts.appended(batch)?;
        let expected = [
            (COUNT_MOVED, batch.trades_moved.len()),
            (COUNT_BOOKED, batch.capacities_moved.len()),
        ];
        let expected = expected.into_iter().filter(|(_, rows)| *rows > 0);
        Ok(Self {
            parts: parts.0,
            expected: expected
                .map(|(count, rows)| (count, i64::try_from(rows).unwrap_or(i64::MAX)))
                .collect(),
        })
    }
}

struct Parts(Vec<Part>);

impl Parts {
    fn add<R: Serialize>(&mut self, before: &'static str, rows: &[R], after: &'static str) -> Result<(), StoreError> {
        if !rows.is_empty() {
            let rows = serde_json::to_string(rows)?;
            self.0.push(Part { before, rows, after });
        }
        Ok(())
    }

    fn insert<R: Serialize>(&mut self, before: &'static str, rows: &[R]) -> Result<(), StoreError> {
        self.add(before, rows, "))")
    }

    /// Trades with their instances and what lists show of them.
    fn trades(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.insert(
            "INSERT INTO trades SELECT * FROM json_populate_recordset(NULL::trades, ",
            &batch.trades_opened,
        )?;
        self.add(
            "wanted AS (SELECT u.* FROM json_to_recordset(",
            &batch.trades_moved,
            MOVE_TRADES,
        )?;
        self.insert(
            "INSERT INTO instances SELECT * FROM json_populate_recordset(NULL::instances, ",
            &batch.instances_opened,
        )?;
        self.add(
            " AS (UPDATE instances t SET states = x.states, tags = x.tags, done = x.done, changed_at = x.changed_at, \
             published = x.published, recorded = x.recorded, body = x.body FROM (SELECT u.* FROM json_populate_recordset(NULL::instances, ",
            &batch.instances_changed,
            CHANGE_INSTANCES,
        )?;
        self.add(
            " AS (INSERT INTO instance_fields SELECT * FROM json_populate_recordset(NULL::instance_fields, ",
            &batch.fields,
            ") u ON CONFLICT (instance, field) DO UPDATE SET value = excluded.value, text = excluded.text, number = excluded.number)",
        )
    }

    /// What is only ever added.
    fn appended(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.insert(
            "INSERT INTO history SELECT * FROM json_populate_recordset(NULL::history, ",
            &batch.history,
        )?;
        self.insert(
            "INSERT INTO moves SELECT * FROM json_populate_recordset(NULL::moves, ",
            &batch.moves,
        )?;
        self.insert(
            "INSERT INTO outbox SELECT * FROM json_populate_recordset(NULL::outbox, ",
            &batch.outbox,
        )?;
        self.insert(
            "INSERT INTO ledger_postings SELECT * FROM json_populate_recordset(NULL::ledger_postings, ",
            &batch.postings,
        )?;
        self.insert(
            "INSERT INTO incidents SELECT * FROM json_populate_recordset(NULL::incidents, ",
            &batch.incidents,
        )?;
        self.insert(
            "INSERT INTO published SELECT * FROM json_populate_recordset(NULL::published, ",
            &batch.published,
        )?;
        self.insert(
            "INSERT INTO records SELECT * FROM json_populate_recordset(NULL::records, ",
            &batch.records,
        )?;
        self.insert(
            "INSERT INTO record_lines SELECT * FROM json_populate_recordset(NULL::record_lines, ",
            &batch.lines,
        )?;
        self.insert(
            "INSERT INTO record_checkpoints SELECT * FROM json_populate_recordset(NULL::record_checkpoints, ",
            &batch.checkpoints,
        )?;
        self.insert(
            "INSERT INTO idempotency_keys SELECT * FROM json_populate_recordset(NULL::idempotency_keys, ",
            &batch.keys,
        )
    }

    fn bookings(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.add(
            "booked AS (INSERT INTO capacities SELECT u.* FROM json_populate_recordset(NULL::capacities, ",
            &batch.capacities_moved,
            MOVE_CAPACITIES,
        )?;
        self.add(
            " AS (DELETE FROM bookings t USING (SELECT u.* FROM json_populate_recordset(NULL::bookings, ",
            &batch.bookings_gone,
            ") u) x WHERE t.instance = x.instance)",
        )?;
        self.add(
            " AS (INSERT INTO bookings SELECT * FROM json_populate_recordset(NULL::bookings, ",
            &batch.bookings,
            ") u ON CONFLICT (instance) DO UPDATE SET capacity = excluded.capacity, from_at = excluded.from_at, \
             until_at = excluded.until_at, shown = excluded.shown)",
        )
    }

    fn timers(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.add(
            " AS (DELETE FROM timers t USING (SELECT u.* FROM json_populate_recordset(NULL::timers, ",
            &batch.timers_gone,
            CHANGE_TIMERS,
        )?;
        self.insert(
            "INSERT INTO timers SELECT * FROM json_populate_recordset(NULL::timers, ",
            &batch.timers_armed,
        )?;
        self.add(
            " AS (UPDATE timers t SET generation = x.generation, due_at = x.due_at, live = x.live, provisional = x.provisional \
             FROM (SELECT u.* FROM json_populate_recordset(NULL::timers, ",
            &batch.timers_changed,
            CHANGE_TIMERS,
        )
    }

    fn todos(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.insert(
            "INSERT INTO todos SELECT * FROM json_populate_recordset(NULL::todos, ",
            &batch.todos_opened,
        )?;
        self.add(
            " AS (UPDATE todos t SET due_at = x.due_at, provisional = x.provisional, claimed_by = x.claimed_by, frozen = x.frozen, \
             status = x.status, outcome = x.outcome, closed_at = x.closed_at, closed_by = x.closed_by \
             FROM (SELECT u.* FROM json_populate_recordset(NULL::todos, ",
            &batch.todos_changed,
            CHANGE_INSTANCES,
        )?;
        self.add(
            " AS (DELETE FROM todo_audience t USING (SELECT u.* FROM json_populate_recordset(NULL::todo_audience, ",
            &batch.audience_gone,
            ") u) x WHERE t.todo = x.todo AND t.audience = x.audience)",
        )?;
        self.insert(
            "INSERT INTO todo_audience SELECT * FROM json_populate_recordset(NULL::todo_audience, ",
            &batch.audience_added,
        )
    }
}

impl QueryFragment<Pg> for Statement {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for (index, part) in self.parts.iter().enumerate() {
            out.push_sql(if index == 0 { "WITH " } else { ", " });
            // Parts that begin with their own name are referred to; the others are numbered.
            if part.before.starts_with("INSERT") {
                out.push_sql(&numbered(index, " AS ("));
            } else if part.before.starts_with(' ') {
                out.push_sql(&numbered(index, ""));
            }
            out.push_sql(part.before);
            out.push_bind_param::<Text, _>(&part.rows)?;
            out.push_sql("::json");
            out.push_sql(part.after);
        }
        out.push_sql(" SELECT 0");
        for (count, rows) in &self.expected {
            out.push_sql(count);
            out.push_bind_param::<BigInt, _>(rows)?;
            out.push_sql(")");
        }
        Ok(())
    }
}

fn numbered(index: usize, then: &str) -> String {
    let mut name = String::new();
    // Writing to a string cannot fail.
    let _infallible = write!(name, "part{index}{then}");
    name
}

impl QueryId for Statement {
    type QueryId = ();
    // The text varies with the tables touched: the cache then goes by the text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<PgConnection> for Statement {}
