//! Accounts, sessions, uploads, drafts and lists, the same on both databases.

use luochui::store::account_rows::{self, AccountRow, PartyRow, Profile};
use luochui::store::connection::{Target, Use};
use luochui::store::list_rows::{self, FieldFilter, Filter};
use luochui::store::migrations::migrate;
use luochui::store::name_rows::accounts_of_audience;
use luochui::store::session_rows::{self, RefreshRow, SessionRow};
use luochui::store::token_rows::{self, TokenRow};
use luochui::store::upload_rows::{self, DraftRow, Edit};
use luochui::store::{Connection, StoreError};

use crate::support::postgres::Database;

fn on_both(test: impl Fn(&mut Connection)) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db").to_string_lossy().into_owned();
    let mut conn = Target::parse(&file).unwrap().open(Use::Write).unwrap();
    migrate(&mut conn).unwrap();
    test(&mut conn);
    if let Some(database) = Database::migrated() {
        test(&mut Target::parse(&database.url).unwrap().open(Use::Write).unwrap());
    }
}

fn account(id: &str) -> AccountRow {
    AccountRow {
        display_name: "王五".into(),
        email: "w@example.test".into(),
        password_hash: "x".into(),
        ..AccountRow::unused(id.into(), format!("name-{id}"), "ordinary", 1)
    }
}

#[test]
fn an_account_is_written_completed_and_disabled() {
    on_both(|conn| {
        account_rows::account_insert(conn, &account("a")).unwrap();
        account_rows::account_insert(conn, &account("b")).unwrap();
        account_rows::post_insert(conn, "a", "clerk", "centre").unwrap();
        assert_eq!(account_rows::account_by_id(conn, "a").unwrap(), Some(account("a")));
        let party = PartyRow {
            id: "p".into(),
            kind: "person".into(),
            code: "1".into(),
            name: "王五".into(),
            created_at: 1,
        };
        account_rows::party_insert(conn, &party).unwrap();
        let profile = Profile {
            display_name: "王五".into(),
            email: "v@example.test".into(),
            phone: "1380000".into(),
            address: None,
            party: "p".into(),
        };
        assert!(!account_rows::account_complete(conn, "a", 7, &profile).unwrap());
        assert!(account_rows::account_complete(conn, "a", 1, &profile).unwrap());
        let taken = account_rows::account_complete(conn, "b", 1, &profile);
        assert!(matches!(taken, Err(StoreError::Duplicate(_))), "{taken:?}");
        assert_eq!(account_rows::account_of_party(conn, "p").unwrap().unwrap().id, "a");
        account_rows::account_fail(conn, "a", Some(9)).unwrap();
        let row = account_rows::account_by_name(conn, "name-a").unwrap().unwrap();
        assert_eq!((row.failures, row.locked_until, row.version), (1, Some(9), 2));
        let clerks = ["post:clerk@centre".to_owned()];
        assert_eq!(accounts_of_audience(conn, &clerks).unwrap().len(), 1);
        assert!(account_rows::account_disable(conn, "a", 5).unwrap());
        assert!(accounts_of_audience(conn, &clerks).unwrap().is_empty());
        let page = account_rows::account_page(conn, Some("a"), 10).unwrap();
        assert_eq!(page.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["b"]);
    });
}

#[test]
fn tokens_are_used_once() {
    on_both(|conn| {
        let session = SessionRow {
            id: "s".into(),
            account: "a".into(),
            version: 1,
            created_at: 1,
            expires_at: 100,
            revoked_at: None,
        };
        session_rows::session_insert(conn, &session).unwrap();
        let token = RefreshRow {
            sha256: "d".into(),
            session: "s".into(),
            created_at: 1,
            used_at: None,
        };
        session_rows::refresh_insert(conn, &token).unwrap();
        assert!(session_rows::refresh_use(conn, "d", 2).unwrap());
        assert!(!session_rows::refresh_use(conn, "d", 3).unwrap());
        session_rows::session_revoke(conn, "s", 4).unwrap();
        session_rows::session_revoke(conn, "s", 5).unwrap();
        assert_eq!(
            session_rows::session_by_id(conn, "s").unwrap().unwrap().revoked_at,
            Some(4)
        );
        assert_eq!(session_rows::session_purge(conn, 101).unwrap(), 1);
        assert_eq!(session_rows::refresh_by_digest(conn, "d").unwrap(), None);

        let link = TokenRow {
            token_sha256: "t".into(),
            account: "a".into(),
            instance: "i".into(),
            todo: "o".into(),
            act: "claim".into(),
            created_at: 1,
            expires_at: 10,
            used_at: None,
        };
        token_rows::token_create(conn, &link).unwrap();
        assert_eq!(token_rows::token_take(conn, "t", 10).unwrap(), None, "it is over");
        assert_eq!(token_rows::token_take(conn, "t", 9).unwrap().unwrap().used_at, Some(9));
        assert_eq!(token_rows::token_take(conn, "t", 9).unwrap(), None, "it is used");
    });
}

#[test]
fn drafts_meet_the_version_they_were_made_on() {
    on_both(|conn| {
        let draft = |version: i64| DraftRow {
            account: "a".into(),
            todo: "t".into(),
            version,
            body: "{}".into(),
            changed_at: 1,
        };
        assert_eq!(upload_rows::draft_save(conn, &draft(2), 1).unwrap(), Edit::Stale);
        assert_eq!(upload_rows::draft_save(conn, &draft(1), 0).unwrap(), Edit::Done);
        assert_eq!(upload_rows::draft_save(conn, &draft(1), 0).unwrap(), Edit::Stale);
        assert_eq!(upload_rows::draft_save(conn, &draft(2), 1).unwrap(), Edit::Done);
        upload_rows::draft_delete(conn, "t").unwrap();
        assert_eq!(upload_rows::draft_by_todo(conn, "a", "t").unwrap(), None);
    });
}

#[test]
fn every_filter_of_a_list_is_sound_sql() {
    on_both(|conn| {
        let filter = Filter {
            roots_of: Some(vec!["fair".into()]),
            machine: Some("fair".into()),
            owner: Some("p".into()),
            fields: vec![
                FieldFilter {
                    field: "name".into(),
                    value: "x".into(),
                },
                FieldFilter {
                    field: "amount".into(),
                    value: "5".into(),
                },
            ],
            text: Some("100%_!".into()),
        };
        let after = list_rows::After { key: 5, id: "x".into() };
        assert!(
            list_rows::instance_page(conn, &filter, Some(&after), 10)
                .unwrap()
                .is_empty()
        );
        assert_eq!(list_rows::instance_by_field(conn, "fair", "name", "x").unwrap(), None);
        for key in [5, i64::MAX] {
            let after = list_rows::After { key, id: "x".into() };
            assert!(
                list_rows::todo_page(conn, &["public".into()], Some(&after), 10)
                    .unwrap()
                    .is_empty()
            );
            assert!(list_rows::incident_page(conn, Some(&after), 10).unwrap().is_empty());
        }
    });
}
