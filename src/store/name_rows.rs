//! What parties, organisations and files are called, many at once, for papers and mails. Must not write.

use diesel::prelude::*;

use super::schema::{account_posts, accounts, files, organisations, parties};
use super::{Connection, StoreError};

/// What is known of one id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    Party {
        id: String,
        /// As the profile says; natural persons are masked in public results.
        kind: String,
        code: String,
        name: String,
        phone: Option<String>,
        address: Option<String>,
    },
    Organisation {
        code: String,
        name: String,
    },
    File {
        id: String,
        name: String,
    },
}

/// Everything known of these ids; unknown ones are left out.
///
/// # Errors
/// A failing database.
pub fn names_of(conn: &mut Connection, ids: &[String]) -> Result<Vec<Named>, StoreError> {
    let columns = (
        parties::id,
        parties::kind,
        parties::code,
        parties::name,
        accounts::phone.nullable(),
        accounts::address.nullable(),
    );
    type Row = (String, String, String, String, Option<String>, Option<String>);
    let people: Vec<Row> = parties::table
        .left_join(accounts::table.on(accounts::party.eq(parties::id.nullable())))
        .filter(parties::id.eq_any(ids))
        .order((parties::id, accounts::id))
        .select(columns)
        .load(conn)?;
    let people = people
        .into_iter()
        .map(|(id, kind, code, name, phone, address)| Named::Party {
            id,
            kind,
            code,
            name,
            phone,
            address,
        });
    let offices: Vec<(String, String)> = organisations::table
        .filter(organisations::code.eq_any(ids))
        .select((organisations::code, organisations::name))
        .load(conn)?;
    let offices = offices
        .into_iter()
        .map(|(code, name)| Named::Organisation { code, name });
    let papers: Vec<(String, String)> = files::table
        .filter(files::id.eq_any(ids))
        .select((files::id, files::name))
        .load(conn)?;
    let papers = papers.into_iter().map(|(id, name)| Named::File { id, name });
    Ok(people.chain(offices).chain(papers).collect())
}

/// Somebody a mail can be sent to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Addressee {
    pub account: String,
    pub name: String,
    pub address: String,
}

/// Accounts in use that hold a post, act for a party, or are named themselves: `post:clerk@{organisation}`, `party:{id}`,
/// `account:{id}`. `member`, `public` and services are nobody in particular and get no mail. Each account once, in order.
///
/// # Errors
/// A failing database.
pub fn accounts_of_audience(conn: &mut Connection, audiences: &[String]) -> Result<Vec<Addressee>, StoreError> {
    let mut found = Vec::new();
    let named = |prefix: &'static str| audiences.iter().filter_map(move |it| it.strip_prefix(prefix));
    let parties: Vec<&str> = named("party:").collect();
    let selves: Vec<&str> = named("account:").collect();
    // An account that a certificate has opened has no address until its profile is complete.
    let direct = accounts::table
        .filter(accounts::disabled_at.is_null())
        .filter(accounts::email.ne(""))
        .filter(accounts::party.eq_any(&parties).or(accounts::id.eq_any(&selves)));
    let columns = (accounts::id, accounts::display_name, accounts::email);
    found.extend(direct.select(columns).load::<(String, String, String)>(conn)?);
    for post in named("post:") {
        let (post, organisation) = post.split_once('@').unwrap_or((post, ""));
        let holders = account_posts::table
            .inner_join(accounts::table.on(accounts::id.eq(account_posts::account)))
            .filter(accounts::disabled_at.is_null())
            .filter(account_posts::post.eq(post))
            .filter(account_posts::organisation.eq(organisation));
        found.extend(holders.select(columns).load::<(String, String, String)>(conn)?);
    }
    let mut addressees: Vec<Addressee> = found
        .into_iter()
        .map(|(account, name, address)| Addressee { account, name, address })
        .collect();
    addressees.sort();
    addressees.dedup();
    Ok(addressees)
}

/// Every account in use with the audiences it belongs to, for digests: its posts and its party. Accounts without any are left out.
///
/// # Errors
/// A failing database.
pub fn accounts_with_audiences(conn: &mut Connection) -> Result<Vec<(String, Vec<String>)>, StoreError> {
    let posts: Vec<(String, String, String)> = account_posts::table
        .inner_join(accounts::table.on(accounts::id.eq(account_posts::account)))
        .filter(accounts::disabled_at.is_null())
        .select((account_posts::account, account_posts::post, account_posts::organisation))
        .load(conn)?;
    let parties: Vec<(String, Option<String>)> = accounts::table
        .filter(accounts::disabled_at.is_null())
        .filter(accounts::party.is_not_null())
        .select((accounts::id, accounts::party))
        .load(conn)?;
    let mut found = std::collections::BTreeMap::<String, Vec<String>>::new();
    for (account, post, organisation) in posts {
        let audience = format!("post:{post}@{organisation}");
        found.entry(account).or_default().push(audience);
    }
    for (account, party) in parties {
        let audience = party.map(|party| format!("party:{party}"));
        found.entry(account).or_default().extend(audience);
    }
    Ok(found.into_iter().collect())
}
