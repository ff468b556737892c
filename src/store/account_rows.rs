//! Accounts with their posts, and the organisations and parties they act for. Must not hash, check or decide.

use diesel::prelude::*;

use super::schema::{account_posts, accounts, organisations, parties};
use super::{Connection, StoreError};

/// A row of `accounts`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = accounts, treat_none_as_default_value = false)]
pub struct AccountRow {
    pub id: String,
    pub name: String,
    pub display_name: String,
    pub email: String,
    pub phone: Option<String>,
    pub address: Option<String>,
    pub password_hash: String,
    pub standing: String,
    pub party: Option<String>,
    pub member: bool,
    pub session_version: i64,
    pub failures: i64,
    pub locked_until: Option<i64>,
    pub disabled_at: Option<i64>,
    pub created_at: i64,
    pub version: i64,
}

impl AccountRow {
    /// An account that nobody has used yet and that acts for no party; its name is also shown. No password opens it until one is set:
    /// none has an empty hash.
    #[must_use]
    pub fn unused(id: String, name: String, standing: &str, at: i64) -> Self {
        Self {
            id,
            display_name: name.clone(),
            name,
            email: String::new(),
            phone: None,
            address: None,
            password_hash: String::new(),
            standing: standing.to_owned(),
            party: None,
            member: false,
            session_version: 1,
            failures: 0,
            locked_until: None,
            disabled_at: None,
            created_at: at,
            version: 1,
        }
    }
}

/// A row of `parties`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = parties)]
pub struct PartyRow {
    pub id: String,
    pub kind: String,
    pub code: String,
    pub name: String,
    pub created_at: i64,
}

/// A row of `organisations`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = organisations)]
pub struct OrganisationRow {
    pub code: String,
    pub name: String,
    pub created_at: i64,
}

/// What a complete profile sets.
#[derive(Clone, Debug)]
pub struct Profile {
    pub display_name: String,
    pub email: String,
    pub phone: String,
    pub address: Option<String>,
    pub party: String,
}

/// The account with an id, disabled or not.
pub fn account_by_id(conn: &mut Connection, id: &str) -> Result<Option<AccountRow>, StoreError> {
    Ok(accounts::table
        .find(id)
        .select(AccountRow::as_select())
        .first(conn)
        .optional()?)
}

/// The account with a sign-in name, which is in lower case, disabled or not.
pub fn account_by_name(conn: &mut Connection, name: &str) -> Result<Option<AccountRow>, StoreError> {
    let found = accounts::table
        .filter(accounts::name.eq(name))
        .select(AccountRow::as_select());
    Ok(found.first(conn).optional()?)
}

/// By id, after the one given.
pub fn account_page(conn: &mut Connection, after: Option<&str>, limit: i64) -> Result<Vec<AccountRow>, StoreError> {
    let rows = accounts::table
        .filter(accounts::id.gt(after.unwrap_or("")))
        .order(accounts::id)
        .limit(limit);
    Ok(rows.select(AccountRow::as_select()).load(conn)?)
}

/// Adds an account.
///
/// # Errors
/// `Duplicate` where the name or the party is taken.
pub fn account_insert(conn: &mut Connection, row: &AccountRow) -> Result<(), StoreError> {
    diesel::insert_into(accounts::table).values(row).execute(conn)?;
    Ok(())
}

/// Counts a failed sign-in and locks the account until the time given, if any.
pub fn account_fail(conn: &mut Connection, id: &str, locked_until: Option<i64>) -> Result<(), StoreError> {
    let set = (
        accounts::failures.eq(accounts::failures + 1),
        accounts::locked_until.eq(locked_until),
    );
    diesel::update(accounts::table.find(id)).set(set).execute(conn)?;
    Ok(())
}

/// Forgets failed sign-ins.
pub fn account_succeed(conn: &mut Connection, id: &str) -> Result<(), StoreError> {
    let set = (accounts::failures.eq(0), accounts::locked_until.eq(None::<i64>));
    diesel::update(accounts::table.find(id)).set(set).execute(conn)?;
    Ok(())
}

/// Completes a profile where the account still has the version given. False where it has another.
///
/// # Errors
/// `Duplicate` where another account acts for the party.
pub fn account_complete(conn: &mut Connection, id: &str, version: i64, profile: &Profile) -> Result<bool, StoreError> {
    let row = accounts::table
        .filter(accounts::id.eq(id))
        .filter(accounts::version.eq(version));
    let set = (
        accounts::display_name.eq(&profile.display_name),
        accounts::email.eq(&profile.email),
        accounts::phone.eq(Some(&profile.phone)),
        accounts::address.eq(profile.address.as_ref()),
        accounts::party.eq(Some(&profile.party)),
        accounts::member.eq(true),
        accounts::version.eq(accounts::version + 1),
    );
    Ok(diesel::update(row).set(set).execute(conn)? == 1)
}

/// Sets a new password and ends all sessions.
pub fn account_set_password(conn: &mut Connection, id: &str, hash: &str) -> Result<(), StoreError> {
    let set = (
        accounts::password_hash.eq(hash),
        accounts::session_version.eq(accounts::session_version + 1),
        accounts::failures.eq(0),
        accounts::locked_until.eq(None::<i64>),
    );
    diesel::update(accounts::table.find(id)).set(set).execute(conn)?;
    Ok(())
}

