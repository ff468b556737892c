//! Everything that a database holds, as text. Must not know what is in it.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types;
use luochui::store::Connection;
use luochui::store::connection::{Target, Use};

use crate::support::engine::Place;

/// The rows of every table, sorted.
pub type Dump = BTreeMap<String, Vec<String>>;

#[derive(QueryableByName)]
struct Text {
    #[diesel(sql_type = sql_types::Text)]
    text: String,
}

fn texts(conn: &mut Connection, sql: &str) -> Vec<String> {
    let rows: Vec<Text> = match conn {
        Connection::Sqlite(conn) => diesel::sql_query(sql).load(conn),
        Connection::Postgres(conn) => diesel::sql_query(sql).load(conn),
    }
    .unwrap();
    rows.into_iter().map(|row| row.text).collect()
}

pub fn dump(place: &Place) -> Dump {
    let mut conn = Target::parse(&place.url()).unwrap().open(Use::Read).unwrap();
    let (tables, columns, value) = match place {
        Place::Sqlite(_) => (
            "SELECT name AS text FROM sqlite_master WHERE type = 'table'",
            "SELECT name AS text FROM pragma_table_info('{table}') ORDER BY cid",
            "quote(\"{column}\")",
        ),
        Place::Postgres(_) => (
            "SELECT tablename::text AS text FROM pg_tables WHERE schemaname = 'public'",
            "SELECT column_name::text AS text FROM information_schema.columns WHERE table_schema = 'public' \
             AND table_name = '{table}' ORDER BY ordinal_position",
            "coalesce(\"{column}\"::text, 'NULL')",
        ),
    };
    let mut dump = Dump::new();
    for table in texts(&mut conn, tables) {
        let columns = texts(&mut conn, &columns.replace("{table}", &table));
        let values: Vec<String> = columns.iter().map(|column| value.replace("{column}", column)).collect();
        let row = values.join(" || '|' || ");
        let rows = texts(&mut conn, &format!("SELECT {row} AS text FROM \"{table}\" ORDER BY 1"));
        dump.insert(table, rows);
    }
    dump
}

/// The tables in which two dumps differ.
pub fn changed(one: &Dump, other: &Dump) -> Vec<String> {
    let tables = one.keys().filter(|table| one.get(*table) != other.get(*table));
    tables.cloned().collect()
}
