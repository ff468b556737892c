//! Keeps the trust store current: the configuration's folder and what admins added, taken in again when either changes,
//! and revocation lists fetched from where the profiles say. Must not judge a certificate: `seal::trust` does.

mod fetch;
mod folder;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine as _;

use crate::config::Config;
use crate::engine::{Engine, EngineError};
use crate::seal::certificate::Certificate;
use crate::seal::trust::{CaProfile, RevocationList, TrustStore};
use crate::store::trust_rows::{self, TrustRow};

pub use fetch::{FetchError, allowed};
pub use folder::{Found, read, take};

/// How often the folder and the tables are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// How much of the fetched lists that newer ones have replaced is kept at hand, in bytes, the newest first: only they speak of
/// certificates that have expired since.
const SUPERSEDED_BYTES: usize = 64 * 1024 * 1024;

/// What the store was made from: when it differs, the store is made again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    folder: Vec<(PathBuf, u64, Option<std::time::SystemTime>)>,
    /// Rows of the table, and those taken out.
    rows: (i64, i64),
}

/// The trust store of a running server. Cheap to clone; all clones see the same store.
#[derive(Clone)]
pub struct Trust {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    hosts: Vec<String>,
    current: RwLock<Arc<TrustStore>>,
    seen: Mutex<Seen>,
}

impl Trust {
    /// Reads the folder; what admins added follows with the first `refresh`.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let folder = config.certificates.trust.clone();
        let found = folder::read(&folder);
        let store = TrustStore::new(found.authorities, found.lists, found.profiles);
        Self {
            inner: Arc::new(Inner {
                folder,
                hosts: config.certificates.crl_hosts.clone(),
                current: RwLock::new(Arc::new(store)),
                seen: Mutex::default(),
            }),
        }
    }

    /// The store as it is now.
    #[must_use]
    pub fn current(&self) -> Arc<TrustStore> {
        let current = self.inner.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    /// Makes the store again where the folder or the tables have changed. True where it did.
    ///
    /// # Errors
    /// A failing database.
    pub async fn refresh(&self, engine: &Engine) -> Result<bool, EngineError> {
        let rows = engine.read(trust_rows::trust_version).await?;
        let seen = Seen {
            folder: folder::fingerprint(&self.inner.folder),
            rows,
        };
        if *self.seen() == seen {
            return Ok(false);
        }
        let read = |conn: &mut _| {
            let mut entries = trust_rows::trust_current(conn)?;
            entries.extend(trust_rows::trust_superseded(conn, fetch::BY, SUPERSEDED_BYTES)?);
            Ok(entries)
        };
        let entries = engine.read(read).await?;
        let path = self.inner.folder.clone();
        // Many signatures are verified here, off the threads that answer requests.
        let made = tokio::task::spawn_blocking(move || {
            let mut found = folder::read(&path);
            for entry in &entries {
                add(&mut found, entry);
            }
            TrustStore::new(found.authorities, found.lists, found.profiles)
        });
        let Ok(store) = made.await else {
            tracing::error!("the trust store could not be made again; the old one stays");
            return Ok(false);
        };
        tracing::info!(authorities = store.authorities().len(), "trust store taken in");
        *self.inner.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(store);
        *self.seen() = seen;
        Ok(true)
    }

    /// Looks at folder and tables every few seconds, and fetches revocation lists, until its task is ended.
    pub async fn keep(self, engine: Engine, fetch_minutes: u32) {
        let mut since = None::<tokio::time::Instant>;
        loop {
            if let Err(error) = self.refresh(&engine).await {
                tracing::error!(%error, "failed to look at the trust store");
            }
            let due = since.is_none_or(|since| since.elapsed() >= Duration::from_secs(60 * u64::from(fetch_minutes)));
            if fetch_minutes > 0 && due {
                since = Some(tokio::time::Instant::now());
                self.fetch(&engine).await;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Fetches every revocation list that the profiles name, from allowed hosts; failures are logged.
    pub async fn fetch(&self, engine: &Engine) {
        fetch::all(self, engine).await;
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an entry of the table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    Authority,
    List,
    Profile,
}

impl EntryKind {
    /// As the table says it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::List => "list",
            Self::Profile => "profile",
        }
    }
}

/// Adds an entry of the table; one that cannot be read was checked when it was added, so it is told and passed over.
fn add(found: &mut Found, entry: &TrustRow) {
    let read = match entry.kind.as_str() {
        "authority" => Certificate::from_pem(&entry.content)
            .map(|authority| found.authorities.push(authority))
            .is_ok(),
        "list" => base64::engine::general_purpose::STANDARD
            .decode(&entry.content)
            .ok()
            .and_then(|der| RevocationList::from_der(&der).ok())
            .map(|list| found.lists.push(list))
            .is_some(),
        "profile" => serde_json::from_str::<CaProfile>(&entry.content)
            .map(|profile| found.profiles.push(profile))
            .is_ok(),
        _ => false,
    };
    if !read {
        tracing::error!(entry = entry.id, "an entry of the trust store cannot be read");
    }
}
