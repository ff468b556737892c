//! Opens connections: SQLite or PostgreSQL by the URL's scheme, with what durability needs switched on and checked.
//! Must not run queries of the application.

use std::path::{Path, PathBuf};

use diesel::Connection as _;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::r2d2;

use super::StoreError;
pub use super::either::EitherConnection as Connection;

/// Where the data is: a file for SQLite (`sqlite:data/luochui.db`, or a bare path), a URL for PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Sqlite(PathBuf),
    Postgres(String),
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Write,
    /// Cannot change anything.
    Read,
    /// Reads one state of the whole database and writes it elsewhere.
    Copy,
}

/// The first release without the WAL-reset bug that could corrupt a database under concurrent checkpoints.
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);

/// The log is written back after 16 MiB: the pages that every commit touches are then written back once for many commits.
const CHECKPOINT_PAGES: u32 = 4_000;

impl Target {
    /// Reads a database URL.
    ///
    /// # Errors
    /// A scheme that is neither SQLite's nor PostgreSQL's.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
        match path.unwrap_or(url) {
            "" => Err(StoreError::Open("the URL names no file".into())),
            other if path.is_none() && other.contains("://") => Err(StoreError::Open(
                "the URL must begin with sqlite: or postgres://".into(),
            )),
            path => Ok(Self::Sqlite(PathBuf::from(path))),
        }
    }

    /// True where other processes may write too. An SQLite file has one writer: whoever serves it holds its lock.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.file().is_none()
    }

    /// The database file, where there is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    /// Opens one connection.
    ///
    /// # Errors
    /// A database that cannot be reached, or that does not keep the durability asked for.
    pub fn open(&self, purpose: Use) -> Result<Connection, StoreError> {
        match self {
            Self::Sqlite(path) => sqlite_open(path, purpose).map(Connection::Sqlite),
            Self::Postgres(url) => postgres_open(url, purpose).map(Connection::Postgres),
        }
    }
}

impl Connection {
    /// True where other processes may write too, as `Target::is_shared`.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

fn postgres_open(url: &str, purpose: Use) -> Result<PgConnection, StoreError> {
    let mut conn = PgConnection::establish(url).map_err(|error| StoreError::Open(error.to_string()))?;
    // A sleeping session must not hold locks, and no statement of ours takes a minute.
    conn.batch_execute("SET idle_in_transaction_session_timeout = '60s'; SET lock_timeout = '30s'; SET jit = off")?;
    if purpose != Use::Write {
        conn.batch_execute("SET default_transaction_read_only = on")?;
    }
    Ok(conn)
}

fn sqlite_open(path: &Path, purpose: Use) -> Result<SqliteConnection, StoreError> {
    sqlite_check_version()?;
    let text = path.to_str();
    let text = text.ok_or_else(|| StoreError::Open("the path of the database is not UTF-8".into()))?;
    let mut conn = SqliteConnection::establish(text).map_err(|error| StoreError::Open(error.to_string()))?;
    // The timeout first: switching to WAL takes a lock that another process may hold for a moment.
    conn.batch_execute("PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY")?;
    match purpose {
        Use::Write => {
            conn.batch_execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768")?;
            conn.batch_execute(&format!("PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}"))?;
            sqlite_check_durability(&mut conn)?;
        }
        Use::Read => conn.batch_execute("PRAGMA query_only = ON")?,
        // `VACUUM INTO` counts as writing, although it leaves this database alone.
        Use::Copy => {}
    }
    Ok(conn)
}

#[derive(QueryableByName)]
struct Pragma {
    #[diesel(sql_type = diesel::sql_types::Text)]
    journal_mode: String,
    #[diesel(sql_type = diesel::sql_types::Integer)]
    synchronous: i32,
    #[diesel(sql_type = diesel::sql_types::Integer)]
    foreign_keys: i32,
}

/// A pragma that does not take is silent, so each is read back.
fn sqlite_check_durability(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    let pragma: Pragma = diesel::sql_query(
        "SELECT journal_mode, synchronous, foreign_keys FROM pragma_journal_mode, pragma_synchronous, pragma_foreign_keys",
    )
    .get_result(conn)?;
    match (pragma.journal_mode.as_str(), pragma.synchronous, pragma.foreign_keys) {
        ("wal", 2, 1) => Ok(()),
        (mode, level, keys) => Err(StoreError::Open(format!(
            "SQLite did not switch on WAL with full durability (journal_mode {mode}, synchronous {level}, foreign_keys {keys})"
        ))),
    }
}

fn sqlite_check_version() -> Result<(), StoreError> {
    #[expect(unsafe_code, reason = "a constant function of the bundled library without arguments")]
    let number = unsafe { libsqlite3_sys::sqlite3_libversion_number() };
    let number = u32::try_from(number).unwrap_or(0);
    let version = (number / 1_000_000, number / 1_000 % 1_000, number % 1_000);
    if version < OLDEST_SQLITE {
        let (major, minor, patch) = OLDEST_SQLITE;
        return Err(StoreError::Open(format!(
            "SQLite {major}.{minor}.{patch} or newer is needed, this is {version:?}"
        )));
    }
    Ok(())
}

/// A pool of connections that only read.
pub type ReadPool = r2d2::Pool<Readers>;

/// Makes read connections for the pool.
#[derive(Debug)]
pub struct Readers(pub Target);

impl r2d2::ManageConnection for Readers {
    type Connection = Connection;
    type Error = StoreError;

    fn connect(&self) -> Result<Connection, StoreError> {
        self.0.open(Use::Read)
    }

    fn is_valid(&self, conn: &mut Connection) -> Result<(), StoreError> {
        conn.batch_execute("SELECT 1").map_err(StoreError::from)
    }

    fn has_broken(&self, conn: &mut Connection) -> bool {
        std::thread::panicking() || diesel::r2d2::R2D2Connection::is_broken(conn)
    }
}
