//! Mails that were sent, one row per recipient. Must not send, and must not keep bodies.

use diesel::prelude::*;
use serde::Serialize;

use super::schema::mail_log;
use super::{Connection, StoreError};
use crate::machine::Time;

/// A row of `mail_log`.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable, Serialize)]
#[diesel(table_name = mail_log, treat_none_as_default_value = false)]
pub struct MailRow {
    pub id: String,
    pub outbox_id: String,
    pub account: String,
    pub address: String,
    pub mail: String,
    pub subject: String,
    pub message_id: String,
    pub instance: Option<String>,
    pub todo: Option<String>,
    pub at: i64,
    /// Why the receiving server refused it for good; absent for what was sent.
    pub error: Option<String>,
}

/// Notes a mail. A second note for the same effect and account changes nothing.
///
/// # Errors
/// A failing database.
pub fn mail_note(conn: &mut Connection, row: &MailRow) -> Result<(), StoreError> {
    let of = mail_log::table
        .filter(mail_log::outbox_id.eq(&row.outbox_id))
        .filter(mail_log::account.eq(&row.account));
    diesel::delete(of).execute(conn)?;
    diesel::insert_into(mail_log::table).values(row).execute(conn)?;
    Ok(())
}

/// The accounts that an effect's mail has reached.
///
/// # Errors
/// A failing database.
pub fn mail_reached(conn: &mut Connection, outbox_id: &str) -> Result<Vec<String>, StoreError> {
    let rows = mail_log::table
        .filter(mail_log::outbox_id.eq(outbox_id))
        .filter(mail_log::error.is_null());
    Ok(rows.order(mail_log::account).select(mail_log::account).load(conn)?)
}

/// Forgets mails from before the time given; returns how many.
///
/// # Errors
/// A failing database.
pub fn mails_forget(conn: &mut Connection, before: Time) -> Result<usize, StoreError> {
    Ok(diesel::delete(mail_log::table.filter(mail_log::at.lt(before.0))).execute(conn)?)
}
