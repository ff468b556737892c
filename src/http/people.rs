//! Checks on what people and organisations say of themselves, and new accounts. Must not know HTTP.

use super::caller::Standing;
use super::password;
use super::problem::{Code, Problem};
use crate::identity::Kind;
use crate::ids;
use crate::store::account_rows::{self, AccountRow, PartyRow};
use crate::store::{Connection, StoreError};

/// The post whose holders read everything and write nothing.
const OVERSIGHT_POST: &str = "oversight";

/// What a new account is made of.
pub struct NewAccount {
    pub name: String,
    pub display_name: String,
    pub email: String,
    pub password_hash: String,
    pub standing: Standing,
    /// `(post, organisation)`
    pub posts: Vec<(String, String)>,
    pub at: i64,
}

/// A sign-in name: lower case letters and digits, with `.`, `-` and `_` between.
///
/// # Errors
/// `invalid`.
pub fn check_name(name: &str) -> Result<(), Problem> {
    let letters = name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte));
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let sound = (3..=40).contains(&name.len()) && letters && ends(name.chars().next()) && ends(name.chars().last());
    if sound {
        Ok(())
    } else {
        Err(Problem::field("name", "must be 3 to 40 of a-z, 0-9, `.`, `-`, `_`"))
    }
}

/// One line of text for people to read: no control characters, no tricks with direction.
///
/// # Errors
/// `invalid`, naming the field.
pub fn check_line(field: &str, text: &str, max_chars: usize) -> Result<(), Problem> {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if text.trim().is_empty() || text.trim() != text {
        return Err(Problem::field(field, "must not be empty nor begin or end with a space"));
    }
    if text.chars().count() > max_chars {
        return Err(Problem::field(
            field,
            format!("must have at most {max_chars} characters"),
        ));
    }
    if text.chars().any(hidden) {
        return Err(Problem::field(field, "must not hold control or invisible characters"));
    }
    Ok(())
}

/// A mailbox that can stand in a header: one `@`, plain ASCII, a domain with or without dots.
///
/// # Errors
/// `invalid`.
pub fn check_email(email: &str) -> Result<(), Problem> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
    let host = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    let sound = email.len() <= 254
        && email.split_once('@').is_some_and(|(local, domain)| {
            let dots =
                |text: &str| !text.is_empty() && !text.starts_with('.') && !text.ends_with('.') && !text.contains("..");
            dots(local) && dots(domain) && local.len() <= 64 && local.bytes().all(plain) && domain.bytes().all(host)
        });
    if sound {
        Ok(())
    } else {
        Err(Problem::field("email", "is not a mail address"))
    }
}

/// A telephone number as it is dialled in China or abroad.
///
/// # Errors
/// `invalid`.
pub fn check_phone(phone: &str) -> Result<(), Problem> {
    let digits = phone.bytes().filter(u8::is_ascii_digit).count();
    let sound = (7..=20).contains(&digits)
        && phone.len() <= 24
        && phone.bytes().all(|b| b.is_ascii_digit() || b"+- ".contains(&b));
    if sound {
        Ok(())
    } else {
        Err(Problem::field("phone", "is not a telephone number"))
    }
}

/// Whether the party's number is one: 公民身份号码 for a person, 统一社会信用代码 for an organisation.
///
/// # Errors
/// `invalid`, with the fault.
pub fn check_party(kind: Kind, code: &str) -> Result<(), Problem> {
    kind.check(code)
        .map_err(|fault| Problem::field("code", fault.to_string()))
}

/// The standing that an account's posts make it have. Nobody both oversees and acts.
///
/// # Errors
/// `invalid` where the two are mixed.
pub fn standing_of(asked: Standing, posts: &[(String, String)]) -> Result<Standing, Problem> {
    let oversees = posts.iter().any(|(post, _)| post == OVERSIGHT_POST);
    let acts = posts.iter().any(|(post, _)| post != OVERSIGHT_POST);
    match (asked, oversees, acts) {
        (Standing::Ordinary, false, _) => Ok(Standing::Ordinary),
        (Standing::Admin, false, false) => Ok(Standing::Admin),
        (Standing::Ordinary | Standing::Oversight, _, false) => Ok(Standing::Oversight),
        _ => Err(Problem::field(
            "posts",
            "an account of this standing must not act in trades",
        )),
    }
}

