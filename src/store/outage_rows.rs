//! Spans in which nothing could be decided. Must not judge them: a machine is told how much of a timer's time they took.

use diesel::prelude::*;

use super::schema::outages;
use super::{Connection, StoreError};
use crate::machine::Time;
use crate::machine::outage::{Outage, Reach};

impl Reach {
    fn word(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Process => "process",
        }
    }

    fn of(word: &str) -> Result<Self, StoreError> {
        match word {
            "path" => Ok(Self::Path),
            "process" => Ok(Self::Process),
            other => Err(StoreError::Corrupt(format!("an outage reaches `{other}`"))),
        }
    }
}

/// Records an outage; of those that begin at the same moment the longest stays, with the wider reach.
///
/// # Errors
/// A failing database.
pub fn outage_record(conn: &mut Connection, outage: Outage, reason: &str) -> Result<(), StoreError> {
    let row = outages::table.filter(outages::from_at.eq(outage.from.0));
    let recorded: Option<i64> = row.select(outages::until_at).first(conn).optional()?;
    let until = outages::until_at.eq(recorded.map_or(outage.until.0, |until| until.max(outage.until.0)));
    let known = match outage.reach {
        Reach::Path => diesel::update(row).set(until).execute(conn)?,
        Reach::Process => diesel::update(row)
            .set((until, outages::reach.eq(outage.reach.word())))
            .execute(conn)?,
    };
    if known == 0 {
        let row = (
            outages::from_at.eq(outage.from.0),
            outages::until_at.eq(outage.until.0),
            outages::reason.eq(reason),
            outages::reach.eq(outage.reach.word()),
        );
        diesel::insert_into(outages::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// Outages that ended after `since`, in their order.
///
/// # Errors
/// A failing database, or a reach that nobody wrote.
pub fn outages_since(conn: &mut Connection, since: Time) -> Result<Vec<Outage>, StoreError> {
    let rows = outages::table
        .filter(outages::until_at.gt(since.0))
        .order(outages::from_at);
    let columns = (outages::from_at, outages::until_at, outages::reach);
    let rows: Vec<(i64, i64, String)> = rows.select(columns).load(conn)?;
    rows.into_iter()
        .map(|(from, until, reach)| {
            Ok(Outage {
                from: Time(from),
                until: Time(until),
                reach: Reach::of(&reach)?,
            })
        })
        .collect()
}
