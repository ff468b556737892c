//! Brings a database to this version's schema. The SQL stands in `migrations/`.

use std::collections::BTreeSet;

use diesel::connection::SimpleConnection as _;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::sql_types::Text;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Connection, StoreError};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
/// The advisory lock under which PostgreSQL's schema is changed: any number that nothing else of ours takes.
const LOCK: i64 = 20_261_123;

/// Runs what is pending and returns the names of what was run.
///
/// # Errors
/// A migration that the database refuses; those before it stay.
pub fn migrate(conn: &mut Connection) -> Result<Vec<String>, StoreError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| StoreError::Query(error.to_string());
    let names = |versions: Vec<diesel::migration::MigrationVersion<'_>>| {
        versions.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    match conn {
        Connection::Sqlite(conn) => conn.run_pending_migrations(SQLITE).map(names).map_err(failed),
        Connection::Postgres(conn) => {
            // Processes that start together on an empty database would make the same tables.
            conn.batch_execute(&format!("SELECT pg_advisory_lock({LOCK})"))?;
            let done = conn.run_pending_migrations(POSTGRES).map(names).map_err(failed);
            conn.batch_execute(&format!("SELECT pg_advisory_unlock({LOCK})"))?;
            done
        }
    }
}

/// Names of migrations that this program has and the database has not.
///
/// # Errors
/// A database that cannot be read.
pub fn pending(conn: &mut Connection) -> Result<Vec<String>, StoreError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| StoreError::Query(error.to_string());
    Ok(match conn {
        Connection::Sqlite(conn) => {
            let pending = conn.pending_migrations(SQLITE).map_err(failed)?;
            pending.iter().map(|migration| migration.name().to_string()).collect()
        }
        Connection::Postgres(conn) => {
            let applied = applied(conn)?;
            let all = MigrationSource::<Pg>::migrations(&POSTGRES).map_err(failed)?;
            let pending = all.iter().map(|migration| migration.name());
            let pending = pending.filter(|name| !applied.contains(&name.version().to_string()));
            pending.map(ToString::to_string).collect()
        }
    })
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

/// What diesel would only tell after trying to make its table, which PostgreSQL refuses on a connection that cannot write.
fn applied(conn: &mut PgConnection) -> Result<BTreeSet<String>, StoreError> {
    let made = "SELECT tablename::TEXT AS version FROM pg_tables WHERE tablename = '__diesel_schema_migrations'";
    if diesel::sql_query(made).load::<Applied>(conn)?.is_empty() {
        return Ok(BTreeSet::new());
    }
    let rows = diesel::sql_query("SELECT version::TEXT AS version FROM __diesel_schema_migrations");
    let rows = rows.load::<Applied>(conn)?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

/// Undoes everything: for tests of `down.sql`.
///
/// # Errors
/// A `down.sql` that the database refuses.
pub fn revert_all(conn: &mut Connection) -> Result<usize, StoreError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| StoreError::Query(error.to_string());
    match conn {
        Connection::Sqlite(conn) => conn.revert_all_migrations(SQLITE).map(|all| all.len()).map_err(failed),
        Connection::Postgres(conn) => conn
            .revert_all_migrations(POSTGRES)
            .map(|all| all.len())
            .map_err(failed),
    }
}
