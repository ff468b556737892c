//! Background loops: the outbox, calendar-driven sweeps, checkpoints and who is told of them. Each is idempotent: period and nudge.

pub mod checkpoints;
pub mod cron;
pub mod outbox;
mod reminders;
mod signing;
pub mod sweeps;
pub mod telling;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::engine::Engine;
use crate::ids;
use crate::performers::{PerformError, Performers};

/// The loops of a process. Stop them with `stop`: dropping it leaves them running.
pub struct Workers {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts all loops. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// A configuration that no performer can work with.
    pub fn start(engine: &Engine, config: &Config) -> Result<Self, PerformError> {
        let (stop, stopping) = watch::channel(false);
        let performers = Performers::new(engine, config)?;
        let outbox = outbox::Outbox::new(performers, settings(config)?);
        let sweeping = cron::run(engine.clone(), stopping.clone());
        let sweeping = async move {
            if let Err(error) = sweeping.await {
                tracing::error!(%error, "reminders, digests and retention have stopped");
            }
        };
        let signing = checkpoints::run(engine.clone(), config.record.mail_minutes, stopping.clone());
        let tasks = vec![
            tokio::spawn(outbox.run(stopping)),
            tokio::spawn(sweeping),
            tokio::spawn(signing),
        ];
        Ok(Self { stop, tasks })
    }

    /// Stops all loops and waits for what they have begun.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            if task.await.is_err() {
                tracing::error!("a background loop ended by a panic");
            }
        }
    }
}

fn settings(config: &Config) -> Result<outbox::Settings, PerformError> {
    let drawn = ids::random::<8>().map_err(PerformError::passing)?;
    Ok(outbox::Settings {
        parallel: config.workers.outbox,
        lease_millis: i64::from(config.workers.lease_seconds) * 1_000,
        attempts: i64::from(config.workers.attempts),
        process: format!("{}-{}", std::process::id(), hex::encode(drawn)),
    })
}
