//! Opening and migrating: durability that is really on, and a schema that is the same on both databases.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;
use luochui::store::connection::{Target, Use};
use luochui::store::migrations::{migrate, pending, revert_all};
use luochui::store::{Connection, StoreError, dialect};

use crate::support::engine::Place;
use crate::support::postgres;

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Text)]
    kind: String,
}

fn columns(conn: &mut Connection) -> BTreeMap<String, String> {
    let rows: Vec<Column> = match conn {
        Connection::Sqlite(conn) => diesel::sql_query(
            "SELECT m.name AS table_name, c.name AS column_name, lower(c.type) || CASE WHEN c.\"notnull\" THEN ' not null' ELSE '' END AS kind
             FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\'
               AND m.name NOT LIKE 'sqlite%'",
        )
        .load(conn)
        .unwrap(),
        Connection::Postgres(conn) => diesel::sql_query(
            "SELECT table_name::TEXT, column_name::TEXT, data_type || CASE WHEN is_nullable = 'NO' THEN ' not null' ELSE '' END AS kind
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%'",
        )
        .load(conn)
        .unwrap(),
    };
    let named = |row: Column| (format!("{}.{}", row.table_name, row.column_name), row.kind);
    rows.into_iter().map(named).collect()
}

#[test]
fn both_databases_have_the_same_tables_and_columns() {
    let Some(place) = Place::postgres() else { return };
    let mut sqlite = Target::parse("sqlite::memory:").unwrap().open(Use::Copy).unwrap();
    migrate(&mut sqlite).unwrap();
    let mut postgres = Target::parse(&place.url()).unwrap().open(Use::Write).unwrap();
    let (one, other) = (columns(&mut sqlite), columns(&mut postgres));
    assert!(one.len() > 100);
    assert_eq!(one, other);
}

#[test]
fn every_migration_can_be_undone_and_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite:{}", folder.path().join("empty.db").display());
    let database = postgres::Database::empty();
    let urls = [Some(sqlite), database.as_ref().map(|database| database.url.clone())];
    for url in urls.into_iter().flatten() {
        let mut conn = Target::parse(&url).unwrap().open(Use::Write).unwrap();
        let wanted = pending(&mut conn).unwrap().len();
        assert_eq!(migrate(&mut conn).unwrap().len(), wanted);
        let first = columns(&mut conn);
        assert_eq!(revert_all(&mut conn).unwrap(), wanted);
        assert!(columns(&mut conn).is_empty());
        migrate(&mut conn).unwrap();
        assert_eq!(columns(&mut conn), first);
        assert!(pending(&mut conn).unwrap().is_empty());
    }
}

#[test]
fn a_reader_cannot_write() {
    for place in [Some(Place::sqlite()), Place::postgres()].into_iter().flatten() {
        let target = Target::parse(&place.url()).unwrap();
        migrate(&mut target.open(Use::Write).unwrap()).unwrap();
        let mut conn = target.open(Use::Read).unwrap();
        assert!(conn.batch_execute("DELETE FROM trades").is_err());
    }
}

#[test]
fn sqlite_that_does_not_keep_what_it_promises_is_refused() {
    // A database in memory has no log to flush.
    let refused = Target::parse("sqlite::memory:").unwrap().open(Use::Write);
    assert!(matches!(refused, Err(StoreError::Open(text)) if text.contains("full durability")));
}

#[test]
fn urls_are_read_by_their_scheme() {
    assert_eq!(Target::parse("sqlite:a.db").unwrap(), Target::Sqlite("a.db".into()));
    assert_eq!(Target::parse("data/a.db").unwrap(), Target::Sqlite("data/a.db".into()));
    assert!(matches!(Target::parse("postgres://h/d").unwrap(), Target::Postgres(_)));
    for wrong in ["", "sqlite:", "mysql://h/d"] {
        assert!(Target::parse(wrong).is_err(), "{wrong}");
    }
    let nowhere = Target::parse("postgres://127.0.0.1:1/none").unwrap().open(Use::Read);
    assert!(matches!(nowhere, Err(StoreError::Open(_))));
}

#[test]
fn the_databases_clock_is_told_where_processes_share_one() {
    for place in [Some(Place::sqlite()), Place::postgres()].into_iter().flatten() {
        let mut conn = Target::parse(&place.url()).unwrap().open(Use::Write).unwrap();
        let time = dialect::database_time(&mut conn).unwrap();
        assert_eq!(time.is_some(), matches!(place, Place::Postgres(_)));
    }
}
