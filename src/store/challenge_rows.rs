//! Challenges, used once each, and the certificates that accounts have signed in with. Must not see a secret itself.

use diesel::prelude::*;

use super::schema::{account_certificates, login_challenges, staff_numbers};
use super::{Connection, StoreError};

/// A row of `login_challenges`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = login_challenges, treat_none_as_default_value = false)]
pub struct ChallengeRow {
    pub id: String,
    pub purpose: String,
    pub origin: String,
    pub text: String,
    pub secret_sha256: String,
    pub created_at: i64,
    pub expires_at: i64,
    pub used_at: Option<i64>,
    pub account: Option<String>,
    pub collected_at: Option<i64>,
    /// What a phone has signed of an event, base64.
    pub certificate: Option<String>,
    pub signature: Option<String>,
}

/// A row of `account_certificates`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = account_certificates)]
pub struct CertificateRow {
    pub account: String,
    pub sha256: String,
    pub authority: String,
    pub serial: String,
    pub not_after: i64,
    pub first_used_at: i64,
    pub last_used_at: i64,
    /// Made for tests, without legal effect.
    pub test: bool,
}

/// A row of `staff_numbers`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = staff_numbers)]
pub struct StaffNumberRow {
    pub account: String,
    /// 公民身份号码
    pub code: String,
    pub bound_by: String,
    pub bound_at: i64,
}

/// Keeps a new challenge.
///
/// # Errors
/// A failing database.
pub fn challenge_insert(conn: &mut Connection, row: &ChallengeRow) -> Result<(), StoreError> {
    diesel::insert_into(login_challenges::table).values(row).execute(conn)?;
    Ok(())
}

/// The challenge with an id, used or not.
///
/// # Errors
/// A failing database.
pub fn challenge_by_id(conn: &mut Connection, id: &str) -> Result<Option<ChallengeRow>, StoreError> {
    let row = login_challenges::table.find(id).select(ChallengeRow::as_select());
    Ok(row.first(conn).optional()?)
}

/// Uses a challenge up. False where it was used before or is over: whoever comes second gets nothing.
///
/// # Errors
/// A failing database.
pub fn challenge_use(conn: &mut Connection, id: &str, at: i64) -> Result<bool, StoreError> {
    let open = login_challenges::table
        .filter(login_challenges::id.eq(id))
        .filter(login_challenges::used_at.is_null())
        .filter(login_challenges::expires_at.gt(at));
    let used = diesel::update(open).set(login_challenges::used_at.eq(Some(at)));
    Ok(used.execute(conn)? == 1)
}

/// Keeps whose answer came from a phone, for the browser to collect.
///
/// # Errors
/// A failing database.
pub fn challenge_answer(conn: &mut Connection, id: &str, account: &str) -> Result<(), StoreError> {
    diesel::update(login_challenges::table.find(id))
        .set(login_challenges::account.eq(Some(account)))
        .execute(conn)?;
    Ok(())
}

/// Keeps what a phone has signed, certificate and signature, and uses the challenge up. False where it was used before or is over.
///
/// # Errors
/// A failing database.
pub fn challenge_sign(
    conn: &mut Connection,
    id: &str,
    (certificate, signature): (&str, &str),
    at: i64,
) -> Result<bool, StoreError> {
    let open = login_challenges::table
        .filter(login_challenges::id.eq(id))
        .filter(login_challenges::used_at.is_null())
        .filter(login_challenges::expires_at.gt(at));
    let signed = diesel::update(open).set((
        login_challenges::used_at.eq(Some(at)),
        login_challenges::certificate.eq(Some(certificate)),
        login_challenges::signature.eq(Some(signature)),
    ));
    Ok(signed.execute(conn)? == 1)
}

/// Collects an answer. False where it was collected before or its time is over.
///
/// # Errors
/// A failing database.
pub fn challenge_collect(conn: &mut Connection, id: &str, at: i64) -> Result<bool, StoreError> {
    let waiting = login_challenges::table
        .filter(login_challenges::id.eq(id))
        .filter(login_challenges::used_at.is_not_null())
        .filter(login_challenges::collected_at.is_null())
        .filter(login_challenges::expires_at.gt(at));
    let taken = diesel::update(waiting).set(login_challenges::collected_at.eq(Some(at)));
    Ok(taken.execute(conn)? == 1)
}

/// Drops challenges that were over before `before`.
///
/// # Errors
/// A failing database.
pub fn challenge_purge(conn: &mut Connection, before: i64) -> Result<usize, StoreError> {
    let over = login_challenges::table.filter(login_challenges::expires_at.lt(before));
    Ok(diesel::delete(over).execute(conn)?)
}

/// Keeps a certificate of an account, or that it was used again.
///
/// # Errors
/// A failing database.
pub fn certificate_used(conn: &mut Connection, row: &CertificateRow) -> Result<(), StoreError> {
    let known = account_certificates::table.find((&row.account, &row.sha256));
    let again = diesel::update(known).set(account_certificates::last_used_at.eq(row.last_used_at));
    if again.execute(conn)? == 0 {
        diesel::insert_into(account_certificates::table)
            .values(row)
            .execute(conn)?;
    }
    Ok(())
}

/// The certificates of an account, the last used first.
///
/// # Errors
/// A failing database.
pub fn certificates_of(conn: &mut Connection, account: &str) -> Result<Vec<CertificateRow>, StoreError> {
    let rows = account_certificates::table
        .filter(account_certificates::account.eq(account))
        .order((account_certificates::last_used_at.desc(), account_certificates::sha256))
        .select(CertificateRow::as_select());
    Ok(rows.load(conn)?)
}

/// Says whose certificate signs in to an account of staff; the account's number before is forgotten.
///
/// # Errors
/// `Duplicate` where the number is another account's.
pub fn staff_number_set(conn: &mut Connection, row: &StaffNumberRow) -> Result<(), StoreError> {
    staff_number_clear(conn, &row.account)?;
    diesel::insert_into(staff_numbers::table).values(row).execute(conn)?;
    Ok(())
}

/// Forgets whose certificate signs in to an account of staff; false where none did.
///
/// # Errors
/// A failing database.
pub fn staff_number_clear(conn: &mut Connection, account: &str) -> Result<bool, StoreError> {
    Ok(diesel::delete(staff_numbers::table.find(account)).execute(conn)? == 1)
}

/// The account of staff that a person's certificate signs in to.
///
/// # Errors
/// A failing database.
pub fn staff_by_number(conn: &mut Connection, code: &str) -> Result<Option<StaffNumberRow>, StoreError> {
    let row = staff_numbers::table.filter(staff_numbers::code.eq(code));
    Ok(row.select(StaffNumberRow::as_select()).first(conn).optional()?)
}
