//! What the handlers work with. Must not hold what differs between requests.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::known::KnownCallers;
use super::limits::{Limits, Rates};
use super::live::Live;
use super::password::Passwords;
use super::problem::Problem;
use super::sealing::Sealers;
use super::token::Tokens;
use super::token_secret::token_secret;
use super::verifiers::Verifiers;
use crate::config::Config;
use crate::engine::Engine;
use crate::machine::Time;
use crate::performers::files::Files;
use crate::trust::Trust;

/// One server's engine, keys, limits and folders. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    inner: Arc<Inner>,
}

pub struct Inner {
    pub engine: Engine,
    pub config: Config,
    pub tokens: Tokens,
    pub passwords: Passwords,
    pub limits: Limits,
    pub known: KnownCallers,
    pub trust: Trust,
    /// For sign-ins, key tests and seals that are brought in.
    pub verifiers: Verifiers,
    /// For signed events alone, so that a storm of sign-ins slows no offer.
    pub event_verifiers: Verifiers,
    pub sealers: Sealers,
    pub files: Files,
    pub live: Live,
}

impl std::ops::Deref for AppState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl AppState {
    /// Reads the signing key, opens the file store, and begins to follow what is published. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// No key, no folder, no randomness.
    pub fn new(engine: Engine, config: Config) -> Result<Self, Problem> {
        let secret = token_secret(&config).map_err(|error| Problem::internal("read the signing key", &error))?;
        let files =
            Files::open(config.files_folder()).map_err(|error| Problem::internal("open the file store", &error))?;
        let rate = |rate: u32| NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN);
        let rates = Rates {
            login_per_minute: rate(config.login.attempts_per_minute),
            verification_per_minute: rate(config.limits.verifications_per_minute),
            account_per_second: rate(config.limits.commands_per_second),
            event_per_second: rate(config.limits.events_per_second),
            event_burst: rate(config.limits.events_burst),
            receipts_per_second: rate(config.record.signed_receipts_per_second),
        };
        let start =
            |threads| Verifiers::start(threads).map_err(|error| Problem::internal("start the verifiers", &error));
        let sealers = Sealers::new(&config, engine.clock());
        let inner = Inner {
            sealers,
            live: Live::start(&engine, &config.limits),
            engine,
            tokens: Tokens::new(&secret, i64::from(config.login.access_minutes) * 60),
            passwords: Passwords::new()?,
            limits: Limits::new(rates),
            known: KnownCallers::default(),
            trust: Trust::new(&config),
            verifiers: start(config.certificates.verifiers)?,
            event_verifiers: start(config.certificates.event_verifiers)?,
            files,
            config,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    #[must_use]
    pub fn now(&self) -> Time {
        self.engine.now()
    }

    /// Ends every live stream with a word why, and refuses new ones: the server is about to stop.
    pub fn end_streams(&self) {
        self.live.close();
    }

    /// Runs blocking work (files) off the server's threads.
    ///
    /// # Errors
    /// The work's own.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        actix_web::rt::task::spawn_blocking(work)
            .await
            .map_err(|error| Problem::internal("run blocking work", &error))?
    }
}
