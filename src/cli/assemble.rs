//! Puts the rooms together into a running server, for `serve`, the demo and the tests. Must not hold behaviour of its own.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use super::{Failure, folder, platform_key};
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::engine::{self, Engine, EngineConfig, PublishError};
use crate::http::people::{self, NewAccount};
use crate::http::{self, AppState, Standing, password};
use crate::telemetry;
use crate::workers::Workers;

type Stopping = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A server that serves. Stop it with `stop`: dropping it leaves requests under way unanswered.
pub struct Running {
    pub engine: Engine,
    /// Where it listens; the port is the one it got where none was asked for.
    pub address: SocketAddr,
    pub workflows: PathBuf,
    pub mail_folder: PathBuf,
    engine_threads: engine::Handle,
    workers: Workers,
    keeping: tokio::task::JoinHandle<()>,
    stop_http: Box<dyn FnOnce() -> Stopping + Send>,
}

/// Starts everything a server is made of, in the order in which one part needs another. Must be called within a tokio runtime.
pub async fn assemble(mut config: Config, clock: Clock) -> Result<Running, Failure> {
    refuse_test_keys(&config)?;
    telemetry::metrics().map_err(|error| Failure(format!("failed to install metrics: {error}")))?;
    std::fs::create_dir_all(&config.paths.data)
        .map_err(|error| Failure(format!("{}: {error}", config.paths.data.display())))?;
    let listener = TcpListener::bind(&config.http.listen)
        .map_err(|error| Failure(format!("failed to listen at {}: {error}", config.http.listen)))?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure(format!("failed to listen: {error}")))?;
    config.http.listen = address.to_string();
    let (engine, engine_threads) = start_engine(&config, clock)?;
    publish(&engine, &config).await?;
    let workers = Workers::start(&engine, &config)
        .map_err(|error| Failure(format!("failed to start the background loops: {error}")))?;
    let state = AppState::new(engine.clone(), config.clone())
        .map_err(|problem| Failure(format!("failed to start HTTP: {problem}")))?;
    let streams = state.clone();
    let trust = state.trust.clone();
    let trusting = trust.keep(engine.clone(), config.certificates.crl_fetch_minutes);
    let sealing = http::sealing::keep(state.clone());
    let keeping = tokio::spawn(async move {
        tokio::join!(trusting, sealing);
    });
    let server = http::start(state, listener).map_err(|error| Failure(format!("failed to start HTTP: {error}")))?;
    let control = server.handle();
    let serving = tokio::spawn(server);
    let stop_http = Box::new(move || -> Stopping {
        Box::pin(async move {
            streams.end_streams();
            control.stop(true).await;
            if let Ok(Err(error)) = serving.await {
                tracing::error!(%error, "the HTTP server ended badly");
            }
        })
    });
    Ok(Running {
        engine,
        address,
        workflows: config.paths.workflows.clone(),
        mail_folder: config.mail_folder(),
        engine_threads,
        workers,
        keeping,
        stop_http,
    })
}

/// Keys that a server signs with for others exist in development only.
fn refuse_test_keys(config: &Config) -> Result<(), Failure> {
    if config.environment == Environment::Production && !config.sealing.soft_token.as_os_str().is_empty() {
        let why = "sealing.soft_token: test keys are for `environment: development` only";
        return Err(Failure(why.into()));
    }
    Ok(())
}

fn start_engine(config: &Config, clock: Clock) -> Result<(Engine, engine::Handle), Failure> {
    let settings = EngineConfig {
        queue: config.limits.queue,
        batch: config.limits.batch.max(1),
        commit_pause: Duration::from_millis(u64::from(config.limits.commit_pause_ms)),
        readers: config.database.readers,
        signer: Some(platform_key::signer(config)?),
        ..EngineConfig::new(config.database_url())
    };
    Engine::start(&settings, clock).map_err(|error| Failure(format!("failed to start the engine: {error}")))
}

/// Takes in the calendars and bundles of the workflows folder that are not published yet. A version that was published with other
/// content ends the start: trades under way are pinned to what it was.
async fn publish(engine: &Engine, config: &Config) -> Result<(), Failure> {
    const BY: &str = "system";
    for (name, text) in folder::calendar_files(&config.paths.workflows)? {
        let imported = engine.import_calendar(&text, BY).await;
        imported.map_err(|error| Failure(format!("calendars/{name}: {error}")))?;
    }
    for path in folder::bundle_folders(&config.paths.workflows)? {
        let files = folder::read_bundle(&path, &config.paths.templates)?;
        let texts = files.clone();
        let published = engine.library().publish(files, BY).await;
        published.map_err(|error| Failure(format!("{}: {}", path.display(), explain(&error, &texts))))?;
    }
    Ok(())
}

/// A refusal to publish, with each fault of the definitions on its line.
fn explain(error: &PublishError, files: &BTreeMap<String, String>) -> String {
    match error {
        PublishError::Invalid(faults) => {
            let rendered = faults
                .iter()
                .map(|fault| fault.render(files.get(&fault.file).map(String::as_str)));
            format!("{error}\n\n{}", rendered.collect::<Vec<_>>().join("\n"))
        }
        other => other.to_string(),
    }
}

impl Running {
    /// Makes the first administrator, whom nobody could make through the API. Does nothing where the name is taken.
    pub async fn add_admin(&self, name: &str, password: &str) -> Result<(), Failure> {
        let failed = |problem: http::problem::Problem| Failure(format!("failed to add the account {name}: {problem}"));
        people::check_new(name, name, "admin@example.org", password).map_err(failed)?;
        let new = NewAccount {
            name: name.into(),
            display_name: name.into(),
            email: format!("{name}@example.org"),
            password_hash: password::hash_now(password).map_err(failed)?,
            standing: Standing::Admin,
            posts: Vec::new(),
            at: self.engine.now().0,
        };
        let made = self
            .engine
            .write("add administrator", move |conn| people::create(conn, new))
            .await;
        made.map_err(|error| Failure(error.to_string()))?
            .map(|_| ())
            .map_err(failed)
    }

    /// Stops taking requests, finishes those under way and what is queued, and closes the database.
    pub async fn stop(self) {
        (self.stop_http)().await;
        self.workers.stop().await;
        // It holds the engine, and nothing that it does must be finished.
        self.keeping.abort();
        let _aborted = self.keeping.await;
        drop(self.engine);
        let threads = self.engine_threads;
        if tokio::task::spawn_blocking(move || threads.join()).await.is_err() {
            tracing::error!("the engine's threads could not be waited for");
        }
    }
}