/// Clears what whoever had typed a number said of themselves: password, addresses, telephone, profile and all sessions.
///
/// # Errors
/// A failing database.
pub fn account_take_over(conn: &mut Connection, id: &str, display_name: &str) -> Result<(), StoreError> {
    account_set_password(conn, id, "")?;
    let set = (
        accounts::display_name.eq(display_name),
        accounts::email.eq(""),
        accounts::phone.eq(None::<String>),
        accounts::address.eq(None::<String>),
        accounts::member.eq(false),
        accounts::version.eq(accounts::version + 1),
    );
    diesel::update(accounts::table.find(id)).set(set).execute(conn)?;
    Ok(())
}

/// Ends all sessions of an account.
///
/// # Errors
/// A failing database.
pub fn account_end_sessions(conn: &mut Connection, id: &str) -> Result<(), StoreError> {
    let set = accounts::session_version.eq(accounts::session_version + 1);
    diesel::update(accounts::table.find(id)).set(set).execute(conn)?;
    Ok(())
}

/// Disables an account and ends all its sessions. False where there is none.
pub fn account_disable(conn: &mut Connection, id: &str, at: i64) -> Result<bool, StoreError> {
    let set = (
        accounts::disabled_at.eq(Some(at)),
        accounts::session_version.eq(accounts::session_version + 1),
    );
    Ok(diesel::update(accounts::table.find(id)).set(set).execute(conn)? == 1)
}

/// Gives an account a post at an organisation, by its code.
///
/// # Errors
/// `Duplicate` where the account holds it already.
pub fn post_insert(conn: &mut Connection, account: &str, post: &str, organisation: &str) -> Result<(), StoreError> {
    let row = (
        account_posts::account.eq(account),
        account_posts::post.eq(post),
        account_posts::organisation.eq(organisation),
    );
    diesel::insert_into(account_posts::table).values(row).execute(conn)?;
    Ok(())
}

/// `(post, organisation)` of an account, in order.
pub fn post_list(conn: &mut Connection, account: &str) -> Result<Vec<(String, String)>, StoreError> {
    let rows = account_posts::table.filter(account_posts::account.eq(account));
    let rows = rows.order((account_posts::post, account_posts::organisation));
    Ok(rows
        .select((account_posts::post, account_posts::organisation))
        .load(conn)?)
}

/// The account that acts for a party, disabled or not.
///
/// # Errors
/// A failing database.
pub fn account_of_party(conn: &mut Connection, party: &str) -> Result<Option<AccountRow>, StoreError> {
    let rows = accounts::table.filter(accounts::party.eq(party));
    Ok(rows.select(AccountRow::as_select()).first(conn).optional()?)
}

/// Adds an organisation.
///
/// # Errors
/// `Duplicate` where the code is there already.
pub fn organisation_insert(conn: &mut Connection, row: &OrganisationRow) -> Result<(), StoreError> {
    diesel::insert_into(organisations::table).values(row).execute(conn)?;
    Ok(())
}

/// The organisation with a code: 统一社会信用代码, or `centre`.
pub fn organisation_by_code(conn: &mut Connection, code: &str) -> Result<Option<OrganisationRow>, StoreError> {
    Ok(organisations::table
        .find(code)
        .select(OrganisationRow::as_select())
        .first(conn)
        .optional()?)
}

/// By code, after the one given.
pub fn organisation_page(
    conn: &mut Connection,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<OrganisationRow>, StoreError> {
    let rows = organisations::table.filter(organisations::code.gt(after.unwrap_or("")));
    Ok(rows
        .order(organisations::code)
        .limit(limit)
        .select(OrganisationRow::as_select())
        .load(conn)?)
}

/// Adds a party.
///
/// # Errors
/// `Duplicate` where the party is there already.
pub fn party_insert(conn: &mut Connection, row: &PartyRow) -> Result<(), StoreError> {
    diesel::insert_into(parties::table).values(row).execute(conn)?;
    Ok(())
}

/// Gives a party the name that was proven for it.
///
/// # Errors
/// A failing database.
pub fn party_rename(conn: &mut Connection, id: &str, name: &str) -> Result<(), StoreError> {
    diesel::update(parties::table.find(id))
        .set(parties::name.eq(name))
        .execute(conn)?;
    Ok(())
}

/// The party with an id.
pub fn party_by_id(conn: &mut Connection, id: &str) -> Result<Option<PartyRow>, StoreError> {
    Ok(parties::table
        .find(id)
        .select(PartyRow::as_select())
        .first(conn)
        .optional()?)
}

/// The party of a kind (`person` or `organisation`) with a number: 公民身份号码 or 统一社会信用代码.
pub fn party_by_code(conn: &mut Connection, kind: &str, code: &str) -> Result<Option<PartyRow>, StoreError> {
    let rows = parties::table
        .filter(parties::kind.eq(kind))
        .filter(parties::code.eq(code));
    Ok(rows.select(PartyRow::as_select()).first(conn).optional()?)
}