/// Checks all of a new account but its password.
///
/// # Errors
/// `invalid`, naming the field.
pub fn check_new(name: &str, display_name: &str, email: &str, password: &str) -> Result<(), Problem> {
    check_name(name)?;
    check_line("display_name", display_name, 60)?;
    check_email(email)?;
    password::check_new(password, name)
}

/// Writes a new account with its posts; the organisations must be known.
///
/// # Errors
/// The store's. A taken name and an unknown organisation are answers.
pub fn create(conn: &mut Connection, new: NewAccount) -> Result<Result<String, Problem>, StoreError> {
    if account_rows::account_by_name(conn, &new.name)?.is_some() {
        return Ok(Err(Problem::new(Code::NameTaken)));
    }
    for (_, organisation) in &new.posts {
        if account_rows::organisation_by_code(conn, organisation)?.is_none() {
            return Ok(Err(Problem::field(
                "posts",
                format!("names an unknown organisation: {organisation}"),
            )));
        }
    }
    let id = match ids::id() {
        Ok(id) => id,
        Err(error) => return Ok(Err(error.into())),
    };
    account_rows::account_insert(conn, &row(&id, &new))?;
    let posts: std::collections::BTreeSet<_> = new.posts.into_iter().collect();
    for (post, organisation) in posts {
        account_rows::post_insert(conn, &id, &post, &organisation)?;
    }
    Ok(Ok(id))
}

fn row(id: &str, new: &NewAccount) -> AccountRow {
    AccountRow {
        display_name: new.display_name.clone(),
        email: new.email.clone(),
        password_hash: new.password_hash.clone(),
        ..AccountRow::unused(id.to_owned(), new.name.clone(), new.standing.as_str(), new.at)
    }
}

/// The party with this number, made where it is new.
///
/// # Errors
/// The store's.
pub fn party(conn: &mut Connection, new: &PartyRow) -> Result<PartyRow, StoreError> {
    if let Some(found) = account_rows::party_by_code(conn, &new.kind, &new.code)? {
        return Ok(found);
    }
    account_rows::party_insert(conn, new)?;
    Ok(new.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_break_a_header_is_no_address() {
        for bad in [
            "a",
            "a@",
            "@b",
            "a@b@c",
            "a b@c",
            "a@b\r\nBcc: x@y",
            "a@b..c",
            ".a@b",
            "\"a b\"@c",
            "王@b.cn",
            "a@b,c@d",
        ] {
            assert!(check_email(bad).is_err(), "{bad}");
        }
        for good in ["a@b", "wang.wu+1@mail.example.cn"] {
            assert!(check_email(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn names_and_lines() {
        for bad in ["ab", "Wang", "a b", "-ab", "ab.", "王五", "a\nb", &"a".repeat(41)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        assert!(check_name("wang.wu-1").is_ok());
        for bad in ["", " x", "x\n", "a\u{202e}b", "\u{feff}x", &"长".repeat(61)] {
            assert!(check_line("display_name", bad, 60).is_err(), "{bad:?}");
        }
        assert!(check_line("display_name", "𬭎·买买提", 60).is_ok());
        assert!(check_phone("+86 743-8222 222").is_ok() && check_phone("12345x").is_err());
    }

    #[test]
    fn oversight_and_admin_never_act() {
        let post = |name: &str| vec![(name.to_owned(), "centre".to_owned())];
        assert_eq!(
            standing_of(Standing::Ordinary, &post("reviewer")).unwrap(),
            Standing::Ordinary
        );
        assert_eq!(
            standing_of(Standing::Ordinary, &post("oversight")).unwrap(),
            Standing::Oversight
        );
        assert_eq!(standing_of(Standing::Oversight, &[]).unwrap(), Standing::Oversight);
        assert!(standing_of(Standing::Admin, &post("reviewer")).is_err());
        assert!(standing_of(Standing::Oversight, &post("chief")).is_err());
        assert!(standing_of(Standing::Ordinary, &[post("chief"), post("oversight")].concat()).is_err());
    }
}
