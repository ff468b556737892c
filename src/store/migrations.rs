//! Brings a database to this version's schema. The SQL stands in `migrations/`.

use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Connection, StoreError};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

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
        Connection::Postgres(conn) => conn.run_pending_migrations(POSTGRES).map(names).map_err(failed),
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
            let pending = conn.pending_migrations(POSTGRES).map_err(failed)?;
            pending.iter().map(|migration| migration.name().to_string()).collect()
        }
    })
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
