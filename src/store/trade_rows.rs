//! Trades, their instances and the fields that lists show. Must not interpret a definition: `engine::projection` does.

use std::collections::BTreeMap;
use std::sync::Arc;

use diesel::prelude::*;
use serde::Serialize;

use super::schema::{instance_fields, instances, trades};
use super::{Connection, StoreError};
use crate::machine::trade::{BundleRef, InstanceId};
use crate::machine::{Instance, Name, Time, Trade};

/// A row of `trades`: the bundle it is pinned to, and its history length `seq`, which is its version.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = trades)]
pub struct TradeRow {
    pub id: String,
    pub bundle: String,
    pub bundle_version: String,
    pub bundle_sha256: String,
    pub seq: i64,
    pub head: String,
    pub now: i64,
    pub opened_at: i64,
    pub done: bool,
}

/// A trade that exists moves on, provided that it still stands at `prior`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TradeMove {
    pub id: String,
    pub prior: i64,
    pub seq: i64,
    pub head: String,
    pub now: i64,
    pub done: bool,
}

/// A row of `instances`: all of it as JSON in `body`, beside what lists look for. States and tags have a space on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = instances, treat_none_as_default_value = false)]
pub struct InstanceRow {
    pub id: String,
    pub trade: String,
    pub machine: String,
    pub parent: Option<String>,
    pub owner: Option<String>,
    pub key: Option<String>,
    pub states: String,
    pub tags: String,
    pub done: bool,
    pub opened_at: i64,
    pub changed_at: i64,
    pub published: i64,
    pub recorded: i64,
    pub body: String,
}

/// A row of `instance_fields`: a listed field as JSON, and the text (its first 500 characters) or number it is found by.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = instance_fields, treat_none_as_default_value = false)]
pub struct FieldRow {
    pub instance: String,
    pub field: String,
    pub trade: String,
    pub machine: String,
    pub value: String,
    pub text: Option<String>,
    pub number: Option<i64>,
}

/// What an instance's row keeps beside the instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub opened_at: Time,
    pub published: i64,
    pub recorded: i64,
}

/// A trade as it is stored.
#[derive(Clone, Debug)]
pub struct StoredTrade {
    pub trade: Trade,
    pub counters: BTreeMap<InstanceId, Counters>,
}

/// The trade with all its instances, or `None` where there is no such trade.
///
/// # Errors
/// A failing database, or a body that cannot be read back.
pub fn trade_load(conn: &mut Connection, id: &str) -> Result<Option<StoredTrade>, StoreError> {
    let row: Option<TradeRow> = trades::table
        .filter(trades::id.eq(id))
        .select(TradeRow::as_select())
        .first(conn)
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let mut stored = StoredTrade {
        trade: trade_of(row)?,
        counters: BTreeMap::new(),
    };
    let all = instances::table.filter(instances::trade.eq(id));
    stored.add(all.select(INSTANCE).load(conn)?)?;
    Ok(Some(stored))
}

/// The root instances of a machine that a party owns and that have not ended.
///
/// # Errors
/// A failing database.
pub fn roots_open(conn: &mut Connection, machine: &str, owner: &str) -> Result<Vec<String>, StoreError> {
    Ok(instances::table
        .filter(instances::owner.eq(owner))
        .filter(instances::machine.eq(machine))
        .filter(instances::parent.is_null())
        .filter(instances::done.eq(false))
        .select(instances::id)
        .load(conn)?)
}

/// What is read of an instance: its body, when it was opened, and how much it has published and recorded.
const INSTANCE: (
    instances::body,
    instances::opened_at,
    instances::published,
    instances::recorded,
) = (
    instances::body,
    instances::opened_at,
    instances::published,
    instances::recorded,
);

fn trade_of(row: TradeRow) -> Result<Trade, StoreError> {
    Ok(Trade {
        id: row.id.into(),
        bundle: BundleRef {
            name: row.bundle.into(),
            version: row.bundle_version.into(),
            sha256: row.bundle_sha256.into(),
        },
        seq: u64::try_from(row.seq).map_err(|_| StoreError::Corrupt("negative seq".into()))?,
        head: row.head.into(),
        now: Time(row.now),
        instances: BTreeMap::new(),
    })
}

impl StoredTrade {
    fn add(&mut self, rows: Vec<(String, i64, i64, i64)>) -> Result<(), StoreError> {
        for (body, opened_at, published, recorded) in rows {
            let instance: Instance = serde_json::from_str(&body)?;
            let counted = Counters {
                opened_at: Time(opened_at),
                published,
                recorded,
            };
            self.counters.insert(Arc::clone(&instance.id), counted);
            let id = Arc::clone(&instance.id);
            self.trade.instances.insert(id, Arc::new(instance));
        }
        Ok(())
    }
}

/// A trade that is held in memory as it is stored by now; only what has changed since is read. `None` where it is gone.
///
/// # Errors
/// A failing database, or a body that cannot be read back.
pub fn trade_refresh(
    conn: &mut Connection,
    held: &Trade,
    counters: &BTreeMap<InstanceId, Counters>,
) -> Result<Option<StoredTrade>, StoreError> {
    let row: Option<TradeRow> = trades::table
        .filter(trades::id.eq(&*held.id))
        .select(TradeRow::as_select())
        .first(conn)
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let mut stored = StoredTrade {
        trade: Trade {
            instances: held.instances.clone(),
            ..trade_of(row)?
        },
        counters: counters.clone(),
    };
    if stored.trade.bundle != held.bundle {
        return trade_load(conn, &held.id);
    }
    // An instance's row carries the trade's time of its last change, which never runs back.
    let changed = instances::table
        .filter(instances::trade.eq(&*held.id))
        .filter(instances::changed_at.ge(held.now.0));
    stored.add(changed.select(INSTANCE).load(conn)?)?;
    Ok(Some(stored))
}

/// The history length of a trade, which is its version.
///
/// # Errors
/// A failing database.
pub fn trade_seq(conn: &mut Connection, id: &str) -> Result<Option<i64>, StoreError> {
    let seq = trades::table.filter(trades::id.eq(id)).select(trades::seq);
    Ok(seq.first(conn).optional()?)
}

/// Ids of all trades after `after`, in their order: for audits, page by page.
///
/// # Errors
/// A failing database.
pub fn trade_ids(conn: &mut Connection, after: &str, limit: i64) -> Result<Vec<String>, StoreError> {
    let ids = trades::table.filter(trades::id.gt(after)).select(trades::id);
    Ok(ids.order(trades::id).limit(limit).load(conn)?)
}

/// The trade that an instance belongs to.
///
/// # Errors
/// A failing database.
pub fn instance_trade(conn: &mut Connection, instance: &str) -> Result<Option<Name>, StoreError> {
    let trade = instances::table
        .filter(instances::id.eq(instance))
        .select(instances::trade);
    let found: Option<String> = trade.first(conn).optional()?;
    Ok(found.map(Name::from))
}
