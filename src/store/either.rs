//! The connection to either database. A file of its own, because the derive brings names that others would collide with.

use diesel::prelude::*;

/// A connection to either database. The same query code runs on both; `dialect` holds what cannot.
#[derive(diesel::MultiConnection)]
pub enum EitherConnection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}
