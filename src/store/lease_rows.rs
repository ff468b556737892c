//! Leases on outbox rows: claimed for a while, extended, settled. Whoever lost a lease can settle nothing any more.
//! Must not put rows there, and must not know what one means.

use diesel::prelude::*;

use super::outbox_rows::{OutboxRow, is_unsettled};
use super::schema::outbox;
use super::{Connection, StoreError};
use crate::machine::Time;

/// A claim: a name that no other claim has, and until when it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub owner: String,
    pub until: Time,
}

/// Waits, its time has come, and nobody works on it.
#[diesel::dsl::auto_type(no_type_alias)]
fn is_free(now: i64) -> _ {
    let nobodys = outbox::lease_until.is_null().or(outbox::lease_until.le(now));
    let waiting: is_unsettled = is_unsettled();
    waiting.and(outbox::available_at.le(now)).and(nobodys)
}

/// Claims up to `most` rows that wait and that nobody works on, oldest first. Rows in `busy` are left out: this process
/// still works on them, however far its clock has jumped.
///
/// # Errors
/// A failing database.
pub fn lease_claim(
    conn: &mut Connection,
    lease: &Lease,
    now: Time,
    most: i64,
    busy: &[String],
) -> Result<Vec<OutboxRow>, StoreError> {
    let waiting: Vec<String> = outbox::table
        .filter(is_free(now.0))
        .filter(outbox::id.ne_all(busy))
        .order((outbox::available_at, outbox::id))
        .limit(most)
        .select(outbox::id)
        .load(conn)?;
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    // The whole condition stands here again: between the two statements another process may have claimed some of them, and may
    // even have done and settled them.
    let claimed = outbox::table.filter(outbox::id.eq_any(&waiting)).filter(is_free(now.0));
    let set = (
        outbox::lease_owner.eq(Some(&lease.owner)),
        outbox::lease_until.eq(Some(lease.until.0)),
        outbox::attempts.eq(outbox::attempts + 1),
    );
    diesel::update(claimed).set(set).execute(conn)?;
    let mine = outbox::table
        .filter(outbox::lease_owner.eq(&lease.owner))
        .filter(outbox::id.eq_any(&waiting));
    let order = (outbox::available_at, outbox::id);
    Ok(mine.order(order).select(OutboxRow::as_select()).load(conn)?)
}

/// True where anything waits that nobody works on.
///
/// # Errors
/// A failing database.
pub fn lease_wanted(conn: &mut Connection, now: Time) -> Result<bool, StoreError> {
    let waiting = outbox::table.filter(is_free(now.0)).select(outbox::id);
    let first: Option<String> = waiting.first(conn).optional()?;
    Ok(first.is_some())
}

/// Holds a lease for longer. False where it was lost.
///
/// # Errors
/// A failing database.
pub fn lease_extend(conn: &mut Connection, id: &str, lease: &Lease) -> Result<bool, StoreError> {
    let mine = outbox::table
        .filter(outbox::id.eq(id))
        .filter(outbox::lease_owner.eq(&lease.owner));
    Ok(diesel::update(mine)
        .set(outbox::lease_until.eq(Some(lease.until.0)))
        .execute(conn)?
        == 1)
}

/// How a piece of work ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    Done,
    /// To be tried again at a time.
    Later {
        at: Time,
        error: String,
    },
    /// Given up; an incident tells an admin.
    Failed {
        error: String,
    },
}

/// Ends a lease. False where it was lost: somebody else works on the row, and this outcome counts for nothing.
///
/// # Errors
/// A failing database.
pub fn lease_settle(
    conn: &mut Connection,
    id: &str,
    owner: &str,
    now: Time,
    settlement: &Settlement,
) -> Result<bool, StoreError> {
    let mine = outbox::table
        .filter(outbox::id.eq(id))
        .filter(outbox::lease_owner.eq(owner))
        .filter(is_unsettled());
    let (done, failed, available, error) = match settlement {
        Settlement::Done => (Some(now.0), None, None, None),
        Settlement::Later { at, error } => (None, None, Some(at.0), Some(error)),
        Settlement::Failed { error } => (None, Some(now.0), None, Some(error)),
    };
    let ended = (
        outbox::lease_owner.eq(None::<String>),
        outbox::lease_until.eq(None::<i64>),
        outbox::done_at.eq(done),
        outbox::failed_at.eq(failed),
        outbox::error.eq(error),
    );
    let settled = match available {
        Some(at) => diesel::update(mine)
            .set((ended, outbox::available_at.eq(at)))
            .execute(conn)?,
        None => diesel::update(mine).set(ended).execute(conn)?,
    };
    Ok(settled == 1)
}
