//! Which account a verified certificate enters: the staff's that an admin bound to the number, the party's, or one opened now.
//! Must not verify anything, and must not bind an account to a key, a serial number or a name.

use super::caller::Standing;
use super::certificates::Opening;
use super::problem::{Code, Problem};
use crate::machine::Time;
use crate::seal::trust::{Kind, Subject};
use crate::store::account_rows::{self, AccountRow, PartyRow};
use crate::store::challenge_rows::{self, CertificateRow};
use crate::store::{Connection, StoreError, token_rows};

/// The account and how it came about, or why nobody enters.
pub(super) type Found = Result<(AccountRow, Opening), Problem>;

/// Finds or opens the account, and notes the certificate. `fresh` are ids for an account and a party.
///
/// # Errors
/// A failing store.
pub(super) fn account(
    conn: &mut Connection,
    subject: &Subject,
    fresh: (String, String),
    used: CertificateRow,
    now: Time,
) -> Result<Found, StoreError> {
    if let Some(row) = staff(conn, subject)? {
        return match row.disabled_at {
            Some(_) => Ok(Err(Problem::new(Code::IdentityUnavailable))),
            None => note(conn, row.id, Opening::Known, used),
        };
    }
    let party = account_rows::party_by_code(conn, subject.kind.as_str(), &subject.code)?;
    let known = match &party {
        Some(party) => account_rows::account_of_party(conn, &party.id)?,
        None => None,
    };
    let (id, opening) = match known {
        Some(row) if row.disabled_at.is_some() => return Ok(Err(Problem::new(Code::IdentityUnavailable))),
        Some(row) => {
            let proven = !challenge_rows::certificates_of(conn, &row.id)?.is_empty();
            let opening = if proven { Opening::Known } else { Opening::Proven };
            if let (false, Some(party)) = (proven || row.password_hash.is_empty(), &party) {
                // Whoever typed this number before need not be who it belongs to: nothing that they said stays.
                account_rows::account_take_over(conn, &row.id, &subject.name)?;
                account_rows::party_rename(conn, &party.id, &subject.name)?;
                token_rows::tokens_of_account_forget(conn, &row.id)?;
            }
            (row.id, opening)
        }
        None => {
            let (account, party_id) = fresh;
            let party = match party {
                Some(party) => party,
                None => open_party(conn, subject, party_id, now)?,
            };
            account_rows::account_insert(conn, &opened(&account, &party, now))?;
            (account, Opening::Opened)
        }
    };
    note(conn, id, opening, used)
}

/// The account of staff that an admin has bound the person's number to: one who works here enters as such.
fn staff(conn: &mut Connection, subject: &Subject) -> Result<Option<AccountRow>, StoreError> {
    if subject.kind != Kind::Person {
        return Ok(None);
    }
    match challenge_rows::staff_by_number(conn, &subject.code)? {
        Some(bound) => account_rows::account_by_id(conn, &bound.account),
        None => Ok(None),
    }
}

/// Notes which certificate the account was entered with.
fn note(conn: &mut Connection, id: String, opening: Opening, used: CertificateRow) -> Result<Found, StoreError> {
    let used = CertificateRow {
        account: id.clone(),
        ..used
    };
    challenge_rows::certificate_used(conn, &used)?;
    let row = account_rows::account_by_id(conn, &id)?.ok_or(StoreError::NotFound)?;
    Ok(Ok((row, opening)))
}

fn open_party(conn: &mut Connection, subject: &Subject, id: String, now: Time) -> Result<PartyRow, StoreError> {
    let party = PartyRow {
        id,
        kind: subject.kind.as_str().to_owned(),
        code: subject.code.clone(),
        name: subject.name.clone(),
        created_at: now.0,
    };
    account_rows::party_insert(conn, &party)?;
    Ok(party)
}

/// An account that only a certificate opens, prefilled with whose it is; address and telephone are still to be said.
fn opened(id: &str, party: &PartyRow, now: Time) -> AccountRow {
    let name = format!("ca-{}", id.to_lowercase());
    AccountRow {
        display_name: party.name.clone(),
        party: Some(party.id.clone()),
        ..AccountRow::unused(id.to_owned(), name, Standing::Ordinary.as_str(), now.0)
    }
}
